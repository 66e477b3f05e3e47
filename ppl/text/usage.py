"""The kind of diagnostic for wrong use of the command or of a Python function."""

from ppl.text.diagnostic import Kind

USAGE = Kind("usage", "A command or a function was asked for what it cannot do.")
