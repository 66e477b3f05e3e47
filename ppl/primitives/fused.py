"""Functions that compute their value and their gradients in one go.

A likelihood over many rows shares most of its work between value and gradient. `fused` makes an
autograd primitive of such a function. On autograd's tape the function runs once for the value and
once more for each gradient; staging (`ppl.compile.stage`) finds `pair` and calls it once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f


def fused(
    value_and_gradients: Callable[..., tuple[Any, ...]],
    count: int,
    value_alone: Callable[..., Any] | None = None,
    *,
    stepwise: bool = False,
) -> Callable[..., Any]:
    """Make an autograd primitive of a function that also returns its gradients.

    Parameters
    ----------
    value_and_gradients
        From arrays to a flat tuple: the value, then for each argument the derivative of the
        value's sum, or None for an argument that is never differentiated. A derivative has the
        value's axes first, then those that the value sums over: a value of shape (S,) and an
        argument of shape (S, N) go with a derivative of shape (S, N). Axes along which the
        argument is repeated may be whole. All arrays must be new memory.
    count
        The number of arguments, at most.
    value_alone
        The value, where it costs less without the gradients.
    stepwise
        Whether the function goes step by step in Python, so that it costs about the same for few
        draws as for many.

    Returns
    -------
    Callable
        The primitive. Its attribute ``fun.pair`` is the primitive of the whole tuple.
    """

    def whole(*args: Any) -> tuple[Any, ...]:
        return tuple(value_and_gradients(*args))

    def value(*args: Any) -> Any:
        return value_and_gradients(*args)[0] if value_alone is None else value_alone(*args)

    name = getattr(value_and_gradients, "__name__", "fused")
    whole.__name__, value.__name__ = f"{name}_pair", name
    whole.fresh = True  # type: ignore[attr-defined]
    whole.stepwise = stepwise  # type: ignore[attr-defined]
    pair = primitive(whole)
    value.pair = pair  # type: ignore[attr-defined]
    function: Callable[..., Any] = primitive(value)
    defvjp(function, *(_reverse(pair, i) for i in range(count)))
    return function


def _reverse(pair: Callable[..., Any], position: int) -> Callable[..., Any]:
    def maker(ans: Any, *args: Any) -> Callable[[Any], Any]:
        def step(g: Any) -> Any:
            derivative = pair(*args)[position + 1]
            missing = anp.ndim(derivative) - anp.ndim(g)
            return anp.reshape(g, anp.shape(g) + (1,) * missing) * derivative

        return unbroadcast_f(args[position], step)  # type: ignore[no-any-return]

    return maker
