"""Distributions over intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, betaln, digamma

from ppl.constraints import (
    Constraint,
    greater_than,
    interior,
    interval,
    positive,
    real,
    unit_interval,
)
from ppl.distributions.real import _stats
from ppl.distributions.record import Alternative, Distribution


def _between(a: Any, b: Any) -> Constraint:
    return interior(interval(a, b, "both"))


Uniform = Distribution(
    name="Uniform",
    summary="Equally likely anywhere between `a` and `b`.",
    parameters={"a": real, "b": real},
    relations={"b": greater_than},
    support=_between,
    log_density=lambda x, a, b: -np.log(b - a),
    sample=lambda rng, size, a, b: rng.uniform(a, b, size),
    mean=lambda a, b: 0.5 * (a + b),
    variance=lambda a, b: np.square(b - a) / 12.0,
    cdf=lambda x, a, b: (x - a) / (b - a),
    entropy=lambda a, b: np.log(b - a),
    reference=lambda a, b: _stats().uniform(a, b - a),
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
    sample=lambda rng, size, alpha, beta: rng.beta(alpha, beta, size),
    mean=lambda alpha, beta: alpha / (alpha + beta),
    variance=lambda alpha, beta: alpha * beta / (np.square(alpha + beta) * (alpha + beta + 1.0)),
    cdf=lambda x, alpha, beta: betainc(alpha, beta, x),
    entropy=lambda alpha, beta: (
        betaln(alpha, beta)
        - (alpha - 1.0) * digamma(alpha)
        - (beta - 1.0) * digamma(beta)
        + (alpha + beta - 2.0) * digamma(alpha + beta)
    ),
    reference=lambda alpha, beta: _stats().beta(alpha, beta),
)
