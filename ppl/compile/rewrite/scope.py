"""What the rewrites know of the program: which names differ from draw to draw, and how names that
data decide are defined. Arrays that a rewrite makes are collected here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.emit import keys_of, roots_of
from ppl.compile.numeric import extent_of
from ppl.compile.program import Assemble, Filter, Let, Program
from ppl.graph.bound import BoundGraph
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    Size,
    children,
    walk,
)


@dataclass(slots=True)
class Scope:
    """The surroundings of a term.

    Attributes
    ----------
    bound
        The graph with its data.
    drawn_names
        Keys of arrays that differ from draw to draw.
    lets
        Key → definition.
    arrays
        What the rewrites made, by key.
    shapes
        Of all arrays.
    """

    bound: BoundGraph
    drawn_names: frozenset[str]
    lets: dict[str, Let]
    arrays: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _drawn: dict[int, tuple[Node, bool]] = field(default_factory=dict)
    _numbers: dict[Any, int] = field(default_factory=dict)
    _known: dict[int, tuple[Node, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, bound: BoundGraph) -> Scope:
        """Look through a program."""
        drawn: set[str] = set()
        lets: dict[str, Let] = {}
        for step in program.steps:
            if isinstance(step, Let):
                lets[step.key] = step
            certain = isinstance(step, Let | Assemble | Filter) and not drawn & set(roots_of(step))
            if not certain:
                drawn.update(keys_of(step))
        return cls(bound, frozenset(drawn), lets, shapes=dict(program.shapes))

    def drawn(self, node: Node) -> bool:
        """Return whether a node differs from draw to draw."""
        found = self._drawn.get(id(node))
        if found is not None:
            return found[1]
        for one in walk(node):
            if id(one) not in self._drawn:
                own = isinstance(one, Read) and one.name in self.drawn_names
                below = any(self._drawn[id(c)][1] for c in children(one))
                self._drawn[id(one)] = one, own or below
        return self._drawn[id(node)][1]

    def number(self, node: Node) -> int:
        """Return a number that equal expressions share."""
        for one in walk(node):
            if id(one) not in self._known:
                below = tuple(self._known[id(c)][1] for c in children(one))
                key = (type(one).__name__, _own(one), below)
                self._known[id(one)] = one, self._numbers.setdefault(key, len(self._numbers))
        return self._known[id(node)][1]

    def extent(self, index: Index) -> int:
        """Return the number of positions of an index."""
        return extent_of(index, self.bound)[1]

    def make(self, kind: str, array: Any) -> str:
        """Keep an array for the source, and return its key."""
        key = f"{kind}.{sum(k.startswith(f'{kind}.') for k in self.arrays) + 1}"
        self.arrays[key] = array
        self.shapes[key] = np.shape(array)
        return key

    def read(self, kind: str, array: NDArray[Any], indices: Sequence[Index]) -> Read:
        """Keep an array, and return it as a node over indices."""
        return Read(self.make(kind, array), tuple(map(Position, indices)))


def _own(node: Node) -> Any:
    """Return what a node is, apart from what is below it."""
    match node:
        case Constant(value=value):
            return value
        case Size(dimension=dimension):
            return dimension
        case Position(index=index):
            return index.serial
        case Read(name=name):
            return name
        case Apply(atom=atom):
            return atom
        case Select():
            return None
        case Reduce(operation=operation, indices=indices):
            return operation, tuple(i.serial for i in indices)
        case _:
            return id(node)


def fresh_index(name: str, count: int) -> Index:
    """Return a new index over so many positions."""
    return Index(name, "axis", Domain(Constant(0), Constant(count)))
