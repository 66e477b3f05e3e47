"""Predictive checks: data that no replicate is like are told, and lower the verdict."""

import numpy as np
import pytest

import ppl

RNG = np.random.default_rng(0)
COUNTS = "data y[N]\nrate ~ LogNormal(1, 1)\ny ~ Poisson(rate)"


def checks(fit):
    return {(c.name, c.summary): c for c in fit.checks}


def test_data_that_the_model_makes_pass():
    fit = ppl.Model(COUNTS).infer(y=RNG.poisson(3.0, 200))
    assert fit.verdict == "good"
    assert fit.inference.notes == ()
    found = checks(fit)
    assert {s for _, s in found} == {"mean", "sd", "min", "max", "share of zeros"}
    assert all(0.0 < c.tail < 1.0 for c in found.values())


def test_summaries_are_those_of_the_data():
    y = np.array([0.0, 1.0, 5.0, 2.0])
    found = checks(ppl.Model(COUNTS).infer(y=y))
    assert found["y", "mean"].observed == 2.0
    assert found["y", "sd"].observed == pytest.approx(np.std(y))
    assert found["y", "min"].observed == 0.0
    assert found["y", "max"].observed == 5.0
    assert found["y", "share of zeros"].observed == 0.25


def test_missing_values_take_no_part():
    y = np.where(np.arange(50) % 2, 1e6, RNG.normal(2.0, 1.0, 50))
    y[1::2] = np.nan
    model = "data y[N]\nm ~ StudentT(3, 0, 5)\ny ~ Normal(m, 1)"
    fit = ppl.Model(model).infer(y=y)
    assert checks(fit)["y", "mean"].observed == pytest.approx(np.nanmean(y))
    assert fit.verdict == "good"


SERIES = """\
data y[T]
a ~ Normal(0, 0.5)
y[0] ~ Normal(0, 1)
for t in 1:T {
  y[t] ~ Normal(a * y[t - 1], 1)
}
"""
VECTORS = """\
data y[N, D]
m[D] ~ Normal(0, 9)
for n in N {
  y[n] ~ MultivariateNormal(m, cov = [[1, 0.5], [0.5, 1]])
}
"""
COVARIATE = """\
data y[N], z[N]
p ~ Beta(1, 1)
for n in N {
  y[n] ~ Bernoulli(p)
  z[n] ~ Normal(y[n], 1)
}
"""


@pytest.mark.parametrize(
    ("model", "y", "rest"),
    [
        (SERIES, np.array([0.3, np.nan, np.nan, 0.2, -0.5, np.nan, 0.9]), {}),
        (VECTORS, np.array([[5.0, np.nan], [np.nan, 7.0], [5.5, 6.0], [np.nan, np.nan]]), {}),
        (COVARIATE, np.array([1, 0, 1, np.nan, 1]), {"z": np.array([0.9, 0.1, 1.2, 0.6, 0.8])}),
    ],
    ids=["series", "vectors", "summed out"],
)
def test_what_is_inferred_is_not_checked(model, y, rest):
    found = checks(ppl.Model(model).infer(y=y, **rest))
    assert found["y", "mean"].observed == pytest.approx(np.nanmean(y))
    assert found["y", "max"].observed == np.nanmax(y)


def test_far_too_much_spread_lowers_the_verdict():
    y = np.concatenate([np.zeros(100), RNG.poisson(30.0, 100)])
    fit = ppl.Model(COUNTS).infer(y=y)
    assert fit.verdict == "fair"
    assert "No replicate of `y`" in fit.why
    assert any("sd" in note for note in fit.inference.notes)
    assert "like the data's" in str(fit)


def test_an_absurd_model_is_poor():
    y = 1e3 + RNG.normal(size=20)
    fit = ppl.Model("m ~ StudentT(3, 0, 1)\ny ~ Normal(m / 1e6, 1)").infer(y=y)
    assert fit.verdict == "poor"


def test_a_closed_form_stays_exact_whatever_the_data():
    y = np.concatenate([np.zeros(100), RNG.poisson(30.0, 100)])
    fit = ppl.Model(COUNTS.replace("LogNormal", "Gamma")).infer(y=y)
    assert fit.verdict == "exact"
    assert "unlike what the fitted model makes" in fit.inference.notes[-1]


def test_an_outlier_is_told_and_changes_no_verdict():
    y = RNG.normal(size=1000)
    y[0] = 30.0
    fit = ppl.Model("m ~ Normal(0, 1)\ns ~ HalfNormal(2)\ny ~ Normal(m, s)").infer(y=y, method="is")
    assert fit.verdict == "good"
    assert "max 30" in fit.inference.notes[-1]


def test_data_too_large_to_replicate_are_left_alone():
    fit = ppl.Model("m ~ Normal(0, 1)\ny ~ Normal(m, 1)").infer(y=RNG.normal(size=10_000))
    assert fit.checks == ()


def test_checks_are_kept_in_a_file_and_in_json(tmp_path):
    fit = ppl.Model(COUNTS).infer(y=RNG.poisson(3.0, 20))
    fit.save(tmp_path / "fit.ppl")
    assert ppl.load(tmp_path / "fit.ppl").checks == fit.checks
    assert fit.to_json()["checks"][0]["name"] == "y"
