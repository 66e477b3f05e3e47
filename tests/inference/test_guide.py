"""Guides and proposals against SciPy's densities."""

import numpy as np
import pytest
import scipy.stats

from ppl.guide import Block, Layout, MeanField, Proposal, entropy, log_density

POINTS = np.array([False, True, False])


@pytest.fixture
def guide():
    return MeanField(np.array([1.0, 2.0, -3.0]), np.log([0.5, 7.0, 20.0]), POINTS)


def test_layout_refuses_gaps():
    with pytest.raises(ValueError, match="does not start"):
        Layout((Block("a", 0, 2, (2,), "latent"), Block("b", 3, 4, (), "latent")))


def test_most_global_columns_come_from_small_plates_first():
    blocks = (
        Block("local", 0, 5, (5,), "latent", plate=5),
        Block("top", 5, 6, (), "latent"),
        Block("theta", 6, 8, (2,), "parameter"),
        Block("group", 8, 11, (3,), "latent", plate=3),
    )
    layout = Layout(blocks)
    assert layout.most_global(4).tolist() == [5, 8, 9, 10]
    assert layout.most_global(0).size == 0
    assert layout.points.tolist() == [False] * 6 + [True, True] + [False] * 3


def test_density_and_entropy_leave_points_out(guide):
    rng = np.random.default_rng(0)
    positions = guide.place(rng.standard_normal((6, 2)))
    first = scipy.stats.norm(1.0, 0.5)
    second = scipy.stats.norm(-3.0, 20.0)
    expected = first.logpdf(positions[:, 0]) + second.logpdf(positions[:, 2])
    np.testing.assert_allclose(log_density(guide, positions), expected, rtol=1e-13)
    assert entropy(guide) == pytest.approx(first.entropy() + second.entropy(), rel=1e-14)
    assert np.all(positions[:, 1] == 2.0)
    assert guide.scale.tolist() == pytest.approx([0.5, 0.0, 20.0])


def test_proposal_density_is_that_of_the_mixture(guide):
    free = ~POINTS
    other = MeanField(guide.mean + 1.0, guide.log_scale - 0.3, POINTS)
    proposal = Proposal((guide, other), (0.7, 0.3))
    rng = np.random.default_rng(1)
    positions = proposal.place(rng.standard_normal((50, 2)), rng.random((50, 2)))
    expected = 0.0
    for part, weight in ((guide, 0.7), (other, 0.3)):
        spread = np.diag(np.exp(2 * part.log_scale[free]))
        centre = part.mean[free]
        values = positions[:, free]
        normal = scipy.stats.multivariate_normal(centre, spread).pdf(values)
        student = scipy.stats.multivariate_t(centre, spread, df=4).pdf(values)
        expected = expected + weight * (0.75 * normal + 0.25 * student)
    np.testing.assert_allclose(proposal.log_density(positions), np.log(expected), rtol=1e-12)


def test_proposal_draws_follow_its_density(guide):
    other = MeanField(guide.mean + 4.0, guide.log_scale, POINTS)
    proposal = Proposal((guide, other), (0.8, 0.2))
    rng = np.random.default_rng(2)
    draws = proposal.place(rng.standard_normal((40_000, 2)), rng.random((40_000, 2)))[:, 0]

    def cdf(x):
        def component(z):
            return 0.75 * scipy.stats.norm.cdf(z) + 0.25 * scipy.stats.t(4).cdf(z)

        return 0.8 * component((x - 1) / 0.5) + 0.2 * component((x - 5) / 0.5)

    assert scipy.stats.kstest(draws, cdf).pvalue > 1e-3
