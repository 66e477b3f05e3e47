"""Where a draw costs much, fewer are taken, and the answer and its judge stay the same."""

import numpy as np
import pytest

from ppl.guide.meanfield import MeanField
from ppl.guide.proposal import Proposal
from ppl.inference import importance
from ppl.inference.infer import infer
from ppl.inference.objective import report_elbo
from ppl.inference.target import COSTLY
from tests.inference.targets import gaussian, regression

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
    assert len(found.weighted.positions) == importance.SPARING_DRAWS
    values, weights = found.weighted.positions, np.exp(found.weighted.log_weights)
    got, got_sd, *_ = importance.moments(values, weights)
    assert np.max(np.abs(got - mean) / sd) < 0.1
    assert np.max(np.abs(got_sd / sd - 1)) < 0.1
    assert found.log_evidence.value == pytest.approx(evidence, abs=0.02)
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
