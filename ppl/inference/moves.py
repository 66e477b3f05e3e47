"""Which normals are moved together, so that few gradients show a whole precision.

From the pattern of the curvature: hubs, coupled with very many, move by themselves; of the others,
those that have no neighbour in common move together (Curtis, Powell & Reid 1974). What hubs share
with the others is known from the hubs' own moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.inference.pattern import coloured

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

HUB, TIMES, SPARSE = 4, 3, 12
"""A hub has more neighbours than the first number and so many times the median; a pattern with
more neighbours than the last number on average is not worth colouring."""


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Moves of d normals.

    Attributes
    ----------
    steps
        Which move in each, of 0 and 1, (m, d).
    entries
        Row and column of each entry of the precision that is not 0; the normal whose slope shows
        it, the one that moves, and in which move.
    quantities
        Of each dependence of a quantity: the quantity, the normal that moves, in which move.
    size
        Number of quantities.
    """

    steps: Array
    entries: tuple[Places, Places, Places, Places, Places]
    quantities: tuple[Places, Places, Places]
    size: int

    @property
    def count(self) -> int:
        """Number of moves."""
        return len(self.steps)

    def precision(self, slopes: Array, widths: Array) -> Array:
        """Return precisions (n, d, d) from slopes before and after each move, (n, 1 + m, d)."""
        row, column, seen, moved, move = self.entries
        change = slopes[:, :1] - slopes[:, 1:]
        size = slopes.shape[2]
        precision = np.zeros((len(slopes), size, size))
        precision[:, row, column] = change[:, move, seen] / widths[moved]
        return 0.5 * (precision + precision.transpose(0, 2, 1))

    def slopes(self, values: Array, widths: Array) -> Array:
        """Return slopes (n, d, r) of quantities from their values, (n, 1 + m, r)."""
        which, moved, move = self.quantities
        change = values[:, 1:] - values[:, :1]
        slopes = np.zeros((len(values), widths.size, self.size))
        slopes[:, moved, which] = change[:, move, which] / widths[moved]
        return slopes


def single(coupled: Mask, depends: Mask) -> Moves:
    """Return moves of one normal each.

    Parameters
    ----------
    coupled
        Which normals share a factor, (d, d).
    depends
        Which quantity depends on which normal, (r, d).
    """
    row, column = np.nonzero(coupled)
    which, moved = np.nonzero(depends)
    steps = np.eye(len(coupled))
    return Moves(steps, (row, column, row, column, column), (which, moved, moved), len(depends))


def together(coupled: Mask, depends: Mask) -> Moves:
    """Return as few moves as are found; see `single`."""
    degrees = coupled.sum(axis=0)
    hub = degrees > max(HUB, TIMES * float(np.median(degrees)))
    others = coupled & ~hub & ~hub[:, None]
    if np.count_nonzero(others) > SPARSE * len(coupled):
        return single(coupled, depends)
    colours = np.empty(len(coupled), dtype=np.intp)
    colours[hub] = np.arange(np.count_nonzero(hub))
    colours[~hub] = _colours(others, depends, hub)[~hub] + np.count_nonzero(hub)
    steps = (np.arange(colours.max() + 1)[:, None] == colours).astype(np.float64)
    row, column = np.nonzero(coupled)
    mirrored = hub[row] & ~hub[column]
    seen, moved = np.where(mirrored, column, row), np.where(mirrored, row, column)
    which, by = np.nonzero(depends)
    entries = row, column, seen, moved, colours[moved]
    return Moves(steps, entries, (which, by, colours[by]), len(depends))


def _colours(coupled: Mask, depends: Mask, hub: Mask) -> Places:
    """Colour normals so that those of one colour have no neighbour and no quantity in common."""
    near: list[set[int]] = [set(np.flatnonzero(row).tolist()) for row in coupled]
    users = [np.flatnonzero(row & ~hub).tolist() for row in depends]
    shared: list[set[int]] = [set() for _ in near]
    for user in users:
        for normal in user:
            shared[normal].update(user)
    chosen = np.flatnonzero(~hub).tolist()
    return coloured(len(near), ((i, shared[i].union(*(near[j] for j in near[i]))) for i in chosen))
