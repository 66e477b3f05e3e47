"""Log densities by hand, over `jax.numpy`, and positive latents with their Jacobian."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy.special import gammaln

LOG_2PI = 1.8378770664093453


def normal(y: Any, mu: Any, sigma: Any) -> Any:
    return -0.5 * jnp.square((y - mu) / sigma) - jnp.log(sigma) - 0.5 * LOG_2PI


def half_normal(free: Any, sigma: float) -> tuple[Any, Any]:
    """Return exp(free), and its log density with the Jacobian."""
    x = jnp.exp(free)
    return x, normal(x, 0.0, sigma) + jnp.log(2.0) + free


def half_cauchy(free: Any, sigma: float) -> tuple[Any, Any]:
    x = jnp.exp(free)
    return x, jnp.log(2.0 / (jnp.pi * sigma)) - jnp.log1p(jnp.square(x / sigma)) + free


def unit(free: Any) -> tuple[Any, Any]:
    """Return a uniform number in (0, 1) with its log density."""
    log_x, log_rest = -jnp.logaddexp(0.0, -free), -jnp.logaddexp(0.0, free)
    return jnp.exp(log_x), log_x + log_rest


def poisson_log(y: Any, log_rate: Any) -> Any:
    return y * log_rate - jnp.exp(log_rate) - gammaln(y + 1.0)


def bernoulli_logit(y: Any, logit: Any) -> Any:
    return y * logit - jnp.logaddexp(0.0, logit)
