"""Normals given a few scales, against quadrature by hand, SciPy's laws and the other exact rung."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import ppl
from ppl.compile.quadratic import quadratic
from ppl.inference import exact, scaled
from ppl.inference.compiled import CompiledTarget
from ppl.inference.moves import Moves, single, together

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCHOOLS = """
data y[J], sigma[J]
mu ~ Normal(0, 5)
tau ~ {prior}
{levels}
y ~ Normal(theta, sigma)
"""
LEVELS = {
    "in place": "theta[J] ~ Normal(mu, tau)",
    "standardised by hand": "eta[J] ~ Normal(0, 1)\ntheta[J] = mu + tau * eta",
}


def target_of(text, **data):
    return CompiledTarget(ppl.Model(text).compile(**data))


def by_hand(log_scales, log_prior, law):
    """Integrate one scale: `law` gives log evidence, mean and covariance of the rest at each."""
    scales = np.exp(log_scales)
    each = [law(s) for s in scales]
    log_mass = np.array([e[0] for e in each]) + log_prior(scales) + log_scales
    weights = np.exp(log_mass - logsumexp(log_mass))
    mean = sum(w * e[1] for w, e in zip(weights, each, strict=True))
    square = sum(
        w * (np.diag(e[2]) + (e[1] - mean) ** 2) for w, e in zip(weights, each, strict=True)
    )
    evidence = logsumexp(log_mass) + np.log(log_scales[1] - log_scales[0])
    scale = weights @ scales
    spread = np.sqrt(weights @ (scales - scale) ** 2)
    return evidence, mean, np.sqrt(square), scale, spread, np.cumsum(weights)


def linear_law(design, y, covariance_of, noise_of):
    """Return the law of coefficients with a Normal prior, and the evidence, at a scale."""

    def law(s):
        prior, noise = covariance_of(s), noise_of(s)
        marginal = noise + design @ prior @ design.T
        gain = np.linalg.solve(marginal, design @ prior).T
        evidence = normal_density(y, marginal)
        return evidence, gain @ y, prior - gain @ design @ prior

    return law


def normal_density(y, covariance):
    """Return the log density of a normal of mean 0; SciPy's takes tiny scales for singular."""
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, y)
    return -0.5 * white @ white - np.log(np.diag(root)).sum() - 0.5 * len(y) * np.log(2 * np.pi)


def near(fit, name, mean, sd, tolerance=1e-6):
    sd = np.asarray(sd)
    np.testing.assert_allclose((fit[name].mean - mean) / sd, 0.0, atol=tolerance)
    np.testing.assert_allclose(fit[name].sd / sd, 1.0, atol=tolerance)


@pytest.mark.parametrize("how", LEVELS)
def test_eight_schools(how):
    text = SCHOOLS.format(prior="HalfCauchy(5)", levels=LEVELS[how])
    fit = ppl.Model(text).infer(y=Y, sigma=SIGMA)
    assert fit.verdict == "exact"
    assert fit.why == (
        "Given `tau` all other latents are jointly normal; `tau` is integrated out by quadrature."
    )
    design = np.hstack([np.ones((8, 1)), np.eye(8)])

    def covariance(tau):
        return np.diag([25.0] + [tau**2] * 8)

    law = linear_law(design, Y, covariance, lambda tau: np.diag(SIGMA**2))

    def with_levels(tau):
        evidence, mean, own = law(tau)
        moved = np.vstack([np.eye(1, 9), design])
        return evidence, moved @ mean, moved @ own @ moved.T

    grid = np.linspace(-22, 9, 3_001)
    evidence, mean, sd, tau, spread, below = by_hand(
        grid, stats.halfcauchy(scale=5).logpdf, with_levels
    )
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-7)
    near(fit, "tau", tau, spread)
    near(fit, "mu", mean[0], sd[0])
    near(fit, "theta", mean[1:], sd[1:])
    for probability in (0.05, 0.5, 0.95):
        place = np.log(fit["tau"].quantile(probability))
        assert np.interp(place, grid, below) == pytest.approx(probability, abs=0.003)


PRIORS = {
    "HalfNormal(1)": stats.halfnorm().logpdf,
    "HalfCauchy(2)": stats.halfcauchy(scale=2).logpdf,
    "Exponential(1.5)": stats.expon(scale=1 / 1.5).logpdf,
    "LogNormal(-1, 0.7)": stats.lognorm(0.7, scale=np.exp(-1)).logpdf,
    "Gamma(2, 3)": stats.gamma(2, scale=1 / 3).logpdf,
    "Uniform(0, 4)": stats.uniform(0, 4).logpdf,
}


