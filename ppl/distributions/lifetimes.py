"""Distributions over positive numbers: tails, lifetimes, extremes, inverse laws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import digamma, expit, gammainc, gammaincc, gammaln, log_expit, log_ndtr, ndtr

from ppl.constraints import Constraint, at_least, interior, positive, real
from ppl.distributions.constants import EULER, HALF_LOG_2PI, LOG_2, TINY, scipy_stats
from ppl.distributions.record import Distribution
from ppl.primitives.special import log1m_exp, log1p_ratio, log_to_edge


def _gamma_function(x: Any) -> Any:
    return np.exp(gammaln(x))


def _above(value: Any, least: float, moment: Any) -> Any:
    """Return a moment that is finite where a parameter is above a number, infinite elsewhere."""
    return np.where(value > least, moment, math.inf)


Frechet = Distribution(
    name="Frechet",
    summary="The largest of many with a heavy tail: shape `alpha`, scale `sigma`.",
    parameters={"alpha": positive, "sigma": positive},
    support=positive,
    log_density=lambda x, alpha, sigma: (
        np.log(alpha)
        + alpha * np.log(sigma)
        - (alpha + 1.0) * np.log(x)
        - np.power(x / sigma, -alpha)
    ),
    sample=lambda rng, size, alpha, sigma: (
        sigma * rng.standard_exponential(size) ** (-1.0 / np.asarray(alpha))
    ),
    location_scale=(None, "sigma"),
    mean=lambda alpha, sigma: _above(
        alpha, 1.0, sigma * _gamma_function(np.maximum(1.0 - 1.0 / alpha, TINY))
    ),
    variance=lambda alpha, sigma: _above(
        alpha,
        2.0,
        np.square(sigma)
        * (
            _gamma_function(np.maximum(1.0 - 2.0 / alpha, TINY))
            - np.square(_gamma_function(np.maximum(1.0 - 1.0 / alpha, TINY)))
        ),
    ),
    cdf=lambda x, alpha, sigma: np.exp(-np.power(x / sigma, -alpha)),
    log_cdf=lambda x, alpha, sigma: -np.power(x / sigma, -alpha),
    log_ccdf=lambda x, alpha, sigma: log1m_exp(-np.power(x / sigma, -alpha)),
    entropy=lambda alpha, sigma: 1.0 + EULER * (1.0 + 1.0 / alpha) + np.log(sigma) - np.log(alpha),
    reference=lambda alpha, sigma: scipy_stats().invweibull(alpha, scale=sigma),
)

Pareto = Distribution(
    name="Pareto",
    summary="A power law with shape `alpha` above a minimum `m`.",
    parameters={"alpha": positive, "m": positive},
    support=lambda alpha, m: interior(at_least(m)),
    log_density=lambda x, alpha, m: np.log(alpha) + alpha * np.log(m) - (alpha + 1.0) * np.log(x),
    sample=lambda rng, size, alpha, m: m * np.exp(rng.standard_exponential(size) / alpha),
    mean=lambda alpha, m: _above(alpha, 1.0, alpha * m / np.maximum(alpha - 1.0, TINY)),
    variance=lambda alpha, m: _above(
        alpha, 2.0, alpha * np.square(m / (alpha - 1.0)) / np.maximum(alpha - 2.0, TINY)
    ),
    cdf=lambda x, alpha, m: -np.expm1(alpha * np.log(m / x)),
    log_ccdf=lambda x, alpha, m: alpha * np.log(m / x),
    entropy=lambda alpha, m: np.log(m) - np.log(alpha) + 1.0 + 1.0 / alpha,
    reference=lambda alpha, m: scipy_stats().pareto(alpha, scale=m),
)

ChiSquared = Distribution(
    name="ChiSquared",
    summary="Sum of `nu` squared standard normals.",
    parameters={"nu": positive},
    support=positive,
    log_density=lambda x, nu: (
        (0.5 * nu - 1.0) * np.log(x) - 0.5 * x - 0.5 * LOG_2 * nu - gammaln(0.5 * nu)
    ),
    sample=lambda rng, size, nu: rng.chisquare(nu, size),
    mean=lambda nu: nu,
    variance=lambda nu: 2.0 * nu,
    cdf=lambda x, nu: gammainc(0.5 * nu, 0.5 * x),
    log_ccdf=lambda x, nu: log_to_edge(gammaincc(0.5 * nu, 0.5 * x)),
    entropy=lambda nu: 0.5 * nu + LOG_2 + gammaln(0.5 * nu) + (1.0 - 0.5 * nu) * digamma(0.5 * nu),
    reference=lambda nu: scipy_stats().chi2(nu),
)

InverseChiSquared = Distribution(
    name="InverseChiSquared",
    summary="1 / x has ChiSquared(`nu`).",
    parameters={"nu": positive},
    support=positive,
    log_density=lambda x, nu: (
        -(0.5 * nu + 1.0) * np.log(x) - 0.5 / x - 0.5 * LOG_2 * nu - gammaln(0.5 * nu)
    ),
    sample=lambda rng, size, nu: 1.0 / rng.chisquare(nu, size),
    mean=lambda nu: _above(nu, 2.0, 1.0 / np.maximum(nu - 2.0, TINY)),
    variance=lambda nu: _above(nu, 4.0, 2.0 / (np.square(nu - 2.0) * np.maximum(nu - 4.0, TINY))),
    cdf=lambda x, nu: gammaincc(0.5 * nu, 0.5 / x),
    reference=lambda nu: scipy_stats().invgamma(0.5 * nu, scale=0.5),
)

ScaledInverseChiSquared = Distribution(
    name="ScaledInverseChiSquared",
    summary="A variance guessed to be `sigma`^2 with the weight of `nu` observations.",
    parameters={"nu": positive, "sigma": positive},
    support=positive,
    log_density=lambda x, nu, sigma: (
        0.5 * nu * np.log(0.5 * nu)
        - gammaln(0.5 * nu)
        + nu * np.log(sigma)
        - (0.5 * nu + 1.0) * np.log(x)
        - 0.5 * nu * np.square(sigma) / x
    ),
    sample=lambda rng, size, nu, sigma: nu * np.square(sigma) / rng.chisquare(nu, size),
    mean=lambda nu, sigma: _above(nu, 2.0, nu * np.square(sigma) / np.maximum(nu - 2.0, TINY)),
    variance=lambda nu, sigma: _above(
        nu,
        4.0,
        2.0 * np.square(nu * np.square(sigma) / (nu - 2.0)) / np.maximum(nu - 4.0, TINY),
    ),
    cdf=lambda x, nu, sigma: gammaincc(0.5 * nu, 0.5 * nu * np.square(sigma) / x),
    reference=lambda nu, sigma: scipy_stats().invgamma(0.5 * nu, scale=0.5 * nu * sigma**2),
)

Rayleigh = Distribution(
    name="Rayleigh",
    summary="Length of a vector of two Normal(0, `sigma`).",
    parameters={"sigma": positive},
    support=positive,
    log_density=lambda x, sigma: np.log(x) - 2.0 * np.log(sigma) - 0.5 * np.square(x / sigma),
    sample=lambda rng, size, sigma: rng.rayleigh(sigma, size),
    location_scale=(None, "sigma"),
    mean=lambda sigma: sigma * math.sqrt(0.5 * math.pi),
    variance=lambda sigma: np.square(sigma) * (2.0 - 0.5 * math.pi),
    cdf=lambda x, sigma: -np.expm1(-0.5 * np.square(x / sigma)),
    log_ccdf=lambda x, sigma: -0.5 * np.square(x / sigma),
    entropy=lambda sigma: np.log(sigma) + (1.0 - 0.5 * LOG_2 + 0.5 * EULER),
    reference=lambda sigma: scipy_stats().rayleigh(scale=sigma),
)


def _inverse_gaussian_cdf(x: Any, mu: Any, shape: Any) -> Any:
    root = np.sqrt(shape / x)
    reflected = np.exp(2.0 * shape / mu + log_ndtr(-root * (x / mu + 1.0)))
    return ndtr(root * (x / mu - 1.0)) + reflected


InverseGaussian = Distribution(
    name="InverseGaussian",
    summary="When a Brownian motion with drift first arrives: mean `mu`, shape `lambda`.",
    parameters={"mu": positive, "lambda": positive},
    support=positive,
    log_density=lambda x, mu, shape: (
        0.5 * np.log(shape)
        - 1.5 * np.log(x)
        - 0.5 * shape * np.square((x - mu) / mu) / x
        - HALF_LOG_2PI
    ),
    sample=lambda rng, size, mu, shape: rng.wald(mu, shape, size),
    mean=lambda mu, shape: mu,
    variance=lambda mu, shape: np.square(mu) * mu / shape,
    cdf=_inverse_gaussian_cdf,
    reference=lambda mu, shape: scipy_stats().invgauss(mu / shape, scale=shape),
)


def _log_logistic_log_density(x: Any, alpha: Any, beta: Any) -> Any:
    log_x = np.log(x)
    w = beta * (log_x - np.log(alpha))
    return np.log(beta) + w - log_x - 2.0 * np.logaddexp(0.0, w)


def _log_logistic_variance(alpha: Any, beta: Any) -> Any:
    angle = math.pi / beta
    second = 2.0 * angle / np.sin(2.0 * angle) - np.square(angle / np.sin(angle))
    return np.square(alpha) * second


LogLogistic = Distribution(
    name="LogLogistic",
    summary="log x has Logistic(log `alpha`, 1 / `beta`): median `alpha`, shape `beta`.",
    parameters={"alpha": positive, "beta": positive},
    support=positive,
    log_density=_log_logistic_log_density,
    sample=lambda rng, size, alpha, beta: alpha * np.exp(rng.logistic(0.0, 1.0, size) / beta),
    location_scale=(None, "alpha"),
    mean=lambda alpha, beta: _above(beta, 1.0, alpha * (math.pi / beta) / np.sin(math.pi / beta)),
    variance=lambda alpha, beta: _above(beta, 2.0, _log_logistic_variance(alpha, beta)),
    cdf=lambda x, alpha, beta: expit(beta * (np.log(x) - np.log(alpha))),
    log_cdf=lambda x, alpha, beta: log_expit(beta * (np.log(x) - np.log(alpha))),
    log_ccdf=lambda x, alpha, beta: log_expit(beta * (np.log(alpha) - np.log(x))),
    entropy=lambda alpha, beta: np.log(alpha) - np.log(beta) + 2.0,
    reference=lambda alpha, beta: scipy_stats().fisk(beta, scale=alpha),
)


def _generalized_pareto_support(mu: Any, sigma: Any, xi: Any) -> Constraint:
    """Return the numbers from mu on; a negative xi ends them at ``mu - sigma / xi``."""
    above = at_least(mu)
    return replace(
        interior(above),
        contains=lambda x: above.contains(x) & (1.0 + xi * (x - mu) / sigma > 0.0),
    )


def _generalized_pareto_hazard(x: Any, mu: Any, sigma: Any, xi: Any) -> Any:
    """Return -log of the survival: log(1 + xi z) / xi, and z where xi is 0."""
    z = (x - mu) / sigma
    return z * log1p_ratio(xi * z)


def _generalized_pareto_sample(rng: Any, size: Any, mu: Any, sigma: Any, xi: Any) -> Any:
    exponential = rng.standard_exponential(size)
    xi = np.asarray(xi)
    safe = np.where(xi == 0.0, 1.0, xi)
    return mu + sigma * np.where(xi == 0.0, exponential, np.expm1(safe * exponential) / safe)


GeneralizedPareto = Distribution(
    name="GeneralizedPareto",
    summary="Excesses over a high threshold `mu`: scale `sigma`, tail index `xi`.",
    parameters={"mu": real, "sigma": positive, "xi": real},
    support=_generalized_pareto_support,
    log_density=lambda x, mu, sigma, xi: (
        -(1.0 + xi) * _generalized_pareto_hazard(x, mu, sigma, xi) - np.log(sigma)
    ),
    sample=_generalized_pareto_sample,
    location_scale=("mu", "sigma"),
    mean=lambda mu, sigma, xi: np.where(
        xi < 1.0, mu + sigma / np.maximum(1.0 - xi, TINY), math.inf
    ),
    variance=lambda mu, sigma, xi: np.where(
        xi < 0.5,
        np.square(sigma / (1.0 - xi)) / np.maximum(1.0 - 2.0 * xi, TINY),
        math.inf,
    ),
    cdf=lambda x, mu, sigma, xi: -np.expm1(-_generalized_pareto_hazard(x, mu, sigma, xi)),
    log_ccdf=lambda x, mu, sigma, xi: -_generalized_pareto_hazard(x, mu, sigma, xi),
    entropy=lambda mu, sigma, xi: np.log(sigma) + xi + 1.0,
    reference=lambda mu, sigma, xi: scipy_stats().genpareto(xi, mu, sigma),
)
