"""The distributions of the language; importing the package fills their table."""

from ppl.distributions import bounded, discrete, positive, real, vector
from ppl.distributions.record import DISTRIBUTIONS

__all__ = ["DISTRIBUTIONS", "bounded", "discrete", "positive", "real", "vector"]
