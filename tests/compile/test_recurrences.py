"""Recurrences: against plain loops over time."""

import numpy as np
import pytest

import ppl
from ppl.compile.stage import tape

rng = np.random.default_rng(5)
T = 40
Y = rng.normal(size=T)

GARCH = """
data y[T], sigma1
mu ~ Normal(0, 1)
a0 ~ HalfNormal(1)
a1 ~ Uniform(0, 1)
b1 ~ Flat() in (0, 1 - a1)
s2[0] = sigma1^2
for t in 1:T { s2[t] = a0 + a1 * (y[t - 1] - mu)^2 + b1 * s2[t - 1] }
y ~ Normal(mu, sqrt(s2))
"""


def garch(q):
    s2 = [0.25]
    for t in range(1, T):
        s2.append(q["a0"] + q["a1"] * (Y[t - 1] - q["mu"]) ** 2 + q["b1"] * s2[-1])
    return {"s2": np.array(s2)}


LOGISTIC = """
data y[T]
r ~ Normal(0, 1)
x[0] = 0.5
for t in 1:T { x[t] = x[t - 1] * exp(r * (1 - x[t - 1])) + 0.1 * y[t - 1] }
y ~ Normal(x, 1)
"""


def logistic(q):
    x = [0.5]
    for t in range(1, T):
        x.append(x[-1] * np.exp(q["r"] * (1 - x[-1])) + 0.1 * Y[t - 1])
    return {"x": np.array(x)}


MUTUAL = """
data y[T]
r ~ Normal(0, 1)
k ~ Normal(0, 1)
u[0] = 0.5
v[0] = r
for t in 1:T {
  v[t] = sin(u[t]) * k + 0.2 * v[t - 1]
  u[t] = 0.5 * u[t - 1] + tanh(k * v[t - 1])
}
y ~ Normal(u + v, 1)
"""


def mutual(q):
    u, v = [0.5], [q["r"]]
    for _ in range(1, T):
        u.append(0.5 * u[-1] + np.tanh(q["k"] * v[-1]))
        v.append(np.sin(u[-1]) * q["k"] + 0.2 * v[-1])
    return {"u": np.array(u), "v": np.array(v)}


SECOND_ORDER = """
data y[T]
a ~ Normal(0, 0.3)
f[0] = a
f[1] = 0.1
for t in 2:T { f[t] = a * f[t - 1] - 0.3 * f[t - 2] + y[t - 1] }
y ~ Normal(f, 1)
"""


def second_order(q):
    f = [q["a"], 0.1]
    for t in range(2, T):
        f.append(q["a"] * f[-1] - 0.3 * f[-2] + Y[t - 1])
    return {"f": np.array(f)}


CASES = {
    "garch": (GARCH, {"y": Y, "sigma1": 0.5}, garch),
    "logistic map": (LOGISTIC, {"y": Y}, logistic),
    "two names": (MUTUAL, {"y": Y}, mutual),
    "second order": (SECOND_ORDER, {"y": Y}, second_order),
}


@pytest.mark.parametrize("name", CASES)
def test_values_equal_a_loop(name):
    text, data, loop = CASES[name]
    joint = ppl.Model(text).compile(data)
    x = np.random.default_rng(1).normal(size=(3, joint.program.dimension)) * 0.3
    found = joint.quantities(x, np.random.default_rng(0))
    for k in range(3):
        for key, value in loop({n: v[k] for n, v in found.items()}).items():
            assert found[key][k] == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_differences_and_the_tape(name):
    text, data, _ = CASES[name]
    joint = ppl.Model(text).compile(data)
    dimension = joint.program.dimension
    x = np.random.default_rng(1).normal(size=(3, dimension)) * 0.3
    value, gradient = joint.gradient.value_and_gradient(x)
    reference = tape(joint.log_joint).value_and_gradient(x)
    assert value == pytest.approx(reference[0], rel=1e-10)
    assert gradient == pytest.approx(reference[1], rel=1e-8, abs=1e-8)
    step = 1e-6 * np.eye(dimension)
    for k in range(dimension):
        slope = (joint.log_joint(x + step[k]) - joint.log_joint(x - step[k])) / 2e-6
        assert gradient[:, k] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_a_panel_has_its_other_axes_side_by_side():
    y = rng.normal(size=(4, 7))
    text = """
        data y[N, T]
        a[N] ~ Normal(0, 1)
        for n in N {
          f[n, 0] = a[n]
          for t in 1:T { f[n, t] = tanh(a[n] * f[n, t - 1]) + y[n, t - 1] }
        }
        y ~ Normal(f, 1)
    """
    joint = ppl.Model(text).compile(y=y)
    found = joint.quantities(rng.normal(size=(2, 4)), rng)
    for k in range(2):
        for n in range(4):
            f = [found["a"][k, n]]
            for t in range(1, 7):
                f.append(np.tanh(found["a"][k, n] * f[-1]) + y[n, t - 1])
            assert found["f"][k, n] == pytest.approx(np.array(f), rel=1e-12)


def test_a_recurrence_needs_its_first_value():
    with pytest.raises(ppl.PplError) as error:
        ppl.Model(
            "data x[T], y[T]\nfor t in 1:T { s[t] = 0.5 * s[t - 1] + x[t] }\ny ~ Normal(s, 1)"
        ).compile(y=Y, x=Y)
    assert error.value.diagnostics[0].code == "partly-defined"
