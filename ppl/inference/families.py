"""Laws that a posterior can have in closed form beside the normal: one record each.

In unconstrained coordinates u the slope of each law's log density, Jacobian included, is linear in
its parameters: ``slopes(u) @ parameters``. Two values of a gradient therefore tell the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, expit, gammaincinv, gammaln

from ppl.constraints import Constraint, simplex, zero_sum
from ppl.distributions import DISTRIBUTIONS

Array = npt.NDArray[np.float64]
Statistics = frozenset[tuple[str, float]]

LARGE_SHAPE = 50.0
"""From this shape on Stirling's series is exact to rounding, where differences of log Γ are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A law of one positive number, one proportion, or the shares of a whole.

    Arrays end in m unconstrained values of one event, or in its p parameters; moments have the
    event's own shape.

    Attributes
    ----------
    name
        How a verdict calls such posteriors.
    slopes
        (..., m) → (..., m, p), see above.
    two_points
        The law's centre, and a point about one standard deviation away.
    draw
        Unconstrained draws from uniforms (n, ..., p) and parameters.
    log_density
        Of unconstrained values, Jacobian included, (...).
    moments
        Mean and variance of the event; not finite where they do not exist.
    vector
        Whether the event is a vector.
    """

    name: str
    slopes: Callable[[Array], Array]
    two_points: Callable[[Array], tuple[Array, Array]]
    draw: Callable[[Array, Array], Array]
    log_density: Callable[[Array, Array], Array]
    moments: Callable[[Array], tuple[Array, Array]]
    vector: bool = False


def family_of(statistics: Statistics, values: Constraint) -> Family | None:
    """Return the law on a set of values whose log density is linear in statistics.

    Parameters
    ----------
    statistics
        Parts of a latent, ``value``, ``log`` or ``log1m``, with their exponents.
    """
    if values is simplex:
        return DIRICHLET if statistics <= {("log", 1.0)} else None
    known = not values.event_ndim and values.ends is not None
    ends = values.ends if known and all(isinstance(e, int | float) for e in values.ends) else None
    if ends == (0.0, 1.0):
        return BETA if statistics <= {("log", 1.0), ("log1m", 1.0)} else None
    powers = [exponent for part, exponent in statistics if part == "value"]
    if (
        ends == (0.0, np.inf)
        and len(powers) == 1
        and statistics
        <= {
            ("log", 1.0),
            ("value", powers[0]),
        }
    ):
        return gamma_power(powers[0])
    return None


# --------------------------------------------------------------------------- powers of a gamma

NAMES = {1.0: "gamma", -1.0: "inverse gamma", -2.0: "inverse chi", 2.0: "chi"}


def gamma_power(power: float) -> Family:
    """Return the law of x where ``x ^ power`` has Gamma(alpha, beta), the rate beta."""

    def slopes(u: Array) -> Array:
        return power * np.stack([np.ones_like(u), -np.exp(power * u)], axis=-1)

    def two_points(parameters: Array) -> tuple[Array, Array]:
        alpha, beta = parameters[..., :1], parameters[..., 1:]
        centre = np.log(alpha / beta) / power
        return centre, centre + alpha**-0.5 / abs(power)

    def draw(uniforms: Array, parameters: Array) -> Array:
        logs = _log_gamma_quantile(parameters[..., 0], uniforms[..., 0])
        draws: Array = (logs - np.log(parameters[..., 1])) / power
        return draws[..., None]

    def log_density(u: Array, parameters: Array) -> Array:
        alpha, beta, log_gamma = parameters[..., 0], parameters[..., 1], power * u[..., 0]
        norm = alpha * np.log(beta) - gammaln(alpha) + log(abs(power))
        density: Array = alpha * log_gamma - beta * np.exp(log_gamma) + norm
        return density

    def moments(parameters: Array) -> tuple[Array, Array]:
        alpha, beta = parameters[..., 0], parameters[..., 1]
        mean = np.exp(_log_rising(alpha, 1 / power) - np.log(beta) / power)
        return mean, np.square(mean) * np.expm1(_log_spread(alpha, 1 / power))

    return Family(
        name=NAMES.get(power, f"power {power:g} of a gamma"),
        slopes=slopes,
        two_points=two_points,
        draw=draw,
        log_density=log_density,
        moments=moments,
    )


def _log_rising(shape: Array, order: float) -> Array:
    """Return the log of E[g^order] of a gamma of rate 1; infinite where there is none."""
    exists = shape + order > 0
    present = np.where(exists, shape, abs(order) + 1.0)
    large, t = _large(present, order)
    series = order * np.log(large) + (large + order - 0.5) * np.log1p(t) - order
    series += _stirling(large + order) - _stirling(large)
    difference = gammaln(present + order) - gammaln(present)
    return np.where(exists, np.where(present == large, series, difference), np.inf)


def _log_spread(shape: Array, order: float) -> Array:
    """Return log E[g^2·order] - 2 log E[g^order], which is small where the shape is large."""
    exists = shape + 2 * order > 0
    present = np.where(exists, shape, 2 * abs(order) + 1.0)
    large, t = _large(present, order)
    share = t / (1 + t)
    series = (large - 0.5) * np.log1p(-(share**2)) + 2 * order * np.log1p(share)
    series += _stirling(large + 2 * order) - 2 * _stirling(large + order) + _stirling(large)
    difference = gammaln(present + 2 * order) - 2 * gammaln(present + order) + gammaln(present)
    return np.where(exists, np.where(present == large, series, difference), np.inf)


def _large(shape: Array, order: float) -> tuple[Array, Array]:
    """Return shapes, or where they are small one that is large, and the order over them."""
    large = np.maximum(shape, LARGE_SHAPE + 2 * abs(order))
    return large, order / large


def _stirling(shape: Array) -> Array:
    """Return what Stirling's formula lacks of log Γ."""
    rest: Array = 1 / (12 * shape) - 1 / (360 * shape**3) + 1 / (1260 * shape**5)
    return rest


