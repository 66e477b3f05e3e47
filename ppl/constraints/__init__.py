"""Sets of values: membership, a bijection from the reals, and its log-Jacobian.

The only place that knows what "positive" or "simplex" means. A set acts on single numbers
(`event_ndim` 0), on vectors (1) or on matrices (2), always on an array's last axes.
"""

from ppl.constraints.matrices import corr_cholesky, correlation, cov_cholesky, covariance
from ppl.constraints.numbers import (
    at_least,
    at_most,
    bounded,
    counts,
    greater_than,
    integers,
    integers_between,
    interval,
    less_than,
    negative,
    nonnegative,
    one_of,
    positive,
    probability,
    real,
    unit_interval,
)
from ppl.constraints.sets import Array, Bijection, Constraint, Range, interior
from ppl.constraints.vectors import (
    counts_with_sum,
    ordered,
    positive_ordered,
    simplex,
    unit_vector,
    zero_sum,
)

SETS: dict[str, Constraint] = {
    "Real": real,
    "Positive": positive,
    "Integer": integers,
    "Count": counts,
    "Simplex": simplex,
    "Ordered": ordered,
    "PositiveOrdered": positive_ordered,
    "ZeroSum": zero_sum,
    "UnitVector": unit_vector,
    "CorrCholesky": corr_cholesky,
    "CovCholesky": cov_cholesky,
    "Correlation": correlation,
    "Covariance": covariance,
}
"""The sets that models call by name, after ``in``."""

__all__ = [
    "SETS",
    "Array",
    "Bijection",
    "Constraint",
    "Range",
    "at_least",
    "at_most",
    "bounded",
    "corr_cholesky",
    "correlation",
    "counts",
    "counts_with_sum",
    "cov_cholesky",
    "covariance",
    "greater_than",
    "integers",
    "integers_between",
    "interior",
    "interval",
    "less_than",
    "negative",
    "nonnegative",
    "one_of",
    "ordered",
    "positive",
    "positive_ordered",
    "probability",
    "real",
    "simplex",
    "unit_interval",
    "unit_vector",
    "zero_sum",
]
