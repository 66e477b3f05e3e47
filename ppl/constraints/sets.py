"""What a set of values is: membership, a bijection from the reals, and its log-Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

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
    """A smooth one-to-one map from all reals onto a set (or all of it but a null set).

    Attributes
    ----------
    forward
        ``x = forward(u)``.
    inverse
        ``u = inverse(x)``, for x inside the set.
    log_jacobian
        ``log |det dx/du|`` as ``log_jacobian(u, x)``, summed over the event axes. Where x has more
        numbers than u, it is that of the free ones: all but the last of a simplex, the strictly
        lower triangle of a correlation matrix or factor, the lower triangle of a covariance.
    event_sizes
        Sizes of u's event axes from those of x: a simplex of K numbers has K - 1 free ones.
        A square matrix may come from one vector.
    surface
        True if the Jacobian measures surface in the space of x instead, as on a sphere.
    """

    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    log_jacobian: Callable[[Array, Array], Array]
    event_sizes: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda sizes: sizes
    surface: bool = False


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
    ends
        For numbers: the least and the greatest, as given; the range knows only numbers.
    """

    name: str
    phrase: str
    range: Range
    contains: Callable[[Array], Array]
    bijection: Bijection | None
    event_ndim: int = 0
    ends: tuple[Array, Array] = (-math.inf, math.inf)


def interior(constraint: Constraint) -> Constraint:
    """Return the set with open ends for proofs, though its ends still belong to it.

    A continuous law puts no mass on the ends of its support: data may lie there, draws do not.
    """
    return replace(constraint, range=replace(constraint.range, lower_open=True, upper_open=True))