@pytest.mark.parametrize("prior", PRIORS)
def test_regression_whose_noise_has_any_prior(prior):
    rng = np.random.default_rng(len(prior))
    count, size = int(rng.integers(6, 20)), int(rng.integers(1, 4))
    X = rng.normal(size=(count, size)) * rng.choice([0.01, 1.0, 100.0], size)
    y = 3 + rng.normal(size=count)
    model = f"""
    data X[N, D], y[N]
    a ~ Normal(0, 10)
    b[D] ~ Normal(0, 5)
    s ~ {prior}
    y ~ Normal(a + X @ b, s)
    """
    fit = ppl.Model(model).infer(X=X, y=y)
    assert fit.verdict == "exact"
    design = np.hstack([np.ones((count, 1)), X])
    own = np.diag([100.0] + [25.0] * size)
    law = linear_law(design, y, lambda s: own, lambda s: s**2 * np.eye(count))
    high = np.log(4) if prior.startswith("Uniform") else 5
    steps = np.linspace(-7, high, 4_001)
    if prior.startswith("Uniform"):
        steps = steps[:-1] + 0.5 * (steps[1] - steps[0])
    evidence, mean, sd, s, spread, _ = by_hand(steps, PRIORS[prior], law)
    tolerance = 3e-6 if prior.startswith("Uniform") else 1e-6
    assert fit.log_evidence.value == pytest.approx(evidence, abs=tolerance)
    near(fit, "s", s, spread, tolerance)
    near(fit, "a", mean[0], sd[0], tolerance)
    near(fit, "b", mean[1:], sd[1:], tolerance)


def test_two_scales_of_groups():
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(4), [2, 3, 1, 4])
    y = rng.normal(size=4)[group] + 0.5 * rng.normal(size=10)
    fit = ppl.Model(
        """
        data y[N], g[N] in G
        mu ~ Normal(0, 2)
        tau ~ HalfNormal(1)
        s ~ Exponential(1)
        t[G] ~ Normal(mu, tau)
        total = sum(t[j] for j in G)
        ratio = tau / s
        for n in N { y[n] ~ Normal(t[g[n]], s) }
        """
    ).infer(y=y, g=group)
    assert fit.verdict == "exact"
    design = np.hstack([np.ones((10, 1)), np.eye(4)[group]])
    levels = np.hstack([np.ones((4, 1)), np.eye(4)])
    rows = np.vstack([np.eye(1, 5), levels, levels.sum(axis=0)])
    grid = [np.linspace(-16, 2.2, 92), np.linspace(-2.5, 2.5, 46)]
    masses, means, squares, scales = [], [], [], []
    for log_tau, log_s in product(*grid):
        tau, s = np.exp(log_tau), np.exp(log_s)
        law = linear_law(
            design,
            y,
            lambda tau: np.diag([4.0] + [tau**2] * 4),
            lambda _, s=s: s**2 * np.eye(10),
        )
        evidence, mean, own = law(tau)
        prior = stats.halfnorm.logpdf(tau) + stats.expon.logpdf(s) + log_tau + log_s
        masses.append(evidence + prior)
        means.append(np.concatenate([rows @ mean, [tau, s, tau / s]]))
        squares.append(np.concatenate([np.diag(rows @ own @ rows.T), np.zeros(3)]))
        scales.append((tau, s))
    weights = np.exp(np.array(masses) - logsumexp(masses))
    means, squares = np.array(means), np.array(squares)
    mean = weights @ means
    sd = np.sqrt(weights @ (squares + (means - mean) ** 2))
    volume = sum(np.log(side[1] - side[0]) for side in grid)
    assert fit.log_evidence.value == pytest.approx(logsumexp(masses) + volume, abs=1e-6)
    names = {"mu": 0, "t": slice(1, 5), "total": 5, "tau": 6, "s": 7, "ratio": 8}
    for name, place in names.items():
        near(fit, name, mean[place], sd[place], 2e-6)


def test_both_exact_rungs_agree_where_both_apply():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(7, 2))
    y = rng.normal(size=7)
    text = """
    data X[N, D], y[N]
    s ~ InverseGamma(3, 3)
    b[D] ~ Normal(0, 2 * sqrt(s))
    y ~ Normal(X @ b, sqrt(s))
    """
    target = target_of(text, X=X, y=y)
    closed = exact.run(target, np.random.default_rng(0), 1000)
    found = scaled.run(target, np.random.default_rng(0), 1000)
    assert found.log_evidence == pytest.approx(closed.log_evidence, abs=1e-8)
    for name in ("b", "s"):
        np.testing.assert_allclose(found.moments[name].mean, closed.moments[name].mean, rtol=1e-8)
        np.testing.assert_allclose(found.moments[name].sd, closed.moments[name].sd, rtol=1e-8)
    marginal = stats.multivariate_t(np.zeros(7), np.eye(7) + 4 * X @ X.T, df=6)
    assert found.log_evidence == pytest.approx(marginal.logpdf(y), abs=1e-8)


