"""The ELBO on fixed draws and its gradient, against closed forms and finite differences."""

import numpy as np
import pytest

from ppl.guide import Block, Layout, MeanField
from ppl.inference import mismatch
from ppl.inference.draws import fixed_draws
from ppl.inference.objective import Objective, meanfield_elbo, report_elbo

from . import targets


def objective_of(target):
    layout = Layout(target.blocks)
    return Objective(target, fixed_draws(np.random.default_rng(0), 32, layout), layout.points)


def test_fixed_draws_give_the_exact_elbo_of_a_gaussian():
    """E_q[log p] and the entropy of independent normals, in closed form."""
    precision = np.array([[2.0, 0.6], [0.6, 1.0]])
    mean, scale = np.array([0.3, -1.0]), np.array([0.5, 2.0])
    value, _, _ = meanfield_elbo(
        objective_of(targets.gaussian(np.ones(2), precision)), mean, np.log(scale)
    )
    off = mean - 1.0
    quadratic = off @ precision @ off + np.diag(precision) @ scale**2
    log_joint = 0.5 * np.linalg.slogdet(precision)[1] - np.log(2 * np.pi) - 0.5 * quadratic
    entropy = np.log(2 * np.pi) + 1 + np.log(scale).sum()
    assert value == pytest.approx(log_joint + entropy, abs=1e-12)


def test_gradients_agree_with_finite_differences():
    target, _ = targets.factor_analysis(4, 3, 1, seed=0)
    objective = objective_of(target)
    rng = np.random.default_rng(1)
    mean, log_scale = rng.normal(size=target.dimension), rng.normal(size=target.dimension) - 1
    _, by_mean, by_log_scale = meanfield_elbo(objective, mean, log_scale)
    for column in range(target.dimension):
        step = 1e-5 * np.eye(target.dimension)[column]
        up, down = (meanfield_elbo(objective, mean + h, log_scale)[0] for h in (step, -step))
        assert (up - down) / 2e-5 == pytest.approx(by_mean[column], rel=1e-5, abs=1e-6)
        up, down = (meanfield_elbo(objective, mean, log_scale + h)[0] for h in (step, -step))
        assert (up - down) / 2e-5 == pytest.approx(by_log_scale[column], rel=1e-5, abs=1e-6)


def test_draws_without_a_finite_density_make_the_elbo_minus_infinity():
    target = targets.Model(
        (Block("x", 0, 1, (), "latent"),), lambda x: np.nan * x[:, 0] if x.max() > 1 else x[:, 0]
    )
    value, by_mean, _ = meanfield_elbo(objective_of(target), np.zeros(1), np.zeros(1))
    assert value == -np.inf
    assert np.isfinite(by_mean).all()


def test_reported_elbo_has_no_error_where_the_guide_is_the_posterior():
    target = targets.gaussian(np.array([1.0, 2.0]), np.diag([4.0, 0.25]))
    guide = MeanField(np.array([1.0, 2.0]), np.log([0.5, 2.0]), np.zeros(2, dtype=bool))
    elbo = report_elbo(target, guide, np.random.default_rng(0))
    assert elbo.value == pytest.approx(0.0, abs=1e-12)
    assert elbo.standard_error < 1e-12


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_mismatch_is_the_squared_correlation_of_the_precision(correlation):
    precision = np.array([[1.0, correlation], [correlation, 1.0]])
    target = targets.gaussian(np.zeros(2), precision)
    guide = MeanField(np.zeros(2), np.zeros(2), np.zeros(2, dtype=bool))
    found = mismatch.excess(target, guide, np.random.default_rng(0))
    np.testing.assert_allclose(found, correlation**2, atol=0.25 * correlation + 0.05)
