"""Derivatives used while recording, where autograd's own mutate, waste work or give up.

`OWN` is looked up before autograd's table, which is left as it is. Everything here is written in
autograd.numpy, so that the recording sees it, and so that it can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.builtins import container_take
from autograd.core import primitive_vjps
from autograd.extend import defvjp, primitive
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import isbox

Maker = Callable[..., Callable[[Any], Any]]

OWN: dict[Any, Callable[..., Callable[[Any], Iterator[Any]]]] = {}
"""By autograd primitive: a maker of reverse steps, as autograd's own table has them."""


def _define(function: Any, *makers: Maker | None) -> None:
    def reverse(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Iterator[Any]]:
        steps = []
        for argnum in argnums:
            maker = makers[argnum] if argnum < len(makers) else None
            if maker is None:
                name = getattr(function, "__name__", function)
                raise NotImplementedError(f"VJP of {name} wrt argument {argnum} not defined")
            steps.append(maker(ans, *args, **kwargs))
        return lambda g: (step(g) for step in steps)

    OWN[function] = reverse


@primitive  # type: ignore[untyped-decorator]
def scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of a shape with `g` added at an index: the adjoint of indexing."""
    result = np.zeros(shape)
    np.add.at(result, index, g)
    return result


defvjp(scatter, lambda ans, g, index, shape: lambda h: h[index], argnums=(0,))


@primitive  # type: ignore[untyped-decorator]
def put(g: Any, position: int, zeros: tuple[Any, ...]) -> Any:
    """Return a tuple of zeros with `g` at one position: the adjoint of taking an item."""
    return (*zeros[:position], g, *zeros[position + 1 :])


defvjp(put, lambda ans, g, position, zeros: lambda h: h[position], argnums=(0,))


@primitive  # type: ignore[untyped-decorator]
def add_items(left: Any, right: Any) -> Any:
    """Add two tuples item by item."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


defvjp(add_items, lambda ans, a, b: lambda g: g, lambda ans, a, b: lambda g: g)


def _item_reverse(ans: Any, container: Any, position: int) -> Callable[[Any], Any]:
    count, items = len(container), container
    while isbox(items):
        items = items._value
    zeros = tuple(anp.zeros(anp.shape(item)) for item in items)  # an item that is None: a number
    return lambda g: put(g, position % count, zeros)


def _kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    if axis is None:
        return (1,) * len(shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    dropped = {a % len(shape) for a in axes} if shape else set()
    return tuple(1 if i in dropped else n for i, n in enumerate(shape))


def _sum_reverse(ans: Any, x: Any, axis: Any = None, **_: Any) -> Callable[[Any], Any]:
    shape = anp.shape(x)
    return lambda g: anp.broadcast_to(anp.reshape(g, _kept(shape, axis)), shape)


def _mean_reverse(ans: Any, x: Any, axis: Any = None, **_: Any) -> Callable[[Any], Any]:
    shape = anp.shape(x)
    kept = _kept(shape, axis)
    count = np.prod(shape) / np.prod(kept)
    return lambda g: anp.broadcast_to(anp.reshape(g / count, kept), shape)


def _broadcast_reverse(ans: Any, x: Any, shape: Any) -> Callable[[Any], Any]:
    old = anp.shape(x)
    padded = (1,) * (len(anp.shape(ans)) - len(old)) + old
    axes = tuple(i for i, n in enumerate(padded) if n == 1)
    return lambda g: anp.reshape(anp.sum(g, axis=axes, keepdims=True), old) if axes else g


def _where_reverse(side: int) -> Maker:
    def maker(ans: Any, condition: Any, *sides: Any) -> Callable[[Any], Any]:
        def step(g: Any) -> Any:
            return anp.where(condition, g, 0.0) if side == 0 else anp.where(condition, 0.0, g)

        return unbroadcast_f(sides[side], step)  # type: ignore[no-any-return]

    return maker


BOUND = 700.0
"""exp(BOUND) is finite, and 1 + exp(-BOUND) is 1."""


def bounded_exponential(x: Any, y: Any) -> Any:
    """Return exp(y - x) without overflow.

    `fmin` takes the bound where x and y are the same infinity. Then log(exp(x) + exp(y)) is
    max(y, x + log1p(e)) for infinities and for NaN as well, and the shares of exp(x) and exp(y)
    in the sum are 1 / (1 + e) and e / (1 + e).
    """
    return anp.exp(anp.fmin(y - x, BOUND))


def _logaddexp_reverse(side: int) -> Maker:
    def maker(ans: Any, x: Any, y: Any) -> Callable[[Any], Any]:
        flipped = isinstance(y, float | int | np.ndarray)
        e = bounded_exponential(y, x) if flipped else bounded_exponential(x, y)
        first = 1 / (1 + e)
        share = first if (side == 1) == flipped else e * first
        return unbroadcast_f((x, y)[side], lambda g: g * share)  # type: ignore[no-any-return]

    return maker


def _swap(a: Any) -> Any:
    return anp.swapaxes(a, -1, -2)


def _cholesky_reverse(ans: Any, a: Any) -> Callable[[Any], Any]:
    """Murray (2016), Differentiation of the Cholesky decomposition, with one inverse."""
    half = np.tril(np.ones(anp.shape(a)[-2:])) * (1 - 0.5 * np.eye(anp.shape(a)[-1]))

    def step(g: Any) -> Any:
        inverse = anp.linalg.inv(ans)
        inner = anp.matmul(_swap(ans), g) * half
        s = anp.matmul(anp.matmul(_swap(inverse), inner), inverse)
        return 0.5 * (s + _swap(s))

    return step


def _dot_reverse(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    plain = all(anp.ndim(a) in (1, 2) for a in args)
    rule = primitive_vjps[anp.matmul if plain else anp.dot]
    return rule(argnums, ans, args, kwargs)


_define(ArrayBox.__getitem__, lambda ans, a, i: lambda g: scatter(g, i, anp.shape(a)))
_define(container_take, _item_reverse)
_define(anp.sum, _sum_reverse)
_define(numpy_wrapper._primitive_mean, _mean_reverse)
_define(anp.broadcast_to, _broadcast_reverse)
_define(anp.where, None, _where_reverse(0), _where_reverse(1))
_define(anp.logaddexp, _logaddexp_reverse(0), _logaddexp_reverse(1))
_define(
    anp.divide,
    lambda ans, x, y: unbroadcast_f(x, lambda g: g / y),
    lambda ans, x, y: unbroadcast_f(y, lambda g: -g * (ans / y)),
)
_define(anp.sqrt, lambda ans, x: lambda g: g * (0.5 / ans))
_define(anp.tanh, lambda ans, x: lambda g: g * (1 - anp.square(ans)))
_define(anp.abs, lambda ans, x: lambda g: g * anp.sign(x))
_define(anp.linalg.cholesky, _cholesky_reverse)
OWN[anp.dot] = _dot_reverse
