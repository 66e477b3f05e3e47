"""The arrow guide against dense linear algebra, and the rung on posteriors of that form."""

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.stats

from ppl.guide import Arrow, entropy, log_density
from ppl.guide.band import diagonal_band
from ppl.inference import Settings, infer

from .targets import LOG_2PI, Model, latent


@pytest.fixture
def guide():
    rng = np.random.default_rng(0)
    return Arrow(
        rng.normal(size=7),
        np.array([False, True, False, False, True, False, False]),
        rng.normal(size=(2, 2)) + 2 * np.eye(2),
        rng.normal(size=(4, 2)),
        diagonal_band(np.exp(rng.normal(size=4))),
        np.array([False, False, False, True, False, False, False]),
    )


def covariance(guide):
    """Put together from how globals vary and how locals follow."""
    spread = guide.factor @ guide.factor.T
    free = np.flatnonzero(~guide.points)
    whole = np.zeros((7, 7))
    first = np.flatnonzero(guide.shared)
    rest = np.array([i for i in free if i not in first])
    whole[np.ix_(first, first)] = spread
    whole[np.ix_(rest, first)] = guide.response @ spread
    whole[np.ix_(first, rest)] = spread @ guide.response.T
    whole[np.ix_(rest, rest)] = guide.response @ spread @ guide.response.T + np.diag(
        guide.band.variances()
    )
    return whole[np.ix_(free, free)], free


def test_density_scale_and_entropy_are_those_of_the_normal(guide):
    matrix, free = covariance(guide)
    law = scipy.stats.multivariate_normal(guide.mean[free], matrix)
    positions = guide.place(np.random.default_rng(1).standard_normal((5, 6)))
    np.testing.assert_allclose(log_density(guide, positions), law.logpdf(positions[:, free]))
    assert entropy(guide) == pytest.approx(law.entropy())
    np.testing.assert_allclose(guide.scale[free], np.sqrt(np.diag(matrix)))
    assert guide.scale[3] == 0.0
    assert np.all(positions[:, 3] == guide.mean[3])


def test_whitening_undoes_placing_and_gradients_follow_the_chain_rule(guide):
    rng = np.random.default_rng(2)
    normals, gradients = rng.standard_normal((4, 6)), rng.standard_normal((4, 7))
    np.testing.assert_allclose(guide.whiten(guide.place(normals)), normals, atol=1e-12)
    step = 1e-6
    for column in range(6):
        moved = normals.copy()
        moved[:, column] += step
        change = (guide.place(moved) - guide.place(normals)) / step
        expected = np.sum(change * gradients, axis=1)
        np.testing.assert_allclose(guide.pull(gradients)[:, column], expected, atol=1e-6)


def hierarchy(groups, seed):
    """Two globals and many locals that lean on them: normal, with its covariance."""
    rng = np.random.default_rng(seed)
    between = 0.9 * rng.normal(size=(groups, 2)) / np.sqrt(groups)
    own = np.exp(rng.normal(size=groups))
    precision = np.diag([3.0, 2.0, *own])
    precision[2:, :2] = between * np.sqrt(own)[:, None]
    precision[:2, 2:] = precision[2:, :2].T
    constant = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * len(precision) * LOG_2PI
    model = Model(
        (latent("top", 0, 2), latent("level", 2, groups, plate=groups)),
        lambda x: constant - 0.5 * anp.sum(x * anp.dot(x, precision), axis=1),
    )
    return model, np.sqrt(np.diag(np.linalg.inv(precision)))


def test_many_locals_that_lean_on_globals_are_exactly_right():
    model, sd = hierarchy(700, 3)
    found = infer(model, Settings(method="is"))
    assert "arrow" in [rung.name for rung in found.rungs]
    assert isinstance(found.guide, Arrow)
    np.testing.assert_allclose(found.guide.scale, sd, rtol=0.02)
    assert found.elbo.value == pytest.approx(0.0, abs=0.1)
    assert found.verdict.word == "good"


def test_mean_field_alone_if_asked_for_and_full_rank_as_far_as_it_goes():
    model, _ = hierarchy(700, 3)
    plain = infer(model, Settings(guide="meanfield", method="vi"))
    assert "arrow" not in [rung.name for rung in plain.rungs]
    asked = infer(model, Settings(guide="fullrank", method="is"))
    assert "too many for it" in asked.notes[-1]
