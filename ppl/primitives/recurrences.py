"""Affine recurrences along the last axis, ``s[t] = a[t] s[t-1] + b[t]``, without a traced loop.

The derivative of a recurrence is a recurrence backwards, so all higher derivatives exist.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.primitives.differentiation import defvjp, primitive, unbroadcast_f

MANY_BATCHES = 100
"""From this many batches on, a loop over t is faster than doubling."""


@primitive
def affine_recurrence(a: Any, b: Any) -> Any:
    """Return s with ``s[0] = b[0]`` and ``s[t] = a[t] s[t-1] + b[t]``.

    Parameters
    ----------
    a, b : array, (..., T)
        Broadcast against each other; a[0] is not read.
    """
    a, s = (np.array(v, dtype=float) for v in np.broadcast_arrays(a, b))
    steps = s.shape[-1]
    if s.size >= MANY_BATCHES * steps:
        for t in range(1, steps):
            s[..., t] += a[..., t] * s[..., t - 1]
        return s
    a[..., :1] = 0.0
    reach = 1
    while reach < steps:
        s[..., reach:] += a[..., reach:] * s[..., :-reach]
        a[..., reach:] *= a[..., :-reach]
        reach *= 2
    return s


def affine_recurrence_backwards(a: Any, b: Any) -> Any:
    """Return s with ``s[T-1] = b[T-1]`` and ``s[t] = a[t+1] s[t+1] + b[t]``."""
    flipped = anp.concatenate([a[..., :1], a[..., :0:-1]], axis=-1)
    return affine_recurrence(flipped, b[..., ::-1])[..., ::-1]


def _before(s: Any) -> Any:
    """Return s one step earlier, 0 at the start."""
    return anp.concatenate([anp.zeros_like(s[..., :1]), s[..., :-1]], axis=-1)


defvjp(
    affine_recurrence,
    lambda ans, a, b: unbroadcast_f(a, lambda g: affine_recurrence_backwards(a, g) * _before(ans)),
    lambda ans, a, b: unbroadcast_f(b, lambda g: affine_recurrence_backwards(a, g)),
)
