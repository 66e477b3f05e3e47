"""Models whose latents are all drawn or summed out: there is nothing to optimise."""

import numpy as np
import pytest

import ppl


def test_without_data_the_prior_is_drawn() -> None:
    fit = ppl.Model("m ~ Normal(2, 1)\nz ~ Normal(m, 1)").infer()
    assert fit["z"].mean == pytest.approx(2, abs=0.1)
    assert fit["z"].sd == pytest.approx(np.sqrt(2), rel=0.05)


def test_a_latent_that_is_summed_out_follows_bayes() -> None:
    y = np.array([1.0, 2.0])
    fit = ppl.Model("n ~ Binomial(5, 0.5)\ny ~ Normal(n, 1)").infer(y=y)
    states = np.arange(6)
    weights = np.array([1, 5, 10, 10, 5, 1]) / 32
    weights = weights * np.exp(-0.5 * np.sum((y[:, None] - states) ** 2, axis=0)) / (2 * np.pi)
    assert fit.elbo.value == pytest.approx(np.log(weights.sum()), abs=1e-10)
    assert fit["n"].mean == pytest.approx(weights @ states / weights.sum(), abs=0.05)
