"""Targets written by hand, with autograd for the gradients: what the compiler will supply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive
from scipy.special import digamma, gammaln

from ppl.guide import Block

LOG_2PI = float(np.log(2 * np.pi))

log_gamma = primitive(gammaln)
defvjp(log_gamma, lambda ans, x: lambda g: g * digamma(x))


def nothing(x):
    return 0.0 * x[:, 0]


def identity(x):
    return {"x": x}


@dataclass
class Model:
    """A target from a log prior and a log likelihood, each (S, D) -> (S,)."""

    blocks: tuple[Block, ...]
    log_prior: Callable
    likelihood: Callable = nothing
    to_quantities: Callable = identity
    start: np.ndarray | None = None
    calls: int = field(default=0)
    log_concave: bool = False
    work: float = 0.0

    def __post_init__(self):
        self.dimension = self.blocks[-1].stop
        if self.start is None:
            self.start = np.zeros(self.dimension)
        self._gradient = grad(lambda x: anp.sum(self.log_prior(x) + self.likelihood(x)))

    def value_and_gradient(self, x):
        self.calls += 1
        return self.log_prior(x) + self.likelihood(x), self._gradient(x)

    def log_joint(self, x):
        return self.log_prior(x) + self.likelihood(x)

    def log_likelihood(self, x):
        return self.likelihood(x)

    def quantities(self, x):
        return self.to_quantities(x)


def latent(name, start, size, plate=1):
    return Block(name, start, start + size, (size,), "latent", plate)


def parameter(name, start, shape):
    return Block(name, start, start + int(np.prod(shape)), shape, "parameter")


def normal(x, mean, sd):
    return -0.5 * ((x - mean) / sd) ** 2 - anp.log(sd) - 0.5 * LOG_2PI


def gaussian(mean, precision):
    """A normalised Gaussian: its log evidence is 0."""
    mean = np.asarray(mean, dtype=float)
    constant = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * len(mean) * LOG_2PI
    return Model(
        (latent("x", 0, len(mean)),),
        lambda x: constant - 0.5 * anp.sum((x - mean) * anp.dot(x - mean, precision), axis=1),
    )


def regression(X, y, prior_sd):
    """Normal linear regression with known noise sd 1; returns the exact posterior as well."""
    precision = X.T @ X + np.eye(X.shape[1]) / prior_sd**2
    covariance = np.linalg.inv(precision)
    model = Model(
        (latent("b", 0, X.shape[1]),),
        lambda x: anp.sum(normal(x, 0.0, prior_sd), axis=1),
        lambda x: anp.sum(normal(y, anp.dot(x, X.T), 1.0), axis=1),
    )
    cov_y = np.eye(len(y)) + prior_sd**2 * X @ X.T
    evidence = -0.5 * (
        y @ np.linalg.solve(cov_y, y) + np.linalg.slogdet(cov_y)[1] + len(y) * LOG_2PI
    )
    return model, covariance @ (X.T @ y), np.sqrt(np.diag(covariance)), evidence


SCHOOLS_Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SCHOOLS_SD = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def eight_schools():
    """Non-centred: mu, log tau, eta[8]; tau is half-Cauchy(5) as in posteriordb."""

    def prior(x):
        tau = anp.exp(x[:, 1])
        cauchy = -anp.log(1 + (tau / 5) ** 2) + np.log(2 / (np.pi * 5)) + x[:, 1]
        return normal(x[:, 0], 0.0, 5.0) + cauchy + anp.sum(normal(x[:, 2:], 0.0, 1.0), axis=1)

    def likelihood(x):
        theta = x[:, :1] + anp.exp(x[:, 1:2]) * x[:, 2:]
        return anp.sum(normal(SCHOOLS_Y, theta, SCHOOLS_SD), axis=1)

    def to_quantities(x):
        tau = np.exp(x[:, 1])
        return {"mu": x[:, 0], "tau": tau, "theta": x[:, :1] + tau[:, None] * x[:, 2:]}

    return Model(
        (latent("mu", 0, 1), latent("tau", 1, 1), latent("eta", 2, 8, plate=8)),
        prior,
        likelihood,
        to_quantities,
    )


def factor_analysis(N, D, K, seed):
    """x[n, d] ~ Normal(W z[n] + b, s): z latent, W, b and log s learned (probabilistic PCA)."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(D, K)) * 2
    data = rng.normal(size=(N, K)) @ W.T + 1.5 + 0.7 * rng.normal(size=(N, D))
    w = parameter("W", 0, (D, K))
    b = parameter("b", D * K, (D,))
    s = parameter("s", D * K + D, (1,))
    z = latent("z", s.stop, N * K, plate=N)

    def likelihood(x):
        loadings = anp.reshape(x[:, : D * K], (-1, D, K))
        factors = anp.reshape(x[:, z.start :], (-1, N, K))
        centre = anp.einsum("snk,sdk->snd", factors, loadings) + x[:, None, b.start : b.stop]
        sd = anp.exp(x[:, s.start])[:, None, None]
        return anp.sum(normal(data, centre, sd), axis=(1, 2))

    return (
        Model(
            (w, b, s, z),
            lambda x: anp.sum(normal(x[:, z.start :], 0.0, 1.0), axis=1),
            likelihood,
            lambda x: {"W": x[:, : D * K].reshape(-1, D, K), "z": x[:, z.start :]},
        ),
        data,
    )


def funnel(width=9):
    """Neal's funnel: v ~ Normal(0, 3), x[i] ~ Normal(0, exp(v / 2))."""
    return Model(
        (latent("v", 0, 1), latent("x", 1, width)),
        lambda x: (
            normal(x[:, 0], 0.0, 3.0)
            + anp.sum(normal(x[:, 1:], 0.0, anp.exp(x[:, :1] / 2)), axis=1)
        ),
        to_quantities=lambda x: {"v": x[:, 0], "x": x[:, 1:]},
    )
