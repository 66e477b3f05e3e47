"""Positions in levels, each coupled with its neighbours only: summed out as chains.

The levels of a connected group of positions are their distances from some first ones. A hidden
Markov model has one position in each level, one of second order two, coupled chains one of each.
Positions that very many others are coupled with (the class of a subject, a change point) stand
beside the chains: they are the *scope*, and each of their states has a chain of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ppl.compile.batches import LINE, Batch
from ppl.compile.coupling import Coupling, Variables, same_rows
from ppl.compile.tables import Chain, Factor, Link, Operation, Places

Mask = NDArray[np.bool_]
Scope = tuple[tuple[int, ...], tuple[int, ...]]
HUB, TIMES = 8, 4
"""In the scope is what is coupled with more than so many, and with so many times the median."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Groups of positions with the same number of levels and the same scope.

    Attributes
    ----------
    names
        Of the slots, then of the scope.
    slots
        Name (its number) of each slot.
    places
        (chains, levels, slots): numbers of positions, -1 where a slot is empty.
    scope
        (chains, positions): numbers.
    table, entries
        Entries of the table of one step, and of all tables.
    """

    names: tuple[str, ...]
    slots: tuple[int, ...]
    places: Places
    scope: Places
    table: float
    entries: float

    @property
    def price(self) -> float:
        """Cost for each position that is summed out."""
        cost = self.table * float(prod(self.places.shape[:2]))
        return (cost + LINE) / float((self.places >= 0).sum())


def levels_of(coupling: Coupling) -> Iterator[Levels | Batch]:
    """Yield the ways to sum positions out by levels; a batch where an end has to be cut off first.

    There are none where no name is coupled with itself: then batches do.
    """
    name_of = coupling.variables.name_of
    low, high = coupling.edges.T
    if not len(low) or (not (name_of[low] == name_of[high]).any() and len(low) < 3):
        return
    degrees = coupling.degrees()
    usual = float(np.median(degrees[coupling.alive]))
    hubs = degrees > max(HUB, TIMES * usual)
    for beside in [hubs, np.zeros_like(hubs)] if hubs.any() else [hubs]:
        inside = coupling.alive & ~beside & (degrees > 0)
        if inside.any():
            yield from _grouped(coupling, inside, beside)


def _grouped(coupling: Coupling, inside: Mask, beside: Mask) -> Iterator[Levels | Batch]:
    """Yield the levels of all connected groups, put together where they are alike."""
    variables = coupling.variables
    edges = coupling.edges[inside[coupling.edges].all(axis=1)]
    group = _components(edges, inside)
    first = np.unique(group[inside], return_index=True)[1]
    level = _distances(edges, np.flatnonzero(inside)[first], inside)
    shape = _Shape.of(variables, group, level, inside)
    again = _distances(edges, shape.as_many_first(), inside)
    better = _Shape.of(variables, group, again, inside)
    if better.cost() <= shape.cost():
        shape = better
    ends = shape.partial_ends()
    scope = _scopes(coupling, group, inside, beside)
    lengths = np.zeros(len(first), dtype=np.intp)
    np.maximum.at(lengths, shape.group, shape.level + 1)
    for rows in _alike(lengths, scope):
        yield from _one(shape, rows, int(lengths[rows[0]]), scope, group, ends, coupling)


def _one(
    shape: _Shape,
    rows: Places,
    length: int,
    scope: list[Scope],
    group: Places,
    ends: Places,
    coupling: Coupling,
) -> Iterator[Levels | Batch]:
    """Yield the levels of groups that are alike."""
    variables = coupling.variables
    index = np.full(int(shape.group.max()) + 1, -1, dtype=np.intp)
    index[rows] = np.arange(len(rows))
    mine = index[shape.group] >= 0
    numbers, level, kind, ordinal = (
        a[mine] for a in (shape.numbers, shape.level, shape.kind, shape.ordinal)
    )
    codes = kind * (ordinal.max() + 1) + ordinal
    slots, slot = np.unique(codes, return_inverse=True)
    laid = tuple(int(c) for c in slots // (ordinal.max() + 1))
    states = [variables.states[variables.names[k]] for k in laid]
    beside = np.array([scope[r][1] for r in rows], dtype=np.intp).reshape(len(rows), -1)
    other = [variables.states[variables.names[k]] for k in scope[rows[0]][0]]
    wide = float(prod(map(float, states)))
    table = wide * wide * float(prod(map(float, other))) if length > 1 else wide
    cost = table * len(rows) * length
    entries = cost / (wide if length > 1 else 1.0)
    cut = ends[np.isin(ends, numbers)]
    every = tuple(dict.fromkeys(variables.names[k] for k in (*laid, *scope[rows[0]][0])))
    if len(cut) and length > 3:
        alone = cut[variables.name_of[cut] == variables.name_of[cut[0]]]
        last = np.unique(group[alone][::-1], return_index=True)[1]
        alone = np.sort(alone[::-1][last])
        tables = np.exp(coupling.log_sizes()[alone])
        names = (variables.names[variables.name_of[alone[0]]], *every)
        yield _Cut(names, alone, float(tables.max()), float(tables.sum()), cost / len(numbers))
        return
    places = np.full((len(rows), length, len(slots)), -1, dtype=np.intp)
    places[index[shape.group[mine]], level, slot.reshape(-1)] = numbers
    yield Levels(every, laid, places, beside, table, entries)


@dataclass(frozen=True, slots=True)
class _Cut(Batch):
    """An end of chains that has fewer positions than the levels before: summed out first.

    `then` is the cost of each position of the chains that are left.
    """

    then: float

    @property
    def price(self) -> float:
        """Cost for each position of the chains."""
        return self.then


@dataclass(frozen=True, slots=True)
class _Shape:
    """The positions of connected groups: group, level, name and number within the level."""

    numbers: Places
    group: Places
    level: Places
    kind: Places
    ordinal: Places
    log_states: NDArray[np.float64]

    @classmethod
    def of(cls, variables: Variables, group: Places, level: Places, inside: Mask) -> _Shape:
        numbers = np.flatnonzero(inside)
        group, level, kind = group[numbers], level[numbers], variables.name_of[numbers]
        order = np.lexsort((numbers, kind, level, group))
        numbers, group, level, kind = (a[order] for a in (numbers, group, level, kind))
        new = np.ones(len(numbers), dtype=bool)
        new[1:] = (np.diff(group) != 0) | (np.diff(level) != 0) | (np.diff(kind) != 0)
        start = np.maximum.accumulate(np.where(new, np.arange(len(numbers)), 0))
        ordinal = np.arange(len(numbers)) - start
        return cls(numbers, group, level, kind, ordinal, variables.log_states[numbers])

    def cost(self) -> tuple[float, int]:
        """Return the log states of the widest level, and how many positions others lack."""
        codes = self.kind * (self.ordinal.max() + 1) + self.ordinal
        _, where = np.unique(codes, return_index=True)
        span = self.group * (self.level.max() + 1) + self.level
        lacking = len(np.unique(span)) * len(where) - len(self.numbers)
        return round(float(self.log_states[where].sum()), 9), lacking

    def as_many_first(self) -> Places:
        """Return, of each group, as many first positions of each name as a usual level has."""
        chosen = []
        low = np.lexsort((self.numbers, self.kind, self.group))
        kind, group = self.kind[low], self.group[low]
        new = np.ones(len(low), dtype=bool)
        new[1:] = (np.diff(group) != 0) | (np.diff(kind) != 0)
        start = np.maximum.accumulate(np.where(new, np.arange(len(low)), 0))
        place = np.arange(len(low)) - start
        for name in np.unique(kind):
            usual = int(self.ordinal[self.kind == name].max()) + 1
            chosen.append(self.numbers[low][(kind == name) & (place < usual)])
        return np.concatenate(chosen)

    def partial_ends(self) -> Places:
        """Return the positions of last levels that are not as full as the one before."""
        codes = self.group * (self.level.max() + 2) + self.level
        spans, at, counts = np.unique(codes, return_index=True, return_counts=True)
        last = np.ones(len(spans), dtype=bool)
        last[:-1] = self.group[at[1:]] != self.group[at[:-1]]
        fewer = np.zeros(len(spans), dtype=bool)
        fewer[1:] = last[1:] & (self.group[at[1:]] == self.group[at[:-1]])
        fewer[1:] &= counts[1:] < counts[:-1]
        return self.numbers[np.isin(codes, spans[fewer])]


def _components(edges: Places, inside: Mask) -> Places:
    """Return the number of each position's connected group, counted over those inside."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(inside)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)).tocsr()
    labels = connected_components(graph, directed=False)[1]
    found = np.zeros(count, dtype=np.intp)
    found[inside] = np.unique(labels[inside], return_inverse=True)[1].reshape(-1)
    return found


