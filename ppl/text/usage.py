"""The kinds of diagnostic for what a command or a Python function cannot do."""

from ppl.text.diagnostic import Diagnostic, Kind

USAGE = Kind("usage", "A command or a function was asked for what it cannot do.")

OUT_OF_MEMORY = Kind(
    "out-of-memory",
    "The computer has less memory than the model with these data and options needs. Most of it is "
    "taken by the draws, times the size of the largest array that the model has for each of them.",
)


def out_of_memory(error: MemoryError) -> Diagnostic:
    """Return what is said when an array could not be made."""
    what = str(error).lower() or "an array could not be made"
    help = (
        "look at the sizes of the dimensions (`--set`), at `--draws`, and at the data; fit by "
        "minibatches (`--batch`)"
    )
    return OUT_OF_MEMORY(f"there is not enough memory: {what}", help=help)
