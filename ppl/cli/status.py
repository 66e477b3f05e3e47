"""Exit statuses. At fault: the model or the data. Poor: done, but the verdict is."""

DONE, AT_FAULT, WRONG_USAGE, POOR, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130
