"""Locals that are independent given the globals: their laws, and whole fits against quadrature."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad
from scipy.special import logsumexp

import ppl
from ppl.inference import separate


def slopes_of(density, sizes):
    """Return slopes (1, NODES, G) by central differences of a log density of the distance."""
    at = separate.places()[:, None]
    step = 1e-5
    found = (density(at + step) - density(at - step)) / (2 * step)
    return np.broadcast_to(found, (len(at), len(sizes)))[None]


@pytest.mark.parametrize("law", [stats.norm(), stats.loggamma(3.0, loc=-1.0, scale=1.6)])
def test_quantiles_are_those_of_the_law(law):
    sizes = np.array([1])
    made = separate.laws(slopes_of(law.logpdf, sizes), sizes)
    levels = np.linspace(0.001, 0.999, 101)
    found = np.array([made.draw(np.array([[level]]))[0][0, 0] for level in levels])
    np.testing.assert_allclose(law.cdf(found), levels, atol=6e-3)
    density = np.array([made.draw(np.array([[level]]))[1][0, 0] for level in levels])
    np.testing.assert_allclose(density, law.logpdf(found), atol=0.06)


def test_the_mass_of_lines_is_the_integral_over_the_plane():
    def log_density(x, y):
        return 0.8 * x - np.exp(0.8 * x) - 0.5 * (y - 0.3 * x) ** 2

    exact = dblquad(lambda y, x: np.exp(log_density(x, y)), -14, 8, -8, 8)[0]
    sizes, masses = np.array([2]), []
    for angle in np.linspace(0, np.pi, 40, endpoint=False):
        across, up = np.cos(angle), np.sin(angle)
        slopes = slopes_of(lambda r, a=across, u=up: log_density(r * a, r * u), sizes)
        masses.append(separate.laws(slopes, sizes).log_mass[0, 0] + log_density(0.0, 0.0))
    room = separate.Groups(np.array([0, 0])).log_room[0]
    found = np.mean(np.exp(np.array(masses) + room))
    assert found == pytest.approx(exact, rel=1e-2)


def test_a_law_with_two_tops_is_seen():
    two = stats.norm(-2.5, 0.9), stats.norm(2.5, 0.9)
    sizes = np.array([1])
    split = slopes_of(lambda x: np.logaddexp(two[0].logpdf(x), two[1].logpdf(x)), sizes)
    assert separate.laws(split, sizes).split == 1
    assert separate.laws(slopes_of(stats.norm().logpdf, sizes), sizes).split == 0


def test_groups_are_the_connected_ones():
    groups = separate.groups_of(np.array([0, 3]), np.array([3, 0]), 5)
    assert groups is not None
    assert groups.of[0] == groups.of[3]
    np.testing.assert_array_equal(np.sort(groups.sizes), [1, 1, 1, 2])
    values = np.arange(5.0)
    assert groups.summed(values)[groups.of[0]] == 3.0
    chain = np.arange(9)
    assert separate.groups_of(chain, chain + 1, 10) is None


INTERCEPTS = """
data g[N] in J, y[N] in {0, 1}
a ~ Normal(0, 2)
t ~ HalfNormal(1)
u[J] ~ Normal(a, t)
y ~ Bernoulli(logit = u[g])
"""


def intercepts():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(60), 4)
    u = rng.normal(0.4, 1.2, 60)
    return {"g": g, "y": (rng.random(240) < 1 / (1 + np.exp(-u[g]))).astype(float)}


def test_random_intercepts_agree_with_quadrature():
    data = intercepts()
    fit = ppl.Model(INTERCEPTS).infer(data)
    assert fit.verdict == "good"
    assert [r.name for r in fit.inference.rungs][-1] == "importance"
    assert "fullrank" not in [r.name for r in fit.inference.rungs]
    z, w = np.polynomial.hermite_e.hermegauss(60)
    counts = np.bincount(data["g"], data["y"])[:, None]
    a, log_t = np.meshgrid(np.linspace(-1, 2, 61), np.linspace(-4, 1.2, 90), indexing="ij")
    log_joint = np.empty(a.shape)
    for i in np.ndindex(*a.shape):
        u = a[i] + np.exp(log_t[i]) * z
        each = counts * u - 4 * np.logaddexp(0, u) + np.log(w / np.sqrt(2 * np.pi))
        log_joint[i] = np.sum(logsumexp(each, axis=1))
    log_joint += stats.norm(0, 2).logpdf(a) + stats.halfnorm(0, 1).logpdf(np.exp(log_t)) + log_t
    cell = (a[1, 0] - a[0, 0]) * (log_t[0, 1] - log_t[0, 0])
    evidence = logsumexp(log_joint) + np.log(cell)
    weights = np.exp(log_joint - logsumexp(log_joint))
    for name, values in (("a", a), ("t", np.exp(log_t))):
        mean = np.sum(weights * values)
        sd = np.sqrt(np.sum(weights * (values - mean) ** 2))
        assert abs(fit[name].mean - mean) < 0.1 * sd
        assert fit[name].sd == pytest.approx(sd, rel=0.1)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=0.08)


SLOPES = """
data g[N] in J, x[N], y[N] in Count
t ~ HalfNormal(1)
w ~ HalfNormal(1)
u[J] ~ Normal(0, t)
v[J] ~ Normal(0, w)
y ~ Poisson(log = u[g] + v[g] * x)
"""


def test_random_slopes_agree_with_quadrature():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(40), 5)
    x = rng.normal(size=200)
    y = rng.poisson(np.exp(rng.normal(0, 0.7, 40)[g] + rng.normal(0, 0.6, 40)[g] * x))
    fit = ppl.Model(SLOPES).infer(g=g, x=x, y=y)
    assert fit.verdict == "good"
    z, c = np.polynomial.hermite_e.hermegauss(24)
    both = np.log(c / np.sqrt(2 * np.pi))
    t, w = np.meshgrid(np.linspace(0.2, 1.4, 25), np.linspace(0.2, 1.4, 25), indexing="ij")
    log_joint = stats.halfnorm(0, 1).logpdf(t) + stats.halfnorm(0, 1).logpdf(w)
    for i in np.ndindex(*t.shape):
        u, v = t[i] * z[:, None, None], w[i] * z[:, None]
        rows = stats.poisson.logpmf(y, np.exp(u + v * x))
        each = np.add.reduceat(rows, np.arange(0, 200, 5), axis=-1)
        log_joint[i] += logsumexp(each + both[:, None, None] + both[:, None], axis=(0, 1)).sum()
    weights = np.exp(log_joint - logsumexp(log_joint))
    for name, values in (("t", t), ("w", w)):
        mean = np.sum(weights * values)
        sd = np.sqrt(np.sum(weights * (values - mean) ** 2))
        assert abs(fit[name].mean - mean) < 0.1 * sd
        assert fit[name].sd == pytest.approx(sd, rel=0.1)


def test_locals_with_two_modes_climb_on():
    rng = np.random.default_rng(1)
    y = rng.normal(0, 1.5, 40) ** 2 + rng.normal(0, 0.3, 40)
    text = "data y[J]\ns ~ HalfNormal(2)\nu[J] ~ Normal(0, s)\ny ~ Normal(u^2, 0.5)"
    fit = ppl.Model(text).infer(y=y, time_limit=4)
    assert "fullrank" in [r.name for r in fit.inference.rungs]
