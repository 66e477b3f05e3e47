"""Which latents share a factor: found by moving each by itself, and seeing whose slope changes.

The gradient's entry of a latent depends on those that it shares a factor with, and on no other. So
the pattern of the Hessian is exact where it is exactly sparse, whatever the model is made of. From
the pattern follow the globals (coupled with very many), an order of the others in which neighbours
are close, and colours: columns of one colour have no neighbour in common, so that one difference
of the gradient shows all their curvatures at once (Curtis, Powell & Reid 1974).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.inference.target import Target, evaluate

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

MOST = 6_000
"""With more columns, moving each by itself would take too long."""
COUPLED = 1e-6
"""A smaller product of a curvature and both widths counts as none."""
ROWS = 64
MOST_NEIGHBOURS, LOOKED_AT = 200, 256
"""With more neighbours on average, as seen after so many columns, it is not sparse."""
HUB, TIMES, MOST_HUBS = 24, 4, 64
"""A global has more neighbours than the first number and this many times the median."""
WIDEST, MOST_WORK = 1_000, 2e9
"""Bands are not wider than this, and are factored in at most so many multiplications."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The structure of a sparse precision.

    Attributes
    ----------
    shared
        Which columns are globals, (D,).
    rows, columns
        Entries between locals, their own included, both ways, (e,) each, as places among locals.
    order, width
        The order of the locals, (n,), and how far neighbours are apart in it at most.
    colours
        Of the locals, (n,), from 0.
    """

    shared: npt.NDArray[np.bool_]
    rows: Places
    columns: Places
    order: Places
    width: int
    colours: Places

    @property
    def size(self) -> int:
        """How many columns there are."""
        return self.shared.size


def find(target: Target, position: Array, widths: Array) -> Pattern | None:
    """Find the pattern at a position (D,), moving each column by its width, (D,).

    None where it is not known, or has no band narrow enough to be of use.
    """
    size = position.size
    if size > MOST:
        return None
    found = _couplings(target, position, widths)
    if found is None:
        return None
    rows, columns = found
    degrees = np.bincount(rows, minlength=size)
    shared = degrees > max(HUB, TIMES * float(np.median(degrees)))
    if np.count_nonzero(shared) > MOST_HUBS:
        return None
    local = np.flatnonzero(~shared)
    place = np.full(size, -1)
    place[local] = np.arange(local.size)
    inner = (place[rows] >= 0) & (place[columns] >= 0)
    rows, columns = place[rows[inner]], place[columns[inner]]
    order = _order(rows, columns, local.size)
    where = np.empty(local.size, dtype=np.intp)
    where[order] = np.arange(local.size)
    width = int(np.max(np.abs(where[rows] - where[columns]), initial=0))
    if width > WIDEST or float(width) ** 2 * local.size > MOST_WORK:
        return None
    colours = _colours(rows, columns, local.size)
    own = np.arange(local.size)
    every = np.concatenate([rows, own]), np.concatenate([columns, own])
    return Pattern(shared, *every, order, width, colours)


def _couplings(target: Target, position: Array, widths: Array) -> tuple[Places, Places] | None:
    """Return the pairs of different columns that are coupled, both ways; None if very many."""
    size = position.size
    rows, columns = [], []
    for low in range(0, size, ROWS):
        moved = np.arange(low, min(low + ROWS, size))
        positions = np.repeat(position[None], moved.size + 1, axis=0)
        positions[np.arange(moved.size), moved] += widths[moved]
        values, gradients = evaluate(target, positions)
        if not np.isfinite(values).all():
            return None
        change = np.abs(gradients[:-1] - gradients[-1]) * widths
        which, other = np.nonzero(change > COUPLED)
        kept = moved[which] != other
        rows.append(moved[which][kept])
        columns.append(other[kept])
        looked = low + moved.size
        if looked >= LOOKED_AT and sum(map(len, rows)) > MOST_NEIGHBOURS * looked:
            return None
    first, second = np.concatenate(rows), np.concatenate(columns)
    pairs = np.unique(np.concatenate([first * size + second, second * size + first]))
    return pairs // size, pairs % size


def _order(rows: Places, columns: Places, size: int) -> Places:
    """Return an order in which coupled columns are close (reverse Cuthill & McKee 1969)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    graph = csr_matrix((np.ones(rows.size), (rows, columns)), shape=(size, size))
    return np.asarray(reverse_cuthill_mckee(graph, symmetric_mode=True), dtype=np.intp)


def _colours(rows: Places, columns: Places, size: int) -> Places:
    """Colour columns so that those of one colour are not coupled and share no neighbour."""
    starts = np.searchsorted(rows, np.arange(size + 1))
    near = [columns[starts[i] : starts[i + 1]].tolist() for i in range(size)]
    return coloured(
        size, ((i, set(near[i]).union(*(near[j] for j in near[i]))) for i in range(size))
    )


def coloured(size: int, apart: Iterable[tuple[int, Collection[int]]]) -> Places:
    """Colour columns in turn, each unlike those that it must be apart from.

    Columns that have no turn keep the colour -1.
    """
    colours = np.full(size, -1)
    for column, others in apart:
        taken = {int(colours[other]) for other in others if other != column}
        colour = 0
        while colour in taken:
            colour += 1
        colours[column] = colour
    return colours
