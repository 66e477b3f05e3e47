"""Series: a hidden Markov model and GARCH."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from benchmarks.speed.cases import Case
from benchmarks.speed.cases.densities import normal, unit


def _states(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    stay = rng.random(size) < 0.9
    z = np.zeros(size, dtype=int)
    for t in range(1, size):
        z[t] = z[t - 1] if stay[t] else rng.integers(0, 3)
    return {"y": rng.normal(3.0 * z, 1.0)}


def _hmm_on_jax(data: dict[str, Any]) -> Any:
    y = data["y"]

    def log_joint(x: dict[str, Any]) -> Any:
        prior = normal(x["l"], 0.0, 1.0).sum() + normal(x["mu"], 0.0, 5.0).sum()
        moves = jax.nn.log_softmax(x["l"], axis=-1)
        emitted = normal(y[:, None], x["mu"], 1.0)

        def step(message: Any, now: Any) -> Any:
            return logsumexp(message[:, None] + moves, axis=0) + now, None

        message, _ = jax.lax.scan(step, emitted[0] - jnp.log(3.0), emitted[1:])
        return prior + logsumexp(message)

    return log_joint


Case(
    name="hidden Markov model",
    text="""
data y[T]
dim K = 3
l[K, K] ~ Normal(0, 1)
mu[K] ~ Normal(0, 5)
for k in K { P[k, K] = softmax(l[k]) }
z[0] ~ Categorical([1/3, 1/3, 1/3])
for t in 1:T { z[t] ~ Categorical(P[z[t - 1]]) }
for t in T { y[t] ~ Normal(mu[z[t]], 1) }
""",
    data=_states,
    size=400,
    on_jax=_hmm_on_jax,
    bound=1.7,
)


def _returns(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    y, variance = np.zeros(size), 1.0
    for t in range(size):
        variance = 0.2 + 0.3 * (y[t - 1] ** 2 if t else 0.0) + 0.5 * variance
        y[t] = rng.normal(0, np.sqrt(variance))
    return {"y": y}


def _garch_on_jax(data: dict[str, Any]) -> Any:
    y = data["y"]

    def log_joint(x: dict[str, Any]) -> Any:
        a, a_term = unit(x["a"])
        share, b_term = unit(x["b"])
        b = (1.0 - a) * share
        w = jnp.exp(x["w"])
        w_term = normal(w, 0.0, 1.0) + jnp.log(2.0) + x["w"]

        def step(before: Any, past: Any) -> Any:
            now = w + a * jnp.square(past) + b * before
            return now, now

        _, later = jax.lax.scan(step, w, y[:-1])
        variance = jnp.concatenate([w[None], later])
        fit = normal(y, 0.0, jnp.sqrt(variance)).sum()
        return a_term + b_term + w_term + fit

    return log_joint


Case(
    name="GARCH",
    text="""
data y[T]
w ~ HalfNormal(1)
a ~ Uniform(0, 1)
b ~ Uniform(0, 1 - a)
s2[0] = w
for t in 1:T { s2[t] = w + a * y[t - 1]^2 + b * s2[t - 1] }
for t in T { y[t] ~ Normal(0, sqrt(s2[t])) }
""",
    data=_returns,
    size=200,
    on_jax=_garch_on_jax,
    bound=2.0,
)
