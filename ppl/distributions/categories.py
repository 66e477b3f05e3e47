"""Distributions over integers: counts among groups, ordered categories, differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, expit, gammaln, log_ndtr, ndtr, xlogy

from ppl.constraints import (
    Constraint,
    counts,
    counts_with_sum,
    integers,
    integers_between,
    nonnegative,
    ordered,
    positive,
    real,
    simplex,
)
from ppl.distributions.constants import scipy_stats
from ppl.distributions.record import Distribution
from ppl.primitives.bessel import log_bessel_series
from ppl.primitives.masses import beta_binomial_cdf, hypergeometric_cdf, skellam_cdf
from ppl.primitives.special import log1m_exp, log_to_edge
from ppl.primitives.vectors import at, positions, size

FAR = 1e6
"""Where a probit's cutpoint is as good as infinite."""


def _log_choose(n: Any, x: Any) -> Any:
    return gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)


def _beta_binomial_log_mass(x: Any, n: Any, alpha: Any, beta: Any) -> Any:
    failures = np.maximum(n - x, 0.0)
    return _log_choose(n, x) + betaln(x + alpha, failures + beta) - betaln(alpha, beta)


def _beta_binomial_variance(n: Any, alpha: Any, beta: Any) -> Any:
    total = alpha + beta
    return n * alpha * beta * (total + n) / (np.square(total) * (total + 1.0))


BetaBinomial = Distribution(
    name="BetaBinomial",
    summary="Successes among `n` trials whose probability has Beta(`alpha`, `beta`).",
    parameters={"n": counts, "alpha": positive, "beta": positive},
    support=lambda n, alpha, beta: integers_between(0, n),
    log_density=_beta_binomial_log_mass,
    sample=lambda rng, shape, n, alpha, beta: rng.binomial(
        np.asarray(n, dtype=np.int64), rng.beta(alpha, beta, shape)
    ),
    discrete=True,
    states=lambda n, alpha, beta: int(np.max(n)) + 1,
    mean=lambda n, alpha, beta: n * alpha / (alpha + beta),
    variance=_beta_binomial_variance,
    cdf=beta_binomial_cdf,
    reference=lambda n, alpha, beta: scipy_stats().betabinom(n, alpha, beta),
)


def _hypergeometric_variance(N: Any, K: Any, n: Any) -> Any:
    share = K / N
    return n * share * (1.0 - share) * (N - n) / np.maximum(N - 1.0, 1.0)


def _whole(x: Any) -> Any:
    return np.asarray(x, dtype=np.int64)


Hypergeometric = Distribution(
    name="Hypergeometric",
    summary="Marked ones among `n` taken without return from `N`, of which `K` are marked.",
    parameters={"N": counts, "K": counts, "n": counts},
    relations={
        "K": lambda N, K, n: integers_between(0, N),
        "n": lambda N, K, n: integers_between(0, N),
    },
    support=lambda N, K, n: integers_between(np.maximum(n + K - N, 0.0), np.minimum(n, K)),
    log_density=lambda x, N, K, n: (
        _log_choose(K, x) + _log_choose(N - K, n - x) - _log_choose(N, n)
    ),
    sample=lambda rng, shape, N, K, n: rng.hypergeometric(
        _whole(K), _whole(N) - _whole(K), _whole(n), shape
    ),
    discrete=True,
    states=lambda N, K, n: int(np.max(np.minimum(n, K))) + 1,
    mean=lambda N, K, n: n * K / N,
    variance=_hypergeometric_variance,
    cdf=hypergeometric_cdf,
    reference=lambda N, K, n: scipy_stats().hypergeom(N, K, n),
)


def _bounds(x: Any, eta: Any, cutpoints: Any, far: float) -> tuple[Any, Any]:
    """Return the cutpoints below and above category x, less eta; infinite at the ends."""
    last = size(cutpoints) - 1
    above = np.where(x <= last, at(cutpoints, np.minimum(x, last)) - eta, far)
    below = np.where(x > 0.0, at(cutpoints, np.maximum(x - 1.0, 0.0)) - eta, -far)
    return below, above


