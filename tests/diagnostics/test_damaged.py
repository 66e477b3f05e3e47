"""A damaged model works, or is answered with diagnostics: nothing else escapes."""

import contextlib
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppl import Model
from ppl.text import PplError
from tests.diagnostics.cases import all_cases

Y = [0.5, 1.5, -0.3]
GOOD = [
    ("z ~ Normal(0,1); x ~ Normal(W*z, s)", {"x": Y}),
    (
        "data y[J], sigma[J] > 0\nmu ~ Normal(0, 5)\ntau ~ HalfCauchy(5)\n"
        "theta[J] ~ Normal(mu, tau)\ny ~ Normal(theta, sigma)",
        {"y": Y, "sigma": [1.0, 2.0, 1.0]},
    ),
    (
        "data X[N, D], y[N] in {0, 1}\na ~ Normal(0, 5)\nb[D] ~ Normal(0, 2)\n"
        "y ~ Bernoulli(logit = a + X @ b)",
        {"X": [[1.0, 2.0], [0.5, 0.1], [2.0, 1.0]], "y": [0, 1, 1]},
    ),
    (
        "data g[N] in J from 1, y[N]\nmu ~ Normal(0, 1)\ns ~ HalfNormal(1)\n"
        "for j in J { a[j] ~ Normal(mu, s) }\nfor n in N { m = a[g[n]] + 1; y[n] ~ Normal(m, s) }",
        {"g": [1, 2, 2], "y": Y},
    ),
    (
        "data y[T]\nrho ~ Uniform(-1, 1)\ny[0] ~ Normal(0, 1)\n"
        "for t in 1:T { y[t] ~ Normal(rho * y[t - 1], 0.5) }",
        {"y": Y},
    ),
    (
        "dim K = 2\nparam W[D, K], s > 0 = 1\nfor n in N {\n  z[n, K] ~ Normal(0, 1)\n"
        "  for d in D { x[n, d] ~ Normal(sum(W[d, k] * z[n, k] for k in K), s) }\n}",
        {"x": [[1.0, 2.0], [0.5, 0.1], [2.0, 1.0]]},
    ),
    (
        "fn line(a, b, t) { u = b * t; a + u }\nb[:2] ~ Normal(0, 1)\nb[2] = 0\n"
        "y[N] ~ StudentT(4, line(b[0], b[1], x), exp(b[2])) weight w\nfactor -0.5 * b[0]^2",
        {"y": Y, "x": [1, 2, 3], "w": [1, 1, 2]},
    ),
    (
        "p[K] ~ Dirichlet(1)\nmu[K] ~ Normal(0, 5) in Ordered\n"
        "for n in N { z[n] ~ Categorical(p); y[n] ~ Normal(mu[z[n]], 1) }",
        {"y": Y, "K": 2},
    ),
    (
        "data S[P, P] in Covariance, y[N, P]\nm[P] ~ Normal(0, 1)\n"
        "L[P, P] ~ LKJCholesky(2)\nt[P] ~ HalfNormal(1)\n"
        "for n in N { y[n] ~ MultivariateNormal(m, cov = S) }\nmu = max(m) > 0 and t[0] < 1",
        {"S": [[1.0, 0.2], [0.2, 1.0]], "y": [[1.0, 2.0], [0.5, 0.1]]},
    ),
]
TOKEN = re.compile(r"\w+|\n|[^\w\s]|[ ]+")
NAMES = "N J K x y z g mu 0 1 2 -1 0.5 inf sum exp Normal Poisson Bernoulli Categorical softmax"
SIGNS = "[ ] ( ) { } , = ~ : + - * @ ^ <"
RESERVED = "in for if then else data param dim weight factor require fn"
WORDS = f"{NAMES} {SIGNS} {RESERVED}".split()


def tokens(text: str) -> list[str]:
    return TOKEN.findall(text)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """Draw a good model with a few tokens deleted, doubled, exchanged or replaced."""
    text, data = draw(st.sampled_from(GOOD))
    words = tokens(text)
    places = st.integers(0, len(words) - 1)
    for _ in range(draw(st.integers(1, 3))):
        i, j = draw(places), draw(places)
        i, j = min(i, len(words) - 1), min(j, len(words) - 1)
        match draw(st.sampled_from(["delete", "double", "exchange", "name", "word"])):
            case "delete":
                del words[i]
            case "double":
                words.insert(i, words[i])
            case "exchange":
                words[i], words[j] = words[j], words[i]
            case "name":
                names = [w for w in words if w.isidentifier()]
                words[i] = draw(st.sampled_from(names)) if names else words[i]
            case "word":
                words[i] = draw(st.sampled_from(WORDS))
    return "".join(words), data


def tried(text: str, data: dict[str, object]) -> bool:
    """Return whether a model with data compiles; False where diagnostics say why not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            joint = Model(text).compile(data)
        except PplError as error:
            return not str(error)
        with np.errstate(all="ignore"):
            joint.log_joint(np.zeros((2, joint.program.dimension)))
    return True


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_good_models_are_good(number):
    text, data = GOOD[number]
    assert tried(text, data)
    assert Model(text).check() is not None


@settings(max_examples=400)
@given(damaged())
def test_damaged_models_work_or_are_answered(model):
    text, data = model
    tried(text, data)
    with contextlib.suppress(PplError):
        Model(text).check()


@settings(max_examples=150)
@given(st.data())
def test_data_of_any_shape_work_or_are_answered(data):
    text, given_data = data.draw(st.sampled_from(GOOD))
    name = data.draw(st.sampled_from(sorted(given_data)))
    numbers = st.one_of(
        st.integers(-3, 5), st.floats(-2, 5, width=16), st.sampled_from([float("nan"), 0, 1])
    )
    shape = data.draw(st.sampled_from([(), (0,), (1,), (2,), (3,), (2, 2), (3, 1)]))
    size = int(np.prod(shape))
    values = data.draw(st.lists(numbers, min_size=size, max_size=size))
    tried(text, {**given_data, name: np.array(values, float).reshape(shape)})


CORPUS = [case.model for _, case in all_cases()]


@settings(max_examples=150)
@given(st.sampled_from(CORPUS), st.sampled_from([data for _, data in GOOD]))
def test_wrong_models_with_other_data_are_answered(text, data):
    tried(text, data)
