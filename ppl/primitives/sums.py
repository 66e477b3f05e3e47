"""Sums over ranges of the last axis, each in time linear in its length.

`prefix_sums` and `suffix_sums` have one entry more than the axis: the sum before, and from, each
position. `window_sums` adds up windows of one width, by running sums within blocks of that width
(van Herk 1992, Gil & Werman 1993), so that nothing is subtracted and no accuracy lost.
"""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.constraints import Range
from ppl.primitives import ranges
from ppl.primitives.differentiation import defvjp, primitive
from ppl.primitives.vectors import vector_atom


@primitive
def _prefix_sums(x: Any) -> Any:
    """Return 0, x[0], x[0] + x[1], ...: (..., n) → (..., n + 1)."""
    result = np.zeros((*np.shape(x)[:-1], np.shape(x)[-1] + 1))
    np.cumsum(x, axis=-1, out=result[..., 1:])
    return result


@primitive
def _suffix_sums(x: Any) -> Any:
    """Return the sums from each position to the end, 0 last: (..., n) → (..., n + 1)."""
    return np.ascontiguousarray(_prefix_sums(x[..., ::-1])[..., ::-1])


defvjp(_prefix_sums, lambda ans, x: lambda g: _suffix_sums(g[..., 1:])[..., :-1])
defvjp(_suffix_sums, lambda ans, x: lambda g: _prefix_sums(g[..., :-1])[..., 1:])


@primitive
def _window_sums(x: Any, window: Any) -> Any:
    """Return the sums of neighbours, as many as `window` is long: (..., n) → (..., n - w + 1).

    What `window` holds does not matter.
    """
    width = np.shape(window)[-1]
    count = np.shape(x)[-1] - width + 1
    blocks = -(-np.shape(x)[-1] // width)
    padded = np.zeros((*np.shape(x)[:-1], blocks * width))
    padded[..., : np.shape(x)[-1]] = x
    parts = padded.reshape((*padded.shape[:-1], blocks, width))
    begun = np.cumsum(parts, axis=-1).reshape(padded.shape)
    ended = np.cumsum(parts[..., ::-1], axis=-1)[..., ::-1].reshape(padded.shape)
    later = begun[..., width - 1 : width - 1 + count].copy()
    later[..., ::width] = 0.0
    return ended[..., :count] + later


def _window_sums_vjp(ans: Any, x: Any, window: Any) -> Any:
    def back(g: Any) -> Any:
        edge = anp.zeros((*np.shape(g)[:-1], np.shape(window)[-1] - 1))
        return _window_sums(anp.concatenate([edge, g, edge], axis=-1), window)

    return back


defvjp(_window_sums, _window_sums_vjp, lambda ans, x, window: lambda g: 0.0 * window)


def _some(r: Range) -> Range:
    """Return where the sum of some of the numbers, or of none, lies."""
    low = 0.0 if r.lower >= 0 else -math.inf
    return Range(low, 0.0 if r.upper <= 0 else math.inf, integer=r.integer)


prefix_sums = vector_atom("prefix_sums", _prefix_sums, "(n)->(p)", _some)
suffix_sums = vector_atom("suffix_sums", _suffix_sums, "(n)->(p)", _some)
window_sums = vector_atom(
    "window_sums", _window_sums, "(n),(m)->(p)", lambda r, window: ranges.total(r)
)
