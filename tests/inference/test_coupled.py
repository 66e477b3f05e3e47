"""Latents on a chain or a grid: bands against dense algebra, fits against exact posteriors."""

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.stats

from ppl.guide import Arrow, entropy, log_density
from ppl.guide.band import factored
from ppl.inference import Settings, infer, pattern

from .targets import LOG_2PI, Model, latent, normal


def sparse(size, reach, seed):
    """A random precision in which columns up to `reach` apart, once put in order, meet."""
    rng = np.random.default_rng(seed)
    root = np.tril(rng.normal(size=(size, size))) * (
        np.abs(np.subtract.outer(*2 * [np.arange(size)])) <= reach
    )
    matrix = root @ root.T + np.eye(size)
    shuffle = rng.permutation(size)
    return matrix[np.ix_(shuffle, shuffle)], np.argsort(shuffle)


@pytest.fixture(params=[0, 1, 3])
def precision_and_band(request):
    matrix, order = sparse(9, request.param, 1)
    rows, columns = np.nonzero(matrix)
    return matrix, factored(rows, columns, matrix[rows, columns], order, request.param)


def test_a_band_solves_draws_and_whitens_as_the_dense_matrix_does(precision_and_band):
    matrix, band = precision_and_band
    values = np.random.default_rng(2).normal(size=(4, 9))
    np.testing.assert_allclose(band.solve(values), np.linalg.solve(matrix, values.T).T)
    np.testing.assert_allclose(band.variances(), np.diag(np.linalg.inv(matrix)))
    np.testing.assert_allclose(2 * band.log_determinant, np.linalg.slogdet(matrix)[1])
    np.testing.assert_allclose(band.whiten(band.place(values)), values)
    squares = np.einsum("si,ij,sj->s", values, matrix, values)
    np.testing.assert_allclose(np.sum(band.whiten(values) ** 2, axis=1), squares)


def test_what_is_not_positive_definite_has_no_band():
    matrix, order = sparse(6, 1, 3)
    matrix[2, 2] = -1.0
    rows, columns = np.nonzero(matrix)
    assert factored(rows, columns, matrix[rows, columns], order, 1) is None


def test_an_arrow_with_a_band_has_the_density_of_the_normal():
    matrix, order = sparse(6, 2, 4)
    rows, columns = np.nonzero(matrix)
    band = factored(rows, columns, matrix[rows, columns], order, 2)
    rng = np.random.default_rng(5)
    shared = np.array([False, True, False, False, False, True, False, False])
    factor, response = rng.normal(size=(2, 2)), rng.normal(size=(6, 2))
    guide = Arrow(rng.normal(size=8), shared, factor, response, band, np.zeros(8, dtype=bool))
    spread = factor @ factor.T
    whole = np.empty((8, 8))
    whole[np.ix_(shared, shared)] = spread
    whole[np.ix_(~shared, shared)] = response @ spread
    whole[np.ix_(shared, ~shared)] = whole[np.ix_(~shared, shared)].T
    whole[np.ix_(~shared, ~shared)] = response @ spread @ response.T + np.linalg.inv(matrix)
    law = scipy.stats.multivariate_normal(guide.mean, whole)
    positions = guide.place(rng.standard_normal((5, 8)))
    np.testing.assert_allclose(log_density(guide, positions), law.logpdf(positions))
    np.testing.assert_allclose(guide.scale, np.sqrt(np.diag(whole)))
    assert entropy(guide) == pytest.approx(law.entropy())
    gradients, step = rng.normal(size=(5, 8)), 1e-6
    normals = guide.whiten(positions)
    for column in range(8):
        by = step * (np.arange(8) == column)
        change = (guide.place(normals + by) - positions) / step
        expected = np.sum(change * gradients, axis=1)
        np.testing.assert_allclose(guide.pull(gradients)[:, column], expected, atol=1e-6)


def field(side, seed):
    """A Gaussian field on a grid, observed with noise: its posterior is a sparse normal."""
    rng = np.random.default_rng(seed)
    number = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate(
        [
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
        ]
    )
    seen = rng.normal(size=side * side)
    first, second = pairs.T

    def log_prior(x):
        rough = anp.sum((x[:, first] - x[:, second]) ** 2, axis=1)
        return -0.5 * rough - 0.05 * anp.sum(x**2, axis=1)

    model = Model(
        (latent("field", 0, side * side, plate=side * side),),
        log_prior,
        lambda x: anp.sum(normal(seen, x, 0.7), axis=1),
    )
    precision = np.diag(np.full(side * side, 0.1 + 1 / 0.49))
    for a, b in pairs:
        precision[a, a] += 1
        precision[b, b] += 1
        precision[a, b] -= 1
        precision[b, a] -= 1
    return model, precision, np.linalg.solve(precision, seen / 0.49)


