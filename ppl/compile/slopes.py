"""Differential equations in compiled models: the reverse pass of the right side is staged too.

The solver asks for the right side's derivatives at thousands of rows in every gradient. Cotangent
times slopes, summed, is a number for each row, so that it can be staged as log joints are: once
recorded, it is straight-line NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from ppl.compile.stage import CannotStage, Staged, stage
from ppl.primitives.ode import odeint
from ppl.primitives.ode.rightside import Rhs, RhsGradient, RightSide

Floats = NDArray[np.float64]
Shapes = tuple[tuple[int, ...], ...]

MOST_COLUMNS = 64
"""With more numbers in a row, arguments that all draws share would be copied too often."""


def solve_staged(rhs: Rhs, y0: Any, t0: float, ts: Any, arguments: Any, *options: Any) -> Any:
    """Return `odeint`'s solution, with the derivatives of the right side staged."""
    return odeint(rhs, y0, t0, ts, arguments, *options, vjp=gradient_of(rhs))


@cache
def gradient_of(rhs: Rhs) -> RhsGradient:
    """Return the right side's gradients by state and arguments, as `odeint` takes them."""
    kept: dict[Shapes, Staged | None] = {}

    def gradient(
        t: Floats, y: Floats, arguments: Sequence[Any], cotangent: Floats
    ) -> tuple[Floats, Sequence[Floats]]:
        shapes = (np.shape(y)[1:], *(np.shape(a)[1:] for a in arguments))
        if shapes not in kept:
            kept[shapes] = _staged(rhs, shapes)
        found = kept[shapes]
        if found is None:
            every = range(len(arguments))
            return RightSide(rhs, None, tuple(arguments)).reverse(t, y, cotangent, every)
        rows, starts = len(y), _starts(shapes)
        x = np.empty((rows, 1 + starts[-1] + y.shape[1]))
        x[:, 0], x[:, 1 + starts[-1] :] = t, cotangent
        for start, stop, array in zip(starts, starts[1:], (y, *arguments), strict=False):
            x[:, 1 + start : 1 + stop] = np.reshape(array, (len(array), -1))
        _, slopes = found.value_and_gradient(x)
        by_y, *by_arguments = (
            slopes[:, 1 + start : 1 + stop].reshape(rows, *shape)
            for start, stop, shape in zip(starts, starts[1:], shapes, strict=False)
        )
        shared = [len(a) == 1 < rows for a in arguments]
        summed = [
            g.sum(axis=0, keepdims=True) if one else g
            for g, one in zip(by_arguments, shared, strict=True)
        ]
        return by_y, summed

    return gradient


def _staged(rhs: Rhs, shapes: Shapes) -> Staged | None:
    """Stage cotangent times slopes, over columns for time, state, arguments, cotangent."""
    starts, size = _starts(shapes), int(np.prod(shapes[0], dtype=int))
    columns = 1 + starts[-1] + size
    if columns > MOST_COLUMNS:
        return None

    def product(x: Any) -> Any:
        y, *arguments = (
            anp.reshape(x[:, 1 + start : 1 + stop], (-1, *shape))
            for start, stop, shape in zip(starts, starts[1:], shapes, strict=False)
        )
        return anp.sum(rhs(x[:, 0], y, *arguments) * x[:, 1 + starts[-1] :], axis=1)

    try:
        return stage(product, columns)
    except CannotStage:
        return None


def _starts(shapes: Shapes) -> list[int]:
    """Return where each array's columns begin, and where the last ends."""
    return [0, *np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes]).tolist()]
