"""The distributions of the language; importing the package fills their table."""

from ppl.distributions import (
    bounded,
    categories,
    discrete,
    lifetimes,
    matrix,
    positive,
    real,
    series,
    spatial,
    vector,
    wrappers_bounds,
    wrappers_mixtures,
)
from ppl.distributions.record import DISTRIBUTIONS
from ppl.distributions.wrappers import WRAPPERS, Law, distributions, record_of

__all__ = [
    "DISTRIBUTIONS",
    "WRAPPERS",
    "Law",
    "bounded",
    "categories",
    "discrete",
    "distributions",
    "lifetimes",
    "matrix",
    "positive",
    "real",
    "record_of",
    "series",
    "spatial",
    "vector",
    "wrappers_bounds",
    "wrappers_mixtures",
]
