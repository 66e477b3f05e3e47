"""Making nodes: equal nodes once, shapes worked out, cheap rules applied on the way.

`Builder` has one method per operation. Each first tries its local rules, then interns the node, so
that common subexpressions are found by construction. Algebra is in `ppl.compile.stage.algebra`.

The rule on hidden NaNs: no rule here or in `algebra` may make a value finite where the plain
reverse pass has NaN or an infinity. So ``0 * f``, ``f - f`` and ``x / y * y`` stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ppl.compile.stage import algebra
from ppl.compile.stage.indexing import (
    Index,
    indexed_shape,
    only_units,
    take_of_index,
    unit_slices_to_numbers,
)
from ppl.compile.stage.ir import (
    CannotStage,
    Draws,
    Fixed,
    Node,
    Op,
    Shape,
    broadcast_shapes,
    elements,
)

FLOAT = np.dtype(np.float64)
BOOL = np.dtype(np.bool_)
LARGE = 1 << 16


class Builder:
    """Makes the nodes of one program."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Node] = {}

    def _intern(
        self,
        op: Op,
        args: tuple[Node, ...],
        attr: Any,
        shape: Shape | None,
        dtype: np.dtype[Any] = FLOAT,
        value: Any = None,
        key: Any = None,
    ) -> Node:
        key = _key(op, args, attr, shape, dtype, key)
        if key not in self._nodes:
            self._nodes[key] = Node(len(self._nodes), op, args, attr, shape, dtype, value)
        return self._nodes[key]

    # Leaves

    def input(self, shape: Shape) -> Node:
        """Return the draws, shape (S, D)."""
        return self._intern("input", (), None, shape)

    def data(self, number: int, shape: Shape, dtype: np.dtype[Any]) -> Node:
        """Return an array that is given with the draws at every run."""
        return self._intern("input", (), number, shape, dtype)

    def constant(self, value: Any) -> Node:
        """Return a constant; one that repeats a single number is broadcast from it."""
        array = np.asarray(value)
        if array.ndim and array.size and array.dtype != object:
            first = array[(0,) * array.ndim]
            if (array == first).all():
                return self.broadcast(self.constant(first), array.shape)
        return self.positions(array)

    def positions(self, array: np.ndarray[Any, Any]) -> Node:
        """Return a constant as it is: positions stay a vector though they be all the same."""
        key = id(array) if array.nbytes > LARGE else (array.tobytes())
        return self._intern("constant", (), None, array.shape, array.dtype, array, key)

    # Elementwise

    def elementwise(self, ufunc: np.ufunc, *args: Node, dtype: np.dtype[Any] | None = None) -> Node:
        """Apply a ufunc; broadcasts are moved outside."""
        shape = broadcast_shapes(a.dims for a in args)
        small = [self._without_leading_units(strip(a)) for a in args]
        if all(a.op == "constant" for a in small):
            with np.errstate(all="ignore"):
                return self.broadcast(self.constant(ufunc(*(a.value for a in small))), shape)
        bases = _common_units(small)
        if bases is not None:
            inner = broadcast_shapes(a.dims for a in small)
            return self.broadcast(self.reshape(self.elementwise(ufunc, *bases), inner), shape)
        return self.broadcast(algebra.simplify(self, ufunc, small, dtype), shape)

    def _without_leading_units(self, x: Node) -> Node:
        if x.op != "constant" or not x.dims or x.dims[0] != 1:
            return x
        return self._without_leading_units(self.constant(x.array[0]))

    def plain(self, ufunc: np.ufunc, *args: Node, dtype: np.dtype[Any] | None = None) -> Node:
        """Apply a ufunc without any rule; arguments of commutative ones are ordered."""
        args = _ordered(ufunc, args)
        shape = broadcast_shapes(a.dims for a in args)
        dtype = dtype or ufunc.resolve_dtypes((*(a.dtype for a in args), None))[-1]
        return self._intern("elementwise", args, ufunc, shape, dtype)

    def scale(self, factor: float, x: Node) -> Node:
        """Return `factor * x`, combining with a factor that x has."""
        factor, x = factor * algebra.coefficient(x)[0], algebra.coefficient(x)[1]
        if factor == 1 and x.dtype == FLOAT:
            return x
        match x.op:
            case "constant":
                return self.constant(factor * x.array)
            case "broadcast":
                return self.broadcast(self.scale(factor, x.args[0]), x.dims)
            case _:
                return self.plain(np.multiply, self.constant(np.float64(factor)), x)

    def where(self, condition: Node, yes: Node, no: Node) -> Node:
        """Choose elementwise."""
        shape = broadcast_shapes(a.dims for a in (condition, yes, no))
        small = tuple(strip(a) for a in (condition, yes, no))
        if all(a.op == "constant" for a in small):
            return self.broadcast(self.constant(np.where(*(a.array for a in small))), shape)
        inner = broadcast_shapes(a.dims for a in small)
        dtype = np.result_type(yes.dtype, no.dtype)
        return self.broadcast(self._intern("where", small, None, inner, dtype), shape)

    def broadcast(self, x: Node, shape: Shape) -> Node:
        """Repeat x along new axes and axes of length 1."""
        if x.dims == shape:
            return x
        if x.op == "broadcast":
            return self.broadcast(x.args[0], shape)
        return self._intern("broadcast", (x,), None, shape, x.dtype)

    # Reductions

    def reduce(self, ufunc: np.ufunc, x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
        """Reduce over axes, given as sorted positions."""
        kept = tuple(1 if i in axes else n for i, n in enumerate(x.dims))
        final = kept if keepdims else tuple(n for i, n in enumerate(x.dims) if i not in axes)
        axes = tuple(a for a in axes if x.dims[a] != 1)
        if not axes:
            return self.reshape(x, final)
        if x.op == "constant":
            return self.reshape(self.constant(ufunc.reduce(x.array, axis=axes)), final)
        if ufunc is np.add:
            simple = algebra.simplify_sum(self, x, axes, len(final) == len(x.dims))
            if simple is not None:
                return self.reshape(simple, final)
        dropped = tuple(n for i, n in enumerate(x.dims) if i not in axes)
        return self.reshape(self._intern("reduce", (x,), (ufunc, axes), dropped, x.dtype), final)

    # Views

    def reshape(self, x: Node, shape: Shape) -> Node:
        """Give the elements of x another shape."""
        if x.dims == shape:
            return x
        match x.op:
            case "constant" if not any(isinstance(n, Draws) for n in shape):
                return self.constant(x.array.reshape(shape))
            case "reshape":
                return self.reshape(x.args[0], shape)
            case "broadcast" if elements(x.args[0].dims) == (1, 0):
                return self.broadcast(self.reshape(x.args[0], ()), shape)
        factor, inner = algebra.coefficient(x)
        if factor != 1:
            return self.scale(factor, self.reshape(inner, shape))
        return self._intern("reshape", (x,), None, shape, x.dtype)

    def transpose(self, x: Node, order: tuple[int, ...]) -> Node:
        """Permute the axes."""
        if order == tuple(range(len(order))):
            return x
        if x.op == "constant":
            return self.constant(np.ascontiguousarray(x.array.transpose(order)))
        if x.op == "transpose":
            return self.transpose(x.args[0], tuple(x.attr[i] for i in order))
        factor, inner = algebra.coefficient(x)
        if factor != 1:
            return self.scale(factor, self.transpose(inner, order))
        shape = tuple(x.dims[i] for i in order)
        return self._intern("transpose", (x,), order, shape, x.dtype)

    def index(self, x: Node, index: Index) -> Node:
        """Take a basic index: slices, whole numbers and new axes, one per axis of x."""
        shape = indexed_shape(x.dims, index)
        if only_units(x.dims, index):
            return self.reshape(x, shape)
        if x.op == "constant":
            return self.constant(np.ascontiguousarray(x.array[index]))
        factor, inner = algebra.coefficient(x)
        if factor != 1:
            return self.scale(factor, self.index(inner, index))
        numbers = unit_slices_to_numbers(x.dims, index)
        key, plain = _hashable(numbers), indexed_shape(x.dims, numbers)
        return self.reshape(self._intern("index", (x,), key, plain, x.dtype), shape)

    def index_into(self, x: Node, key: tuple[Any, ...], shape: Shape) -> Node:
        """Take an index given by its key, as it is."""
        return self._intern("index", (x,), key, shape, x.dtype)

    # Gathers and their adjoints

    def take(self, x: Node, index: Node, axis: int) -> Node:
        """Gather rows along an axis by a constant vector of positions."""
        shape = (*x.dims[:axis], *index.dims, *x.dims[axis + 1 :])
        if x.op == "constant":
            return self.constant(np.take(x.array, index.array, axis))
        factor, inner = algebra.coefficient(x)
        if factor != 1:
            return self.scale(factor, self.take(inner, index, axis))
        if (whole := take_of_index(x, axis)) is not None:
            base, start = whole
            moved = self.positions(index.array + start)
            return self._intern("take", (base, moved), axis, shape, x.dtype)
        return self._intern("take", (x, index), axis, shape, x.dtype)

    def segment(self, g: Node, index: Node, axis: int, size: int) -> Node:
        """Add rows of g to `size` rows of zeros: the adjoint of `take`."""
        factor, inner = algebra.coefficient(g)
        if factor != 1:
            return self.scale(factor, self.segment(inner, index, axis, size))
        shape = (*g.dims[:axis], size, *g.dims[axis + 1 :])
        return self._intern("segment", (g, index), (axis, size), shape)

    def assemble(self, terms: Sequence[tuple[Index, Node]], shape: Shape) -> Node:
        """Write each term at its index into zeros, adding where they meet."""
        if len(terms) == 1 and only_units(shape, terms[0][0]):
            return self.reshape(terms[0][1], shape)
        merged: dict[Any, Node] = {}
        for index, node in terms:
            key = _hashable(index)
            merged[key] = self.elementwise(np.add, merged[key], node) if key in merged else node
        return self._intern("assemble", tuple(merged.values()), tuple(merged), shape)

    # Others

    def concatenate(self, args: tuple[Node, ...], axis: int, shape: Shape) -> Node:
        """Join arrays along an axis."""
        if all(a.op == "constant" for a in args):
            return self.constant(np.concatenate([a.array for a in args], axis))
        return self._intern(
            "concatenate", args, axis, shape, np.result_type(*(a.dtype for a in args))
        )

    def matmul(self, a: Node, b: Node, shape: Shape) -> Node:
        """Multiply matrices as NumPy does; factors move outside."""
        if a.op == b.op == "constant":
            return self.constant(np.matmul(a.array, b.array))
        (left, a), (right, b) = algebra.coefficient(a), algebra.coefficient(b)
        if left * right != 1:
            return self.scale(left * right, self.matmul(a, b, shape))
        if (simple := algebra.simplify_matmul(self, a, b, shape)) is not None:
            return simple
        return self._intern("matmul", (a, b), None, shape)

    def product(self, a: Node, b: Node, shape: Shape) -> Node:
        """Multiply matrices without applying rules."""
        return self._intern("matmul", (a, b), None, shape)

    def vector(self, value: Any) -> Node:
        """Return a constant array as it is, even if it repeats one number."""
        return self._intern("constant", (), None, value.shape, value.dtype, value, value.tobytes())

    def known(self, ufunc: np.ufunc, *args: Node) -> Node | None:
        """Return an elementwise node of floats if it was made before."""
        args = _ordered(ufunc, args)
        return self._nodes.get(
            _key("elementwise", args, ufunc, broadcast_shapes(a.dims for a in args), FLOAT)
        )

    def vecdot(self, a: Node, b: Node) -> Node:
        """Sum products over the last axis."""
        shape = broadcast_shapes((a.dims, b.dims))[:-1]
        return self._intern("vecdot", (a, b), None, shape)

    def call(
        self,
        function: Callable[..., Any],
        template: tuple[Any, Any],
        args: tuple[Node, ...],
        shape: Shape | None,
        dtype: np.dtype[Any],
    ) -> Node:
        """Call a function that is not looked into."""
        return self._intern("call", args, (Fixed(function), *template), shape, dtype)

    def container(self, items: tuple[Node, ...]) -> Node:
        """Return a tuple of nodes, which exists only here."""
        return self._intern("container", items, None, None, np.dtype(object))

    def item(self, x: Node, position: int, shape: Shape | None, dtype: np.dtype[Any]) -> Node:
        """Take one item of a container."""
        if x.op == "container":
            return x.args[position]
        return self._intern("item", (x,), position, shape, dtype)

    def rebuilt(self, node: Node, args: tuple[Node, ...]) -> Node:
        """Return a node like this one with other arguments, without applying rules."""
        return self._intern(node.op, args, node.attr, node.shape, node.dtype)


def _key(
    op: Op,
    args: tuple[Node, ...],
    attr: Any,
    shape: Shape | None,
    dtype: np.dtype[Any],
    key: Any = None,
) -> tuple[Any, ...]:
    return op, tuple(a.number for a in args), attr, shape, dtype.char, key


def _ordered(ufunc: np.ufunc, args: tuple[Node, ...]) -> tuple[Node, ...]:
    if ufunc not in algebra.COMMUTATIVE:
        return args
    return tuple(sorted(args, key=lambda a: (a.op != "constant", a.number)))


def strip(x: Node) -> Node:
    """Return what a broadcast repeats, or the node itself."""
    if x.op != "broadcast":
        return x
    return x.args[0]


def _common_units(args: list[Node]) -> list[Node] | None:
    """Return args before new axes of length 1, if all get the same ones (numbers get none)."""
    shaped = [a for a in args if a.dims]
    if not shaped:
        return None
    first = shaped[0]
    if any(a.op != "reshape" or a.dims != first.dims for a in shaped):
        return None
    below = first.args[0].dims
    if any(a.args[0].dims != below for a in shaped) or len(below) >= len(first.dims):
        return None
    if [n for n in below if n != 1] != [n for n in first.dims if n != 1]:
        return None
    return [a.args[0] if a.dims else a for a in args]


def _hashable(index: Index) -> tuple[Any, ...]:
    return tuple(("slice", i.start, i.stop, i.step) if isinstance(i, slice) else i for i in index)


def as_index(key: tuple[Any, ...]) -> Index:
    """Return the index that a node's attribute stands for."""
    return tuple(slice(*i[1:]) if isinstance(i, tuple) else i for i in key)


def check_number_of_draws(shape: Shape) -> None:
    """Refuse arrays that grow with the square of the number of draws."""
    if elements(shape)[1] > 1:
        raise CannotStage("An array grows with the square of the number of draws.")
