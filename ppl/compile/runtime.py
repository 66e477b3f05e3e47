"""The few functions, besides the atoms, that emitted source calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.primitives.chains import best_paths, draw_index, draw_paths
from ppl.primitives.gathers import gather


class BadPosition(Exception):
    """A position read from the data is not one of the axis."""

    def __init__(self, label: str, value: float, place: tuple[int, ...], size: int) -> None:
        super().__init__(label)
        self.label, self.value, self.place, self.size = label, value, place, size


class OutsideSupport(Exception):
    """An observed value is not in the support of its distribution."""

    def __init__(self, name: str, line: int, place: tuple[int, ...]) -> None:
        super().__init__(name)
        self.name, self.line, self.place = name, line, place


def check_inside(inside: Any, name: str, line: int) -> None:
    """Refuse observed values outside their support.

    Raises
    ------
    OutsideSupport
        With the first place.
    """
    wrong = np.argwhere(np.asarray(inside) == 0)
    if len(wrong):
        raise OutsideSupport(name, line, tuple(int(i) for i in wrong[0]))


def positions_in(values: Any, size: int, label: str) -> Any:
    """Return positions as integers.

    Raises
    ------
    BadPosition
        If one is not a whole number from 0 to size - 1.
    """
    array = np.asarray(values)
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.intp)
    bad = (array != whole) | (whole < 0) | (whole >= size)
    if np.any(bad):
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise BadPosition(label, float(array[place]), place, size)
    return whole


def stacked(items: Sequence[Any], axis: int) -> Any:
    """Stack items along a new axis, spread to a common shape."""
    shape = np.broadcast_shapes(*(np.shape(i) for i in items))
    return anp.stack([anp.broadcast_to(i, shape) for i in items], axis=axis)


def stacked_plainly(items: Sequence[Any], axis: int) -> Any:
    """Stack as `stacked` does, without derivatives."""
    shapes = [np.shape(i) for i in items]
    shape = shapes[0] if len(set(shapes)) == 1 else np.broadcast_shapes(*shapes)
    axis = axis % (len(shape) + 1)
    result = np.empty((*shape[:axis], len(items), *shape[axis:]))
    for place, item in enumerate(items):
        result[(slice(None),) * axis + (place,)] = item
    return result


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
    if not _in_order(places, flat.shape[1]):
        flat = gather(flat, places, 1)
    return anp.reshape(flat, (-1, *shape))


def _in_order(places: Any, count: int) -> bool:
    """Whether places are 0, 1, ... up to a number: then nothing need be moved."""
    return (
        isinstance(places, np.ndarray)
        and len(places) == count
        and np.array_equal(places, np.arange(count))
    )


def draw_states(rng: np.random.Generator, full: Any, scope: Sequence[Any], draws: int) -> Any:
    """Draw states from log potentials, given the states of the other axes, (draws, rows).

    Parameters
    ----------
    full : (draws or 1, states of each axis of the scope ..., own states, rows)
    scope : for each axis, the states there, (draws, rows)
    """
    table = _rows_given(full, scope, draws)
    return draw_index(rng, np.exp(table - np.max(table, axis=-1, keepdims=True)))


def best_states(full: Any, scope: Sequence[Any], draws: int) -> Any:
    """Return the most probable states given those of the other axes, as `draw_states` does."""
    table = _rows_given(full, scope, draws)
    return np.argmax(table, axis=-1)


def _rows_given(full: Any, scope: Sequence[Any], draws: int) -> Any:
    """Return the table (draws, rows, own states) at the states of the scope."""
    laid = np.moveaxis(full, -1, 1)
    return _given(np.broadcast_to(laid, (draws, *laid.shape[1:])), scope)


def _given(table: Any, scope: Sequence[Any]) -> Any:
    """Read a table (draws, rows, scope ..., more ...) at the states of the scope."""
    for states in scope:
        index = states.reshape((*states.shape, *(1,) * (table.ndim - 2)))
        table = np.take_along_axis(table, index, axis=2)[:, :, 0]
    return table


def draw_chains(
    rng: np.random.Generator,
    unary: Any,
    pair: Any,
    scope: Sequence[Any],
    shape: tuple[int, ...],
    draws: int,
) -> Any:
    """Draw the states of chains, (draws, chains * length).

    Parameters
    ----------
    unary, pair : as for `sum_over_paths`, with a chain for each state of the scope
    scope : for each of its axes, the states there, (draws, chains)
    shape : number of chains, of states of the scope
    """
    return draw_paths(rng, *_chains(unary, pair, scope, shape, draws)).reshape(draws, -1)


def best_chains(
    unary: Any, pair: Any, scope: Sequence[Any], shape: tuple[int, ...], draws: int
) -> Any:
    """Return the most probable states of chains, as `draw_chains` does."""
    return best_paths(*_chains(unary, pair, scope, shape, draws)).reshape(draws, -1)


def _chains(
    unary: Any, pair: Any, scope: Sequence[Any], shape: tuple[int, ...], draws: int
) -> tuple[Any, Any]:
    """Return the potentials of chains at the states of their scope."""
    whole = np.broadcast_to(unary, (draws, *np.shape(unary)[1:]))
    if not scope:
        return whole, pair
    whole = _given(whole.reshape((draws, *shape, *whole.shape[2:])), scope)
    if np.shape(pair)[1] > 1:
        pair = np.broadcast_to(pair, (draws, *np.shape(pair)[1:]))
        pair = _given(pair.reshape((draws, *shape, *pair.shape[2:])), scope)
    return whole, pair


def patched(drawn: Any, known: Any) -> Any:
    """Return drawn values (draws, ...) with known ones, of smaller axes, at the first positions."""
    values = np.array(np.broadcast_to(drawn, (len(known), *np.shape(drawn)[1:])))
    values[tuple(slice(0, n) for n in np.shape(known))] = known
    return values


def read_drawn(array: Any, positions: Any, axis: int) -> Any:
    """Read one axis at positions that differ from draw to draw.

    Parameters
    ----------
    array : (draws or 1, ..., axis, ...)
    positions : (draws, rows ...)
    axis : counted with the draw axis

    Returns
    -------
    array, (draws, ..., rows ..., ...)
    """
    index = np.asarray(positions).astype(np.intp)
    draws = len(index)
    whole = np.broadcast_to(array, (draws, *np.shape(array)[1:]))
    moved = np.moveaxis(whole, axis, 1)
    flat = index.reshape(draws, -1)
    rows = np.take_along_axis(
        moved, flat.reshape((draws, flat.shape[1], *(1,) * (moved.ndim - 2))), axis=1
    )
    rows = rows.reshape((draws, *index.shape[1:], *moved.shape[2:]))
    rank = index.ndim - 1
    return np.moveaxis(rows, range(1, rank + 1), range(axis, axis + rank))
