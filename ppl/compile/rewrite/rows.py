"""Rows of data: the values of expressions of data alone, block by block of rows.

An array that is mapped from a file is read in blocks and never copied whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.numeric import extent_of
from ppl.compile.rewrite.scope import Scope
from ppl.data.mapped import is_mapped, release
from ppl.graph.evaluate import NotANumber
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    Size,
    children,
    extent,
)
from ppl.graph.substitute import NotPlain, substitute
from ppl.primitives.atoms import ATOMS

Array = NDArray[Any]

BLOCK = 1 << 17
"""Numbers that a block of rows has about."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a term is summed over.

    Attributes
    ----------
    indices
        They run over the combinations of these.
    sizes
        Of each index.
    kept
        Numbers of the rows that count, None for all.
    """

    indices: tuple[Index, ...]
    sizes: tuple[int, ...]
    kept: NDArray[np.intp] | None = None

    @classmethod
    def over(cls, indices: Sequence[Index], scope: Scope) -> Rows:
        """Return all rows over indices."""
        return cls(tuple(indices), tuple(scope.extent(i) for i in indices))

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(np.prod(self.sizes, dtype=int)) if self.kept is None else len(self.kept)

    @property
    def set(self) -> frozenset[Index]:
        """The indices, without an order."""
        return frozenset(self.indices)

    def where(self, condition: NDArray[np.bool_]) -> Rows:
        """Return the rows where a condition on rows holds."""
        return self.at(np.flatnonzero(condition))

    def at(self, chosen: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        return replace(self, kept=chosen if self.kept is None else self.kept[chosen])

    def blocks(self, width: int, scope: Scope) -> Iterator[slice]:
        """Cut the rows into blocks of about `BLOCK` numbers, for rows of so many numbers.

        What a block has read from files leaves memory when the next one comes.
        """
        size = max(256, BLOCK // max(1, width))
        mapped = [values for values in scope.bound.data.values() if is_mapped(values)]
        plain = self.kept is None and len(self.indices) == 1
        for low in range(0, self.count, size):
            high = min(low + size, self.count)
            yield slice(low, high)
            for values in mapped:
                along = plain and len(values) == self.count
                release((values,), *((low, high) if along else (0, len(values))))


def values(node: Node, rows: Rows, block: slice, others: Sequence[Index], scope: Scope) -> Array:
    """Return an expression of data on a block of rows, (rows, others...), perhaps a view.

    Raises
    ------
    NotANumber
        If it depends on more than data, or on something that is not computed here.
    """
    made = _Block(rows, block, tuple(others), scope).value(node)
    sizes = [scope.extent(i) for i in others]
    return np.broadcast_to(made, (block.stop - block.start, *sizes))


def whole(node: Node, rows: Rows, others: Sequence[Index], scope: Scope) -> Array:
    """Return an expression of data on all rows."""
    return values(node, rows, slice(0, rows.count), others, scope)


class _Block:
    """Evaluates on one block; every value has an axis for the rows, then one for each other."""

    def __init__(self, rows: Rows, block: slice, others: tuple[Index, ...], scope: Scope) -> None:
        self.rows, self.block, self.others, self.scope = rows, block, others, scope
        self.plain = rows.kept is None and len(rows.indices) == 1
        self._done: dict[int, tuple[Node, Array]] = {}

    def value(self, node: Node) -> Array:
        found = self._done.get(id(node))
        if found is None:
            found = self._done[id(node)] = node, self._value(node)
        return found[1]

    def _value(self, node: Node) -> Array:
        match node:
            case Constant(value=value):
                return self._spread(np.asarray(value))
            case Size(dimension=name):
                return self._spread(np.asarray(self.scope.bound.sizes[name]))
            case Position(index=index):
                return self._position(index)
            case Read():
                return self._read(node)
            case Apply(atom=atom, arguments=arguments):
                given = [self.value(a) for a in arguments]
                if not atom.startswith("logical"):
                    given = [g if g.dtype.kind == "f" else g.astype(np.float64) for g in given]
                return np.asarray(ATOMS[atom].function(*given))
            case Select(condition=c, yes=a, no=b):
                return np.where(self.value(c), self.value(a), self.value(b))
            case Reduce(operation="sum", indices=indices, body=body):
                inner = _Block(self.rows, self.block, (*self.others, *indices), self.scope)
                made = inner.value(body)
                for index in reversed(indices):
                    count = self.scope.extent(index) if made.shape[-1] == 1 else 1
                    made = np.sum(made, axis=-1) * count
                return made
            case _:
                raise NotANumber

    def _spread(self, number: Array) -> Array:
        return number.reshape((1,) * (1 + len(self.others)))

    def _axis(self, index: Index) -> int:
        """Return the axis of an index: of the innermost sum over it, 0 for the rows' own."""
        places = [1 + k for k, other in enumerate(self.others) if other == index]
        return places[-1] if places else 0

    def _position(self, index: Index) -> Array:
        start, size = extent_of(index, self.scope.bound)
        rank = 1 + len(self.others)
        if index in self.others:
            shape = [1] * rank
            shape[self._axis(index)] = size
            return np.arange(start, start + size).reshape(shape)
        if index not in self.rows.indices:
            raise NotANumber
        numbers = np.arange(self.block.start, self.block.stop)
        if self.rows.kept is not None:
            numbers = self.rows.kept[self.block]
        if len(self.rows.indices) > 1:
            place = self.rows.indices.index(index)
            numbers = np.unravel_index(numbers, self.rows.sizes)[place]
        return (start + numbers).reshape((-1,) + (1,) * len(self.others))

    def _read(self, node: Read) -> Array:
        name = node.name
        bound = self.scope.bound
        if name in bound.data:
            array = bound.data[name]
        elif name.endswith(".present") and name.removesuffix(".present") in bound.missing:
            array = ~bound.missing[name.removesuffix(".present")]
        elif name in self.scope.arrays:
            array = self.scope.arrays[name]
        else:
            return self._defined(node)
        if not node.positions:
            return self._spread(np.asarray(array))
        sliced = self._sliced(array, node.positions)
        if sliced is not None:
            return sliced
        where = tuple(self.value(p).astype(np.intp) for p in node.positions)
        return np.asarray(array[where])

    def _sliced(self, array: Array, positions: tuple[Node, ...]) -> Array | None:
        """Read with slices where every position is an index of its own."""
        indices = [p.index for p in positions if isinstance(p, Position)]
        if len(indices) < len(positions) or len(set(indices)) < len(indices):
            return None
        if not self.plain and set(indices) & self.rows.set:
            return None
        cut: list[slice] = []
        for index in indices:
            start, size = extent_of(index, self.scope.bound)
            if index in self.others:
                cut.append(slice(start, start + size))
            elif index in self.rows.indices:
                cut.append(slice(start + self.block.start, start + self.block.stop))
            else:
                raise NotANumber
        part = np.asarray(array[tuple(cut)])
        order = sorted(indices, key=self._axis)
        part = part.transpose([indices.index(i) for i in order])
        shape = [1] * (1 + len(self.others))
        for index, size in zip(order, part.shape, strict=True):
            shape[self._axis(index)] = size
        return part.reshape(shape)

    def _defined(self, node: Read) -> Array:
        definition = self.scope.lets.get(node.name)
        if definition is None or self.scope.drawn(node):
            raise NotANumber
        names: Mapping[Index, Node] = dict(zip(definition.indices, node.positions, strict=True))
        try:
            return self.value(substitute(definition.node, names))
        except NotPlain:
            raise NotANumber from None


def size_of(index: Index) -> Node:
    """Return the number of positions of an index, as a node."""
    return extent(index.domain)


def leaves(node: Node, rows: Rows, scope: Scope) -> list[Node]:
    """Return the largest parts of an expression that are of data alone and differ by row."""
    found: dict[int, Node] = {}
    seen: set[int] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if id(one) in seen or not one.free & rows.set:
            continue
        seen.add(id(one))
        if scope.drawn(one):
            stack.extend(children(one))
        else:
            found.setdefault(scope.number(one), one)
    return list(found.values())
