"""Distributions over matrices, and over vectors with a scale matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import gammaln

from ppl.constraints import (
    Constraint,
    corr_cholesky,
    correlation,
    cov_cholesky,
    covariance,
    greater_than,
    positive,
    real,
)
from ppl.distributions.constants import HALF_LOG_2PI, LOG_2, LOG_PI, TINY, scipy_stats
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.matrices import (
    cholesky,
    diag,
    gram,
    outer,
    solve_triangular,
    solve_triangular_matrix,
    transposed,
)
from ppl.primitives.vectors import positions, size


def _log_diagonal(factor: Any) -> Any:
    return np.sum(np.log(diag(factor)), axis=-1)


def _sum_of_squares(x: Any) -> Any:
    return np.sum(np.sum(np.square(x), axis=-1), axis=-1)


def _log_balls(row: Any, eta: Any, last: Any) -> Any:
    """Return the log volumes of the balls that the rows of an LKJ factor are spread over."""
    after = last - row
    return 0.5 * LOG_PI * row + gammaln(eta + 0.5 * after) - gammaln(eta + 0.5 * last)


def _lkj_cholesky_log_density(x: Any, eta: Any) -> Any:
    """Return the density of Lewandowski, Kurowicka and Joe (2009) for the factor.

    Given its diagonal entry's power, row i is spread over a ball of i dimensions, whose integral is
    a ratio of gamma functions.
    """
    diagonal = diag(x)
    row, last = positions(diagonal), size(x) - 1.0
    powers = (last - row - 2.0 + 2.0 * eta) * np.log(diagonal)
    return np.sum(powers - _log_balls(row, eta, last), axis=-1)


def _lkj_log_density(x: Any, eta: Any) -> Any:
    diagonal = diag(cholesky(x))
    row, last = positions(diagonal), size(x) - 1.0
    powers = 2.0 * (eta - 1.0) * np.log(diagonal)
    return np.sum(powers - _log_balls(row, eta, last), axis=-1)


def _lkj_cholesky_sample(rng: Any, shape: Any, eta: Any) -> Any:
    """Draw row by row: a squared length from a Beta, a direction from a sphere."""
    count = shape[-1]
    row = np.arange(1.0, count)
    concentration = np.asarray(eta)[..., None] + 0.5 * (count - 1.0 - row)
    squared = rng.beta(0.5 * row, concentration, (*shape[:-2], count - 1))
    direction = np.tril(rng.standard_normal(shape), -1)[..., 1:, :]
    direction /= np.sqrt(np.sum(np.square(direction), axis=-1, keepdims=True))
    result = np.zeros(shape)
    result[..., 0, 0] = 1.0
    result[..., 1:, :] = direction * np.sqrt(squared)[..., None]
    places = np.arange(1, count)
    result[..., places, places] = np.sqrt(1.0 - squared)
    return result


def _lkj_sample(rng: Any, shape: Any, eta: Any) -> Any:
    factor = _lkj_cholesky_sample(rng, shape, eta)
    return factor @ np.swapaxes(factor, -1, -2)


LKJCholesky = Distribution(
    name="LKJCholesky",
    summary="Cholesky factor of a random correlation matrix; `eta` 1 is uniform, more is nearer I.",
    parameters={"eta": positive},
    support=corr_cholesky,
    log_density=_lkj_cholesky_log_density,
    sample=_lkj_cholesky_sample,
    signature="()->(n,n)",
)

LKJ = Distribution(
    name="LKJ",
    summary="A random correlation matrix; `eta` 1 is uniform, more is nearer I.",
    parameters={"eta": positive},
    support=correlation,
    log_density=_lkj_log_density,
    sample=_lkj_sample,
    signature="()->(n,n)",
)


def _student_log_density_of_factor(x: Any, nu: Any, mu: Any, chol: Any) -> Any:
    count = size(x)
    squared = np.sum(np.square(solve_triangular(chol, x - mu)), axis=-1)
    log_normaliser = gammaln(0.5 * nu) - gammaln(0.5 * (nu + count)) + 0.5 * count * np.log(nu)
    tail = 0.5 * (nu + count) * np.log1p(squared / nu)
    return -tail - log_normaliser - _log_diagonal(chol) - 0.5 * LOG_PI * count


def _student_sample(rng: Any, shape: Any, nu: Any, mu: Any, cov: Any) -> Any:
    values, vectors = np.linalg.eigh(cov)
    z = rng.standard_normal(shape) * np.sqrt(np.maximum(values, 0.0))
    spread = np.sqrt(rng.chisquare(nu, shape[:-1]) / nu)[..., None]
    return mu + np.matmul(vectors, z[..., None])[..., 0] / spread


MultivariateStudentT = Distribution(
    name="MultivariateStudentT",
    summary="A heavy-tailed vector: degrees of freedom `nu`, centre `mu`, scale matrix `cov`.",
    parameters={"nu": positive, "mu": real, "cov": covariance},
    alternatives=(
        Alternative(
            parameters={"nu": positive, "mu": real, "chol": cov_cholesky},
            convert=lambda nu, mu, chol: (nu, mu, gram(chol)),
            log_density=_student_log_density_of_factor,
        ),
    ),
    support=real,
    log_density=lambda x, nu, mu, cov: _student_log_density_of_factor(x, nu, mu, cholesky(cov)),
    sample=_student_sample,
    signature="(),(m),(m,m)->(m)",
    mean=lambda nu, mu, cov: np.where(nu > 1.0, mu, np.nan),
    variance=lambda nu, mu, cov: np.where(
        nu > 2.0, diag(cov) * nu / np.maximum(nu - 2.0, TINY), np.inf
    ),
    reference=lambda nu, mu, cov: scipy_stats().multivariate_t(mu, cov, df=nu),
)


def _wishart_normaliser(nu: Any, row: Any, count: Any) -> Any:
    """Return the log of the multivariate gamma function of nu / 2, with its power of 2."""
    each = gammaln(0.5 * (nu - row)) + 0.25 * LOG_PI * (count - 1.0) + 0.5 * LOG_2 * nu
    return np.sum(each, axis=-1)


def _wishart_log_density(x: Any, nu: Any, S: Any) -> Any:
    factor, scale = cholesky(x), cholesky(S)
    diagonal, count = diag(factor), size(x)
    trace = _sum_of_squares(solve_triangular_matrix(scale, factor))
    powers = (nu - count - 1.0) * _log_diagonal(factor) - nu * _log_diagonal(scale)
    return powers - 0.5 * trace - _wishart_normaliser(nu, positions(diagonal), count)


def _inverse_wishart_log_density(x: Any, nu: Any, S: Any) -> Any:
    factor, scale = cholesky(x), cholesky(S)
    diagonal, count = diag(factor), size(x)
    trace = _sum_of_squares(solve_triangular_matrix(factor, scale))
    powers = nu * _log_diagonal(scale) - (nu + count + 1.0) * _log_diagonal(factor)
    return powers - 0.5 * trace - _wishart_normaliser(nu, positions(diagonal), count)


def _wishart_sample(rng: Any, shape: Any, nu: Any, S: Any) -> Any:
    """Draw a triangle of normals over chi variables (Bartlett 1933)."""
    count = shape[-1]
    freedom = np.asarray(nu)[..., None] - np.arange(count)
    triangle = np.tril(rng.standard_normal(shape), -1)
    places = np.arange(count)
    triangle[..., places, places] = np.sqrt(rng.chisquare(freedom, shape[:-1]))
    factor = np.linalg.cholesky(S) @ triangle
    return factor @ np.swapaxes(factor, -1, -2)


def _inverse_wishart_sample(rng: Any, shape: Any, nu: Any, S: Any) -> Any:
    return np.linalg.inv(_wishart_sample(rng, shape, nu, np.linalg.inv(S)))


def _freedom(nu: Any, S: Any) -> Constraint:
    return greater_than(size(S) - 1.0)


def _freedom_fault(name: str) -> Callable[..., str | None]:
    def fault(shape: tuple[int, ...], nu: Any, *_: Any) -> str | None:
        size = shape[-1]
        if np.all(np.asarray(nu) > size - 1):
            return None
        return f"is the freedom of a `{name}` of {size} rows, which needs more than {size - 1}"

    return fault


def _wishart_variance(nu: Any, S: Any) -> Any:
    diagonal = diag(S)
    return nu * (np.square(S) + outer(diagonal, diagonal))


def _inverse_wishart_variance(nu: Any, S: Any) -> Any:
    diagonal, rest = diag(S), nu - size(S)
    both = (rest + 1.0) * np.square(S) + (rest - 1.0) * outer(diagonal, diagonal)
    below = rest * np.square(rest - 1.0) * np.maximum(rest - 3.0, TINY)
    return np.where(rest > 3.0, both / below, np.where(rest > 1.0, math.inf, np.nan))


Wishart = Distribution(
    name="Wishart",
    summary="Sum of `nu` outer products of Normal vectors with covariance `S`: mean nu S.",
    parameters={"nu": positive, "S": covariance},
    relations={"nu": _freedom},
    fault=_freedom_fault("Wishart"),
    support=covariance,
    log_density=_wishart_log_density,
    sample=_wishart_sample,
    signature="(),(m,m)->(m,m)",
    mean=lambda nu, S: nu * S,
    variance=_wishart_variance,
    reference=lambda nu, S: scipy_stats().wishart(float(nu), S),
)

InverseWishart = Distribution(
    name="InverseWishart",
    summary="The inverse has Wishart(`nu`, S^-1): mean S / (nu - p - 1).",
    parameters={"nu": positive, "S": covariance},
    relations={"nu": _freedom},
    fault=_freedom_fault("InverseWishart"),
    support=covariance,
    log_density=_inverse_wishart_log_density,
    sample=_inverse_wishart_sample,
    signature="(),(m,m)->(m,m)",
    mean=lambda nu, S: np.where(
        nu > size(S) + 1.0, S / np.maximum(nu - size(S) - 1.0, TINY), np.nan
    ),
    variance=_inverse_wishart_variance,
    reference=lambda nu, S: scipy_stats().invwishart(float(nu), S),
)


def _matrix_normal_log_density(x: Any, M: Any, row_cov: Any, col_cov: Any) -> Any:
    rows, columns = cholesky(row_cov), cholesky(col_cov)
    half = transposed(solve_triangular_matrix(rows, x - M))
    squared = _sum_of_squares(solve_triangular_matrix(columns, half))
    height, width = size(row_cov), size(col_cov)
    log_scale = width * _log_diagonal(rows) + height * _log_diagonal(columns)
    return -0.5 * squared - log_scale - HALF_LOG_2PI * height * width


def _matrix_normal_sample(rng: Any, shape: Any, M: Any, row_cov: Any, col_cov: Any) -> Any:
    rows, columns = np.linalg.cholesky(row_cov), np.linalg.cholesky(col_cov)
    return M + rows @ rng.standard_normal(shape) @ np.swapaxes(columns, -1, -2)


MatrixNormal = Distribution(
    name="MatrixNormal",
    summary="A Normal matrix with mean `M` and covariances among its rows and its columns.",
    parameters={"M": real, "row_cov": covariance, "col_cov": covariance},
    support=real,
    log_density=_matrix_normal_log_density,
    sample=_matrix_normal_sample,
    signature="(m,p),(m,m),(p,p)->(m,p)",
    mean=lambda M, row_cov, col_cov: M,
    variance=lambda M, row_cov, col_cov: outer(diag(row_cov), diag(col_cov)),
    reference=lambda M, row_cov, col_cov: scipy_stats().matrix_normal(M, row_cov, col_cov),
)
