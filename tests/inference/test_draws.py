"""The fixed and the stratified draws keep what they promise."""

import numpy as np
import pytest
import scipy.stats

from ppl.guide import Block, Layout
from ppl.inference.draws import (
    antithetic_normals,
    fixed_draws,
    stratified_normals,
    systematic_resample,
    white_draws,
)

LAYOUT = Layout(
    (
        Block("local", 0, 40, (40,), "latent", plate=40),
        Block("top", 40, 43, (3,), "latent", plate=3),
    )
)


def test_fixed_draws_are_antithetic_of_unit_mean_square_and_orthogonal_for_globals():
    draws = fixed_draws(np.random.default_rng(0), 32, LAYOUT)
    np.testing.assert_array_equal(draws[:16], -draws[16:])
    covariance = draws.T @ draws / 32
    np.testing.assert_allclose(np.diag(covariance), 1.0, rtol=1e-12)
    np.testing.assert_allclose(covariance[40:, 40:], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(covariance[40:, :40], 0.0, atol=1e-12)


def test_white_draws_have_exactly_the_identity_as_covariance():
    draws = white_draws(np.random.default_rng(0), 40, 10)
    np.testing.assert_allclose(draws.T @ draws / 40, np.eye(10), atol=1e-12)
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=1e-15)


@pytest.mark.parametrize("make", [stratified_normals, antithetic_normals])
def test_every_column_is_stratified_and_normal(make):
    draws = make(np.random.default_rng(0), 256, 5)
    strata = np.floor(scipy.stats.norm.cdf(draws) * 256).astype(int)
    for column in strata.T:
        assert sorted(column) == list(range(256))


def test_systematic_resampling_gives_each_draw_its_share():
    weights = np.array([0.5, 0.0, 0.3, 0.2])
    chosen = systematic_resample(np.random.default_rng(0), weights, 1000)
    assert np.abs(np.bincount(chosen, minlength=4) - 1000 * weights).max() <= 1


def test_same_seed_same_bytes():
    first, second = (fixed_draws(np.random.default_rng(3), 32, LAYOUT) for _ in range(2))
    assert first.tobytes() == second.tobytes()
