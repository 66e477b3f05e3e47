"""Recording: run a function and its reverse pass once under autograd's tracer.

The only file that knows autograd's tracer (`Node`, `new_box`, `toposort`, `primitive_vjps`), which
is no documented interface: `tests/stage/test_canary.py` says what is relied upon. Two traces are
nested. The inner one is autograd's own reverse mode, made functional: cotangents are added, never
updated in place. The outer one sees every primitive that forward and reverse pass call, and writes
it down as a `Call`.

Trace levels here are negative fractions, below all that autograd hands out, so recording neither
disturbs nor is disturbed by traces in other threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.core import VJPNode, primitive_vjps
from autograd.tracer import Box, Node, getval, isbox, new_box, notrace_primitives
from autograd.util import subvals, toposort

from ppl.compile.stage.derivatives import OWN, add_items
from ppl.compile.stage.ir import CannotStage

Array = np.ndarray[Any, np.dtype[np.float64]]
LogJoint = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of an earlier call, by its number; number 0 is the input."""

    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """One primitive that was called.

    Attributes
    ----------
    function
        The autograd primitive; None for the draws, and for data, whose number is the argument.
    args, kwargs
        As passed, with a `Ref` in place of each traced value.
    shape, dtype
        Of the result; shape None for a tuple or list.
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: tuple[int, ...] | None
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """All calls in order, and where the outputs are: a `Ref`, or an array that never changes."""

    calls: tuple[Call, ...]
    outputs: tuple[Any, ...]


_OUTER, _INNER, _INNERMOST = -0.75, -0.5, -0.25


class _Inspected(TypeError):
    """A traced value was asked for its truth."""


class _Recorder(Node):  # type: ignore[misc]
    """A node of the outer trace: its making writes the call down."""

    __slots__ = ("calls", "number")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.calls: list[Call] = parents[0].calls
        self.number = len(self.calls)
        refs = [Ref(parent.number) for parent in parents]
        args = subvals(args, zip(parent_argnums, refs, strict=True))
        self.calls.append(Call(fun, args, kwargs, *_shape_and_dtype(value)))

    def initialize_root(self, value: Any, calls: list[Call] | None = None) -> None:
        self.calls = [] if calls is None else calls
        self.number = len(self.calls)
        which = () if calls is None else (self.number - 1,)
        self.calls.append(Call(None, which, {}, *_shape_and_dtype(value)))


class _Reverse(VJPNode):  # type: ignore[misc]
    """A node of the inner trace: autograd's, with our derivatives looked up first."""

    __slots__ = ("parents", "vjp")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.parents = parents
        maker = OWN.get(fun) or primitive_vjps.get(fun)
        if maker is None:
            name = getattr(fun, "__name__", fun)
            raise CannotStage(f"No derivative of `{name}` is defined.")
        self.vjp = maker(parent_argnums, value, args, kwargs)


notrace_primitives[_Reverse] = notrace_primitives[VJPNode]
notrace_primitives[_Recorder] = {
    *(anp.ndim, anp.shape, anp.size, anp.isscalar, anp.iscomplexobj, anp.result_type),
    *(anp.zeros_like, anp.ones_like),
}


def _guarded_truth(box: Any) -> bool:
    """Refuse the truth value of what we record; leave other traces as they are."""
    if isinstance(box._node, _Recorder | _Reverse):
        raise _Inspected
    return bool(box._value)


Box.__bool__ = _guarded_truth


def _shape_and_dtype(value: Any) -> tuple[tuple[int, ...] | None, np.dtype[Any]]:
    if isinstance(value, tuple | list):
        return None, np.dtype(object)
    return np.shape(value), np.asarray(value).dtype


def record(function: LogJoint, x: Array, data: tuple[Any, ...] = ()) -> Recording:
    """Write down all calls of a log joint's value and gradient.

    Parameters
    ----------
    function
        From (S, D), and the data, to (S,); written in autograd.numpy and autograd primitives.
    x
        Where to run it, shape (S, D).
    data
        Arrays that the program takes as inputs, for it to be run on others of the same shapes.

    Raises
    ------
    CannotStage
        When the function decides on values, fails, or does not return shape (S,).
    """
    root = _Recorder.new_root(x)
    inputs = [new_box(values, _OUTER, _Recorder.new_root(values, root.calls)) for values in data]
    given = partial(_given, function, inputs) if inputs else function
    with np.errstate(all="ignore"):
        try:
            outputs = _value_and_gradient(given, new_box(x, _OUTER, root), x.shape, _INNER)
        except (CannotStage, NotImplementedError) as error:
            raise CannotStage(str(error)) from error
        except _Inspected as error:
            raise CannotStage("The function takes a branch on a value that it computes.") from error
        except Exception as error:
            raise CannotStage(_reason(error)) from error
    return Recording(tuple(root.calls), tuple(map(_output, outputs)))


def _given(function: Callable[..., Any], data: list[Any], x: Any) -> Any:
    return function(x, *data)


def _reason(error: Exception) -> str:
    if isinstance(error, TypeError) and "Can't differentiate w.r.t." in str(error):
        return "The function turns a value that it computes into a truth value or a whole number."
    return f"The function fails while it is recorded ({type(error).__name__}: {error})."


def _output(value: Any) -> Any:
    return Ref(value._node.number) if isbox(value) else np.asarray(value, dtype=np.float64)


def slope(function: LogJoint) -> LogJoint:
    """Return the function of (x, v), shape (S, 2 D), that gives the gradient at x times v.

    Its own gradient is the Hessian times v, then the gradient. Only to be recorded.
    """

    def gradient_times(both: Any) -> Any:
        dimension = anp.shape(both)[1] // 2
        x, v = both[:, :dimension], both[:, dimension:]
        _, gradient = _value_and_gradient(function, x, anp.shape(x), _INNERMOST)
        return anp.sum(gradient * v, axis=1)

    return gradient_times


def _value_and_gradient(
    function: LogJoint, x: Any, shape: tuple[int, ...], level: float
) -> tuple[Any, Any]:
    """Autograd's reverse pass over boxes of an outer trace, without any update in place."""
    root = _Reverse.new_root()
    end = function(new_box(x, level, root))
    traced = isbox(end) and end._trace == level
    value = end._value if traced else end
    if anp.shape(value) != shape[:1]:
        raise CannotStage(
            f"The function returns shape {anp.shape(value)} where the draws have {shape[:1]}."
        )
    if not traced:
        return value, np.zeros(shape)
    cotangents: dict[Any, Any] = {end._node: np.ones(shape[0])}
    gradient: Any = np.zeros(shape)
    for node in toposort(end._node):
        gradient = cotangents.pop(node)
        for parent, g in zip(node.parents, node.vjp(gradient), strict=True):
            cotangents[parent] = _add(cotangents[parent], g) if parent in cotangents else g
    return value, gradient


def _add(left: Any, right: Any) -> Any:
    container = isinstance(getval(left), tuple | list)
    return add_items(left, right) if container else anp.add(left, right)


@dataclass(frozen=True, slots=True)
class Tape:
    """Value and gradient by plain autograd: the reference, and what is used without staging."""

    function: LogJoint

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Return the value, shape (S,), and its gradient, shape (S, D), at x."""
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            if x.shape[0] == 0:
                return np.zeros(0), np.zeros(x.shape)
            vjp, value = autograd.make_vjp(self.function)(x)
            return np.asarray(value), np.asarray(vjp(np.ones(x.shape[0])))


def tape(function: LogJoint) -> Tape:
    """Return a function's value and gradient by plain autograd."""
    return Tape(function)
