"""Hard constraints between latents: ``require a > b``.

A comparison of which one side is a latent, all of it, becomes a bound of that latent: its density
stays as it is, restricted to what the bound leaves. What is left of the conditions keeps points
that break it out, with probability 0.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Factor, Graph, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    LogDensity,
    Node,
    Position,
    Read,
    Select,
    add,
    reads,
    rename,
    same,
    subtract,
    walk,
)
from ppl.graph.order import closure, parents
from ppl.graph.wrapped import with_bounds
from ppl.text import Diagnostic

BELOW = {"less": True, "less_equal": True, "greater": False, "greater_equal": False}
"""Comparisons: whether the left side is below the right."""


@dataclass(slots=True)
class Requirements:
    """The graph so far."""

    graph: Graph
    pieces: list[Piece]
    latents: frozenset[str]
    above: Mapping[str, set[str]]

    def keep(self, condition: Node) -> Node | None:
        """Keep a condition by bounds; returns what is left of it."""
        match condition:
            case Apply(atom="logical_and", arguments=(a, b)):
                left = [n for n in (self.keep(a), self.keep(b)) if n is not None]
                if len(left) == 2:
                    return replace(condition, arguments=(left[0], left[1]))
                return left[0] if left else None
            case Apply(atom=atom, arguments=(a, b)) if atom in BELOW:
                low, high = (a, b) if BELOW[atom] else (b, a)
                for read in _reads_in(high, low):
                    bound = _solved(low, high, read)
                    if bound is not None and self._bounded(read, *bound):
                        return None
                return condition
            case _:
                return condition

    def _bounded(self, node: Read, bound: Node, upper: bool) -> bool:
        """Bound a latent, if a node is all of one and the bound does not depend on it."""
        if node.name not in self.latents:
            return False
        numbers = self.graph.variables[node.name].pieces
        piece = self.pieces[numbers[0]]
        if len(numbers) != 1 or not isinstance(piece, Sample) or piece.target is None:
            return False
        record = piece.density.record
        if record.discrete or piece.density.event or record.reads_itself:
            return False
        names = _side_by_side(node, piece.target)
        if names is None or not bound.free <= set(names):
            return False
        edges = {name: set(found) for name, found in self.above.items()}
        if node.name in closure(reads(bound), edges):
            return False
        low, high = Constant(-math.inf), Constant(math.inf)
        ends = (low, rename(bound, names)) if upper else (rename(bound, names), high)
        self.pieces[numbers[0]] = _restricted(piece, ends)
        edges[node.name] |= reads(bound)
        self.above = edges
        return True


def required(graph: Graph, latents: Collection[str]) -> tuple[Graph, list[Diagnostic]]:
    """Return the graph with bounds and factors in the place of `require`, and notes.

    Parameters
    ----------
    graph
        The bound graph.
    latents
        The unobserved random variables that take part in inference.
    """
    conditions = [p for p in graph.pieces if isinstance(p, Factor) and p.required]
    if not conditions:
        return graph, []
    work = Requirements(graph, list(graph.pieces), frozenset(latents), parents(graph))
    notes: list[Diagnostic] = []
    for number, piece in enumerate(graph.pieces):
        if not isinstance(piece, Factor) or not piece.required:
            continue
        left = work.keep(piece.value)
        if left is None:
            work.pieces[number] = replace(piece, value=Constant(0.0), indices=())
            continue
        value = Select(left, Constant(0.0), Constant(-math.inf))
        work.pieces[number] = replace(piece, value=value)
        text = " ".join(graph.source.at(piece.span).split())
        notes.append(
            kinds.REJECTED(
                f"`{text}` is not a bound of one latent: points that break it are rejected",
                piece.span,
                help=_advice(left),
            )
        )
    return replace(graph, pieces=tuple(work.pieces)), notes


def _advice(condition: Node) -> str | None:
    """Return what is better than rejection, where it can be guessed."""
    match condition:
        case Apply(atom=atom, arguments=(Read(name=a), Read(name=b))) if atom in BELOW and a == b:
            return f"an order within `{a}` is kept by a set: `{a}[...] ~ ... in Ordered`"
        case _:
            return None


def _reads_in(*nodes: Node) -> list[Read]:
    """Return the reads of nodes, each name once."""
    found: dict[str, Read] = {}
    for node in walk(*nodes):
        if isinstance(node, Read):
            found.setdefault(node.name, node)
    return list(found.values())


def _solved(low: Node, high: Node, read: Read) -> tuple[Node, bool] | None:
    """Solve ``low < high`` for a read: its bound, and whether that is an upper one."""
    left, right = _affine(low, read), _affine(high, read)
    if left is None or right is None or left[0] == right[0]:
        return None
    scale, rest = left[0] - right[0], _minus(right[1], left[1])
    return rest if scale == 1 else _over(rest, scale), scale > 0


def _affine(node: Node, r: Read) -> tuple[float, Node] | None:
    """Write a node as c · r + rest, with a number c; None if it is not so."""
    if r.name not in reads(node):
        return 0.0, node
    zero = Constant(0)
    match node:
        case Read() if same(node, r):
            return 1.0, zero
        case Apply(atom="add" | "subtract" as atom, arguments=(a, b)):
            one, two = _affine(a, r), _affine(b, r)
            if one is None or two is None:
                return None
            if atom == "add":
                return one[0] + two[0], add(one[1], two[1])
            return one[0] - two[0], _minus(one[1], two[1])
        case Apply(atom="negative", arguments=(a,)):
            one = _affine(a, r)
            return None if one is None else (-one[0], _minus(zero, one[1]))
        case Apply(atom="multiply", arguments=(Constant(value=c), a) | (a, Constant(value=c))):
            one = _affine(a, r)
            return None if one is None or not c else (c * one[0], _over(one[1], 1 / c))
        case Apply(atom="divide", arguments=(a, Constant(value=c))):
            one = _affine(a, r)
            return None if one is None or not c else (one[0] / c, _over(one[1], c))
        case _:
            return None


def _minus(a: Node, b: Node) -> Node:
    if isinstance(a, Constant) and a.value == 0 and not isinstance(b, Constant):
        return Apply("negative", (b,))
    return subtract(a, b)


def _over(node: Node, divisor: float) -> Node:
    if isinstance(node, Constant):
        return Constant(node.value / divisor)
    if divisor == -1:
        return Apply("negative", (node,))
    return Apply("divide", (node, Constant(divisor)))


def _side_by_side(read: Read, target: Read) -> dict[Index, Index] | None:
    """Return which index of a statement each index of a read is, if both are all of a name."""
    found: dict[Index, Index] = {}
    for one, other in zip(read.positions, target.positions, strict=True):
        match one, other:
            case Position(index=i), Position(index=j):
                if i in found or not same(i.domain.start, j.domain.start):
                    return None
                if i.domain.dimension is None or i.domain.dimension != j.domain.dimension:
                    return None
                found[i] = j
            case _:
                return None
    return found


def _restricted(piece: Sample, ends: Sequence[Node]) -> Sample:
    """Return a statement whose density is restricted to what lies between bounds."""
    inner = with_bounds(piece.density, piece.suffix)
    suffix = piece.suffix
    if suffix is not None and (suffix.lower is not None or suffix.upper is not None):
        suffix = None
    density: LogDensity = replace(
        inner,
        distribution="Restricted",
        alternative=None,
        components=(inner.law,),
        arguments=(*ends, *inner.arguments),
        events=((), (), *inner.events),
    )
    return replace(piece, density=density, suffix=suffix)
