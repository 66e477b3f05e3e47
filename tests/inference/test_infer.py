"""Inference end to end on targets with known answers."""

from dataclasses import replace

import autograd.numpy as anp
import numpy as np
import pytest

from ppl.inference import Settings, hmc, infer
from ppl.inference.climb import Begun
from ppl.inference.result import Rung

from . import targets
from .targets import Model, gaussian, latent, normal, parameter


def correlated(size, seed):
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + np.eye(size)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_elbo_is_the_evidence_where_the_family_contains_the_posterior(scale):
    rng = np.random.default_rng(0)
    sd = scale * np.exp(rng.normal(size=12))
    mean = scale * 30 * rng.normal(size=12)
    fit = infer(gaussian(mean, np.diag(sd**-2)))
    assert fit.elbo.value == pytest.approx(0.0, abs=1e-6)
    assert fit.log_evidence.value == pytest.approx(0.0, abs=0.02)
    np.testing.assert_allclose((fit.guide.mean - mean) / sd, 0.0, atol=0.002)
    np.testing.assert_allclose(fit.guide.scale, sd, rtol=0.002)
    assert fit.verdict.word == "good"
    assert fit.draws.shape == (4000, 12)
    np.testing.assert_allclose(fit.draws.std(axis=0), sd, rtol=0.05)


def test_elbo_is_below_the_evidence_by_the_known_gap_where_it_does_not():
    precision = correlated(6, 0)
    fit = infer(gaussian(np.ones(6), precision), Settings(guide="meanfield", method="vi"))
    gap = 0.5 * (np.sum(np.log(np.diag(precision))) - np.linalg.slogdet(precision)[1])
    assert fit.elbo.value == pytest.approx(-gap, abs=4 * fit.elbo.standard_error)
    np.testing.assert_allclose(fit.guide.scale, np.diag(precision) ** -0.5, rtol=1e-3)
    assert fit.elbo.value < 0


def test_elbo_splits_into_likelihood_and_divergence():
    model = Model(
        (latent("x", 0, 1),),
        lambda x: normal(x[:, 0], 0.0, 1.0),
        lambda x: normal(x[:, 0], 100.0, 1.0),
    )
    fit = infer(model)
    assert fit.verdict.word == "good"
    assert fit.elbo.value == pytest.approx(-0.5 * 100**2 / 2 - 0.5 * np.log(4 * np.pi), abs=1e-6)
    likelihood = -0.5 * np.log(2 * np.pi) - 0.5 * (50.0**2 + 0.5)
    assert fit.elbo.expected_log_likelihood == pytest.approx(likelihood, abs=0.5)
    assert fit.elbo.value == pytest.approx(fit.elbo.expected_log_likelihood - fit.elbo.kl)


def test_badly_scaled_regression_in_raw_units():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 5)) * [1, 10, 100, 1e3, 1e5]
    y = X @ [1, 0.1, 0.01, 1e-3, 1e-5] + rng.normal(size=300)
    model, mean, sd, _ = targets.regression(X, y, 1e3)
    fit = infer(model, Settings(guide="meanfield"))
    weights = np.exp(fit.weighted.log_weights)
    np.testing.assert_allclose((weights @ fit.weighted.positions - mean) / sd, 0.0, atol=0.05)
    assert fit.verdict.word == "good"
    assert fit.gradients < 40
    np.testing.assert_allclose(fit.draws.std(axis=0), sd, rtol=0.05)


def test_evidence_of_a_regression_is_exact_within_its_error():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -1.0, 0.5] + rng.normal(size=50)
    model, _, _, evidence = targets.regression(X, y, 2.0)
    fit = infer(model, Settings(guide="meanfield"))
    assert fit.elbo.value < evidence + 3 * fit.elbo.standard_error
    assert abs(fit.log_evidence.value - evidence) < 4 * fit.log_evidence.standard_error


def test_eight_schools_reference_and_khat():
    """Means and sds of posteriordb's reference for the non-centred model."""
    fit = infer(targets.eight_schools())
    assert fit.khat < 0.7
    assert fit.verdict.word == "good"
    weights = np.exp(fit.weighted.log_weights)
    mu, tau = fit.weighted.positions[:, 0], np.exp(fit.weighted.positions[:, 1])
    assert weights @ mu == pytest.approx(4.41, abs=0.3)
    assert weights @ tau == pytest.approx(3.62, abs=0.3)


