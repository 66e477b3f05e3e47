"""Regrouping of sums: terms of one factor together, small shapes before large ones.

A tree of additions, subtractions and factors that nothing else reads is one sum of terms. Its terms
are added anew, so that each factor is applied once and broadcasting happens as late as it can. No
two terms cancel: equal terms stay two terms (see the rule on hidden NaNs in `build`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ppl.compile.stage.algebra import coefficient
from ppl.compile.stage.build import FLOAT, Builder
from ppl.compile.stage.ir import Node, Program, broadcast_shapes, elements, reachable, uses


@dataclass(frozen=True, slots=True)
class _Term:
    factor: float
    node: Node


def regroup(b: Builder, program: Program) -> Program:
    """Return the program with its sums regrouped."""
    count = uses(program)
    absorbed = {
        arg
        for node in program.nodes
        if _is_sum(node)
        for arg in node.args
        if _is_sum(arg) and count[arg] == 1
    }
    new: dict[Node, Node] = {}
    for node in program.nodes:
        if node in absorbed:
            continue
        if _is_sum(node):
            terms = [_Term(t.factor, new[t.node]) for t in _terms(node, 1.0, absorbed)]
            total = _total(b, terms)
            new[node] = b.broadcast(total, node.dims)
        else:
            args = tuple(new[a] for a in node.args)
            new[node] = node if args == node.args else b.rebuilt(node, args)
    return reachable(new.get(program.input, program.input), (new[n] for n in program.outputs))


def _is_sum(node: Node) -> bool:
    if node.op != "elementwise" or node.dtype != FLOAT:
        return False
    return node.attr in (np.add, np.subtract) or coefficient(node)[0] != 1


def _terms(node: Node, factor: float, absorbed: set[Node]) -> Iterator[_Term]:
    """Yield the terms of a sum, with their factors."""
    own, inner = coefficient(node)
    if own != 1:
        parts = [(own * factor, inner)]
    else:
        sign = -1.0 if node.attr is np.subtract else 1.0
        parts = [(factor, node.args[0]), (sign * factor, node.args[1])]
    for c, part in parts:
        if part in absorbed:
            yield from _terms(part, c, absorbed)
        else:
            yield _Term(c, part)


def _total(b: Builder, terms: list[_Term]) -> Node:
    shapes = sorted({t.node.dims for t in terms}, key=lambda s: (elements(s)[::-1], len(s)))
    waiting: list[_Term] = []
    for shape in shapes:
        ready = [t for t in waiting if broadcast_shapes((t.node.dims, shape)) == shape]
        waiting = [t for t in waiting if t not in ready]
        here = [t for t in terms if t.node.dims == shape]
        waiting.append(_sum_of(b, ready + here))
    last = _sum_of(b, waiting)
    return b.scale(last.factor, last.node)


def _sum_of(b: Builder, terms: list[_Term]) -> _Term:
    """Add terms: those of one factor first, then what they come to."""
    groups: dict[float, list[_Term]] = {}
    for term in sorted(terms, key=lambda t: (t.node.op != "assemble", t.node.number)):
        groups.setdefault(abs(term.factor), []).append(term)
    parts = [_signed_sum(b, group) for group in groups.values()]
    if len(parts) == 1:
        return parts[0]
    parts.sort(key=lambda t: t.factor < 0)
    scaled = [_Term(np.sign(t.factor), b.scale(abs(t.factor), t.node)) for t in parts]
    return _signed_sum(b, scaled)


def _signed_sum(b: Builder, terms: list[_Term]) -> _Term:
    """Add terms whose factors differ in sign only."""
    ordered = sorted(terms, key=lambda t: t.factor < 0)
    total, lead = ordered[0].node, ordered[0].factor
    for term in ordered[1:]:
        ufunc = np.add if term.factor == lead else np.subtract
        total = b.elementwise(ufunc, total, term.node)
    return _Term(lead, total)
