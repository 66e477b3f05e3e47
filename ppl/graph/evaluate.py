"""Numbers that the data alone decide: sizes, bounds of ranges, bounds of supports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.graph.nodes import Apply, Constant, Node, Position, Read, Reduce, Size, walk
from ppl.primitives.atoms import ATOMS

WHOLE: Mapping[str, Any] = {"sum": np.sum, "prod": np.prod, "min": np.min, "max": np.max}
"""Reductions that say sizes: ``dim B = sum(m)``."""


LARGEST = 2**40
"""No axis has more positions."""


def is_whole(value: float) -> bool:
    """Return whether a number is a whole one that can be a position or a size."""
    return math.isfinite(value) and value == int(value) and abs(value) < LARGEST


class NotANumber(Exception):
    """The node is not a number that sizes and single data decide."""


def number(node: Node, sizes: Mapping[str, int], data: Mapping[str, Any]) -> float:
    """Evaluate a node made of numbers, sizes, single data, and sums and the like of all of data.

    Raises
    ------
    NotANumber
        If it has anything else.
    """
    values: dict[int, Any] = {}
    reduced = {id(n.body): _reduced(n, data) for n in walk(node) if isinstance(n, Reduce)}
    for one in walk(node):
        match one:
            case Constant(value=value):
                values[id(one)] = value
            case Size(dimension=name) if name in sizes:
                values[id(one)] = sizes[name]
            case Read(name=name, positions=()) if name in data:
                values[id(one)] = data[name].item()
            case Position() | Read() if reduced:
                continue
            case Reduce(body=body):
                values[id(one)] = reduced[id(body)]
            case Apply(atom=atom, arguments=arguments) if all(id(a) in values for a in arguments):
                values[id(one)] = ATOMS[atom].function(*(values[id(a)] for a in arguments))
            case _:
                raise NotANumber
    if id(node) not in values:
        raise NotANumber
    result: float = values[id(node)]
    return result


def _reduced(node: Reduce, data: Mapping[str, Any]) -> float:
    """Reduce all of an array of data."""
    match node.body:
        case Read(name=name, positions=positions) if name in data and node.operation in WHOLE:
            indices = [p.index for p in positions if isinstance(p, Position)]
            whole = all(i.domain.dimension is not None for i in indices)
            if whole and len(indices) == len(positions) and set(indices) == set(node.indices):
                result: float = WHOLE[node.operation](data[name]).item()
                return result
    raise NotANumber


def integer(node: Node, sizes: Mapping[str, int], data: Mapping[str, Any]) -> int:
    """Evaluate a node that must be a whole number."""
    value = number(node, sizes, data)
    if not is_whole(value):
        raise NotANumber
    return int(value)
