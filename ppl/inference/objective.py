"""The objective: the evidence lower bound (ELBO) of a guide.

On fixed draws the ELBO is a plain deterministic function, so that second-order methods and honest
tests of convergence apply (Giordano, Ingram & Broderick 2024, "DADVI"). Once fitted, it is reported
from fresh draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide, log_density
from ppl.inference.draws import antithetic_normals
from ppl.inference.target import (
    BLOCK_ENTRIES,
    Target,
    blocks_of,
    costly,
    evaluate,
    log_joint,
    log_likelihood,
)

Array = npt.NDArray[np.float64]

FRESH_DRAWS, FRESH_ENTRIES = 1024, 2**23
SPARING_DRAWS, PRIOR_DRAWS = 128, 16
"""Fresh draws where a draw costs much, and those of which the prior is looked at."""
FIRST_DRAWS, PRECISE = 32, 0.003
"""So many of them do, if the standard error is below so many nats."""


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """A target and the standard normals on which its ELBO is averaged.

    Attributes
    ----------
    target
        The model.
    normals
        Fixed draws (M, D), antithetic, with unit mean square in every column.
    points
        Which columns are learned parameters, (D,).
    rough
        Whether draws cost much, and a rough fit will do, as another rung follows.
    """

    target: Target
    normals: Array
    points: npt.NDArray[np.bool_]
    rough: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Expectations:
    """Averages over the fixed draws of a diagonal Gaussian.

    Attributes
    ----------
    log_joint
        Mean log joint in nats; -inf if any draw has no finite one.
    gradient
        Mean of its gradient g, (D,).
    gradient_normal
        Mean of g times the draw's normal, (D,).
    """

    log_joint: float
    gradient: Array
    gradient_normal: Array


@dataclass(frozen=True, slots=True)
class Elbo:
    """The reported bound, in nats: ``value = expected_log_likelihood - kl``."""

    value: float
    expected_log_likelihood: float
    kl: float
    standard_error: float
    failed: int = 0


def expectations(objective: Objective, mean: Array, scale: Array) -> Expectations:
    """Average log joint and gradient over ``mean + scale * normals``; (D,) each, linear in D."""
    normals = objective.normals
    total, gradient, gradient_normal = 0.0, np.zeros(mean.size), np.zeros(mean.size)
    for part in blocks_of(len(normals), mean.size):
        block = normals[part]
        values, gradients = evaluate(objective.target, mean + scale * block)
        total += float(np.sum(values))
        gradient += gradients.sum(axis=0)
        gradient_normal += np.einsum("sd,sd->d", gradients, block)
    count = len(normals)
    if not np.isfinite(total):
        return Expectations(-np.inf, np.zeros(mean.size), np.zeros(mean.size))
    return Expectations(total / count, gradient / count, gradient_normal / count)


def meanfield_elbo(
    objective: Objective, mean: Array, log_scale: Array
) -> tuple[float, Array, Array]:
    """Return the ELBO on the fixed draws and its gradients by mean and log scale, (D,) each.

    The entropy is in closed form; points have no scale and no entropy.
    """
    free = ~objective.points
    scale = np.where(free, np.exp(np.minimum(log_scale, 300.0)), 0.0)
    average = expectations(objective, mean, scale)
    constant = 0.5 * int(free.sum()) * (1 + log(2 * pi))
    value = average.log_joint + float(np.sum(log_scale[free])) + constant
    by_log_scale = np.where(free, average.gradient_normal * scale + 1.0, 0.0)
    return value, average.gradient, by_log_scale


def report_elbo(
    target: Target, guide: Guide, rng: np.random.Generator, rough: bool = False
) -> Elbo:
    """Estimate a guide's ELBO from fresh draws as the mean of log joint minus log guide.

    When the guide is the posterior the difference is constant, and the ELBO is the log evidence
    exactly. Draws without a finite density are left out and counted. `rough` asks for few draws
    where they cost much: the standard error says how rough.
    """
    if guide.rank == 0:
        value = float(log_joint(target, guide.mean[None])[0])
        likelihood = float(log_likelihood(target, guide.mean[None])[0])
        return Elbo(value, likelihood, likelihood - value, 0.0, int(not np.isfinite(value)))
    if costly(target):
        return _sparing(target, guide, rng, rough)
    pairs = max(16, min(FRESH_DRAWS, FRESH_ENTRIES // target.dimension) // 2)
    size = max(1, BLOCK_ENTRIES // (2 * target.dimension))
    parts = [_fresh(target, guide, rng, min(size, pairs - low)) for low in range(0, pairs, size)]
    difference, likelihood_values = np.concatenate(parts, axis=1)
    finite = np.isfinite(difference) & np.isfinite(likelihood_values)
    failed = int(2 * (pairs - np.count_nonzero(finite)))
    if failed == 2 * pairs:
        return Elbo(-np.inf, -np.inf, 0.0, np.inf, failed)
    kept = difference[finite]
    value, likelihood = float(kept.mean()), float(likelihood_values[finite].mean())
    return Elbo(value, likelihood, likelihood - value, float(kept.std()) / sqrt(kept.size), failed)


def _fresh(target: Target, guide: Guide, rng: np.random.Generator, pairs: int) -> Array:
    """Return log joint minus log guide, and log likelihood, averaged over mirrored pairs."""
    positions = guide.place(antithetic_normals(rng, 2 * pairs, guide.rank))
    difference = log_joint(target, positions) - log_density(guide, positions)
    both = np.stack([difference, log_likelihood(target, positions)])
    means: Array = both.reshape(2, 2, pairs).mean(axis=1)
    return means


def _sparing(target: Target, guide: Guide, rng: np.random.Generator, rough: bool) -> Elbo:
    """Estimate the ELBO from few draws, and its likelihood's part as what the prior's part leaves.

    The likelihood varies far more over the guide's draws than the prior does, which needs fewer.
    """
    parts = [_some(target, guide, rng, FIRST_DRAWS)]
    first = parts[0][2]
    if not rough and not (np.isfinite(first).all() and _standard_error(first) < PRECISE):
        parts.append(_some(target, guide, rng, SPARING_DRAWS - FIRST_DRAWS))
    positions, joint, pairs = (np.concatenate(part) for part in zip(*parts, strict=True))
    kept = pairs[np.isfinite(pairs)]
    failed = int(2 * (pairs.size - kept.size))
    if not kept.size:
        return Elbo(-np.inf, -np.inf, 0.0, np.inf, failed)
    few = np.flatnonzero(np.isfinite(joint))
    few = few[:: max(1, few.size // PRIOR_DRAWS)]
    prior = joint[few] - log_likelihood(target, positions[few])
    entropy = 0.5 * guide.rank * (1 + log(2 * pi)) + guide.log_determinant
    value, kl = float(kept.mean()), -entropy - float(prior.mean())
    return Elbo(value, value + kl, kl, _standard_error(kept), failed)


def _some(
    target: Target, guide: Guide, rng: np.random.Generator, count: int
) -> tuple[Array, Array, Array]:
    """Return draws (count, D), log joints, and log joint minus log guide averaged over pairs."""
    positions = guide.place(antithetic_normals(rng, count, guide.rank))
    joint = log_joint(target, positions)
    return positions, joint, (joint - log_density(guide, positions)).reshape(2, -1).mean(axis=0)


def _standard_error(values: Array) -> float:
    return float(values.std()) / sqrt(values.size)
