"""Symmetries of models, stated by hand; found ones against log joints that SciPy computes."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from ppl import pipeline
from ppl.compile.load import LogJoint
from ppl.compile.symmetries import Symmetry, symmetries
from ppl.data.python import from_python
from ppl.text import Source

RNG = np.random.default_rng(1)
Y = {"y": np.concatenate([RNG.normal(-2, 1, 15), RNG.normal(2, 1, 15)])}
X = {"x": RNG.normal(size=(12, 4))}
CURVE = {"x": RNG.normal(size=12), "y": RNG.normal(size=12)}
RATED = {"u": [0, 1, 2, 0, 1], "i": [0, 1, 2, 3, 0], "y": [1.0, 2.0, 0.5, -1.0, 0.3]}
WORDS = {"doc": [0, 0, 1, 1, 2], "word": [0, 1, 2, 0, 2]}

MIXTURE = """
data y[N]
dim K = 3
share[K] ~ Dirichlet(2)
mu[K] ~ Normal(0, 5)
s[K] ~ HalfNormal(2)
for n in N {
  kind[n] ~ Categorical(share)
  y[n] ~ Normal(mu[kind[n]], s[kind[n]])
}
"""
FACTORS = """
data x[N, D]
dim K = 2
W[D, K] ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Normal(W @ z[n], s)
}
"""
NETWORK = """
data x[N], y[N]
dim H = 3
w1[H], b1[H], w2[H] ~ Normal(0, 1)
b2 ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in N {
  y[n] ~ Normal(sum(w2[k] * tanh(w1[k] * x[n] + b1[k]) for k in H) + b2, s)
}
"""
RATINGS = """
data u[R] in U, i[R] in I, y[R]
dim K = 3
a[U, K], b[I, K] ~ Normal(0, 1)
for r in R {
  y[r] ~ Normal(sum(a[u[r], k] * b[i[r], k] for k in K), 1)
}
"""
TOPICS = """
data doc[N] in D, word[N] in V
dim K = 3
topic[K, V] ~ Dirichlet(0.5)
share[D, K] ~ Dirichlet(0.5)
for n in N {
  p = share[doc[n]] @ topic
  word[n] ~ Categorical(p / sum(p))
}
"""
CHAIN = """
data y[T]
dim K = 3
mu[K] ~ Normal(0, 4)
A[K, K] ~ Dirichlet(1)
z[0] ~ Categorical([1/3, 1/3, 1/3])
for t in 1:T {
  z[t] ~ Categorical(A[z[t - 1]])
}
for t in T {
  y[t] ~ Normal(mu[z[t]], 1)
}
"""
ALL = (0, 1, 2)


def compiled(text: str, data: object) -> LogJoint:
    return pipeline.compiled_of(pipeline.Request(Source("m", text), (from_python(data),)))[1]


def told(found: tuple[Symmetry, ...]) -> set[tuple[str, tuple[str, ...], str, tuple[int, ...]]]:
    return {(s.kind, s.names, s.dimension, s.positions) for s in found}


SYMMETRIC = {
    "mixture": (MIXTURE, Y, {("exchange", ("share", "mu", "s"), "K", ALL)}),
    "mixture without a named dimension": (
        MIXTURE.replace("dim K = 3\n", "")
        .replace("share[K] ~ Dirichlet(2)", "share ~ Dirichlet([2, 2, 2])")
        .replace("[K]", "[:3]"),
        Y,
        {("exchange", ("share", "mu", "s"), "", ALL)},
    ),
    "mixture of which one kind is apart": (
        MIXTURE.replace("mu[K] ~ Normal(0, 5)", "for k in K { mu[k] ~ Normal(m[k], 5) }").replace(
            "dim K = 3", "dim K = 3\nm = [-2, 0, 0]"
        ),
        Y,
        {("exchange", ("share", "mu", "s"), "K", (1, 2))},
    ),
    "factors": (FACTORS, X, {("rotation", ("W", "z"), "K", (0, 1))}),
    "factors of another law": (
        FACTORS.replace("W[D, K] ~ Normal", "W[D, K] ~ Laplace"),
        X,
        {("exchange", ("W", "z"), "K", (0, 1)), ("sign", ("W", "z"), "K", (0, 1))},
    ),
    "factors of two scales": (
        FACTORS.replace("W[D, K] ~ Normal(0, 1)", "for k in K { W[D, k] ~ Normal(0, 1 + k) }"),
        X,
        {("sign", ("W", "z"), "K", (0, 1))},
    ),
    "factors of which one has a mean": (
        FACTORS.replace("W[D, K] ~ Normal(0, 1)", "for k in K { W[D, k] ~ Normal(k, 1) }"),
        X,
        {("sign", ("W", "z"), "K", (0,))},
    ),
    "one factor": (
        FACTORS.replace("dim K = 2\n", "")
        .replace("[D, K]", "[D]")
        .replace("[n, K]", "[n]")
        .replace("W @ z", "W[D] * z"),
        X,
        {("sign", ("W", "z"), "", ())},
    ),
    "network": (
        NETWORK,
        CURVE,
        {("exchange", ("w1", "b1", "w2"), "H", ALL), ("sign", ("w1", "b1", "w2"), "H", ALL)},
    ),
    "network of units that are not odd": (
        NETWORK.replace("tanh", "exp"),
        CURVE,
        {("exchange", ("w1", "b1", "w2"), "H", ALL)},
    ),
    "ratings": (RATINGS, RATED, {("rotation", ("a", "b"), "K", ALL)}),
    "topics": (TOPICS, WORDS, {("exchange", ("topic", "share"), "K", ALL)}),
    "hidden Markov model": (CHAIN, Y, {("exchange", ("mu", "A"), "K", ALL)}),
    "a square": ("data y[N]\na ~ Normal(0, 1)\ny ~ Normal(a^2, 1)", Y, {("sign", ("a",), "", ())}),
}
ASYMMETRIC = {
    "ordered": (MIXTURE.replace("Normal(0, 5)", "Normal(0, 5) in Ordered"), Y),
    "priors": (
        MIXTURE.replace("share[K] ~ Dirichlet(2)", "share ~ Dirichlet([1, 2, 3])"),
        Y,
    ),
    "means": (FACTORS.replace("Normal(0, 1)", "Normal(1, 1)").replace("dim K = 2", "dim K = 1"), X),
    "regression": (
        "data x[N], y[N]\na, b ~ Normal(0, 1)\ns ~ HalfNormal(1)\ny ~ Normal(a + b * x, s)",
        CURVE,
    ),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetries_are_found(name: str) -> None:
    text, data, expected = SYMMETRIC[name]
    assert told(symmetries(compiled(text, data))) == expected


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_model_without_symmetries_gets_none(name: str) -> None:
    assert symmetries(compiled(*ASYMMETRIC[name])) == ()


def test_signs_stay_free_where_data_tell_positions_apart() -> None:
    """The data belong to `K`, so positions are not looked at; whole arrays still change sign."""
    text = RATINGS.replace("dim K = 3", "data w[K]").replace("b[i[r], k]", "b[i[r], k] * w[k]")
    joint = compiled(text, {**RATED, "w": [1.0, 1.0, 2.0]})
    assert told(symmetries(joint)) == {("sign", ("a", "b"), "", ())}


def test_positions_that_data_cannot_tell_apart_by_chance_are_no_symmetry() -> None:
    """Two groups with the same data may be exchanged, and yet are different groups."""
    text = "data y[J]\nm ~ Normal(0, 1)\nt[J] ~ Normal(m, 1)\ny ~ Normal(t, 1)"
    assert symmetries(compiled(text, {"y": [1.0, 1.0, 1.0]})) == ()


def test_missing_values_are_at_positions_of_data() -> None:
    text = "data x[N], y[N]\nfor n in N {\n  x[n] ~ Normal(1, 1)\n  y[n] ~ Normal(x[n], 1)\n}"
    nan = float("nan")
    data = {"x": [nan, nan, 1.0], "y": [0.5, 0.5, 1.0]}
    assert symmetries(compiled(text, data)) == ()


def test_what_the_log_joint_does_not_read_is_no_symmetry() -> None:
    """The control of the test: a flat direction has no copies."""
    text = "param a\nz[4] ~ Normal(0, 1)\ndata y\ny ~ Normal(a, 1)"
    assert symmetries(compiled(text.replace("z[4]", "z[:4]"), {"y": 0.3})) == ()


def of_mixture(v: dict[str, np.ndarray]) -> float:
    each = np.log(v["share"]) + stats.norm.logpdf(Y["y"][:, None], v["mu"], v["s"])
    prior = stats.dirichlet.logpdf(v["share"], [2] * 3) + stats.norm.logpdf(v["mu"], 0, 5).sum()
    return float(prior + stats.halfnorm.logpdf(v["s"], 0, 2).sum() + logsumexp(each, axis=1).sum())


def of_topics(v: dict[str, np.ndarray]) -> float:
    rows = [*v["topic"], *v["share"]]
    prior = sum(stats.dirichlet.logpdf(row, [0.5] * len(row)) for row in rows)
    mixed = v["share"] @ v["topic"]
    return float(prior + np.log(mixed[WORDS["doc"], WORDS["word"]]).sum())


def of_network(v: dict[str, np.ndarray]) -> float:
    curve = np.tanh(CURVE["x"][:, None] * v["w1"] + v["b1"]) @ v["w2"] + v["b2"]
    prior = sum(stats.norm.logpdf(v[n]).sum() for n in ("w1", "b1", "w2", "b2"))
    prior += stats.halfnorm.logpdf(v["s"])
    return float(prior + stats.norm.logpdf(CURVE["y"], curve, v["s"]).sum())


def of_factors(v: dict[str, np.ndarray]) -> float:
    prior = stats.norm.logpdf(v["W"]).sum() + stats.norm.logpdf(v["z"]).sum()
    prior += stats.halfnorm.logpdf(v["s"])
    return float(prior + stats.norm.logpdf(X["x"], v["z"] @ v["W"].T, v["s"]).sum())


@pytest.mark.parametrize(
    ("text", "data", "density"),
    [
        (MIXTURE, Y, of_mixture),
        (TOPICS, WORDS, of_topics),
        (NETWORK, CURVE, of_network),
        (FACTORS, X, of_factors),
    ],
)
def test_changes_leave_the_density_by_scipy_as_it_is(text, data, density) -> None:
    joint = compiled(text, data)
    points = 0.7 * np.random.default_rng(9).standard_normal((5, joint.program.dimension))
    before = joint.determined(points)
    found = symmetries(joint)
    assert found
    for symmetry in found:
        after = joint.determined(symmetry.sample.apply(points))
        first = symmetry.names[0]
        for name in before:
            expected = symmetry.sample.on_values(name, before[name])
            np.testing.assert_allclose(after[name], expected, rtol=1e-10, atol=1e-12)
        for k in range(len(points)):
            here, there = ({n: v[k] for n, v in values.items()} for values in (before, after))
            assert density(there) == pytest.approx(density(here), rel=1e-10)
            alone = {**here, first: there[first]}
            assert abs(density(alone) - density(here)) > 1e-4
