"""Draws from a distribution between bounds: by rejection, and where that is slow, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.distributions.component import Component

Numbers = NDArray[Any]

ROUNDS = 24
"""Attempts by rejection before the distribution function is inverted."""

HALVINGS = 200
"""Enough to reach neighbouring floating-point numbers from any bracket."""


def rows(d: Component, size: tuple[int, ...], chosen: Numbers) -> Component:
    """Return a component with the arguments that belong to the chosen places of an array."""
    letters, _ = d.part.letters
    picked = []
    for argument, group in zip(d.arguments, letters, strict=True):
        array = np.asarray(argument)
        event = array.shape[array.ndim - len(group) :]
        picked.append(np.broadcast_to(array, (*size, *event))[chosen])
    return replace(d, arguments=tuple(picked))


def sample_where(
    rng: Any, size: tuple[int, ...], d: Component, accepted: Callable[[Numbers, Numbers], Any]
) -> tuple[Numbers, Numbers]:
    """Draw by rejection; returns the draws and where none was accepted.

    `accepted` tells of values which of them count, given the places that they are for.
    """
    found = np.empty(size)
    open_places = np.ones(size, dtype=bool)
    for _ in range(ROUNDS):
        count = int(np.count_nonzero(open_places))
        if not count:
            break
        values = np.asarray(rows(d, size, open_places).sample(rng, (count,)), dtype=float)
        good = np.asarray(accepted(values, open_places))
        places = np.flatnonzero(open_places)[good]
        found.flat[places] = values[good]
        open_places.flat[places] = False
    return found, open_places


def sample_between(rng: Any, size: tuple[int, ...], d: Component, a: Any, b: Any) -> Numbers:
    """Draw from a component given that the value lies from a to b."""
    low, high = np.broadcast_to(a, size), np.broadcast_to(b, size)
    found, left = sample_where(
        rng, size, d, lambda x, places: (x >= low[places]) & (x <= high[places])
    )
    if left.any():
        at = rows(d, size, left)
        uniform = rng.random(int(np.count_nonzero(left)))
        found[left] = quantile_between(at, uniform, low[left], high[left])
    return found


def quantile_between(d: Component, uniform: Numbers, a: Numbers, b: Numbers) -> Numbers:
    """Return where P(a <= X <= x) is that share of P(a <= X <= b), by bisection.

    NaN where the component has no distribution function.
    """
    if d.record.cdf is None:
        return np.full(np.shape(uniform), math.nan)
    with np.errstate(all="ignore"):
        goal = np.log(uniform) + d.log_probability(a, b)
        low, high = _bracket(d, a, b)
        for _ in range(HALVINGS):
            middle = _middle(low, high, d.discrete)
            enough = np.asarray(d.log_probability(a, middle)) >= goal
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _bracket(d: Component, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    least, most = d.support.ends
    low, high = np.maximum(a, least), np.minimum(b, most)
    if d.discrete:
        low = np.ceil(low) - 1.0
        high = np.floor(high)
    return np.maximum(low, -1e300), np.minimum(high, 1e300)


def _middle(low: Numbers, high: Numbers, discrete: bool) -> Numbers:
    """Return a number between, halving the exponent while the bracket is wide."""
    middle = np.sinh(0.5 * (np.arcsinh(low) + np.arcsinh(high)))
    near = np.abs(high - low) < 1.0 + np.minimum(np.abs(low), np.abs(high))
    middle = np.where(near, low + 0.5 * (high - low), middle)
    return np.floor(np.clip(middle, low, high)) if discrete else middle
