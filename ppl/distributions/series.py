"""Distributions over whole series and functions: walks, autoregressions, Gaussian processes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.constraints import Array, Constraint, covariance, positive, positive_ordered, real
from ppl.distributions.component import Component
from ppl.distributions.constants import HALF_LOG_2PI, scipy_stats
from ppl.distributions.record import Distribution
from ppl.distributions.vector import MultivariateNormal
from ppl.distributions.wrappers import Wrapper
from ppl.primitives.lags import increments, lagged
from ppl.primitives.matrices import cholesky, diag, diag_matrix, matvec
from ppl.primitives.vectors import size

# ------------------------------------------------------------------------------------------ walks


def _walk_support(d: Component) -> Constraint:
    """Return the series whose steps are in the component's support."""
    support = d.support
    if support is real:
        return real
    if support.bijection is not None and support.ends == (0.0, math.inf):
        return positive_ordered
    return Constraint(
        name=f"steps {support.name}",
        phrase=f"series whose steps are {support.phrase}",
        range=replace(real.range, integer=support.range.integer),
        contains=lambda x: np.sum(1.0 * support.contains(increments(x)), axis=-1) == size(x),
        bijection=None,
        event_ndim=1,
    )


def _walk_log_density(x: Array, d: Component) -> Array:
    step = increments(x)
    return np.sum(d.log_density(step) + 0.0 * step, axis=-1)


def _walk_sample(rng: Any, shape: tuple[int, ...], d: Component) -> Array:
    letters, _ = d.part.letters
    along = [
        np.expand_dims(np.asarray(a), np.ndim(a) - len(group))
        for a, group in zip(d.arguments, letters, strict=True)
    ]
    return np.cumsum(replace(d, arguments=tuple(along)).sample(rng, shape), axis=-1)


RandomWalk = Wrapper(
    name="RandomWalk",
    summary="A series that starts at 0, unseen, and whose steps are independent draws from `d`.",
    parameters={},
    order=("d",),
    result=("t",),
    support=_walk_support,
    log_density=_walk_log_density,
    sample=_walk_sample,
)

# --------------------------------------------------------------------------------- autoregression


def _ar_log_density(x: Array, coefs: Array, sigma: Array) -> Array:
    z = (x - lagged(x, coefs)) / sigma
    return -0.5 * np.sum(np.square(z), axis=-1) - (np.log(sigma) + HALF_LOG_2PI) * size(x)


def _ar_sample(rng: Any, shape: tuple[int, ...], coefs: Array, sigma: Array) -> Array:
    x = rng.standard_normal(shape) * np.asarray(sigma)[..., None]
    count = np.shape(coefs)[-1]
    for t in range(1, shape[-1]):
        for k in range(min(count, t)):
            x[..., t] += np.asarray(coefs)[..., k] * x[..., t - 1 - k]
    return x


AR = Distribution(
    name="AR",
    summary="Each value is `coefs[0]` times the one before, plus `coefs[1]` times the one before "
    "that ..., plus noise with standard deviation `sigma`; before the start all are 0.",
    parameters={"coefs": real, "sigma": positive},
    support=real,
    log_density=_ar_log_density,
    sample=_ar_sample,
    signature="(p),()->(t)",
)

# ----------------------------------------------------------------------------- Gaussian processes

JITTER = 1e-8
"""Added to the covariance's diagonal, so that rounding leaves it a factor."""


def _jittered(cov: Array) -> Array:
    return cov + diag_matrix(JITTER + 0.0 * diag(cov))


GaussianProcess = Distribution(
    name="GaussianProcess",
    summary="Values of a random function at the positions `x`: a Normal vector with mean `mu` "
    "whose covariances are the kernel's. Called as `GaussianProcess(mu, exp_quad(1, 2), x)`.",
    parameters={"mu": real, "cov": covariance},
    support=real,
    log_density=lambda x, mu, cov: MultivariateNormal.log_density(x, mu, _jittered(cov)),
    place=lambda z, mu, cov: mu + matvec(cholesky(_jittered(cov)), z),
    sample=MultivariateNormal.sample,
    signature="(n),(n,n)->(n)",
    kernel="cov",
    mean=MultivariateNormal.mean,
    variance=lambda mu, cov: diag(cov) + JITTER,
    reference=lambda mu, cov: scipy_stats().multivariate_normal(mu, cov + JITTER * np.eye(len(mu))),
)
