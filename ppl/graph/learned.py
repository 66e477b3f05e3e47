"""Learned parameters that are declared nowhere: their sets follow from where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ppl.constraints import Constraint, real
from ppl.graph.graph import Define, Factor, Piece, Sample
from ppl.graph.nodes import Apply, LogDensity, Node, Read, walk
from ppl.graph.ranges import needed
from ppl.graph.wrapped import simple_densities


def demanded(pieces: Iterable[Piece], learned: Iterable[str]) -> Mapping[str, Constraint]:
    """Return the narrowest set that the distributions need each learned name to be in."""
    found: dict[str, Constraint] = dict.fromkeys(learned, real)
    for density in (s for d in _densities(pieces) for s in simple_densities(d)):
        for argument, constraint in zip(density.arguments, needed(density), strict=True):
            if constraint.event_ndim == 0 and constraint.bijection is not None:
                for name in _pressed(argument, constraint):
                    if name in found and constraint.range.within(found[name].range):
                        found[name] = constraint
    return found


def _densities(pieces: Iterable[Piece]) -> Iterable[LogDensity]:
    for piece in pieces:
        match piece:
            case Sample(density=density):
                yield density
            case Define(value=value) | Factor(value=value):
                yield from (n for n in walk(value) if isinstance(n, LogDensity))


def _pressed(node: Node, constraint: Constraint) -> Iterable[str]:
    """Return the names that must be in the set for the node to be, also in products."""
    stack = [node]
    while stack:
        one = stack.pop()
        match one:
            case Read(name=name, positions=()):
                yield name
            case Apply(atom="multiply" | "divide", arguments=arguments) if (
                constraint.range.lower == 0 and constraint.range.upper == float("inf")
            ):
                stack.extend(arguments)
            case _:
                pass
