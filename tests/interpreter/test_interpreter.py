"""The interpreter itself: numbers worked out by hand, what it refuses, faults that it sees."""

from math import exp, log, pi

import numpy as np
import pytest

import ppl
from ppl.graph import align
from tests.interpreter.compare import check
from tests.interpreter.interpreter import Interpreter
from tests.interpreter.tables import Misfit


def normal(x, mu=0.0, sigma=1.0):
    return -0.5 * ((x - mu) / sigma) ** 2 - log(sigma) - 0.5 * log(2 * pi)


BY_HAND = {
    "one line": (
        "z ~ Normal(0,1); x ~ Normal(W*z, s)",
        {"x": [1.0, 2.0]},
        {"z": 0.3, "W": 2.0, "s": 0.5},
        normal(0.3) + normal(1.0, 0.6, 0.5) + normal(2.0, 0.6, 0.5),
    ),
    "axes by name": (
        "data M[J, K]\na[K] ~ Normal(0, 1)\nb[J] ~ Normal(0, 1)\nM ~ Normal(a - b, 1)",
        {"M": [[1.0, 2.0, 3.0]]},
        {"a": [1.0, 2.0, 4.0], "b": [0.5]},
        sum(map(normal, [1, 2, 4, 0.5])) + normal(1, 0.5) + normal(2, 1.5) + normal(3, 3.5),
    ),
    "a shift": (
        "data y[T]\na ~ Normal(0, 1)\nfor t in 1:T { y[t] ~ Normal(a * y[t - 1], 1) }",
        {"y": [1.0, 2.0, 5.0]},
        {"a": 0.5},
        normal(0.5) + normal(2, 0.5) + normal(5, 1),
    ),
    "truncation, weights, missing values": (
        "data y[N], w[N]\nr ~ Exponential(2) > 1\ny ~ Normal(0, 1) weight w * r",
        {"y": [1.0, np.nan, 3.0], "w": [1.0, 5.0, 2.0]},
        {"r": 1.5},
        log(2) - 2 * 1.5 + 2 + 1.5 * normal(1) + 3 * normal(3),
    ),
    "states": (
        "data y[N]\nfor n in N { z ~ Bernoulli(0.25); y[n] ~ Normal(3 * z, 1) }",
        {"y": [1.0, 2.0]},
        {"z": [0, 1]},
        sum(log(0.75 * exp(normal(y)) + 0.25 * exp(normal(y, 3))) for y in (1.0, 2.0)),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    text, data, values, wanted = BY_HAND[name]
    assert Interpreter(text, data).log_joint(values) == pytest.approx(wanted, rel=1e-12)


REFUSED = {
    "a likelihood is not broadcast": "y ~ Normal(a * X, 1)",
    "a column is not a vector": "y ~ Normal(a * X[N, :1], 1)",
    "a vector beside a matrix": "factor sum(eye(N) + x * a)",
    "a size chooses no axis": "y ~ Normal(X[:, 0] * x[0:2] * a, 1)",
    "other dimensions do not multiply": "y ~ Normal(a * (X @ x), 1)",
    "positions do not wrap": "for n in N { y[n] ~ Normal(a * x[n - 1], 1) }",
    "the left side names the index": "for n in N { y ~ Normal(a, 1) }",
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name):
    text = f"data X[N, D], y[N], x[N]\na ~ Normal(0, 1)\n{REFUSED[name]}"
    data = {"X": np.ones((3, 4)), "y": np.ones(3), "x": np.ones(3)}
    with pytest.raises(ppl.PplError):
        ppl.Model(text).compile(data)
    with pytest.raises(Misfit):
        Interpreter(text, data).log_joint({"a": 1.0})


def test_a_misalignment_is_seen(monkeypatch):
    """Axes that meet by place though they have names turn a square model wrong, and no error."""
    text = "data M[J, K], W[K, J]\na ~ Normal(0, 1)\nM ~ Normal(a * W, 1)"
    data = {"M": np.arange(9.0).reshape(3, 3), "W": np.arange(9.0, 18).reshape(3, 3)}
    check(text, data)

    def by_place(common, first, axes, k):
        return dict(zip(axes, common, strict=False)) if common else {}

    monkeypatch.setattr(align, "_match", by_place)
    with pytest.raises(AssertionError):
        check(text, data)
