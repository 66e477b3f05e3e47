"""Sets of values: membership, a bijection from the reals, and its log-Jacobian.

The only place that knows what "positive" or "simplex" means. A set acts on single numbers
(`event_ndim` 0), on vectors (1) or on matrices (2), always on an array's last axes.

Bijections of scalar sets are plain NumPy expressions: they work on arrays and are traced into graph
nodes alike. Bijections of vectors and matrices are written over `autograd.numpy`, batched over
leading axes, and are called by name from emitted source.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
"""An array, or what stands for one while an expression is traced."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is known of single numbers: an interval, with open or closed ends, perhaps of integers.

    The compiler computes with ranges to prove that arguments lie in their supports.
    """

    lower: float = -math.inf
    upper: float = math.inf
    lower_open: bool = False
    upper_open: bool = False
    integer: bool = False

    def within(self, other: Range) -> bool:
        """Return whether every number of this range lies in the other."""
        low = self.lower > other.lower or (
            self.lower == other.lower and (self.lower_open or not other.lower_open)
        )
        high = self.upper < other.upper or (
            self.upper == other.upper and (self.upper_open or not other.upper_open)
        )
        return low and high and (self.integer or not other.integer)


@dataclass(frozen=True, slots=True)
class Bijection:
    """A smooth one-to-one map from all reals onto a set.

    Attributes
    ----------
    forward
        ``x = forward(u)``.
    inverse
        ``u = inverse(x)``, for x inside the set.
    log_jacobian
        ``log |det dx/du|`` as ``log_jacobian(u, x)``, summed over the event axes.
    event_sizes
        Sizes of u's event axes from those of x: a simplex of K numbers has K - 1 free ones.
        A square matrix may come from one vector.
    """

    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    log_jacobian: Callable[[Array, Array], Array]
    event_sizes: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda sizes: sizes


@dataclass(frozen=True, slots=True)
class Constraint:
    """A set of values.

    Attributes
    ----------
    name
        As in tables and messages: ``positive``, ``simplex``.
    phrase
        What its members are, to follow "needs" in a message: ``numbers greater than 0``.
    range
        Where its single numbers lie.
    contains
        Whether values belong to it; reduces the event axes.
    bijection
        From the reals; None for sets of integers.
    event_ndim
        0 for numbers, 1 for vectors, 2 for matrices.
    """

    name: str
    phrase: str
    range: Range
    contains: Callable[[Array], Array]
    bijection: Bijection | None
    event_ndim: int = 0


def _identity(u: Array) -> Array:
    return u


real = Constraint(
    "real",
    "finite numbers",
    Range(),
    np.isfinite,
    Bijection(_identity, _identity, lambda u, x: 0.0 * u),
)

positive = Constraint(
    "positive",
    "numbers greater than 0",
    Range(0.0, lower_open=True),
    lambda x: np.isfinite(x) & (x > 0),
    Bijection(np.exp, np.log, lambda u, x: u),
)
