"""Weights of rows: one of 0 leaves a row out, whatever its density."""

from __future__ import annotations

import autograd
import numpy as np
import pytest
import scipy.stats as st

import ppl
from ppl import pipeline
from ppl.data.python import from_python
from ppl.text import Source


def log_joint(text, data):
    request = pipeline.Request(Source("m", text), (from_python(data),))
    return pipeline.compiled_of(request)[1].log_joint


def test_a_row_of_weight_0_may_be_impossible():
    text = "data y[N], w[N]\na ~ Normal(0, 1)\ny ~ Uniform(0, exp(a)) weight w"
    joint = log_joint(text, {"y": [0.1, 100.0], "w": [2, 0]})
    x = np.array([[0.1], [0.4]])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(joint(x), st.norm.logpdf(x[:, 0]) - 2 * x[:, 0])
        slope = autograd.elementwise_grad(joint)(x)
    np.testing.assert_allclose(slope, -x - 2)


@pytest.mark.parametrize(("low", "high"), [(39, 40), (-45, -40), (39, 39.001), (-1, 45)])
def test_truncation_far_out_keeps_its_digits(low, high):
    text = f"data y\nm ~ Normal(0, 1)\ny ~ Normal(m, 1) in ({low}, {high})"
    at = low + 0.5 * (high - low)
    joint = log_joint(text, {"y": at})
    for m in (0.0, 0.5):
        near, far = sorted((abs(low - m), abs(high - m)))
        tail = st.norm.logsf(near) + np.log1p(-np.exp(st.norm.logsf(far) - st.norm.logsf(near)))
        inside = tail if low * high > 0 else np.log(st.norm.cdf(high - m) - st.norm.cdf(low - m))
        expected = st.norm.logpdf(m) + st.norm.logpdf(at - m) - inside
        assert joint(np.array([[m]]))[0] == pytest.approx(expected, rel=1e-8)


LEFT_SIDES = (
    "for n in N { log(y[n]) ~ Normal(m, 1) weight w[n] }",
    "log(y) ~ Normal(m, 1) weight w",
    "r = log(y)\nr ~ Normal(m, 1) weight w",
    "for n in N { r[n] = log(y[n] * 1) }\nfor k in N { r[k] + 0 ~ Normal(m, 1) weight w[k] }",
)


@pytest.mark.parametrize("statement", LEFT_SIDES)
def test_rows_whose_left_side_is_missing_are_left_out(statement):
    text = f"data y[N], w[N]\nm ~ Normal(0, 1)\n{statement}"
    whole = log_joint(text, {"y": [1.5, 0.7], "w": [1, 2]})
    part = log_joint(text, {"y": [1.5, np.nan, 0.7, None], "w": [1, 1, 2, 0.5]})
    x = np.array([[0.1], [0.4]])
    np.testing.assert_allclose(part(x), whole(x))


def test_a_fit_with_missing_left_sides_is_that_of_the_rest():
    text = "data y[N]\nm ~ Normal(0, 1)\nlog(y) ~ Normal(m, 1)"
    model = ppl.Model(text)
    fit = model.infer({"y": [1.5, None, 0.7]})
    data = np.log([1.5, 0.7])
    assert fit["m"].mean == pytest.approx(data.sum() / 3, abs=0.01)
    notes = model.compile({"y": [1.5, None, 0.7]}).bound.notes
    assert any("its row is left out" in note.message for note in notes)
