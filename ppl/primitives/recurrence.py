"""Linear recurrences along the last axis, ``s[t] = u[t] + b[t] s[t-1]``, without a traced loop.

Autoregression, moving averages, exponential smoothing and GARCH are of this form. The derivative
of a recurrence is a recurrence backwards, so all higher derivatives exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp_argnums
from numpy.typing import NDArray

from ppl.primitives.differentiation import defvjp, primitive, unbroadcast_f

Floats = NDArray[np.float64]

SMALL = 8192
"""Below this many elements, recursive doubling is fastest where the factors vary in time."""
FEW, BLOCK = 2048, 8
"""From this many elements on, steps of one factor go through blocks of `BLOCK` by matrices."""
MANY = 64
"""From this many rows on, a loop over a moderate number of steps is fastest."""
LONG = 1000
"""From this many steps on, rows are cut into pieces of `PIECE` steps that advance together."""
PIECE = 32
CACHED = 1 << 17
"""So many elements are worked on at a time, to stay in the processor's cache."""


def linear_recurrence(u: Any, b: Any, start: Any = 0.0) -> Any:
    """Return s with ``s[t] = u[t] + b[t] s[t-1]``, where ``s[-1]`` is `start`.

    Parameters
    ----------
    u : (..., T)
    b : (..., T), or (..., 1) where it is the same for all t
    start : (...)
        All axes but the last broadcast against each other.
    """
    return _recurrence(u, b, start)


@primitive
def _recurrence(u: Any, b: Any, start: Any) -> Any:
    before = np.asarray(start, dtype=np.float64)[..., None]
    b = np.asarray(b, dtype=np.float64)
    shapes = (np.shape(u)[:-1], b.shape[:-1], before.shape[:-1])

    def driven() -> Floats:
        s = _whole(u, shapes)
        s[..., :1] += b[..., :1] * before
        return s

    return _run(driven, b, backwards=False)


@primitive
def recurrence_backwards(g: Any, b: Any) -> Any:
    """Return r with ``r[t] = g[t] + b[t+1] r[t+1]``, where ``r[T]`` is 0.

    Parameters
    ----------
    g : (..., T)
    b : (..., T), or (..., 1) where it is the same for all t
    """
    b = np.asarray(b, dtype=np.float64)
    shapes = (np.shape(g)[:-1], b.shape[:-1])
    return _run(lambda: _whole(g, shapes), b, backwards=True)


def _whole(u: Any, shapes: tuple[tuple[int, ...], ...]) -> Floats:
    """Return a copy with the leading axes that these are broadcast to."""
    leading = shapes[0] if len(set(shapes)) == 1 else np.broadcast_shapes(*shapes)
    s = np.empty((*leading, np.shape(u)[-1]))
    s[...] = u
    return s


_recurrence.fun.fresh = recurrence_backwards.fun.fresh = True  # type: ignore[attr-defined]


def _before(s: Any, start: Any) -> Any:
    """Return s one step earlier."""
    first = anp.zeros_like(s[..., :1]) + anp.expand_dims(start, -1)
    return anp.concatenate([first, s[..., :-1]], axis=-1)


