"""Distributions over intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betainc, betaln, digamma, expit, i0e, i1e, logit, ndtr

from ppl.constraints import (
    Constraint,
    at_least,
    greater_than,
    interior,
    interval,
    nonnegative,
    positive,
    real,
    unit_interval,
)
from ppl.distributions.constants import EULER, HALF_LOG_2PI, LOG_2, LOG_2PI, scipy_stats
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.angles import von_mises_integral
from ppl.primitives.special import log_to_edge


def _between(a: Any, b: Any) -> Constraint:
    return interior(interval(a, b, "both"))


def _off_the_ends(x: Any) -> Any:
    """Return proportions that rounding has put on 0 or 1 just inside."""
    return np.clip(x, np.finfo(float).tiny, 1.0 - 0.5 * np.finfo(float).eps)


def _power_mean(a: Any, b: Any, power: float) -> Any:
    """Return the mean of a power of a Kumaraswamy number."""
    return b * np.exp(betaln(1.0 + power / a, b))


def _triangular_log_density(x: Any, a: Any, c: Any, b: Any) -> Any:
    rising = np.log(x - a) - np.log(c - a)
    falling = np.log(b - x) - np.log(b - c)
    proper = np.logical_and(a <= c, c <= b)
    return np.where(proper, np.where(x < c, rising, falling) - np.log(b - a) + LOG_2, -math.inf)


def _triangular_cdf(x: Any, a: Any, c: Any, b: Any) -> Any:
    rising = np.square(x - a) / (c - a)
    falling = b - a - np.square(b - x) / (b - c)
    return np.where(x < c, rising, falling) / (b - a)


Uniform = Distribution(
    name="Uniform",
    summary="Equally likely anywhere between `a` and `b`.",
    parameters={"a": real, "b": real},
    relations={"b": lambda a, b: greater_than(a)},
    support=_between,
    log_density=lambda x, a, b: -np.log(b - a),
    sample=lambda rng, size, a, b: rng.uniform(a, b, size),
    mean=lambda a, b: 0.5 * (a + b),
    variance=lambda a, b: np.square(b - a) / 12.0,
    cdf=lambda x, a, b: (x - a) / (b - a),
    entropy=lambda a, b: np.log(b - a),
    reference=lambda a, b: scipy_stats().uniform(a, b - a),
)

Beta = Distribution(
    name="Beta",
    summary="A proportion, as after `alpha - 1` successes and `beta - 1` failures.",
    parameters={"alpha": positive, "beta": positive},
    alternatives=(
        Alternative(
            parameters={"mu": unit_interval, "kappa": positive},
            convert=lambda mu, kappa: (mu * kappa, (1.0 - mu) * kappa),
        ),
    ),
    support=unit_interval,
    log_density=lambda x, alpha, beta: (
        (alpha - 1.0) * np.log(x) + (beta - 1.0) * np.log1p(-x) - betaln(alpha, beta)
    ),
    sample=lambda rng, size, alpha, beta: _off_the_ends(rng.beta(alpha, beta, size)),
    mean=lambda alpha, beta: alpha / (alpha + beta),
    variance=lambda alpha, beta: alpha * beta / (np.square(alpha + beta) * (alpha + beta + 1.0)),
    cdf=lambda x, alpha, beta: betainc(alpha, beta, x),
    log_ccdf=lambda x, alpha, beta: log_to_edge(betainc(beta, alpha, 1.0 - x)),
    entropy=lambda alpha, beta: (
        betaln(alpha, beta)
        - (alpha - 1.0) * digamma(alpha)
        - (beta - 1.0) * digamma(beta)
        + (alpha + beta - 2.0) * digamma(alpha + beta)
    ),
    reference=lambda alpha, beta: scipy_stats().beta(alpha, beta),
)

Kumaraswamy = Distribution(
    name="Kumaraswamy",
    summary="Like Beta, with a distribution function in closed form.",
    parameters={"a": positive, "b": positive},
    support=unit_interval,
    log_density=lambda x, a, b: (
        np.log(a) + np.log(b) + (a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-(x**a))
    ),
    sample=lambda rng, size, a, b: (
        (-np.expm1(-rng.standard_exponential(size) / b)) ** (1.0 / np.asarray(a))
    ),
    mean=lambda a, b: _power_mean(a, b, 1.0),
    variance=lambda a, b: _power_mean(a, b, 2.0) - np.square(_power_mean(a, b, 1.0)),
    cdf=lambda x, a, b: -np.expm1(b * np.log1p(-(x**a))),
    entropy=lambda a, b: (
        1.0 - 1.0 / b + (1.0 - 1.0 / a) * (digamma(b + 1.0) + EULER) - np.log(a) - np.log(b)
    ),
)

Triangular = Distribution(
    name="Triangular",
    summary="Rises in a straight line from `a` to the mode `c`, falls to `b`.",
    parameters={"a": real, "c": real, "b": real},
    relations={"c": lambda a, c, b: at_least(a), "b": lambda a, c, b: at_least(c)},
    support=lambda a, c, b: _between(a, b),
    log_density=_triangular_log_density,
    sample=lambda rng, size, a, c, b: rng.triangular(a, c, b, size),
    mean=lambda a, c, b: (a + c + b) / 3.0,
    variance=lambda a, c, b: (np.square(b - a) - (c - a) * (b - c)) / 18.0,
    cdf=_triangular_cdf,
    entropy=lambda a, c, b: np.log(b - a) + (0.5 - LOG_2),
    reference=lambda a, c, b: scipy_stats().triang((c - a) / (b - a), a, b - a),
)

VonMises = Distribution(
    name="VonMises",
    summary="An angle in radians from -pi to pi, concentrated by `kappa` around `mu`. Its mean as "
    "a number would depend on where the circle is cut: look at `sin` and `cos`.",
    parameters={"mu": real, "kappa": nonnegative},
    support=_between(-math.pi, math.pi),
    log_density=lambda x, mu, kappa: (
        -2.0 * kappa * np.square(np.sin(0.5 * (x - mu))) - np.log(i0e(kappa)) - LOG_2PI
    ),
    sample=lambda rng, size, mu, kappa: rng.vonmises(mu, kappa, size),
    cdf=lambda x, mu, kappa: (
        von_mises_integral(x - mu, kappa) + von_mises_integral(mu + math.pi, kappa)
    ),
    entropy=lambda mu, kappa: (
        LOG_2PI + np.log(i0e(kappa)) + kappa * (1.0 - i1e(kappa) / i0e(kappa))
    ),
    reference=lambda mu, kappa: scipy_stats().vonmises(kappa, mu),
)

LogitNormal = Distribution(
    name="LogitNormal",
    summary="The log odds of x have Normal(`mu`, `sigma`): the median is expit(`mu`), mean and "
    "variance have no closed form.",
    parameters={"mu": real, "sigma": positive},
    support=unit_interval,
    log_density=lambda x, mu, sigma: (
        -0.5 * np.square((logit(x) - mu) / sigma)
        - np.log(x)
        - np.log1p(-x)
        - np.log(sigma)
        - HALF_LOG_2PI
    ),
    sample=lambda rng, size, mu, sigma: _off_the_ends(expit(rng.normal(mu, sigma, size))),
    cdf=lambda x, mu, sigma: ndtr((logit(x) - mu) / sigma),
)
