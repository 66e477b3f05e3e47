"""Distributions over all reals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, expit, ndtr, stdtr

from ppl.constraints import positive, real
from ppl.distributions.record import Alternative, Distribution

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
LOG_2 = math.log(2.0)
LOG_PI = math.log(math.pi)
EULER = float(np.euler_gamma)


def _stats() -> Any:
    import scipy.stats

    return scipy.stats


def _student_log_density(x: Any, nu: Any, mu: Any, sigma: Any) -> Any:
    z = (x - mu) / sigma
    log_normaliser = betaln(0.5 * nu, 0.5) + 0.5 * np.log(nu) + np.log(sigma)
    return -0.5 * (nu + 1.0) * np.log1p(np.square(z) / nu) - log_normaliser


def _logistic_log_density(x: Any, mu: Any, s: Any) -> Any:
    z = (x - mu) / s
    return -z - 2.0 * np.logaddexp(0.0, -z) - np.log(s)


def _gumbel_log_density(x: Any, mu: Any, beta: Any) -> Any:
    z = (x - mu) / beta
    return -z - np.exp(-z) - np.log(beta)


def _undefined_below(nu: Any, least: float, value: Any) -> Any:
    """Return a moment of Student's t, which exists above `least` degrees of freedom."""
    return np.where(nu > least, value, math.nan)


def _student_variance(nu: Any, mu: Any, sigma: Any) -> Any:
    finite = np.square(sigma) * nu / np.maximum(nu - 2.0, 1e-300)
    return np.where(nu > 2.0, finite, np.where(nu > 1.0, math.inf, math.nan))


Normal = Distribution(
    name="Normal",
    summary="The bell curve with mean `mu` and standard deviation `sigma`.",
    parameters={"mu": real, "sigma": positive},
    alternatives=(
        Alternative(
            parameters={"mu": real, "precision": positive},
            convert=lambda mu, precision: (mu, 1.0 / np.sqrt(precision)),
            log_density=lambda x, mu, precision: (
                -0.5 * precision * np.square(x - mu) + 0.5 * np.log(precision) - HALF_LOG_2PI
            ),
        ),
    ),
    support=real,
    log_density=lambda x, mu, sigma: (
        -0.5 * np.square((x - mu) / sigma) - np.log(sigma) - HALF_LOG_2PI
    ),
    sample=lambda rng, size, mu, sigma: rng.normal(mu, sigma, size),
    location_scale=("mu", "sigma"),
    mean=lambda mu, sigma: mu,
    variance=lambda mu, sigma: np.square(sigma),
    cdf=lambda x, mu, sigma: ndtr((x - mu) / sigma),
    entropy=lambda mu, sigma: np.log(sigma) + (HALF_LOG_2PI + 0.5),
    reference=lambda mu, sigma: _stats().norm(mu, sigma),
)

StudentT = Distribution(
    name="StudentT",
    summary="Heavier tails than Normal: `nu` degrees of freedom, location `mu`, scale `sigma`.",
    parameters={"nu": positive, "mu": real, "sigma": positive},
    support=real,
    log_density=_student_log_density,
    sample=lambda rng, size, nu, mu, sigma: mu + sigma * rng.standard_t(nu, size),
    location_scale=("mu", "sigma"),
    mean=lambda nu, mu, sigma: _undefined_below(nu, 1.0, mu),
    variance=_student_variance,
    cdf=lambda x, nu, mu, sigma: stdtr(nu, (x - mu) / sigma),
    reference=lambda nu, mu, sigma: _stats().t(nu, mu, sigma),
)

Cauchy = Distribution(
    name="Cauchy",
    summary="Very heavy tails, without a mean: median `mu`, half width at half height `sigma`.",
    parameters={"mu": real, "sigma": positive},
    support=real,
    log_density=lambda x, mu, sigma: (
        -np.log1p(np.square((x - mu) / sigma)) - np.log(sigma) - LOG_PI
    ),
    sample=lambda rng, size, mu, sigma: mu + sigma * rng.standard_cauchy(size),
    location_scale=("mu", "sigma"),
    cdf=lambda x, mu, sigma: 0.5 + np.arctan((x - mu) / sigma) / math.pi,
    entropy=lambda mu, sigma: np.log(sigma) + (2.0 * LOG_2 + LOG_PI),
    reference=lambda mu, sigma: _stats().cauchy(mu, sigma),
)

Laplace = Distribution(
    name="Laplace",
    summary="Exponential in both directions from `mu`, with mean distance `b`.",
    parameters={"mu": real, "b": positive},
    support=real,
    log_density=lambda x, mu, b: -np.absolute(x - mu) / b - np.log(b) - LOG_2,
    sample=lambda rng, size, mu, b: rng.laplace(mu, b, size),
    location_scale=("mu", "b"),
    mean=lambda mu, b: mu,
    variance=lambda mu, b: 2.0 * np.square(b),
    cdf=lambda x, mu, b: 0.5 - 0.5 * np.sign(x - mu) * np.expm1(-np.absolute(x - mu) / b),
    entropy=lambda mu, b: np.log(b) + (1.0 + LOG_2),
    reference=lambda mu, b: _stats().laplace(mu, b),
)

Logistic = Distribution(
    name="Logistic",
    summary="Its distribution function is a sigmoid around `mu` with scale `s`.",
    parameters={"mu": real, "s": positive},
    support=real,
    log_density=_logistic_log_density,
    sample=lambda rng, size, mu, s: rng.logistic(mu, s, size),
    location_scale=("mu", "s"),
    mean=lambda mu, s: mu,
    variance=lambda mu, s: np.square(s) * (math.pi**2 / 3.0),
    cdf=lambda x, mu, s: expit((x - mu) / s),
    entropy=lambda mu, s: np.log(s) + 2.0,
    reference=lambda mu, s: _stats().logistic(mu, s),
)

Gumbel = Distribution(
    name="Gumbel",
    summary="The largest of many: mode `mu`, scale `beta`.",
    parameters={"mu": real, "beta": positive},
    support=real,
    log_density=_gumbel_log_density,
    sample=lambda rng, size, mu, beta: rng.gumbel(mu, beta, size),
    location_scale=("mu", "beta"),
    mean=lambda mu, beta: mu + EULER * beta,
    variance=lambda mu, beta: np.square(beta) * (math.pi**2 / 6.0),
    cdf=lambda x, mu, beta: np.exp(-np.exp(-(x - mu) / beta)),
    entropy=lambda mu, beta: np.log(beta) + (EULER + 1.0),
    reference=lambda mu, beta: _stats().gumbel_r(mu, beta),
)


def _no_draws(rng: Any, size: Any) -> Any:
    raise ValueError("Flat is improper and cannot be sampled")


Flat = Distribution(
    name="Flat",
    summary="Constant 1 on its set, never normalised.",
    parameters={},
    support=real,
    log_density=lambda x: 0.0,
    sample=_no_draws,
    normalised=False,
)
