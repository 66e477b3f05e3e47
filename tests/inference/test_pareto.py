"""Pareto fits against SciPy's maximum likelihood, and smoothing against known shapes."""

import numpy as np
import pytest
import scipy.stats

from ppl.inference.pareto import NO_TAIL, fit_pareto, smooth, tail_shapes


@pytest.mark.parametrize("shape", [-0.3, 0.1, 0.5, 0.9])
def test_fit_agrees_with_maximum_likelihood(shape):
    rng = np.random.default_rng(0)
    values = np.sort(scipy.stats.genpareto(shape, scale=3.0).rvs(2000, random_state=rng))
    fitted_shape, fitted_scale = fit_pareto(values[None])
    reference_shape, _, reference_scale = scipy.stats.genpareto.fit(values, floc=0)
    assert fitted_shape[0] == pytest.approx(reference_shape, abs=0.03)
    assert fitted_scale[0] == pytest.approx(reference_scale, rel=0.05)


@pytest.mark.parametrize("shape", [0.3, 0.6, 1.0])
def test_khat_recovers_the_tail_of_pareto_weights(shape):
    rng = np.random.default_rng(1)
    weights = (1 - rng.random((100_000, 3))) ** -shape
    shapes = tail_shapes(weights)
    np.testing.assert_allclose(shapes, shape, atol=0.2)
    assert smooth(np.log(weights[:, 0]))[1] == pytest.approx(shapes[0], abs=1e-9)


def test_smoothed_weights_keep_the_order_and_sum_to_one():
    log_weights = 2.0 * np.random.default_rng(2).standard_normal(1000) + 700
    smoothed, _ = smooth(log_weights)
    assert np.exp(smoothed).sum() == pytest.approx(1.0)
    order = np.argsort(log_weights)
    assert np.all(np.diff(smoothed[order]) >= -1e-12)


def test_smoothing_lowers_the_error_of_heavy_weights():
    """Of E[x] = 1 under Exponential(1), by draws of Exponential(1.6): weights with k = 0.375."""
    rng = np.random.default_rng(3)
    raw_error, smooth_error = [], []
    for _ in range(200):
        x = rng.exponential(1 / 1.6, 400)
        log_weights = 0.6 * x
        raw = np.exp(log_weights) / np.exp(log_weights).sum()
        raw_error.append(raw @ x - 1)
        smooth_error.append(np.exp(smooth(log_weights)[0]) @ x - 1)
    assert np.mean(np.square(smooth_error)) < 1.05 * np.mean(np.square(raw_error))


def test_constant_weights_have_no_tail():
    smoothed, khat = smooth(np.full(100, 3.0))
    assert khat == NO_TAIL
    np.testing.assert_allclose(smoothed, -np.log(100))
    assert tail_shapes(np.ones((100, 2))).tolist() == [NO_TAIL, NO_TAIL]


def test_weights_that_are_all_zero_are_hopeless():
    smoothed, khat = smooth(np.full(100, -np.inf))
    assert khat == np.inf
    np.testing.assert_allclose(smoothed, -np.log(100))


def test_few_draws_with_weight_are_hopeless():
    log_weights = np.full(4096, -np.inf)
    log_weights[:3] = 0.0
    assert smooth(log_weights)[1] == np.inf
