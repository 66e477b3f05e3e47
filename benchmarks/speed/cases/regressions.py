"""Regressions: logistic, a small neural net, a mixture, and Gaussian processes of two sizes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.cases.densities import LOG_2PI, bernoulli_logit, half_normal, normal, unit


def _logistic(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(size, 3))
    p = 1.0 / (1.0 + np.exp(-(0.3 + X @ [1.0, -0.5, 0.2])))
    return {"X": X, "y": rng.binomial(1, p)}


def _logistic_on_jax(data: dict[str, Any]) -> Any:
    X, y = data["X"], data["y"].astype(float)

    def log_joint(x: dict[str, Any]) -> Any:
        prior = normal(x["a"], 0.0, 5.0) + normal(x["b"], 0.0, 2.0).sum()
        return prior + bernoulli_logit(y, x["a"] + X @ x["b"]).sum()

    return log_joint


Case(
    name="logistic",
    text="""
data X[N, D], y[N] in {0, 1}
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
y ~ Bernoulli(logit = a + X @ b)
""",
    data=_logistic,
    size=3000,
    on_jax=_logistic_on_jax,
    bound=1.0,
)


def _curve(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(size, 5))
    return {"X": X, "y": np.sin(X[:, 0]) + 0.3 * X[:, 1] + rng.normal(0, 0.1, size)}


def _network_on_jax(data: dict[str, Any]) -> Any:
    X, y = data["X"], data["y"]

    def log_joint(x: dict[str, Any]) -> Any:
        s, s_term = half_normal(x["s"], 1.0)
        hidden = jnp.tanh(X @ x["W"] + x["c"])
        prior = sum(normal(x[name], 0.0, 1.0).sum() for name in ("W", "c", "v"))
        return prior + s_term + normal(y, hidden @ x["v"], s).sum()

    return log_joint


Case(
    name="small neural net",
    text="""
data X[N, D], y[N]
dim H = 10
W[D, H] ~ Normal(0, 1)
c[H] ~ Normal(0, 1)
v[H] ~ Normal(0, 1)
s ~ HalfNormal(1)
y ~ Normal(tanh(X @ W + c) @ v, s)
""",
    data=_curve,
    size=200,
    on_jax=_network_on_jax,
    bound=1.5,
)


def _two_groups(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    z = rng.integers(0, 2, size)
    return {"y": np.where(z == 0, rng.normal(-2, 1, size), rng.normal(2, 0.5, size))}


def _mixture_on_jax(data: dict[str, Any]) -> Any:
    y = data["y"]

    def log_joint(x: dict[str, Any]) -> Any:
        w, w_term = unit(x["w"])
        s, s_term = half_normal(x["s"], 2.0)
        prior = w_term + s_term.sum() + normal(x["mu"], 0.0, 5.0).sum()
        parts = jnp.stack(
            [
                jnp.log1p(-w) + normal(y, x["mu"][0], s[0]),
                jnp.log(w) + normal(y, x["mu"][1], s[1]),
            ]
        )
        return prior + jax.scipy.special.logsumexp(parts, axis=0).sum()

    return log_joint


Case(
    name="mixture",
    text="""
data y[N]
dim K = 2
w ~ Uniform(0, 1)
mu[K] ~ Normal(0, 5)
s[K] ~ HalfNormal(2)
for n in N {
  z[n] ~ Bernoulli(w)
  y[n] ~ Normal(mu[z[n]], s[z[n]])
}
""",
    data=_two_groups,
    size=1000,
    on_jax=_mixture_on_jax,
    bound=1.0,
)


def _smooth(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(6)
    x = np.linspace(-3, 3, size)
    return {"x": x, "y": np.sin(x) + rng.normal(0, 0.2, size)}


def _process_on_jax(data: dict[str, Any]) -> Any:
    at, y = data["x"], data["y"]
    squares = jnp.square(at[:, None] - at[None, :])

    def log_joint(x: dict[str, Any]) -> Any:
        (rho, rho_term), (alpha, alpha_term) = (
            half_normal(x["rho"], 3.0),
            half_normal(x["alpha"], 2.0),
        )
        s, s_term = half_normal(x["s"], 1.0)
        covariance = jnp.square(alpha) * jnp.exp(-0.5 * squares / jnp.square(rho))
        factor = jnp.linalg.cholesky(covariance + jnp.square(s) * jnp.eye(len(y)))
        white = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
        fit = -0.5 * jnp.square(white).sum() - jnp.log(jnp.diagonal(factor)).sum()
        return rho_term + alpha_term + s_term + fit - 0.5 * len(y) * LOG_2PI

    return log_joint


for _size in (11, 100):
    Case(
        name=f"Gaussian process, N = {_size}",
        text="""
data x[N], y[N]
rho ~ HalfNormal(3)
alpha ~ HalfNormal(2)
s ~ HalfNormal(1)
y ~ MultivariateNormal(0, cov = exp_quad(x, alpha, rho) + s^2 * eye(N))
""",
        data=_smooth,
        size=_size,
        on_jax=_process_on_jax,
        bound=1.5,
    )