def test_a_large_regression_is_exact_to_a_millionth():
    rng = np.random.default_rng(0)
    count, size = 100_000, 5
    X = rng.normal(size=(count, size))
    y = X @ rng.normal(size=size) + 0.7 * rng.normal(size=count)
    model = "data X[N, D], y[N]\nb[D] ~ Normal(0, 5)\ns ~ HalfNormal(1)\ny ~ Normal(X @ b, s)"
    fit = ppl.Model(model).infer(X=X, y=y)
    log_s = np.log(0.7) + np.linspace(-0.03, 0.03, 4_001)
    s = np.exp(log_s)
    values, axes = np.linalg.eigh(X.T @ X)
    precision = values / s[:, None] ** 2 + 1 / 25
    mean = axes.T @ (X.T @ y) / s[:, None] ** 2 / precision
    log_mass = -count * log_s - 0.5 * (y @ y) / s**2 - 0.5 * s**2 + log_s
    log_mass += (0.5 * mean**2 * precision - 0.5 * np.log(precision)).sum(axis=1)
    weights = np.exp(log_mass - logsumexp(log_mass))
    middle = weights @ mean
    own = (axes * (weights @ (1 / precision + (mean - middle) ** 2))) @ axes.T
    near(fit, "b", axes @ middle, np.sqrt(np.diag(own)))
    near(fit, "s", weights @ s, np.sqrt(weights @ (s - weights @ s) ** 2))


def test_draws_follow_the_posterior():
    text = SCHOOLS.format(prior="HalfNormal(5)", levels=LEVELS["in place"])
    fit = ppl.Model(text).infer(y=Y, sigma=SIGMA, seed=3)
    for name in ("mu", "tau", "theta"):
        draws = fit[name].draws()
        off = (draws.mean(axis=0) - fit[name].mean) / fit[name].sd
        np.testing.assert_allclose(off, 0.0, atol=0.05)
        np.testing.assert_allclose(draws.std(axis=0), fit[name].sd, rtol=0.03)
    again = ppl.Model(text).infer(y=Y, sigma=SIGMA, seed=3)
    assert again["tau"].draws().tobytes() == fit["tau"].draws().tobytes()


def test_a_scale_by_its_logarithm_and_a_log_linear_one():
    x = np.linspace(-1, 1, 12)
    y = 1 + 2 * x + np.exp(0.3 + x) * np.random.default_rng(2).normal(size=12)
    direct = ppl.Model("data y[N]\nm ~ Normal(0, 2)\ns ~ LogNormal(0, 1)\ny ~ Normal(m, s)")
    written = ppl.Model(
        "data y[N]\nm ~ Normal(0, 2)\nl ~ Normal(0, 1)\ns = exp(l)\ny ~ Normal(m, s)"
    )
    one, two = direct.infer(y=y), written.infer(y=y)
    assert one.log_evidence.value == pytest.approx(two.log_evidence.value, abs=1e-9)
    near(two, "s", one["s"].mean, one["s"].sd)
    form = target_of(
        """
        data x[N], y[N]
        a ~ Normal(0, 2)
        b ~ Normal(0, 2)
        l ~ Normal(0, 1)
        k ~ Normal(0, 1)
        for n in N { y[n] ~ Normal(a + b * x[n], exp(l + k * x[n])) }
        """,
        x=x,
        y=y,
    ).quadratic(3)
    assert form.normals == {"a", "b"}
    assert form.scales == {"k", "l"}


def test_two_modes_of_a_scale_are_both_counted():
    parts = (np.log(0.01), np.log(10.0))
    text = """
    data y[N]
    m ~ Normal(0, 3)
    s ~ Mixture([0.5, 0.5], LogNormal({}, 0.3), LogNormal({}, 0.3))
    y ~ Normal(m, 1 + s)
    """.format(*parts)
    y = np.array([2.0, -3.0])
    fit = ppl.Model(text).infer(y=y)
    assert fit.verdict == "exact"

    def log_prior(scale):
        both = [stats.lognorm(0.3, scale=np.exp(part)).logpdf(scale) for part in parts]
        return np.logaddexp(*both) - np.log(2)

    law = linear_law(
        np.ones((2, 1)), y, lambda s: np.array([[9.0]]), lambda s: (1 + s) ** 2 * np.eye(2)
    )
    evidence, mean, sd, _, _, _ = by_hand(np.linspace(-8, 6, 7_001), log_prior, law)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-6)
    near(fit, "m", mean, sd)


