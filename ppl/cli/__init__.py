"""The command `ppl`: words in, an exit status out. No logic: each command calls the pipeline."""

from ppl.cli.main import main

__all__ = ["main"]
