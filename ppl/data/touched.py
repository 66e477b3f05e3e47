"""Which positions of an array of data a model reads: missing values elsewhere do no harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.graph.evaluate import NotANumber
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    Select,
    Size,
    children,
    walk,
)
from ppl.primitives.atoms import ATOMS

LARGEST = 20_000_000
"""Reads over more positions are taken to read the whole array."""

Condition = tuple[Node, bool]


def touched(
    graph: Graph,
    name: str,
    shape: tuple[int, ...],
    sizes: Mapping[str, int],
    data: Mapping[str, Any],
) -> NDArray[np.bool_]:
    """Return which positions of an array some statement reads.

    Where the data alone do not tell, all are taken to be read.
    """
    marks = np.zeros(shape, dtype=bool)
    for piece in graph.pieces:
        for read, conditions in _reads_of(piece, name):
            try:
                _mark(marks, read, conditions, _Grid(sizes, data))
            except (NotANumber, IndexError, MemoryError):
                return np.ones(shape, dtype=bool)
    return marks


def _reads_of(piece: Piece, name: str) -> Iterator[tuple[Read, tuple[Condition, ...]]]:
    """Yield the reads of a name on the right of a statement, with the conditions around each."""
    match piece:
        case Sample(density=density, suffix=suffix, weight=weight, target=target):
            roots: list[Node] = [*density.arguments]
            roots.extend([density.value] if target is None else target.positions)
            if suffix is not None:
                roots.extend(b for b in (suffix.lower, suffix.upper) if b is not None)
            if weight is not None:
                roots.append(weight)
        case Define(value=value, target=target):
            roots = [value, *target.positions]
        case Factor(value=value):
            roots = [value]
    stack: list[tuple[Node, tuple[Condition, ...]]] = [(r, ()) for r in roots]
    seen: set[tuple[int, ...]] = set()
    while stack:
        node, conditions = stack.pop()
        key = (id(node), *(id(c) for c, _ in conditions), *(int(t) for _, t in conditions))
        if key in seen:
            continue
        seen.add(key)
        match node:
            case Read() if node.name == name:
                yield node, conditions
            case Select(condition=condition, yes=yes, no=no):
                stack.append((condition, conditions))
                stack.append((yes, (*conditions, (condition, True))))
                stack.append((no, (*conditions, (condition, False))))
                continue
            case _:
                pass
        stack.extend((c, conditions) for c in children(node))


class _Grid:
    """Numbers over the positions of indices: one axis for each, in the order they are met."""

    def __init__(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> None:
        self.sizes, self.data = sizes, data
        self.indices: list[Index] = []
        self.starts: list[int] = []
        self.lengths: list[int] = []
        self.inside: list[tuple[Any, int]] = []

    def add(self, index: Index) -> None:
        """Give an index its axis; where other indices decide its range, the widest one."""
        if index in self.indices:
            return
        bounds = (index.domain.start, index.domain.stop)
        for other in sorted(frozenset().union(*(b.free for b in bounds)), key=lambda i: i.serial):
            self.add(other)
        start, stop = (self.value(b) for b in bounds)
        first = int(np.min(start, initial=2**31))
        last = max(first, int(np.max(stop, initial=0)))
        self.indices.append(index)
        self.starts.append(first)
        self.lengths.append(last - first)
        if np.prod(self.lengths, dtype=float) > LARGEST:
            raise MemoryError
        if any(b.free for b in bounds):
            here = self._axis(index)
            inside = (here >= self.value(bounds[0])) & (here < self.value(bounds[1]))
            self.inside.append((inside, len(self.indices)))

    def _axis(self, index: Index) -> Any:
        place = self.indices.index(index)
        after = len(self.indices) - place - 1
        start = self.starts[place]
        return np.arange(start, start + self.lengths[place]).reshape((-1, *(1,) * after))

    def value(self, node: Node) -> Any:
        """Return a node's values; axes that come later are appended, so arrays align by the left.

        Raises
        ------
        NotANumber
            If it depends on more than data.
        """
        values: dict[int, Any] = {}
        for one in walk(node):
            match one:
                case Constant(value=value):
                    values[id(one)] = np.asarray(value)
                case Size(dimension=name):
                    values[id(one)] = np.asarray(self.sizes[name])
                case Position(index=index):
                    self.add(index)
                    values[id(one)] = self._axis(index)
                case Read(name=name, positions=positions) if name in self.data:
                    array = np.asarray(self.data[name])
                    where = tuple(np.asarray(values[id(p)]).astype(np.intp) for p in positions)
                    if any(np.any(w < 0) for w in where):
                        raise NotANumber
                    values[id(one)] = array[where] if where else array
                case Apply(atom=atom, arguments=arguments):
                    values[id(one)] = ATOMS[atom].function(*(values[id(a)] for a in arguments))
                case Select(condition=c, yes=a, no=b):
                    values[id(one)] = np.where(values[id(c)], values[id(a)], values[id(b)])
                case _:
                    raise NotANumber
        return values[id(node)]


def _mark(
    marks: NDArray[np.bool_], read: Read, conditions: Sequence[Condition], grid: _Grid
) -> None:
    nodes = [*read.positions, *(c for c, _ in conditions)]
    for index in sorted(frozenset().union(*(n.free for n in nodes)), key=lambda i: i.serial):
        grid.add(index)
    keep: Any = np.ones((1,) * len(grid.indices), dtype=bool)
    for inside, count in grid.inside:
        keep = keep & inside.reshape((*inside.shape, *(1,) * (len(grid.indices) - count)))
    for condition, taken in conditions:
        try:
            keep = keep & (np.asarray(grid.value(condition)).astype(bool) == taken)
        except NotANumber:
            continue
    where = np.broadcast_arrays(keep, *(grid.value(p) for p in read.positions))
    chosen = where[0].astype(bool)
    at = tuple(w[chosen].astype(np.intp) for w in where[1:])
    if any(np.any(a < 0) for a in at):
        raise NotANumber
    marks[at] = True
