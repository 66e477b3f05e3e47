"""The distributions of the language; importing the package fills their table."""

from ppl.distributions import bounded, discrete, positive, real, vector

__all__ = ["bounded", "discrete", "positive", "real", "vector"]
