"""Distributions over positive numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, digamma, erf, gammainc, gammaincc, gammaln, log_ndtr, ndtr, stdtr

from ppl.constraints import interior, nonnegative, positive, real
from ppl.distributions.constants import EULER, HALF_LOG_2PI, LOG_2, LOG_PI, TINY, scipy_stats
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.special import log_to_edge

half_line = interior(nonnegative)
"""With 0, where data may lie; draws do not."""

SQRT_2 = math.sqrt(2.0)


def _half_student_log_density(x: Any, nu: Any, sigma: Any) -> Any:
    log_normaliser = betaln(0.5 * nu, 0.5) + 0.5 * np.log(nu) + np.log(sigma)
    return LOG_2 - 0.5 * (nu + 1.0) * np.log1p(np.square(x / sigma) / nu) - log_normaliser


def _half_student_mean(nu: Any, sigma: Any) -> Any:
    above = np.maximum(nu - 1.0, TINY)
    log_mean = LOG_2 + 0.5 * np.log(nu) - np.log(above) - betaln(0.5 * nu, 0.5)
    return np.where(nu > 1.0, sigma * np.exp(log_mean), math.inf)


def _half_student_variance(nu: Any, sigma: Any) -> Any:
    second = np.square(sigma) * nu / np.maximum(nu - 2.0, TINY)
    return np.where(nu > 2.0, second - np.square(_half_student_mean(nu, sigma)), math.inf)


HalfNormal = Distribution(
    name="HalfNormal",
    summary="Distance from 0 of a Normal(0, `sigma`).",
    parameters={"sigma": positive},
    support=half_line,
    log_density=lambda x, sigma: (
        -0.5 * np.square(x / sigma) - np.log(sigma) + (LOG_2 - HALF_LOG_2PI)
    ),
    sample=lambda rng, size, sigma: np.abs(rng.normal(0.0, sigma, size)),
    location_scale=(None, "sigma"),
    mean=lambda sigma: sigma * math.sqrt(2.0 / math.pi),
    variance=lambda sigma: np.square(sigma) * (1.0 - 2.0 / math.pi),
    cdf=lambda x, sigma: erf(x / (SQRT_2 * sigma)),
    log_ccdf=lambda x, sigma: LOG_2 + log_ndtr(-x / sigma),
    entropy=lambda sigma: np.log(sigma) + (HALF_LOG_2PI + 0.5 - LOG_2),
    reference=lambda sigma: scipy_stats().halfnorm(scale=sigma),
)

HalfCauchy = Distribution(
    name="HalfCauchy",
    summary="Distance from 0 of a Cauchy(0, `sigma`).",
    parameters={"sigma": positive},
    support=half_line,
    log_density=lambda x, sigma: -np.log1p(np.square(x / sigma)) - np.log(sigma) + (LOG_2 - LOG_PI),
    sample=lambda rng, size, sigma: np.abs(sigma * rng.standard_cauchy(size)),
    location_scale=(None, "sigma"),
    cdf=lambda x, sigma: np.arctan(x / sigma) * (2.0 / math.pi),
    log_ccdf=lambda x, sigma: np.log(np.arctan2(sigma, x)) + (LOG_2 - LOG_PI),
    entropy=lambda sigma: np.log(sigma) + (LOG_2 + LOG_PI),
    reference=lambda sigma: scipy_stats().halfcauchy(scale=sigma),
)

HalfStudentT = Distribution(
    name="HalfStudentT",
    summary="Distance from 0 of a StudentT(`nu`, 0, `sigma`).",
    parameters={"nu": positive, "sigma": positive},
    support=half_line,
    log_density=_half_student_log_density,
    sample=lambda rng, size, nu, sigma: np.abs(sigma * rng.standard_t(nu, size)),
    location_scale=(None, "sigma"),
    mean=_half_student_mean,
    variance=_half_student_variance,
    cdf=lambda x, nu, sigma: 2.0 * stdtr(nu, x / sigma) - 1.0,
    log_ccdf=lambda x, nu, sigma: LOG_2 + log_to_edge(stdtr(nu, -x / sigma)),
)

Exponential = Distribution(
    name="Exponential",
    summary="Waiting time for an event that arrives at rate `rate`: its mean is 1 / rate.",
    parameters={"rate": positive},
    support=half_line,
    log_density=lambda x, rate: np.log(rate) - rate * x,
    sample=lambda rng, size, rate: rng.exponential(1.0 / np.asarray(rate), size),
    mean=lambda rate: 1.0 / rate,
    variance=lambda rate: 1.0 / np.square(rate),
    cdf=lambda x, rate: -np.expm1(-rate * x),
    log_ccdf=lambda x, rate: -rate * x,
    entropy=lambda rate: 1.0 - np.log(rate),
    reference=lambda rate: scipy_stats().expon(scale=1.0 / rate),
)

Gamma = Distribution(
    name="Gamma",
    summary="Waiting time until `alpha` events that arrive at rate `beta`.",
    parameters={"alpha": positive, "beta": positive},
    alternatives=(
        Alternative(
            parameters={"mu": positive, "sigma": positive},
            convert=lambda mu, sigma: (np.square(mu / sigma), mu / np.square(sigma)),
        ),
    ),
    support=positive,
    log_density=lambda x, alpha, beta: (
        (alpha - 1.0) * np.log(x) - beta * x + alpha * np.log(beta) - gammaln(alpha)
    ),
    sample=lambda rng, size, alpha, beta: rng.gamma(alpha, 1.0 / np.asarray(beta), size),
    mean=lambda alpha, beta: alpha / beta,
    variance=lambda alpha, beta: alpha / np.square(beta),
    cdf=lambda x, alpha, beta: gammainc(alpha, beta * x),
    log_ccdf=lambda x, alpha, beta: log_to_edge(gammaincc(alpha, beta * x)),
    entropy=lambda alpha, beta: (
        alpha - np.log(beta) + gammaln(alpha) + (1.0 - alpha) * digamma(alpha)
    ),
    reference=lambda alpha, beta: scipy_stats().gamma(alpha, scale=1.0 / beta),
)

InverseGamma = Distribution(
    name="InverseGamma",
    summary="1 / x has Gamma(`alpha`, `beta`): `beta` is a scale of x.",
    parameters={"alpha": positive, "beta": positive},
    support=positive,
    log_density=lambda x, alpha, beta: (
        -(alpha + 1.0) * np.log(x) - beta / x + alpha * np.log(beta) - gammaln(alpha)
    ),
    sample=lambda rng, size, alpha, beta: beta / rng.standard_gamma(alpha, size),
    location_scale=(None, "beta"),
    mean=lambda alpha, beta: np.where(alpha > 1.0, beta / np.maximum(alpha - 1.0, TINY), math.inf),
    variance=lambda alpha, beta: np.where(
        alpha > 2.0,
        np.square(beta / (alpha - 1.0)) / np.maximum(alpha - 2.0, TINY),
        math.inf,
    ),
    cdf=lambda x, alpha, beta: gammaincc(alpha, beta / x),
    log_ccdf=lambda x, alpha, beta: log_to_edge(gammainc(alpha, beta / x)),
    entropy=lambda alpha, beta: (
        alpha + np.log(beta) + gammaln(alpha) - (1.0 + alpha) * digamma(alpha)
    ),
    reference=lambda alpha, beta: scipy_stats().invgamma(alpha, scale=beta),
)

LogNormal = Distribution(
    name="LogNormal",
    summary="log x has Normal(`mu`, `sigma`).",
    parameters={"mu": real, "sigma": positive},
    support=positive,
    log_density=lambda x, mu, sigma: (
        -0.5 * np.square((np.log(x) - mu) / sigma) - np.log(x) - np.log(sigma) - HALF_LOG_2PI
    ),
    sample=lambda rng, size, mu, sigma: rng.lognormal(mu, sigma, size),
    mean=lambda mu, sigma: np.exp(mu + 0.5 * np.square(sigma)),
    variance=lambda mu, sigma: np.expm1(np.square(sigma)) * np.exp(2.0 * mu + np.square(sigma)),
    cdf=lambda x, mu, sigma: ndtr((np.log(x) - mu) / sigma),
    log_cdf=lambda x, mu, sigma: log_ndtr((np.log(x) - mu) / sigma),
    log_ccdf=lambda x, mu, sigma: log_ndtr((mu - np.log(x)) / sigma),
    entropy=lambda mu, sigma: mu + np.log(sigma) + (HALF_LOG_2PI + 0.5),
    reference=lambda mu, sigma: scipy_stats().lognorm(sigma, scale=np.exp(mu)),
)

Weibull = Distribution(
    name="Weibull",
    summary="Waiting time whose hazard grows as a power: shape `alpha`, scale `sigma`.",
    parameters={"alpha": positive, "sigma": positive},
    support=positive,
    log_density=lambda x, alpha, sigma: (
        (alpha - 1.0) * np.log(x) - (x / sigma) ** alpha + np.log(alpha) - alpha * np.log(sigma)
    ),
    sample=lambda rng, size, alpha, sigma: sigma * rng.weibull(alpha, size),
    location_scale=(None, "sigma"),
    mean=lambda alpha, sigma: sigma * np.exp(gammaln(1.0 + 1.0 / alpha)),
    variance=lambda alpha, sigma: (
        np.square(sigma)
        * (np.exp(gammaln(1.0 + 2.0 / alpha)) - np.exp(2.0 * gammaln(1.0 + 1.0 / alpha)))
    ),
    cdf=lambda x, alpha, sigma: -np.expm1(-((x / sigma) ** alpha)),
    log_ccdf=lambda x, alpha, sigma: -((x / sigma) ** alpha),
    entropy=lambda alpha, sigma: EULER * (1.0 - 1.0 / alpha) + np.log(sigma) - np.log(alpha) + 1.0,
    reference=lambda alpha, sigma: scipy_stats().weibull_min(alpha, scale=sigma),
)