def _reverse(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    _, b, start = args
    rules = (
        lambda r: r,
        lambda r: r * _before(ans, start),
        lambda r: r[..., 0] * b[..., 0],
    )

    def gradients(g: Any) -> tuple[Any, ...]:
        r = recurrence_backwards(g, b)
        return tuple(unbroadcast_f(args[i], rules[i])(r) for i in argnums)

    return gradients


defvjp_argnums(_recurrence, _reverse)
defvjp(
    recurrence_backwards,
    lambda ans, g, b: unbroadcast_f(g, lambda h: linear_recurrence(h, b)),
    lambda ans, g, b: unbroadcast_f(b, lambda h: ans * _before(linear_recurrence(h, b), 0.0)),
)


def _run(driven: Callable[[], Floats], b: Floats, backwards: bool) -> Floats:
    """Return what follows from u, a new array that `driven` makes.

    Where there is a factor for each t, b[0] is not read.
    """
    s = driven()
    length = s.shape[-1]
    if s.size == 0 or length == 1:
        return s
    rows = s.reshape(-1, length)
    shape = (*s.shape[:-1], b.shape[-1])
    factors = b if b.shape == shape else np.broadcast_to(b, shape)
    factors = factors.reshape(len(rows), -1)
    if b.shape[-1] == 1 and s.size >= FEW:
        result = np.empty(rows.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            for part in _groups(rows):
                _by_blocks(rows[part], factors[part], backwards, result[part])
        flat = result.reshape(-1)
        if math.isfinite(np.dot(flat, flat)):
            return result.reshape(s.shape)
        rows = driven().reshape(rows.shape)
    if backwards:
        rows = np.ascontiguousarray(rows[:, ::-1])
        if b.shape[-1] > 1:
            factors = np.concatenate([factors[:, :1], factors[:, :0:-1]], axis=-1)
    _step(rows, factors)
    return (rows[:, ::-1] if backwards else rows).reshape(s.shape)


def _groups(rows: Floats) -> Iterator[slice]:
    """Yield rows that are worked on at once."""
    size = max(1, CACHED // rows.shape[-1])
    for low in range(0, len(rows), size):
        yield slice(low, low + size)


def _step(rows: Floats, factors: Floats) -> None:
    """Turn u into s in place, forwards."""
    length = rows.shape[-1]
    if rows.size < SMALL:
        _double(rows, factors)
    elif len(rows) >= MANY and length < LONG:
        _loop(rows, factors)
    else:
        for part in _groups(rows):
            _by_pieces(rows[part], factors[part])


_positions = np.arange(BLOCK)
_FORTH = BLOCK - 1 + _positions - _positions[:, None]
_BACK = np.ascontiguousarray(_FORTH.T)


def _by_blocks(u: Floats, b: Floats, backwards: bool, out: Floats) -> None:
    """Write what follows from u (R, T) with factors b (R, 1); u is overwritten.

    Within a block, s is u times a triangular matrix of powers of b. What each block passes on
    follows a recurrence of its own, and enters the next block. An infinity reaches all of its
    block.
    """
    rows, length = u.shape
    if u.size < FEW or length < 2 * BLOCK:
        out[...] = u[:, ::-1] if backwards else u
        _double(out, b)
        if backwards:
            out[...] = out[:, ::-1].copy()
        return
    count, rest = divmod(length, BLOCK)
    powers = np.zeros((rows, 2 * BLOCK))
    powers[:, BLOCK - 1] = 1.0
    powers[:, BLOCK:] = b
    np.multiply.accumulate(powers[:, BLOCK - 1 :], axis=1, out=powers[:, BLOCK - 1 :])
    moves = powers.take(_BACK if backwards else _FORTH, axis=1)
    blocked = slice(rest, None) if backwards else slice(0, length - rest)
    end = 0 if backwards else BLOCK - 1
    blocks = u[:, blocked].reshape(rows, count, BLOCK)
    passed = np.matmul(blocks, moves[:, :, end : end + 1])[:, :, 0]
    entering = np.empty(passed.shape)
    _by_blocks(passed, powers[:, -1:], backwards, entering)
    entering *= b
    if backwards:
        blocks[:, :-1, -1] += entering[:, 1:]
    else:
        blocks[:, 1:, 0] += entering[:, :-1]
    np.matmul(blocks, moves, out=out[:, blocked].reshape(blocks.shape))
    if rest:
        remaining = slice(0, rest) if backwards else slice(length - rest, None)
        u[:, rest - 1 if backwards else length - rest] += entering[:, 0 if backwards else -1]
        last = np.matmul(u[:, None, remaining], moves[:, :rest, :rest])
        out[:, remaining] = last[:, 0]


def _double(rows: Floats, factors: Floats) -> None:
    """Recursive doubling: every element reaches back twice as far in each round."""
    length, reach = rows.shape[-1], 1
    constant = factors.shape[-1] == 1
    if not constant:
        factors = np.array(factors)
        factors[:, 0] = 0.0
    while reach < length:
        if constant:
            rows[:, reach:] += factors * rows[:, :-reach]
            factors = factors * factors
        else:
            rows[:, reach:] += factors[:, reach:] * rows[:, :-reach]
            factors[:, reach:] *= factors[:, :-reach]
        reach *= 2


def _loop(rows: Floats, factors: Floats) -> None:
    """One step after another, with time as the first axis, so that a step's rows lie together."""
    columns, each = rows.T.copy(), factors.T.copy()
    _advance(columns, each)
    rows[...] = columns.T


def _advance(columns: Floats, factors: Floats) -> None:
    """Run over the first axis in place."""
    product = np.empty_like(columns[0])
    before = columns[0]
    for t in range(1, len(columns)):
        np.multiply(factors[t if len(factors) > 1 else 0], before, product)
        before = np.add(columns[t], product, columns[t])


def _by_pieces(rows: Floats, factors: Floats) -> None:
    """Advance all pieces of all rows together from 0, then add what enters each piece.

    What leaves the pieces follows a recurrence again, of a `PIECE`-th of the length.
    """
    columns = _pieces(rows)
    if factors.shape[-1] == 1:
        _advance(columns, factors[None])
        powers = np.cumprod(np.broadcast_to(factors, (len(rows), PIECE)), axis=-1)
        factors = np.asarray(powers.T[:, :, None], dtype=np.float64)
    else:
        factors = _pieces(factors)
        _advance(columns, factors)
        np.cumprod(factors, axis=0, out=factors)
    ends = columns[-1].copy()
    _step(ends, np.ascontiguousarray(factors[-1]))
    columns[:, :, 1:] += (factors[:, :, 1:] if factors.shape[-1] > 1 else factors) * ends[:, :-1]
    rows[...] = columns.transpose(1, 2, 0).reshape(len(rows), -1)[:, : rows.shape[-1]]


def _pieces(rows: Floats) -> Floats:
    """Cut (R, T) into pieces, padded by 0, and return (PIECE, R, pieces)."""
    count = -(-rows.shape[-1] // PIECE)
    padded = np.zeros((len(rows), count * PIECE))
    padded[:, : rows.shape[-1]] = rows
    return padded.reshape(len(rows), count, PIECE).transpose(2, 0, 1).copy()
