"""Data-only nodes as numbers, when the model is compiled: positions that factors point to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import integer
from ppl.graph.graph import Define
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    Select,
    Size,
    add,
    subtract,
    walk,
)
from ppl.graph.substitute import substitute
from ppl.primitives.atoms import ATOMS

Numbers = NDArray[Any]


class NotNumeric(Exception):
    """The node depends on more than data."""


def extent_of(index: Index, bound: BoundGraph) -> tuple[int, int]:
    """Return first position and number of positions of an index."""
    start = integer(index.domain.start, bound.sizes, bound.data)
    return start, integer(index.domain.stop, bound.sizes, bound.data) - start


def evaluate(node: Node, indices: Sequence[Index], bound: BoundGraph) -> Numbers:
    """Evaluate a node over indices: an array with one axis for each, in order.

    Raises
    ------
    NotNumeric
        If the node depends on anything but data.
    """
    sizes = [extent_of(i, bound) for i in indices]
    values: dict[int, Any] = {}
    for one in walk(node):
        values[id(one)] = _one(one, values, indices, sizes, bound)
    return np.broadcast_to(values[id(node)], tuple(n for _, n in sizes))


def _one(
    node: Node,
    values: Mapping[int, Any],
    indices: Sequence[Index],
    sizes: Sequence[tuple[int, int]],
    bound: BoundGraph,
) -> Any:
    match node:
        case Constant(value=value):
            return np.asarray(value)
        case Size(dimension=name):
            return np.asarray(bound.sizes[name])
        case Position(index=index):
            if index not in indices:
                raise NotNumeric
            place = list(indices).index(index)
            start, size = sizes[place]
            shape = [1] * len(indices)
            shape[place] = size
            return np.arange(start, start + size).reshape(shape)
        case Read(name=name, positions=positions):
            if name in bound.data:
                array = bound.data[name]
                if not positions:
                    return array
                where = tuple(np.asarray(values[id(p)]).astype(np.intp) for p in positions)
                return array[where]
            return evaluate(_defined(name, positions, bound), indices, bound)
        case Apply(atom=atom, arguments=arguments):
            return ATOMS[atom].function(*(values[id(a)] for a in arguments))
        case Select(condition=c, yes=a, no=b):
            return np.where(values[id(c)], values[id(a)], values[id(b)])
        case _:
            raise NotNumeric


def _defined(name: str, positions: tuple[Node, ...], bound: BoundGraph) -> Node:
    """Return the definition of a name at positions."""
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    if len(pieces) != 1 or not isinstance(pieces[0], Define):
        raise NotNumeric
    found = substitute_definition(pieces[0], positions)
    if found is None:
        raise NotNumeric
    return found


def substitute_definition(piece: Define, positions: tuple[Node, ...]) -> Node | None:
    """Return the value of a definition at positions, None if its target is not plain indices."""
    names: dict[Index, Node] = {}
    for target, position in zip(piece.target.positions, positions, strict=True):
        match target:
            case Position(index=index):
                names[index] = position
            case Apply(atom="subtract", arguments=(Position(index=index), start)):
                names[index] = add(position, start)
            case Apply(atom="add", arguments=(Position(index=index), start)):
                names[index] = subtract(position, start)
            case _ if not target.free:
                pass
            case _:
                return None
    return substitute(piece.value, names)
