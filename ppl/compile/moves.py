"""Orthogonal changes of latents: positions of an axis exchanged, signs changed, factors turned.

One matrix acts along an axis of each of some variables. It is orthogonal, so that volumes stay as
they are; on vectors from a set, such as the shares of a simplex, it acts on the values themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.compile.program import Column

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Handle:
    """An axis of a variable, on which a matrix acts; None for the variable as a whole.

    Attributes
    ----------
    column
        The variable's block of the flat vector.
    axis
        Of the variable.
    size
        Of that axis; 1 for the variable as a whole.
    ndim
        Number of the variable's axes.
    """

    column: Column
    axis: int | None
    size: int
    ndim: int

    @property
    def inside(self) -> bool:
        """Whether it is an axis of the vectors or matrices that the variable's set has."""
        return self.axis is not None and self.axis >= self.ndim - self.column.constraint.event_ndim

    @property
    def is_real(self) -> bool:
        """Whether the values may be any numbers, so that sums and signs of them make sense."""
        return self.column.constraint.name == "real"


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A matrix (K, K) that acts along each of some axes of size K."""

    matrix: Array
    handles: tuple[Handle, ...]

    def apply(self, positions: Array) -> Array:
        """Return positions (S, D) of the flat vector, moved; NaN where they leave a set."""
        moved = positions.copy()
        for column, handles in _by_column(self.handles):
            part = slice(column.start, column.stop)
            block = positions[:, part].reshape(len(positions), *column.shape)
            if any(handle.inside for handle in handles):
                bijection = column.constraint.bijection
                assert bijection is not None
                values = self._along(bijection.forward(block), handles)
                with np.errstate(all="ignore"):
                    block = bijection.inverse(values)
            else:
                block = self._along(block, handles)
            moved[:, part] = block.reshape(len(positions), -1)
        return moved

    def log_volume(self, positions: Array) -> Array:
        """Return the log-Jacobians (S,) of the sets on whose values it acts."""
        total = np.zeros(len(positions))
        for column, handles in _by_column(self.handles):
            bijection = column.constraint.bijection
            if column.kind == "parameter" or not any(handle.inside for handle in handles):
                continue
            assert bijection is not None
            block = positions[:, column.start : column.stop].reshape(len(positions), *column.shape)
            with np.errstate(all="ignore"):
                each = np.asarray(bijection.log_jacobian(block, bijection.forward(block)))
            total += each.reshape(len(positions), -1).sum(axis=1)
        return total

    def on_values(self, name: str, values: Array) -> Array:
        """Return a variable's values (S, ...), moved."""
        return self._along(values, [h for h in self.handles if h.column.key == name])

    def _along(self, block: Array, handles: Iterable[Handle]) -> Array:
        for handle in handles:
            if handle.axis is None:
                block = block * self.matrix[0, 0]
            else:
                turned = np.tensordot(block, self.matrix, axes=([handle.axis + 1], [1]))
                block = np.moveaxis(turned, -1, handle.axis + 1)
        return block


def _by_column(handles: Iterable[Handle]) -> list[tuple[Column, list[Handle]]]:
    found: dict[str, tuple[Column, list[Handle]]] = {}
    for handle in handles:
        found.setdefault(handle.column.key, (handle.column, []))[1].append(handle)
    return list(found.values())


def exchange(size: int, first: int, second: int) -> Array:
    """Return the matrix that exchanges two of so many positions."""
    order = np.arange(size)
    order[[first, second]] = second, first
    return np.eye(size)[order]


def cycle(size: int) -> Array:
    """Return the matrix that moves every position by one."""
    return np.roll(np.eye(size), 1, axis=0)


def flip(size: int, position: int) -> Array:
    """Return the matrix that changes the sign of one position."""
    signs = np.ones(size)
    signs[position] = -1.0
    return np.diag(signs)


def rotation(size: int, rng: np.random.Generator) -> Array:
    """Return a random orthogonal matrix."""
    turned, _ = np.linalg.qr(rng.standard_normal((size, size)))
    return np.asarray(turned, dtype=np.float64)