def test_factor_analysis_finds_the_maximum_likelihood():
    """Tipping & Bishop (1999): the maximum of the marginal likelihood, in closed form."""
    model, data = targets.factor_analysis(100, 5, 1, seed=0)
    fit = infer(model)
    values, vectors = np.linalg.eigh(np.cov(data.T, bias=True))
    noise = values[:-1].mean()
    W = vectors[:, -1] * np.sqrt(values[-1] - noise)
    covariance = np.outer(W, W) + noise * np.eye(5)
    residual = data - data.mean(axis=0)
    evidence = -0.5 * (
        np.sum(residual * np.linalg.solve(covariance, residual.T).T)
        + 100 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    learned = fit.guide.mean
    np.testing.assert_allclose(np.outer(learned[:5], learned[:5]), np.outer(W, W), atol=1e-3)
    np.testing.assert_allclose(learned[5:10], data.mean(axis=0), atol=1e-3)
    assert np.exp(learned[10]) == pytest.approx(np.sqrt(noise), rel=1e-3)
    assert fit.elbo.value == pytest.approx(evidence, abs=1e-4)
    assert fit.verdict.word == "good"
    assert any("`W`" in note and "sign" in note for note in fit.notes)
    assert np.ptp(fit.draws[:, :11], axis=0).max() == 0


def test_rotation_of_two_factors_is_said():
    fit = infer(targets.factor_analysis(60, 5, 2, seed=1)[0])
    assert any("rotation" in note for note in fit.notes)


def test_parameters_alone_are_maximum_likelihood():
    data = np.arange(4.0)
    model = Model(
        (parameter("m", 0, (1,)), parameter("log_s", 1, (1,))),
        targets.nothing,
        lambda x: anp.sum(normal(data, x[:, :1], anp.exp(x[:, 1:2])), axis=1),
    )
    fit = infer(model)
    np.testing.assert_allclose(fit.guide.mean, [1.5, np.log(data.std())], atol=1e-3)
    assert fit.verdict.word == "good"
    assert fit.log_evidence is None
    assert fit.elbo.standard_error == 0


def test_funnel_is_not_called_good():
    fit = infer(targets.funnel(), Settings(time_limit=0.5))
    assert fit.verdict.word in ("fair", "poor")
    assert fit.verdict.remedy


def test_starts_that_are_not_finite_are_left():
    def prior(x):
        return normal(x[:, 0], 0.0, 1.0) + anp.where(x[:, 0] > 0.2, 0.0, anp.nan)

    fit = infer(Model((latent("x", 0, 1),), prior), Settings(time_limit=0.5))
    assert np.isfinite(fit.elbo.value)
    assert fit.verdict.word in ("fair", "poor")


@pytest.mark.parametrize(
    ("log_prior", "reason"),
    [
        (lambda x: -0.5 * x[:, 0] ** 2, "improper"),
        (lambda x: -0.5 * x[:, 0] ** 2 + 0.1 * x[:, 1], "improper"),
        (lambda x: x[:, 0] * anp.nan, "not finite"),
    ],
)
def test_what_has_no_answer_is_poor_with_a_reason(log_prior, reason):
    fit = infer(Model((latent("x", 0, 2),), log_prior))
    assert fit.verdict.word == "poor"
    assert reason in fit.verdict.reason
    assert fit.verdict.remedy


def test_a_maximum_at_infinity_is_poor():
    model = Model((parameter("b", 0, (1,)),), targets.nothing, lambda x: -anp.exp(-x[:, 0]))
    assert infer(model).verdict.word != "exact"


def wide(size, coupling):
    """Many locals, each Normal(coupling * global, 1); exact and linear in size."""

    def log_prior(x):
        centre = coupling * x[:, :1]
        return normal(x[:, 0], 0.0, 1.0) + anp.sum(normal(x[:, 1:], centre, 1.0), axis=1)

    return Model(
        (latent("top", 0, 1), latent("local", 1, size, plate=size)),
        log_prior,
        to_quantities=lambda x: {"top": x[:, 0]},
    )


def test_many_locals_cost_little_memory_and_are_not_called_good():
    fit = infer(wide(40_000, 0.0))
    assert fit.verdict.word == "fair"
    assert "slopes match" in fit.verdict.reason
    assert fit.elbo.value == pytest.approx(0.0, abs=1e-4)
    assert fit.draws.size <= 2**24


def test_many_locals_that_move_with_a_global_are_good():
    fit = infer(wide(2_000, 0.1))
    assert fit.verdict.word == "good"
    assert fit.log_evidence.value == pytest.approx(0.0, abs=0.05)


def test_many_locals_that_are_coupled_along_a_chain_are_good():
    def log_prior(x):
        steps = normal(x[:, 1:], 0.9 * x[:, :-1], 1.0)
        return normal(x[:, 0], 0.0, 1.0) + anp.sum(steps, axis=1)

    fit = infer(Model((latent("x", 0, 2_001, plate=2_001),), log_prior))
    assert fit.verdict.word == "good"
    variances = np.cumsum(0.81 ** np.arange(2_001))
    weights = np.exp(fit.weighted.log_weights)
    found = weights @ fit.weighted.positions**2
    np.testing.assert_allclose(found, variances, rtol=0.2)


def test_same_seed_same_bytes_and_other_seeds_agree():
    target = targets.eight_schools()
    first, again, other = (infer(target, Settings(seed=s, method="is")) for s in (7, 7, 8))
    assert first.draws.tobytes() == again.draws.tobytes()
    assert first.weighted.log_weights.tobytes() == again.weighted.log_weights.tobytes()
    assert first.elbo == again.elbo
    assert first.draws.tobytes() != other.draws.tobytes()
    assert first.elbo.value == pytest.approx(other.elbo.value, abs=0.3)


def test_vi_hands_out_the_guide_itself():
    fit = infer(targets.eight_schools(), Settings(method="vi", draws=500))
    assert fit.draws.shape == (500, 10)
    assert np.ptp(fit.weighted.log_weights) == 0
    np.testing.assert_allclose(
        (fit.draws.mean(axis=0) - fit.guide.mean) / fit.guide.scale, 0, atol=0.1
    )


def test_progress_hears_of_every_rung():
    heard = []
    fit = infer(targets.eight_schools(), progress=heard.append)
    assert tuple(e for e in heard if isinstance(e, Rung)) == fit.rungs
    begun = [e.name for e in heard if isinstance(e, Begun)]
    assert begun == [rung.name for rung in fit.rungs]


class Stopper:
    """Interrupts as the user would, when a rung begins."""

    def __init__(self, rung):
        self.rung = rung

    def __call__(self, event):
        if isinstance(event, Begun) and event.name == self.rung:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("rung", "reached"), [("fullrank", 1), ("importance", 2), ("hmc", 3)])
