"""Monte Carlo errors: of independent, weighted and dependent draws, against what theory says."""

import numpy as np
import pytest

import ppl
from ppl.posterior.quantity import Quantity


def quantity(values: np.ndarray, weights: np.ndarray | None = None, chains: int = 0) -> Quantity:
    count = len(values)
    weights = np.full(count, 1 / count) if weights is None else weights
    return Quantity("x", values, weights, lambda: values, chains=chains)


def test_independent_draws() -> None:
    values = np.random.default_rng(0).normal(size=(10_000, 2))
    found = quantity(values)
    assert found.mcse == pytest.approx(0.01, rel=0.05)
    assert found.ess == pytest.approx(10_000, rel=1e-6)


def test_weighted_draws_have_the_effective_number_of_kish() -> None:
    rng = np.random.default_rng(1)
    weights = rng.exponential(size=10_000)
    weights /= weights.sum()
    found = quantity(rng.normal(size=10_000), weights)
    assert found.ess == pytest.approx(1 / np.sum(weights**2), rel=0.1)


@pytest.mark.parametrize("rho", [0.0, 0.9, -0.5])
def test_chains_have_the_error_of_dependent_draws(rho: float) -> None:
    """Of an autoregressive series, the mean of n draws has variance (1 + rho) / (1 - rho) / n."""
    rng = np.random.default_rng(2)
    moves, chains = 400, 64
    values = np.empty((moves, chains))
    values[0] = rng.normal(size=chains)
    for k in range(1, moves):
        values[k] = rho * values[k - 1] + np.sqrt(1 - rho**2) * rng.normal(size=chains)
    found = quantity(values.reshape(-1), chains=chains)
    expected = np.sqrt((1 + rho) / (1 - rho) / (moves * chains))
    assert found.mcse == pytest.approx(expected, rel=0.25)
    assert found.ess == pytest.approx(1 / expected**2, rel=0.5)


def test_a_fit_by_chains_knows_them() -> None:
    text = "m ~ Normal(0, 1)\ns ~ HalfNormal(1)\ny ~ Normal(m, s)\n"
    fit = ppl.infer(text, y=[0.5, 1.0, 2.0], method="hmc")
    found = fit["m"]
    assert found.chains > 1
    assert len(found.values) % found.chains == 0
    independent = float(found.sd) / np.sqrt(len(found.values))
    assert 0.5 * independent < float(found.mcse) < 10 * independent
