"""Sets of single numbers.

Their bijections are plain NumPy expressions, which work on arrays and are traced into graph nodes
alike; bounds may be numbers, arrays or traced values.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from ppl.constraints.sets import Array, Bijection, Constraint, Range

Closed = Literal["neither", "lower", "upper", "both"]


def _identity(u: Array) -> Array:
    return u


real = Constraint(
    "real",
    "finite numbers",
    Range(),
    np.isfinite,
    Bijection(_identity, _identity, lambda u, x: 0.0 * u),
)


def greater_than(bound: Array) -> Constraint:
    """Return the numbers above a bound."""
    return Constraint(
        "positive" if _is_zero(bound) else f"> {_shown(bound)}",
        f"numbers greater than {_shown(bound)}",
        Range(_least(bound), lower_open=True),
        lambda x: np.isfinite(x) & (x > bound),
        _above(bound),
        ends=(bound, math.inf),
    )


def at_least(bound: Array) -> Constraint:
    """Return the numbers that are a bound or above it."""
    return Constraint(
        "nonnegative" if _is_zero(bound) else f">= {_shown(bound)}",
        f"numbers >= {_shown(bound)}",
        Range(_least(bound)),
        lambda x: np.isfinite(x) & (x >= bound),
        _above(bound),
        ends=(bound, math.inf),
    )


def less_than(bound: Array) -> Constraint:
    """Return the numbers below a bound."""
    return Constraint(
        "negative" if _is_zero(bound) else f"< {_shown(bound)}",
        f"numbers less than {_shown(bound)}",
        Range(upper=_greatest(bound), upper_open=True),
        lambda x: np.isfinite(x) & (x < bound),
        _below(bound),
        ends=(-math.inf, bound),
    )


def at_most(bound: Array) -> Constraint:
    """Return the numbers that are a bound or below it."""
    return Constraint(
        f"<= {_shown(bound)}",
        f"numbers <= {_shown(bound)}",
        Range(upper=_greatest(bound)),
        lambda x: np.isfinite(x) & (x <= bound),
        _below(bound),
        ends=(-math.inf, bound),
    )


def interval(lower: Array, upper: Array, closed: Closed = "neither") -> Constraint:
    """Return the numbers between two bounds; `closed` says which of them belong to it."""
    with_lower, with_upper = closed in ("lower", "both"), closed in ("upper", "both")
    left, right = "[" if with_lower else "(", "]" if with_upper else ")"
    shown = f"{left}{_shown(lower)}, {_shown(upper)}{right}"

    def contains(x: Array) -> Array:
        above = x >= lower if with_lower else x > lower
        below = x <= upper if with_upper else x < upper
        return np.isfinite(x) & above & below

    return Constraint(
        f"in {shown}",
        f"numbers in {shown}",
        Range(_least(lower), _greatest(upper), not with_lower, not with_upper),
        contains,
        _between(lower, upper),
        ends=(lower, upper),
    )


def bounded(lower: Array, upper: Array, opened: tuple[bool, bool]) -> Constraint:
    """Return the numbers between bounds, either of which may be infinite; `opened` ends are out."""
    below, above = _is_number(lower) and lower == -math.inf, _is_number(upper) and upper == math.inf
    if below and above:
        return real
    if above:
        return greater_than(lower) if opened[0] else at_least(lower)
    if below:
        return less_than(upper) if opened[1] else at_most(upper)
    closed: dict[tuple[bool, bool], Closed] = {
        (True, True): "neither",
        (False, True): "lower",
        (True, False): "upper",
        (False, False): "both",
    }
    return interval(lower, upper, closed[opened])


def integers_between(lower: Array, upper: Array) -> Constraint:
    """Return the integers from one bound to another, both included; a bound may be infinite."""
    return Constraint(
        f"integer in [{_shown(lower)}, {_shown(upper)}]",
        f"integers from {_shown(lower)} to {_shown(upper)}",
        Range(_least(lower), _greatest(upper), integer=True),
        lambda x: _is_integer(x) & (x >= lower) & (x <= upper),
        None,
        ends=(lower, upper),
    )


def one_of(values: Iterable[float]) -> Constraint:
    """Return a finite set of numbers."""
    members = sorted(float(value) for value in values)
    shown = "{" + ", ".join(_shown(value) for value in members) + "}"
    return Constraint(
        f"in {shown}",
        f"one of {shown[1:-1]}",
        Range(members[0], members[-1], integer=all(value.is_integer() for value in members)),
        lambda x: reduce(operator.or_, (x == member for member in members)),
        None,
        ends=(members[0], members[-1]),
    )


def _is_integer(x: Array) -> Array:
    return np.isfinite(x) & (np.floor(x) == x)


def _above(bound: Array) -> Bijection:
    if _is_zero(bound):
        return Bijection(np.exp, np.log, lambda u, x: u)
    return Bijection(
        _kept_inside(lambda u: bound + np.exp(u), bound, math.inf),
        lambda x: np.log(x - bound),
        lambda u, x: u,
    )


def _below(bound: Array) -> Bijection:
    return Bijection(
        _kept_inside(lambda u: bound - np.exp(u), -math.inf, bound),
        lambda x: np.log(bound - x),
        lambda u, x: u,
    )


def _between(lower: Array, upper: Array) -> Bijection:
    """Map u to ``lower + (upper - lower) expit(u)``."""
    if _is_zero(lower) and _is_number(upper) and upper == 1:
        return Bijection(
            _kept_inside(expit, 0.0, 1.0), logit, lambda u, x: u - 2.0 * np.logaddexp(0.0, u)
        )
    return Bijection(
        _kept_inside(lambda u: lower + (upper - lower) * expit(u), lower, upper),
        lambda x: np.log(x - lower) - np.log(upper - x),
        lambda u, x: np.log(upper - lower) + u - 2.0 * np.logaddexp(0.0, u),
    )


def _kept_inside(
    forward: Callable[[Array], Array], lower: Array, upper: Array
) -> Callable[[Array], Array]:
    """Return the map held off ends that are known numbers, which rounding could reach.

    The end 0 is never reached: floating-point numbers are dense there.
    """
    least = np.nextafter(lower, math.inf) if _is_number(lower) else -math.inf
    greatest = np.nextafter(upper, -math.inf) if _is_number(upper) else math.inf
    hold_lower = _is_number(lower) and math.isfinite(lower) and lower != 0
    hold_upper = _is_number(upper) and math.isfinite(upper) and upper != 0

    def held(u: Array) -> Array:
        x = forward(u)
        if hold_lower:
            x = np.maximum(x, float(least))
        if hold_upper:
            x = np.minimum(x, float(greatest))
        return x

    return held if hold_lower or hold_upper else forward


def _is_number(bound: Any) -> bool:
    return isinstance(bound, int | float | np.number)


def _is_zero(bound: Any) -> bool:
    return _is_number(bound) and bool(bound == 0)


def _shown(bound: Any) -> str:
    return f"{float(bound):.15g}" if _is_number(bound) else "its bound"


def _least(bound: Any) -> float:
    known = _is_number(bound) or isinstance(bound, np.ndarray)
    return float(np.min(bound)) if known and np.size(bound) else -math.inf


def _greatest(bound: Any) -> float:
    known = _is_number(bound) or isinstance(bound, np.ndarray)
    return float(np.max(bound)) if known and np.size(bound) else math.inf


positive = greater_than(0.0)
nonnegative = at_least(0.0)
negative = less_than(0.0)
unit_interval = interval(0.0, 1.0)
"""Without its ends."""

probability = interval(0.0, 1.0, "both")
"""With its ends."""

integers = Constraint("integer", "integers", Range(integer=True), _is_integer, None)
counts = Constraint(
    "count",
    "integers >= 0",
    Range(0.0, integer=True),
    lambda x: _is_integer(x) & (x >= 0),
    None,
    ends=(0.0, math.inf),
)