@pytest.mark.parametrize("schools", [2, 3])
def test_heavy_tails_are_followed(schools):
    y, sigma = Y[:schools], SIGMA[:schools]
    text = SCHOOLS.format(prior="HalfCauchy(5)", levels=LEVELS["in place"])
    fit = ppl.Model(text).infer(y=y, sigma=sigma)
    assert fit.verdict == "exact"

    def law(tau):
        evidence = normal_density(y, np.diag(sigma**2 + tau**2) + 25)
        return evidence, np.zeros(1), np.eye(1)

    grid, prior = np.linspace(-20, 30, 4_001), stats.halfcauchy(scale=5).logpdf
    _, _, _, tau, spread, _ = by_hand(grid, prior, law)
    near(fit, "tau", tau, spread, 5e-6)


def test_a_variance_that_is_infinite_is_left_to_the_ladder():
    text = SCHOOLS.format(prior="HalfCauchy(5)", levels=LEVELS["in place"])
    target = target_of(text, y=Y[:1], sigma=SIGMA[:1])
    assert scaled.run(target, np.random.default_rng(0), 100) is None


OUTSIDE = {
    "heavy tails": "y ~ StudentT(4, m, s)",
    "a product of normals": "b ~ Normal(0, 1)\ny ~ Normal(m * b, s)",
    "a bound": "dim K = 4\nb[K] ~ Normal(0, 1) > 0\ny ~ Normal(m + sum(b), s)",
    "a truncated likelihood": "for n in N { y[n] ~ Normal(m, s) < 40 }",
    "a curve": "y ~ Normal(sin(m), s)",
    "counts": "for n in N { k[n] ~ Bernoulli(0.3) }\nfor n in N { y[n] ~ Normal(m + k[n], s) }",
    "an amount of noise that a normal gives": "y ~ Normal(m, s + m ^ 2)",
    "a learned parameter": "param a\ny ~ Normal(m + a, s)",
    "a prior that is not normal": "b ~ Laplace(0, 1)\ny ~ Normal(m + b, s)",
    "a choice by a normal": "for n in N { y[n] ~ Normal(if m > 0 then m else 0, s) }",
}


@pytest.mark.parametrize("why", OUTSIDE)
def test_what_is_not_quadratic_is_not_called_so(why):
    text = f"data y[N]\nm ~ Normal(0, 1)\ns ~ HalfNormal(1)\n{OUTSIDE[why]}"
    target = target_of(text, y=Y)
    form = quadratic(target.model.bound, target.supports, 3)
    assert form is None or not scaled._small_enough(target, form)


def test_too_many_scales_are_left_to_the_ladder():
    text = "data y[N]\ndim K = 4\ns[K] ~ HalfNormal(1)\nm ~ Normal(0, 1)\ny ~ Normal(m, sum(s))"
    assert scaled.run(target_of(text, y=Y), np.random.default_rng(0), 100) is None


def test_a_wrong_law_is_not_handed_out(monkeypatch):
    text = SCHOOLS.format(prior="HalfNormal(5)", levels=LEVELS["in place"])
    target = target_of(text, y=Y, sigma=SIGMA)
    right = Moves.precision
    monkeypatch.setattr(Moves, "precision", lambda *given: 1.05 * right(*given))
    assert scaled.run(target, np.random.default_rng(0), 100) is None


def test_hubs_and_chains_are_read_by_few_moves():
    size = 30
    coupled = np.eye(size, dtype=bool) | np.eye(size, k=1, dtype=bool)
    coupled |= coupled.T
    coupled[0] = coupled[:, 0] = True
    rng = np.random.default_rng(0)
    matrix = np.where(coupled, rng.normal(size=(size, size)), 0.0)
    matrix = matrix + matrix.T
    depends = np.eye(size, dtype=bool) | (np.arange(size) == 0)
    slopes_of = np.where(depends, rng.normal(size=(size, size)), 0.0)
    widths = rng.uniform(0.5, 2.0, size)
    for moves in (single(coupled, depends), together(coupled, depends)):
        moved = np.vstack([np.zeros(size), moves.steps * widths])
        found = moves.precision(-(moved @ matrix)[None], widths)
        np.testing.assert_allclose(found[0], matrix, atol=1e-12)
        found = moves.slopes((moved @ slopes_of.T)[None], widths)
        np.testing.assert_allclose(found[0], slopes_of.T, atol=1e-12)
    assert moves.count == 4
