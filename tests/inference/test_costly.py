"""Where a draw costs much, fewer are taken, and the answer and its judge stay the same."""

import numpy as np
import pytest
from scipy.special import digamma, gammaln, polygamma

from ppl.guide.fullrank import FullRank
from ppl.guide.meanfield import MeanField
from ppl.guide.proposal import Proposal
from ppl.inference import calibrated, importance
from ppl.inference.infer import infer
from ppl.inference.objective import report_elbo
from ppl.inference.target import COSTLY
from tests.inference.targets import Model, gaussian, latent, regression

RNG = np.random.default_rng(4)
X = RNG.normal(size=(200, 6))
Y = X @ RNG.normal(size=6) + RNG.normal(size=200)


def costly(log_concave: bool = True):
    model, mean, sd, evidence = regression(X, Y, 2.0)
    model.work, model.log_concave = 2 * COSTLY, log_concave
    return model, mean, sd, evidence


@pytest.mark.parametrize("log_concave", [True, False])
def test_the_answer_is_the_posterior(log_concave):
    model, mean, sd, evidence = costly(log_concave)
    found = infer(model)
    assert found.verdict.word == "good"
    assert len(found.weighted.positions) == importance.FEW_DRAWS
    values, weights = found.weighted.positions, np.exp(found.weighted.log_weights)
    got, got_sd, *_ = importance.moments(values, weights)
    assert np.max(np.abs(got - mean) / sd) < 0.01
    assert np.max(np.abs(got_sd / sd - 1)) < 0.01
    assert found.log_evidence.value == pytest.approx(evidence, abs=0.001)
    assert found.elbo.value == pytest.approx(evidence, abs=0.02)


def test_fewer_gradients_than_without():
    model, *_ = costly()
    infer(model)
    plain, *_ = regression(X, Y, 2.0)
    infer(plain)
    assert model.calls < 0.7 * plain.calls


def test_parts_of_the_bound_agree_with_many_draws():
    model, mean, sd, _ = costly()
    guide = MeanField(mean, np.log(sd), np.zeros(6, dtype=bool))
    few = report_elbo(model, guide, np.random.default_rng(0))
    model.work = 0.0
    many = report_elbo(model, guide, np.random.default_rng(0))
    assert few.value == pytest.approx(many.value, abs=4 * few.standard_error)
    assert few.kl == pytest.approx(many.kl, abs=0.3)
    assert few.value == pytest.approx(few.expected_log_likelihood - few.kl)


def test_a_poor_guide_is_not_passed_by_few_draws():
    model = gaussian(np.zeros(4), np.eye(4))
    model.work = 2 * COSTLY
    narrow = MeanField(np.zeros(4), np.full(4, np.log(0.7)), np.zeros(4, dtype=bool))
    state = importance.run(model, Proposal((narrow,)), np.random.default_rng(0))
    assert len(state.log_weights) > importance.SPARING_DRAWS


RATE = 30.0


def skewed(shape: float = RATE, size: int = 8) -> Model:
    """Logs of Gamma variables, whose moments are polygamma functions."""
    model = Model((latent("x", 0, size),), lambda x: np.sum(shape * x - np.exp(x), axis=1))
    model.work = 2 * COSTLY
    return model


def around(shape: float = RATE, size: int = 8) -> Proposal:
    """Return a proposal of a guide with their moments."""
    mean, factor = np.full(size, digamma(shape)), np.eye(size) * np.sqrt(polygamma(1, shape))
    return Proposal((FullRank(mean, factor, np.zeros(size, dtype=bool)),))


def test_few_draws_are_calibrated_and_their_errors_are_honest():
    model, proposal = skewed(), around()
    mean, sd = digamma(RATE), np.sqrt(polygamma(1, RATE))
    level = 8 * gammaln(RATE)
    away, evidence = [], []
    for seed in range(12):
        state = importance.run(model, proposal, np.random.default_rng(seed))
        assert len(state.log_weights) == importance.FEW_DRAWS
        weights = np.exp(state.log_weights)
        assert weights.sum() == pytest.approx(1.0)
        got, got_sd, *_ = importance.moments(state.positions, weights)
        away.append([(got - mean) / sd, got_sd / sd - 1])
        evidence.append((state.log_evidence - level) / state.log_evidence_error)
        assert state.error < importance.ERROR
    plain = importance.FEW_DRAWS**-0.5
    assert np.sqrt(np.mean(np.square(away))) < 0.5 * plain
    assert np.max(np.abs(away)) < 3.5 * state.error
    assert np.sqrt(np.mean(np.square(evidence))) < 1.8


def test_standard_errors_of_calibrated_means():
    """Against the spread over repetitions, of means, squares, and of another function."""
    model, proposal = skewed(), around()
    guide, squares = proposal.components[0], polygamma(1, RATE)
    estimates, errors = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = proposal.place(rng.standard_normal((640, 8)), rng.random((640, 2)))
        log_proposal = proposal.log_density(x)
        raw = np.exp(model.log_joint(x) - log_proposal)
        known = calibrated.controls(guide, x, log_proposal, raw / raw.sum())
        weights = np.exp(known.calibrated())
        values = np.concatenate([x, (x - digamma(RATE)) ** 2 / squares, np.exp(x) / RATE], axis=1)
        estimates.append(weights @ values)
        errors.append(known.errors(values, weights @ values))
    spread, stated = np.std(estimates, axis=0), np.sqrt(np.mean(np.square(errors), axis=0))
    for part in np.split(spread / stated, 3):
        assert 0.75 < np.sqrt(np.mean(part**2)) < 1.2


def test_more_draws_are_weighed_where_the_guide_is_not_nearly_the_posterior():
    found = []
    for shape, narrower in ((RATE, 0.92), (12.0, 1.0)):
        guide = around(shape).components[0]
        proposal = Proposal((FullRank(guide.mean, narrower * guide.factor, guide.points),))
        state = importance.run(skewed(shape), proposal, np.random.default_rng(0))
        found.append(len(state.log_weights))
        mean, *_ = importance.moments(state.positions, np.exp(state.log_weights))
        assert np.max(np.abs(mean - digamma(shape))) < 0.1 * np.sqrt(polygamma(1, shape))
    assert found == [importance.SPARING_DRAWS, importance.FIRST_DRAWS]
