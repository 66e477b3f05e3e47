"""From recorded autograd primitives to the few operations of the program.

`RULES` maps the NumPy function behind a primitive to a rule that makes nodes. A ufunc needs no
rule, and a function without one becomes a call that is not looked into.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd.builtins import container_take
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from ppl.compile.stage import derivatives
from ppl.compile.stage.build import BOOL, FLOAT, Builder, check_number_of_draws
from ppl.compile.stage.indexing import FULL, canonical, is_basic
from ppl.compile.stage.ir import CannotStage, Draws, Fixed, Node, Program, Shape, Slot, reachable
from ppl.compile.stage.record import Ref
from ppl.compile.stage.unify import Repeated, SymbolicCall, SymbolicRecording


@dataclass(frozen=True, slots=True)
class Lowering:
    """What a rule sees: the builder, the call, and the nodes of earlier calls."""

    b: Builder
    call: SymbolicCall
    nodes: list[Node]

    @property
    def shape(self) -> Shape:
        """The shape of the call's result."""
        if self.call.shape is None:
            raise CannotStage("A tuple of arrays is used as an array.")
        return self.call.shape

    def node(self, value: Any) -> Node:
        """Return the node of an argument."""
        match value:
            case Ref(number):
                return self.nodes[number]
            case Repeated(small, shape):
                return self.b.broadcast(self.b.constant(_snapshot(small)), shape)
            case bool() | np.bool_():
                return self.b.constant(np.bool_(value))
            case int() | float():
                return self.b.constant(np.float64(value))
            case np.ndarray() | np.generic() | list():
                return self.b.constant(_snapshot(np.asarray(value)))
            case _:
                raise CannotStage(f"An argument of `{name(self.call)}` is no array.")

    def arg(self, position: int) -> Node:
        """Return the node of a positional argument."""
        return self.node(self.call.args[position])

    def option(self, position: int, key: str, default: Any = None) -> Any:
        """Return an argument that may be given by position or by name."""
        args = self.call.args
        return args[position] if len(args) > position else self.call.kwargs.get(key, default)


Rule = Callable[[Lowering], Node | None]
RULES: dict[Any, Rule] = {}


def lower(recording: SymbolicRecording) -> tuple[Builder, Program]:
    """Return the simplified program of a recording, and the builder of its nodes."""
    b = Builder()
    nodes: list[Node] = []
    for call in recording.calls:
        if call.shape is not None:
            check_number_of_draws(call.shape)
        nodes.append(_lowered(Lowering(b, call, nodes)))
    state = Lowering(b, recording.calls[0], nodes)
    outputs = [state.node(output) for output in recording.outputs]
    return b, reachable(nodes[0], outputs)


def name(call: SymbolicCall) -> str:
    """Return the name of a called function."""
    return str(getattr(call.function, "__name__", call.function))


def raw(function: Any) -> Any:
    """Return the function behind an autograd primitive."""
    return getattr(function, "fun", function)


def _lowered(state: Lowering) -> Node:
    call = state.call
    if call.function is None:
        if call.args:
            return state.b.data(call.args[0], state.shape, call.dtype)
        return state.b.input(state.shape)
    function = raw(call.function)
    if hasattr(function, "pair"):
        whole = _opaque(state, raw(function.pair), container=True)
        return state.b.item(whole, 0, call.shape, call.dtype)
    rule = RULES.get(function)
    node = rule(state) if rule else None
    if node is None and isinstance(function, np.ufunc):
        node = _ufunc(state, function)
    return _opaque(state, function) if node is None else node


def _snapshot(array: Any) -> Any:
    """Copy an array that someone could still change."""
    return array.copy() if isinstance(array, np.ndarray) and array.flags.writeable else array


def _ufunc(state: Lowering, ufunc: np.ufunc) -> Node | None:
    call = state.call
    if any(v is not None for v in call.kwargs.values()) or ufunc.nout != 1:
        return None
    args = [state.arg(i) for i in range(len(call.args))]
    if ufunc.__name__ == "expit":
        return _expit(state.b, args[0])
    if call.dtype == FLOAT:
        args = [_as_float(state.b, a) for a in args]
    return state.b.elementwise(ufunc, *args, dtype=call.dtype)


def _as_float(b: Builder, x: Node) -> Node:
    if x.op == "constant" and x.dtype.kind in "iu":
        return b.constant(x.array.astype(np.float64))
    if x.op == "broadcast" and x.dtype.kind in "iu":
        return b.broadcast(_as_float(b, x.args[0]), x.dims)
    return x


def _expit(b: Builder, x: Node) -> Node:
    one = b.constant(np.float64(1))
    e = b.elementwise(np.exp, b.scale(-1.0, x))
    return b.elementwise(np.divide, one, b.elementwise(np.add, one, e))


