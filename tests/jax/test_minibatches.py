"""Steps of minibatches on JAX: the same ELBO and gradient, and the same run, as with NumPy."""

import numpy as np
import pytest

import ppl
from ppl.inference.settings import Settings
from ppl.inference.stochastic import optimise
from ppl.inference.stochastic.infer import set_up

pytest.importorskip("jax", reason="the extra `jax` is not installed")

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(90, 2)) @ RNG.normal(size=(2, 5)) > 0).astype(int)
AUTOENCODER = """
data x[N, D] in {0, 1}
dim K = 2
dim H = 4
param W1[H, K], b1[H], W2[D, H], b2[D]
for n in N {
  z[n, K] ~ Normal(0, 1)
  h[n, H] = tanh(W1 @ z[n] + b1)
  x[n, D] ~ Bernoulli(logit = W2 @ h[n] + b2)
}
guide { z[n] ~ amortized(x[n], hidden = [6]) }
"""
ROWS = """
data x[N, D]
dim K = 2
param W[D, K], s > 0
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Normal(W @ z[n], s)
}
"""
REGRESSION = """
data X[N, D], g[N] in J, y[N]
b[D] ~ Normal(0, 2)
a[J] ~ Normal(0, 1)
y ~ Normal(X @ b + a[g], 1)
guide { %s }
"""
COUNTS = {"X": RNG.normal(size=(90, 3)), "g": RNG.integers(0, 4, 90), "y": RNG.normal(size=90)}
MODELS = {
    "an encoder": (AUTOENCODER, {"x": X}, 25),
    "rows": (ROWS, {"x": RNG.normal(size=(90, 5))}, 25),
    "a joint normal": (REGRESSION % "(a, b) ~ fullrank", COUNTS, 30),
    "directions": (REGRESSION % "(a, b) ~ lowrank(2)", COUNTS, 30),
    "groups": (REGRESSION % "a ~ meanfield\nb ~ structured", COUNTS, 30),
    "counts that differ by batch": (
        "data y[N] >= 0\na ~ Normal(0, 1)\ny ~ NegativeBinomial(log = a, phi = 2)",
        {"y": RNG.integers(0, 9, 70)},
        20,
    ),
}


def plan_of(text, data, batch):
    joint = ppl.Model(text).compile(data)
    setting = set_up(joint.bound, Settings(batch=batch))
    problem = setting.problem
    return optimise.Plan(problem, 0, 1, not problem.guide.latents, 0.01)


@pytest.mark.parametrize("name", MODELS)
def test_steps_are_the_same(name):
    """Two epochs, the short batch at their ends included."""
    from ppl.inference.stochastic.on_jax import steps_for

    plan = plan_of(*MODELS[name])
    backend = steps_for(plan.problem)
    ends = []
    for taking in (optimise.take, backend.take):
        state = optimise.init(plan)
        for epoch in range(2):
            every, size = plan.problem.training, plan.problem.batch
            every = every[np.random.default_rng(epoch).permutation(len(every))]
            cut = [every[k : k + size] for k in range(0, len(every), size)]
            *_, state = taking(plan, state, cut)
            state = optimise.replace(state, epoch=epoch + 1, place=0)
        ends.append(state)
    assert backend.fault == ""
    one, two = ends
    assert one.steps == two.steps
    for part in ("numbers", "first", "second", "total"):
        np.testing.assert_allclose(getattr(two, part), getattr(one, part), rtol=1e-8, atol=1e-8)
    if one.rows is not None:
        np.testing.assert_allclose(two.rows.mean, one.rows.mean, rtol=1e-8, atol=1e-8)


def test_a_fit_is_the_same_and_again_the_same():
    model = ppl.Model(AUTOENCODER)
    fits = [model.infer(x=X, batch=30, draws=50, backend=b) for b in ("autograd", "jax", "jax")]
    assert fits[1].elbo.value == pytest.approx(fits[0].elbo.value, abs=1e-3)
    for name in ("W1", "W2"):
        assert fits[1].parameters[name].tobytes() == fits[2].parameters[name].tobytes()
    assert not any("NumPy" in note for note in fits[1].report().notes)


def test_what_numpy_computes_is_said():
    text = REGRESSION % "a ~ Normal"
    fit = ppl.Model(text).infer(COUNTS, batch=45, backend="jax", draws=50)
    assert any("computed by NumPy" in note and "named" in note for note in fit.report().notes)
