"""Models with distributions that are built from others, from text to log joint and draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import ppl

RNG = np.random.default_rng(8)


def likelihood(text, data, columns=(), **sizes):
    """Return the log likelihood at one point of the free numbers, and check the gradient there."""
    joint = ppl.Model(text).compile(data, **sizes)
    x = np.atleast_2d(np.asarray(columns, dtype=float))
    assert x.shape[1] == joint.program.dimension
    value, gradient = joint.gradient.value_and_gradient(x)
    for k in range(x.shape[1]):
        step = np.zeros_like(x)
        step[0, k] = 1e-5
        slope = (joint.log_joint(x + step) - joint.log_joint(x - step)) / 2e-5
        assert gradient[0, k] == pytest.approx(slope[0], rel=1e-5, abs=1e-6)
    assert value[0] == pytest.approx(joint.log_joint(x)[0], rel=1e-12)
    return float(joint.log_likelihood(x)[0])


def test_zero_inflated_counts():
    y = np.array([0, 0, 3, 1, 0, 5.0])
    p, mu = 0.3, 2.5
    found = likelihood(
        "param p in (0, 1)\nparam mu > 0\ny[N] ~ ZeroInflated(p, Poisson(mu))",
        {"y": y},
        [np.log(p / (1 - p)), np.log(mu)],
    )
    assert found == pytest.approx(np.log(p * (y == 0) + (1 - p) * st.poisson(mu).pmf(y)).sum())


def test_a_hurdle_within_a_loop_with_predictors():
    x, y = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([0, 2, 0, 4.0])
    text = """
    data x[N], y[N]
    param a, b, q
    for n in N { y[n] ~ Hurdle(sigmoid(q), Poisson(log = a + b * x[n])) }
    """
    a, b, q = 0.2, 0.4, -0.5
    found = likelihood(text, {"x": x, "y": y}, [a, b, q])
    p, d = 1 / (1 + np.exp(-q)), st.poisson(np.exp(a + b * x))
    expected = np.where(y == 0, np.log(p), np.log1p(-p) + d.logpmf(y) - d.logsf(0))
    assert found == pytest.approx(expected.sum())


def test_censored_survival_times_have_the_likelihood_of_the_exponential():
    t = np.array([0.4, 1.2, 2.0, 2.0, 0.9])
    limit = np.array([np.inf, np.inf, 2.0, 2.0, np.inf])
    text = "data t[N], limit[N]\nparam rate > 0\nt ~ Censored(Exponential(rate), b = limit)"
    found = likelihood(text, {"t": t, "limit": limit}, [np.log(0.7)])
    assert found == pytest.approx(3 * np.log(0.7) - 0.7 * t.sum(), rel=1e-12)


def test_censored_on_both_sides_with_latent_location():
    y = np.array([-1.0, 0.2, 1.5, 3.0, 3.0])
    text = "mu ~ Normal(0, 1)\ny[N] ~ Censored(Normal(mu, 2), -1, 3)"
    d = st.norm(0.4, 2)
    expected = d.logcdf(-1) + d.logpdf([0.2, 1.5]).sum() + 2 * d.logsf(3)
    assert likelihood(text, {"y": y}, [0.4]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "right", ["Truncated(Normal(a + b * x, s), 0, inf)", "Normal(a + b * x, s) > 0"]
)
def test_truncated_regression(right):
    x, y = np.array([-2.0, 0.0, 1.0, 2.0]), np.array([0.3, 1.0, 0.4, 2.2])
    text = f"data x[N], y[N]\nparam a, b, s > 0\ny ~ {right}"
    a, b, s = 0.5, 0.8, 1.3
    mu = a + b * x
    expected = st.truncnorm(-mu / s, np.inf, mu, s).logpdf(y).sum()
    found = likelihood(text, {"x": x, "y": y}, [a, b, np.log(s)])
    assert found == pytest.approx(expected, rel=1e-11)


def test_bounds_may_be_data_and_latent():
    y, low = np.array([0.5, 1.5, 3.0]), np.array([0.0, 1.0, -np.inf])
    text = "data low[N]\nparam top > 4\ny[N] ~ Truncated(Normal(1, 2), low, top)"
    top = 4 + np.exp(0.3)
    expected = st.truncnorm((low - 1) / 2, (top - 1) / 2, 1, 2).logpdf(y).sum()
    assert likelihood(text, {"y": y, "low": low}, [0.3]) == pytest.approx(expected)


def test_a_mixture_is_the_enumerated_one():
    y = RNG.normal(size=12) * 2
    prior = "w ~ Dirichlet([1, 1, 1])\nm[K] ~ Normal(0, 2)\ns ~ HalfNormal(1)\n"
    whole = "y[N] ~ Mixture(w, Normal(m[0], s), Normal(m[1], 2 * s), Normal(m[2], 1))"
    summed = """for n in N {
      z[n] ~ Categorical(w)
      y[n] ~ Normal(m[z[n]], if z[n] == 0 then s else if z[n] == 1 then 2 * s else 1)
    }"""
    one = ppl.Model(f"dim K = 3\n{prior}{whole}").compile({"y": y})
    two = ppl.Model(f"dim K = 3\n{prior}{summed}").compile({"y": y})
    x = RNG.normal(size=(4, one.program.dimension))
    np.testing.assert_allclose(one.log_joint(x), two.log_joint(x), rtol=1e-9)
    np.testing.assert_allclose(
        one.gradient.value_and_gradient(x)[1], two.gradient.value_and_gradient(x)[1], rtol=1e-8
    )


def test_a_mixture_of_vectors():
    y = RNG.normal(size=(5, 2))
    text = """
    data y[N, 2]
    param m[2]
    for n in N { y[n] ~ Mixture([0.4, 0.6], MultivariateNormal(m, eye(2)),
                                MultivariateNormal([1, 1], cov = 2 * eye(2))) }
    """
    m = np.array([0.3, -0.2])
    first = 0.4 * st.multivariate_normal(m, np.eye(2)).pdf(y)
    second = 0.6 * st.multivariate_normal([1, 1], 2 * np.eye(2)).pdf(y)
    assert likelihood(text, {"y": y}, m) == pytest.approx(np.log(first + second).sum())


def test_built_distributions_nest():
    y = np.array([0.0, 0.4, 0.9, 0.0])
    text = "param p in (0, 1)\ny[N] ~ ZeroInflated(p, Mixture([p, 1 - p], Beta(1, 2), Beta(2, 1)))"
    p = 0.3
    density = p * st.beta(1, 2).pdf(y) + (1 - p) * st.beta(2, 1).pdf(y)
    expected = np.where(y == 0, np.log(p), np.log((1 - p) * density)).sum()
    assert likelihood(text, {"y": y}, [np.log(p / (1 - p))]) == pytest.approx(expected)


def test_distribution_functions_in_expressions():
    text = """
    param m
    factor logp(Truncated(Normal(m, 1), 0, 2), 0.5) + log(cdf(Normal(m, 1), 1))
    factor log(ccdf(Exponential(2), 0.4)) + log(cdf(ZeroInflated(0.2, Poisson(3)), 1))
    """
    expected = st.truncnorm(-0.3, 1.7, 0.3).logpdf(0.5) + st.norm(0.3).logcdf(1) - 0.8
    expected += np.log(0.2 + 0.8 * st.poisson(3).cdf(1))
    assert likelihood(text, {}, [0.3]) == pytest.approx(expected)


def test_a_density_of_ones_own():
    joint = ppl.Model("theta ~ Density(-theta^2 / 2 + theta) in (0, 2)").compile({})
    u = np.linspace(-30, 30, 6001)[:, None]
    total = np.sum(np.exp(joint.log_joint(u))) * (u[1, 0] - u[0, 0])
    t = np.linspace(0, 2, 20001)
    assert total == pytest.approx(np.trapezoid(np.exp(-(t**2) / 2 + t), t), rel=1e-6)


def test_restriction_keeps_the_density_and_truncation_normalises():
    y = {"y": [1.0]}
    draws = np.array([[0.2], [1.4]])
    texts = [
        f"m ~ Normal(0, 1)\nb ~ {d}\ny ~ Normal(m + b, 1)"
        for d in ("Restricted(Normal(m, 1), 0, inf)", "Truncated(Normal(m, 1), 0, inf)")
    ]
    one, two = (ppl.Model(t).compile(y) for t in texts)
    x = np.hstack([draws, np.log([[0.5], [0.7]])])
    difference = one.log_joint(x) - two.log_joint(x)
    np.testing.assert_allclose(difference, st.norm.logsf(-draws[:, 0]), rtol=1e-12)


def test_a_truncated_count_is_summed_out():
    text = "n ~ Poisson(3) in [1, 9]\ny ~ Binomial(n, 0.4)"
    n = np.arange(1, 10)
    prior = st.poisson(3).pmf(n) / st.poisson(3).pmf(n).sum()
    expected = np.log(np.sum(prior * st.binom(n, 0.4).pmf(2)))
    for one in (text, text.replace("Poisson(3) in [1, 9]", "Truncated(Poisson(3), 1, 9)")):
        found = ppl.Model(one).compile({"y": 2}).log_joint(np.zeros((1, 0)))
        assert found[0] == pytest.approx(expected)


def quantities(text, data=None, **sizes):
    joint = ppl.Model(text).compile(data or {}, **sizes)
    return joint.quantities(np.zeros((4000, joint.program.dimension)), np.random.default_rng(2))


def test_what_is_not_observed_is_drawn_between_its_bounds():
    found = quantities(
        """
        dim N = 2
        tau ~ Cauchy(0, 5) > 0
        n ~ Poisson(2) > 0
        far ~ Normal(0, 1) > 7
        y[N] ~ Normal(10, 1) in (-tau, tau)
        """
    )
    assert st.kstest(found["tau"], st.halfcauchy(scale=5).cdf).pvalue > 1e-3
    assert found["n"].min() == 1
    assert abs(found["n"].mean() - 2 / (1 - np.exp(-2))) < 0.1
    assert st.kstest(found["far"], st.truncnorm(7, np.inf).cdf).pvalue > 1e-3
    assert np.all(np.abs(found["y"]) < found["tau"][:, None])


def test_built_distributions_are_drawn():
    found = quantities(
        """
        dim N = 3
        m ~ Normal(0, 1)
        a[N] ~ Mixture([0.25, 0.75], Normal(m, 1), Normal(m + 100, 1))
        z[N] ~ ZeroInflated(0.5, Poisson(4))
        h[N] ~ Hurdle(0.5, Poisson(0.3))
        c[N] ~ Censored(Exponential(1), 0.5, 2)
        """
    )
    high = found["a"] - found["m"][:, None] > 50
    assert abs(high.mean() - 0.75) < 0.03
    assert abs((found["z"] == 0).mean() - (0.5 + 0.5 * np.exp(-4))) < 0.03
    assert abs((found["h"] == 0).mean() - 0.5) < 0.03
    assert found["c"].min() == 0.5
    assert found["c"].max() == 2.0


def test_a_latent_mixture_is_fitted():
    text = "m ~ Mixture([0.5, 0.5], Normal(0, 1), Normal(1, 1))\ny[N] ~ Normal(m, 1)"
    fit = ppl.infer(text, y=[0.4])
    grid = np.linspace(-8, 9, 20001)
    weight = (st.norm(0).pdf(grid) + st.norm(1).pdf(grid)) * st.norm(0.4).pdf(grid)
    mean = np.sum(grid * weight) / weight.sum()
    assert float(fit["m"].mean) == pytest.approx(mean, abs=0.05)


def test_a_gaussian_process_is_the_normal_with_its_kernel():
    t, y = np.array([0.0, 0.4, 1.5]), np.array([0.2, 0.5, -1.0])
    text = "data t[N], y[N]\nparam a > 0\ny ~ GaussianProcess(0.1, exp_quad(a, 0.8), t)"
    cov = 1.3**2 * np.exp(-0.5 * np.square((t[:, None] - t) / 0.8)) + 1e-8 * np.eye(3)
    expected = st.multivariate_normal(np.full(3, 0.1), cov).logpdf(y)
    assert likelihood(text, {"t": t, "y": y}, [np.log(1.3)]) == pytest.approx(expected)


def test_walks_and_autoregressions_of_several_series():
    y = RNG.normal(size=(2, 5)).cumsum(axis=1)
    text = """
    data y[K, T]
    param a, b, s[K] > 0
    for k in K { y[k] ~ AR([a, b], s[k]) }
    """
    s = np.array([0.7, 1.2])
    found = likelihood(text, {"y": y}, [0.5, -0.1, *np.log(s)])
    before = np.pad(y, ((0, 0), (2, 0)))
    mean = 0.5 * before[:, 1:-1] - 0.1 * before[:, :-2]
    assert found == pytest.approx(st.norm(mean, s[:, None]).logpdf(y).sum())
    walk = "data y[K, T]\nparam s[K] > 0\nfor k in K { y[k] ~ RandomWalk(Normal(0, s[k])) }"
    steps = np.diff(y, prepend=0.0)
    expected = st.norm(0, s[:, None]).logpdf(steps).sum()
    assert likelihood(walk, {"y": y}, np.log(s)) == pytest.approx(expected)


def test_series_are_drawn():
    found = quantities(
        """
        dim T = 4
        s ~ HalfNormal(1)
        w[T] ~ RandomWalk(Normal(0, 2))
        a[T] ~ AR([0.5], 1)
        u[T] ~ RandomWalk(Exponential(s))
        """
    )
    np.testing.assert_allclose(found["w"].var(axis=0), 4.0 * np.arange(1, 5), rtol=0.1)
    np.testing.assert_allclose(found["a"].var(axis=0)[:2], [1.0, 1.25], rtol=0.1)
    assert np.all(np.diff(found["u"], axis=1) > 0)
