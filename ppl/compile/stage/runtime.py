"""What emitted source calls besides NumPy: segment sums, choices and scatters into given arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Segments:
    """Sums of rows that share a position: the adjoint of a gather.

    Parameters
    ----------
    index
        The position of each row, from 0; shape (N,).
    size
        The number of positions.
    """

    def __init__(self, index: Array, size: int) -> None:
        self.size = size
        self.index = index
        self.sorted = bool((index[1:] >= index[:-1]).all())
        self.order = None if self.sorted else np.argsort(index, kind="stable")
        grouped = index if self.sorted else index[self.order]
        starts = np.flatnonzero(np.diff(grouped, prepend=-1))
        self.starts = starts
        self.found = grouped[starts]
        self.all_found = len(starts) == size

    def __repr__(self) -> str:
        return f"Segments({len(self.index)} rows to {self.size})"

    def sum(self, g: Array, axis: int) -> Array:
        """Return the sums along an axis of g, which has length N there; new memory."""
        if not len(self.starts):
            return np.zeros((*g.shape[:axis], self.size, *g.shape[axis + 1 :]))
        if g.size == len(self.index):
            shape = (*g.shape[:axis], self.size, *g.shape[axis + 1 :])
            return np.bincount(self.index, g.reshape(-1), self.size).reshape(shape)
        rows = g if self.order is None else np.take(g, self.order, axis)
        sums: Array = np.add.reduceat(rows, self.starts, axis)
        if self.all_found:
            return sums
        result = np.zeros((*g.shape[:axis], self.size, *g.shape[axis + 1 :]))
        result[(slice(None),) * axis + (self.found,)] = sums
        return result


def where_into(condition: Array, yes: Array, no: Array, out: Array) -> Array:
    """Choose elementwise into `out`."""
    np.copyto(out, no)
    np.copyto(out, yes, where=np.not_equal(condition, 0) if condition.dtype != bool else condition)
    return out