def _opaque(state: Lowering, function: Any, container: bool = False) -> Node:
    args: list[Node] = []

    def visit(value: Any) -> Any:
        match value:
            case Ref() | np.ndarray() | Repeated():
                args.append(state.node(value))
                return Slot(len(args) - 1)
            case slice() if Draws in map(type, (value.start, value.stop, value.step)):
                raise CannotStage(f"A part of the draws is given to `{name(state.call)}`.")
            case tuple():
                return tuple(map(visit, value))
            case list():
                return ("list", tuple(map(visit, value)))
            case Draws() | bool() | int() | float() | str() | None:
                return value
            case _:
                return Fixed(value)

    positional = tuple(map(visit, state.call.args))
    keywords = tuple((k, visit(v)) for k, v in state.call.kwargs.items())
    template = (positional, keywords)
    shape, dtype = state.call.shape, state.call.dtype
    if container:
        shape, dtype = None, np.dtype(object)
    return state.b.call(function, template, tuple(args), shape, dtype)


def _rule(*functions: Any) -> Callable[[Rule], Rule]:
    def join(rule: Rule) -> Rule:
        for function in functions:
            RULES[raw(function)] = rule
        return rule

    return join


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted({int(a) % rank for a in axes}))


def _reduction(ufunc: np.ufunc) -> Rule:
    def rule(state: Lowering) -> Node | None:
        extra = {k for k, v in state.call.kwargs.items() if v is not None}
        if extra - {"axis", "keepdims"} or len(state.call.args) > 2:
            return None
        x = state.arg(0)
        if x.dtype != FLOAT:
            return None
        axes = _axes(state.option(1, "axis"), len(x.dims))
        return state.b.reduce(ufunc, x, axes, bool(state.call.kwargs.get("keepdims")))

    return rule


_rule(np.sum)(_reduction(np.add))
_rule(np.max, np.amax)(_reduction(np.maximum))
_rule(np.min, np.amin)(_reduction(np.minimum))
_rule(np.prod)(_reduction(np.multiply))


@_rule(np.mean)
def _mean(state: Lowering) -> Node | None:
    x = state.arg(0)
    axes = _axes(state.option(1, "axis"), len(x.dims))
    lengths = [x.dims[a] for a in axes]
    total = _reduction(np.add)(state)
    if total is None or any(isinstance(n, Draws) for n in lengths):
        return None
    return state.b.scale(1 / float(np.prod(lengths)), total)  # type: ignore[arg-type]


@_rule(np.reshape, np.ravel, np.expand_dims, np.squeeze, np.atleast_1d, np.atleast_2d)
def _reshape(state: Lowering) -> Node | None:
    if state.call.kwargs.get("order") not in (None, "C"):
        return None
    return state.b.reshape(state.arg(0), state.shape)


@_rule(np.broadcast_to)
def _broadcast(state: Lowering) -> Node:
    return state.b.broadcast(state.arg(0), state.shape)


@_rule(np.transpose, np.swapaxes, np.moveaxis)
def _transpose(state: Lowering) -> Node:
    x = state.arg(0)
    marked = np.empty(range(len(x.dims)))
    args, kwargs = state.call.args[1:], state.call.kwargs
    return state.b.transpose(x, raw(state.call.function)(marked, *args, **kwargs).shape)


@_rule(np.where)
def _where(state: Lowering) -> Node | None:
    if len(state.call.args) != 3:
        return None
    yes, no = (_as_float(state.b, state.arg(i)) for i in (1, 2))
    return state.b.where(state.arg(0), yes, no)


@_rule(np.clip)
def _clip(state: Lowering) -> Node | None:
    low, high = state.option(1, "a_min"), state.option(2, "a_max")
    if low is None or high is None:
        return None
    x = state.b.elementwise(np.maximum, state.arg(0), _as_float(state.b, state.node(low)))
    return state.b.elementwise(np.minimum, x, _as_float(state.b, state.node(high)))


@_rule(np.logaddexp)
def _logaddexp(state: Lowering) -> Node:
    """max(y, x + log1p(exp(y - x))), with the difference bounded: see `bounded_exponential`."""
    b = state.b
    x, y = (_as_float(b, state.arg(i)) for i in (0, 1))
    if y.op == "constant" or (y.op == "broadcast" and y.args[0].op == "constant"):
        x, y = y, x
    difference = b.elementwise(np.subtract, y, x)
    bound = b.constant(np.float64(derivatives.BOUND))
    e = b.elementwise(np.exp, b.elementwise(np.fmin, difference, bound))
    total = b.elementwise(np.add, x, b.elementwise(np.log1p, e))
    return b.elementwise(np.maximum, y, total)


