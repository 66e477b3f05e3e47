"""Data-only nodes as numbers, when the model is compiled: positions that factors point to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import integer, tabulate
from ppl.graph.graph import Define, Factor
from ppl.graph.nodes import Apply, Index, Node, Position, add, subtract
from ppl.graph.substitute import substitute

Numbers = NDArray[Any]


def extent_of(index: Index, bound: BoundGraph) -> tuple[int, int]:
    """Return first position and number of positions of an index."""
    start = integer(index.domain.start, bound.sizes, bound.data)
    return start, integer(index.domain.stop, bound.sizes, bound.data) - start


def evaluate(node: Node, indices: Sequence[Index], bound: BoundGraph) -> Numbers:
    """Evaluate a node over indices: an array with one axis for each, in order.

    Raises
    ------
    NotANumber
        If the node depends on anything but data.
    """
    at = {}
    shape = []
    for place, index in enumerate(indices):
        start, size = extent_of(index, bound)
        own = np.arange(start, start + size)
        at[index] = own.reshape((-1,) + (1,) * (len(indices) - 1 - place))
        shape.append(size)
    found = tabulate(node, at, bound.sizes, bound.data, bound.graph)
    return np.broadcast_to(found, tuple(shape))


def defined_positions(name: str, bound: BoundGraph) -> Numbers:
    """Return which positions of a variable its statements define, as booleans of its shape."""
    found = np.zeros(bound.shape(name), dtype=bool)
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        indices = sorted(piece.target.free, key=lambda i: i.serial)
        places = [evaluate(p, indices, bound).astype(np.intp) for p in piece.target.positions]
        found[tuple(places)] = True
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
