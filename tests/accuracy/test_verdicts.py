"""Posteriors that mislead, in the language: the right answer, or poor for the true reason."""

import numpy as np
import pytest

import ppl

FUNNEL = """
dim K = 9
v ~ Normal(0, 3)
for k in K { x[k] ~ Flat() }
for k in K { factor logp(Normal(0, exp(v / 2)), x[k]) }
"""
MIXTURE = """
data y[N]
dim K = 2
mu[K] ~ Normal(0, 5)
for n in N {
  kind[n] ~ Bernoulli(0.4)
  y[n] ~ Normal(mu[kind[n]], 1)
}
"""
EVEN = MIXTURE.replace("0.4", "0.5")
CAMPS = "m ~ Normal(0, 20)\nfor n in N { y[n] ~ Cauchy(m, 1) }"
SEPARABLE = """
data x[N], y[N] in {0, 1}
a ~ Flat()
b ~ Flat()
for n in N { y[n] ~ Bernoulli(logit = a + b * x[n]) }
"""
SUM = "data y[N]\na ~ PRIOR\nb ~ PRIOR\ny ~ Normal(a + b, 1)"


def test_a_funnel_is_exact_as_it_is_normal_given_its_scale():
    fit = ppl.Model(FUNNEL).infer()
    assert fit.verdict == "exact"
    assert abs(fit["v"].mean) < 1e-5
    assert abs(fit["v"].sd - 3) < 1e-5


def test_a_funnel_by_markov_chains_is_right_or_poor():
    fit = ppl.Model(FUNNEL).infer(method="hmc", time_limit=5)
    right = abs(fit["v"].mean) < 0.3 and 2.4 < fit["v"].sd < 3.6
    assert fit.verdict in ("poor", "fair")
    assert fit.verdict == "poor" or right
    assert "Markov chains" in fit.why


def test_labels_that_can_change_places_are_said_so():
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 60)])
    fit = ppl.Model(EVEN).infer(y=y)
    assert fit.verdict == "fair"
    assert "2 separate modes; 50%" in fit.why
    np.testing.assert_allclose(fit["mu"].mean, [0.0, 0.0], atol=0.3)


def test_two_camps_agree_with_quadrature():
    y = np.array([-9.0, -8.5, -9.3, -7.0, 8.2, 9.0, 9.5, 8.8])
    grid = np.linspace(-40, 40, 100_001)
    log_density = -0.5 * (grid / 20) ** 2 - np.log1p((y[:, None] - grid) ** 2).sum(axis=0)
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = weight @ grid
    sd = np.sqrt(weight @ (grid - mean) ** 2)
    fit = ppl.Model(CAMPS).infer(y=y)
    assert fit.verdict in ("good", "fair")
    assert fit["m"].mean == pytest.approx(mean, abs=0.1 * sd)
    assert fit["m"].sd == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("seed", [0, 1])
def test_separable_data_without_priors_are_improper(seed):
    x = np.linspace(-2, 2, 20)
    fit = ppl.Model(SEPARABLE).infer(x=x, y=(x > 0.1).astype(int), seed=seed)
    assert fit.verdict == "poor"
    assert "improper" in fit.why
    assert "prior" in fit.inference.verdict.remedy


def test_a_sum_without_priors_is_improper():
    y = np.random.default_rng(1).normal(size=20)
    fit = ppl.Model(SUM.replace("PRIOR", "Flat()")).infer(y=y)
    assert fit.verdict == "poor"
    assert "improper" in fit.why


def test_a_sum_with_wide_priors_is_exactly_known():
    y = np.random.default_rng(1).normal(size=20)
    fit = ppl.Model(SUM.replace("PRIOR", "Normal(0, 1000)")).infer(y=y)
    precision = np.full((2, 2), 20.0) + np.eye(2) / 1000**2
    sd = np.sqrt(np.linalg.inv(precision)[0, 0])
    assert fit.verdict in ("exact", "good")
    assert fit["a"].sd == pytest.approx(sd, rel=0.05)
    assert (fit["a"].mean + fit["b"].mean) == pytest.approx(y.mean(), abs=0.02)


def test_a_model_without_data_is_drawn_as_it_stands():
    fit = ppl.Model("dim K = 3\nv ~ Normal(1, 3)\nx[K] ~ Normal(v, 1)").infer(draws=20_000)
    assert fit.verdict == "exact"
    assert fit["x"].mean == pytest.approx(1.0, abs=0.15)
    assert fit["x"].sd == pytest.approx(np.sqrt(10), rel=0.05)
