"""The functions of the language; importing the package fills their table."""

from ppl.functions import elementwise, vectors
from ppl.functions.record import FUNCTIONS

__all__ = ["FUNCTIONS", "elementwise", "vectors"]
