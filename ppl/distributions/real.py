"""Distributions over all reals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, expit, log_expit, log_ndtr, ndtr, owens_t, stdtr

from ppl.constraints import positive, real
from ppl.distributions.constants import (
    EULER,
    HALF_LOG_2PI,
    LOG_2,
    LOG_PI,
    TINY,
    scipy_stats,
)
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.special import log1m_exp, log_to_edge

SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)


def _student_log_density(x: Any, nu: Any, mu: Any, sigma: Any) -> Any:
    z = (x - mu) / sigma
    log_normaliser = betaln(0.5 * nu, 0.5) + 0.5 * np.log(nu) + np.log(sigma)
    return -0.5 * (nu + 1.0) * np.log1p(np.square(z) / nu) - log_normaliser


def _laplace_cdf(z: Any) -> Any:
    tail = 0.5 * np.exp(-np.absolute(z))
    return np.where(z < 0.0, tail, 1.0 - tail)


def _logistic_log_density(x: Any, mu: Any, s: Any) -> Any:
    z = (x - mu) / s
    return -z - 2.0 * np.logaddexp(0.0, -z) - np.log(s)


def _gumbel_log_density(x: Any, mu: Any, beta: Any) -> Any:
    z = (x - mu) / beta
    return -z - np.exp(-z) - np.log(beta)


def _laplace_log_tail(z: Any) -> Any:
    """Return the log probability of values above z."""
    return np.where(
        z > 0.0,
        -LOG_2 - np.maximum(z, 0.0),
        np.log1p(-0.5 * np.exp(np.minimum(z, 0.0))),
    )


def _undefined_below(nu: Any, least: float, value: Any) -> Any:
    """Return a moment of Student's t, which exists above `least` degrees of freedom."""
    return np.where(nu > least, value, math.nan)


def _student_variance(nu: Any, mu: Any, sigma: Any) -> Any:
    finite = np.square(sigma) * nu / np.maximum(nu - 2.0, TINY)
    return np.where(nu > 2.0, finite, np.where(nu > 1.0, math.inf, math.nan))


def _skew(alpha: Any) -> Any:
    return alpha / np.sqrt(1.0 + np.square(alpha))


