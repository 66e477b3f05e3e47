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


def hosted(primitive: Callable[..., Any]) -> Callable[..., Any]:
    """Return a JAX function that calls an autograd primitive on the host.

    Its result has one array, whose shape depends on the shapes of the arguments alone.
    """

    @jax.custom_vjp
    def function(*args: Any) -> Any:
        return jax.pure_callback(_value, _shape(args), *args, vmap_method="sequential")

    def _value(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(primitive(*map(np.asarray, args)), dtype=np.float64)

    def _shape(args: Any) -> Any:
        sample = _value(*(np.full(np.shape(a), 0.5, _dtype(a)) for a in args))
        return jax.ShapeDtypeStruct(sample.shape, sample.dtype)

    def forward(*args: Any) -> Any:
        return function(*args), args

    def backward(args: Any, g: Any) -> Any:
        wanted = tuple(i for i, a in enumerate(args) if jnp.issubdtype(_dtype(a), jnp.floating))

        def gradients(g: Any, *args: Any) -> Any:
            known = [np.asarray(a) for a in args]
            with np.errstate(all="ignore"):
                pull, _ = autograd.make_vjp(lambda some: primitive(*_with(known, wanted, some)))(
                    tuple(known[i] for i in wanted)
                )
                found = pull(np.asarray(g))
            return tuple(np.asarray(f, dtype=np.float64) for f in found)

        shapes = tuple(jax.ShapeDtypeStruct(np.shape(args[i]), jnp.float64) for i in wanted)
        found = jax.pure_callback(gradients, shapes, g, *args, vmap_method="sequential")
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
