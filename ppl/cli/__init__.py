"""The command `ppl`: words in, an exit status out. No logic: each command calls the pipeline."""

from ppl.cli.main import main, run

__all__ = ["main", "run"]
