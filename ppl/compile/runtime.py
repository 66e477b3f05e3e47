"""The few functions, besides the atoms, that emitted source calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.primitives.gathers import gather


class BadPosition(Exception):
    """A position read from the data is not one of the axis."""

    def __init__(self, label: str, value: float, size: int) -> None:
        super().__init__(label)
        self.label, self.value, self.size = label, value, size


def positions_in(values: Any, size: int, label: str) -> Any:
    """Return positions as integers.

    Raises
    ------
    BadPosition
        If one is not a whole number from 0 to size - 1.
    """
    array = np.asarray(values)
    whole = array.astype(np.intp)
    bad = (array != whole) | (whole < 0) | (whole >= size)
    if np.any(bad):
        raise BadPosition(label, float(array[bad].flat[0]), size)
    return whole


def stacked(items: Sequence[Any], axis: int) -> Any:
    """Stack items along a new axis, spread to a common shape."""
    shape = np.broadcast_shapes(*(np.shape(i) for i in items))
    return anp.stack([anp.broadcast_to(i, shape) for i in items], axis=axis)


def assembled(parts: Sequence[Any], places: Any, shape: tuple[int, ...], draws: Any) -> Any:
    """Put parts together: the flat parts, one after the other, read at `places`.

    Parameters
    ----------
    parts : arrays, each with a draw axis or without
    places : (number of positions,) integers
    shape : of the result, without the draw axis
    draws : (draws,) zeros, or None where no part depends on the draws
    """
    if draws is None:
        flat = anp.concatenate([anp.reshape(p, (-1,)) for p in parts])
        return anp.reshape(flat[places], shape)
    rows = []
    for part in parts:
        known = np.ndim(part) if not hasattr(part, "_value") else part.ndim
        size = int(np.prod(np.shape(part)[1:], dtype=int)) if known else 1
        rows.append(anp.reshape(part, (-1, size)))
    flat = anp.concatenate(rows, axis=1)
    return anp.reshape(gather(flat, places, 1), (-1, *shape))
