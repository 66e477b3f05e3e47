"""Where values lie: the proof that arguments are inside their supports.

Every node gets a `Range`, from the atoms' rules and from what is known of the names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppl.constraints import Constraint, Range
from ppl.distributions.wrappers_bounds import narrowed
from ppl.graph.densities import parameters_of
from ppl.graph.graph import Define, Graph, Piece, Sample, Suffix
from ppl.graph.nodes import (
    Apply,
    Constant,
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
    walk,
)
from ppl.graph.order import parents, piece_reads, topological
from ppl.graph.trace import Traced
from ppl.primitives.atoms import ATOMS

ANY = Range()
COUNT = Range(0.0, integer=True)
SHARE = Range(0.0, 1.0)
AT_LEAST_ONE = Range(1.0, integer=True)
"""Sizes: a dimension without positions has no values that a scale of 1 / sqrt(N) could spoil."""


@dataclass(slots=True)
class Ranges:
    """Ranges of names and nodes of one graph.

    Attributes
    ----------
    graph
        The graph.
    names
        What is known of each name.
    sets
        The set of vectors or matrices that a name belongs to, where one is known.
    """

    graph: Graph
    names: dict[str, Range] = field(default_factory=dict)
    sets: dict[str, Constraint] = field(default_factory=dict)
    nodes: dict[int, Range] = field(default_factory=dict)
    kept: list[Node] = field(default_factory=list)

    def of(self, node: Node) -> Range:
        """Return where a node's values lie."""
        for one in walk(node):
            if id(one) not in self.nodes:
                self.nodes[id(one)] = self._one(one)
                self.kept.append(one)
        return self.nodes[id(node)]

    def _one(self, node: Node) -> Range:
        below = self.nodes
        match node:
            case Constant(value=value):
                return Range(value, value, integer=float(value).is_integer())
            case Size():
                return AT_LEAST_ONE
            case Position():
                return COUNT
            case Read(name=name):
                return self.names.get(name, ANY)
            case Apply(atom="multiply", arguments=(a, b)) if a is b:
                return ATOMS["square"].range(below[id(a)])
            case Apply(atom=atom, arguments=arguments):
                return ATOMS[atom].range(*(below[id(a)] for a in arguments))
            case Matrix(atom=atom, arguments=arguments):
                return ATOMS[atom].range(*(below[id(a)] for a in arguments))
            case Select(yes=yes, no=no):
                return union((below[id(yes)], below[id(no)]))
            case Stack(items=items):
                return union([below[id(i)] for i in items])
            case Reduce(operation=operation, body=body, limits=limits):
                found = _reduced(operation, below[id(body)])
                return _or_nothing(operation, found) if limits else found
            case LogDensity(quantity=quantity):
                return ANY if quantity == "log density" else SHARE
            case Ode():
                return ANY

    def set_of(self, node: Node) -> Constraint | None:
        """Return the set of vectors or matrices that a node's values belong to, if known."""
        match node:
            case Read(name=name):
                return self.sets.get(name)
            case _:
                return None


def union(ranges: Sequence[Range]) -> Range:
    """Return the smallest range that holds all of them."""
    lower = min(ranges, key=lambda r: (r.lower, r.lower_open))
    upper = max(ranges, key=lambda r: (r.upper, not r.upper_open))
    return Range(
        lower.lower,
        upper.upper,
        lower.lower_open,
        upper.upper_open,
        all(r.integer for r in ranges),
    )


def _reduced(operation: str, body: Range) -> Range:
    if operation in ("min", "max"):
        return body
    if operation == "sum":
        if body.lower >= 0:
            return Range(0.0, lower_open=body.lower_open or body.lower > 0, integer=body.integer)
        if body.upper <= 0:
            return Range(
                upper=0.0, upper_open=body.upper_open or body.upper < 0, integer=body.integer
            )
        return Range(integer=body.integer)
    if operation == "prod" and body.lower >= 0:
        upper = 1.0 if body.upper <= 1 else float("inf")
        return Range(0.0, upper, body.lower_open or body.lower > 0, integer=body.integer)
    return ANY


def _or_nothing(operation: str, found: Range) -> Range:
    """Return where a reduction within limits lies, which may be one of no numbers."""
    if operation == "sum":
        return union((found, Range(0.0, 0.0, integer=True)))
    if operation == "prod":
        return union((found, Range(1.0, 1.0, integer=True)))
    return found


