"""Distributions over vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from ppl.constraints import (
    cov_cholesky,
    covariance,
    positive,
    real,
    simplex,
)
from ppl.distributions.constants import HALF_LOG_2PI, scipy_stats
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.gaussian import normal_of_covariance
from ppl.primitives.matrices import cholesky, diag, gram, inv, matvec, solve_triangular
from ppl.primitives.vectors import size


def _normal_log_density_of_factor(x: Any, mu: Any, chol: Any) -> Any:
    z = solve_triangular(chol, x - mu)
    log_scale = np.sum(np.log(diag(chol)), axis=-1)
    return -0.5 * np.sum(np.square(z), axis=-1) - log_scale - HALF_LOG_2PI * size(x)


def _normal_log_density_of_precision(x: Any, mu: Any, precision: Any) -> Any:
    away = x - mu
    squared = np.sum(away * matvec(precision, away), axis=-1)
    log_scale = np.sum(np.log(diag(cholesky(precision))), axis=-1)
    return -0.5 * squared + log_scale - HALF_LOG_2PI * size(x)


def _normal_place(z: Any, mu: Any, chol: Any) -> Any:
    return mu + matvec(chol, z)


def _normal_sample(rng: Any, shape: Any, mu: Any, cov: Any) -> Any:
    """Draw by eigenvectors, which works for a nearly singular covariance too."""
    values, vectors = np.linalg.eigh(cov)
    z = rng.standard_normal(shape) * np.sqrt(np.maximum(values, 0.0))
    return mu + np.matmul(vectors, z[..., None])[..., 0]


MultivariateNormal = Distribution(
    name="MultivariateNormal",
    summary="A Normal vector with mean `mu` and covariance `cov`.",
    parameters={"mu": real, "cov": covariance},
    alternatives=(
        Alternative(
            parameters={"mu": real, "chol": cov_cholesky},
            convert=lambda mu, chol: (mu, gram(chol)),
            log_density=_normal_log_density_of_factor,
            place=_normal_place,
        ),
        Alternative(
            parameters={"mu": real, "precision": covariance},
            convert=lambda mu, precision: (mu, inv(precision)),
            log_density=_normal_log_density_of_precision,
        ),
    ),
    support=real,
    log_density=lambda x, mu, cov: normal_of_covariance(x - mu, cov),
    place=lambda z, mu, cov: _normal_place(z, mu, cholesky(cov)),
    sample=_normal_sample,
    signature="(n),(n,n)->(n)",
    mean=lambda mu, cov: mu,
    variance=lambda mu, cov: diag(cov),
    entropy=lambda mu, cov: (
        np.sum(np.log(diag(cholesky(cov))), axis=-1) + (HALF_LOG_2PI + 0.5) * size(mu)
    ),
    reference=lambda mu, cov: scipy_stats().multivariate_normal(mu, cov),
)


def _dirichlet_log_density(x: Any, alpha: Any) -> Any:
    powers = np.sum((alpha - 1.0) * np.log(x), axis=-1)
    return powers + gammaln(np.sum(alpha, axis=-1)) - np.sum(gammaln(alpha), axis=-1)


def _dirichlet_sample(rng: Any, shape: Any, alpha: Any) -> Any:
    """Divide gammas by their sum; in logs, so that small alphas do not underflow."""
    log_gammas = np.log(rng.standard_gamma(np.asarray(alpha) + 1.0, shape))
    logs = log_gammas - rng.standard_exponential(shape) / alpha
    weights = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
    return weights / np.sum(weights, axis=-1, keepdims=True)


def _dirichlet_variance(alpha: Any) -> Any:
    total = np.sum(alpha, axis=-1)
    return alpha * (total - alpha) / (np.square(total) * (total + 1.0))


Dirichlet = Distribution(
    name="Dirichlet",
    summary="Shares that sum to 1; `alpha` acts like counts seen before.",
    parameters={"alpha": positive},
    support=simplex,
    log_density=_dirichlet_log_density,
    sample=_dirichlet_sample,
    signature="(n)->(n)",
    mean=lambda alpha: alpha / np.sum(alpha, axis=-1),
    variance=_dirichlet_variance,
    reference=lambda alpha: scipy_stats().dirichlet(alpha),
)
