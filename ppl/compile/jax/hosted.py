"""Primitives without a counterpart in JAX: run by NumPy on the host, with autograd's gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import jax
import jax.numpy as jnp
import numpy as np


class NotOnJax(Exception):
    """A primitive that takes more than arrays has no counterpart in JAX."""


def on_host(function: Callable[..., tuple[Any, ...]], shapes: Any, *args: Any) -> tuple[Any, ...]:
    """Call a function of NumPy arrays that returns arrays of floats, with these shapes.

    XLA may call from a thread of its own, in which JAX cuts numbers of 64 bits to 32 unless the
    whole process has 64: here they cross as pairs of 32.
    """
    arrays = [jnp.asarray(a) for a in args]
    kinds = [a.dtype for a in arrays]

    def run(*halves: Any) -> Any:
        whole = (_joined(np.asarray(h), k) for h, k in zip(halves, kinds, strict=True))
        return tuple(_halved(np.asarray(v, dtype=np.float64)) for v in function(*whole))

    found = tuple(jax.ShapeDtypeStruct((*shape, 2), jnp.uint32) for shape in shapes)
    crossing = [
        jax.lax.bitcast_convert_type(a, jnp.uint32) if _wide(a.dtype) else a for a in arrays
    ]
    halves = jax.pure_callback(run, found, *crossing, vmap_method="sequential")
    return tuple(jax.lax.bitcast_convert_type(h, jnp.float64) for h in halves)


def _wide(kind: Any) -> bool:
    return bool(np.dtype(kind).itemsize == 8)


def _joined(array: Any, kind: Any) -> Any:
    if not _wide(kind):
        return array
    return np.ascontiguousarray(array).view(kind).reshape(array.shape[:-1])


def _halved(array: Any) -> Any:
    return np.ascontiguousarray(array).reshape(*array.shape, 1).view(np.uint32)


def hosted(primitive: Callable[..., Any]) -> Callable[..., Any]:
    """Return a JAX function that calls an autograd primitive on the host.

    Its result has one array, whose shape depends on the shapes of the arguments alone.
    """

    @jax.custom_vjp
    def function(*args: Any) -> Any:
        sample = _value(*(np.full(np.shape(a), 0.5, _dtype(a)) for a in args))
        return on_host(lambda *known: (_value(*known),), (sample.shape,), *args)[0]

    def _value(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(primitive(*args), dtype=np.float64)

    def forward(*args: Any) -> Any:
        return function(*args), args

    def backward(args: Any, g: Any) -> Any:
        wanted = tuple(i for i, a in enumerate(args) if jnp.issubdtype(_dtype(a), jnp.floating))

        def gradients(g: Any, *args: Any) -> Any:
            known = list(args)
            with np.errstate(all="ignore"):
                pull, _ = autograd.make_vjp(lambda some: primitive(*_with(known, wanted, some)))(
                    tuple(known[i] for i in wanted)
                )
                return tuple(pull(g))

        found = on_host(gradients, [np.shape(args[i]) for i in wanted], g, *args)
        by_place = dict(zip(wanted, found, strict=True))
        return tuple(
            by_place.get(i, np.zeros(np.shape(a), jax.dtypes.float0)) for i, a in enumerate(args)
        )

    function.defvjp(forward, backward)

    def checked(*args: Any, **options: Any) -> Any:
        if options or not all(map(_is_array, args)):
            raise NotOnJax(getattr(primitive, "__name__", "a primitive"))
        return function(*args)

    return checked


def _is_array(value: Any) -> bool:
    return isinstance(value, int | float | np.ndarray | np.generic | jax.Array)


def _with(known: list[Any], wanted: tuple[int, ...], some: tuple[Any, ...]) -> list[Any]:
    every = list(known)
    for place, value in zip(wanted, some, strict=True):
        every[place] = value
    return every


def _dtype(value: Any) -> Any:
    return jnp.result_type(value)
