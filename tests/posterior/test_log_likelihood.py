"""The log likelihood of each observation, against SciPy and against its own sum."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import ppl
from tests.posterior.models import SIGMA, Y, clinics, learned, line, schools


@pytest.mark.parametrize("make", [clinics, line, schools, learned], ids=lambda f: f.__name__)
def test_the_entries_add_up(make: object) -> None:
    fit = make()  # type: ignore[operator]
    total = fit.joint.log_likelihood(fit.inference.draws)
    assert fit.log_likelihood() == pytest.approx(total)


def test_entries_are_densities() -> None:
    fit = schools()
    got = fit.log_likelihood(pointwise=True)["y"]
    assert got == pytest.approx(stats.norm.logpdf(Y, fit["theta"].draws(), SIGMA))


def test_summed_out_states() -> None:
    text = """dim K = 2
share[K] ~ Dirichlet(2)
m[K] ~ Normal(0, 5) in Ordered
data x[N]
for n in N { k[n] ~ Categorical(share); x[n] ~ Normal(m[k[n]], 1) }
"""
    x = np.array([-3.0, -2.5, 2.0, 3.0, 2.2])
    fit = ppl.Model(text).infer(x=x, draws=100, method="vi")
    got = fit.log_likelihood(pointwise=True)["x"]
    share, m = fit["share"].draws(), fit["m"].draws()
    parts = np.log(share)[:, None] + stats.norm.logpdf(x[:, None], m[:, None], 1)
    assert got == pytest.approx(logsumexp(parts, axis=-1))


def test_pieces_vectors_weights_and_expressions() -> None:
    text = """data y[N], w[N], u[M, P], v[M]
m ~ Normal(0, 1)
y[0] ~ Normal(m, 2) weight w[0]
for n in 1:N { y[n] ~ Normal(m, 1) weight w[n] }
u[M, P] ~ MultivariateNormal([m, m], cov = [[1.0, 0.5], [0.5, 1.0]])
log(v) ~ Normal(m, 1)
"""
    y, w = np.array([0.3, 1.0, -1.0]), np.array([1.0, 2.0, 3.0])
    u, v = np.array([[0.1, 0.2], [1.0, -1.0]]), np.array([1.0, 2.0])
    fit = ppl.Model(text).infer(y=y, w=w, u=u, v=v, draws=50, method="vi")
    got, m = fit.log_likelihood(pointwise=True), fit["m"].draws()
    scale = np.array([2.0, 1.0, 1.0])
    assert got["y"] == pytest.approx(w * stats.norm.logpdf(y, m[:, None], scale))
    law = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
    assert got["u"] == pytest.approx(np.array([law.logpdf(u - a) for a in m]))
    assert got["log(v)"] == pytest.approx(stats.norm.logpdf(np.log(v), m[:, None], 1))
