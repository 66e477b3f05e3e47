"""The right side of a differential equation: values, Jacobians and reverse, in large batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, TypeAlias

import autograd
import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Rhs: TypeAlias = Callable[..., Any]
RhsGradient: TypeAlias = Callable[..., tuple[Any, Sequence[Any]]]


PLAIN = "plain"
"""The global name under which a module of right sides keeps undifferentiated twins, by name."""


@cache
def plain(rhs: Rhs) -> Rhs:
    """Return a right side that calls the undifferentiated twins of what it names, if it has any.

    Most evaluations need no derivative, and a wrapper costs several times what it wraps.
    """
    if not isinstance(rhs, FunctionType) or PLAIN not in rhs.__globals__:
        return rhs
    names = {**rhs.__globals__, **rhs.__globals__[PLAIN]}
    return FunctionType(rhs.__code__, names, rhs.__name__, rhs.__defaults__, rhs.__closure__)


@dataclass(frozen=True, slots=True)
class RightSide:
    """A right side with its arguments.

    Attributes
    ----------
    rhs
        ``rhs(t, y, *arguments)`` with t (S,), y (S, M), arguments (S, ...), or (1, ...) where
        many draws share one, to (S, M).
    gradient
        ``gradient(t, y, arguments, cotangent)`` to the gradients by y and by all arguments; None
        to derive it by autograd.
    """

    rhs: Rhs
    gradient: RhsGradient | None
    arguments: tuple[Any, ...]

    def __call__(self, t: Floats, y: Floats) -> Any:
        """Return slopes of states (S, M) at times (S,)."""
        return plain(self.rhs)(t, y, *self.arguments)

    def repeated(self, times: int, draws: int) -> RightSide:
        """Return the right side for a batch of states (times S, M)."""
        arguments = tuple(_repeat(a, times, draws) for a in self.arguments)
        return RightSide(self.rhs, self.gradient, arguments)

    def chosen(self, rows: NDArray[np.intp], draws: int) -> RightSide:
        """Return the right side for a batch of states of which each is one of the draws'."""
        arguments = tuple(
            np.take(a, rows, axis=0) if len(a) == draws > 1 else _repeat(a, len(rows), draws)
            for a in self.arguments
        )
        return RightSide(self.rhs, self.gradient, arguments)

    def jacobians(self, t: Floats, y: Floats) -> Floats:
        """Return the derivatives (rows, M, M) of slopes by states, in one reverse run."""
        rows, size = y.shape
        seeds = np.repeat(np.eye(size), rows, axis=0)
        whole = self.repeated(size, rows)
        found, _ = whole.reverse(np.tile(t, size), np.tile(y, (size, 1)), seeds, ())
        return found.reshape(size, rows, size).transpose(1, 0, 2)

    def reverse(
        self, t: Floats, y: Floats, cotangent: Floats, wanted: Sequence[int]
    ) -> tuple[Floats, list[Floats]]:
        """Return the gradients by y and by the wanted arguments."""
        if self.gradient is not None:
            by_y, by_arguments = self.gradient(t, y, self.arguments, cotangent)
            return np.asarray(by_y), [by_arguments[i] for i in wanted]

        def local(chosen: Any) -> Any:
            arguments = list(self.arguments)
            for place, i in enumerate(wanted, 1):
                arguments[i] = chosen[place]
            slopes = self.rhs(t, chosen[0], *arguments)
            return slopes if anp.shape(slopes) == y.shape else anp.broadcast_to(slopes, y.shape)

        vjp, _ = autograd.make_vjp(local)((y, *(self.arguments[i] for i in wanted)))
        by_y, *by_arguments = vjp(cotangent)
        return np.asarray(by_y), by_arguments


def _repeat(array: Any, times: int, draws: int) -> Any:
    """Return an array for all rows; one that many draws share stays as it is."""
    shape = np.shape(array)[1:]
    if draws == 1:
        return np.broadcast_to(array, (times, *shape))
    if len(array) == 1:
        return array
    return np.broadcast_to(array, (times, draws, *shape)).reshape(times * draws, *shape)
