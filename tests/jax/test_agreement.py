"""JAX and autograd give the same value and gradient, to 1e-8."""

import numpy as np
import pytest

import ppl
from ppl.compile.load import compile_bound
from ppl.inference.settings import Settings
from ppl.text import UsageError
from tests.compile.test_elimination import MODELS as ELIMINATED
from tests.interpreter.compare import points
from tests.interpreter.models import CASES
from tests.stages.models import MODELS as STAGES

pytest.importorskip("jax", reason="the extra `jax` is not installed")

WRITTEN = {case.name: (case.text, case.data) for case in CASES}
CHOSEN = {
    **{name: STAGES[name] for name in ("eight_schools", "factor_analysis", "hierarchy")},
    **{name: ELIMINATED[name][:2] for name in ("chain", "capture and recapture")},
    "truncation in a far tail": WRITTEN["truncation in a far tail"],
    "AR(K)": WRITTEN["AR(K)"],
    "correlated": (
        "data y[N, D]\nL[D, D] ~ LKJCholesky(2)\ntau[D] ~ HalfNormal(1)\n"
        "for n in N { y[n, D] ~ MultivariateNormal(0, chol = diag_matrix(tau) @ L) }",
        {"y": [[0.3, -0.2], [1.0, 0.4]]},
    ),
    "garch": (
        "data y[T]\nw ~ HalfNormal(1)\na ~ Uniform(0, 1)\nb ~ Uniform(0, 1 - a)\n"
        "s[0] = w\nfor t in 1:T { s[t] = w + a * y[t-1]^2 + b * s[t-1] * exp(-s[t-1]) }\n"
        "for t in T { y[t] ~ Normal(0, sqrt(s[t])) }",
        {"y": [0.3, -0.5, 1.1, 0.2, -0.7]},
    ),
    "linear recurrence": (
        "data y[T]\nw ~ HalfNormal(1)\na ~ Uniform(0, 1)\n"
        "s[0] = w\nfor t in 1:T { s[t] = w + a * s[t-1] }\n"
        "for t in T { y[t] ~ Normal(0, sqrt(s[t])) }",
        {"y": [0.3, -0.5, 1.1, 0.2, -0.7]},
    ),
    "fields over a graph": (
        "data y[N], edges[E, 2] in N\nrho ~ Uniform(0, 1)\ns ~ HalfNormal(1)\n"
        "a[N] ~ ICAR(edges, s)\nb[N] ~ CAR(edges, rho, s)\ny ~ Poisson(log = a + b)",
        {"y": [1, 2, 0, 3], "edges": [[0, 1], [1, 2], [2, 3], [0, 3]]},
    ),
    "curves": (
        "data y[N], x[N]\ndim K = 5\ndim L = 2\nb[K] ~ Normal(0, 1)\nk[L] ~ Normal(0, 1)\n"
        "s = spline(x, [0, 1, 2, 3], 2) @ b + interp(x, [0, 1, 2, 3, 4], b)\n"
        "m = convolve(s, k)\ny ~ Normal(m[:N], 1)",
        {"y": [1.0, 2.0, 0.0], "x": [0.3, 1.2, 1.9]},
    ),
    "sums of masses by the host": (
        "data y[N]\na ~ HalfNormal(1)\nb ~ HalfNormal(1)\ny ~ Truncated(Skellam(a, b), -3, 3)",
        {"y": [1, -2, 0]},
    ),
    "a function of the host": (
        "data y[N]\nkappa ~ HalfNormal(3)\nm ~ Normal(0, 1)\ny ~ VonMises(m, kappa)",
        {"y": [0.3, -0.5, 1.1]},
    ),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_value_and_gradient(name):
    text, data = CHOSEN[name]
    plain = ppl.Model(text).compile(data)
    x = points(plain, 0, 3)
    on_jax = compile_bound(plain.bound, backend="jax")
    expected, found = (joint.gradient.value_and_gradient(x) for joint in (plain, on_jax))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-8, atol=1e-8)


def test_a_fit_is_the_same():
    text, data = STAGES["eight_schools"]
    fits = [ppl.Model(text).infer(data, backend=b) for b in ("autograd", "jax")]
    np.testing.assert_allclose(fits[0]["mu"].mean, fits[1]["mu"].mean, atol=1e-6)
    assert fits[0].elbo.value == pytest.approx(fits[1].elbo.value, abs=1e-6)
    assert fits[0].verdict == fits[1].verdict


def test_other_floats_of_the_caller_stay_as_they_were():
    import jax.numpy as jnp

    ppl.Model(STAGES["one_line"][0]).infer(STAGES["one_line"][1], backend="jax", method="vi")
    assert jnp.ones(1).dtype == jnp.float32


def test_what_jax_cannot_run_is_said():
    text = (
        "data y[T], t[T]\nk ~ HalfNormal(1)\nfn rhs(t, y) = [-k * y[0]]\n"
        "z = ode(rhs, [1.0], 0.0, t)\nfor i in T { y[i] ~ Normal(z[i, 0], 0.1) }"
    )
    with pytest.raises(UsageError, match="it uses `ode`"):
        ppl.Model(text).infer({"y": [0.5, 0.3], "t": [1.0, 2.0]}, backend="jax")


def test_an_unknown_backend_is_refused():
    with pytest.raises(UsageError, match="`backend` is 'torch'"):
        ppl.Model("z ~ Normal(0, 1)").infer(backend="torch")
    assert Settings().backend == "autograd"