def _skew_normal_log_density(x: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
    z = (x - mu) / sigma
    return log_ndtr(alpha * z) - 0.5 * np.square(z) - np.log(sigma) + (LOG_2 - HALF_LOG_2PI)


def _skew_normal_sample(rng: Any, size: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
    skew = _skew(alpha)
    one, two = np.abs(rng.standard_normal(size)), rng.standard_normal(size)
    return mu + sigma * (skew * one + np.sqrt(1.0 - np.square(skew)) * two)


def _asymmetric_laplace_log_density(x: Any, mu: Any, b: Any, kappa: Any) -> Any:
    z = (x - mu) / b
    return np.where(z > 0.0, -z * kappa, z / kappa) - np.log(b) - np.log(kappa + 1.0 / kappa)


def _asymmetric_laplace_cdf(x: Any, mu: Any, b: Any, kappa: Any) -> Any:
    z = (x - mu) / b
    squared = np.square(kappa)
    left = squared * np.exp(np.minimum(z, 0.0) / kappa)
    right = 1.0 + squared - np.exp(-np.maximum(z, 0.0) * kappa)
    return np.where(z > 0.0, right, left) / (1.0 + squared)


def _delayed(x: Any, mu: Any, sigma: Any, nu: Any) -> Any:
    """Return the log of the exponential's survival, averaged over the Normal."""
    away, share = x - mu, sigma / nu
    return 0.5 * np.square(share) - away / nu + log_ndtr(away / sigma - share)


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
    log_cdf=lambda x, mu, sigma: log_ndtr((x - mu) / sigma),
    log_ccdf=lambda x, mu, sigma: log_ndtr((mu - x) / sigma),
    entropy=lambda mu, sigma: np.log(sigma) + (HALF_LOG_2PI + 0.5),
    reference=lambda mu, sigma: scipy_stats().norm(mu, sigma),
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
    log_ccdf=lambda x, nu, mu, sigma: log_to_edge(stdtr(nu, (mu - x) / sigma)),
    reference=lambda nu, mu, sigma: scipy_stats().t(nu, mu, sigma),
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
    cdf=lambda x, mu, sigma: np.arctan2(sigma, mu - x) / math.pi,
    log_cdf=lambda x, mu, sigma: np.log(np.arctan2(sigma, mu - x)) - LOG_PI,
    log_ccdf=lambda x, mu, sigma: np.log(np.arctan2(sigma, x - mu)) - LOG_PI,
    entropy=lambda mu, sigma: np.log(sigma) + (2.0 * LOG_2 + LOG_PI),
    reference=lambda mu, sigma: scipy_stats().cauchy(mu, sigma),
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
    cdf=lambda x, mu, b: _laplace_cdf((x - mu) / b),
    log_cdf=lambda x, mu, b: _laplace_log_tail((mu - x) / b),
    log_ccdf=lambda x, mu, b: _laplace_log_tail((x - mu) / b),
    entropy=lambda mu, b: np.log(b) + (1.0 + LOG_2),
    reference=lambda mu, b: scipy_stats().laplace(mu, b),
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
    log_cdf=lambda x, mu, s: log_expit((x - mu) / s),
    log_ccdf=lambda x, mu, s: log_expit((mu - x) / s),
    entropy=lambda mu, s: np.log(s) + 2.0,
    reference=lambda mu, s: scipy_stats().logistic(mu, s),
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
    log_cdf=lambda x, mu, beta: -np.exp(-(x - mu) / beta),
    log_ccdf=lambda x, mu, beta: log1m_exp(-np.exp(-(x - mu) / beta)),
    entropy=lambda mu, beta: np.log(beta) + (EULER + 1.0),
    reference=lambda mu, beta: scipy_stats().gumbel_r(mu, beta),
)


SkewNormal = Distribution(
    name="SkewNormal",
    summary="Normal leaning to one side: `alpha` above 0 leans right.",
    parameters={"mu": real, "sigma": positive, "alpha": real},
    support=real,
    log_density=_skew_normal_log_density,
    sample=_skew_normal_sample,
    location_scale=("mu", "sigma"),
    mean=lambda mu, sigma, alpha: mu + sigma * _skew(alpha) * SQRT_2_OVER_PI,
    variance=lambda mu, sigma, alpha: (
        np.square(sigma) * (1.0 - np.square(SQRT_2_OVER_PI * _skew(alpha)))
    ),
    cdf=lambda x, mu, sigma, alpha: ndtr((x - mu) / sigma) - 2.0 * owens_t((x - mu) / sigma, alpha),
    reference=lambda mu, sigma, alpha: scipy_stats().skewnorm(alpha, mu, sigma),
)

AsymmetricLaplace = Distribution(
    name="AsymmetricLaplace",
    summary="Laplace whose right side falls `kappa`^2 times as fast as its left.",
    parameters={"mu": real, "b": positive, "kappa": positive},
    support=real,
    log_density=_asymmetric_laplace_log_density,
    sample=lambda rng, size, mu, b, kappa: (
        mu + b * (rng.exponential(1.0, size) / kappa - rng.exponential(1.0, size) * kappa)
    ),
    location_scale=("mu", "b"),
    mean=lambda mu, b, kappa: mu + b * (1.0 / kappa - kappa),
    variance=lambda mu, b, kappa: np.square(b) * (1.0 / np.square(kappa) + np.square(kappa)),
    cdf=_asymmetric_laplace_cdf,
    entropy=lambda mu, b, kappa: 1.0 + np.log(b) + np.log(kappa + 1.0 / kappa),
    reference=lambda mu, b, kappa: scipy_stats().laplace_asymmetric(kappa, mu, b),
)

ExGaussian = Distribution(
    name="ExGaussian",
    summary="A Normal plus an exponential delay with mean `nu`, as of reaction times.",
    parameters={"mu": real, "sigma": positive, "nu": positive},
    support=real,
    log_density=lambda x, mu, sigma, nu: _delayed(x, mu, sigma, nu) - np.log(nu),
    sample=lambda rng, size, mu, sigma, nu: rng.normal(mu, sigma, size) + rng.exponential(nu, size),
    mean=lambda mu, sigma, nu: mu + nu,
    variance=lambda mu, sigma, nu: np.square(sigma) + np.square(nu),
    cdf=lambda x, mu, sigma, nu: ndtr((x - mu) / sigma) - np.exp(_delayed(x, mu, sigma, nu)),
    reference=lambda mu, sigma, nu: scipy_stats().exponnorm(nu / sigma, mu, sigma),
)


def _no_draws(rng: Any, size: Any, *arguments: Any) -> Any:
    raise ValueError("what is not normalised cannot be sampled")


Flat = Distribution(
    name="Flat",
    summary="Constant 1 on its set, never normalised.",
    parameters={},
    support=real,
    log_density=lambda x: 0.0,
    sample=_no_draws,
    normalised=False,
)

Density = Distribution(
    name="Density",
    summary="Whatever has the log density `expr`, an expression that reads the variable itself.",
    parameters={"expr": real},
    support=real,
    log_density=lambda x, expr: expr,
    sample=_no_draws,
    normalised=False,
    reads_itself=True,
)
