"""The algebra of the simplifier: local rules, each from a node about to be made to a better one.

Factors (single numbers) are pulled outwards through products, quotients, squares and sums, so that
they meet and merge. A factor is moved only while it stays within `SAFE`, so that no overflow is
made or hidden. Quotients and sums never cancel (see the rule on hidden NaNs in `build`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.compile.stage.ir import Draws, Node, Shape, broadcast_shapes, elements

if TYPE_CHECKING:
    from ppl.compile.stage.build import Builder

COMMUTATIVE = frozenset({np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin})
SAFE = (1e-60, 1e60)

Rule = Callable[["Builder", Node, Node], Node | None]


def number(x: Node) -> float | None:
    """Return the value of a constant that is a single float, whole number or truth value."""
    if x.op != "constant" or x.array.size != 1 or x.array.dtype.kind not in "fiub":
        return None
    return float(x.array.reshape(()))


def safe(factor: float) -> bool:
    """Tell whether a factor may be moved: finite, not 0, far from overflow."""
    return SAFE[0] < abs(factor) < SAFE[1]


def coefficient(x: Node) -> tuple[float, Node]:
    """Split a node into a movable factor and the rest."""
    if x.op == "elementwise" and x.attr is np.multiply and x.args[1].dtype.kind == "f":
        factor = number(x.args[0])
        if factor is not None and x.args[0].dims == () and safe(factor):
            return factor, x.args[1]
    return 1.0, x


def simplify(b: Builder, ufunc: np.ufunc, args: list[Node], dtype: Any) -> Node:
    """Make an elementwise node, by a rule if one fits."""
    if (
        len(args) == 2
        and ufunc in BINARY
        and (node := BINARY[ufunc](b, args[0], args[1])) is not None
    ):
        return node
    if len(args) == 1 and ufunc in UNARY and (node := UNARY[ufunc](b, args[0])) is not None:
        return node
    return b.plain(ufunc, *args, dtype=dtype)


def _multiply(b: Builder, x: Node, y: Node) -> Node | None:
    for first, second in ((x, y), (y, x)):
        value = number(first)
        if value is not None and safe(value):
            return b.broadcast(b.scale(value, second), broadcast_shapes((x.dims, y.dims)))
    if x.dtype.kind != "f" or y.dtype.kind != "f":
        return None
    (c, x), (d, y) = coefficient(x), coefficient(y)
    if c * d != 1:
        return b.scale(c * d, b.elementwise(np.multiply, x, y)) if safe(c * d) else None
    if x is y:
        return b.plain(np.square, x)
    if (regrouped := _with_square(b, x, y)) is not None:
        return regrouped
    for first, second in ((x, y), (y, x)):
        if first.op == "constant" and _is(second, np.multiply) and second.args[0].op == "constant":
            product = np.multiply(first.array, second.args[0].array)
            if product.size in (first.array.size, second.args[0].array.size):
                return b.elementwise(np.multiply, b.constant(product), second.args[1])
        inverse = _is(second, np.divide) and number(second.args[0]) == 1
        if inverse and first.op != "constant" and not _smaller(second, first):
            return b.elementwise(np.divide, first, second.args[1])
    return None


def _with_square(b: Builder, x: Node, y: Node) -> Node | None:
    """Turn x * (x * z) into x² * z where the program has the square anyway."""
    for first, second in ((x, y), (y, x)):
        if _is(second, np.multiply) and first in second.args:
            square = b.known(np.square, first)
            if square is not None:
                rest = second.args[1] if second.args[0] is first else second.args[0]
                return b.elementwise(np.multiply, square, rest)
    return None


def _add(b: Builder, x: Node, y: Node) -> Node | None:
    for first, second in ((x, y), (y, x)):
        if number(first) == 0 and second.dtype.kind == "f":
            return b.broadcast(second, broadcast_shapes((x.dims, y.dims)))
    if x.op == y.op == "assemble" and x.dims == y.dims:
        from ppl.compile.stage.build import as_index

        terms = [(as_index(k), a) for n in (x, y) for k, a in zip(n.attr, n.args, strict=True)]
        return b.assemble(terms, x.dims)
    for first, second in ((x, y), (y, x)):
        if first.op == "constant" and _is(second, np.add) and second.args[0].op == "constant":
            total = np.add(first.array, second.args[0].array)
            if total.size in (first.array.size, second.args[0].array.size):
                return b.elementwise(np.add, b.constant(total), second.args[1])
    (c, p), (d, q) = coefficient(x), coefficient(y)
    if x is y:
        return b.scale(2.0, x)
    if c == d != 1:
        return b.scale(c, b.elementwise(np.add, p, q))
    if c == -d:
        return b.scale(d, _difference(b, q, p)) if c < 0 else b.scale(c, _difference(b, p, q))
    return None


def _difference(b: Builder, x: Node, y: Node) -> Node:
    return b.plain(np.subtract, x, y)


def _subtract(b: Builder, x: Node, y: Node) -> Node | None:
    if number(y) == 0 and x.dtype.kind == "f":
        return b.broadcast(x, broadcast_shapes((x.dims, y.dims)))
    if x is y or y.dtype.kind != "f":
        return None
    if y.op == "constant" and y.dims and x.op != "constant" and coefficient(x)[0] == 1:
        return b.scale(-1.0, b.plain(np.subtract, y, x))
    if y.op == "constant" or coefficient(y)[0] != 1 or coefficient(x)[0] != 1:
        return b.elementwise(np.add, x, b.scale(-1.0, y))
    return None


def _divide(b: Builder, x: Node, y: Node) -> Node | None:
    if y.op == "constant" and y.dtype.kind == "f":
        with np.errstate(all="ignore"):
            inverse = 1 / y.array
        if np.isfinite(inverse).all() and np.isfinite(y.array).all():
            return b.elementwise(np.multiply, x, b.constant(inverse))
    if _smaller(y, x):
        one = b.constant(np.float64(1))
        return b.elementwise(np.multiply, x, b.elementwise(np.divide, one, y))
    (c, p), (d, q) = coefficient(x), coefficient(y)
    if c / d != 1 and safe(c / d):
        return b.scale(c / d, b.elementwise(np.divide, p, q))
    value = number(x)
    if value is not None and value != 1 and safe(value):
        return b.scale(value, b.elementwise(np.divide, b.constant(np.float64(1)), y))
    return None


def _smaller(x: Node, y: Node) -> bool:
    """Tell whether x is repeated along axes of y: work on x is cheaper than work on y."""
    (few, low), (many, high) = elements(x.dims), elements(y.dims)
    return low <= high and few < many


def _power(b: Builder, x: Node, y: Node) -> Node | None:
    if x.dtype.kind != "f":
        return None
    match number(y):
        case 1.0:
            return b.broadcast(x, broadcast_shapes((x.dims, y.dims)))
        case 2.0:
            return b.elementwise(np.square, x)
        case 3.0:
            return b.elementwise(np.multiply, b.elementwise(np.square, x), x)
        case 0.5:  # NaN instead of inf at -inf
            return b.elementwise(np.sqrt, x)
        case -1.0:
            return b.elementwise(np.divide, b.constant(np.float64(1)), x)
        case -2.0:
            square = b.elementwise(np.square, x)
            return b.elementwise(np.divide, b.constant(np.float64(1)), square)
        case -0.5:
            root = b.elementwise(np.sqrt, x)
            return b.elementwise(np.divide, b.constant(np.float64(1)), root)
        case _:
            return None


def _square(b: Builder, x: Node) -> Node | None:
    c, x = coefficient(x)
    if c == 1:
        return None
    return b.scale(c * c, b.elementwise(np.square, x)) if safe(c * c) else None


def _negative(b: Builder, x: Node) -> Node | None:
    return b.scale(-1.0, x) if x.dtype.kind == "f" else None


def _absolute(b: Builder, x: Node) -> Node | None:
    c, x = coefficient(x)
    return b.scale(abs(c), b.elementwise(np.absolute, x)) if c != 1 else None


def _same(b: Builder, x: Node) -> Node | None:
    return x


BINARY: dict[np.ufunc, Rule] = {
    np.multiply: _multiply,
    np.add: _add,
    np.subtract: _subtract,
    np.divide: _divide,
    np.power: _power,
}
UNARY: dict[np.ufunc, Callable[[Builder, Node], Node | None]] = {
    np.square: _square,
    np.negative: _negative,
    np.absolute: _absolute,
    np.positive: _same,
}


def simplify_sum(b: Builder, x: Node, axes: tuple[int, ...], keep: bool) -> Node | None:
    """Return the sum of x over axes, if a rule makes it cheaper.

    The axes are kept with length 1 if `keep`, else dropped.
    """
    if x.op == "broadcast":
        return _sum_broadcast(b, x, axes, keep)
    c, inner = coefficient(x)
    if c != 1:
        return b.scale(c, b.reduce(np.add, inner, axes, keep))
    if x.op == "elementwise" and len(x.args) == 2 and all(a.dtype.kind == "f" for a in x.args):
        if x.attr in (np.multiply, np.divide):
            return _sum_product(b, x, axes, keep)
        if x.attr in (np.add, np.subtract):
            return _sum_terms(b, x, axes, keep)
    return None


def _sum_broadcast(b: Builder, x: Node, axes: tuple[int, ...], keep: bool) -> Node | None:
    inner = _padded(b, x.args[0], len(x.dims))
    free = [a for a in axes if inner.dims[a] == 1]
    lengths = [n for n in (x.dims[a] for a in free) if isinstance(n, int)]
    if not free or len(lengths) < len(free):
        return None
    whole = b.broadcast(inner, tuple(1 if a in free else n for a, n in enumerate(x.dims)))
    return b.scale(float(np.prod(lengths)), b.reduce(np.add, whole, axes, keep))


def _padded(b: Builder, x: Node, rank: int) -> Node:
    return b.reshape(x, (1,) * (rank - len(x.dims)) + x.dims)


def _without(b: Builder, x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Drop axes of length 1, unless they are kept."""
    return x if keep else b.reshape(x, tuple(n for i, n in enumerate(x.dims) if i not in axes))


