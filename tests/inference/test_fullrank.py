"""The full-rank rung against exact Gaussians and closed forms."""

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.stats

from ppl.guide import FullRank, entropy, log_density
from ppl.inference import Settings, fullrank, infer
from ppl.inference.draws import white_draws

from . import targets
from .targets import Model, gaussian, latent, normal


def correlated(size, seed):
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + np.eye(size)


def start(size, scale=0.1):
    return FullRank(np.zeros(size), scale * np.eye(size), np.zeros(size, dtype=bool))


def test_guide_agrees_with_scipy():
    points = np.array([False, True, False])
    factor = np.array([[2.0, 0.3], [-0.5, 0.7]])
    guide = FullRank(np.array([1.0, 5.0, -2.0]), factor, points)
    normals = np.random.default_rng(0).standard_normal((7, 2))
    positions = guide.place(normals)
    reference = scipy.stats.multivariate_normal([1.0, -2.0], factor @ factor.T)
    np.testing.assert_allclose(log_density(guide, positions), reference.logpdf(positions[:, ::2]))
    np.testing.assert_allclose(guide.whiten(positions), normals, atol=1e-12)
    assert entropy(guide) == pytest.approx(reference.entropy())
    assert np.all(positions[:, 1] == 5.0)
    np.testing.assert_allclose(guide.scale[::2], np.sqrt(np.diag(factor @ factor.T)))


@pytest.mark.parametrize("size", [1, 5, 40])
def test_a_gaussian_is_met_exactly(size):
    precision = correlated(size, size)
    mean = 3 * np.random.default_rng(1).normal(size=size)
    count = fullrank.draws_needed(size)
    normals = white_draws(np.random.default_rng(0), count, size)
    objective = fullrank.Objective(gaussian(mean, precision), normals, np.ones(size))
    state = fullrank.run(objective, start(size))
    assert state.converged
    assert state.elbo == pytest.approx(0.0, abs=1e-6)
    covariance = state.guide.factor @ state.guide.factor.T
    np.testing.assert_allclose(covariance @ precision, np.eye(size), atol=0.03)
    np.testing.assert_allclose(state.guide.mean, mean, atol=0.03)


def test_elbo_never_falls():
    model = targets.eight_schools()
    normals = white_draws(np.random.default_rng(0), 64, 10)
    objective = fullrank.Objective(model, normals, np.ones(10))
    state = fullrank.init(objective, start(10, 0.3))
    for _ in range(15):
        before, state = state, fullrank.step(objective, state)
        assert state.elbo >= before.elbo - 1e-6


def test_raw_units_and_correlation_are_solved_to_the_evidence():
    rng = np.random.default_rng(3)
    X = np.c_[np.ones(200), rng.normal(3e4, 1e4, 200), rng.normal(0.01, 0.002, 200)]
    y = X @ [1e3, 2e-3, 5e4] + rng.normal(size=200)
    model, mean, sd, _ = targets.regression(X, y, 1e6)
    fit = infer(model)
    assert fit.verdict.word == "good"
    np.testing.assert_allclose((fit.guide.mean - mean) / sd, 0.0, atol=0.02)
    np.testing.assert_allclose(fit.guide.scale, sd, rtol=0.02)


def test_learned_parameters_move_with_a_correlated_guide():
    """y ~ Normal(X b, s), b ~ Normal(0, 1), s learned: type-II maximum likelihood."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(40, 2)) @ [[1.0, 0.9], [0.0, 0.3]]
    y = X @ [1.0, -0.5] + 0.5 * rng.normal(size=40)
    model = Model(
        (targets.parameter("log_s", 0, (1,)), latent("b", 1, 2)),
        lambda x: anp.sum(normal(x[:, 1:], 0.0, 1.0), axis=1),
        lambda x: anp.sum(normal(y, anp.dot(x[:, 1:], X.T), anp.exp(x[:, :1])), axis=1),
    )
    fit = infer(model)
    grid = np.linspace(-1.2, 0.2, 2001)
    evidence = [
        scipy.stats.multivariate_normal(
            np.zeros(40), X @ X.T + np.exp(2 * log_s) * np.eye(40)
        ).logpdf(y)
        for log_s in grid
    ]
    assert fit.guide.mean[0] == pytest.approx(grid[np.argmax(evidence)], abs=0.005)
    assert fit.elbo.value == pytest.approx(max(evidence), abs=1e-3)
    assert fit.verdict.word == "good"
    assert isinstance(fit.guide, FullRank)


def test_meanfield_can_be_forced():
    fit = infer(gaussian(np.ones(4), correlated(4, 2)), Settings(guide="meanfield", method="vi"))
    assert [rung.name for rung in fit.rungs] == ["meanfield", "importance"]
    assert fit.source == "guide"
    assert fit.verdict.word != "good"
