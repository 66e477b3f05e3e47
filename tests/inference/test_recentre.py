"""Centring by degrees changes coordinates and nothing else; it is used where data say much."""

import numpy as np
import pytest

import ppl
from ppl.guide import MeanField
from ppl.inference import recentre
from ppl.inference.compiled import CompiledTarget

MODEL = """
data y[G], w[G]
tau ~ HalfNormal(1)
mu ~ Normal(0, 1)
for g in G { b[g] ~ Normal(mu * w[g], tau) }
y ~ Normal(b, 0.5)
"""


@pytest.fixture
def target():
    y, w = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 2.0])
    return CompiledTarget(ppl.Model(MODEL).compile(y=y, w=w))


def test_a_recentred_model_is_the_same_in_other_coordinates(target):
    degree = np.array([0.0, 0.4, 1.0])
    again = target.recentred({"b": degree})
    positions = np.random.default_rng(0).normal(size=(5, 5))
    moved = recentre.moved(target, {"b": degree}, positions)
    here, there = target.quantities(positions), again.quantities(moved)
    for name in here:
        np.testing.assert_allclose(there[name], here[name], atol=1e-12)
    jacobian = degree.sum() * np.log(here["tau"])
    before, _ = target.value_and_gradient(positions)
    after, gradient = again.value_and_gradient(moved)
    np.testing.assert_allclose(after + jacobian, before, atol=1e-10)
    step = 1e-6 * np.eye(5)
    up, down = (again.value_and_gradient(moved[:1] + s * step)[0] for s in (1, -1))
    np.testing.assert_allclose((up - down) / 2e-6, gradient[0], rtol=1e-5, atol=1e-6)


def test_degrees_follow_the_precision(target):
    scale = np.array([0.1, 0.1, 0.95, 0.2, 0.1])
    guide = MeanField(np.zeros(5), np.log(scale), np.zeros(5, dtype=bool))
    found = recentre.run(target, guide)
    assert list(found.degrees) == ["b"]
    np.testing.assert_allclose(found.degrees["b"], [0.0, 0.96, 0.99])


def test_weak_data_leave_latents_standardised(target):
    guide = MeanField(np.zeros(5), np.full(5, np.log(0.9)), np.zeros(5, dtype=bool))
    assert recentre.run(target, guide) is None


def test_many_observations_of_each_group_are_centred_and_good():
    rng = np.random.default_rng(1)
    level = rng.normal(1.0, 2.0, 40)
    group = np.repeat(np.arange(40), 20)
    y = level[group] + rng.standard_normal(800)
    model = """
    data group[N] in G, y[N]
    mu ~ Normal(0, 5)
    tau ~ HalfNormal(5)
    a[G] ~ Normal(mu, tau)
    for n in N { y[n] ~ Normal(a[group[n]], 1) }
    """
    fit = ppl.Model(model).infer(group=group, y=y, method="hmc", time_limit=100)
    means = y.reshape(40, 20).mean(axis=1)
    assert fit.verdict == "good"
    assert "a partly centred" in fit.joint.program.choices
    assert fit["mu"].mean == pytest.approx(means.mean(), abs=0.05)
    np.testing.assert_allclose(fit["a"].mean, means, atol=0.1)
    np.testing.assert_allclose(fit["a"].sd, 1 / np.sqrt(20), rtol=0.1)


PIECES = """
data y[S, 3]
m ~ Normal(0, 5)
tau ~ HalfNormal(1)
for s in S {
  d[s, 0] = 0
  d[s, 1] ~ Normal(m, tau)
  d[s, 2] ~ Normal(2 * m, tau)
}
y ~ Normal(d, 0.1)
"""


def test_pieces_of_a_variable_are_centred_each_by_itself():
    rng = np.random.default_rng(2)
    truth = np.stack([np.zeros(12), rng.normal(1, 1, 12), rng.normal(2, 1, 12)], axis=1)
    y = truth + 0.1 * rng.standard_normal((12, 3))
    pieces = CompiledTarget(ppl.Model(PIECES).compile(y=y))
    names = [block.name for block in pieces.blocks if block.variable == "d"]
    assert len(names) == 2
    degrees = dict(zip(names, rng.random((2, 12)), strict=True))
    positions = rng.normal(size=(4, pieces.dimension))
    moved = recentre.moved(pieces, degrees, positions)
    again = pieces.recentred(degrees).quantities(moved)
    np.testing.assert_allclose(again["d"], pieces.quantities(positions)["d"], atol=1e-12)
    fit = ppl.Model(PIECES).infer(y=y, seed=1, method="is")
    assert fit.verdict == "good"
    shrunken = y[:, 1:] + (np.array([1, 2]) * fit["m"].mean - y[:, 1:]) * 0.01 / (0.01 + 1)
    np.testing.assert_allclose(fit["d"].mean[:, 1:], shrunken, atol=0.02)