@_rule(np.matmul, np.dot)
def _matmul(state: Lowering) -> Node | None:
    x, y = (_as_float(state.b, state.arg(i)) for i in (0, 1))
    plain = all(len(a.dims) in (1, 2) for a in (x, y))
    if raw(state.call.function) is np.dot and not plain:
        return None
    return state.b.matmul(x, y, state.shape)


@_rule(np.einsum)
def _einsum(state: Lowering) -> Node | None:
    if state.call.args[0] != "...ij,...jk->...ik" or len(state.call.args) != 3:
        return None
    return state.b.matmul(state.arg(1), state.arg(2), state.shape)


@_rule(numpy_wrapper.concatenate_args)
def _concatenate(state: Lowering) -> Node | None:
    if state.call.args[0] is None:
        return None
    args = tuple(state.arg(i) for i in range(1, len(state.call.args)))
    return state.b.concatenate(args, state.call.args[0] % len(state.shape), state.shape)


@_rule(numpy_wrapper.array_from_args)
def _array(state: Lowering) -> Node | None:
    if state.call.args[0] or state.call.args[1]:
        return None
    items = [state.arg(i) for i in range(2, len(state.call.args))]
    rows = tuple(state.b.reshape(a, (1, *a.dims)) for a in items)
    return state.b.concatenate(rows, 0, state.shape)


@_rule(numpy_wrapper._array_from_scalar_or_array)
def _identity(state: Lowering) -> Node | None:
    return None if state.call.args[0] or state.call.args[1] else state.arg(2)


@_rule(ArrayBox.__getitem__)
def _getitem(state: Lowering) -> Node | None:
    x = state.arg(0)
    if x.shape is None:
        return None
    if _given(state.call.args[1]):
        return None
    index = canonical(_plain(state.call.args[1]), x.dims)
    if is_basic(index, x.dims):
        return state.b.index(x, index)
    if (gather := _gather(index, x.dims)) is not None:
        return state.b.take(x, state.b.positions(gather[1]), gather[0])
    return None


@_rule(derivatives.scatter)
def _scatter(state: Lowering) -> Node | None:
    shape = state.call.args[2]
    if _given(state.call.args[1]):
        return None
    index = canonical(_plain(state.call.args[1]), shape)
    if is_basic(index, shape):
        return state.b.assemble([(index, state.arg(0))], shape)
    if (gather := _gather(index, shape)) is not None:
        axis, positions = gather
        return state.b.segment(state.arg(0), state.b.positions(positions), axis, shape[axis])
    return None


def _given(index: Any) -> bool:
    """Tell whether positions are data that are given with the draws."""
    parts = index if isinstance(index, tuple | list) else (index,)
    return any(isinstance(part, Ref) for part in parts)


def _plain(index: Any) -> Any:
    return [index] if isinstance(index, list) else index


def _gather(index: tuple[Any, ...], shape: Shape) -> tuple[int, np.ndarray[Any, Any]] | None:
    """Return axis and positions of an index by one vector that leaves the other axes whole."""
    axes = [i for i, e in enumerate(index) if not (isinstance(e, slice) and e == FULL)]
    if len(axes) != 1 or not isinstance(index[axes[0]], np.ndarray | list):
        return None
    axis = axes[0]
    positions, length = np.asarray(index[axis]), shape[axis]
    if positions.ndim != 1 or isinstance(length, Draws):
        return None
    if positions.dtype == BOOL:
        positions = np.flatnonzero(positions)
    return axis, np.where(positions < 0, positions + length, positions)


@_rule(container_take)
def _item(state: Lowering) -> Node | None:
    position = state.call.args[1]
    if not isinstance(position, int) or position < 0:
        return None
    return state.b.item(state.arg(0), position, state.call.shape, state.call.dtype)


@_rule(derivatives.put)
def _put(state: Lowering) -> Node:
    g, position, zeros = state.call.args
    items = [state.node(z) for z in zeros]
    items[position] = state.node(g)
    return state.b.container(tuple(items))


@_rule(derivatives.add_items)
def _add_items(state: Lowering) -> Node | None:
    found = [_items(state, value) for value in state.call.args]
    if None in found:
        return None
    pairs = zip(*found, strict=True)
    return state.b.container(tuple(state.b.elementwise(np.add, p, q) for p, q in pairs))


def _items(state: Lowering, value: Any) -> tuple[Node, ...] | None:
    """Return the items of a tuple, None if it is not known item by item."""
    if isinstance(value, tuple):
        return tuple(state.node(item) for item in value)
    node = state.node(value)
    return node.args if node.op == "container" else None
