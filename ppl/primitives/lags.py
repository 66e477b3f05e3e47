"""Operations along time: what a series was before, and by how much it moves."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.primitives.differentiation import defvjp, primitive
from ppl.primitives.vectors import vector_atom


@primitive
def _increments(x: Any) -> Any:
    """Return x[0], x[1] - x[0], x[2] - x[1], ... along the last axis."""
    return np.diff(x, axis=-1, prepend=0.0)


@primitive
def _increments_back(g: Any) -> Any:
    """Return g[0] - g[1], g[1] - g[2], ..., g[-1]."""
    return -np.diff(g, axis=-1, append=0.0)


defvjp(_increments, lambda ans, x: lambda g: _increments_back(g))
defvjp(_increments_back, lambda ans, g: lambda h: _increments(h))


def _batches(x: Any, c: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(np.shape(x)[:-1], np.shape(c)[:-1])


def summed_to(value: Any, shape: tuple[int, ...]) -> Any:
    """Sum over leading axes that were broadcast."""
    extra = value.ndim - len(shape)
    value = value.sum(axis=tuple(range(extra)))
    axes = tuple(k for k, n in enumerate(shape) if n == 1 and value.shape[k] != 1)
    return value.sum(axis=axes, keepdims=True)


@primitive
def _lagged(x: Any, c: Any) -> Any:
    """Return ``sum(c[k] x[t - 1 - k])``, where what is before the start is 0.

    Parameters
    ----------
    x : (..., T)
    c : (..., P)
    """
    length = np.shape(x)[-1]
    total = np.zeros((*_batches(x, c), length))
    for k in range(min(np.shape(c)[-1], length - 1)):
        total[..., k + 1 :] += c[..., k : k + 1] * x[..., : length - 1 - k]
    return total


@primitive
def _led(g: Any, c: Any, like: Any) -> Any:
    """Return ``sum(c[k] g[t + 1 + k])``, of the shape of `like`: back from `_lagged` to x."""
    length = np.shape(g)[-1]
    total = np.zeros((*_batches(g, c), length))
    for k in range(min(np.shape(c)[-1], length - 1)):
        total[..., : length - 1 - k] += c[..., k : k + 1] * g[..., k + 1 :]
    return summed_to(total, np.shape(like))


@primitive
def _lag_products(g: Any, x: Any, like: Any) -> Any:
    """Return ``sum(g[t] x[t - 1 - k] for t)``, of the shape of `like`: back to c."""
    length, count = np.shape(x)[-1], np.shape(like)[-1]
    total = np.zeros((*_batches(g, x), count))
    for k in range(min(count, length - 1)):
        total[..., k] = np.sum(g[..., k + 1 :] * x[..., : length - 1 - k], axis=-1)
    return summed_to(total, np.shape(like))


defvjp(
    _lagged,
    lambda ans, x, c: lambda g: _led(g, c, x),
    lambda ans, x, c: lambda g: _lag_products(g, x, c),
)
defvjp(
    _led,
    lambda ans, g, c, like: lambda h: anp.broadcast_to(_lagged(h, c), np.shape(g)),
    lambda ans, g, c, like: lambda h: _lag_products(g, h, c),
    None,
)
defvjp(
    _lag_products,
    lambda ans, g, x, like: lambda h: anp.broadcast_to(_lagged(x, h), np.shape(g)),
    lambda ans, g, x, like: lambda h: _led(g, h, x),
    None,
)


increments = vector_atom("increments", _increments, "(t)->(t)")
lagged = vector_atom("lagged", _lagged, "(t),(p)->(t)")
