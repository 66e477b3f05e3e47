"""What is called concave is, along random lines; and the models that it is for are found."""

import numpy as np
import pytest

import ppl
from ppl.inference.compiled import CompiledTarget
from tests.interpreter.models import CASES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
Y = RNG.integers(0, 2, 30)
HEAD = "data X[N, D], y[N], g[N]\na ~ Normal(0, 5)\nb[D] ~ Normal(0, 2)\nm = a + X @ b\n"
CONCAVE = {
    "logistic": HEAD + "y ~ Bernoulli(logit = m)",
    "log-linear": HEAD + "y ~ Poisson(log = m)",
    "weights": HEAD + "for n in N { y[n] ~ Bernoulli(logit = m[n]) weight 2 }",
    "linear": HEAD + "y ~ Normal(m, 0.5)",
    "gathered": HEAD + "for n in N { y[n] ~ Bernoulli(logit = b[g[n]]) }",
    "a negative square": HEAD + "factor -sum(m^2)",
}
OTHERS = {
    "unknown scale": HEAD + "s ~ HalfNormal(1)\ny ~ Normal(m, s)",
    "heavy tails": HEAD + "y ~ Cauchy(m, 1)",
    "a product": HEAD + "y ~ Bernoulli(logit = a * m)",
    "a square": HEAD + "factor sum(m^2)",
    "a curved predictor": HEAD + "y ~ Bernoulli(logit = exp(m))",
    "states": HEAD + "z ~ Bernoulli(0.5)\ny ~ Normal(m + z, 1)",
    "a negative weight": HEAD + "factor -sum(logp(Bernoulli(logit = m), y))",
}


def target(text, **data):
    return CompiledTarget(ppl.Model(text).compile(**data))


def bends_up(found):
    """Return how far the log joint lies above its tangents, in the worst of many points."""
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(200, found.dimension)) for _ in range(2))
    values, slopes = found.value_and_gradient(x)
    gap = found.log_joint(y) - values - np.sum(slopes * (y - x), axis=1)
    return np.max(gap / (1.0 + np.abs(values)))


@pytest.mark.parametrize("name", CONCAVE)
def test_concave_models_are_found(name):
    found = target(CONCAVE[name], X=X, y=Y, g=Y)
    assert found.log_concave
    assert bends_up(found) < 1e-10


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_called_concave(name):
    assert not target(OTHERS[name], X=X, y=Y, g=Y).log_concave


def test_every_model_that_is_called_concave_is():
    count = 0
    for case in CASES:
        joint = ppl.Model(case.text).compile(**case.data, **(case.sizes or {}))
        found = CompiledTarget(joint)
        if found.dimension and found.log_concave:
            count += 1
            assert bends_up(found) < 1e-9, case.name
    assert count > 10
