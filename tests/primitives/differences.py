"""Gradients by central differences, to hold primitives' derivatives against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np


def assert_gradients(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    *,
    step: float = 1e-5,
    tolerance: float = 1e-7,
    directions: int = 3,
) -> None:
    """Compare derivatives along random directions, by every argument, of a random weighted sum.

    The function may return an array or a tuple of arrays.
    """
    rng = np.random.default_rng(5)
    arguments = [np.asarray(a, dtype=float) for a in arguments]
    weights = [rng.normal(size=np.shape(v)) for v in _items(function(*arguments))]

    def weighted(*values: Any) -> Any:
        return sum(anp.sum(v * w) for v, w in zip(_items(function(*values)), weights, strict=True))

    gradients = autograd.grad(weighted, tuple(range(len(arguments))))(*arguments)
    for i, gradient in enumerate(gradients):
        assert np.shape(gradient) == np.shape(arguments[i])
        for _ in range(directions):
            direction = rng.normal(size=np.shape(arguments[i]))
            ends = []
            for h in (step, -step):
                moved = [a + h * direction if j == i else a for j, a in enumerate(arguments)]
                ends.append(weighted(*moved))
            expected = (ends[0] - ends[1]) / (2 * step)
            found = np.sum(gradient * direction)
            scale = 1.0 + abs(expected) + np.sqrt(np.sum(gradient**2))
            assert abs(found - expected) <= tolerance * scale, (i, found, expected)


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)
