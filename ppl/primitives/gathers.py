"""Reading at positions: ``x[index]`` along an axis, whose gradient is a segmented sum.

`gather` and `segment_sum` are each other's derivative, so all higher derivatives exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.primitives.differentiation import defvjp, primitive

MANY_ROWS = 8
"""From this many batches on, sorted segments are summed by ``reduceat``, else by ``bincount``."""


@primitive
def gather(x: Any, index: Any, axis: int = -1) -> Any:
    """Return x at positions along an axis.

    Parameters
    ----------
    x : array, (..., J, ...)
    index : array of integers, of any shape, with values in 0..J-1
    axis : int
        Which axis of x; it is replaced by the axes of `index`.
    """
    return np.take(x, index, axis)


@primitive
def segment_sum(g: Any, index: Any, axis: int, size: int) -> Any:
    """Return, at each of `size` positions along an axis, the sum of g where `index` points there.

    Parameters
    ----------
    g : array
        With the axes of `index` from `axis` on (counted as in the result, from the left).
    """
    index = np.asarray(index)
    before, after = g.shape[:axis], g.shape[axis + index.ndim :]
    if not index.size:
        return np.zeros((*before, size, *after))
    rows = g.reshape((-1, index.size, *after))
    if after:
        rows = np.moveaxis(rows, 1, -1)
    flat = _sum_rows(np.ascontiguousarray(rows).reshape(-1, index.size), index.ravel(), size)
    if not after:
        return flat.reshape((*before, size))
    return np.moveaxis(flat.reshape((-1, *after, size)), -1, 1).reshape((*before, size, *after))


def _sum_rows(rows: Any, index: Any, size: int) -> Any:
    """Return (batches, size) from (batches, rows): the fastest of the ways measured."""
    batches = len(rows)
    if batches == 1:
        return np.bincount(index, weights=rows[0], minlength=size)[None]
    if batches >= MANY_ROWS and index.size and np.all(index[1:] >= index[:-1]):
        starts = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
        sums = np.add.reduceat(rows, starts, axis=1)
        if len(starts) == size:
            return sums
        result = np.zeros((batches, size))
        result[:, index[starts]] = sums
        return result
    places = index + size * np.arange(batches)[:, None]
    return np.bincount(places.ravel(), rows.ravel(), batches * size).reshape(batches, size)


def _gather_vjp(ans: Any, x: Any, index: Any, axis: int = -1) -> Any:
    axis = axis % np.ndim(x)
    size = x.shape[axis]
    return lambda g: segment_sum(g, index, axis, size)


defvjp(gather, _gather_vjp)
defvjp(
    segment_sum,
    lambda ans, g, index, axis, size: lambda h: gather(h, index, axis),
)


@primitive
def pick(p: Any, x: Any) -> Any:
    """Return ``p[..., x]``: of each last axis the one number at x.

    Parameters
    ----------
    p : array, (..., K)
    x : array of integers, (...)
        Leading axes of both are broadcast against each other.
    """
    return np.take(np.ravel(p), _flat_places(p, x))


@primitive
def _put(g: Any, x: Any, p: Any) -> Any:
    """Return an array like p with the sums of g at the places that `pick` read."""
    places = np.broadcast_to(_flat_places(p, x), np.shape(g))
    size = int(np.size(p))
    return np.bincount(places.ravel(), np.ravel(g), size).reshape(np.shape(p))


def _flat_places(p: Any, x: Any) -> Any:
    shape = np.shape(p)
    x = np.asarray(x).astype(np.intp)
    if len(shape) == 1:
        return x
    starts = np.arange(0, int(np.prod(shape)), shape[-1]).reshape(shape[:-1])
    return starts + x


defvjp(pick, lambda ans, p, x: lambda g: _put(g, x, p), None)
defvjp(_put, lambda ans, g, x, p: lambda h: pick(h, x), None, None)
