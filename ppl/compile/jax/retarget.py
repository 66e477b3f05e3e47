"""Functions written over `autograd.numpy`, taken to `jax.numpy` by rebinding the names they read.

What the project writes once (bijections, small functions of emitted source) is thereby the same
text on both backends. Primitives, whose bodies are NumPy's own, are looked up in `leaves`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from inspect import getattr_static
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import autograd.numpy as anp
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
from scipy import special as sp

from ppl.compile.jax.hosted import hosted
from ppl.constraints.sets import Bijection

SPECIAL = {
    getattr(sp, name): getattr(jsp, name)
    for name in dir(jsp)
    if not name.startswith("_") and hasattr(sp, name)
}
"""SciPy's special functions that JAX has too."""


class Retarget:
    """Takes functions over; each once, so that what was one object stays one object."""

    def __init__(self, leaves: Mapping[Any, Callable[..., Any]]) -> None:
        self._leaves = leaves
        self._known: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        """Return what stands for a value in JAX; the value itself if it is not a function."""
        if value is anp:
            return jnp
        if isinstance(value, ModuleType | type) or not (
            callable(value) or isinstance(value, Bijection)
        ):
            return self.unknown(value)
        if id(value) not in self._known:
            self._known[id(value)] = (value, value)
            self._known[id(value)] = (value, self._taken(value))
        return self._known[id(value)][1]

    def unknown(self, value: Any) -> Any:
        """Return what stands for a value that is no function."""
        return value

    def function(self, function: FunctionType) -> Any:
        """Rebind the globals and the closure that a function reads."""
        scope = function.__globals__
        names = {name: self(scope[name]) for name in _names(function.__code__) if name in scope}
        cells = tuple(CellType(self(c.cell_contents)) for c in function.__closure__ or ())
        taken = FunctionType(
            function.__code__,
            {**scope, **names},
            function.__name__,
            function.__defaults__,
            cells or None,
        )
        taken.__kwdefaults__ = function.__kwdefaults__
        return taken

    def _taken(self, value: Any) -> Any:
        if isinstance(value, Bijection):
            return self._bijection(value)
        inner = getattr(value, "fun", None)
        if inner is not None:
            return self._primitive(value, inner)
        if isinstance(value, np.ufunc):
            return self._primitive(value, value)
        if isinstance(value, FunctionType) and _ours(value):
            return self.function(value)
        return value

    def _primitive(self, value: Any, inner: Any) -> Any:
        leaf = self._leaves.get(inner) or SPECIAL.get(inner)
        if leaf is not None:
            return leaf
        if not isinstance(inner, FunctionType) or inner.__module__.startswith("numpy"):
            name = getattr(inner, "__name__", "")
            if hasattr(jnp, name):
                return getattr(jnp, name)
        return hosted(value)

    def _bijection(self, value: Bijection) -> Bijection:
        """Take over a bijection's functions."""
        changed = {f.name: self(v) for f in fields(value) if callable(v := getattr(value, f.name))}
        return replace(value, **changed)


class Numeric(Retarget):
    """Takes over what is written over plain NumPy, too, and objects of our own with methods.

    For guides and optimisers, whose arithmetic is not differentiated.
    """

    def __init__(self) -> None:
        super().__init__({})

    def unknown(self, value: Any) -> Any:
        """Return `jax.numpy`, or a stand-in for an object or a class of our own."""
        if value is np:
            return jnp
        if isinstance(value, type):
            return self._class(value) if is_dataclass(value) and _ours(value) else value
        if isinstance(value, tuple):
            return tuple(map(self, value))
        if is_dataclass(value) and _ours(type(value)):
            return StandIn(value, self)
        return value

    def _class(self, value: type) -> Any:
        return lambda *parts, **named: StandIn(value(*parts, **named), self)


class StandIn:
    """An object of our own whose methods compute with JAX; its properties are facts of NumPy."""

    def __init__(self, value: Any, retarget: Retarget) -> None:
        self._value, self._retarget = value, retarget

    def __getattr__(self, name: str) -> Any:
        value, retarget = self._value, self._retarget
        method = getattr_static(type(value), name, None)
        if isinstance(method, FunctionType):
            return MethodType(retarget(method), self)
        return retarget(getattr(value, name))


def _ours(function: FunctionType | type) -> bool:
    return (function.__module__ or "").startswith("ppl.")


def _names(code: Any) -> set[str]:
    """Return the names that code reads, that of functions inside included."""
    inner = (c for c in code.co_consts if hasattr(c, "co_names"))
    return set(code.co_names).union(*map(_names, inner))
