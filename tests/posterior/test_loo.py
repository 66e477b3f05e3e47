"""Leave-one-out: against the exact predictive densities of a conjugate model."""

import numpy as np
import pytest
from scipy import stats

import ppl
from tests.posterior.models import line, schools


def test_it_is_what_refitting_would_give() -> None:
    fit = line()
    x, y = (fit.selection.variables[n].values for n in ("x", "y"))
    exact = []
    for k in range(len(y)):
        rest = np.arange(len(y)) != k
        design = np.stack([np.ones(39), x[rest]], axis=1)
        covariance = np.linalg.inv(np.eye(2) / 100 + design.T @ design / 0.25)
        mean = covariance @ design.T @ y[rest] / 0.25
        row = np.array([1.0, x[k]])
        sd = np.sqrt(row @ covariance @ row + 0.25)
        exact.append(stats.norm.logpdf(y[k], row @ mean, sd))
    got = fit.loo()
    assert got.pointwise == pytest.approx(np.array(exact), abs=0.05)
    assert got.elpd == pytest.approx(sum(exact), abs=0.15)
    assert got.effective_parameters == pytest.approx(2, abs=0.8)
    assert got.doubtful == 0
    assert "40 observations" in str(got)


def test_what_it_cannot_do() -> None:
    few = ppl.Model("m ~ Normal(0, 1)\ny ~ Normal(m, 1)\n").infer(y=[0.0], draws=20)
    with pytest.raises(ppl.UsageError, match="needs 100 draws"):
        few.loo()
    assert schools().loo().elpd < 0


WEIGHTED = """
data y[N], w[N]
m ~ Normal(0, 5)
s ~ HalfNormal(3)
for n in N { y[n] ~ Normal(m, s) weight w[n] }
"""


def test_rows_of_weight_0_are_no_observations() -> None:
    y = np.random.default_rng(0).normal(size=20)
    some = ppl.Model(WEIGHTED).infer(y=y, w=np.repeat([1.0, 0.0], [15, 5])).loo()
    alone = ppl.Model(WEIGHTED).infer(y=y[:15], w=np.ones(15)).loo()
    assert len(some.pointwise) == 15
    assert some.elpd == pytest.approx(alone.elpd, abs=0.1)
    assert some.standard_error == pytest.approx(alone.standard_error, abs=0.1)


def test_rows_of_weight_0_in_a_vector_and_beside_missing_ones() -> None:
    y = np.random.default_rng(0).normal(size=(6, 2))
    y[2, 0] = np.nan
    text = (
        "data y[N, D], w[N]\nm[D] ~ Normal(0, 5)\n"
        "for n in N, d in D { y[n, d] ~ Normal(m[d], 1) weight w[n] }\n"
    )
    found = ppl.Model(text).infer(y=y, w=[1.0, 0, 1, 1, 0, 2]).loo()
    assert len(found.pointwise) == 12 - 4 - 1
