"""Discrete latents summed out: against the sum over all their values, each observed in turn."""

from itertools import product

import numpy as np
import pytest
from scipy.special import logsumexp

import ppl
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
}


@pytest.mark.parametrize("name", MODELS)
def test_summing_out_equals_the_sum_over_all_values(name):
    text, data, discrete = MODELS[name]
    model = ppl.Model(text)
    summed = model.compile(data)
    x = np.random.default_rng(0).normal(size=(3, summed.program.dimension)) * 0.5
    whole = []
    shapes = {n: summed.bound.shape(n) for n in discrete}
    for values in product(*(product(range(k), repeat=count) for count, k in discrete.values())):
        given = {
            n: np.array(v, dtype=float).reshape(shapes[n])
            for n, v in zip(discrete, values, strict=True)
        }
        whole.append(model.compile({**data}, **given).log_joint(x))
    assert summed.log_joint(x) == pytest.approx(logsumexp(whole, axis=0), rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_states_are_drawn_from_their_posterior(name):
    text, data, discrete = MODELS[name]
    model = ppl.Model(text)
    joint = model.compile(data)
    point = np.random.default_rng(1).normal(size=(1, joint.program.dimension)) * 0.5
    draws = joint.quantities(np.repeat(point, 4000, axis=0), np.random.default_rng(2))
    shapes = {n: joint.bound.shape(n) for n in discrete}
    weights, totals = [], {n: [] for n in discrete}
    for values in product(*(product(range(k), repeat=count) for count, k in discrete.values())):
        given = {
            n: np.array(v, dtype=float).reshape(shapes[n])
            for n, v in zip(discrete, values, strict=True)
        }
        weights.append(model.compile({**data}, **given).log_joint(point)[0])
        for n, value in given.items():
            totals[n].append(value)
    probability = np.exp(weights - logsumexp(weights))
    for n, every in totals.items():
        mean = np.tensordot(probability, np.array(every), 1)
        spread = np.sqrt(np.tensordot(probability, np.square(np.array(every) - mean), 1) / 4000)
        assert np.all(np.abs(draws[n].mean(axis=0) - mean) < 5 * spread + 1e-12)


def test_time_is_linear_in_the_length_of_a_chain():
    text = MODELS["chain"][0]

    def gradient(length):
        joint = ppl.Model(text).compile(y=np.zeros(length))
        x = np.zeros((4, joint.program.dimension))
        return lambda: joint.gradient.value_and_gradient(x)

    assert ratio(gradient(4000), gradient(500), bound=20) < 20


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