def test_an_interrupted_climb_keeps_what_it_reached(rung, reached):
    settings = Settings(method="hmc", time_limit=1.0)
    fit = infer(targets.eight_schools(), settings, Stopper(rung))
    assert fit.interrupted
    assert len(fit.rungs) >= reached
    assert rung not in [r.name for r in fit.rungs]
    assert fit.verdict.word in ("fair", "poor")
    assert fit.verdict.reason.startswith(f"Interrupted during {rung}, so this is what ")
    assert np.isfinite(fit.draws).all()
    assert len(fit.draws) == settings.draws


def test_nothing_is_kept_where_nothing_was_reached():
    with pytest.raises(KeyboardInterrupt):
        infer(targets.eight_schools(), progress=Stopper("meanfield"))


def test_interrupted_chains_are_handed_out_as_far_as_they_are(monkeypatch):
    real, steps = hmc.step, []

    def struck(problem, state):
        if len(steps) == 12:
            raise KeyboardInterrupt
        steps.append(state)
        return replace(real(problem, state), outcome="running")

    monkeypatch.setattr(hmc, "step", struck)
    fit = infer(targets.eight_schools(), Settings(method="hmc"))
    assert fit.interrupted
    assert fit.rungs[-1].name == "hmc"
    assert fit.source == "hmc"
    assert fit.verdict.reason.startswith("Interrupted during hmc, so this is as far as it came.")
    assert fit.weighted.chains == hmc.CHAINS
    assert fit.rhat is not None
