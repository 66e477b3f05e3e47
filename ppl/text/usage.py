"""The kinds of diagnostic for what a command or a Python function cannot do."""

from ppl.text.diagnostic import Kind

USAGE = Kind("usage", "A command or a function was asked for what it cannot do.")

OUT_OF_MEMORY = Kind(
    "out-of-memory",
    "The computer has less memory than the model with these data and options needs. Most of it is "
    "taken by the draws, times the size of the largest array that the model has for each of them.",
)
