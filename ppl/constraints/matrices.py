"""Sets of square matrices, on an array's last two axes.

Each comes from one vector of free numbers, which fill the lower triangle row by row.
"""

from __future__ import annotations

import math

import autograd.numpy as anp
import numpy as np

from ppl.constraints.sets import Array, Bijection, Constraint, Range
from ppl.constraints.vectors import TOLERANCE

LOG_2 = math.log(2.0)


def _strictly_lower(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (sizes[-1] * (sizes[-1] - 1) // 2,)


def _lower(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (sizes[-1] * (sizes[-1] + 1) // 2,)


def _filled(u: Array, size: int, offset: int) -> Array:
    """Return the square matrix whose lower triangle, from the diagonal `offset` down, holds u."""
    mask = np.tri(size, k=offset)
    places = np.cumsum(mask.ravel()).astype(int) - 1
    places = np.maximum(places, 0)
    return u[..., places].reshape((*u.shape[:-1], size, size)) * mask


def _transposed(x: Array) -> Array:
    return anp.swapaxes(x, -1, -2)


def _corr_size(u: Array) -> int:
    return (1 + math.isqrt(1 + 8 * u.shape[-1])) // 2


def _cov_size(u: Array) -> int:
    return (math.isqrt(1 + 8 * u.shape[-1]) - 1) // 2


def _angles(u: Array) -> tuple[Array, Array, Array]:
    """Return, as matrices, the canonical partial correlations tanh(u), the logs of 1 minus their
    squares, and the logs of what earlier columns leave of each row's length.
    """
    matrix = _filled(u, _corr_size(u), -1)
    distance = anp.abs(matrix)
    log_rest = 2.0 * (LOG_2 - distance - anp.log1p(anp.exp(-2.0 * distance)))
    log_rest = log_rest * np.tri(matrix.shape[-1], k=-1)
    log_left = 0.5 * (anp.cumsum(log_rest, axis=-1) - log_rest)
    return anp.tanh(matrix), log_rest, log_left


def _corr_cholesky_forward(u: Array) -> Array:
    """Return the factor of Lewandowski, Kurowicka and Joe (2009), as in Stan's manual."""
    if u.shape[-1] == 0:
        return anp.ones((*u.shape[:-1], 1, 1))
    correlations, _, log_left = _angles(u)
    identity = np.eye(correlations.shape[-1])
    return (correlations + identity) * anp.exp(log_left)


def _corr_cholesky_inverse(x: Array) -> Array:
    size = x.shape[-1]
    rows, columns = np.tril_indices(size, -1)
    squares = anp.square(x)
    used = anp.cumsum(squares, axis=-1) - squares
    left = anp.sqrt(anp.maximum(1.0 - used, 1e-300))
    return anp.arctanh((x / left)[..., rows, columns])


def _corr_cholesky_log_jacobian(u: Array, x: Array) -> Array:
    if u.shape[-1] == 0:
        return anp.sum(u, axis=-1)
    _, log_rest, log_left = _angles(u)
    below = np.tri(log_rest.shape[-1], k=-1)
    return anp.sum(log_rest + log_left * below, axis=(-1, -2))


def _correlation_forward(u: Array) -> Array:
    factor = _corr_cholesky_forward(u)
    return anp.matmul(factor, _transposed(factor))


def _correlation_log_jacobian(u: Array, x: Array) -> Array:
    if u.shape[-1] == 0:
        return anp.sum(u, axis=-1)
    _, log_rest, log_left = _angles(u)
    size = log_rest.shape[-1]
    weights = np.tri(size, k=-1) + np.diag(np.arange(size - 1.0, -1.0, -1.0))
    return anp.sum(log_rest + log_left * weights, axis=(-1, -2))


def _cov_cholesky_forward(u: Array) -> Array:
    size = _cov_size(u)
    identity = np.eye(size)
    matrix = _filled(u, size, 0)
    return matrix * (1.0 - identity) + anp.exp(matrix * identity) * identity


def _cov_cholesky_inverse(x: Array) -> Array:
    size = x.shape[-1]
    rows, columns = np.tril_indices(size)
    identity = np.eye(size)
    logs = anp.log(x * identity + (1.0 - identity)) + x * (1.0 - identity)
    return logs[..., rows, columns]


def _diagonal_places(size: int) -> Array:
    return np.cumsum(np.arange(1, size + 1)) - 1


def _cov_cholesky_log_jacobian(u: Array, x: Array) -> Array:
    return anp.sum(u[..., _diagonal_places(_cov_size(u))], axis=-1)


def _covariance_forward(u: Array) -> Array:
    factor = _cov_cholesky_forward(u)
    return anp.matmul(factor, _transposed(factor))


def _covariance_log_jacobian(u: Array, x: Array) -> Array:
    size = _cov_size(u)
    weights = np.arange(size + 1.0, 1.0, -1.0)
    logs = u[..., _diagonal_places(size)]
    return size * LOG_2 + anp.sum(logs * weights, axis=-1)


def _is_factor(x: Array) -> Array:
    above = np.all(np.triu(x, 1) == 0, axis=(-1, -2))
    return above & np.all(np.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)


def _is_positive_definite(x: Array) -> Array:
    x = np.asarray(x, dtype=float)
    finite = np.all(np.isfinite(x), axis=(-1, -2))
    safe = np.where(finite[..., None, None], x, np.eye(x.shape[-1]))
    scale = np.max(np.abs(safe), axis=(-1, -2))
    gap = np.max(np.abs(safe - np.swapaxes(safe, -1, -2)), axis=(-1, -2))
    return finite & (gap <= TOLERANCE * scale) & (np.linalg.eigvalsh(safe)[..., 0] > 0)


corr_cholesky = Constraint(
    "Cholesky factor of a correlation matrix",
    "lower triangular matrices with a positive diagonal and rows of length 1",
    Range(-1.0, 1.0),
    lambda x: (
        _is_factor(x) & np.all(np.abs(np.sum(np.square(x), axis=-1) - 1.0) <= TOLERANCE, axis=-1)
    ),
    Bijection(
        _corr_cholesky_forward,
        _corr_cholesky_inverse,
        _corr_cholesky_log_jacobian,
        _strictly_lower,
    ),
    event_ndim=2,
)

cov_cholesky = Constraint(
    "Cholesky factor of a covariance matrix",
    "lower triangular matrices with a positive diagonal",
    Range(),
    _is_factor,
    Bijection(_cov_cholesky_forward, _cov_cholesky_inverse, _cov_cholesky_log_jacobian, _lower),
    event_ndim=2,
)

correlation = Constraint(
    "correlation matrix",
    "symmetric positive definite matrices with diagonal 1",
    Range(-1.0, 1.0),
    lambda x: (
        _is_positive_definite(x)
        & np.all(np.abs(np.diagonal(x, axis1=-2, axis2=-1) - 1.0) <= TOLERANCE, axis=-1)
    ),
    Bijection(
        _correlation_forward,
        lambda x: _corr_cholesky_inverse(anp.linalg.cholesky(x)),
        _correlation_log_jacobian,
        _strictly_lower,
    ),
    event_ndim=2,
)

covariance = Constraint(
    "covariance matrix",
    "symmetric positive definite matrices",
    Range(),
    _is_positive_definite,
    Bijection(
        _covariance_forward,
        lambda x: _cov_cholesky_inverse(anp.linalg.cholesky(x)),
        _covariance_log_jacobian,
        _lower,
    ),
    event_ndim=2,
)
