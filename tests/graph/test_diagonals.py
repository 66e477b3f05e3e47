"""``diag`` of a matrix is its diagonal, of a vector the matrix; positive ones are scales."""

import numpy as np
import pytest
import scipy.stats as st

from ppl import Model
from ppl.text import ModelError

HEAD = "data y[D], t[D] > 0, S[D, D]\n"
DATA = {"y": [0.3, -0.2], "t": [1.5, 0.4], "S": [[2.0, 0.5], [0.5, 1.0]]}
T, S = np.array(DATA["t"]), np.array(DATA["S"])

CALLS = {
    "chol = diag(t)": np.diag(T**2),
    "cov = diag(t)": np.diag(T),
    "cov = diag(t^2) + diag([1, 2])": np.diag(T**2 + [1, 2]),
    "cov = S + diag(t)": S + np.diag(T),
    "cov = diag(diag(S))": np.diag(np.diag(S)),
    "cov = diag_matrix(t)": np.diag(T),
}


@pytest.mark.parametrize("call", CALLS)
def test_diag(call):
    compiled = Model(f"{HEAD}y ~ MultivariateNormal(0, {call})").compile(DATA)
    expected = st.multivariate_normal([0, 0], CALLS[call]).logpdf(DATA["y"])
    assert compiled.log_joint(np.zeros((1, 0)))[0] == pytest.approx(expected)


def test_rows_of_scales_are_factors():
    text = "data y[N, D]\nt[N, D] ~ HalfNormal(1)\nfor n in N {\n"
    text += "  y[n, D] ~ MultivariateNormal(0, chol = diag(t[n]))\n}"
    joint = Model(text).compile({"y": [[0.3, -0.2], [1.0, 0.4]]})
    x = np.full((1, joint.program.dimension), 0.2)
    t = np.exp(0.2)
    expected = 4 * (st.halfnorm.logpdf(t) + 0.2)
    expected += st.norm(0, t).logpdf([0.3, -0.2, 1.0, 0.4]).sum()
    assert joint.log_joint(x)[0] == pytest.approx(expected)


def test_a_diagonal_that_may_be_negative_is_no_factor():
    with pytest.raises(ModelError, match="lower triangular"):
        Model("data y[D]\nt[D] ~ Normal(0, 1)\ny ~ MultivariateNormal(0, chol = diag(t))").compile(
            {"y": [0.1, 0.2]}
        )
