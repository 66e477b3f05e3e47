"""Batches of a plate: their average over all windows is the whole log joint, and its gradient."""

import numpy as np
import pytest

import ppl
from ppl import pipeline
from ppl.compile.apart import apart
from ppl.compile.plates import obstacle, plate_of, subsampled
from ppl.inference.stochastic.problem import places_of

RNG = np.random.default_rng(1)
FACTOR_ANALYSIS = """
data x[N, D]
dim K = 2
param W[D, K], b[D], s > 0
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Normal(W @ z[n] + b, s)
}
"""
N = 13
MISSING = RNG.normal(size=(N, 4))
MISSING[2, 1] = np.nan
CASES = {
    "logistic": (
        "data x[N, D], y[N] in {0, 1}\nb[D] ~ Normal(0, 1)\n"
        "for n in N { y[n] ~ Bernoulli(logit = x[n] @ b) }",
        {"x": RNG.normal(size=(N, 4)), "y": RNG.integers(0, 2, N)},
    ),
    "factor analysis": (FACTOR_ANALYSIS, {"x": RNG.normal(size=(N, 4))}),
    "missing": (FACTOR_ANALYSIS, {"x": MISSING}),
    "groups": (
        "data y[N], g[N] in J\nmu ~ Normal(0, 1)\ntau ~ HalfNormal(1)\na[J] ~ Normal(mu, tau)\n"
        "s ~ HalfNormal(1)\ny ~ Normal(a[g], s)",
        {"y": RNG.normal(size=N), "g": np.arange(N) % 5},
    ),
    "mixture": (
        "data x[N]\ndim K = 2\np ~ Dirichlet([1, 1])\nm[K] ~ Normal(0, 3)\n"
        "for n in N { z[n] ~ Categorical(p); x[n] ~ Normal(m[z[n]], 1) }",
        {"x": RNG.normal(size=N)},
    ),
    "standardised": (
        "data x[N], y[N]\nxs = standardize(x)\na ~ Normal(0, 1)\n"
        "for n in N { y[n] ~ Normal(a * xs[n], 1) }",
        {"x": RNG.normal(size=N), "y": RNG.normal(size=N)},
    ),
    "simplex": (
        "data x[N, D]\ndim K = 3\nparam W[D, K]\n"
        "for n in N { t[n, K] ~ Dirichlet(1); x[n, D] ~ Normal(W @ t[n], 1) }",
        {"x": RNG.normal(size=(N, 4))},
    ),
    "rates": (
        "data y[N]\ndim K = 2\na ~ Gamma(2, 1)\n"
        "for n in N { r[n, K] ~ Gamma(a, 1); y[n] ~ Poisson(sum(r[n])) }",
        {"y": RNG.poisson(2, N)},
    ),
    "shares": (
        "data y[N]\nr[N] ~ Beta(2, 1)\ny ~ Normal(r, 1)",
        {"y": RNG.normal(size=N)},
    ),
}


def bound_of(text, data):
    request, _ = ppl.Model(text)._request(None, data)
    return pipeline.bound_of(request)[1]


@pytest.mark.parametrize("name", CASES)
def test_batches_are_unbiased(name):
    text, data = CASES[name]
    bound = bound_of(text, data)
    assert obstacle(bound, "N") is None
    whole = ppl.Model(text).compile(**data)
    size = 5
    model = subsampled(bound, "N", size)
    assert model.staged is not None
    x = np.random.default_rng(2).normal(size=(3, whole.program.dimension))
    columns = {c.key: c for c in whole.program.columns}
    value, gradient = np.zeros(3), np.zeros_like(x)
    for first in range(N):
        positions = (first + np.arange(size)) % N
        places = []
        for column in model.columns:
            all_of = columns[column.key]
            each = np.arange(all_of.start, all_of.stop).reshape(all_of.shape)
            places.append((each[positions] if model.is_local(column) else each).ravel())
        here = np.concatenate(places)
        batch = model.batch(positions)
        v, g = batch.value_and_gradient(x[:, here])
        np.testing.assert_allclose(v, batch.log_joint(x[:, here]), rtol=1e-10)
        value += v / N
        np.add.at(gradient, (slice(None), here), g / N)
    expected, slope = whole.gradient.value_and_gradient(x)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_rows_kept_apart(name):
    """Each row adds what a second position like it would."""
    text, data = CASES[name]
    bound = bound_of(text, data)
    size = 6
    compiled = apart(bound, "N", size)
    if name == "mixture":
        assert compiled is None
        return
    once, twice = (subsampled(bound, "N", 1, n) for n in (1, 2))
    model = compiled.model
    x = np.random.default_rng(3).normal(size=(2, places_of(model, size).dimension))
    found = compiled.rows(np.array([7, 2]), 2)(x)
    assert found.shape == (2, size)
    many, one = places_of(model, size), places_of(once, 1)
    for row, position in enumerate((7, 7, 2, 2)):
        alone = np.empty((2, one.dimension))
        alone[:, one.globals] = x[:, many.globals]
        alone[:, one.locals[0]] = x[:, many.locals[row]]
        here = np.array([position])
        added = twice.batch(here).log_joint(alone) - once.batch(here).log_joint(alone)
        np.testing.assert_allclose(found[:, row], added, rtol=1e-9, atol=1e-9)


DEPENDENT = {
    "a series": "data x[N]\na ~ Normal(0, 1)\nx[0] ~ Normal(0, 1)\n"
    "for n in 1:N { x[n] ~ Normal(a * x[n - 1], 1) }",
    "a sum of latents": "data x[N]\nz[N] ~ Normal(0, 1)\nm = sum(z)\nx[N] ~ Normal(m, 1)",
    "the size": "data x[N]\na ~ Normal(0, 1)\nfor n in N { x[n] ~ Normal(a / N, 1) }",
    "the position": "data x[N]\na ~ Normal(0, 1)\nfor n in N { x[n] ~ Normal(a * n, 1) }",
    "a joint distribution": "data x[N]\ns ~ HalfNormal(1)\n"
    "x ~ MultivariateNormal(0, cov = s * eye(N))",
    "a parameter of its own": "data x[N]\nparam a[N]\nx ~ Normal(a, 1)",
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_positions_are_refused(name):
    bound = bound_of(DEPENDENT[name], {"x": np.arange(4.0)})
    assert obstacle(bound, "N") is not None
    assert plate_of(bound) is None


def test_the_program_is_used_again():
    """A batch runs lines of the data only: the gradient is staged once."""
    text, data = CASES["factor analysis"]
    model = subsampled(bound_of(text, data), "N", 4)
    staged = model.staged
    x = np.zeros((2, model.program.dimension))
    for first in range(3):
        model.batch(np.arange(first, first + 4)).value_and_gradient(x)
    assert model.staged is staged
