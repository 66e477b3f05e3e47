"""Positions of one name, no two of them coupled, summed out side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ppl.compile.coupling import Coupling, Variables, same_rows
from ppl.compile.tables import Factor, Input, Places, SumOut

LINE = 2.0**14
"""What a step costs besides its tables, in entries: its lines of source, and their calls."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Positions of a name to be summed out.

    Attributes
    ----------
    names
        The name, then those that it is coupled with.
    numbers
        The positions, rising.
    table, entries
        Entries of the largest table, and of all of them.
    """

    names: tuple[str, ...]
    numbers: Places
    table: float
    entries: float

    @property
    def price(self) -> float:
        """Cost for each position that is summed out."""
        return (self.entries + LINE) / len(self.numbers)


def batch_of(coupling: Coupling, name: str) -> Batch | None:
    """Return the cheap positions of a name that can be summed out side by side.

    Cheap is what has the smallest tables, and what is coupled with two others at most: to sum that
    out makes no elimination worse (Bodlaender 1998, "A partial k-arboretum").
    """
    variables = coupling.variables
    own = np.flatnonzero(coupling.alive & (variables.name_of == variables.names.index(name)))
    if not len(own):
        return None
    sizes = coupling.log_sizes()
    least = max(sizes[own].min(), 3 * variables.log_states[coupling.alive].max())
    chosen = np.zeros(variables.count, dtype=bool)
    chosen[own[sizes[own] <= least + 1e-9]] = True
    _keep_apart(chosen, coupling, sizes)
    numbers = np.flatnonzero(chosen)
    with np.errstate(over="ignore"):
        tables = np.exp(sizes[numbers])
    touched = chosen[coupling.edges].any(axis=1)
    others = np.unique(variables.name_of[coupling.edges[touched]])
    near = tuple(variables.names[k] for k in others if variables.names[k] != name)
    return Batch((name, *near), numbers, float(tables.max()), float(tables.sum()))


def _keep_apart(chosen: NDArray[np.bool_], coupling: Coupling, sizes: NDArray[np.float64]) -> None:
    """Of chosen positions that are coupled, keep one: small tables first, then by lot."""
    low, high = coupling.edges[chosen[coupling.edges].all(axis=1)].T
    if not len(low):
        return
    lot = np.random.default_rng(0).permutation(len(chosen))
    rank = np.empty(len(chosen), dtype=np.intp)
    rank[np.lexsort((lot, np.round(sizes, 9)))] = np.arange(len(chosen))
    first = rank[low] < rank[high]
    chosen[np.where(first, high, low)] = False


def sum_out(
    batch: Batch, factors: Sequence[Factor], variables: Variables, key: str
) -> tuple[list[tuple[SumOut, Factor]], list[Factor]]:
    """Return the operations with the factors that they make, and what is left of the old ones."""
    name = batch.names[0]
    places = variables.flat(batch.numbers)
    index = np.full(variables.count, -1, dtype=np.intp)
    index[batch.numbers] = np.arange(len(batch.numbers))
    touches: list[_Touch] = []
    left: list[Factor] = []
    for factor in factors:
        if name not in factor.names:
            left.append(factor)
            continue
        numbers = variables.numbers(factor)
        free = np.ones(len(numbers), dtype=bool)
        for column, other in enumerate(factor.names):
            if other == name:
                at = index[numbers[:, column]]
                rows = np.flatnonzero(at >= 0)
                if len(rows):
                    touches.append(_Touch.of(factor, column, numbers, rows, at[rows], len(places)))
                free[rows] = False
        rest = np.flatnonzero(free)
        if len(rest) == len(numbers):
            left.append(factor)
        elif len(rest):
            taken = None if factor.repeated else factor.rows_of(rest)
            left.append(replace(factor, places=factor.places[rest], rows=taken))
    made = []
    for number, (which, inputs, scope) in enumerate(_patterns(touches, len(places))):
        names = tuple(variables.names[variables.name_of[c[0]]] for c in scope)
        flat = [variables.flat(c) for c in scope]
        sizes = (*(variables.states[n] for n in names), variables.states[name])
        own = key if number == 0 else f"{key}.{number}"
        pairs = tuple(zip(names, flat, strict=True))
        operation = SumOut(own, name, places[which], inputs, pairs, sizes)
        remaining = np.stack(flat, axis=1) if flat else np.empty((len(which), 0), dtype=np.intp)
        made.append((operation, Factor(own, names, remaining, repeated=False)))
    return made, left


@dataclass(frozen=True, slots=True)
class _Touch:
    """The rows of a factor that speak of a batch in one of its axes, ordered by position."""

    factor: Factor
    column: int
    rows: Places
    others: Places
    starts: Places
    counts: Places

    @classmethod
    def of(
        cls, factor: Factor, column: int, numbers: Places, rows: Places, at: Places, count: int
    ) -> _Touch:
        order = np.argsort(at, kind="stable")
        rows = rows[order]
        counts = np.bincount(at, minlength=count)
        starts = np.cumsum(counts) - counts
        others = np.delete(numbers[rows], column, axis=1)
        return cls(factor, column, rows, others, starts, counts)


Pattern = tuple[Places, tuple[Input, ...], tuple[Places, ...]]


def _patterns(touches: Sequence[_Touch], count: int) -> list[Pattern]:
    """Group positions by which rows of which factors meet there, and how.

    Returns
    -------
    list
        For each group: which positions, what is added there, and the numbers of the positions of
        each axis of the scope.
    """
    found: list[Pattern] = []
    kinds, which = same_rows([t.counts for t in touches])
    for kind, numbers in enumerate(kinds):
        places = np.flatnonzero(which == kind)
        slots = [
            (t, t.starts[places] + r)
            for t, n in zip(touches, numbers, strict=True)
            for r in range(n)
        ]
        columns = [t.others[at, k] for t, at in slots for k in range(t.others.shape[1])]
        labels = _first_of_the_same(columns, len(places))
        patterns, of = (
            same_rows(labels) if labels else (np.empty((1, 0), int), np.zeros(len(places), int))
        )
        for one, pattern in enumerate(patterns):
            members = np.flatnonzero(of == one)
            kept = list(dict.fromkeys(int(k) for k in pattern))
            scope = tuple(columns[k][members] for k in kept)
            axes = [kept.index(int(k)) for k in pattern]
            inputs = []
            for touch, at in slots:
                width = touch.others.shape[1]
                laid, axes = axes[:width], axes[width:]
                laid.insert(touch.column, len(kept))
                inputs.append(_input(touch, at[members], tuple(laid)))
            found.append((places[members], tuple(inputs), scope))
    return found


def _first_of_the_same(columns: Sequence[Places], count: int) -> list[Places]:
    """Return, for each column and row, the first column that has the same number there."""
    labels = []
    for k, column in enumerate(columns):
        label = np.full(count, k, dtype=np.intp)
        for first in range(k - 1, -1, -1):
            label[columns[first] == column] = first
        labels.append(label)
    return labels


def _input(touch: _Touch, at: Places, axes: tuple[int, ...]) -> Input:
    factor = touch.factor
    if factor.repeated:
        return Input(factor.key, None, axes)
    rows = factor.rows_of(touch.rows[at])
    whole = factor.rows is None and len(rows) == len(factor.places)
    if whole and np.array_equal(rows, np.arange(len(rows))):
        return Input(factor.key, None, axes)
    return Input(factor.key, rows, axes)
