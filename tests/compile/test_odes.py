"""Differential equations in models: against SciPy's solver and against closed forms."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import ppl

LOTKA_VOLTERRA = """
data ts[N], y[N, K]
dim K = 2
theta[P] ~ LogNormal(-1, 1)
dim P = 4
start[K] ~ LogNormal(1, 1)
fn rhs(t, z) = [(theta[0] - theta[1] * z[1]) * z[0], (-theta[2] + theta[3] * z[0]) * z[1]]
z = ode(rhs, start, 0, ts, rtol = 1e-8)
y ~ LogNormal(log(z), 0.5)
"""
TIMES = np.linspace(0.5, 8, 6)


def test_the_solution_is_scipys():
    joint = ppl.Model(LOTKA_VOLTERRA).compile(ts=TIMES, y=np.ones((6, 2)))
    x = np.random.default_rng(0).normal(size=(3, joint.program.dimension)) * 0.3
    found = joint.quantities(x, np.random.default_rng(0))
    for k in range(3):
        a, b, c, d = found["theta"][k]

        def slopes(t, z, a=a, b=b, c=c, d=d):
            return [(a - b * z[1]) * z[0], (-c + d * z[0]) * z[1]]

        wanted = solve_ivp(slopes, (0, 8), found["start"][k], t_eval=TIMES, rtol=1e-10, atol=1e-12)
        assert found["z"][k] == pytest.approx(wanted.y.T, rel=1e-5)


def test_the_gradient_is_that_of_differences():
    joint = ppl.Model(LOTKA_VOLTERRA).compile(ts=TIMES, y=np.ones((6, 2)))
    dimension = joint.program.dimension
    x = np.random.default_rng(0).normal(size=(2, dimension)) * 0.3
    _, gradient = joint.gradient.value_and_gradient(x)
    for k, step in enumerate(1e-4 * np.eye(dimension)):
        slope = (joint.log_joint(x + step) - joint.log_joint(x - step)) / 2e-4
        assert gradient[:, k] == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("method", ["rk45", "bdf"])
def test_a_linear_equation_has_its_closed_form(method):
    text = f"""
        data ts[N], y[N], speed
        rate ~ LogNormal(0, 1)
        fn rhs(t, z) = [-rate * speed * (z[0] - cos(t))]
        z = ode(rhs, [2], 0, ts, method = "{method}", rtol = 1e-8)
        for n in N {{ y[n] ~ Normal(z[n, 0], 1) }}
    """
    joint = ppl.Model(text).compile(ts=np.array([0.5, 1, 3.0]), y=np.zeros(3), speed=2.0)
    found = joint.quantities(np.array([[0.3]]), np.random.default_rng(0))
    k, t = found["rate"][0] * 2, np.array([0.5, 1, 3.0])
    steady = (k**2 * np.cos(t) + k * np.sin(t)) / (1 + k**2)
    wanted = steady + (2 - k**2 / (1 + k**2)) * np.exp(-k * t)
    assert found["z"][0, :, 0] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("ode(rhs, [1], 0)", "wrong-arguments"),
        ("ode(nothing, [1], 0, ts)", "wrong-arguments"),
        ("ode(rhs, 1, 0, ts)", "shape-mismatch"),
        ('ode(rhs, [1], 0, ts, method = "euler")', "wrong-arguments"),
        ("ode(rhs, [1], 0, ts, steps = 3)", "wrong-arguments"),
    ],
)
def test_wrong_calls_are_told(call, code):
    text = f"data ts[N]\nfn rhs(t, z) = [-z[0]]\nz = {call}\ny ~ Normal(sum(z), 1)"
    with pytest.raises(ppl.PplError) as error:
        ppl.Model(text).compile(ts=TIMES, y=1.0)
    assert [d.code for d in error.value.diagnostics] == [code]
