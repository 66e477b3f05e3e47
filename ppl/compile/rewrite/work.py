"""How much work an expression is: numbers computed for one draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppl.compile.program import Fused, Let, Program, Term
from ppl.compile.rewrite.scope import Scope
from ppl.graph.bound import BoundGraph
from ppl.graph.nodes import Apply, Index, Node, Read, Reduce, children
from ppl.primitives.fused_rows import Predictor

COSTLY = {"exp", "log", "log1p", "expm1", "logaddexp", "expit", "gammaln", "betaln", "power"}
PRODUCT = 0.25
"""A multiplication within a matrix product, of that of an elementwise operation."""


def work(node: Node, indices: tuple[Index, ...], scope: Scope) -> float:
    """Return the work of an expression summed over indices."""
    total = 0.0
    seen: set[int] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if id(one) in seen or not scope.drawn(one):
            continue
        seen.add(id(one))
        match one:
            case Reduce(body=Apply(atom="multiply", arguments=(a, b)) as body):
                total += PRODUCT * _size(body, scope)
                stack.extend((a, b))
                continue
            case Read():
                total += 0.5 * _size(one, scope) if _gathers(one) else 0.0
            case Apply(atom=atom):
                total += (8.0 if atom in COSTLY else 1.0) * _size(one, scope)
            case _:
                total += _size(one, scope)
        stack.extend(children(one))
    return total + float(np.prod([scope.extent(i) for i in indices if i in node.free]))


def _gathers(node: Read) -> bool:
    return any(isinstance(p, Read) for p in node.positions)


def _size(node: Node, scope: Scope) -> float:
    return float(np.prod([float(scope.extent(i)) for i in node.free]))


def work_of_rows(step: Fused, scope: Scope) -> float:
    """Return the work of a pass over rows."""
    rows: Predictor = scope.arrays[step.rows]
    width = sum(int(m.shape[1]) for m in rows.matrices)
    return float(rows.rows) * (5.0 + PRODUCT * width + len(rows.lookups))


def work_of_program(program: Program, bound: BoundGraph) -> float:
    """Return the work of a program's definitions, terms and passes over rows, for one draw."""
    scope = replace(Scope.of(program, bound), arrays=dict(program.arrays))
    total = 0.0
    for step in program.steps:
        match step:
            case Let(node=node, indices=indices) | Term(node=node, indices=indices):
                if scope.drawn(node):
                    total += work(node, indices, scope)
            case Fused():
                total += work_of_rows(step, scope)
            case _:
                pass
    return total
