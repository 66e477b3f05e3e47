"""Autograd's two building blocks, typed: primitives and their vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import autograd.extend
from autograd.extend import defvjp
from autograd.numpy.numpy_vjps import unbroadcast_f

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["defvjp", "elementwise", "primitive", "unbroadcast_f"]


def primitive(function: F) -> F:
    """Make a function of arrays accept autograd's boxes as well; `defvjp` gives its derivative."""
    return autograd.extend.primitive(function)  # type: ignore[no-any-return]


def elementwise(
    function: Callable[..., Any], *derivatives: Callable[..., Any] | None
) -> Callable[..., Any]:
    """Return an elementwise function as a primitive.

    Each derivative is ``derivative(value, *arguments)``, an expression of differentiable
    functions; None where there is none.
    """
    wrapped = primitive(function)
    defvjp(wrapped, *(_times(position, rule) for position, rule in enumerate(derivatives)))
    return wrapped


def _times(position: int, derivative: Callable[..., Any] | None) -> Any:
    if derivative is None:
        return None

    def vjp(ans: Any, *arguments: Any) -> Any:
        return unbroadcast_f(arguments[position], lambda g: g * derivative(ans, *arguments))

    return vjp
