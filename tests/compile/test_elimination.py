"""Discrete latents summed out: against the sum over all their values, each observed in turn."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.special import logsumexp

import ppl
from ppl.compile.emit import emit
from ppl.compile.load import run_source
from ppl.compile.states import states
from tests.timing import ratio

rng = np.random.default_rng(3)

MODELS = {
    "mixture": (
        """
        dim K = 3
        data y[N]
        p[K] ~ Dirichlet(2)
        mu[K] ~ Normal(0, 2)
        for n in N { z[n] ~ Categorical(p); y[n] ~ Normal(mu[z[n]], 1) }
        """,
        {"y": rng.normal(size=4)},
        {"z": (4, 3)},
    ),
    "chain": (
        """
        dim K = 2, J = 2
        data y[T]
        A[K, J] ~ Dirichlet(1)
        mu[K] ~ Normal(0, 2)
        z[0] ~ Categorical([0.3, 0.7])
        for t in 1:T { z[t] ~ Categorical(A[z[t - 1]]) }
        for t in T { y[t] ~ Normal(mu[z[t]], 1) }
        """,
        {"y": rng.normal(size=5)},
        {"z": (5, 2)},
    ),
    "time-varying chain": (
        """
        data y[T], x[T]
        b ~ Normal(0, 1)
        z[0] ~ Bernoulli(0.4)
        for t in 1:T { z[t] ~ Bernoulli(logit = b * x[t] + z[t - 1]) }
        for t in T { y[t] ~ Normal(b * z[t], 1) }
        """,
        {"y": rng.normal(size=5), "x": rng.normal(size=5)},
        {"z": (5, 2)},
    ),
    "asia": (
        """
        asia ~ Bernoulli(0.01)
        smoke ~ Bernoulli(0.5)
        tub ~ Bernoulli(if asia == 1 then 0.05 else 0.01)
        lung ~ Bernoulli(if smoke == 1 then 0.1 else 0.01)
        bronc ~ Bernoulli(if smoke == 1 then 0.6 else 0.3)
        either = max(tub, lung)
        xray ~ Bernoulli(if either == 1 then 0.98 else 0.05)
        p = if either == 1
            then (if bronc == 1 then 0.9 else 0.7)
            else (if bronc == 1 then 0.8 else 0.1)
        m ~ Normal(0, 1)
        dysp ~ Bernoulli(p)
        y ~ Normal(m + xray - dysp, 1)
        """,
        {"y": 0.3},
        dict.fromkeys(("asia", "smoke", "tub", "lung", "bronc", "xray", "dysp"), (1, 2)),
    ),
    "change point": (
        """
        data y[T]
        rate[J] ~ Exponential(1)
        dim J = 2
        cut ~ DiscreteUniform(0, 5)
        for t in T { y[t] ~ Poisson(if t < cut then rate[0] else rate[1]) }
        """,
        {"y": np.array([0, 1, 0, 4, 5, 3.0])},
        {"cut": (1, 6)},
    ),
    "capture and recapture": (
        """
        data y[M]
        psi ~ Beta(1, 1)
        p ~ Beta(1, 1)
        for i in M { here[i] ~ Bernoulli(psi); y[i] ~ Binomial(4, p * here[i]) }
        """,
        {"y": np.array([2, 0, 1, 0, 0.0])},
        {"here": (5, 2)},
    ),
    "shared parents": (
        """
        data y[N], g[N] in G
        dim G = 2
        m ~ Normal(0, 1)
        for k in G { a[k] ~ Bernoulli(0.3) }
        for n in N { z[n] ~ Bernoulli(0.2 + 0.5 * a[g[n]]); y[n] ~ Normal(m * z[n] + a[g[n]], 1) }
        """,
        {"y": rng.normal(size=4), "g": np.array([0, 1, 1, 0])},
        {"a": (2, 2), "z": (4, 2)},
    ),
    "two chains side by side": (
        """
        data y[S, T]
        m ~ Normal(0, 1)
        for s in S { z[s, 0] ~ Bernoulli(0.5) }
        for s in S, t in 1:T { z[s, t] ~ Bernoulli(0.2 + 0.6 * z[s, t - 1]) }
        for s in S, t in T { y[s, t] ~ Normal(m * z[s, t], 1) }
        """,
        {"y": rng.normal(size=(2, 3))},
        {"z": (6, 2)},
    ),
    "chain of second order": (
        """
        data y[T]
        m ~ Normal(0, 1)
        a ~ Normal(0, 1)
        z[0] ~ Bernoulli(0.4)
        z[1] ~ Bernoulli(0.2 + 0.5 * z[0])
        for t in 2:T { z[t] ~ Bernoulli(logit = a + z[t - 1] - 2 * z[t - 2] * z[t - 1]) }
        for t in T { y[t] ~ Normal(m * z[t], 1) }
        """,
        {"y": rng.normal(size=7)},
        {"z": (7, 2)},
    ),
    "two coupled chains": (
        """
        data y[T]
        m ~ Normal(0, 1)
        a[0] ~ Categorical([0.2, 0.5, 0.3])
        b[0] ~ Bernoulli(0.4)
        for t in 1:T {
          a[t] ~ Categorical(if a[t - 1] == 1 then [0.1, 0.8, 0.1] else [0.4, 0.2, 0.4])
          b[t] ~ Bernoulli(0.2 + 0.5 * b[t - 1])
        }
        for t in T { y[t] ~ Normal(m * a[t] + b[t], 1) }
        """,
        {"y": rng.normal(size=4)},
        {"a": (4, 3), "b": (4, 2)},
    ),
    "chains that drive one another": (
        """
        data y[T]
        m ~ Normal(0, 1)
        a[0] ~ Bernoulli(0.3)
        b[0] ~ Bernoulli(0.4)
        for t in 1:T {
          a[t] ~ Bernoulli(0.1 + 0.3 * a[t - 1] + 0.4 * b[t - 1])
          b[t] ~ Bernoulli(logit = m + a[t] - b[t - 1])
        }
        for t in T { y[t] ~ Normal(m * a[t] + b[t], 1) }
        """,
        {"y": rng.normal(size=6)},
        {"a": (6, 2), "b": (6, 2)},
    ),
    "tree": (
        """
        data y[N], parent[M] in N
        dim M = N - 1
        m ~ Normal(0, 1)
        z[0] ~ Bernoulli(0.4)
        for i in 1:N { z[i] ~ Bernoulli(0.2 + 0.6 * z[parent[i - 1]]) }
        for i in N { y[i] ~ Normal(m * z[i], 1) }
        """,
        {"y": rng.normal(size=8), "parent": np.array([0, 0, 1, 1, 2, 2, 4])},
        {"z": (8, 2)},
    ),
    "a chain for each subject, by class": (
        """
        data y[S, T]
        dim C = 2
        m ~ Normal(0, 1)
        for s in S { c[s] ~ Bernoulli(0.3); z[s, 0] ~ Bernoulli(0.5) }
        for s in S, t in 1:T { z[s, t] ~ Bernoulli(0.1 + 0.3 * c[s] + 0.5 * z[s, t - 1]) }
        for s in S, t in T { y[s, t] ~ Normal(m * z[s, t] + c[s], 1) }
        """,
        {"y": rng.normal(size=(2, 3))},
        {"c": (2, 2), "z": (6, 2)},
    ),
    "a start that all observations read": (
        """
        data y[T]
        m ~ Normal(0, 1)
        z[0] ~ Bernoulli(0.5)
        for t in 1:T { z[t] ~ Bernoulli(0.2 + 0.6 * z[t - 1]) }
        for t in T { y[t] ~ Normal(m * z[t] - z[0], 1) }
        """,
        {"y": rng.normal(size=9)},
        {"z": (9, 2)},
    ),
    "counts of a few": (
        """
        data y[N], x[N]
        m ~ Normal(0, 1)
        dim K = 4
        for k in K { z[k] ~ Bernoulli(logit = k - 2) }
        total = sum(z)
        for n in N { y[n] ~ Normal(m * total + sum(x[n] * z[k] for k in 1:K), 1) }
        """,
        {"y": rng.normal(size=3), "x": rng.normal(size=3)},
        {"z": (4, 2)},
    ),
    "a grid": (
        """
        data y[I, J]
        m ~ Normal(0, 1)
        z[0, 0] ~ Bernoulli(0.5)
        for i in 1:I { z[i, 0] ~ Bernoulli(0.2 + 0.6 * z[i - 1, 0]) }
        for j in 1:J { z[0, j] ~ Bernoulli(0.3 + 0.4 * z[0, j - 1]) }
        for i in 1:I, j in 1:J { z[i, j] ~ Bernoulli(0.1 + 0.3 * z[i - 1, j] + 0.4 * z[i, j - 1]) }
        for i in I, j in J { y[i, j] ~ Normal(m * z[i, j], 1) }
        """,
        {"y": rng.normal(size=(3, 3))},
        {"z": (9, 2)},
    ),
    "rows and columns": (
        """
        data y[I, J]
        m ~ Normal(0, 1)
        for i in I { a[i] ~ Bernoulli(0.3) }
        for j in J { b[j] ~ Bernoulli(0.6) }
        for i in I, j in J { y[i, j] ~ Normal(m * a[i] + a[i] * b[j], 1) }
        """,
        {"y": rng.normal(size=(3, 4))},
        {"a": (3, 2), "b": (4, 2)},
    ),
    "those that are left": (
        """
        data y[T]
        p ~ Beta(1, 1)
        n[0] ~ DiscreteUniform(0, 4)
        for t in 1:T { n[t] ~ Binomial(n[t - 1], p) }
        for t in T { y[t] ~ Binomial(n[t], 0.5) }
        """,
        {"y": np.array([2, 1, 1.0])},
        {"n": (3, 5)},
    ),
    "a start by condition": (
        """
        data y[N], first[N] in {0, 1}
        A[K, J] ~ Dirichlet(1)
        dim K = 2, J = 2
        m ~ Normal(0, 1)
        for n in N {
          z[n] ~ Categorical(if first[n] == 1 then [0.5, 0.5] else A[z[n - 1]])
          y[n] ~ Normal(m * z[n], 1)
        }
        """,
        {"y": rng.normal(size=6), "first": np.array([1, 0, 0, 1, 0, 0])},
        {"z": (6, 2)},
    ),
    "sums so far": (
        """
        data y[K]
        m ~ Normal(0, 1)
        for k in K { z[k] ~ Bernoulli(0.3) }
        c = cumsum(z)
        for k in K { y[k] ~ Normal(m * c[k], 1) }
        """,
        {"y": rng.normal(size=4)},
        {"z": (4, 2)},
    ),
    "what depends on a neighbour's states": (
        """
        data y[T]
        m[K] ~ Normal(0, 1)
        dim K = 2
        z[0] ~ Bernoulli(0.5)
        for t in 1:T { z[t] ~ Bernoulli(0.2 + 0.6 * z[t - 1]) }
        for t in 1:T { y[t] ~ Normal(m[z[t]] + 0.5 * (y[t - 1] - m[z[t - 1]]), 1) }
        """,
        {"y": rng.normal(size=5)},
        {"z": (5, 2)},
    ),
    "which state is read": (
        """
        data y[N]
        m ~ Normal(0, 1)
        dim K = 3
        for k in K { z[k] ~ Bernoulli(logit = k - 2) }
        for n in N { c[n] ~ Categorical([0.2, 0.3, 0.5]); y[n] ~ Normal(m * z[c[n]], 1) }
        """,
        {"y": rng.normal(size=3)},
        {"z": (3, 2), "c": (3, 3)},
    ),
}


POINTS = 3
DRAWS = 4000


@cache
def written_out(name):
    """Return the compiled model, points, and for each of all values the log joint there."""
    text, data, discrete = MODELS[name]
    model = ppl.Model(text)
    summed = model.compile(data)
    x = np.random.default_rng(0).normal(size=(POINTS, summed.program.dimension)) * 0.5
    shapes = {n: summed.bound.shape(n) for n in discrete}
    whole, every = [], []
    known = None
    for values in product(*(product(range(k), repeat=count) for count, k in discrete.values())):
        given = {
            n: np.array(v, dtype=float).reshape(shapes[n])
            for n, v in zip(discrete, values, strict=True)
        }
        every.append(given)
        try:
            if known is None or () in shapes.values():
                known = model.compile({**data}, **given)
                assert not any("summed out" in choice for choice in known.program.choices)
                emitted = emit(known.program, known.bound)
                sets = {c.constraint.name: c.constraint for c in known.program.columns}
            bound = replace(known.bound, data={**known.bound.data, **given})
            whole.append(run_source(emitted, bound, sets, {})[0](x))
        except ppl.DataError:
            whole.append(np.full(POINTS, -np.inf))
    return summed, x, np.array(whole), every


@pytest.mark.parametrize("name", MODELS)
def test_summing_out_equals_the_sum_over_all_values(name):
    summed, x, whole, _ = written_out(name)
    assert summed.log_joint(x) == pytest.approx(logsumexp(whole, axis=0), rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_states_are_drawn_from_their_posterior(name):
    joint, x, whole, all_values = written_out(name)
    draws = joint.quantities(np.repeat(x[:1], DRAWS, axis=0), np.random.default_rng(2))
    probability = np.exp(whole[:, 0] - logsumexp(whole[:, 0]))
    for n in MODELS[name][2]:
        every = np.array([s[n] for s in all_values])
        mean = np.tensordot(probability, every, 1)
        spread = np.sqrt(np.tensordot(probability, np.square(every - mean), 1) / DRAWS)
        assert np.all(np.abs(draws[n].mean(axis=0) - mean) < 5 * spread + 1e-12)


def test_positions_that_are_given_are_states_that_are_known():
    text = """
        data y[T]
        m ~ Normal(0, 1)
        z[0] START
        for t in 1:T { z[t] ~ Bernoulli(0.2 + 0.6 * z[t - 1]) }
        for t in T { y[t] ~ Normal(m * z[t], 1) }
    """
    data = {"y": np.array([0.3, -1.0, 2.0])}
    given = ppl.Model(text.replace("START", "= 1")).compile(data)
    drawn = ppl.Model(text.replace("START", "~ Bernoulli(1)")).compile(data)
    x = np.array([[0.4], [-2.0]])
    np.testing.assert_allclose(given.log_joint(x), drawn.log_joint(x), rtol=1e-12)
    one, two = (states(joint).probabilities(x)["z"] for joint in (given, drawn))
    np.testing.assert_allclose(one, two, atol=1e-12)


def test_time_is_linear_in_the_length_of_a_chain():
    text = MODELS["chain"][0]

    def gradient(length):
        joint = ppl.Model(text).compile(y=np.zeros(length))
        x = np.zeros((4, joint.program.dimension))
        return lambda: joint.gradient.value_and_gradient(x)

    assert ratio(gradient(4000), gradient(500), bound=20) < 20


def test_no_positions_are_no_terms():
    joint = ppl.Model(MODELS["mixture"][0]).compile(y=np.zeros(0))
    x = np.zeros((2, joint.program.dimension))
    assert np.isfinite(joint.log_joint(x)).all()
    assert states(joint) is None


def test_a_table_that_would_be_too_large_is_an_error():
    text = """
        data y[N, M]
        for n in N { z[n] ~ Bernoulli(0.5) }
        for m in M { w[m] ~ Bernoulli(0.5) }
        for n in N, m in M { y[n, m] ~ Normal(z[n] + w[m], 1) }
    """
    with pytest.raises(ppl.ModelError) as error:
        ppl.Model(text).compile(y=np.zeros((30, 30)))
    assert [d.code for d in error.value.diagnostics] == ["table-too-large"]


def test_a_discrete_latent_without_bound_is_an_error():
    with pytest.raises(ppl.ModelError) as error:
        ppl.Model("n ~ Poisson(3)\ny ~ Normal(n, 1)").compile(y=3.0)
    assert [d.code for d in error.value.diagnostics] == ["unbounded-discrete-latent"]


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_of_states_are_exact(name):
    joint, x, whole, every = written_out(name)
    found = states(joint).probabilities(x)
    weights = np.exp(whole - logsumexp(whole, axis=0)).mean(axis=1)
    for n, (_, count) in MODELS[name][2].items():
        values = np.array([s[n] for s in every])
        expected = np.stack([np.tensordot(weights, values == k, 1) for k in range(count)], -1)
        np.testing.assert_allclose(found[n], expected, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_the_most_probable_states_have_the_largest_log_joint(name):
    joint, x, whole, every = written_out(name)
    found = states(joint).most_probable(x)
    best = every[int(np.argmax(whole.mean(axis=1)))]
    for n, values in best.items():
        np.testing.assert_array_equal(found[n], values)