def ranges_of(graph: Graph, data: Mapping[str, Range] | None = None) -> Ranges:
    """Find the ranges of all names of a graph.

    Parameters
    ----------
    graph
        The graph.
    data
        Where the values of bound data lie; declared constraints stand in for data not bound.
    """
    found = Ranges(graph)
    given = data or {}
    edges = parents(graph)
    order = topological(graph.variables, edges)
    if isinstance(order, set):
        order = [*(n for n in graph.variables if n not in order), *sorted(order)]
    for name in order:
        variable = graph.variables[name]
        if name in given:
            found.names[name] = given[name]
            if variable.datum and variable.datum.suffix:
                found.sets[name] = variable.datum.suffix.constraint
            continue
        if variable.datum is not None:
            found.names[name] = (
                COUNT if variable.datum.positions else _suffix_range(variable.datum.suffix)
            )
            if variable.datum.suffix is not None:
                found.sets[name] = variable.datum.suffix.constraint
            continue
        if variable.parameter is not None:
            found.names[name] = _suffix_range(variable.parameter.suffix)
            if variable.parameter.suffix is not None:
                found.sets[name] = variable.parameter.suffix.constraint
            continue
        _defined(found, name)
    return found


ROUNDS = 4
"""A name that is computed from itself gets its range by so many rounds, or none."""


def _defined(found: Ranges, name: str) -> None:
    """Find the range of a name from its pieces; one that reads itself by rounds."""
    pieces = [found.graph.pieces[k] for k in found.graph.variables[name].pieces]
    first = [p for p in pieces if name not in piece_reads(p)]
    if len(first) == len(pieces) or not first:
        _from_pieces(found, name, pieces)
        return
    _from_pieces(found, name, first)
    for _ in range(ROUNDS):
        before = found.names[name]
        found.nodes.clear()
        _from_pieces(found, name, pieces)
        after = found.names[name]
        if after.within(before):
            found.names[name] = before
            return
        found.names[name] = _widened(before, after)
    found.nodes.clear()
    found.names[name] = ANY
    _from_pieces(found, name, pieces)


def _widened(before: Range, after: Range) -> Range:
    """Return a range that holds both; a bound that moved goes to 0 or without end at once.

    So ``v[t] = w + b * v[t - 1]`` is found positive, though its lower bound never stops falling.
    """
    both = union((before, after))
    if both.lower < before.lower:
        both = replace(
            both,
            lower=0.0 if both.lower >= 0 else -math.inf,
            lower_open=both.lower > 0 or (both.lower == 0 and both.lower_open),
        )
    if both.upper > before.upper:
        both = replace(
            both,
            upper=0.0 if both.upper <= 0 else math.inf,
            upper_open=both.upper < 0 or (both.upper == 0 and both.upper_open),
        )
    return both


def _from_pieces(found: Ranges, name: str, pieces: Sequence[Piece]) -> None:
    ranges = []
    for piece in pieces:
        if isinstance(piece, Sample):
            support = support_of(piece, found)
            ranges.append(support.range)
            if support.event_ndim:
                found.sets[name] = support
        elif isinstance(piece, Define):
            ranges.append(found.of(piece.value))
            known = found.set_of(piece.value)
            if known is not None:
                found.sets[name] = known
    found.names[name] = union(ranges) if ranges else ANY


def _suffix_range(suffix: Suffix | None) -> Range:
    return ANY if suffix is None else suffix.constraint.range


def support_of(piece: Sample, ranges: Ranges | None = None) -> Constraint:
    """Return the set of a random variable's values: the distribution's support, or the suffix."""
    record = piece.density.record
    support = record.support
    if not isinstance(support, Constraint):
        arguments = standard_arguments(piece.density)
        support = support(*arguments)
    if piece.suffix is None:
        return support
    if piece.suffix.constraint.event_ndim:
        return piece.suffix.constraint
    return _narrowed(support, piece.suffix)


def standard_arguments(density: LogDensity) -> list[object]:
    """Return the arguments of the first parametrisation: numbers, or traced nodes."""
    record = density.record
    given = [
        float(a.value) if isinstance(a, Constant) else Traced(a, e)
        for a, e in zip(density.arguments, density.events, strict=True)
    ]
    if density.alternative is None:
        return list(given)
    return list(record.alternatives[density.alternative].convert(*given))


def _narrowed(support: Constraint, suffix: Suffix) -> Constraint:
    """Return a support of numbers cut by bounds."""
    if suffix.lower is None and suffix.upper is None:
        return suffix.constraint if suffix.constraint.range.within(support.range) else support
    return narrowed(
        support, _bound(suffix.lower, -math.inf), _bound(suffix.upper, math.inf), suffix.open
    )


def _bound(bound: Node | None, otherwise: float) -> object:
    if bound is None:
        return otherwise
    return float(bound.value) if isinstance(bound, Constant) else Traced(bound)


def needed(density: LogDensity) -> list[Constraint]:
    """Return where a distribution needs its arguments."""
    return list(parameters_of(density.record, density.alternative).values())
