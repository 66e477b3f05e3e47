"""Animals that are marked at different times: series of summed states that begin where data say."""

import numpy as np
import pytest

import ppl

MODEL = """
data y[I, T] in {0, 1}, first[I]
phi, p ~ Beta(1, 1)
for i in I {
  alive[i, first[i]] = 1
}
for i in I, t in first[i] + 1:T {
  alive[i, t] ~ Bernoulli(phi * alive[i, t - 1])
  y[i, t] ~ Bernoulli(p * alive[i, t])
}
"""
SEEN = [[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 0]]
FIRST = [0, 0, 1, 1, 2, 2]


@pytest.fixture(scope="module")
def fit():
    return ppl.Model(MODEL).infer(y=SEEN, first=FIRST, seed=1)


def history(seen, first, phi, p):
    """Return the probability of one animal's history given that it was marked."""
    forward = np.array([0.0, 1.0])
    for mark in seen[first + 1 :]:
        alive = forward[1] * phi
        dead = forward[0] + forward[1] * (1 - phi)
        forward = np.array([dead * (mark == 0), alive * (p if mark else 1 - p)])
    return forward.sum()


def test_the_posterior_is_that_of_the_known_likelihood(fit):
    grid = (np.arange(100) + 0.5) / 100
    each = zip(SEEN, FIRST, strict=True)
    table = np.prod([[[history(*a, f, p) for p in grid] for f in grid] for a in each], axis=0)
    table /= table.sum()
    for name, axis in (("phi", 1), ("p", 0)):
        marginal = table.sum(axis=axis)
        mean = marginal @ grid
        sd = np.sqrt(marginal @ (grid - mean) ** 2)
        assert fit[name].mean == pytest.approx(mean, abs=0.1 * sd)
        assert fit[name].sd == pytest.approx(sd, rel=0.1)
    assert fit.verdict == "good"


def test_what_follows_a_fit_does_without_the_positions_that_do_not_exist(fit):
    rows = fit.log_likelihood(pointwise=True)
    total = sum(np.nansum(np.reshape(v, (len(v), -1)), axis=1) for v in rows.values())
    np.testing.assert_allclose(total, fit.log_likelihood(), atol=1e-8)
    assert np.isfinite(fit.loo().elpd)
    assert "<svg" in fit.to_html()
    pytest.importorskip("matplotlib").use("Agg")
    fit.plot("predictive")
