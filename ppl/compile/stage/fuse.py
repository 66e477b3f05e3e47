"""Rewrites that need to know how often a node is used, or that help source more than algebra."""

from __future__ import annotations

import numpy as np

from ppl.compile.stage.build import FLOAT, Builder
from ppl.compile.stage.indexing import compose_units
from ppl.compile.stage.ir import Draws, Node, Program, Shape, elements, reachable, uses


def fuse(b: Builder, program: Program) -> Program:
    """Return the program with sums over the last axis as products, and views merged."""
    count = uses(program)
    new: dict[Node, Node] = {}
    for node in program.nodes:
        args = tuple(new[a] for a in node.args)
        fused = (
            _sum_of_all(b, node, new, count)
            or _sum_as_product(b, node, args, count)
            or _merged_view(b, node, args)
        )
        if fused is not None:
            new[node] = fused
        else:
            new[node] = node if args == node.args else b.rebuilt(node, args)
    return reachable(new.get(program.input, program.input), (new[n] for n in program.outputs))


def _sum_of_all(
    b: Builder, node: Node, new: dict[Node, Node], count: dict[Node, int]
) -> Node | None:
    """Sum each draw's numbers at once, where that was done axis by axis, or of a product."""
    if not _is_float_sum(node) or elements(node.dims) != (1, 1):
        return None
    old = node.args[0]
    while count[old] == 1 and (old.op == "reshape" or _is_float_sum(old)):
        old = old.args[0]
    if len(old.dims) < 3 or old.dims[0] != Draws(1):
        return None
    x, weights = new[old], np.ones(elements(old.dims)[0])
    flat = (old.dims[0], weights.size)
    if count[old] == 1 and x.op == "elementwise" and x.attr in (np.multiply, np.square):
        left, right = x.args[0], x.args[-1]
        if all(_lies_flat(a) and a.dims == x.dims for a in (left, right)):
            total = b.vecdot(b.reshape(left, flat), b.reshape(right, flat))
            return b.reshape(total, node.dims)
        if left.op == "constant" and left.dims == x.dims[1:] and right.dims == x.dims:
            x, weights = right, left.array.reshape(-1)
    total = b.product(b.reshape(x, flat), b.vector(weights), x.dims[:1])
    return b.reshape(total, node.dims)


def _is_float_sum(x: Node) -> bool:
    return x.op == "reduce" and x.attr[0] is np.add and x.dtype == FLOAT


def _lies_flat(x: Node) -> bool:
    """Tell whether an array of floats lies in memory as in order."""
    return x.dtype == FLOAT and x.op not in ("constant", "broadcast", "transpose", "index")


def _sum_as_product(
    b: Builder, node: Node, args: tuple[Node, ...], count: dict[Node, int]
) -> Node | None:
    """Sum over an axis by a product with a vector: several times as fast as `add.reduce`."""
    if node.op != "reduce" or node.attr[0] is not np.add or args[0].dtype != FLOAT:
        return None
    x, old, axes = args[0], node.args[0], node.attr[1]
    rank, lengths = len(x.dims), [x.dims[i] for i in axes]
    if any(isinstance(n, Draws) for n in lengths):
        return None
    length, axis = int(np.prod(lengths)), axes[0]
    if len(axes) > 1:
        if axes != tuple(range(1, rank)):
            return None
        flat = b.reshape(x, (x.dims[0], length))
        return b.product(flat, b.vector(np.ones(length)), x.dims[:1])
    if axis == rank - 1:
        product = x.op == "elementwise" and x.attr in (np.multiply, np.square) and count[old] == 1
        if product and (dot := _dot(b, x, old)) is not None:
            return dot
        return b.product(x, b.vector(np.ones(length)), node.dims) if rank in (2, 3) else None
    if axis == 1 and rank == 3:
        if x.op == "elementwise" and x.attr is np.multiply and count[old] == 1:
            for weight, other in (x.args, x.args[::-1]):
                if _is_column(weight, x.dims) and other.dims == x.dims and other.dtype == FLOAT:
                    row = b.reshape(weight, (x.dims[0], 1, x.dims[1]))
                    shape = (x.dims[0], 1, x.dims[2])
                    return b.reshape(b.product(row, other, shape), node.dims)
        if x.dims[2] == 1:
            flat = b.reshape(x, x.dims[:2])
            return b.reshape(b.product(flat, b.vector(np.ones(length)), x.dims[:1]), node.dims)
        return b.product(b.vector(np.ones(length)), x, node.dims)
    return None


def _is_column(x: Node, dims: Shape) -> bool:
    """Tell whether x is repeated along the last of three axes only."""
    return dims[2] != 1 and x.dims == (*dims[:2], 1) and x.dtype == FLOAT


def _dot(b: Builder, x: Node, old: Node) -> Node | None:
    """Return the sum of a product or square over the last axis as one operation."""
    left, right = x.args if len(x.args) == 2 else (x.args[0], x.args[0])
    if not (FLOAT == left.dtype == right.dtype and left.dims[-1:] == right.dims[-1:]):
        return None
    if left.op == "constant" and len(left.dims) == 1 and len(right.dims) == 2:
        return b.product(right, left, right.dims[:-1])
    if left is right and _is_weighted(b, old.args[0]):
        weight = b.constant(np.square(left.args[0].array))
        left, right = left.args[1], b.plain(np.multiply, weight, left.args[1])
    return b.vecdot(left, right)


def _is_weighted(b: Builder, x: Node) -> bool:
    """Tell whether x is c * y for constants c, and the program has c**2 * y as well."""
    if x.op != "elementwise" or x.attr is not np.multiply or x.args[0].op != "constant":
        return False
    if x.args[1].dims[-1:] != x.dims[-1:]:
        return False
    weight = b.constant(np.square(x.args[0].array))
    return b.known(np.multiply, weight, x.args[1]) is not None


def _merged_view(b: Builder, node: Node, args: tuple[Node, ...]) -> Node | None:
    """Take a column with its new axis at once: `x[:, 0:1]` for `x[:, 0][:, None]`."""
    if node.op == "reshape" and args[0].op == "reshape":
        return b.reshape(args[0], node.dims)
    if node.op != "reshape" or args[0].op != "index":
        return None
    base = args[0].args[0]
    key = compose_units(base.dims, args[0].attr, node.dims)
    return None if key is None else b.index_into(base, key, node.dims)
