"""Distributions over integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betainc, expit, gammainc, gammaincc, gammaln, xlog1py, xlogy

from ppl.constraints import (
    Constraint,
    counts,
    integers,
    integers_between,
    interval,
    nonnegative,
    one_of,
    positive,
    probability,
    real,
    simplex,
)
from ppl.distributions.constants import scipy_stats
from ppl.distributions.record import Alternative, Distribution
from ppl.primitives.special import log_to_edge
from ppl.primitives.vectors import at, cumsum, logsumexp, positions, size, softmax


def _log_choose(n: Any, x: Any) -> Any:
    return gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)


def _binomial_log_mass(x: Any, n: Any, p: Any) -> Any:
    return xlogy(x, p) + xlog1py(n - x, -p) + _log_choose(n, x)


def _negative_binomial_log_mass(x: Any, mu: Any, phi: Any) -> Any:
    failures = xlogy(x, mu) - x * np.log(mu + phi) - phi * np.log1p(mu / phi)
    return failures + gammaln(x + phi) - gammaln(phi) - gammaln(x + 1.0)


def _negative_binomial_log_mass_of_log(x: Any, log: Any, phi: Any) -> Any:
    odds = log - np.log(phi)
    weight = np.logaddexp(0.0, odds)
    terms = x * (odds - weight) - phi * weight
    return terms + gammaln(x + phi) - gammaln(phi) - gammaln(x + 1.0)


def _categorical_mean(p: Any) -> Any:
    return np.sum(positions(p) * p, axis=-1)


def _categorical_sample(rng: Any, shape: Any, p: Any) -> Any:
    """Return the positions where uniforms fall among the running sums of p."""
    edges = np.cumsum(p, axis=-1)
    uniform = rng.random(shape)[..., None] * edges[..., -1:]
    return np.minimum(np.sum(uniform >= edges, axis=-1), np.shape(p)[-1] - 1)


def _discrete_uniform_log_mass(x: Any, a: Any, b: Any) -> Any:
    inside = np.logical_and(x >= a, x <= b)
    return np.where(inside, -np.log(b - a + 1.0), -math.inf)


Bernoulli = Distribution(
    name="Bernoulli",
    summary="1 with probability `p`, else 0.",
    parameters={"p": probability},
    alternatives=(
        Alternative(
            parameters={"logit": real},
            convert=lambda logit: (expit(logit),),
            log_density=lambda x, logit: x * logit - np.logaddexp(0.0, logit),
        ),
    ),
    support=one_of((0, 1)),
    log_density=lambda x, p: xlogy(x, p) + xlog1py(1.0 - x, -p),
    sample=lambda rng, shape, p: (rng.random(shape) < p).astype(float),
    discrete=True,
    states=lambda p: 2,
    mean=lambda p: p,
    variance=lambda p: p * (1.0 - p),
    cdf=lambda x, p: np.where(x < 0.0, 0.0, np.where(x < 1.0, 1.0 - p, 1.0)),
    entropy=lambda p: -xlogy(p, p) - xlog1py(1.0 - p, -p),
    reference=lambda p: scipy_stats().bernoulli(p),
)

Binomial = Distribution(
    name="Binomial",
    summary="Successes among `n` trials that each succeed with probability `p`.",
    parameters={"n": counts, "p": probability},
    alternatives=(
        Alternative(
            parameters={"n": counts, "logit": real},
            convert=lambda n, logit: (n, expit(logit)),
            log_density=lambda x, n, logit: (
                x * logit - n * np.logaddexp(0.0, logit) + _log_choose(n, x)
            ),
        ),
    ),
    support=lambda n, p: integers_between(0, n),
    log_density=_binomial_log_mass,
    sample=lambda rng, shape, n, p: rng.binomial(np.asarray(n, dtype=np.int64), p, shape),
    discrete=True,
    states=lambda n, p: int(np.max(n)) + 1,
    mean=lambda n, p: n * p,
    variance=lambda n, p: n * p * (1.0 - p),
    cdf=lambda x, n, p: np.where(
        x < 0.0,
        0.0,
        np.where(
            x >= n, 1.0, betainc(np.maximum(n - np.floor(x), 1.0), np.floor(x) + 1.0, 1.0 - p)
        ),
    ),
    reference=lambda n, p: scipy_stats().binom(n, p),
)

Poisson = Distribution(
    name="Poisson",
    summary="Number of independent events of which `mu` are expected.",
    parameters={"mu": nonnegative},
    alternatives=(
        Alternative(
            parameters={"log": real},
            convert=lambda log: (np.exp(log),),
            log_density=lambda x, log: x * log - np.exp(log) - gammaln(x + 1.0),
        ),
    ),
    support=counts,
    log_density=lambda x, mu: xlogy(x, mu) - mu - gammaln(x + 1.0),
    sample=lambda rng, shape, mu: rng.poisson(mu, shape),
    discrete=True,
    mean=lambda mu: mu,
    variance=lambda mu: mu,
    cdf=lambda x, mu: np.where(x < 0.0, 0.0, gammaincc(np.maximum(np.floor(x), 0.0) + 1.0, mu)),
    log_ccdf=lambda x, mu: np.where(
        x < 0.0, 0.0, log_to_edge(gammainc(np.maximum(np.floor(x), 0.0) + 1.0, mu))
    ),
    reference=lambda mu: scipy_stats().poisson(mu),
)

NegativeBinomial = Distribution(
    name="NegativeBinomial",
    summary="A count with mean `mu` and variance mu + mu^2 / `phi`.",
    parameters={"mu": nonnegative, "phi": positive},
    alternatives=(
        Alternative(
            parameters={"log": real, "phi": positive},
            convert=lambda log, phi: (np.exp(log), phi),
            log_density=_negative_binomial_log_mass_of_log,
        ),
    ),
    support=counts,
    log_density=_negative_binomial_log_mass,
    sample=lambda rng, shape, mu, phi: rng.poisson(
        rng.standard_gamma(phi, shape) * (np.asarray(mu) / phi)
    ),
    discrete=True,
    mean=lambda mu, phi: mu,
    variance=lambda mu, phi: mu + np.square(mu) / phi,
    cdf=lambda x, mu, phi: np.where(
        x < 0.0, 0.0, betainc(phi, np.maximum(np.floor(x), 0.0) + 1.0, phi / (mu + phi))
    ),
    log_ccdf=lambda x, mu, phi: np.where(
        x < 0.0,
        0.0,
        log_to_edge(betainc(np.maximum(np.floor(x), 0.0) + 1.0, phi, mu / (mu + phi))),
    ),
    reference=lambda mu, phi: scipy_stats().nbinom(phi, phi / (mu + phi)),
)

Geometric = Distribution(
    name="Geometric",
    summary="Failures before the first success of trials that succeed with probability `p`.",
    parameters={"p": interval(0.0, 1.0, "upper")},
    support=counts,
    log_density=lambda x, p: xlog1py(x, -p) + np.log(p),
    sample=lambda rng, shape, p: rng.geometric(p, shape) - 1,
    discrete=True,
    mean=lambda p: (1.0 - p) / p,
    variance=lambda p: (1.0 - p) / np.square(p),
    cdf=lambda x, p: np.where(
        x < 0.0, 0.0, 1.0 - np.power(1.0 - p, np.maximum(np.floor(x), 0.0) + 1.0)
    ),
    log_ccdf=lambda x, p: xlog1py(np.maximum(np.floor(x) + 1.0, 0.0), -p),
    entropy=lambda p: -(xlogy(p, p) + xlog1py(1.0 - p, -p)) / p,
    reference=lambda p: scipy_stats().geom(p, loc=-1),
)

DiscreteUniform = Distribution(
    name="DiscreteUniform",
    summary="Each integer from `a` to `b`, both included, is equally likely.",
    parameters={"a": integers, "b": integers},
    relations={"b": lambda a, b: integers_between(a, math.inf)},
    support=integers_between,
    log_density=_discrete_uniform_log_mass,
    sample=lambda rng, shape, a, b: rng.integers(
        np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64) + 1, shape
    ),
    discrete=True,
    states=lambda a, b: int(np.max(b)) + 1 if np.min(a) >= 0 else None,
    mean=lambda a, b: 0.5 * (a + b),
    variance=lambda a, b: (np.square(b - a + 1.0) - 1.0) / 12.0,
    cdf=lambda x, a, b: np.minimum(np.maximum((np.floor(x) - a + 1.0) / (b - a + 1.0), 0.0), 1.0),
    entropy=lambda a, b: np.log(b - a + 1.0),
    reference=lambda a, b: scipy_stats().randint(a, b + 1),
)


def _positions_of(p: Any) -> Constraint:
    return integers_between(0, size(p) - 1)


Categorical = Distribution(
    name="Categorical",
    summary="A position, counted from 0, with the probabilities `p`.",
    parameters={"p": simplex},
    alternatives=(
        Alternative(
            parameters={"logit": real},
            convert=lambda logit: (softmax(logit),),
            log_density=lambda x, logit: at(logit, x) - logsumexp(logit),
        ),
    ),
    support=_positions_of,
    log_density=lambda x, p: np.log(at(p, x)),
    sample=_categorical_sample,
    signature="(n)->()",
    discrete=True,
    states=lambda p: int(np.shape(p)[-1]),
    mean=_categorical_mean,
    variance=lambda p: (
        np.sum(np.square(positions(p)) * p, axis=-1) - np.square(_categorical_mean(p))
    ),
    cdf=lambda x, p: np.where(
        x < 0.0, 0.0, at(cumsum(p), np.minimum(np.maximum(np.floor(x), 0.0), size(p) - 1.0))
    ),
    entropy=lambda p: -np.sum(xlogy(p, p), axis=-1),
)
