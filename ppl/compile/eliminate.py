"""Discrete latents summed out exactly: variable elimination, planned when data are bound.

A *factor* is a table of log potentials: rows, and one axis of states for each discrete variable
that a row speaks of, at a position that the data decide. A whole name is eliminated at once: at
each of its positions, the rows that speak of it are added and summed over its states, which leaves
a factor on what else those rows speak of. A name that speaks of itself at the next position is a
chain. Names are taken in a greedy order whose cost counts positions, not names.

Koller & Friedman (2009), "Probabilistic Graphical Models", chapter 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
LARGEST = 2**24
"""A table has at most so many entries for each draw."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A table (draws, rows, states of each variable in order).

    Attributes
    ----------
    key
        The name of its array.
    names
        The variable of each axis of states.
    places
        (rows, variables): the flat position of each variable in each row.
    repeated
        Whether the array has one row that stands for all.
    """

    key: str
    names: tuple[str, ...]
    places: Places
    repeated: bool

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.places)


@dataclass(frozen=True, slots=True)
class Merge:
    """Rows that speak of the same positions are added: row r goes to row ``into[r]``.

    `axes` is the number of axes of states; `counts` is set where one row stands for all.
    """

    key: str
    source: str
    into: Places
    rows: int
    axes: int
    counts: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Input:
    """A factor as it enters a sum: which rows, and which axis each axis of states becomes."""

    source: str
    rows: Places | None
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SumOut:
    """At some positions of a name, inputs are added and the name's states summed out.

    Attributes
    ----------
    key
        The new factor; ``key.full`` is the table before the sum.
    name
        The eliminated name.
    places
        Its flat positions, one for each row.
    inputs
        What is added.
    scope
        Name and flat positions, by row, of each remaining axis, before the name's own.
    sizes
        Numbers of states of the remaining axes, then the name's own.
    """

    key: str
    name: str
    places: Places
    inputs: tuple[Input, ...]
    scope: tuple[tuple[str, Places], ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """A name whose positions form chains of equal length is summed out by a scan.

    Attributes
    ----------
    key
        The new factor, one row for each chain.
    name
        The name.
    places
        (chains, length): flat positions along each chain.
    unary
        Inputs on single positions, each with its row for (chain, step), -1 where it has none.
    pairs
        Inputs on pairs: source, rows (chains, length - 1) or None if one row serves all, and
        whether the axes are (from, to).
    states
        Number of states.
    """

    key: str
    name: str
    places: Places
    unary: tuple[tuple[str, Places | None], ...]
    pairs: tuple[tuple[str, Places | None, bool], ...]
    states: int


Operation = Merge | SumOut | Chain


def sources(operation: Operation) -> list[str]:
    """Return the factors that an operation reads."""
    match operation:
        case Merge(source=source):
            return [source]
        case SumOut(inputs=inputs):
            return [i.source for i in inputs]
        case Chain(unary=unary, pairs=pairs):
            return [*(s for s, _ in unary), *(s for s, _, _ in pairs)]


def states_before(operation: SumOut | Chain) -> list[str]:
    """Return the names whose states must be drawn before those of this operation's name."""
    return [n for n, _ in operation.scope] if isinstance(operation, SumOut) else []


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations in order, and the factors that are left: their rows are terms."""

    operations: tuple[Operation, ...]
    rest: tuple[Factor, ...]


class TooLarge(Exception):
    """A table would be too large."""

    def __init__(self, names: Sequence[str], entries: float) -> None:
        super().__init__(names, entries)
        self.names, self.entries = tuple(names), entries


class NotAChain(Exception):
    """A name is coupled with itself other than along a chain."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(slots=True)
class _Planner:
    states: Mapping[str, int]
    positions: Mapping[str, int]
    factors: list[Factor]
    operations: list[Operation] = field(default_factory=list)
    serial: int = 0

    def fresh(self, stem: str) -> str:
        self.serial += 1
        return f"{stem}.{self.serial}"


def plan(
    factors: Iterable[Factor], states: Mapping[str, int], positions: Mapping[str, int]
) -> Plan:
    """Plan the elimination of all names.

    Parameters
    ----------
    factors
        All factors that speak of a discrete name.
    states, positions
        Numbers of states and of positions of each name.

    Raises
    ------
    TooLarge, NotAChain
        If the elimination cannot be carried out.
    """
    planner = _Planner(states, positions, [])
    for factor in factors:
        planner.factors.append(_merged(planner, factor))
    left = set(states)
    while left:
        name = min(sorted(left), key=lambda n: _cost(planner, n))
        left.discard(name)
        touched = [f for f in planner.factors if name in f.names]
        planner.factors = [f for f in planner.factors if name not in f.names]
        if any(f.names.count(name) > 1 for f in touched):
            _chain(planner, name, touched)
        else:
            _sum_out(planner, name, touched)
    return Plan(tuple(planner.operations), tuple(planner.factors))


