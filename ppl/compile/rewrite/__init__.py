"""Rewrites between lowering and emission: the likelihood's terms take as little work as they need.

A term is written as a sum of products (`products`), grouped into summands (`summand`), to each of
which the first rule of the tuple in `simplify` that fits is applied. What no rule takes stays over
its rows. All of it is imported for data that are worth it.
"""

from __future__ import annotations

from ppl.compile.program import Program
from ppl.graph.bound import BoundGraph

FEW = 64
"""Where no data have as many numbers, programs stay as they are."""


def simplified(program: Program, bound: BoundGraph, *, portable: bool = False) -> Program:
    """Return a program with its likelihood rewritten.

    Parameters
    ----------
    program
        As lowered.
    bound
        The graph with its data.
    portable
        Whether to use plain array operations alone, for other backends to compile.
    """
    if max((values.size for values in bound.data.values()), default=0) < FEW:
        return program
    from ppl.compile.rewrite.simplify import PORTABLE, RULES, simplify

    return simplify(program, bound, PORTABLE if portable else RULES)
