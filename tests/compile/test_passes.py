"""Log joints added up over blocks of a plate are those of all of it at once."""

import numpy as np
import pytest

import ppl
from ppl.compile import load, passes
from ppl.compile.load import compile_bound
from ppl.inference.compiled import CompiledTarget
from ppl.pipeline import bound_of

STUDENT = (
    "data X[N, D]\nb[D] ~ Normal(0, 2)\ns ~ HalfNormal(1)\n"
    "y[N] ~ StudentT(4, X @ b, s)\nw ~ Normal(sum(b), 1)\n"
)
GROUPS = (
    "dim J = 5\ndata g[N] in J from 1\nm ~ Normal(0, 1)\nt ~ HalfNormal(1)\nu[J] ~ Normal(m, t)\n"
    "for n in N { y[n] ~ Cauchy(u[g[n]], 1) }\n"
)
MIXTURE = (
    "dim K = 2\ndata y[N]\nm[K] ~ Normal(0, 3)\nfor n in N { z[n] ~ Bernoulli(0.3)\n"
    "y[n] ~ StudentT(3, m[z[n]], 1) }\n"
)
PARTLY = "data x[N]\nb ~ Normal(0, 1)\nw = standardize(x)\ny[N] ~ StudentT(4, b * w, 1)\n"
ROWS = 70


def of(text):
    rng = np.random.default_rng(0)
    y = rng.standard_t(4, ROWS)
    data = {
        STUDENT: {"X": rng.normal(size=(ROWS, 3)), "y": y, "w": 0.3},
        GROUPS: {"g": 1 + np.arange(ROWS) % 5, "y": y},
        MIXTURE: {"y": y},
        PARTLY: {"x": rng.normal(size=ROWS), "y": y},
    }[text]
    return bound_of(ppl.Model(text)._request(data, {}, ())[0])[1]


@pytest.fixture
def small(monkeypatch):
    """Pass over plates of more than ten positions in blocks of sixteen."""
    monkeypatch.setattr(load, "FEW", 10)
    monkeypatch.setattr(passes, "FEW", 10)
    monkeypatch.setattr(passes, "BLOCK", 16)
    monkeypatch.setattr(passes, "ENTRIES", 64)


@pytest.mark.parametrize("text", [STUDENT, GROUPS, MIXTURE, PARTLY])
def test_blocks_add_up_to_the_whole(text, small, monkeypatch):
    bound = of(text)
    joint = compile_bound(bound)
    assert isinstance(joint.gradient, passes.Passes)
    monkeypatch.setattr(load, "FEW", 10**9)
    whole = compile_bound(bound)
    x = np.random.default_rng(1).normal(size=(9, whole.program.dimension))
    for got, want in zip(
        joint.gradient.value_and_gradient(x), whole.gradient.value_and_gradient(x), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12)
    np.testing.assert_allclose(joint.log_joint(x), whole.log_joint(x), rtol=1e-12)
    np.testing.assert_allclose(joint.log_likelihood(x), whole.log_likelihood(x), rtol=1e-12)


def test_blocks_keep_the_centring(small, monkeypatch):
    bound = of(GROUPS)
    degrees = {"u": np.linspace(0, 1, 5)}
    joint = CompiledTarget(compile_bound(bound)).recentred(degrees).model
    assert isinstance(joint.gradient, passes.Passes)
    monkeypatch.setattr(load, "FEW", 10**9)
    whole = compile_bound(bound, degrees)
    x = np.random.default_rng(1).normal(size=(3, whole.program.dimension))
    np.testing.assert_allclose(joint.log_joint(x), whole.log_joint(x), rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "data X[N, D]\nb[D] ~ Normal(0, 2)\ny[N] ~ Normal(X @ b, 1)\n",  # statistics are left
        "z[N] ~ Normal(0, 1)\ny[N] ~ StudentT(4, z, 1)\n",  # a latent for each row
        "a ~ Normal(0, 1)\nx[N] ~ AR([a], 1)\ny[N] ~ StudentT(4, x, 1)\n",
    ],
)
def test_where_blocks_are_of_no_use_the_whole_is_passed_over(text, small):
    rng = np.random.default_rng(0)
    data = {"y": rng.normal(size=3000)}
    if "X" in text:
        data["X"] = rng.normal(size=(3000, 2))
    bound = bound_of(ppl.Model(text)._request(data, {}, ())[0])[1]
    assert not isinstance(compile_bound(bound).gradient, passes.Passes)
