"""What an elimination of discrete latents is made of: tables, and operations on them.

A *factor* is a table of log potentials: rows, and one axis of states for each discrete position
that a row speaks of; the data decide which position that is. Operations make factors of factors.
`ppl.compile.eliminate` plans them, `ppl.compile.emit_states` writes them as source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]

TILT = ".tilt"
"""Ends the key of a factor of zeros on every position of a name: what the log of the sum is
differentiated by to get the probabilities of states. Only the program of states has it."""


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
    rows
        The row of the array for each row of the factor; None where they are the same.
    """

    key: str
    names: tuple[str, ...]
    places: Places
    repeated: bool
    rows: Places | None = None

    def rows_of(self, which: Places) -> Places:
        """Return the rows of the array for some rows of the factor."""
        if self.repeated:
            return np.zeros(len(which), dtype=np.intp)
        return which if self.rows is None else self.rows[which]


@dataclass(frozen=True, slots=True)
class Merge:
    """Rows that speak of the same positions are added: row r goes to row ``into[r]``.

    `taken` are the rows of the source, None for all in order; `axes` is the number of axes of
    states; `counts` is set where one row stands for all.
    """

    key: str
    source: str
    taken: Places | None
    into: Places
    rows: int
    axes: int
    counts: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Diagonal:
    """Some rows of a factor, in which several axes are one position: those axes become one.

    `axes` gives, for each axis of the source, the axis of the result.
    """

    key: str
    source: str
    rows: Places | None
    axes: tuple[int, ...]
    sizes: tuple[int, ...]


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

    @property
    def names(self) -> tuple[str, ...]:
        """What is eliminated."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Link:
    """A factor as it enters a chain: on single levels, or on two neighbours.

    Attributes
    ----------
    source
        The factor.
    rows
        Its row for each (chain, level), -1 where it has none; None if one row serves all. For
        neighbours, levels are those of the first.
    axes
        Which axis each axis of states becomes: those of the scope, then the slots of the level
        (of the first), then, for neighbours, those of the next.
    pair
        Whether it is on neighbours.
    """

    source: str
    rows: Places | None
    axes: tuple[int, ...]
    pair: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Positions that form chains of levels, each coupled to its neighbours, are summed out.

    A level holds some positions, one in each slot; its state is the tuple of theirs.

    Attributes
    ----------
    key
        The new factor, one row for each chain.
    slots
        The name in each slot.
    places
        (chains, levels, slots): flat positions, -1 where a slot is empty.
    scope
        Name and flat position, by chain, of what all levels of a chain may speak of besides.
    links
        What is added.
    scope_sizes, sizes
        Numbers of states of the scope and of the slots.
    """

    key: str
    slots: tuple[str, ...]
    places: Places
    scope: tuple[tuple[str, Places], ...]
    links: tuple[Link, ...]
    scope_sizes: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What is eliminated."""
        return tuple(dict.fromkeys(self.slots))

    @property
    def states(self) -> int:
        """Number of states of a level."""
        return prod(self.sizes)


Operation = Merge | Diagonal | SumOut | Chain


def sources(operation: Operation) -> list[str]:
    """Return the factors that an operation reads."""
    match operation:
        case Merge(source=source) | Diagonal(source=source):
            return [source]
        case SumOut(inputs=inputs):
            return [i.source for i in inputs]
        case Chain(links=links):
            return list(dict.fromkeys(link.source for link in links))


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
