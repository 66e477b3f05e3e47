"""Posteriors in closed form, against SciPy's laws, linear algebra and quadrature."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln, logsumexp

import ppl
from benchmarks.speed.linear import MODELS, errors
from ppl.cli import main
from ppl.inference import exact
from ppl.inference.compiled import CompiledTarget
from ppl.inference.families import gamma_power


def infer(text, **data):
    fit = ppl.Model(text).infer(data)
    assert fit.verdict == "exact", fit.why
    assert fit.report().rung == "exact"
    assert fit.log_evidence.standard_error == 0.0
    return fit


def agrees(fit, name, mean, sd, law=None):
    """Check moments exactly, and where a law is given its quantiles."""
    quantity = fit[name]
    np.testing.assert_allclose(quantity.mean, mean, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(quantity.sd, sd, rtol=1e-6)
    assert np.all(quantity.mcse == 0.0)
    np.testing.assert_allclose(quantity.values.mean(axis=0), mean, atol=0.05 * np.max(sd))
    if law is not None:
        for probability in (0.05, 0.5, 0.95):
            found = law.cdf(quantity.quantile(probability))
            np.testing.assert_allclose(found, probability, atol=0.01)


def on_a_grid(log_density, low, high, points=200_001):
    """Return log evidence, mean and sd of a number by quadrature."""
    x = np.linspace(low, high, points)[1:-1]
    logs = log_density(x)
    total = logsumexp(logs) + np.log(x[1] - x[0])
    weight = np.exp(logs - logsumexp(logs))
    mean = weight @ x
    return total, mean, np.sqrt(weight @ (x - mean) ** 2)


def normal_evidence(y, mean, covariance):
    return stats.multivariate_normal(mean, covariance).logpdf(y)


Y = np.array([1.2, -0.4, 2.2, 0.9, 1.7])
COUNTS = np.array([3, 0, 2, 5])


def test_a_normal_mean():
    fit = infer("m ~ Normal(1, 10)\ny ~ Normal(m, 2)", y=Y)
    precision = 5 / 4 + 1 / 100
    law = stats.norm((Y.sum() / 4 + 1 / 100) / precision, precision**-0.5)
    agrees(fit, "m", law.mean(), law.std(), law)
    evidence = normal_evidence(Y, np.ones(5), 4 * np.eye(5) + 100)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-8)
    assert fit.elbo.value == pytest.approx(evidence, abs=1e-8)


def test_levels_with_known_scales_and_what_is_computed_from_them():
    group = np.array([0, 0, 1, 2, 2])
    fit = infer(
        """
        data y[N], g[N] in G
        mu ~ Normal(0, 5)
        level[G] ~ Normal(mu, 2)
        contrast = level[2] - level[0]
        for n in N { y[n] ~ Normal(level[g[n]], 0.5) }
        """,
        y=Y,
        g=group,
    )
    load = np.eye(3)[group]
    prior = 4 * np.eye(3) + 25
    covariance = load @ prior @ load.T + 0.25 * np.eye(5)
    gain = prior @ load.T @ np.linalg.inv(covariance)
    spread = prior - gain @ load @ prior
    agrees(fit, "level", gain @ Y, np.sqrt(np.diag(spread)))
    agrees(fit, "mu", 25 * np.ones(5) @ np.linalg.solve(covariance, Y), fit["mu"].sd)
    assert fit.log_evidence.value == pytest.approx(normal_evidence(Y, 0 * Y, covariance), abs=1e-8)
    difference = np.array([-1.0, 0.0, 1.0])
    assert fit["contrast"].mean == pytest.approx(difference @ gain @ Y, abs=1e-8)
    assert fit["contrast"].sd == pytest.approx(np.sqrt(difference @ spread @ difference), rel=1e-8)


def test_a_state_space_model_is_jointly_normal():
    fit = infer(
        """
        data y[T]
        z[0] ~ Normal(0, 1)
        for t in 1:T { z[t] ~ Normal(0.8 * z[t - 1] + 0.1, 0.6) }
        y ~ Normal(2 * z, 1)
        """,
        y=Y,
    )
    root = np.eye(5) - 0.8 * np.eye(5, k=-1)
    noise = np.diag([1.0, *np.full(4, 0.36)])
    prior = np.linalg.inv(root) @ noise @ np.linalg.inv(root).T
    mean = np.linalg.solve(root, [0.0, *np.full(4, 0.1)])
    covariance = 4 * prior + np.eye(5)
    gain = 2 * prior @ np.linalg.inv(covariance)
    spread = prior - gain @ (2 * prior)
    agrees(fit, "z", mean + gain @ (Y - 2 * mean), np.sqrt(np.diag(spread)))
    evidence = normal_evidence(Y, 2 * mean, covariance)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-8)


def test_a_multivariate_prior_with_a_known_covariance():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    X = np.random.default_rng(0).normal(size=(5, 2))
    model = """
    data X[N, D], y[N], S[D, D]
    b[D] ~ MultivariateNormal(0, cov = S)
    y ~ Normal(X @ b, 1)
    """
    fit = infer(model, X=X, y=Y, S=covariance)
    spread = np.linalg.inv(np.linalg.inv(covariance) + X.T @ X)
    agrees(fit, "b", spread @ X.T @ Y, np.sqrt(np.diag(spread)))
    evidence = normal_evidence(Y, 0 * Y, np.eye(5) + X @ covariance @ X.T)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-8)


@pytest.mark.parametrize(
    ("likelihood", "data"),
    [
        ("data y[N]\ny ~ Bernoulli(p)", {"y": [1, 1, 1, 0]}),
        ("data y[N]\ny ~ Bernoulli(1 - p)", {"y": [0, 0, 0, 1]}),
        ("data y[N], n[N]\ny ~ Binomial(n, p)", {"y": [1, 2], "n": [2, 2]}),
    ],
)
def test_beta_with_trials(likelihood, data):
    fit = infer(f"p ~ Beta(2, 3)\n{likelihood}", **data)
    law = stats.beta(5, 4)
    agrees(fit, "p", law.mean(), law.std(), law)
    choices = 2 * np.log(1) if "n" not in data else np.log(2)
    evidence = betaln(5, 4) - betaln(2, 3) + choices
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-9)


def test_a_uniform_chance_with_failures_before_the_first_success():
    fit = infer("data y[N]\np ~ Uniform(0, 1)\ny ~ Geometric(p)", y=COUNTS)
    law = stats.beta(5, 11)
    agrees(fit, "p", law.mean(), law.std(), law)
    assert fit.log_evidence.value == pytest.approx(betaln(5, 11), abs=1e-9)


def test_gamma_with_counts_of_unequal_exposure():
    exposure = np.array([1.0, 0.5, 2.0, 3.0])
    model = "data y[N], e[N]\nrate ~ Gamma(2, 3)\ny ~ Poisson(rate * e)"
    fit = infer(model, y=COUNTS, e=exposure)
    law = stats.gamma(12, scale=1 / 9.5)
    agrees(fit, "rate", law.mean(), law.std(), law)

    def log_joint(x):
        likelihood = stats.poisson(x[:, None] * exposure).logpmf(COUNTS).sum(axis=1)
        return stats.gamma(2, scale=1 / 3).logpdf(x) + likelihood

    evidence, _, _ = on_a_grid(log_joint, 0, 8)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-6)


def test_a_plate_of_rates():
    model = "data y[N], g[N] in G\nrate[G] ~ Gamma(2, 3)\nfor n in N { y[n] ~ Poisson(rate[g[n]]) }"
    fit = infer(model, y=COUNTS, g=[0, 0, 1, 2])
    law = stats.gamma(np.array([5, 4, 7]), scale=1 / np.array([5, 4, 4]))
    agrees(fit, "rate", law.mean(), law.std(), law)


def test_waiting_times_by_rate_and_by_mean():
    waits = np.array([0.3, 1.1, 0.6])
    fit = infer("data y[N]\nrate ~ Exponential(2)\ny ~ Exponential(rate)", y=waits)
    law = stats.gamma(4, scale=1 / 4)
    agrees(fit, "rate", law.mean(), law.std(), law)
    evidence = np.log(2) + gammaln(4) - 4 * np.log(4)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-9)
    fit = infer("data y[N]\nmean ~ InverseGamma(3, 2)\ny ~ Exponential(1 / mean)", y=waits)
    law = stats.invgamma(6, scale=4)
    agrees(fit, "mean", law.mean(), law.std(), law)
    evidence = 3 * np.log(2) - gammaln(3) + gammaln(6) - 6 * np.log(4)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-9)


@pytest.mark.parametrize("shape", [2.5, 49.0, 51.5, 1e3, 5e5, 1e9])
def test_moments_of_many_data_keep_their_digits(shape):
    parameters = np.array([shape, 3.0])
    mean, variance = gamma_power(1.0).moments(parameters)
    np.testing.assert_allclose(mean, shape / 3, rtol=1e-12)
    np.testing.assert_allclose(variance, shape / 9, rtol=1e-10)
    mean, variance = gamma_power(-1.0).moments(parameters)
    np.testing.assert_allclose(mean, 3 / (shape - 1), rtol=1e-12)
    expected = 9 / ((shape - 1) ** 2 * (shape - 2))
    np.testing.assert_allclose(variance, expected, rtol=1e-10)


@pytest.mark.parametrize("power", [2.0, -2.0])
def test_moments_of_roots_of_a_gamma(power):
    mean, variance = gamma_power(power).moments(np.array([[60.0, 2.0], [20.0, 3.0]]))
    for k, (shape, rate) in enumerate([(60.0, 2.0), (20.0, 3.0)]):
        law = stats.gamma(shape, scale=1 / rate)
        first, second = (law.expect(lambda g, n=n: g ** (n / power)) for n in (1, 2))
        assert mean[k] == pytest.approx(first, rel=1e-8)
        assert variance[k] == pytest.approx(second - first**2, rel=1e-6)


def test_regression_from_files_through_the_command(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.7 * rng.normal(size=400)
    np.save(tmp_path / "X.npy", x)
    np.save(tmp_path / "y.npy", y)
    model = tmp_path / "model.ppl"
    for text, reference in MODELS.values():
        model.write_text(text, encoding="utf-8")
        files = [f"X={tmp_path / 'X.npy'}", f"y={tmp_path / 'y.npy'}"]
        out = tmp_path / "fit.json"
        assert main(["infer", str(model), *files, "--json", str(out), "--quiet"]) == 0
        off_mean, off_sd = errors(json.loads(out.read_text()), reference(x, y))
        assert max(off_mean, off_sd) < 1e-6


def test_the_scale_of_a_weibull_of_known_shape():
    waits = np.array([0.3, 1.1, 0.6, 2.0])
    fit = infer("data y[N]\ns ~ Flat() > 0\ny ~ Weibull(2, s)", y=waits)

    def log_joint(x):
        return stats.weibull_min(2, scale=x[:, None]).logpdf(waits).sum(axis=1)

    evidence, mean, sd = on_a_grid(log_joint, 0, 60, 600_001)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-5)
    assert fit["s"].mean == pytest.approx(mean, rel=1e-4)
    assert fit["s"].sd == pytest.approx(sd, rel=1e-3)


@pytest.mark.parametrize("how", ["Categorical", "Multinomial"])
def test_dirichlet_with_counts(how):
    if how == "Categorical":
        fit = infer(
            "data y[N]\ndim K = 3\np[K] ~ Dirichlet([1, 2, 3])\ny ~ Categorical(p)", y=[0, 2, 2, 1]
        )
        choices = 0.0
    else:
        fit = infer(
            "data y[K], a[K]\np[K] ~ Dirichlet(a)\ny ~ Multinomial(4, p)",
            y=[1, 1, 2],
            a=[1.0, 2.0, 3.0],
        )
        choices = gammaln(5) - gammaln(3)
    alpha, prior = np.array([2.0, 3.0, 5.0]), np.array([1.0, 2.0, 3.0])
    law = stats.dirichlet(alpha)
    agrees(fit, "p", law.mean(), np.sqrt(law.var()))
    for k in range(3):
        marginal = stats.beta(alpha[k], 10 - alpha[k])
        assert marginal.cdf(fit["p"].quantile(0.9)[k]) == pytest.approx(0.9, abs=0.02)
    evidence = gammaln(alpha).sum() - gammaln(10) - gammaln(prior).sum() + gammaln(6) + choices
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-9)


REGRESSIONS = {
    "variance": "s ~ InverseGamma(2, 3)\nb[D] ~ Normal(0, 2 * sqrt(s))\ny ~ Normal(X @ b, sqrt(s))",
    "precision": """
    t ~ Gamma(2, 3)
    b[D] ~ Normal(0, precision = t / 4)
    y ~ Normal(X @ b, precision = t)
    """,
    "scale of a precision": """
    t ~ Gamma(2, 3)
    width = 1 / sqrt(t)
    b[D] ~ Normal(0, 2 * width)
    y ~ Normal(X @ b, width)
    """,
}


@pytest.mark.parametrize("how", REGRESSIONS)
def test_regression_with_conjugate_priors(how):
    X = np.random.default_rng(1).normal(size=(5, 2))
    fit = infer(f"data X[N, D], y[N]\n{REGRESSIONS[how]}", X=X, y=Y)
    marginal = stats.multivariate_t(np.zeros(5), 1.5 * (np.eye(5) + 4 * X @ X.T), df=4)
    assert fit.log_evidence.value == pytest.approx(marginal.logpdf(Y), abs=1e-8)
    precision = X.T @ X + np.eye(2) / 4
    mean = np.linalg.solve(precision, X.T @ Y)
    shape, rate = 2 + 2.5, 3 + 0.5 * (Y @ Y - mean @ precision @ mean)
    spread = np.sqrt(rate / shape * np.diag(np.linalg.inv(precision)))
    law = stats.t(2 * shape, mean, spread)
    agrees(fit, "b", mean, law.std(), law)
    if how == "variance":
        law = stats.invgamma(shape, scale=rate)
        agrees(fit, "s", law.mean(), law.std(), law)
    else:
        law = stats.gamma(shape, scale=1 / rate)
        agrees(fit, "t", law.mean(), law.std(), law)


def test_regression_with_flat_priors_on_coefficients_and_scale():
    x = np.random.default_rng(2).normal(size=40) * 3 + 1e4
    y = 5 - 2 * x + np.random.default_rng(3).normal(size=40)
    model = "data x[N], y[N]\na ~ Flat()\nb ~ Flat()\ns ~ Flat() > 0\ny ~ Normal(a + b * x, s)"
    fit = infer(model, x=x, y=y)
    design = np.stack([np.ones(40), x], axis=1)
    best, residual, _, _ = np.linalg.lstsq(design, y, rcond=None)
    freedom = 37
    spread = np.sqrt(residual[0] / freedom * np.diag(np.linalg.inv(design.T @ design)))
    law = stats.t(freedom, best[1], spread[1])
    np.testing.assert_allclose(fit["b"].mean, best[1], atol=1e-4 * spread[1])
    np.testing.assert_allclose(fit["b"].sd, law.std(), rtol=1e-4)

    def log_joint(s):
        return -40 * np.log(s) - 0.5 * residual[0] / s**2 + 2 * np.log(s)

    _, mean, sd = on_a_grid(log_joint, 0.3, 6)
    assert fit["s"].mean == pytest.approx(mean, rel=1e-4)
    assert fit["s"].sd == pytest.approx(sd, rel=1e-4)


def test_a_plate_of_means_and_variances():
    y, group = np.concatenate([Y, 2 * Y, [0.3]]), np.repeat([0, 1, 2], [5, 5, 1])
    fit = infer(
        """
        data y[N], g[N] in G
        s[G] ~ InverseGamma(3, 2)
        m[G] ~ Normal(1, sqrt(s) * 3)
        for n in N { y[n] ~ Normal(m[g[n]], sqrt(s[g[n]])) }
        """,
        y=y,
        g=group,
    )
    evidence = 0.0
    for k in range(3):
        own = y[group == k]
        size = len(own)
        scale = 2 / 3 * (np.eye(size) + 9)
        evidence += stats.multivariate_t(np.ones(size), scale, df=6).logpdf(own)
        precision = size + 1 / 9
        mean = (own.sum() + 1 / 9) / precision
        rate = 2 + 0.5 * (own @ own + 1 / 9 - precision * mean**2)
        law = stats.invgamma(3 + size / 2, scale=rate)
        assert fit["s"].mean[k] == pytest.approx(law.mean(), rel=1e-7)
        assert fit["s"].sd[k] == pytest.approx(law.std(), rel=1e-6)
        assert fit["m"].mean[k] == pytest.approx(mean, abs=1e-8)
        assert fit["m"].sd[k] == pytest.approx(np.sqrt(law.mean() / precision), rel=1e-7)
    assert fit.log_evidence.value == pytest.approx(evidence, abs=1e-7)


def test_independent_parts_each_have_their_own_law():
    fit = infer(
        """
        data y[N], c[M]
        m ~ Normal(0, 1)
        rate ~ Gamma(2, 1)
        p ~ Beta(1, 1)
        y ~ Normal(m, 1)
        c ~ Poisson(rate)
        3 ~ Binomial(10, p)
        """,
        y=Y,
        c=COUNTS,
    )
    assert fit.why == "The posterior has a closed form: beta and gamma and normal."
    agrees(fit, "m", Y.sum() / 6, 6**-0.5, stats.norm(Y.sum() / 6, 6**-0.5))
    agrees(fit, "rate", 12 / 5, np.sqrt(12) / 5, stats.gamma(12, scale=1 / 5))
    agrees(fit, "p", 4 / 12, stats.beta(4, 8).std(), stats.beta(4, 8))


NOT_CLOSED = {
    "a scale that its prior does not know": """
    m ~ Normal(0, 1)
    s ~ InverseGamma(2, 2)
    y ~ Normal(m, sqrt(s))
    """,
    "a prior that is not conjugate": "s ~ HalfNormal(1)\ny ~ Normal(0, s)",
    "a product of latents": "a ~ Normal(0, 1)\nb ~ Normal(0, 1)\ny ~ Normal(a * b, 1)",
    "heavy tails": "m ~ Normal(0, 1)\ny ~ StudentT(4, m, 1)",
    "a bound": "m ~ Normal(0, 1) > 0\ny ~ Normal(m, 1)",
    "a quotient of two positions of one name": """
    dim K = 2
    r[K] ~ Gamma(2, 1)
    y ~ Normal(r[0] / r[1], 1)
    """,
    "a mean divided by a sum": """
    dim K = 2
    r[K] ~ Gamma(2, 1)
    for n in N { abs(y[n]) ~ Exponential(sum(r[k] for k in K)) }
    """,
    "one mean under two scales": """
    dim K = 2
    s[K] ~ InverseGamma(2, 2)
    m ~ Normal(0, sqrt(s[0]))
    for n in N { y[n] ~ Normal(m, sqrt(s[n % 2])) }
    """,
    "a learned parameter": "m ~ Normal(0, 1)\nparam s > 0\ny ~ Normal(m, s)",
    "a state that is summed out": """
    m ~ Normal(0, 1)
    for n in N { k[n] ~ Bernoulli(0.3) }
    for n in N { y[n] ~ Normal(m + k[n], 1) }
    """,
}


@pytest.mark.parametrize("why", NOT_CLOSED)
def test_what_has_no_closed_form_is_not_given_one(why):
    target = CompiledTarget(ppl.Model(f"data y[N]\n{NOT_CLOSED[why]}").compile(y=Y))
    assert exact.run(target, np.random.default_rng(0), 100) is None


def test_a_forced_rung_is_taken_all_the_same():
    model = ppl.Model("m ~ Normal(1, 10)\ny ~ Normal(m, 2)")
    exact = model.infer(y=Y)
    for choice in ({"method": "is"}, {"method": "hmc"}, {"method": "vi"}, {"guide": "fullrank"}):
        fit = model.infer(y=Y, **choice)
        assert fit.verdict == "good"
        assert fit["m"].mean == pytest.approx(exact["m"].mean, abs=0.05 * exact["m"].sd)


def test_improper_posteriors_are_not_called_exact():
    fit = ppl.Model("a ~ Flat()\nb ~ Flat()\ny ~ Normal(a + b, 1)").infer(y=Y)
    assert fit.verdict == "poor"
    fit = ppl.Model("data y[N]\nm ~ Flat()\ns ~ Flat() > 0\ny ~ Normal(m, s)").infer(y=Y[:2])
    assert fit.verdict != "exact"


def test_exact_moments_are_kept_in_a_file(tmp_path):
    fit = infer("m ~ Normal(1, 10)\ny ~ Normal(m, 2)", y=Y)
    fit.save(tmp_path / "fit.ppl")
    again = ppl.load(tmp_path / "fit.ppl")
    assert again["m"].mean == fit["m"].mean
    assert again["m"].sd == fit["m"].sd
    assert again.verdict == "exact"


def test_the_same_seed_gives_the_same_draws():
    model = ppl.Model("data y[N]\nrate ~ Gamma(2, 3)\ny ~ Poisson(rate)")
    one, two, other = (model.infer(y=COUNTS, seed=seed) for seed in (1, 1, 2))
    assert one["rate"].draws().tobytes() == two["rate"].draws().tobytes()
    assert one["rate"].draws().tobytes() != other["rate"].draws().tobytes()
