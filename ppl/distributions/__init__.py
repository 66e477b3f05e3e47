"""The distributions of the language; importing the package fills their table."""

from ppl.distributions import (
    bounded,
    categories,
    discrete,
    lifetimes,
    matrix,
    positive,
    real,
    vector,
)
from ppl.distributions.record import DISTRIBUTIONS

__all__ = [
    "DISTRIBUTIONS",
    "bounded",
    "categories",
    "discrete",
    "lifetimes",
    "matrix",
    "positive",
    "real",
    "vector",
]
