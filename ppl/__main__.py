"""`python -m ppl` is the command `ppl`."""

import sys

from ppl.cli import run

if __name__ == "__main__":
    sys.exit(run())
