"""Arithmetic of ranges: where a result lies, from where the arguments lie.

The compiler proves with it that ``exp(a)`` is positive or that ``1 - p`` is a probability. Infinite
ends are never attained. Rules are exact about open and closed ends and never claim too much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from ppl.constraints import Range

End = tuple[float, bool]
"""A bound, and whether it is open (never attained)."""

ANYWHERE = Range()
TRUTH = Range(0.0, 1.0, integer=True)
POSITIVE = Range(0.0, lower_open=True)
NONNEGATIVE = Range(0.0)


def lower_end(r: Range) -> End:
    """Return the lower bound and whether it is open."""
    return r.lower, r.lower_open or math.isinf(r.lower)


def upper_end(r: Range) -> End:
    """Return the upper bound and whether it is open."""
    return r.upper, r.upper_open or math.isinf(r.upper)


def from_ends(low: End, high: End, integer: bool = False) -> Range:
    """Return the range between two ends; bounds that are not numbers are dropped."""
    lower = -math.inf if math.isnan(low[0]) else low[0]
    upper = math.inf if math.isnan(high[0]) else high[0]
    return Range(
        lower,
        upper,
        low[1] and not math.isinf(lower),
        high[1] and not math.isinf(upper),
        integer,
    )


def hull(ends: Iterable[End], integer: bool = False) -> Range:
    """Return the smallest range that holds all ends."""
    known = list(ends)
    if any(math.isnan(value) for value, _ in known):
        return ANYWHERE
    low = min(known, key=lambda end: (end[0], end[1]))
    high = max(known, key=lambda end: (end[0], not end[1]))
    return from_ends(low, high, integer)


def union(*ranges: Range) -> Range:
    """Return the smallest range that holds all others."""
    ends = [end for r in ranges for end in (lower_end(r), upper_end(r))]
    return hull(ends, all(r.integer for r in ranges))


def increasing(
    function: Callable[..., float], lower: float = -math.inf, upper: float = math.inf
) -> Callable[[Range], Range]:
    """Return the rule of an increasing function that is defined between two numbers."""

    def rule(r: Range) -> Range:
        if r.lower > upper or r.upper < lower:
            return ANYWHERE
        low = max(lower_end(r), (lower, False))
        high = upper_end(r) if r.upper <= upper else (upper, False)
        with np.errstate(all="ignore"):
            return from_ends((float(function(low[0])), low[1]), (float(function(high[0])), high[1]))

    return rule


def decreasing(
    function: Callable[..., float], lower: float = -math.inf, upper: float = math.inf
) -> Callable[[Range], Range]:
    """Return the rule of a decreasing function that is defined between two numbers."""
    mirrored = increasing(lambda v: -function(v), lower, upper)
    return lambda r: negative(mirrored(r))


def always(known: Range) -> Callable[..., Range]:
    """Return the rule of a function whose values lie in a range whatever its arguments."""
    return lambda *ranges: known


def anywhere(*ranges: Range) -> Range:
    """Return the whole line: nothing is known."""
    return ANYWHERE


def negative(r: Range) -> Range:
    """Return where -x lies."""
    (low, low_open), (high, high_open) = lower_end(r), upper_end(r)
    return from_ends((-high, high_open), (-low, low_open), r.integer)


def add(a: Range, b: Range) -> Range:
    """Return where x + y lies."""
    (a_low, a_low_open), (b_low, b_low_open) = lower_end(a), lower_end(b)
    (a_high, a_high_open), (b_high, b_high_open) = upper_end(a), upper_end(b)
    return from_ends(
        (a_low + b_low, a_low_open or b_low_open),
        (a_high + b_high, a_high_open or b_high_open),
        a.integer and b.integer,
    )


def subtract(a: Range, b: Range) -> Range:
    """Return where x - y lies."""
    return add(a, negative(b))


def _product(a: End, b: End) -> End:
    if a[0] == 0 or b[0] == 0:
        return 0.0, not ((a[0] == 0 and not a[1]) or (b[0] == 0 and not b[1]))
    return a[0] * b[0], a[1] or b[1]


def multiply(a: Range, b: Range) -> Range:
    """Return where x y lies."""
    corners = [
        _product(p, q) for p in (lower_end(a), upper_end(a)) for q in (lower_end(b), upper_end(b))
    ]
    return hull(corners, a.integer and b.integer)


def excludes_zero(r: Range) -> bool:
    """Return whether 0 lies outside."""
    return (
        r.lower > 0
        or r.upper < 0
        or (r.lower == 0 and r.lower_open)
        or (r.upper == 0 and r.upper_open)
    )


def reciprocal(r: Range) -> Range:
    """Return where 1 / x lies."""
    if not excludes_zero(r):
        return ANYWHERE
    if r.upper <= 0:
        return negative(reciprocal(negative(r)))
    (low, low_open), (high, high_open) = lower_end(r), upper_end(r)
    return from_ends((1.0 / high, high_open), (math.inf if low == 0 else 1.0 / low, low_open))


def divide(a: Range, b: Range) -> Range:
    """Return where x / y lies."""
    return multiply(a, reciprocal(b)) if excludes_zero(b) else ANYWHERE


def absolute(r: Range) -> Range:
    """Return where |x| lies."""
    if r.lower >= 0:
        return r
    if r.upper <= 0:
        return negative(r)
    return from_ends(
        (0.0, False), max(upper_end(r), upper_end(negative(r)), key=_farther), r.integer
    )


def _farther(end: End) -> tuple[float, bool]:
    return end[0], not end[1]


def square(r: Range) -> Range:
    """Return where x^2 lies."""
    size = absolute(r)
    return multiply(size, size)


def power(base: Range, exponent: Range) -> Range:
    """Return where x^y lies."""
    fixed = exponent.lower == exponent.upper
    if fixed and exponent.lower == 2:
        return square(base)
    if base.lower > 0 or (base.lower == 0 and base.lower_open):
        return _power_of_positive(base, exponent)
    if base.lower == 0 and exponent.lower > 0:
        return Range(0.0, base.upper if base.upper <= 1 else math.inf)
    if fixed and exponent.lower > 0 and exponent.lower % 2 == 0:
        return NONNEGATIVE
    return ANYWHERE


def _power_of_positive(base: Range, exponent: Range) -> Range:
    result = increasing(np.exp)(multiply(exponent, increasing(np.log, 0.0)(base)))
    lower = result.lower if result.lower in (0.0, 1.0) else result.lower * (1 - 1e-12)
    upper = result.upper if result.upper in (0.0, 1.0) else result.upper * (1 + 1e-12)
    return Range(lower, upper, result.lower_open, result.upper_open)


def maximum(a: Range, b: Range) -> Range:
    """Return where the larger of x and y lies."""
    low = max(lower_end(a), lower_end(b))
    high = max(upper_end(a), upper_end(b), key=_farther)
    return from_ends(low, high, a.integer and b.integer)


def minimum(a: Range, b: Range) -> Range:
    """Return where the smaller of x and y lies."""
    return negative(maximum(negative(a), negative(b)))


def floor(r: Range) -> Range:
    """Return where the integer at or below x lies."""
    if math.isinf(r.upper):
        upper = r.upper
    else:
        upper = math.ceil(r.upper) - 1.0 if r.upper_open else float(math.floor(r.upper))
    lower = r.lower if math.isinf(r.lower) else float(math.floor(r.lower))
    return Range(lower, upper, integer=True)


def ceil(r: Range) -> Range:
    """Return where the integer at or above x lies."""
    return negative(floor(negative(r)))


def nearest_integer(r: Range) -> Range:
    """Return where the nearest integer, or x without its fraction, lies."""
    return Range(floor(r).lower, ceil(r).upper, integer=True)


def sign(r: Range) -> Range:
    """Return where the sign of x lies."""
    lower = 1.0 if r.lower > 0 or (r.lower == 0 and r.lower_open) else 0.0 if r.lower == 0 else -1.0
    upper = -1.0 if r.upper < 0 or (r.upper == 0 and r.upper_open) else 0.0 if r.upper == 0 else 1.0
    return Range(lower, upper, integer=True)


def remainder(a: Range, b: Range) -> Range:
    """Return where x mod y lies: it has y's sign."""
    if b.lower > 0 or (b.lower == 0 and b.lower_open):
        return Range(
            0.0, b.upper, upper_open=not math.isinf(b.upper), integer=a.integer and b.integer
        )
    return ANYWHERE


def total(r: Range) -> Range:
    """Return where the sum of one or more numbers lies."""
    low = lower_end(r) if r.lower >= 0 else (-math.inf, True)
    high = upper_end(r) if r.upper <= 0 else (math.inf, True)
    return from_ends(low, high, r.integer)


def product(r: Range) -> Range:
    """Return where the product of one or more numbers lies."""
    if r.lower >= 1:
        return Range(r.lower, math.inf, r.lower_open, integer=r.integer)
    if r.lower < 0:
        return Range(integer=r.integer)
    upper = upper_end(r) if r.upper <= 1 else (math.inf, True)
    return from_ends((0.0, r.lower > 0 or r.lower_open), upper, r.integer)