def _apart(below: Any, above: Any) -> tuple[Any, Any, Any]:
    """Return whether anything lies between, and both ends; others where nothing does."""
    proper = above > below
    return proper, np.where(proper, below, -1.0), np.where(proper, above, 1.0)


def _ordered_logistic_log_mass(x: Any, eta: Any, cutpoints: Any) -> Any:
    """Return the log of a difference of sigmoids, as a product that loses no digits."""
    proper, below, above = _apart(*_bounds(x, eta, cutpoints, math.inf))
    between = log1m_exp(below - above) - np.logaddexp(0.0, -above) - np.logaddexp(0.0, below)
    return np.where(proper, between, -math.inf)


def _ordered_probit_log_mass(x: Any, eta: Any, cutpoints: Any) -> Any:
    """Return the log of a difference of normal tails, taken on the side where both are small."""
    below, above = _bounds(x, eta, cutpoints, FAR)
    proper, below, above = _apart(np.maximum(below, -FAR), np.minimum(above, FAR))
    flip = below + above > 0.0
    low = log_ndtr(np.where(flip, -above, below))
    high = log_ndtr(np.where(flip, -below, above))
    return np.where(proper, high + log1m_exp(low - high), -math.inf)


def _upper(x: Any, eta: Any, cutpoints: Any) -> Any:
    """Return the cutpoint above category x, less eta; infinite at the end."""
    last = size(cutpoints) - 1
    place = np.minimum(np.maximum(np.floor(x), 0.0), last)
    return np.where(np.floor(x) <= last, at(cutpoints, place) - eta, FAR)


def _categories(eta: Any, cutpoints: Any) -> Constraint:
    return integers_between(0, size(cutpoints))


def _ordered_mean(beyond: Any) -> Any:
    """Return the mean from the probabilities that each cutpoint is passed."""
    return np.sum(beyond, axis=-1)


def _ordered_variance(beyond: Any) -> Any:
    second = np.sum((2.0 * positions(beyond) + 1.0) * beyond, axis=-1)
    return second - np.square(_ordered_mean(beyond))


def _passed(latent: Any, cutpoints: Any) -> Any:
    """Return how many cutpoints a latent number passes."""
    return np.sum(latent[..., None] > cutpoints, axis=-1)


OrderedLogistic = Distribution(
    name="OrderedLogistic",
    summary="How many `cutpoints` a Logistic(`eta`, 1) passes: an answer on an ordered scale.",
    parameters={"eta": real, "cutpoints": ordered},
    support=_categories,
    log_density=_ordered_logistic_log_mass,
    sample=lambda rng, shape, eta, cutpoints: _passed(
        rng.logistic(eta, 1.0, shape), np.asarray(cutpoints)
    ),
    signature="(),(n)->()",
    discrete=True,
    cdf=lambda x, eta, cutpoints: np.where(
        x >= size(cutpoints), 1.0, np.where(x < 0.0, 0.0, expit(_upper(x, eta, cutpoints)))
    ),
    mean=lambda eta, cutpoints: _ordered_mean(expit(eta - cutpoints)),
    variance=lambda eta, cutpoints: _ordered_variance(expit(eta - cutpoints)),
    states=lambda eta, cutpoints: int(np.shape(cutpoints)[-1]) + 1,
)

OrderedProbit = Distribution(
    name="OrderedProbit",
    summary="How many `cutpoints` a Normal(`eta`, 1) passes.",
    parameters={"eta": real, "cutpoints": ordered},
    support=_categories,
    log_density=_ordered_probit_log_mass,
    sample=lambda rng, shape, eta, cutpoints: _passed(
        rng.normal(eta, 1.0, shape), np.asarray(cutpoints)
    ),
    signature="(),(n)->()",
    discrete=True,
    cdf=lambda x, eta, cutpoints: np.where(
        x >= size(cutpoints), 1.0, np.where(x < 0.0, 0.0, ndtr(_upper(x, eta, cutpoints)))
    ),
    mean=lambda eta, cutpoints: _ordered_mean(ndtr(eta - cutpoints)),
    variance=lambda eta, cutpoints: _ordered_variance(ndtr(eta - cutpoints)),
    states=lambda eta, cutpoints: int(np.shape(cutpoints)[-1]) + 1,
)


