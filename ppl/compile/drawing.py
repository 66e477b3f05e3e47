"""Drawing from distributions within bounds or sets: what `sample` alone cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ppl.constraints import Constraint
from ppl.distributions.record import Distribution

TRIES = 30
"""Rounds of drawing again before a truncated distribution is inverted."""
MANY_TRIES = 5000
"""Rounds of drawing again where it cannot be inverted."""
HALVINGS = 200
LEAST = 1e-12
"""Probability within the bounds below which a distribution function is not accurate enough."""


class CannotDraw(Exception):
    """A distribution gives next to no values in the set; the message says which."""


def draw_between(
    rng: np.random.Generator,
    law: Distribution,
    size: tuple[int, ...],
    arguments: Sequence[Any],
    bounds: tuple[Any, Any],
    open_ends: tuple[bool, bool],
) -> Any:
    """Draw numbers between bounds.

    Parameters
    ----------
    size : the whole shape of the result
    arguments : of the law, broadcast against `size`
    bounds : lower and upper, arrays that broadcast against `size`
    open_ends : whether the bounds themselves are left out

    Raises
    ------
    CannotDraw
        If no value is found and the law has no distribution function to invert.
    """
    lower, upper = bounds
    if not law.normalised and np.all(np.isfinite(lower)) and np.all(np.isfinite(upper)):
        return lower + (upper - lower) * rng.random(size)
    values = np.array(law.sample(rng, size, *arguments), dtype=float)
    for _ in range(TRIES if _can_invert(law) else MANY_TRIES):
        outside = ~_inside(values, lower, upper, open_ends)
        if not outside.any():
            return values
        values = np.where(outside, law.sample(rng, size, *arguments), values)
    outside = ~_inside(values, lower, upper, open_ends)
    if outside.any():
        if not _can_invert(law):
            raise CannotDraw(f"{law.name} gives next to no values within the bounds")
        values = np.where(outside, _inverted(rng, law, values, arguments, lower, upper), values)
    return values


def _can_invert(law: Distribution) -> bool:
    return law.cdf is not None and not law.discrete


def _inside(values: Any, lower: Any, upper: Any, open_ends: tuple[bool, bool]) -> Any:
    above = values > lower if open_ends[0] else values >= lower
    below = values < upper if open_ends[1] else values <= upper
    return above & below


def _inverted(
    rng: np.random.Generator,
    law: Distribution,
    values: Any,
    arguments: Sequence[Any],
    lower: Any,
    upper: Any,
) -> Any:
    """Invert the distribution function by halving, between the bounds."""
    assert law.cdf is not None
    shape = np.shape(values)
    width = np.maximum(1.0, np.abs(values)) * 1e3
    low = np.broadcast_to(
        np.where(np.isfinite(lower), lower, np.minimum(upper, values) - width), shape
    )
    high = np.broadcast_to(
        np.where(np.isfinite(upper), upper, np.maximum(lower, values) + width), shape
    )
    below, until = law.cdf(low, *arguments), law.cdf(high, *arguments)
    if np.any(until - below < LEAST):
        raise CannotDraw(f"{law.name} gives next to no values within the bounds")
    goal = below + rng.random(shape) * (until - below)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        left = law.cdf(middle, *arguments) >= goal
        low, high = np.where(left, low, middle), np.where(left, middle, high)
    return 0.5 * (low + high)


def draw_inside(
    rng: np.random.Generator,
    law: Distribution,
    size: tuple[int, ...],
    arguments: Sequence[Any],
    members: Constraint,
) -> Any:
    """Draw vectors or matrices in a set, by drawing again until they lie there.

    Independent numbers of one law are put in order by sorting, which gives the same distribution.

    Raises
    ------
    CannotDraw
        If next to no draws lie in the set.
    """
    values = np.array(law.sample(rng, size, *arguments), dtype=float)
    alike = not law.signature and all(np.ndim(a) == 0 or np.shape(a)[-1] == 1 for a in arguments)
    if members.name in ("ordered", "positive ordered") and alike:
        values = np.sort(values, axis=-1)
    for _ in range(MANY_TRIES):
        outside = ~np.asarray(members.contains(values), dtype=bool)
        if not outside.any():
            return values
        again = law.sample(rng, size, *arguments)
        if members.name in ("ordered", "positive ordered") and alike:
            again = np.sort(again, axis=-1)
        outside = outside.reshape((*outside.shape, *(1,) * members.event_ndim))
        values = np.where(outside, again, values)
    raise CannotDraw(f"{law.name} gives next to no {members.phrase}")
