"""Data without rows: nothing is learned from them, and the answer is the prior."""

import numpy as np
import pytest

import ppl

LEVELS = """
data g[N] in G, x[N], y[N]
mu ~ Normal(3, 20)
tau ~ HalfNormal(5)
a[G] ~ Normal(mu, tau)
for n in N { y[n] ~ Normal(a[g[n]] + x[n], 2) }
"""


@pytest.mark.parametrize("empty", [[], np.zeros(0), np.zeros(0, int)])
def test_the_prior_is_exact(empty):
    fit = ppl.Model("m ~ Normal(1, 2)\ns ~ HalfNormal(1)\ny[N] ~ StudentT(4, m, s)").infer(y=empty)
    assert fit.verdict == "exact"
    assert fit["m"].mean == pytest.approx(1, abs=0.15)
    assert fit["m"].sd == pytest.approx(2, abs=0.15)
    assert "nothing is observed: `y` has no rows" in fit.report().notes


def test_what_data_without_rows_are_arguments_of_is_no_fault():
    text = (
        "data y[J], sigma[J] > 0\nmu ~ Normal(0, 5)\ntau ~ HalfCauchy(5)\n"
        "theta[J] ~ Normal(mu, tau)\ny ~ Normal(theta, sigma)"
    )
    fit = ppl.Model(text).infer(y=[], sigma=[])
    assert fit.verdict == "exact"
    assert fit["mu"].sd == pytest.approx(5, abs=0.4)


def test_what_follows_a_fit_works(tmp_path):
    fit = ppl.Model(LEVELS).infer(g=[], x=[], y=[], G=3)
    assert fit.simulate()["y"].shape == (4000, 0)
    assert not fit.log_likelihood().any()
    assert "nothing is observed" in fit.to_html()
    fit.save(tmp_path / "a.fit")
    new = ppl.load(tmp_path / "a.fit").predict(g=[0, 2], x=[0.0, 1.0])
    assert new["y"].mean(axis=0) == pytest.approx([3.0, 4.0], abs=2)
    with pytest.raises(ppl.UsageError, match="nothing was observed"):
        fit.loo()


def test_a_prior_that_cannot_be_drawn_is_told():
    with pytest.raises(ppl.ModelError, match="`Flat` is improper, and nothing observed"):
        ppl.Model("m ~ Flat()\ny[N] ~ Normal(m, 1)").infer(y=[])


@pytest.mark.parametrize("data", [{"x": []}, {}])
def test_parameters_that_nothing_chooses_are_no_answer(data):
    fit = ppl.Model("z ~ Normal(0, 1)\nx ~ Normal(W * z, s)").infer(**data)
    assert fit.verdict == "poor"
    assert fit.why == "Nothing is observed, so the learned parameters are arbitrary."


def test_gradients_of_groups_without_rows_are_zero():
    joint = ppl.Model(LEVELS + "factor -0.5 * sum(a[k] * a[k] for k in G)").compile(
        g=[], x=[], y=[], G=3
    )
    value, gradient = joint.gradient.value_and_gradient(np.zeros((2, joint.program.dimension)))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
