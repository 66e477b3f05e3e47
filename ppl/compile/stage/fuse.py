"""Rewrites that need to know how often a node is used: products and sums become one operation."""

from __future__ import annotations

import numpy as np

from ppl.compile.stage.build import FLOAT, Builder
from ppl.compile.stage.ir import Draws, Node, Program, reachable, uses


def fuse(b: Builder, program: Program) -> Program:
    """Return the program with sums of products over the last axis as `vecdot` or `matmul`."""
    count = uses(program)
    new: dict[Node, Node] = {}
    for node in program.nodes:
        args = tuple(new[a] for a in node.args)
        fused = _sum_of_products(b, node, args, count)
        if fused is not None:
            new[node] = fused
        else:
            new[node] = node if args == node.args else b.rebuilt(node, args)
    return reachable(new[program.input], (new[n] for n in program.outputs))


def _sum_of_products(
    b: Builder, node: Node, args: tuple[Node, ...], count: dict[Node, int]
) -> Node | None:
    if node.op != "reduce" or node.attr[0] is not np.add:
        return None
    old, x = node.args[0], args[0]
    if node.attr[1] != (len(x.dims) - 1,) or x.dtype != FLOAT or isinstance(x.dims[-1], Draws):
        return None
    if x.op == "elementwise" and count[old] == 1 and x.attr in (np.multiply, np.square):
        left, right = x.args if len(x.args) == 2 else (x.args[0], x.args[0])
        if FLOAT == left.dtype == right.dtype and left.dims[-1:] == right.dims[-1:]:
            if left.op == "constant" and len(left.dims) == 1:
                return b.reshape(b.matmul(right, left, right.dims[:-1]), node.dims)
            return b.reshape(b.vecdot(left, right), node.dims)
    return None