def _log_gamma_quantile(shape: Array, probability: Array) -> Array:
    """Return the logarithm of a unit-rate gamma's quantile; by its power law where it is tiny."""
    with np.errstate(divide="ignore"):
        tiny = (np.log(probability) + gammaln(shape + 1.0)) / shape
        usual = np.log(gammaincinv(shape, probability))
    return np.where(tiny < -30.0, tiny, usual)


# ------------------------------------------------------------------------- beta and Dirichlet


def _beta_slopes(u: Array) -> Array:
    return np.stack([expit(-u), -expit(u)], axis=-1)


def _beta_points(parameters: Array) -> tuple[Array, Array]:
    alpha, beta = parameters[..., :1], parameters[..., 1:]
    centre = np.log(alpha / beta)
    return centre, centre + np.sqrt(1 / alpha + 1 / beta)


def _beta_draw(uniforms: Array, parameters: Array) -> Array:
    """Draw logits; near an end of the interval by the power law that holds there."""
    a, b, p = parameters[..., 0], parameters[..., 1], uniforms[..., 0]
    with np.errstate(divide="ignore"):
        low, high = betaincinv(a, b, p), betaincinv(b, a, 1.0 - p)
        scale = gammaln(a) + gammaln(b) - gammaln(a + b)
        log_low = np.where(low < 1e-13, (np.log(p * a) + scale) / a, np.log(low))
        log_high = np.where(high < 1e-13, (np.log((1 - p) * b) + scale) / b, np.log(high))
    draws: Array = log_low - log_high
    return draws[..., None]


def _beta_log_density(u: Array, parameters: Array) -> Array:
    a, b = parameters[..., 0], parameters[..., 1]
    norm = gammaln(a) + gammaln(b) - gammaln(a + b)
    density: Array = a * u[..., 0] - (a + b) * np.logaddexp(0.0, u[..., 0]) - norm
    return density


def _beta_moments(parameters: Array) -> tuple[Array, Array]:
    law = DISTRIBUTIONS["Beta"]
    assert law.mean is not None
    assert law.variance is not None
    a, b = parameters[..., 0], parameters[..., 1]
    return np.asarray(law.mean(a, b)), np.asarray(law.variance(a, b))


def _zero_sum(u: Array) -> Array:
    assert zero_sum.bijection is not None
    return np.asarray(zero_sum.bijection.forward(u), dtype=np.float64)


def _dirichlet_slopes(u: Array) -> Array:
    """Return ``H' (I - x 1')``, with x the shares and H the map to vectors of sum zero."""
    y = _zero_sum(u)
    shares = np.exp(y - y.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    size = y.shape[-1]
    basis = _zero_sum(np.eye(size - 1))
    slopes: Array = basis @ (np.eye(size) - shares[..., :, None])
    return slopes


def _dirichlet_points(parameters: Array) -> tuple[Array, Array]:
    assert simplex.bijection is not None
    total = parameters.sum(axis=-1, keepdims=True)
    centre = np.asarray(simplex.bijection.inverse(parameters / total), dtype=np.float64)
    return centre, centre + np.max(parameters, axis=-1, keepdims=True) ** -0.5


def _dirichlet_draw(uniforms: Array, parameters: Array) -> Array:
    assert zero_sum.bijection is not None
    logs = _log_gamma_quantile(parameters, uniforms)
    logs -= logs.mean(axis=-1, keepdims=True)
    return np.asarray(zero_sum.bijection.inverse(logs), dtype=np.float64)


def _dirichlet_log_density(u: Array, parameters: Array) -> Array:
    assert simplex.bijection is not None
    x = simplex.bijection.forward(u)
    jacobian = simplex.bijection.log_jacobian(u, x)
    return np.asarray(DISTRIBUTIONS["Dirichlet"].log_density(x, parameters) + jacobian)


def _dirichlet_moments(parameters: Array) -> tuple[Array, Array]:
    law = DISTRIBUTIONS["Dirichlet"]
    assert law.mean is not None
    assert law.variance is not None
    return np.asarray(law.mean(parameters)), np.asarray(law.variance(parameters))


BETA = Family(
    name="beta",
    slopes=_beta_slopes,
    two_points=_beta_points,
    draw=_beta_draw,
    log_density=_beta_log_density,
    moments=_beta_moments,
)
DIRICHLET = Family(
    name="Dirichlet",
    slopes=_dirichlet_slopes,
    two_points=_dirichlet_points,
    draw=_dirichlet_draw,
    log_density=_dirichlet_log_density,
    moments=_dirichlet_moments,
    vector=True,
)
