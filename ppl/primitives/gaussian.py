"""The log density of a Normal vector by its covariance, with the gradient in closed form.

With α = K⁻¹r the density's derivatives are ``-α`` by r and ``(α α' - K⁻¹) / 2`` by K (Rasmussen &
Williams 2006, equation 5.9): one factorisation and one inverse, where the chain rule through the
factor takes several of each.
"""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp_argnums
from numpy.typing import NDArray

from ppl.primitives.differentiation import unbroadcast_f
from ppl.primitives.fused import fused
from ppl.primitives.matrices import cholesky_factor, diagonal, solve_lower_vectors
from ppl.primitives.triangular import MEDIUM, inverse_factors
from ppl.primitives.vectors import vector_atom

Floats = NDArray[np.float64]

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def _density(away: Any, covariance: Any) -> tuple[Any, Any, Any]:
    """Return log densities (...), and their derivatives by `away` (..., n) and `covariance`."""
    r, k = np.asarray(away, dtype=float), np.asarray(covariance, dtype=float)
    size = r.shape[-1]
    solve = _by_inverse_factor if size <= MEDIUM else _by_lapack
    alpha, squared, log_scale, inverse = solve(r, k)
    value = squared
    value *= -0.5
    value -= log_scale
    value -= HALF_LOG_2PI * size
    by_covariance = alpha[..., :, None] * alpha[..., None, :]
    by_covariance -= inverse
    by_covariance *= 0.5
    found = np.isfinite(value)
    if not found.all():
        value = np.where(found, value, np.nan)
    return value, np.negative(alpha), by_covariance


def _by_inverse_factor(r: Floats, k: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return K⁻¹r, r'K⁻¹r, half of log det K, and K⁻¹; all matrices in one call."""
    factor = cholesky_factor(k)
    log_scale = np.add.reduce(np.log(factor.diagonal(axis1=-2, axis2=-1)), axis=-1)
    size = k.shape[-1]
    back = inverse_factors(factor.reshape((-1, size, size))).reshape(factor.shape)
    white = np.matmul(back, r[..., None])
    up = back.swapaxes(-1, -2)
    alpha = np.matmul(up, white)[..., 0]
    white = white[..., 0]
    return alpha, np.vecdot(white, white), log_scale, np.matmul(up, back)


def _by_lapack(r: Floats, k: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The same, matrix by matrix."""
    from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

    size = r.shape[-1]
    shape = np.broadcast_shapes(r.shape[:-1], k.shape[:-2])
    r = np.broadcast_to(r, (*shape, size))
    above = np.triu_indices(size, 1)
    alpha = np.full(r.shape, np.nan)
    squared, log_scale = np.full((2, *shape), np.nan)
    inverse = np.full(k.shape, np.nan)
    shared = np.broadcast_to(np.arange(math.prod(k.shape[:-2])).reshape(k.shape[:-2]), shape)
    for number, place in enumerate(np.ndindex(k.shape[:-2])):
        factor, failed = dpotrf(k[place], lower=0, clean=0)
        if failed:
            continue
        mine = shared == number
        solution, _ = dpotrs(factor, r[mine].T, lower=0)
        alpha[mine] = solution.T
        squared[mine] = np.vecdot(r[mine], solution.T)
        log_scale[mine] = np.add.reduce(np.log(np.diagonal(factor)))
        whole, _ = dpotri(factor, lower=0, overwrite_c=1)
        whole.T[above] = whole[above]
        inverse[place] = whole
    return alpha, squared, log_scale, inverse


_of_one = fused(_density, 2)


def _pair_vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    """Differentiate the gradients: ``dα = K⁻¹ (dr - dK α)`` and ``dK⁻¹ = -K⁻¹ dK K⁻¹``."""

    def back(g: Any) -> Any:
        alpha, slope = -ans[1], ans[2]
        column, row = anp.expand_dims(alpha, -1), anp.expand_dims(alpha, -2)
        inverse = column * row - 2 * slope
        by_value, by_covariance = anp.expand_dims(g[0], -1), g[2]
        both = 0.5 * (by_covariance + anp.swapaxes(by_covariance, -1, -2))
        moved = anp.matmul(inverse, anp.matmul(both, column) - anp.expand_dims(g[1], -1))
        around = anp.matmul(anp.matmul(inverse, by_covariance), inverse)
        found = (
            anp.reshape(moved, anp.shape(alpha)) - by_value * alpha,
            anp.expand_dims(by_value, -1) * slope - moved * row + 0.5 * around,
        )
        return tuple(unbroadcast_f(args[k], lambda _, k=k: found[k])(None) for k in argnums)

    return back


defvjp_argnums(_of_one.fun.pair, _pair_vjp)  # type: ignore[attr-defined]


def _log_density(away: Any, covariance: Any) -> Any:
    """Return the log density; vectors that share a matrix are solved for at once."""
    vectors, matrices = anp.shape(away)[:-1], anp.shape(covariance)[:-2]
    shared = len(vectors) > len(matrices) or any(
        n == 1 < m for n, m in zip(matrices[::-1], vectors[::-1], strict=False)
    )
    if not shared:
        return _of_one(away, covariance)
    factor = cholesky_factor(covariance)
    white = solve_lower_vectors(factor, away)
    log_scale = anp.sum(anp.log(diagonal(factor)), axis=-1)
    squared = anp.sum(anp.square(white), axis=-1)
    return -0.5 * squared - log_scale - HALF_LOG_2PI * anp.shape(away)[-1]


normal_of_covariance = vector_atom("normal_of_covariance", _log_density, "(n),(n,n)->()")
