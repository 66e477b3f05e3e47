"""Hierarchies: eight schools, a radon-like one, a Poisson model with a latent for every row."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.cases.densities import half_cauchy, half_normal, normal, poisson_log


def _schools(size: int) -> dict[str, Any]:
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    return {"y": np.resize(y, size), "sigma": np.resize(sigma, size)}


def _schools_on_jax(data: dict[str, Any]) -> Any:
    y, sigma = data["y"], data["sigma"]

    def log_joint(x: dict[str, Any]) -> Any:
        mu, (tau, jacobian) = x["mu"], half_cauchy(x["tau"], 5.0)
        theta = mu + tau * x["theta"]
        return (
            normal(mu, 0.0, 5.0)
            + jacobian
            + normal(x["theta"], 0.0, 1.0).sum()
            + normal(y, theta, sigma).sum()
        )

    return log_joint


Case(
    name="eight schools",
    text="""
data y[J]
data sigma[J] > 0
mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)
y ~ Normal(theta, sigma)
""",
    data=_schools,
    size=8,
    on_jax=_schools_on_jax,
    bound=1.2,
)


def _radon(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    groups = max(2, size // 11)
    g = np.sort(rng.integers(0, groups, size))
    g[:groups] = np.arange(groups)
    x = rng.integers(0, 2, size).astype(float)
    y = rng.normal(1.3, 0.3, groups)[g] - 0.6 * x + rng.normal(0, 0.7, size)
    return {"g": np.sort(g), "x": x, "y": y}


def _radon_on_jax(data: dict[str, Any]) -> Any:
    g, x_, y = data["g"], data["x"], data["y"]

    def log_joint(x: dict[str, Any]) -> Any:
        tau, tau_term = half_normal(x["tau"], 1.0)
        s, s_term = half_normal(x["s"], 1.0)
        a = x["mu"] + tau * x["a"]
        return (
            normal(x["mu"], 0.0, 5.0)
            + normal(x["b"], 0.0, 5.0)
            + tau_term
            + s_term
            + normal(x["a"], 0.0, 1.0).sum()
            + normal(y, a[g] + x["b"] * x_, s).sum()
        )

    return log_joint


Case(
    name="radon-like hierarchy",
    text="""
data g[N] in J, x[N], y[N]
mu ~ Normal(0, 5)
b ~ Normal(0, 5)
tau ~ HalfNormal(1)
s ~ HalfNormal(1)
a[J] ~ Normal(mu, tau)
y ~ Normal(a[g] + b * x, s)
""",
    data=_radon,
    size=919,
    on_jax=_radon_on_jax,
    bound=1.2,
)


def _counts(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=size)
    return {"x": x, "y": rng.poisson(np.exp(0.5 + 0.4 * x + rng.normal(0, 0.5, size)))}


def _counts_on_jax(data: dict[str, Any]) -> Any:
    x_, y = data["x"], data["y"].astype(float)

    def log_joint(x: dict[str, Any]) -> Any:
        s, s_term = half_normal(x["s"], 1.0)
        rate = x["a"] + x["b"] * x_ + s * x["e"]
        return (
            normal(x["a"], 0.0, 5.0)
            + normal(x["b"], 0.0, 5.0)
            + s_term
            + normal(x["e"], 0.0, 1.0).sum()
            + poisson_log(y, rate).sum()
        )

    return log_joint


Case(
    name="Poisson GLMM",
    text="""
data x[N], y[N] in Count
a ~ Normal(0, 5)
b ~ Normal(0, 5)
s ~ HalfNormal(1)
e[N] ~ Normal(0, s)
y ~ Poisson(log = a + b * x + e)
""",
    data=_counts,
    size=1000,
    on_jax=_counts_on_jax,
    bound=1.5,
)
