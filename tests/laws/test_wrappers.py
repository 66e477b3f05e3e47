"""Every law for distributions that are built from others, and what is known of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st

from ppl.constraints import greater_than
from ppl.distributions import DISTRIBUTIONS, WRAPPERS, Law, record_of
from ppl.distributions.component import Component, Part

from .cases import arguments, parametrisations
from .laws import LAWS, close, generator
from .test_faults import FAULTS, fails, has


def built(wrapper, *components):
    return Law(wrapper, None, tuple(c if isinstance(c, Law) else Law(c) for c in components))


BUILT = {
    "mixture": built("Mixture", "Normal", "Logistic"),
    "mixture of counts": built("Mixture", "Poisson", "Geometric"),
    "mixture of other parametrisations": built("Mixture", Law("Normal", 0), Law("Normal", 0)),
    "mixture of supports": built("Mixture", "LogNormal", "Normal"),
    "mixture of vectors": built("Mixture", "MultivariateNormal", Law("MultivariateNormal", 0)),
    "inflated counts": built("ZeroInflated", "Poisson"),
    "inflated binomial": built("ZeroInflated", Law("Binomial", 0)),
    "hurdle counts": built("Hurdle", "NegativeBinomial"),
    "truncated": built("Truncated", "Normal"),
    "truncated precision": built("Truncated", Law("Normal", 0)),
    "truncated positive": built("Truncated", "Gamma"),
    "truncated counts": built("Truncated", "Poisson"),
    "walk": built("RandomWalk", "Normal"),
    "walk upwards": built("RandomWalk", "Exponential"),
    "truncated mixture": built("Truncated", built("Mixture", "Normal", "Cauchy")),
    "mixture of truncated": built("Mixture", built("Truncated", "Poisson"), "Geometric"),
}


DEGENERATE = {
    "truncated counts": "no counts are left between the bounds when all are 0",
    "mixture of truncated": "no counts are left between the bounds when all are 0",
}


def with_room(record):
    """Keep bounds on integers so far apart that some lie between them."""
    relations = dict(record.relations)
    for name in relations:
        if name == "b" and record.discrete:
            relations[name] = lambda a, *rest: greater_than(a + 2.0)
        if name == "d1.b":
            relations[name] = lambda w, a, *rest: greater_than(a + 2.0)
    return replace(record, relations=relations)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", BUILT)
def test_law(name, law):
    if law.__name__ == "edges_have_limits" and name in DEGENERATE:
        pytest.skip(DEGENERATE[name])
    law(with_room(record_of(BUILT[name])))


SEEN = ("wrong constant", "one per cent too steep", "shifted draws", "survival for cdf", "mean off")
SEEN += ("draws all the same", "standard deviation for variance", "cdf of the number before")


@pytest.mark.parametrize("fault", SEEN)
@pytest.mark.parametrize(
    "name",
    ["mixture", "mixture of vectors", "inflated counts", "hurdle counts", "truncated", "walk"],
)
def test_the_laws_see_faults(name, fault):
    record = with_room(record_of(BUILT[name]))
    if has(record, fault):
        assert fails(FAULTS[fault](record))


# ------------------------------------------------------------------- against SciPy's distributions


def density(law, x, *arguments):
    record = record_of(law)
    p = next(parametrisations(record))
    given = [np.asarray(a, dtype=float) for a in arguments]
    with np.errstate(all="ignore"):
        return np.broadcast_to(p.density(np.asarray(x, dtype=float), given), np.shape(x))


def test_a_mixture_is_the_weighted_sum():
    x = np.linspace(-3, 6, 11)
    law = built("Mixture", "Normal", "StudentT", "Exponential")
    found = density(law, x, [0.2, 0.5, 0.3], -1.0, 0.7, 4.0, 2.0, 1.5, 0.6)
    expected = 0.2 * st.norm(-1, 0.7).pdf(x) + 0.5 * st.t(4, 2, 1.5).pdf(x)
    expected += 0.3 * st.expon(scale=1 / 0.6).pdf(x)
    close(found, np.log(expected), 1e-12, "mixture")


def test_a_mixture_with_a_weight_of_0_is_the_rest():
    x = np.linspace(-3, 6, 11)
    found = density(built("Mixture", "Normal", "Cauchy"), x, [0.0, 1.0], 0.0, 1.0, 1.0, 2.0)
    close(found, st.cauchy(1, 2).logpdf(x), 1e-12, "weight 0")


def test_a_mixture_of_bounded_pieces():
    x = np.linspace(-0.5, 3.5, 9)
    law = built("Mixture", "Uniform", built("Truncated", "Normal"))
    found = density(law, x, [0.4, 0.6], 0.0, 1.0, 2.0, 3.0, 2.2, 0.5)
    bounds = (2 - 2.2) / 0.5, (3 - 2.2) / 0.5
    expected = 0.4 * st.uniform(0, 1).pdf(x) + 0.6 * st.truncnorm(*bounds, 2.2, 0.5).pdf(x)
    close(np.exp(found), expected, 1e-12, "pieces")


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_zero_inflation(p):
    x = np.arange(6.0)
    found = density(built("ZeroInflated", "Poisson"), x, p, 2.3)
    close(np.exp(found), p * (x == 0) + (1 - p) * st.poisson(2.3).pmf(x), 1e-12, "inflated")


def test_zero_inflation_of_real_numbers_is_a_point_and_a_density():
    x = np.array([0.0, 0.4, 2.0])
    for wrapper in ("ZeroInflated", "Hurdle"):
        found = density(built(wrapper, "Gamma"), x, 0.3, 2.0, 1.5)
        expected = np.where(x == 0, 0.3, 0.7 * st.gamma(2.0, scale=1 / 1.5).pdf(x))
        close(np.exp(found), expected, 1e-12, wrapper)


def test_a_hurdle_is_0_or_the_rest_without_0():
    x = np.arange(6.0)
    d = st.nbinom(1.7, 1.7 / (1.7 + 2.5))
    found = density(built("Hurdle", "NegativeBinomial"), x, 0.2, 2.5, 1.7)
    expected = np.where(x == 0, 0.2, 0.8 * d.pmf(x) / d.sf(0))
    close(np.exp(found), expected, 1e-12, "hurdle")


@pytest.mark.parametrize(
    ("a", "b"), [(-1.0, 2.0), (8.0, 9.0), (-12.0, -11.5), (30.0, np.inf), (-np.inf, -30.0)]
)
def test_truncation_keeps_digits_in_the_tails(a, b):
    low, high = max(a, -40.0), min(b, 40.0)
    x = np.linspace(low, high, 7)[1:-1]
    found = density(built("Truncated", "Normal"), x, a, b, 0.0, 1.0)
    close(found, st.truncnorm(a, b).logpdf(x), 1e-9, "tail")


def test_truncated_counts_include_their_bounds():
    x = np.arange(10.0)
    found = density(built("Truncated", "Poisson"), x, 2.0, 6.0, 3.3)
    mass = np.where((x >= 2) & (x <= 6), st.poisson(3.3).pmf(x), 0.0)
    close(np.exp(found), mass / mass.sum(), 1e-12, "counts")


def test_censored_values_count_what_lies_beyond():
    d = st.weibull_min(1.6, scale=2.0)
    x = np.array([0.0, 0.5, 0.8, 1.7, 3.0, 4.0])
    found = density(built("Censored", "Weibull"), x, 0.5, 3.0, 1.6, 2.0)
    expected = [d.logcdf(0.5)] * 2 + list(d.logpdf([0.8, 1.7])) + [d.logsf(3.0)] * 2
    close(found, expected, 1e-12, "censored")


def test_censored_counts_count_their_bound_too():
    d = st.poisson(3.0)
    x = np.array([1.0, 2.0, 3.0, 5.0, 7.0])
    found = density(built("Censored", "Poisson"), x, 2.0, 5.0, 3.0)
    expected = [d.logcdf(2), d.logcdf(2), d.logpmf(3), d.logsf(4), d.logsf(4)]
    close(found, expected, 1e-12, "censored counts")


def test_what_is_restricted_is_not_normalised():
    found = density(built("Restricted", "Normal"), [0.5, 1.0], 0.0, 2.0, 0.3, 1.2)
    close(found, st.norm(0.3, 1.2).logpdf([0.5, 1.0]), 1e-12, "restricted")


# ---------------------------------------------------------------------------------- by themselves

WITH_CDF = [n for n, d in DISTRIBUTIONS.items() if d.cdf is not None]


@pytest.mark.parametrize("name", WITH_CDF)
def test_distribution_functions_are_0_and_1_outside_the_support(name):
    record = DISTRIBUTIONS[name]
    p, rng = next(parametrisations(record)), generator(record, 6)
    d = Component(Part(record), tuple(arguments(rng, p)))
    low, high = (float(e) for e in d.support.ends)
    below = [-np.inf] if np.isinf(low) else [-np.inf, low - 1.5]
    above = [np.inf] if np.isinf(high) else [high + 1.5, np.inf]
    close(d.cdf(np.array([*below, *above])), [0.0] * len(below) + [1.0] * len(above), 0, "cdf")
    close(d.ccdf(np.array([*below, *above])), [1.0] * len(below) + [0.0] * len(above), 0, "ccdf")


def test_every_wrapper_is_held_to_the_laws_or_to_scipy():
    used = {law.name for law in BUILT.values()} | {"Censored", "Restricted"}
    assert used == set(WRAPPERS)


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.3), (6.0, np.inf), (-np.inf, -8.0), (12.0, 12.1)])
def test_draws_between_bounds(a, b):
    rng = np.random.default_rng(3)
    x = record_of(built("Truncated", "Normal")).sample(rng, (2000,), a, b, 0.0, 1.0)
    assert np.all((x >= a) & (x <= b))
    assert st.kstest(x, st.truncnorm(a, b).cdf).pvalue > 1e-4


def test_draws_between_bounds_of_each_place():
    rng = np.random.default_rng(4)
    low, mu = np.array([[0.0], [9.0]]), np.array([-1.0, 0.0, 2.0])
    x = record_of(built("Truncated", "Normal")).sample(rng, (500, 2, 3), low, np.inf, mu, 1.0)
    for i in range(2):
        for j in range(3):
            law = st.truncnorm(low[i, 0] - mu[j], np.inf, mu[j], 1.0)
            assert st.kstest(x[:, i, j], law.cdf).pvalue > 1e-4


def test_draws_of_counts_far_out():
    rng = np.random.default_rng(5)
    x = record_of(built("Truncated", "Poisson")).sample(rng, (4000,), 20.0, 24.0, 2.0)
    mass = st.poisson(2.0).pmf(np.arange(20, 25))
    counts = [np.sum(x == k) for k in range(20, 25)]
    assert st.chisquare([*counts[:2], sum(counts[2:])], _shares(mass) * 4000).pvalue > 1e-4


def _shares(mass):
    three = np.array([mass[0], mass[1], mass[2:].sum()])
    return three / three.sum()


def test_draws_of_censored_values_stop_at_the_bounds():
    rng = np.random.default_rng(6)
    x = record_of(built("Censored", "Exponential")).sample(rng, (5000,), 0.2, 1.0, 1.0)
    assert abs(np.mean(x == 1.0) - np.exp(-1.0)) < 0.03
    assert abs(np.mean(x == 0.2) - (1 - np.exp(-0.2))) < 0.03


def test_a_walk_has_the_covariance_of_sums():
    x = np.array([0.3, -0.2, 1.4, 0.9])
    found = density(built("RandomWalk", "Normal"), x, 0.0, 0.7).reshape(-1)[0]
    k = np.arange(1, 5)
    law = st.multivariate_normal(np.zeros(4), 0.49 * np.minimum(k[:, None], k))
    close(found, law.logpdf(x), 1e-12, "walk")


def test_an_autoregression_has_the_precision_of_its_steps():
    x, coefs = np.array([0.3, -0.2, 1.4, 0.9]), np.array([0.6, -0.3])
    record = DISTRIBUTIONS["AR"]
    p = next(parametrisations(record))
    steps = np.eye(4) - 0.6 * np.eye(4, k=-1) + 0.3 * np.eye(4, k=-2)
    law = st.multivariate_normal(np.zeros(4), np.linalg.inv(steps.T @ steps / 0.8**2))
    close(p.density(x, [coefs, np.array(0.8)]), law.logpdf(x), 1e-10, "autoregression")