def _skellam_log_mass(x: Any, mu1: Any, mu2: Any) -> Any:
    """Return the log mass by a Bessel function divided by its power, which allows rates of 0."""
    up, down = np.maximum(x, 0.0), np.maximum(-x, 0.0)
    powers = xlogy(up, mu1) + xlogy(down, mu2)
    return powers + log_bessel_series(np.absolute(x), mu1 * mu2) - mu1 - mu2


Skellam = Distribution(
    name="Skellam",
    summary="A Poisson(`mu1`) less a Poisson(`mu2`).",
    parameters={"mu1": nonnegative, "mu2": nonnegative},
    support=integers,
    log_density=_skellam_log_mass,
    sample=lambda rng, shape, mu1, mu2: rng.poisson(mu1, shape) - rng.poisson(mu2, shape),
    discrete=True,
    mean=lambda mu1, mu2: mu1 - mu2,
    variance=lambda mu1, mu2: mu1 + mu2,
    cdf=skellam_cdf,
    log_ccdf=lambda x, mu1, mu2: log_to_edge(skellam_cdf(-np.floor(x) - 1.0, mu2, mu1)),
    reference=lambda mu1, mu2: scipy_stats().skellam(mu1, mu2),
)


def _multinomial_sample(rng: Any, shape: Any, n: Any, p: Any) -> Any:
    p = np.asarray(p, dtype=float)
    return rng.multinomial(_whole(n), p / np.sum(p, axis=-1, keepdims=True), shape[:-1])


Multinomial = Distribution(
    name="Multinomial",
    summary="How `n` independent choices with the probabilities `p` spread.",
    parameters={"n": counts, "p": simplex},
    support=lambda n, p: counts_with_sum(n),
    log_density=lambda x, n, p: gammaln(n + 1.0) + np.sum(xlogy(x, p) - gammaln(x + 1.0), axis=-1),
    sample=_multinomial_sample,
    signature="(),(n)->(n)",
    discrete=True,
    mean=lambda n, p: n * p,
    variance=lambda n, p: n * p * (1.0 - p),
    reference=lambda n, p: scipy_stats().multinomial(n, p),
)


def _dirichlet_multinomial_log_mass(x: Any, n: Any, alpha: Any) -> Any:
    total = np.sum(alpha, axis=-1)
    each = gammaln(x + alpha) - gammaln(alpha) - gammaln(x + 1.0)
    return gammaln(n + 1.0) + gammaln(total) - gammaln(n + total) + np.sum(each, axis=-1)


def _dirichlet_multinomial_sample(rng: Any, shape: Any, n: Any, alpha: Any) -> Any:
    weights = rng.standard_gamma(alpha, shape)
    return rng.multinomial(_whole(n), weights / np.sum(weights, axis=-1, keepdims=True))


def _dirichlet_multinomial_variance(n: Any, alpha: Any) -> Any:
    total = np.sum(alpha, axis=-1)
    share = alpha / total
    return n * share * (1.0 - share) * (n + total) / (1.0 + total)


DirichletMultinomial = Distribution(
    name="DirichletMultinomial",
    summary="Multinomial whose probabilities have Dirichlet(`alpha`).",
    parameters={"n": counts, "alpha": positive},
    support=lambda n, alpha: counts_with_sum(n),
    log_density=_dirichlet_multinomial_log_mass,
    sample=_dirichlet_multinomial_sample,
    signature="(),(n)->(n)",
    discrete=True,
    mean=lambda n, alpha: n * alpha / np.sum(alpha, axis=-1),
    variance=_dirichlet_multinomial_variance,
    reference=lambda n, alpha: scipy_stats().dirichlet_multinomial(alpha, int(n)),
)