def _sum_product(b: Builder, x: Node, axes: tuple[int, ...], keep: bool) -> Node | None:
    """Move a factor or divisor that is the same along the axes out of the sum."""
    left, right = (_padded(b, a, len(x.dims)) for a in x.args)
    if all(right.dims[a] == 1 for a in axes):
        total = b.reduce(np.add, left, axes, keep)
        return b.elementwise(x.attr, total, _without(b, right, axes, keep))
    if x.attr is np.multiply and all(left.dims[a] == 1 for a in axes):
        total = b.reduce(np.add, right, axes, keep)
        return b.elementwise(np.multiply, _without(b, left, axes, keep), total)
    if x.attr is np.multiply and (found := _fixed_inside(b, left, right, axes)) is not None:
        ufunc, product, fixed = found
        total = b.reduce(np.add, product, axes, keep)
        return b.elementwise(ufunc, total, _without(b, fixed, axes, keep))
    if x.attr is np.multiply and left.op == "constant" and axes == (len(x.dims) - 1,):
        return _sum_linear(b, left, right)
    return None


def _fixed_inside(
    b: Builder, left: Node, right: Node, axes: tuple[int, ...]
) -> tuple[np.ufunc, Node, Node] | None:
    """Split a product into what may stay in a sum over axes, and a factor or divisor of one of the
    two that is the same along the axes."""
    for other, inner in ((left, right), (right, left)):
        if inner.op != "elementwise" or inner.attr not in (np.multiply, np.divide):
            continue
        sides = [inner.args, inner.args[::-1]] if inner.attr is np.multiply else [inner.args]
        for rest, fixed in sides:
            fixed = _padded(b, fixed, len(inner.dims))
            if fixed.dtype.kind == "f" and all(fixed.dims[a] == 1 for a in axes):
                return inner.attr, b.elementwise(np.multiply, other, rest), fixed
    return None


