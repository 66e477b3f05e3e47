"""Vectors of which some entries are missing: the exact law of the rest, and of what is missing.

A Normal or Student vector without some of its entries is one of the same kind, with the rows and
columns of the scale matrix that are left. Leaving them out is written here with whole matrices, so
that each vector may lack others: a missing entry gets variance 1, no covariance, and no distance
from its centre, and adds nothing but what the count of entries takes away again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from ppl.constraints import covariance, positive, real
from ppl.distributions.constants import HALF_LOG_2PI, LOG_PI
from ppl.distributions.series import JITTER
from ppl.distributions.wrappers import Built
from ppl.primitives.matrices import cholesky, diag, diag_matrix, outer, solve_triangular


def _left(x: Any, known: Any, mu: Any, cov: Any) -> tuple[Any, Any, Any]:
    """Return the squared distance, the log determinant and the count of the known entries."""
    chol = cholesky(cov * outer(known, known) + diag_matrix(1.0 - known))
    z = solve_triangular(chol, known * (x - mu))
    log_scale = np.sum(np.log(diag(chol)), axis=-1)
    return np.sum(np.square(z), axis=-1), log_scale, np.sum(known, axis=-1)


def _normal_log_density(x: Any, known: Any, values: Any, mu: Any, cov: Any) -> Any:
    squared, log_scale, count = _left(x, known, mu, cov)
    return -0.5 * squared - log_scale - HALF_LOG_2PI * count


def _student_log_density(x: Any, known: Any, values: Any, nu: Any, mu: Any, cov: Any) -> Any:
    squared, log_scale, count = _left(x, known, mu, cov)
    log_normaliser = gammaln(0.5 * nu) - gammaln(0.5 * (nu + count)) + 0.5 * count * np.log(nu)
    tail = 0.5 * (nu + count) * np.log1p(squared / nu)
    return -tail - log_normaliser - log_scale - 0.5 * LOG_PI * count


def _gain(known: Any, cov: Any) -> tuple[Any, Any]:
    """Return what a known deviation says of the others, and the inverse of the known part."""
    inverse = np.linalg.inv(
        cov * known[..., :, None] * known[..., None, :] + _diagonal(1.0 - known)
    )
    across = cov * (1.0 - known)[..., :, None] * known[..., None, :]
    return across @ inverse, inverse


def _diagonal(values: Any) -> Any:
    return values[..., :, None] * np.eye(np.shape(values)[-1])


def _normal_sample(rng: Any, shape: Any, known: Any, values: Any, mu: Any, cov: Any) -> Any:
    """Draw a whole vector, and move it by what the known entries say (Matheron's rule)."""
    known = np.asarray(known, dtype=float)
    spread, vectors = np.linalg.eigh(cov)
    z = rng.standard_normal(shape) * np.sqrt(np.maximum(spread, 0.0))
    whole = mu + np.matmul(vectors, z[..., None])[..., 0]
    return _moved(whole, known, values, cov)


def _moved(whole: Any, known: Any, values: Any, cov: Any) -> Any:
    away = known * (values - whole)
    drawn = whole + np.matmul(_gain(known, cov)[0], away[..., None])[..., 0]
    return np.where(known > 0.0, values, drawn)


def _student_sample(
    rng: Any, shape: Any, known: Any, values: Any, nu: Any, mu: Any, cov: Any
) -> Any:
    """Draw the precision given the known entries, and given it a Normal vector."""
    known = np.asarray(known, dtype=float)
    inverse = _gain(known, cov)[1]
    away = known * (values - mu)
    squared = np.sum(away * np.matmul(inverse, away[..., None])[..., 0], axis=-1)
    freedom = nu + np.sum(known, axis=-1)
    precision = rng.chisquare(freedom, shape[:-1]) / (nu + squared)
    scaled = cov / np.asarray(precision)[..., None, None]
    return _normal_sample(rng, shape, known, values, mu, scaled)


MultivariateNormal = Built(
    name="MultivariateNormal",
    summary="The entries of a Normal vector that are not missing.",
    parameters={"known": real, "values": real, "mu": real, "cov": covariance},
    support=real,
    log_density=_normal_log_density,
    sample=_normal_sample,
    signature="(n),(n),(n),(n,n)->(n)",
)

MultivariateStudentT = Built(
    name="MultivariateStudentT",
    summary="The entries of a Student vector that are not missing.",
    parameters={"known": real, "values": real, "nu": positive, "mu": real, "cov": covariance},
    support=real,
    log_density=_student_log_density,
    sample=_student_sample,
    signature="(n),(n),(),(n),(n,n)->(n)",
)


def _jittered(cov: Any) -> Any:
    return cov + diag_matrix(JITTER + 0.0 * diag(cov))


GaussianProcess = Built(
    name="GaussianProcess",
    summary="The values of a random function at the positions that are not missing.",
    parameters={"known": real, "values": real, "mu": real, "cov": covariance},
    support=real,
    log_density=lambda x, known, values, mu, cov: _normal_log_density(
        x, known, values, mu, _jittered(cov)
    ),
    sample=lambda rng, shape, known, values, mu, cov: _normal_sample(
        rng, shape, known, values, mu, cov + JITTER * np.eye(np.shape(cov)[-1])
    ),
    signature="(n),(n),(n),(n,n)->(n)",
)

SUFFIX = " with missing entries"
PARTLY_KNOWN = {
    f"{record.name}{SUFFIX}": record
    for record in (MultivariateNormal, MultivariateStudentT, GaussianProcess)
}
"""By the name that laws have for them: records that no model can write."""
