"""Numbers that the data alone decide: sizes, bounds of ranges, bounds of supports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppl.graph.nodes import Apply, Constant, Node, Read, Size, walk
from ppl.primitives.atoms import ATOMS


class NotANumber(Exception):
    """The node is not a number that sizes and single data decide."""


def number(node: Node, sizes: Mapping[str, int], data: Mapping[str, Any]) -> float:
    """Evaluate a node made of numbers, sizes and single data.

    Raises
    ------
    NotANumber
        If it has anything else.
    """
    values: dict[int, Any] = {}
    for one in walk(node):
        match one:
            case Constant(value=value):
                values[id(one)] = value
            case Size(dimension=name) if name in sizes:
                values[id(one)] = sizes[name]
            case Read(name=name, positions=()) if name in data:
                values[id(one)] = data[name].item()
            case Apply(atom=atom, arguments=arguments):
                values[id(one)] = ATOMS[atom].function(*(values[id(a)] for a in arguments))
            case _:
                raise NotANumber
    result: float = values[id(node)]
    return result


def integer(node: Node, sizes: Mapping[str, int], data: Mapping[str, Any]) -> int:
    """Evaluate a node that must be a whole number."""
    value = number(node, sizes, data)
    if value != int(value):
        raise NotANumber
    return int(value)
