"""From two recordings to one that serves every number of draws.

The same function is recorded at two prime numbers of draws. Whatever differs between the two must
be a multiple of the number of draws, and becomes `Draws`; an array that differs must repeat along
the draws, and becomes `Repeated`; a vector of lengths becomes a tuple. Anything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.compile.stage.ir import CannotStage, Draws, Fixed, Shape
from ppl.compile.stage.record import Call, Recording, Ref


@dataclass(frozen=True, slots=True)
class Repeated:
    """A constant array whose shape depends on the number of draws but whose values do not."""

    small: np.ndarray[Any, Any]
    shape: Shape


@dataclass(frozen=True, slots=True)
class SymbolicCall:
    """A `Call` with `Draws` for lengths and `Repeated` for arrays that depend on them."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: Shape | None
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class SymbolicRecording:
    """All calls in order, and where the outputs are."""

    calls: tuple[SymbolicCall, ...]
    outputs: tuple[Any, ...]


class _Differs(Exception):
    """Two parts of the recordings cannot be made one."""


def unify(first: Recording, second: Recording, draws: tuple[int, int]) -> SymbolicRecording:
    """Make one recording of two, taken at `draws[0]` and `draws[1]` draws.

    Raises
    ------
    CannotStage
        When they differ in anything but multiples of the number of draws.
    """
    if len(first.calls) != len(second.calls):
        raise CannotStage("The function does something else for another number of draws.")
    calls = tuple(_call(a, b, draws) for a, b in zip(first.calls, second.calls, strict=True))
    try:
        outputs = _unify(first.outputs, second.outputs, draws)
    except _Differs as error:
        raise CannotStage("What the function returns depends on the number of draws.") from error
    return SymbolicRecording(calls, outputs)


def _call(a: Call, b: Call, draws: tuple[int, int]) -> SymbolicCall:
    name = getattr(a.function, "__name__", "the input")
    try:
        if a.function is not b.function or a.dtype != b.dtype:
            raise _Differs
        args, kwargs = _unify((a.args, a.kwargs), (b.args, b.kwargs), draws)
        return SymbolicCall(a.function, args, kwargs, _unify(a.shape, b.shape, draws), a.dtype)
    except _Differs as error:
        raise CannotStage(
            f"A constant or a shape given to `{name}` depends on the values drawn, or on the "
            "number of draws other than as a multiple of it."
        ) from error


def _unify(a: Any, b: Any, draws: tuple[int, int]) -> Any:
    if a is b:
        return a
    if isinstance(a, ARRAY) and isinstance(b, ARRAY):
        return _array(a, b, draws)
    if type(a) is not type(b):
        raise _Differs
    match a:
        case Ref() | bool() | str() | np.dtype():
            return _same(a, b)
        case int():
            return a if a == b else _length(a, b, draws)
        case float() | complex():
            return a if a != a and b != b else _same(a, b)
        case tuple() | list():
            if len(a) != len(b):
                raise _Differs
            return type(a)([_unify(x, y, draws) for x, y in zip(a, b, strict=True)])
        case dict():
            if a.keys() != b.keys():
                raise _Differs
            return {k: _unify(v, b[k], draws) for k, v in a.items()}
        case slice():
            return slice(*(_unify(getattr(a, k), getattr(b, k), draws) for k in _SLICE))
        case _:
            return Fixed(_same(a, b))


ARRAY = (np.ndarray, np.generic)
_SLICE = ("start", "stop", "step")


def _same(a: Any, b: Any) -> Any:
    try:
        same = bool(a == b)
    except (TypeError, ValueError):
        same = False
    if not same:
        raise _Differs
    return a


def _length(a: int, b: int, draws: tuple[int, int]) -> Draws:
    if a % draws[0] or b % draws[1] or a // draws[0] != b // draws[1]:
        raise _Differs
    return Draws(a // draws[0])


def _array(a: Any, b: Any, draws: tuple[int, int]) -> Any:
    if a is b:
        return a
    if a.dtype != b.dtype or np.ndim(a) != np.ndim(b):
        raise _Differs
    if np.shape(a) == np.shape(b):
        if np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
            return a
        if a.ndim == 1 and a.dtype.kind == "i":
            return _unify(tuple(a.tolist()), tuple(b.tolist()), draws)
        raise _Differs
    shape = _unify(np.shape(a), np.shape(b), draws)
    first = tuple(slice(0, 1) if isinstance(n, Draws) else slice(None) for n in shape)
    small = a[first]
    for whole in (a, b):
        if not np.array_equal(np.broadcast_to(small, whole.shape), whole):
            raise _Differs
    return Repeated(small, shape)
