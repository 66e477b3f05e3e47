"""States coupled in any way: random graphs of factors, against all values written out in NumPy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

import ppl
from ppl.compile.states import states
from tests.timing import ratio

MODEL = """
dim K = 3
data a[E] in N, b[E] in N, w[E], c[F] in N, d[F] in N, e[F] in N, v[F], unary[N, K]
m ~ Normal(0, 1)
for n in N { z[n] ~ Categorical([0.2, 0.5, 0.3]); factor unary[n, z[n]] }
for i in E { factor m * w[i] * (z[a[i]] == z[b[i]]) + w[i] * z[a[i]] }
for i in F { factor v[i] * z[c[i]] * z[d[i]] * z[e[i]] }
"""


@st.composite
def graphs(draw):
    """Return data: what is coupled in pairs and in threes, some of it with itself or twice."""
    count = draw(st.integers(1, 7))
    place = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(place, place), min_size=1, max_size=12))
    threes = draw(st.lists(st.tuples(place, place, place), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return {
        **{name: np.array([p[k] for p in pairs]) for k, name in enumerate("ab")},
        **{name: np.array([p[k] for p in threes]) for k, name in enumerate("cde")},
        "w": rng.normal(size=len(pairs)),
        "v": rng.normal(size=len(threes)),
        "unary": rng.normal(size=(count, 3)),
    }


def written_out(data, m):
    """Return all values of z, and the log joint at each."""
    count = len(data["unary"])
    z = np.array(list(product(range(3), repeat=count)))
    total = np.log([0.2, 0.5, 0.3])[z].sum(axis=1)
    total += data["unary"][np.arange(count), z].sum(axis=1)
    same = z[:, data["a"]] == z[:, data["b"]]
    total += (m * data["w"] * same + data["w"] * z[:, data["a"]]).sum(axis=1)
    three = z[:, data["c"]] * z[:, data["d"]] * z[:, data["e"]]
    return z, total + (data["v"] * three).sum(axis=1) - 0.5 * m**2 - 0.5 * np.log(2 * np.pi)


@settings(max_examples=25)
@given(graphs())
def test_any_coupling_is_summed_out(data):
    joint = ppl.Model(MODEL).compile(data)
    x = np.array([[0.7], [-1.3]])
    parts = [written_out(data, m) for m in x[:, 0]]
    totals = np.array([total for _, total in parts])
    assert joint.log_joint(x) == pytest.approx(logsumexp(totals, axis=1), rel=1e-9)
    z = parts[0][0]
    share = np.exp(totals - logsumexp(totals, axis=1)[:, None]).mean(axis=0)
    expected = np.stack([share @ (z == k) for k in range(3)], axis=-1)
    found = states(joint)
    np.testing.assert_allclose(found.probabilities(x)["z"], expected, atol=1e-9)
    np.testing.assert_array_equal(found.most_probable(x)["z"], z[np.argmax(totals.mean(axis=0))])
    step = 1e-5
    near = [logsumexp(written_out(data, 0.7 + s)[1]) for s in (step, -step)]
    slope = joint.gradient.value_and_gradient(x)[1][0, 0]
    assert slope == pytest.approx((near[0] - near[1]) / (2 * step), rel=1e-5, abs=1e-6)


TREE = """
data y[N], parent[M] in N
dim M = N - 1
m ~ Normal(0, 1)
z[0] ~ Bernoulli(0.4)
for i in 1:N { z[i] ~ Bernoulli(0.2 + 0.6 * z[parent[i - 1]]) }
for i in N { y[i] ~ Normal(m * z[i], 1) }
"""
SECOND_ORDER = """
data y[T]
m ~ Normal(0, 1)
z[0] ~ Bernoulli(0.4)
z[1] ~ Bernoulli(0.2 + 0.5 * z[0])
for t in 2:T { z[t] ~ Bernoulli(logit = m + z[t - 1] - z[t - 2]) }
for t in T { y[t] ~ Normal(m * z[t], 1) }
"""
COUPLED = """
data y[T]
m ~ Normal(0, 1)
a[0] ~ Bernoulli(0.3)
b[0] ~ Bernoulli(0.4)
for t in 1:T { a[t] ~ Bernoulli(0.1 + 0.5 * a[t - 1]); b[t] ~ Bernoulli(0.2 + 0.5 * b[t - 1]) }
for t in T { y[t] ~ Normal(m * a[t] + b[t], 1) }
"""


def observed(name, size):
    data = {"y": np.random.default_rng(0).normal(size=size)}
    if name == "tree":
        data["parent"] = np.arange(1, size) // 2
    return data


@pytest.mark.parametrize(
    ("name", "text"), [("tree", TREE), ("second order", SECOND_ORDER), ("coupled", COUPLED)]
)
def test_time_and_source_do_not_grow_faster_than_the_length(name, text):
    long, short = (ppl.Model(text).compile(observed(name, size)) for size in (2000, 250))
    assert len(long.source.splitlines()) < 2.5 * len(short.source.splitlines())
    x = np.zeros((2, 1))
    calls = [lambda j=j: j.gradient.value_and_gradient(x) for j in (long, short)]
    assert ratio(*calls, bound=20) < 20


def test_a_long_tree_is_taken_apart_from_its_leaves():
    """The source of a path in any order of its positions stays short."""
    size = 1000
    order = np.random.default_rng(0).permutation(np.arange(1, size))
    place = np.concatenate([[0], order])
    parent = np.empty(size - 1, dtype=int)
    parent[place[1:] - 1] = place[:-1]
    joint = ppl.Model(TREE).compile(y=np.zeros(size), parent=parent)
    assert len(joint.source.splitlines()) < 200
