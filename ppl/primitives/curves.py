"""Convolutions and B-splines, along the last axis."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.primitives.differentiation import defvjp, primitive
from ppl.primitives.lags import summed_to
from ppl.primitives.vectors import vector_atom


@primitive
def _convolve(a: Any, b: Any) -> Any:
    """Return ``c[t] = sum(a[t - k] b[k])`` for every t that has a term: n + m - 1 of them."""
    if np.shape(a)[-1] < np.shape(b)[-1]:
        a, b = b, a
    n, m = np.shape(a)[-1], np.shape(b)[-1]
    batch = np.broadcast_shapes(np.shape(a)[:-1], np.shape(b)[:-1])
    total = np.zeros((*batch, n + m - 1))
    for k in range(m):
        total[..., k : k + n] += a[..., :] * b[..., k : k + 1]
    return total


@primitive
def _correlate(g: Any, b: Any, like: Any) -> Any:
    """Return ``sum(g[i + k] b[k] for k)`` for every i of `like`, summed to its shape."""
    n, m = np.shape(like)[-1], np.shape(b)[-1]
    batch = np.broadcast_shapes(np.shape(g)[:-1], np.shape(b)[:-1])
    total = np.zeros((*batch, n))
    if m <= n:
        for k in range(m):
            total += g[..., k : k + n] * b[..., k : k + 1]
    else:
        for i in range(n):
            total[..., i] = np.sum(g[..., i : i + m] * b, axis=-1)
    return summed_to(total, np.shape(like))


defvjp(
    _convolve,
    lambda ans, a, b: lambda g: _correlate(g, b, a),
    lambda ans, a, b: lambda g: _correlate(g, a, b),
)
defvjp(
    _correlate,
    lambda ans, g, b, like: lambda h: anp.broadcast_to(_convolve(h, b), np.shape(g)),
    lambda ans, g, b, like: lambda h: _correlate(g, h, b),
    None,
)


def _spline(x: Any, knots: Any, degree: Any) -> Any:
    """Return the B-splines at x, by the recursion of de Boor (1972).

    Parameters
    ----------
    x : (...)
    knots : (..., K), rising; the first and the last are the ends
    degree : whole number

    Returns
    -------
    array, (..., K + degree - 1); 0 outside of the ends
    """
    order = max(int(np.ravel(degree)[0]), 0)
    ends = [anp.repeat(knots[..., e], order, axis=-1) for e in (slice(0, 1), slice(-1, None))]
    t = anp.concatenate([ends[0], knots, ends[1]], axis=-1)
    x = anp.reshape(x, (*anp.shape(x), 1))
    last = t[..., -1:]
    at_end = (x == last) & (t[..., 1:] == last) & (t[..., :-1] < last)
    basis = 1.0 * (((x >= t[..., :-1]) & (x < t[..., 1:])) | at_end)
    for p in range(1, order + 1):
        rise = _over(x - t[..., : -p - 1], t[..., p:-1] - t[..., : -p - 1])
        fall = _over(t[..., p + 1 :] - x, t[..., p + 1 :] - t[..., 1:-p])
        basis = rise * basis[..., :-1] + fall * basis[..., 1:]
    return basis


def _over(a: Any, width: Any) -> Any:
    """Return a / width, 0 where knots coincide."""
    return anp.where(width > 0, a / anp.where(width > 0, width, 1.0), 0.0)


convolve = vector_atom("convolve", _convolve, "(n),(m)->(k)")
spline = vector_atom("spline", _spline, "(),(k),()->(b)", derivatives=False)