def _cost(planner: _Planner, name: str) -> tuple[int, float]:
    """Return what eliminating a name costs: chains last, then the entries of its tables."""
    touched = [f for f in planner.factors if name in f.names]
    if any(f.names.count(name) > 1 for f in touched):
        others = {n for f in touched for n in f.names} - {name}
        return (2 if others else 1), 0.0
    cost = 0.0
    degree: dict[str, NDArray[Any]] = {}
    for f in touched:
        mine = f.places[:, f.names.index(name)]
        for k, other in enumerate(f.names):
            if other != name:
                pairs = np.unique(np.stack((mine, f.places[:, k]), axis=1), axis=0)
                count = np.bincount(pairs[:, 0], minlength=planner.positions[name])
                degree[other] = np.maximum(degree.get(other, 0), count)
    log_size = np.zeros(planner.positions[name]) + np.log(planner.states[name])
    for other, count in degree.items():
        log_size = log_size + count * np.log(planner.states[other])
    cost = float(np.logaddexp.reduce(log_size))
    return 0, cost


def _merged(planner: _Planner, factor: Factor) -> Factor:
    """Add rows that speak of the same positions."""
    rows = factor.rows
    if rows <= 1:
        return factor
    if len(factor.names) == 1 and np.array_equal(factor.places[:, 0], np.arange(rows)):
        return factor
    unique, into = np.unique(factor.places, axis=0, return_inverse=True)
    if len(unique) == rows:
        return factor
    key = planner.fresh(factor.key)
    into = into.reshape(-1).astype(np.intp)
    counts = np.bincount(into, minlength=len(unique)).astype(float) if factor.repeated else None
    planner.operations.append(Merge(key, factor.key, into, len(unique), len(factor.names), counts))
    return Factor(key, factor.names, unique, repeated=False)


def _sum_out(planner: _Planner, name: str, touched: Sequence[Factor]) -> None:
    """Eliminate a name that no factor speaks of twice."""
    count = planner.positions[name]
    if all(len(f.names) == 1 for f in touched):
        inputs = tuple(_unary_input(f, count) for f in touched)
        whole = [i for i in inputs if i is not None]
        if len(whole) == len(inputs):
            places = np.arange(count)
            _add(planner, name, places, tuple(whole), ())
            return
    for places, inputs, scope in _patterns(name, touched, count):
        _add(planner, name, places, inputs, scope)


def _unary_input(factor: Factor, count: int) -> Input | None:
    """Return a factor on single positions as an input that covers all of them."""
    if factor.rows != count:
        return None
    order = np.argsort(factor.places[:, 0], kind="stable")
    if not np.array_equal(factor.places[order, 0], np.arange(count)):
        return None
    identity = factor.repeated or np.array_equal(order, np.arange(count))
    return Input(factor.key, None if identity else order.astype(np.intp), (0,))


Slot = tuple[int, tuple[int, ...]]


def _patterns(
    name: str, touched: Sequence[Factor], count: int
) -> Iterable[tuple[Places, tuple[Input, ...], tuple[tuple[str, Places], ...]]]:
    """Group the positions of a name by which rows of which factors meet there, and how."""
    rows_at: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, factor in enumerate(touched):
        own = factor.names.index(name)
        for row, place in enumerate(factor.places[:, own]):
            rows_at[place].append((number, row))
    groups: dict[tuple[Any, ...], list[tuple[int, list[int], list[tuple[str, int]]]]] = {}
    for place in range(count):
        scope: list[tuple[str, int]] = []
        slots: list[Slot] = []
        rows: list[int] = []
        for number, row in rows_at[place]:
            factor = touched[number]
            axes = []
            for k, other in enumerate(factor.names):
                if other == name:
                    axes.append(-1)
                    continue
                key = (other, int(factor.places[row, k]))
                if key not in scope:
                    scope.append(key)
                axes.append(scope.index(key))
            slots.append((number, tuple(axes)))
            rows.append(row)
        pattern = (tuple(slots), tuple(n for n, _ in scope))
        groups.setdefault(pattern, []).append((place, rows, scope))
    for (slots, names), members in groups.items():
        rows_of = np.array([m[0] for m in members], dtype=np.intp)
        last = len(names)
        inputs = []
        for k, (number, laid) in enumerate(slots):
            factor = touched[number]
            which = np.array([m[1][k] for m in members], dtype=np.intp)
            whole = factor.repeated or (
                len(which) == factor.rows and np.array_equal(which, np.arange(len(which)))
            )
            fixed = tuple(last if a < 0 else a for a in laid)
            inputs.append(Input(factor.key, None if whole else which, fixed))
        others = tuple(
            (n, np.array([m[2][k][1] for m in members], dtype=np.intp)) for k, n in enumerate(names)
        )
        yield rows_of, tuple(inputs), others


