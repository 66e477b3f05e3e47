"""Numbers that the data alone decide: sizes, bounds of ranges, bounds of supports, positions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from ppl.graph.graph import Define, Graph
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    LogDensity,
    Matrix,
    Node,
    Ode,
    Position,
    Read,
    Reduce,
    Select,
    Size,
    Stack,
    children,
)
from ppl.primitives.atoms import ATOMS

Numbers = NDArray[Any]

REDUCTIONS: Mapping[str, tuple[Any, float]] = {
    "sum": (np.sum, 0.0),
    "prod": (np.prod, 1.0),
    "min": (np.min, math.inf),
    "max": (np.max, -math.inf),
}
"""The reductions that sizes and bounds may have, with what they are of nothing."""

LARGEST = 2**40
"""No axis has more positions."""


def is_whole(value: float) -> bool:
    """Return whether a number is a whole one that can be a position or a size."""
    return math.isfinite(value) and value == int(value) and abs(value) < LARGEST


class NotANumber(Exception):
    """The node is not a number that sizes and data decide."""


def number(
    node: Node, sizes: Mapping[str, int], data: Mapping[str, Any], graph: Graph | None = None
) -> float:
    """Evaluate a node without free indices, made of numbers, sizes and data.

    Raises
    ------
    NotANumber
        If it has anything else.
    """
    match node:
        case Constant(value=value):
            return value
        case Size(dimension=name) if name in sizes:
            return sizes[name]
        case _:
            found = np.asarray(tabulate(node, {}, sizes, data, graph))
    if found.shape:
        raise NotANumber
    result: float = found.item()
    return result


def integer(
    node: Node, sizes: Mapping[str, int], data: Mapping[str, Any], graph: Graph | None = None
) -> int:
    """Evaluate a node that must be a whole number."""
    value = number(node, sizes, data, graph)
    if not is_whole(value):
        raise NotANumber
    return int(value)


def tabulate(
    node: Node,
    at: Mapping[Index, Numbers],
    sizes: Mapping[str, int],
    data: Mapping[str, Any],
    graph: Graph | None = None,
) -> Any:
    """Evaluate a node at positions of its free indices.

    Parameters
    ----------
    node
        A node of data alone.
    at
        For each index, its positions: arrays that broadcast with one another.
    sizes, data
        Of the dimensions, and of the names.
    graph
        To look up what `=` computes from data.

    Returns
    -------
    a number, or an array that broadcasts with the positions; NaN where a position leaves its axis

    Raises
    ------
    NotANumber
        If the node depends on anything but data.
    """
    with np.errstate(all="ignore"):
        return _Table(sizes, data, graph, at).value(node)


class _Table:
    """Evaluates nodes at one set of positions, each node once."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        data: Mapping[str, Any],
        graph: Graph | None,
        at: Mapping[Index, Numbers],
    ) -> None:
        self.sizes, self.data, self.graph, self.at = sizes, data, graph, at
        self.known: dict[int, Any] = {}

    def value(self, root: Node) -> Any:
        """Evaluate a node and what is below it, without recursion along chains of operations."""
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in self.known:
                stack.pop()
                continue
            below = () if isinstance(node, Reduce) else children(node)
            waiting = [c for c in below if id(c) not in self.known]
            if waiting:
                stack.extend(waiting)
                continue
            self.known[id(node)] = self._one(node)
            stack.pop()
        return self.known[id(root)]

    def _one(self, node: Node) -> Any:
        match node:
            case Constant(value=value):
                return value
            case Size(dimension=name):
                if name not in self.sizes:
                    raise NotANumber
                return self.sizes[name]
            case Position(index=index):
                if index not in self.at:
                    raise NotANumber
                return self.at[index]
            case Read():
                return self._read(node)
            case Apply(atom=atom, arguments=arguments):
                return ATOMS[atom].function(*(self.known[id(a)] for a in arguments))
            case Select(condition=c, yes=a, no=b):
                return np.where(self.known[id(c)], self.known[id(a)], self.known[id(b)])
            case Reduce():
                return self._reduce(node)
            case Stack() | Matrix() | LogDensity() | Ode():
                raise NotANumber
            case _:
                assert_never(node)

    def _inner(self, at: Mapping[Index, Numbers]) -> _Table:
        return _Table(self.sizes, self.data, self.graph, at)

    def _read(self, node: Read) -> Any:
        positions = [np.asarray(self.known[id(p)]) for p in node.positions]
        if node.name not in self.data:
            return self._computed(node.name, positions)
        array = np.asarray(self.data[node.name])
        if not positions:
            return array if array.ndim else array.item()
        if array.ndim != len(positions) or 0 in array.shape:
            raise NotANumber
        inside = True
        places = []
        for position, size in zip(positions, array.shape, strict=True):
            there = (position >= 0) & (position < size) & (position == np.floor(position))
            inside = inside & there
            places.append(np.where(there, position, 0).astype(np.intp))
        found = array[tuple(places)]
        return found if np.all(inside) else np.where(inside, found, np.nan)

    def _computed(self, name: str, positions: list[Numbers]) -> Any:
        """Evaluate the definition of a name at positions."""
        variable = self.graph.variables.get(name) if self.graph is not None else None
        if variable is None or self.graph is None or len(variable.pieces) != 1:
            raise NotANumber
        piece = self.graph.pieces[variable.pieces[0]]
        if not isinstance(piece, Define):
            raise NotANumber
        at: dict[Index, Numbers] = {}
        for target, position in zip(piece.target.positions, positions, strict=True):
            match target:
                case Position(index=index):
                    at[index] = position
                case Apply(atom="subtract", arguments=(Position(index=index), start)):
                    at[index] = position + self._inner({}).value(start)
                case _:
                    raise NotANumber
        return self._inner(at).value(piece.value)

    def _reduce(self, node: Reduce) -> Any:
        """Reduce over indices, each along a new last axis."""
        if node.operation not in REDUCTIONS:
            raise NotANumber
        function, empty = REDUCTIONS[node.operation]
        count = len(node.indices)
        at = {i: np.expand_dims(a, tuple(range(-count, 0))) for i, a in self.at.items()}
        for place, index in enumerate(node.indices):
            start, stop = (
                integer(n, self.sizes, self.data, self.graph)
                for n in (index.domain.start, index.domain.stop)
            )
            own = np.arange(start, max(start, stop))
            at[index] = own.reshape((-1,) + (1,) * (count - 1 - place))
        inner = self._inner(at)
        body = inner.value(node.body)
        shape = np.broadcast_shapes(np.shape(body), *(np.shape(at[i]) for i in node.indices))
        inside: Any = True
        for limit in node.limits:
            position = at[limit.index]
            inside = inside & (position >= inner.value(limit.start))
            inside = inside & (position < inner.value(limit.stop))
        shape = np.broadcast_shapes(shape, np.shape(inside))
        inside = np.broadcast_to(inside, shape)
        values = np.where(inside, np.broadcast_to(body, shape), empty)
        axes = tuple(range(-count, 0))
        found = function(values, axis=axes, initial=empty)
        if node.operation in ("sum", "prod"):
            return found
        return np.where(np.any(inside, axis=axes), found, 0)
