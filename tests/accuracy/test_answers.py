"""Answers against what is known by other means: closed forms, quadrature, long reference chains."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import scipy.stats

import ppl
from benchmarks.accuracy.__main__ import run
from benchmarks.accuracy.reference import posteriors

CLOSE, RATIO = 0.1, (0.9, 1.1)
"""In standard deviations, and of standard deviations: what the accuracy suite calls accurate."""


def assert_accurate(fit, name, mean, sd):
    assert fit.verdict in ("exact", "good"), fit.why
    found = fit[name]
    assert np.max(np.abs(found.mean - mean) / sd) < CLOSE
    assert np.min(found.sd / sd) > RATIO[0]
    assert np.max(found.sd / sd) < RATIO[1]


def test_regression_in_raw_units_is_a_student_t():
    """With flat priors on coefficients and sigma, b is Student t with N - 3 degrees."""
    rng = np.random.default_rng(2)
    x = 1_900_000 + 40_000 * rng.standard_normal(60)
    y = 3e7 - 12.0 * x + 3e5 * rng.standard_normal(60)
    design = np.stack([np.ones(60), x], axis=1)
    best, residual, _, _ = np.linalg.lstsq(design, y, rcond=None)
    freedom = 60 - 3
    spread = np.sqrt(residual[0] / freedom * np.diag(np.linalg.inv(design.T @ design)))
    sd = spread * scipy.stats.t(freedom).std()
    model = "data x[N], y[N]\na ~ Flat()\nb ~ Flat()\ns ~ Flat() > 0\ny ~ Normal(a + b * x, s)"
    fit = ppl.Model(model).infer(x=x, y=y)
    assert_accurate(fit, "a", best[0], sd[0])
    assert_accurate(fit, "b", best[1], sd[1])


@pytest.mark.parametrize("centred", [True, False])
def test_levels_of_groups_agree_with_quadrature(centred):
    """Given tau all is normal; tau itself is integrated on a grid."""
    rng = np.random.default_rng(3)
    y = rng.normal(2.0, 3.0, 12)
    tau = np.linspace(1e-3, 30, 20_000)
    variance = np.broadcast_to(1 + tau[:, None] ** 2, (20_000, 12))
    precision = 1 / 25 + (1 / variance).sum(axis=1)
    mu = (y / variance).sum(axis=1) / precision
    log_density = (
        -0.5 * (tau / 5) ** 2
        - 0.5 * np.log(variance).sum(axis=1)
        - 0.5 * (y**2 / variance).sum(axis=1)
        + 0.5 * mu**2 * precision
        - 0.5 * np.log(precision)
    )
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = weight @ mu
    sd = np.sqrt(weight @ (1 / precision + (mu - mean) ** 2))
    mean_tau = weight @ tau
    sd_tau = np.sqrt(weight @ (tau - mean_tau) ** 2)
    head = "data y[N]\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(5)\n"
    tail = "y ~ Normal(theta, 1)"
    if centred:
        model = head + "theta[N] ~ Normal(mu, tau)\n" + tail
    else:
        model = head + "z[N] ~ Normal(0, 1)\ntheta[N] = mu + tau * z\n" + tail
    fit = ppl.Model(model).infer(y=y)
    assert_accurate(fit, "mu", mean, sd)
    assert_accurate(fit, "tau", mean_tau, sd_tau)


def test_a_gaussian_process_agrees_with_quadrature():
    """With normal noise f integrates out; two unknowns are left for a grid."""
    rng = np.random.default_rng(4)
    x = np.linspace(0, 10, 8)
    y = np.sin(x) + 0.7 * rng.standard_normal(8)
    axis = np.linspace(0.1, 6, 120)
    length, height = (v.ravel() for v in np.meshgrid(axis, axis))
    shape = np.exp(-0.5 * (x[:, None] - x) ** 2 / length[:, None, None] ** 2)
    k = height[:, None, None] ** 2 * shape + 0.49 * np.eye(8)
    log_density = (
        -0.5 * np.einsum("i,nij,j->n", y, np.linalg.inv(k), y)
        - 0.5 * np.linalg.slogdet(k)[1]
        + scipy.stats.gamma(4, scale=0.5).logpdf(length)
        - 0.5 * (height / 2) ** 2
    )
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = np.sum(weight * length)
    sd = np.sqrt(np.sum(weight * (length - mean) ** 2))
    model = """
    data x[N], y[N]
    rho ~ Gamma(4, 2)
    alpha ~ HalfNormal(2)
    f[N] ~ MultivariateNormal(0, cov = exp_quad(x, alpha, rho) + 1e-8 * eye(N))
    y ~ Normal(f, 0.7)
    """
    fit = ppl.Model(model).infer(x=x, y=y)
    assert_accurate(fit, "rho", mean, sd)


def test_a_hidden_markov_model_agrees_with_quadrature():
    """Two known emissions, one unknown chance to stay: a grid over it."""
    rng = np.random.default_rng(5)
    state, y = 0, np.empty(60)
    for n in range(60):
        state = state if rng.random() < 0.8 else 1 - state
        y[n] = rng.normal(2.0 * state, 1.0)
    stay = np.linspace(0.001, 0.999, 999)
    density = scipy.stats.norm.pdf(y[:, None], [0.0, 2.0], 1.0)
    message = np.full((999, 2), 0.5) * density[0]
    log_density = np.zeros(999)
    for n in range(1, 60):
        message = stay[:, None] * message + (1 - stay[:, None]) * message[:, ::-1]
        message *= density[n]
        total = message.sum(axis=1)
        log_density += np.log(total)
        message /= total[:, None]
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = weight @ stay
    sd = np.sqrt(weight @ (stay - mean) ** 2)
    model = """
    data y[N]
    stay ~ Uniform(0, 1)
    s[0] ~ Bernoulli(0.5)
    for n in 1:N { s[n] ~ Bernoulli(if s[n - 1] == 1 then stay else 1 - stay) }
    for n in N { y[n] ~ Normal(2 * s[n], 1) }
    """
    assert_accurate(ppl.Model(model).infer(y=y), "stay", mean, sd)


@pytest.mark.parametrize(
    "posterior", ["earnings-earn_height", "eight_schools-eight_schools_centered"]
)
def test_posteriors_with_references(posterior):
    folder = os.environ.get("POSTERIORDB")
    if not folder or posterior not in posteriors(Path(folder)):
        pytest.skip("the references of posteriordb are not here; POSTERIORDB names their folder")
    found = run(Path(folder), posterior, seed=0)
    assert found.distance.accurate, found.line
    assert found.verdict == "good"


def test_the_same_seed_gives_the_same_bytes():
    y = np.random.default_rng(6).normal(size=10)
    model = ppl.Model("data y[N]\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(5)\ny ~ Normal(mu, tau)")
    one, two, other = (model.infer(y=y, seed=seed, method="hmc") for seed in (3, 3, 4))
    assert one["mu"].draws().tobytes() == two["mu"].draws().tobytes()
    assert one["mu"].draws().tobytes() != other["mu"].draws().tobytes()
    error = 5 * np.hypot(one["mu"].mcse, other["mu"].mcse)
    assert one["mu"].mean == pytest.approx(other["mu"].mean, abs=max(error, 0.1 * one["mu"].sd))


def test_other_seeds_agree_within_the_reported_error():
    y = np.random.default_rng(7).normal(size=12)
    model = ppl.Model("data y[N]\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(5)\ny ~ Normal(mu, tau)")
    fits = [model.infer(y=y, seed=seed, method="is") for seed in range(6)]
    for name in ("mu", "tau"):
        means = np.array([fit[name].mean for fit in fits])
        errors = np.array([fit[name].mcse for fit in fits])
        assert np.max(np.abs(means - means.mean()) / errors) < 4.0
        assert np.max(errors) < 0.05 * fits[0][name].sd


def test_the_report_says_where_the_clock_decided():
    y = np.random.default_rng(8).normal(size=10)
    model = ppl.Model("data y[N]\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(5)\ny ~ Normal(mu, tau)")
    hurried = model.infer(y=y, method="hmc", time_limit=1e-3)
    assert any("the same seed may give other numbers" in note for note in hurried.inference.notes)
    free = model.infer(y=y)
    assert not any("the same seed" in note for note in free.inference.notes)