def _add(
    planner: _Planner,
    name: str,
    places: Places,
    inputs: tuple[Input, ...],
    scope: tuple[tuple[str, Places], ...],
) -> None:
    sizes = (*(planner.states[n] for n, _ in scope), planner.states[name])
    entries = float(len(places)) * prod(float(s) for s in sizes)
    if scope and entries > LARGEST:
        raise TooLarge([name, *dict.fromkeys(n for n, _ in scope)], entries)
    key = planner.fresh(f"without {name}")
    planner.operations.append(SumOut(key, name, places, inputs, scope, sizes))
    remaining = (
        np.stack([p for _, p in scope], axis=1)
        if scope
        else np.empty((len(places), 0), dtype=np.intp)
    )
    factor = Factor(key, tuple(n for n, _ in scope), remaining, repeated=False)
    planner.factors.append(_merged(planner, factor) if scope else factor)


# ---------------------------------------------------------------------------------------- chains


def _chain(planner: _Planner, name: str, touched: Sequence[Factor]) -> None:
    """Eliminate a name along chains of pairs of its positions."""
    pairs = [f for f in touched if len(f.names) == 2 and f.names == (name, name)]
    single = [f for f in touched if f.names == (name,)]
    if len(pairs) + len(single) < len(touched):
        raise NotAChain(name)
    count = planner.positions[name]
    follower = np.full(count, -1, dtype=np.intp)
    leader = np.full(count, -1, dtype=np.intp)
    for f in pairs:
        for a, b in _oriented(f.places):
            if follower[a] not in (-1, b) or leader[b] not in (-1, a):
                raise NotAChain(name)
            follower[a], leader[b] = b, a
    chains = _walk(follower, leader, name)
    for length in sorted({len(c) for c in chains}):
        places = np.array([c for c in chains if len(c) == length], dtype=np.intp)
        _add_chain(planner, name, places, single, pairs)


def _oriented(places: Places) -> Places:
    """Return pairs as (from, to): towards the larger position."""
    return np.sort(places, axis=1)


def _walk(follower: Places, leader: Places, name: str) -> list[list[int]]:
    chains = []
    seen = 0
    for start in np.flatnonzero(leader < 0):
        chain = [int(start)]
        while follower[chain[-1]] >= 0:
            chain.append(int(follower[chain[-1]]))
        seen += len(chain)
        chains.append(chain)
    if seen != len(follower):
        raise NotAChain(name)
    return chains


def _add_chain(
    planner: _Planner,
    name: str,
    places: Places,
    single: Sequence[Factor],
    pairs: Sequence[Factor],
) -> None:
    unary: list[tuple[str, Places | None]] = []
    for f in single:
        row_of = np.full(planner.positions[name], -1, dtype=np.intp)
        row_of[f.places[:, 0]] = 0 if f.repeated else np.arange(f.rows)
        rows = row_of[places]
        if (rows >= 0).any():
            unary.append((f.key, rows))
    links: list[tuple[str, Places | None, bool]] = []
    for f in pairs:
        if places.shape[1] < 2:
            continue
        forward = f.places[:, 0] < f.places[:, 1]
        if not (forward.all() or (~forward).all()):
            raise NotAChain(name)
        lead = f.places.min(axis=1)
        row_of = np.full(planner.positions[name], -1, dtype=np.intp)
        row_of[lead] = 0 if f.repeated else np.arange(f.rows)
        rows = row_of[places[:, :-1]]
        if (rows >= 0).all():
            links.append((f.key, None if f.repeated else rows, bool(forward.all())))
        elif (rows >= 0).any():
            links.append((f.key, rows, bool(forward.all())))
    key = planner.fresh(f"without {name}")
    planner.operations.append(
        Chain(key, name, places, tuple(unary), tuple(links), planner.states[name])
    )
    empty = np.empty((len(places), 0), dtype=np.intp)
    planner.factors.append(Factor(key, (), empty, repeated=False))
