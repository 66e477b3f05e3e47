"""Functions that arrange numbers anew, against NumPy and SciPy, with gradients by differences."""

from __future__ import annotations

import autograd
import numpy as np
import pytest
from scipy.interpolate import BSpline

from ppl import pipeline
from ppl.data.python import from_python
from ppl.text import PplError, Source

DATA = {
    "x": np.array([0.3, 1.4, 2.0, 2.9, 0.0, 3.0]),
    "k": np.array([0.0, 1.0, 2.5, 3.0]),
    "g": np.array([2, 0, 1, 2]),
    "n": np.array([2, 0, 3]),
    "w": np.arange(1.0, 4.0),
}
HEAD = """
data x[N], k[K], g[M] in {0, 1, 2}, n[C] in Count, w[C]
dim C = 3
dim D = 2
u[C] ~ Normal(0, 1)
v[D] ~ Normal(0, 1)
m[C, D] ~ Normal(0, 1)
"""


def bsplines(x, knots, degree):
    t = np.concatenate([knots[:1].repeat(degree), knots, knots[-1:].repeat(degree)])
    return BSpline.design_matrix(x, t, degree).toarray()


CASES = [
    ("diff(u)", lambda u, v, m: np.diff(u)),
    ("diff(m)", lambda u, v, m: np.diff(m)),
    ("diff(u * w)", lambda u, v, m: np.diff(u * DATA["w"])),
    ("diff(cumsum(u))", lambda u, v, m: np.diff(np.cumsum(u))),
    ("concat(u, v, [1, 2])", lambda u, v, m: np.concatenate([u, v, [1, 2]])),
    ("concat(m, m + 1)", lambda u, v, m: np.concatenate([m, m + 1])),
    ("concat([0], softmax(v))", lambda u, v, m: [0, *np.exp(v) / np.exp(v).sum()]),
    ("stack(u, u * w)", lambda u, v, m: np.stack([u, u * DATA["w"]])),
    ("repeat(u, n)", lambda u, v, m: np.repeat(u, [2, 0, 3])),
    ("repeat(v, 3)", lambda u, v, m: np.repeat(v, 3)),
    ("repeat(m, 2)", lambda u, v, m: np.repeat(m, 2, axis=0)),
    ("reshape(m, 2, 3)", lambda u, v, m: m.reshape(2, 3)),
    ("reshape(m, 6)", lambda u, v, m: m.reshape(6)),
    ("reshape(concat(u, u), D, C)", lambda u, v, m: np.stack([u, u])),
    ("onehot(g, C) * u", lambda u, v, m: np.eye(3)[DATA["g"]] * u),
    ("convolve(u, v)", lambda u, v, m: np.convolve(u, v)),
    ("convolve(v, w)", lambda u, v, m: np.convolve(v, DATA["w"])),
    (
        "spline(x, k, 2) @ concat(u, v)",
        lambda u, v, m: bsplines(DATA["x"], DATA["k"], 2) @ [*u, *v],
    ),
    ("spline(x, k, 1)", lambda u, v, m: bsplines(DATA["x"], DATA["k"], 1)),
    ("interp(x, w, u)", lambda u, v, m: np.interp(DATA["x"], DATA["w"], u)),
    ("interp(u, k, k^2)", lambda u, v, m: np.interp(u, DATA["k"], DATA["k"] ** 2)),
]


@pytest.mark.parametrize(("expression", "wanted"), CASES, ids=[c for c, _ in CASES])
def test_values_and_gradients(expression, wanted):
    text = f"{HEAD}_q = {expression}\nfactor sum(sin(_q)) + sum(u) + sum(v) + sum(m)"
    request = pipeline.Request(Source("m", text), (from_python(DATA),))
    joint = pipeline.compiled_of(request)[1]
    x = np.random.default_rng(1).normal(size=(3, joint.program.dimension))
    values = joint.quantities(x, np.random.default_rng(0))
    rows = zip(values["u"], values["v"], values["m"], strict=True)
    for k, (u, v, m) in enumerate(rows):
        q = np.asarray(wanted(u, v, m))
        everything = np.concatenate([u, v, m.ravel()])
        prior = -0.5 * (everything @ everything) - 11 * 0.5 * np.log(2 * np.pi)
        expected = prior + np.sin(q).sum() + everything.sum()
        assert joint.log_joint(x)[k] == pytest.approx(expected, abs=1e-9)
    gradient = autograd.elementwise_grad(joint.log_joint)(x)
    step = 1e-6
    for column in range(x.shape[1]):
        shift = np.eye(x.shape[1])[column] * step
        slope = (joint.log_joint(x + shift) - joint.log_joint(x - shift)) / (2 * step)
        np.testing.assert_allclose(gradient[:, column], slope, atol=1e-7)
    value, staged = joint.gradient.value_and_gradient(x)
    np.testing.assert_allclose(value, joint.log_joint(x))
    np.testing.assert_allclose(staged, gradient, atol=1e-12)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("concat(u, 1)", "`concat` needs a vector"),
        ("concat(u, m)", "as many axes"),
        ("convolve(u, m)", "`convolve` needs vectors"),
        ("spline(x, k, 2.5)", "the degree of a `spline`"),
        ("reshape(u, 2, 2)", "4"),
        ("repeat(u, m)", "`repeat` needs a vector of counts"),
        ("diff(1)", "`diff` needs a vector"),
        ("onehot(g)", "`onehot` takes 2"),
    ],
)
def test_wrong_uses_are_explained(expression, said):
    text = f"{HEAD}q = {expression}\nfactor sum(q)"
    request = pipeline.Request(Source("m", text), (from_python(DATA),))
    with pytest.raises(PplError) as error:
        pipeline.compiled_of(request)
    assert said in str(error.value)