def test_the_pattern_of_a_grid_is_found():
    model, precision, mean = field(8, 0)
    found = pattern.find(model, mean + 0.1, np.full(64, 0.5))
    there = np.zeros((64, 64), dtype=bool)
    there[found.rows, found.columns] = True
    np.testing.assert_array_equal(there, precision != 0)
    assert not found.shared.any()
    assert found.width <= 8
    meets = (precision != 0) @ (precision != 0)
    same = found.colours[:, None] == found.colours
    assert not np.any(same & meets & ~np.eye(64, dtype=bool))


def test_a_field_of_many_latents_is_exactly_right():
    model, precision, mean = field(26, 1)
    found = infer(model, Settings())
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(found.guide.mean, mean, atol=0.01)
    np.testing.assert_allclose(found.guide.scale, np.sqrt(np.diag(covariance)), rtol=0.01)
    assert found.verdict.word == "good"
    assert found.source == "importance"


def local_level(times, seed):
    """A random walk of unknown scale, observed with noise of unknown scale."""
    rng = np.random.default_rng(seed)
    seen = np.cumsum(0.5 * rng.standard_normal(times)) + rng.standard_normal(times)

    def log_prior(x):
        walk, noise, level = anp.exp(x[:, :1]), anp.exp(x[:, 1:2]), x[:, 2:]
        scales = -0.5 * walk[:, 0] ** 2 - 0.5 * noise[:, 0] ** 2 + x[:, 0] + x[:, 1]
        start = normal(level[:, 0], 0.0, 3.0)
        moves = anp.sum(normal(level[:, 1:], level[:, :-1], walk), axis=1)
        return scales + start + moves + np.log(2 / np.pi)

    def likelihood(x):
        return anp.sum(normal(seen, x[:, 2:], anp.exp(x[:, 1:2])), axis=1)

    blocks = (latent("walk", 0, 1), latent("noise", 1, 1), latent("level", 2, times, plate=times))
    return Model(blocks, log_prior, likelihood), seen


def kalman(seen, walk, noise):
    """The log likelihood at arrays of scales."""
    mean, variance, total = np.zeros_like(walk), np.full_like(walk, 9.0), np.zeros_like(walk)
    for number, value in enumerate(seen):
        variance = variance + walk**2 * (number > 0)
        wide, off = variance + noise**2, value - mean
        total -= 0.5 * (np.log(wide) + off**2 / wide + LOG_2PI)
        mean, variance = mean + variance / wide * off, variance * noise**2 / wide
    return total


def test_a_random_walk_of_unknown_scale_against_the_kalman_filter():
    model, seen = local_level(620, 2)
    found = infer(model, Settings())
    axis = np.linspace(-2.2, 0.8, 150)
    log_walk, log_noise = np.meshgrid(axis, axis, indexing="ij")
    walk, noise = np.exp(log_walk), np.exp(log_noise)
    height = kalman(seen, walk, noise) - 0.5 * walk**2 - 0.5 * noise**2 + log_walk + log_noise
    evidence = np.log(np.sum(np.exp(height - height.max()))) + height.max()
    evidence += 2 * np.log(axis[1] - axis[0]) + np.log(2 / np.pi)
    mass = np.exp(height - height.max())
    mass /= mass.sum()
    weights = np.exp(found.weighted.log_weights)
    for column, exact in enumerate((log_walk, log_noise)):
        mean = np.sum(mass * exact)
        sd = np.sqrt(np.sum(mass * (exact - mean) ** 2))
        drawn = found.weighted.positions[:, column]
        assert weights @ drawn == pytest.approx(mean, abs=0.1 * sd)
        assert np.sqrt(weights @ (drawn - weights @ drawn) ** 2) == pytest.approx(sd, rel=0.1)
    assert found.log_evidence.value == pytest.approx(evidence, abs=0.1)
    assert found.verdict.word == "good"
