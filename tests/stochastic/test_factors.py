"""Factors of a guide against SciPy's densities, and their gradients against differences."""

import numpy as np
import pytest
from scipy import stats

from ppl.guide.factors import Diagonal, LowRank, Structured
from ppl.guide.named import Named
from ppl.guide.network import Network
from ppl.guide.rows import Amortized, Local, Rows


def about(size, seed=0):
    rng = np.random.default_rng(seed)
    return np.arange(size), rng.normal(size=size), np.exp(rng.normal(size=size))


FACTORS = {
    "diagonal": Diagonal(*about(5)),
    "dense": Structured(*about(4), 4),
    "structured": Structured(*about(11), 3, ((2, 3), (1, 2))),
    "each": Structured(*about(8), 0, ((4, 2),)),
    "low rank": LowRank(*about(6), 2),
}
STEP = 1e-6


def numbers_of(factor, size=0.3):
    return factor.start() + size * np.random.default_rng(3).normal(size=factor.count)


def differences(factor, numbers, normals, slopes, step):
    found = []
    for k in range(factor.count):
        up, down = numbers.copy(), numbers.copy()
        up[k] += step
        down[k] -= step
        change = factor.place(up, normals) - factor.place(down, normals)
        found.append(np.mean(np.sum(slopes * change, axis=1)) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize("name", FACTORS)
def test_gaussian_factors(name):
    factor = FACTORS[name]
    rng = np.random.default_rng(4)
    numbers, normals = numbers_of(factor), rng.normal(size=(3, factor.normals))
    assert factor.pace().size == numbers.size == factor.count
    draws = factor.place(numbers, normals)
    origin = factor.place(numbers, np.zeros((1, factor.normals)))[0]
    matrix = (factor.place(numbers, np.eye(factor.normals)) - origin).T
    law = stats.multivariate_normal(origin, matrix @ matrix.T)
    np.testing.assert_allclose(
        factor.log_density(numbers, normals, draws), law.logpdf(draws), rtol=1e-9
    )
    score = -np.linalg.solve(matrix @ matrix.T, (draws - origin).T).T
    np.testing.assert_allclose(factor.score(numbers, normals, draws), score, rtol=1e-8, atol=1e-9)
    slopes = rng.normal(size=draws.shape)
    np.testing.assert_allclose(
        factor.pull(numbers, normals, draws, slopes),
        differences(factor, numbers, normals, slopes, STEP),
        rtol=1e-6,
        atol=1e-8,
    )


LAWS = {
    "LogNormal": lambda a: stats.lognorm(a[1], scale=np.exp(a[0])),
    "Gamma": lambda a: stats.gamma(a[0], scale=1 / a[1]),
    "Weibull": lambda a: stats.weibull_min(a[0], scale=a[1]),
    "InverseGamma": lambda a: stats.invgamma(a[0], scale=a[1]),
    "Beta": lambda a: stats.beta(a[0], a[1]),
    "Normal": lambda a: stats.norm(a[0], a[1]),
    "StudentT": lambda a: stats.t(a[0], a[1], a[2]),
}


@pytest.mark.parametrize("name", LAWS)
def test_named_families(name):
    factor = Named(np.arange(2), np.array([0.3, -0.5]), np.array([0.3, 0.7]), name)
    numbers = factor.start()
    rng = np.random.default_rng(5)
    normals = rng.normal(size=(40, 2))
    draws = factor.place(numbers, normals)
    values = np.asarray(factor._values(draws))
    for k in range(2):
        arguments = [float(np.asarray(a)[k]) for a in factor._arguments(numbers)]
        np.testing.assert_allclose(
            LAWS[name](arguments).cdf(values[:, k]), stats.norm.cdf(normals[:, k]), atol=1e-9
        )
    assert np.all(np.abs(draws.mean(axis=0) - factor.centre) < 0.5)
    slopes = rng.normal(size=draws.shape)
    np.testing.assert_allclose(
        factor.pull(numbers, normals, draws, slopes),
        differences(factor, numbers, normals, slopes, 1e-5),
        rtol=1e-5,
        atol=1e-7,
    )
    step = 1e-5
    up = factor._log_density(numbers, draws + step) - factor._log_density(numbers, draws - step)
    np.testing.assert_allclose(
        factor.score(numbers, normals, draws), up / (2 * step), rtol=1e-4, atol=1e-6
    )


def test_the_network_s_reverse_pass():
    network = Network((3, 5, 4, 2))
    rng = np.random.default_rng(6)
    weights = network.start(rng) + 0.1 * rng.normal(size=network.count)
    inputs, slopes = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    outputs, layers = network.run(weights, inputs)
    assert outputs.shape == (7, 2)
    gradient = network.pull(weights, layers, slopes)
    for k in range(network.count):
        up, down = weights.copy(), weights.copy()
        up[k] += STEP
        down[k] -= STEP
        change = network.run(up, inputs)[0] - network.run(down, inputs)[0]
        assert gradient[k] == pytest.approx(np.sum(slopes * change) / (2 * STEP), abs=1e-6)


def test_the_encoder_s_gradient():
    rng = np.random.default_rng(7)
    encoder = Amortized(Network((3, 4, 4)), rng.normal(size=3), np.exp(rng.normal(size=3)))
    weights = encoder.network.start(rng) * 3
    inputs, normals = rng.normal(size=(6, 3)), rng.normal(size=(2, 6, 2))
    local = encoder.at(weights, inputs)
    slopes = rng.normal(size=normals.shape)
    gradient = encoder.pull(weights, local, normals, slopes)
    for k in range(0, weights.size, 3):
        up, down = weights.copy(), weights.copy()
        up[k] += STEP
        down[k] -= STEP
        change = encoder.at(up, inputs).place(normals) - encoder.at(down, inputs).place(normals)
        expected = np.sum(slopes * change) / (2 * STEP) / len(normals)
        assert gradient[k] == pytest.approx(expected, abs=1e-6)
    density = local.log_density(normals)
    law = stats.norm(local.mean, np.exp(local.log_scale))
    np.testing.assert_allclose(density, law.logpdf(local.place(normals)).sum(axis=2))


def test_rows_find_a_normal_posterior():
    """Natural gradients of independent normals: right after few steps, and then at rest."""
    rng = np.random.default_rng(8)
    mean, sd = rng.normal(size=(5, 2)) * 2, np.exp(rng.normal(size=(5, 2)) - 1)
    rows = Rows.empty(5, 2)
    every = np.arange(5)
    for _ in range(60):
        half = rng.normal(size=(1, 5, 2))
        normals = np.concatenate([half, -half])
        local: Local = rows.at(every)
        slopes = -(local.place(normals) - mean) / sd**2 - local.score(normals)
        rows.update(every, normals, slopes, 0.5)
    np.testing.assert_allclose(rows.mean, mean, atol=1e-3)
    np.testing.assert_allclose(rows.log_scale, np.log(sd), atol=1e-3)
