"""Gradients of whole models against NumPy written by hand: equal, and about as fast or faster."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from benchmarks.speed.by_hand import BY_HAND
from tests.timing import ratio

DRAWS = 64


def _schools(rng):
    return {"y": rng.normal(8.0, 10.0, 8), "sigma": rng.uniform(9.0, 18.0, 8)}


def _logistic(rng):
    X = rng.normal(size=(3000, 3))
    return {"X": X, "y": rng.binomial(1, 1.0 / (1.0 + np.exp(-X[:, 0])))}


def _mixture(rng):
    return {"y": np.concatenate([rng.normal(-2, 1, 500), rng.normal(2, 0.5, 500)])}


MODELS = {
    "eight schools": (
        """
data y[J]
data sigma[J] > 0
mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)
y ~ Normal(theta, sigma)
""",
        _schools,
        2.0,
    ),
    "logistic": (
        """
data X[N, D], y[N] in {0, 1}
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
y ~ Bernoulli(logit = a + X @ b)
""",
        _logistic,
        1.0,
    ),
    "mixture": (
        """
data y[N]
dim K = 2
w ~ Uniform(0, 1)
mu[K] ~ Normal(0, 5)
s[K] ~ HalfNormal(2)
for n in N {
  z[n] ~ Bernoulli(w)
  y[n] ~ Normal(mu[z[n]], s[z[n]])
}
""",
        _mixture,
        2.0,
    ),
}
"""Text, data, and the ratio of times that is allowed: about twice what it is."""


@pytest.mark.parametrize("name", MODELS)
def test_gradient_is_that_written_by_hand_and_as_fast(name):
    text, make, bound = MODELS[name]
    rng = np.random.default_rng(1)
    data = make(rng)
    joint = ppl.Model(text).compile(data)
    x = 0.3 * rng.normal(size=(DRAWS, joint.program.dimension))
    by_hand, staged = BY_HAND[name](data), joint.gradient
    for found, expected in zip(staged.value_and_gradient(x), by_hand(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    calls = 100 if name == "eight schools" else 5

    def repeated(function):
        return lambda: [function(x) for _ in range(calls)]

    assert ratio(repeated(staged.value_and_gradient), repeated(by_hand), bound=bound) < bound
