"""Sets of vectors, on an array's last axis.

Their bijections are written over `autograd.numpy`, batched over leading axes, and are called by
name from emitted source.
"""

from __future__ import annotations

import math

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive

from ppl.constraints.sets import Array, Bijection, Constraint, Range

TOLERANCE = 1e-6
"""How far a sum or a norm of data may be off, for numbers that were written with few digits."""


def _one_less(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (sizes[-1] - 1,)


def _zero_sum_forward(u: Array) -> Array:
    """Map K - 1 numbers to the plane of sum zero in K dimensions; lengths and angles are kept.

    The map is the Householder reflection that takes the last axis to (1, ..., 1) / sqrt(K).
    """
    size = u.shape[-1] + 1
    total = anp.sum(u, axis=-1, keepdims=True)
    share = (1.0 - 1.0 / math.sqrt(size)) / max(size - 1, 1)
    return anp.concatenate([u - share * total, total * (-1.0 / math.sqrt(size))], axis=-1)


def _zero_sum_inverse(x: Array) -> Array:
    size = x.shape[-1]
    share = (1.0 - 1.0 / math.sqrt(size)) / max(size - 1, 1)
    return x[..., :-1] - (share * math.sqrt(size)) * x[..., -1:]


def _log_sum_exp(y: Array) -> Array:
    """Return ``log sum exp y`` over the last axis, which stays."""
    largest = np.max(y, axis=-1, keepdims=True)
    return largest + np.log(np.sum(np.exp(y - largest), axis=-1, keepdims=True))


_log_normaliser = primitive(_log_sum_exp)
defvjp(_log_normaliser, lambda ans, y: lambda g: g * anp.exp(y - ans))


def _simplex_forward(u: Array) -> Array:
    """Return the softmax of the zero-sum vector of u (an isometric log-ratio transform)."""
    y = _zero_sum_forward(u)
    return anp.exp(y - _log_normaliser(y))


def _simplex_inverse(x: Array) -> Array:
    logs = anp.log(x)
    return _zero_sum_inverse(logs - anp.mean(logs, axis=-1, keepdims=True))


def _simplex_log_jacobian(u: Array, x: Array) -> Array:
    """Return ``sum log x + log(K) / 2``, from u so that x may underflow."""
    size = u.shape[-1] + 1
    log_normaliser = _log_normaliser(_zero_sum_forward(u))
    return 0.5 * math.log(size) - size * log_normaliser[..., 0]


def _ordered_forward(u: Array) -> Array:
    steps = anp.concatenate([u[..., :1], anp.exp(u[..., 1:])], axis=-1)
    return anp.cumsum(steps, axis=-1)


def _ordered_inverse(x: Array) -> Array:
    steps = anp.log(x[..., 1:] - x[..., :-1])
    return anp.concatenate([x[..., :1], steps], axis=-1)


def _positive_ordered_inverse(x: Array) -> Array:
    steps = x[..., 1:] - x[..., :-1]
    return anp.log(anp.concatenate([x[..., :1], steps], axis=-1))


def _unit_vector_forward(u: Array) -> Array:
    """Map K - 1 numbers to the sphere by stereographic projection; 0 goes to (0, ..., 0, 1)."""
    scale = 2.0 / (1.0 + anp.sum(anp.square(u), axis=-1, keepdims=True))
    return anp.concatenate([u * scale, scale - 1.0], axis=-1)


def _unit_vector_inverse(x: Array) -> Array:
    return x[..., :-1] / (1.0 + x[..., -1:])


def _unit_vector_log_jacobian(u: Array, x: Array) -> Array:
    squared = anp.sum(anp.square(u), axis=-1)
    return u.shape[-1] * (math.log(2.0) - anp.log1p(squared))


def _increasing(x: Array) -> Array:
    return np.all(np.diff(x, axis=-1) > 0, axis=-1) & ~np.any(np.isnan(x), axis=-1)


simplex = Constraint(
    "simplex",
    "vectors of numbers >= 0 with sum 1",
    Range(0.0, 1.0),
    lambda x: np.all(np.asarray(x) >= 0, axis=-1) & (np.abs(np.sum(x, axis=-1) - 1.0) <= TOLERANCE),
    Bijection(_simplex_forward, _simplex_inverse, _simplex_log_jacobian, _one_less),
    event_ndim=1,
)

ordered = Constraint(
    "ordered",
    "vectors of increasing numbers",
    Range(),
    _increasing,
    Bijection(_ordered_forward, _ordered_inverse, lambda u, x: anp.sum(u[..., 1:], axis=-1)),
    event_ndim=1,
)

positive_ordered = Constraint(
    "positive ordered",
    "vectors of increasing numbers greater than 0",
    Range(0.0, lower_open=True),
    lambda x: _increasing(x) & (np.asarray(x)[..., 0] > 0),
    Bijection(
        lambda u: anp.cumsum(anp.exp(u), axis=-1),
        _positive_ordered_inverse,
        lambda u, x: anp.sum(u, axis=-1),
    ),
    event_ndim=1,
)

zero_sum = Constraint(
    "zero sum",
    "vectors of numbers with sum 0",
    Range(),
    lambda x: np.abs(np.sum(x, axis=-1)) <= TOLERANCE * np.maximum(1.0, np.sum(np.abs(x), axis=-1)),
    Bijection(
        _zero_sum_forward,
        _zero_sum_inverse,
        lambda u, x: 0.0 * anp.sum(u, axis=-1),
        _one_less,
        surface=True,
    ),
    event_ndim=1,
)

unit_vector = Constraint(
    "unit vector",
    "vectors of length 1",
    Range(-1.0, 1.0),
    lambda x: np.abs(np.sum(np.square(x), axis=-1) - 1.0) <= TOLERANCE,
    Bijection(
        _unit_vector_forward,
        _unit_vector_inverse,
        _unit_vector_log_jacobian,
        _one_less,
        surface=True,
    ),
    event_ndim=1,
)


def counts_with_sum(total: Array) -> Constraint:
    """Return the vectors of integers >= 0 with a sum."""
    return Constraint(
        "counts with a sum",
        "vectors of integers >= 0 whose sum is the number of trials",
        Range(0.0, integer=True),
        lambda x: (
            (np.sum(np.where((x >= 0) & (np.floor(x) == x), 0.0, 1.0), axis=-1) == 0)
            & (np.sum(x, axis=-1) == total)
        ),
        None,
        event_ndim=1,
    )
