"""The table as the language promises it: each signature, as models write it, against SciPy's law.

The laws take a record's own word for its parameters; here names, order, keywords, supports, edges
and moments are written out once more, by hand.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad
from scipy.special import expit, ndtr

import ppl
from ppl.distributions import DISTRIBUTIONS
from ppl.text import DataError, PplError


class ByHand:
    """A law that SciPy lacks: a log density, with moments by integration of it."""

    def __init__(self, log_density, low, high):
        self.logpdf, self.low, self.high = log_density, low, high

    def expect(self, function):
        return quad(lambda x: function(x) * np.exp(self.logpdf(x)), self.low, self.high)[0]

    def mean(self):
        return self.expect(lambda x: x)

    def var(self):
        return self.expect(lambda x: np.square(x - self.mean()))


def categories(masses):
    return st.rv_discrete(values=(np.arange(len(masses)), masses))


REAL, HALF, UNIT, COUNT = [0.3, -1.7, 2.5], [0.4, 0.9, 3.1], [0.2, 0.55, 0.93], [0, 1, 3]
LOGIT = np.exp([0.1, 0.2, 0.3, 0.4]) / np.exp([0.1, 0.2, 0.3, 0.4]).sum()
CUTS = np.array([-1.0, 0.5, 2.0])

NUMBERS = {
    "Normal(0.4, 1.3)": (REAL, st.norm(0.4, 1.3)),
    "Normal(sigma = 1.3, mu = 0.4)": (REAL, st.norm(0.4, 1.3)),
    "Normal(0.4, precision = 2)": (REAL, st.norm(0.4, 2**-0.5)),
    "StudentT(3.5, 0.4, 1.3)": (REAL, st.t(3.5, 0.4, 1.3)),
    "Cauchy(0.4, 1.3)": (REAL, st.cauchy(0.4, 1.3)),
    "Laplace(0.4, 1.3)": (REAL, st.laplace(0.4, 1.3)),
    "Logistic(0.4, 1.3)": (REAL, st.logistic(0.4, 1.3)),
    "Gumbel(0.4, 1.3)": (REAL, st.gumbel_r(0.4, 1.3)),
    "SkewNormal(0.4, 1.3, 2)": (REAL, st.skewnorm(2, 0.4, 1.3)),
    "AsymmetricLaplace(0.4, 1.3, 0.7)": (REAL, st.laplace_asymmetric(0.7, 0.4, 1.3)),
    "ExGaussian(0.4, 1.3, 0.7)": (REAL, st.exponnorm(0.7 / 1.3, 0.4, 1.3)),
    "HalfNormal(1.3)": (HALF, st.halfnorm(scale=1.3)),
    "HalfCauchy(1.3)": (HALF, st.halfcauchy(scale=1.3)),
    "HalfStudentT(9, 1.3)": (
        HALF,
        ByHand(lambda x: np.log(2) + st.t(9, scale=1.3).logpdf(x), 0.0, np.inf),
    ),
    "Exponential(1.3)": (HALF, st.expon(scale=1 / 1.3)),
    "Gamma(2.1, 1.3)": (HALF, st.gamma(2.1, scale=1 / 1.3)),
    "Gamma(mu = 2.1, sigma = 1.3)": (HALF, st.gamma((2.1 / 1.3) ** 2, scale=1.3**2 / 2.1)),
    "InverseGamma(4.1, 1.3)": (HALF, st.invgamma(4.1, scale=1.3)),
    "LogNormal(0.4, 0.8)": (HALF, st.lognorm(0.8, scale=np.exp(0.4))),
    "Weibull(1.7, 1.3)": (HALF, st.weibull_min(1.7, scale=1.3)),
    "Frechet(3.7, 1.3)": (HALF, st.invweibull(3.7, scale=1.3)),
    "Pareto(3.7, 1.3)": ([1.4, 2.0, 9.0], st.pareto(3.7, scale=1.3)),
    "ChiSquared(3.3)": (HALF, st.chi2(3.3)),
    "InverseChiSquared(5.3)": (HALF, st.invgamma(5.3 / 2, scale=0.5)),
    "ScaledInverseChiSquared(5.3, 1.3)": (HALF, st.invgamma(2.65, scale=2.65 * 1.3**2)),
    "Rayleigh(1.3)": (HALF, st.rayleigh(scale=1.3)),
    "InverseGaussian(1.3, 2.2)": (HALF, st.invgauss(1.3 / 2.2, scale=2.2)),
    "LogLogistic(1.3, 3.2)": (HALF, st.fisk(3.2, scale=1.3)),
    "GeneralizedPareto(0.1, 1.3, 0.2)": (HALF, st.genpareto(0.2, 0.1, 1.3)),
    "GeneralizedPareto(0.1, 1.3, -0.2)": (HALF, st.genpareto(-0.2, 0.1, 1.3)),
    "GeneralizedPareto(0.1, 1.3, 0)": (HALF, st.genpareto(0, 0.1, 1.3)),
    "Uniform(-1, 2)": (UNIT, st.uniform(-1, 3)),
    "Beta(2.1, 1.3)": (UNIT, st.beta(2.1, 1.3)),
    "Beta(mu = 0.3, kappa = 5)": (UNIT, st.beta(1.5, 3.5)),
    "Kumaraswamy(2.1, 1.3)": (
        UNIT,
        ByHand(lambda x: np.log(2.1 * 1.3) + 1.1 * np.log(x) + 0.3 * np.log1p(-(x**2.1)), 0.0, 1.0),
    ),
    "Triangular(-1, 0.5, 2)": (UNIT, st.triang(0.5, -1, 3)),
    "VonMises(0.4, 1.3)": (UNIT, st.vonmises(1.3, 0.4)),
    "LogitNormal(0.4, 1.3)": (
        UNIT,
        ByHand(
            lambda x: st.norm(0.4, 1.3).logpdf(np.log(x / (1 - x))) - np.log(x * (1 - x)), 0.0, 1.0
        ),
    ),
    "Bernoulli(0.3)": ([0, 1], st.bernoulli(0.3)),
    "Bernoulli(logit = 0.3)": ([0, 1], st.bernoulli(expit(0.3))),
    "Binomial(5, 0.3)": (COUNT, st.binom(5, 0.3)),
    "Binomial(5, logit = 0.3)": (COUNT, st.binom(5, expit(0.3))),
    "BetaBinomial(5, 2.1, 1.3)": (COUNT, st.betabinom(5, 2.1, 1.3)),
    "Poisson(2.2)": (COUNT, st.poisson(2.2)),
    "Poisson(log = 0.4)": (COUNT, st.poisson(np.exp(0.4))),
    "NegativeBinomial(2.2, 1.3)": (COUNT, st.nbinom(1.3, 1.3 / 3.5)),
    "NegativeBinomial(log = 0.4, phi = 1.3)": (COUNT, st.nbinom(1.3, 1.3 / (1.3 + np.exp(0.4)))),
    "Geometric(0.3)": (COUNT, st.geom(0.3, loc=-1)),
    "Hypergeometric(9, 5, 4)": (COUNT, st.hypergeom(9, 5, 4)),
    "DiscreteUniform(0, 6)": (COUNT, st.randint(0, 7)),
    "Categorical([0.1, 0.2, 0.3, 0.4])": (COUNT, categories([0.1, 0.2, 0.3, 0.4])),
    "Categorical(logit = [0.1, 0.2, 0.3, 0.4])": (COUNT, categories(LOGIT)),
    "OrderedLogistic(0.4, [-1, 0.5, 2])": (COUNT, categories(np.diff([0, *expit(CUTS - 0.4), 1]))),
    "OrderedProbit(0.4, [-1, 0.5, 2])": (COUNT, categories(np.diff([0, *ndtr(CUTS - 0.4), 1]))),
    "Skellam(2.2, 1.3)": ([-2, 0, 3], st.skellam(2.2, 1.3)),
}

WITHOUT_MOMENTS = {"Cauchy", "HalfCauchy", "VonMises", "LogitNormal"}


def joint(text, data):
    """Return the log joint of a model without latents."""
    compiled = ppl.Model(text).compile(data)
    assert compiled.program.dimension == 0
    with np.errstate(all="ignore"):
        return np.ravel(compiled.log_joint(np.zeros((1, 0))))[0]


@pytest.mark.parametrize("call", NUMBERS)
def test_numbers(call):
    values, law = NUMBERS[call]
    record = DISTRIBUTIONS[call.partition("(")[0]]
    log_density = law.logpmf if record.discrete else law.logpdf
    found = joint(f"data y[N]\ny ~ {call}", {"y": values})
    assert found == pytest.approx(np.sum(log_density(np.asarray(values))), rel=1e-9)
    assert (record.mean is None) == (record.name in WITHOUT_MOMENTS)
    if record.mean is None or "=" in call:
        return
    arguments = eval(f"({call.partition('(')[2][:-1]},)", {})
    arguments = [np.asarray(a, dtype=float) for a in arguments]
    assert record.mean(*arguments) == pytest.approx(law.mean(), rel=1e-6)
    assert record.variance(*arguments) == pytest.approx(law.var(), rel=1e-6)


def test_all_numbers_are_here():
    numbers = {n for n, d in DISTRIBUTIONS.items() if d.signature[-4:] in ("", "->()")}
    assert numbers - {"Flat", "Density"} == {call.partition("(")[0] for call in NUMBERS}


# ------------------------------------------------------------------------------------ vectors

A = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 0.7]])
X = np.array([[3.0, 0.2, 0.4], [0.2, 2.0, 0.1], [0.4, 0.1, 1.5]])
M, V, T = np.array([0.1, 0.2, -0.3]), np.array([0.3, -0.2, 0.5]), np.array([2.0, 1.5, 0.7])
SHARES, COUNTS = np.array([0.2, 0.3, 0.5]), np.array([2, 1, 4])
HEAD = "data y[N], m[N], A[N, N], L[N, N], Q[N, N], t[N], p[N]\n"
GIVEN = {"m": M, "A": A, "L": np.linalg.cholesky(A), "Q": np.linalg.inv(A), "t": T, "p": SHARES}
KERNEL = 1.3**2 * np.exp(-np.square(np.subtract.outer(T, T)) / 2 / 0.8**2)

VECTORS = {
    "MultivariateNormal(m, A)": (V, st.multivariate_normal(M, A)),
    "MultivariateNormal(m, cov = A)": (V, st.multivariate_normal(M, A)),
    "MultivariateNormal(m, chol = L)": (V, st.multivariate_normal(M, A)),
    "MultivariateNormal(m, precision = Q)": (V, st.multivariate_normal(M, A)),
    "MultivariateStudentT(4, m, cov = A)": (V, st.multivariate_t(M, A, df=4)),
    "MultivariateStudentT(4, m, chol = L)": (V, st.multivariate_t(M, A, df=4)),
    "Dirichlet(t)": (SHARES, st.dirichlet(T)),
    "Dirichlet(1.7)": (SHARES, st.dirichlet([1.7] * 3)),
    "Multinomial(7, p)": (COUNTS, st.multinomial(7, SHARES)),
    "DirichletMultinomial(7, t)": (COUNTS, st.dirichlet_multinomial(T, 7)),
    "GaussianProcess(0.2, exp_quad(1.3, 0.8), t)": (
        V,
        st.multivariate_normal([0.2] * 3, KERNEL + 1e-8 * np.eye(3)),
    ),
}
MATRICES = {
    "Wishart(5.5, A)": (X, st.wishart(5.5, A)),
    "InverseWishart(5.5, A)": (X, st.invwishart(5.5, A)),
    "MatrixNormal(A, row_cov = A, col_cov = X)": (X, st.matrix_normal(A, A, X)),
}


@pytest.mark.parametrize("call", [*VECTORS, *MATRICES])
def test_vectors(call):
    value, law = {**VECTORS, **MATRICES}[call]
    head = HEAD.replace("y[N]", "y[N, N]") if call in MATRICES else HEAD
    log_density = law.logpmf if call.partition("(")[0].endswith("Multinomial") else law.logpdf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's own, about matrices of a matrix Normal
        expected = log_density(value)
    given = {**GIVEN, "X": X} if "X" in call else GIVEN
    head = head.replace("p[N]", "p[N], X[N, N]") if "X" in call else head
    found = joint(f"{head}y ~ {call}", {"y": value, **given})
    assert found == pytest.approx(expected, rel=1e-8)


def test_moments_of_matrices():
    for name, law in (("Wishart", st.wishart), ("InverseWishart", st.invwishart)):
        record = DISTRIBUTIONS[name]
        np.testing.assert_allclose(record.mean(8.5, A), law(8.5, A).mean())
        np.testing.assert_allclose(record.variance(8.5, A), law(8.5, A).var())


def test_all_parametrisations_are_here():
    calls = [*NUMBERS, *VECTORS, *MATRICES]
    for name, record in DISTRIBUTIONS.items():
        for other in record.alternatives:
            own = [k for k in other.parameters if k not in record.parameters] or other.parameters
            assert any(c.startswith(f"{name}(") and all(f"{k} =" in c for k in own) for c in calls)


# -------------------------------------------------------------------------------------- edges

INFINITE = "[-inf, 0.5, inf]"
EDGES = {
    "Poisson(0)": {0: 1.0, 1: 0.0},
    "NegativeBinomial(0, 2)": {0: 1.0, 2: 0.0},
    "Binomial(3, 0)": {0: 1.0, 1: 0.0},
    "Binomial(3, 1)": {3: 1.0, 1: 0.0},
    "Binomial(0, 0.3)": {0: 1.0},
    "Bernoulli(0)": {0: 1.0, 1: 0.0},
    "Bernoulli(1)": {0: 0.0, 1: 1.0},
    "Geometric(1)": {0: 1.0, 2: 0.0},
    "Categorical([0, 1])": {0: 0.0, 1: 1.0},
    f"OrderedLogistic(0.4, {INFINITE})": {0: 0.0, 1: expit(0.1), 2: expit(-0.1), 3: 0.0},
    f"OrderedProbit(0.4, {INFINITE})": {0: 0.0, 1: ndtr(0.1), 2: ndtr(-0.1), 3: 0.0},
    "Skellam(0, 1.3)": {-1: 1.3 * np.exp(-1.3), 0: np.exp(-1.3), 1: 0.0},
    "Skellam(1.3, 0)": {1: 1.3 * np.exp(-1.3), -1: 0.0},
    "Skellam(0, 0)": {0: 1.0, 1: 0.0},
    "Hypergeometric(5, 0, 3)": {0: 1.0},
    "Hypergeometric(5, 5, 3)": {3: 1.0},
    "DiscreteUniform(2, 2)": {2: 1.0},
    "VonMises(0.3, 0)": {1.0: 0.5 / np.pi},
    "Uniform(0, 2)": {0: 0.5, 2: 0.5},
    "Exponential(2)": {0: 2.0},
    "Triangular(0, 0, 2)": {0.5: 0.75, 0: 1.0},
    "Triangular(0, 2, 2)": {0.5: 0.25},
    "ZeroInflated(0, Poisson(0))": {0: 1.0},
    "ZeroInflated(1, Poisson(2))": {0: 1.0, 3: 0.0},
    "Truncated(Skellam(2, 2), 0, 0)": {0: 1.0},
}


@pytest.mark.parametrize("call", EDGES)
def test_edges(call):
    for value, density in EDGES[call].items():
        found = joint(f"data y\ny ~ {call}", {"y": value})
        assert np.exp(found) == pytest.approx(density, rel=1e-9)


@pytest.mark.parametrize("name", ["OrderedLogistic", "OrderedProbit"])
def test_infinite_cutpoints_have_no_slope(name):
    text = f"data y[N], c[K]\neta ~ Normal(0, 1)\ny ~ {name}(eta, c)"
    compiled = ppl.Model(text).compile({"y": [1, 2, 0, 3], "c": [-np.inf, 0.5, np.inf]})
    law = expit if name == "OrderedLogistic" else ndtr
    with np.errstate(all="ignore"):
        _, slope = compiled.gradient.value_and_gradient(np.array([[0.3]]))
    eta, h = 0.3, 1e-6
    both = [np.log(law(0.5 - e)) + np.log(law(e - 0.5)) - e**2 / 2 for e in (eta + h, eta - h)]
    assert slope[0, 0] == pytest.approx((both[0] - both[1]) / (2 * h), abs=1e-6)


OUTSIDE = {
    "Poisson(2)": (-1, 0.5),
    "Binomial(3, 0.5)": (4, -1),
    "BetaBinomial(3, 1, 1)": (4,),
    "Bernoulli(0.5)": (2,),
    "Categorical([0.5, 0.5])": (2, -1),
    "OrderedLogistic(0, [0, 1])": (3,),
    "DiscreteUniform(1, 3)": (0, 4),
    "Hypergeometric(5, 4, 3)": (0, 1, 4),
    "Geometric(0.5)": (-1,),
    "Skellam(1, 1)": (0.5,),
    "HalfNormal(1)": (-0.1,),
    "LogNormal(0, 1)": (0,),
    "Beta(1, 1)": (0, 1.5),
    "VonMises(0, 1)": (3.2,),
    "Uniform(0, 1)": (1.1,),
    "Pareto(1, 2)": (1.9,),
    "GeneralizedPareto(0, 1, -0.5)": (2.5, -1),
    "Triangular(0, 1, 2)": (2.1,),
}


@pytest.mark.parametrize("call", OUTSIDE)
def test_values_outside_of_the_support_are_named(call):
    for value in OUTSIDE[call]:
        with pytest.raises(DataError, match=r"`y` is .*needs"):
            joint(f"data y\ny ~ {call}", {"y": value})


def test_vectors_outside_of_the_support_are_named():
    text = "data y[M, N], n[M]\nfor m in M { y[m, N] ~ Multinomial(n[m], [0.5, 0.5]) }"
    with pytest.raises(DataError, match=r"`y\[1\]` is \[2, 1\], but .*(?s:.*)`n\[1\]` is 4"):
        joint(text, {"y": [[1, 2], [2, 1]], "n": [3, 4]})


def test_too_little_freedom_is_named():
    for name in ("Wishart", "InverseWishart"):
        with pytest.raises(DataError, match=f"`1` is the freedom of a `{name}` of 2 rows"):
            joint(f"data y[N, N]\ny ~ {name}(1, eye(2))", {"y": np.eye(2)})


REFUSED = (
    *("Normal(0, 0)", "Normal(0, -1)", "Gamma(0, 1)", "Beta(1, -1)", "Poisson(-1)"),
    *("Binomial(-1, 0.5)", "Binomial(2.5, 0.5)", "Bernoulli(1.5)", "Geometric(0)"),
    *("Categorical([0.5, 0.6])", "OrderedLogistic(0, [1, 0])", "DiscreteUniform(3, 2)"),
    *("Hypergeometric(5, 6, 3)", "Uniform(1, 0)", "Triangular(0, 3, 2)", "Pareto(1, 0)"),
    *("Skellam(-1, 1)", "StudentT(0, 0, 1)", "VonMises(0, -1)", "NegativeBinomial(1, 0)"),
    *("ZeroInflated(1.5, Poisson(1))", "Mixture([0.5, 0.6], Normal(0, 1), Normal(1, 1))"),
)


@pytest.mark.parametrize("call", REFUSED)
def test_arguments_outside_of_their_sets_are_refused(call):
    with pytest.raises(PplError, match="needs"):
        joint(f"data y\ny ~ {call}", {"y": 1})