def _sum_linear(b: Builder, weights: Node, x: Node) -> Node | None:
    """Turn sum(weights * (a @ matrix)) into a @ (matrix @ weights)."""
    if x.op != "matmul" or x.args[1].op != "constant" or len(x.args[1].dims) != 2:
        return None
    if weights.array.size != x.args[1].array.shape[1] or not np.isfinite(weights.array).all():
        return None
    column = b.constant(x.args[1].array @ weights.array.reshape(-1))
    return b.matmul(x.args[0], column, x.args[0].dims[:-1])


def _sum_terms(b: Builder, x: Node, axes: tuple[int, ...], keep: bool) -> Node | None:
    """Sum the terms of a sum apart, where one of them is cheaper alone."""
    left, right = (_padded(b, a, len(x.dims)) for a in x.args)
    short = any(a.dims[i] == 1 for a in (left, right) for i in axes)
    if not (short or left.op == "constant" or any(_is_linear(a) for a in (left, right))):
        return None
    if any(isinstance(x.dims[a], Draws) for a in axes):
        return None
    sums = (
        b.reduce(np.add, b.broadcast(a, _stretched(a, x, axes)), axes, keep) for a in (left, right)
    )
    return b.elementwise(x.attr, *sums)


def _stretched(a: Node, x: Node, axes: tuple[int, ...]) -> Shape:
    return tuple(x.dims[i] if i in axes else n for i, n in enumerate(a.dims))


def _is_linear(x: Node) -> bool:
    """Tell whether x is constant weights times a product with a constant matrix."""
    if not _is(x, np.multiply) or x.args[0].op != "constant":
        return False
    inner = x.args[1]
    return inner.op == "matmul" and inner.args[1].op == "constant" and inner.dims == x.dims


def simplify_matmul(b: Builder, x: Node, y: Node, shape: Shape) -> Node | None:
    """Multiply a constant term of x with a constant matrix at once; drop batches of vectors."""
    if y.op == "constant" and len(y.dims) == 2 and _has_fixed_row(x):
        fixed = b.constant(x.args[0].array @ y.array)
        return b.elementwise(x.attr, fixed, b.matmul(x.args[1], y, shape))
    if x.op == "constant" and len(x.dims) == 2 and len(y.dims) == 3 and y.dims[-1] == 1:
        rows = b.reshape(y, y.dims[:-1])
        flipped = b.constant(np.ascontiguousarray(x.array.T))
        return b.reshape(b.matmul(rows, flipped, (y.dims[0], x.dims[0])), shape)
    return None


def _has_fixed_row(x: Node) -> bool:
    """Tell whether x is a constant vector plus or minus something of the whole shape."""
    if not (_is(x, np.add) or _is(x, np.subtract)) or x.args[1].dims != x.dims:
        return False
    fixed = x.args[0]
    return fixed.op == "constant" and len(fixed.dims) == 1 and np.isfinite(fixed.array).all()


def _is(x: Node, ufunc: np.ufunc) -> bool:
    return x.op == "elementwise" and x.attr is ufunc