def _distances(edges: Places, first: Places, inside: Mask) -> Places:
    """Return the distance of every position from the nearest of some first ones."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    count = len(inside)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)).tocsr()
    found = dijkstra(graph, directed=False, indices=first, unweighted=True, min_only=True)
    return np.where(np.isfinite(found), found, 0).astype(np.intp)


def _scopes(coupling: Coupling, group: Places, inside: Mask, beside: Mask) -> list[Scope]:
    """Return, for each group, names and numbers of the positions beside that it is coupled with."""
    name_of = coupling.variables.name_of
    found: list[set[int]] = [set() for _ in range(int(group[inside].max()) + 1)]
    low, high = coupling.edges.T
    for one, two in ((low, high), (high, low)):
        both = inside[one] & beside[two]
        pairs = np.unique(np.stack((group[one[both]], two[both]), axis=1), axis=0)
        for which, number in pairs:
            found[which].add(int(number))
    ordered = [sorted(numbers, key=lambda n: (name_of[n], n)) for numbers in found]
    return [(tuple(int(name_of[n]) for n in numbers), tuple(numbers)) for numbers in ordered]


def _alike(lengths: Places, scope: list[Scope]) -> Iterator[Places]:
    """Yield groups with the same number of levels and the same names beside them."""
    kinds: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for number, length in enumerate(lengths):
        kinds.setdefault((int(length), scope[number][0]), []).append(number)
    for members in kinds.values():
        yield np.array(members, dtype=np.intp)


# -------------------------------------------------------------------------------------- operation


def chain_of(
    levels: Levels, factors: Sequence[Factor], variables: Variables, key: str
) -> tuple[list[tuple[Operation, Factor]], list[Factor]]:
    """Return the operation with the factor that it makes, and what is left of the old ones."""
    chains = len(levels.places)
    where = np.full((3, variables.count), -1, dtype=np.intp)
    filled = np.argwhere(levels.places >= 0)
    where[:, levels.places[levels.places >= 0]] = filled.T
    width = levels.scope.shape[1]
    beside = np.full((chains, variables.count), -1, dtype=np.int8) if width else None
    if beside is not None:
        for k in range(width):
            beside[np.arange(chains), levels.scope[:, k]] = k
    links: list[Link] = []
    left: list[Factor] = []
    for factor in factors:
        numbers = variables.numbers(factor) if factor.names else factor.places
        chain = where[0][numbers]
        touched = (chain >= 0).any(axis=1) if factor.names else np.zeros(len(numbers), dtype=bool)
        rows = np.flatnonzero(touched)
        if not len(rows):
            left.append(factor)
            continue
        links.extend(_links(factor, rows, numbers[rows], where, beside, width, levels))
        rest = np.flatnonzero(~touched)
        if len(rest):
            taken = None if factor.repeated else factor.rows_of(rest)
            left.append(
                Factor(factor.key, factor.names, factor.places[rest], factor.repeated, taken)
            )
    names = tuple(variables.names[k] for k in levels.slots)
    flat = np.where(levels.places >= 0, variables.flat(np.maximum(levels.places, 0)), -1)
    scope_names = tuple(variables.names[variables.name_of[n]] for n in levels.scope[0])
    scope = tuple((n, variables.flat(levels.scope[:, k])) for k, n in enumerate(scope_names))
    operation = Chain(
        key,
        names,
        flat,
        scope,
        tuple(links),
        tuple(variables.states[n] for n in scope_names),
        tuple(variables.states[n] for n in names),
    )
    remaining = np.empty((chains, 0), dtype=np.intp)
    if width:
        remaining = np.stack([p for _, p in scope], axis=1)
    return [(operation, Factor(key, scope_names, remaining, repeated=False))], left


def _links(
    factor: Factor,
    rows: Places,
    numbers: Places,
    where: Places,
    beside: NDArray[np.int8] | None,
    width: int,
    levels: Levels,
) -> Iterator[Link]:
    """Yield what a factor adds to chains: one link for each way its axes lie in the levels."""
    chains, length, slots = levels.places.shape
    chain, level, slot = (w[numbers] for w in where)
    inside = chain >= 0
    own = chain.max(axis=1)
    base = np.where(inside, level, length).min(axis=1)
    step = np.where(inside, level - base[:, None], 0)
    pair = step.max(axis=1)
    axes = width + slot + slots * step
    if beside is not None:
        axes = np.where(inside, axes, beside[own[:, None], numbers])
    assert (axes >= 0).all(), "a factor reaches beside its chain"
    assert (pair <= 1).all(), "a factor reaches beyond its chain's levels"
    patterns, which = same_rows([*axes.T, pair])
    for number, pattern in enumerate(patterns):
        at = np.flatnonzero(which == number)
        is_pair = bool(pattern[-1])
        table = np.full((chains, length - 1 if is_pair else length), -1, dtype=np.intp)
        table[own[at], base[at]] = factor.rows_of(rows[at])
        one = factor.repeated and bool((table >= 0).all())
        laid = tuple(int(a) for a in pattern[:-1])
        yield Link(factor.key, None if one else table, laid, is_pair)
