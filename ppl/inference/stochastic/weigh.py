"""Importance weights of single positions: how near each one's guide is to its own posterior.

Where all that positions share is learned, they are independent of one another, and each has a
posterior of a few latents, for which importance weights are sharp. The log of their mean is the
importance-weighted bound (Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders"),
which rises to the log likelihood with the number of draws; the mean of their logs is the ELBO.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.compile.plates import Subsampled, subsampled
from ppl.guide.rows import Rows
from ppl.inference.pareto import smooth
from ppl.inference.result import Estimate, HeldOut
from ppl.inference.stochastic.order import Some
from ppl.inference.stochastic.problem import Positions, Problem, local_of, places_of

Array = npt.NDArray[np.float64]

DRAWS, FEW_DRAWS = 1000, 200
"""Draws of a position, where its posterior is judged, and where only its bounds are computed."""
JUDGED, BOUNDED = 128, 500
"""So many positions at most are judged, and so many held-out ones are bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Draws of the guides of P positions, and their weights.

    Attributes
    ----------
    log_weights
        Log joint of a position less the log density of its guide, (P, S).
    draws
        Of its latents, (P, S, K).
    """

    log_weights: Array
    draws: Array

    @property
    def elbo(self) -> Array:
        """The evidence lower bound of each position in nats, (P,)."""
        bound: Array = self.log_weights.mean(axis=1)
        return bound

    @property
    def tighter(self) -> Array:
        """The importance-weighted bound of each position in nats, (P,)."""
        top = self.log_weights.max(axis=1)
        with np.errstate(all="ignore"):
            mean = np.mean(np.exp(self.log_weights - top[:, None]), axis=1)
        return np.where(np.isfinite(top), top + np.log(mean), -np.inf)


def weigh(
    problem: Problem,
    numbers: Array,
    rows: Rows | None,
    positions: Positions,
    count: int,
    rng: np.random.Generator,
) -> Weighed:
    """Draw from the guides of positions, and weigh the draws."""
    model = problem.models[problem.batch]
    assert isinstance(model, Subsampled)
    # A position's own terms are what a second one like it would add.
    once, twice = (subsampled(model.bound, model.plate, 1, n) for n in (1, 2))
    places = places_of(once, 1)
    shared = problem.guide.place(numbers, np.zeros((1, problem.guide.normals)))
    x = np.empty((count, places.dimension))
    x[:, places.globals] = shared
    found = np.empty((len(positions), count))
    draws = np.empty((len(positions), count, problem.guide.latents))
    for number, position in enumerate(positions):
        here = np.array([position])
        local = local_of(problem, numbers, rows, here)
        assert local is not None
        normals = rng.standard_normal((count, 1, problem.guide.latents))
        placed = local.place(normals)
        x[:, places.locals] = placed
        own = twice.batch(here).log_joint(x) - once.batch(here).log_joint(x)
        found[number] = own - local.log_density(normals)[:, 0]
        draws[number] = placed[:, 0]
    return Weighed(np.where(np.isnan(found), -np.inf, found), draws)


def some(positions: Some, most: int, rng: np.random.Generator) -> Positions:
    """Choose at most so many positions, each once, rising."""
    count = len(positions)
    if count <= most:
        return positions[np.arange(count)]
    return positions[np.sort(rng.choice(count, most, replace=False))]


def held_out(problem: Problem, numbers: Array, rows: Rows | None, seed: int) -> HeldOut | None:
    """Return the bounds of positions that were not learned from; None where there are none."""
    if not len(problem.held_out) or not problem.guide.latents or problem.guide.normals:
        return None
    rng = np.random.default_rng([seed, 13])
    chosen = some(problem.held_out, BOUNDED, rng)
    found = weigh(problem, numbers, rows, chosen, FEW_DRAWS, rng)
    return HeldOut(
        len(problem.held_out), _estimate(found.elbo), _estimate(found.tighter), FEW_DRAWS
    )


def _estimate(values: Array) -> Estimate:
    with np.errstate(all="ignore"):
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
    return Estimate(float(values.mean()), error)


@dataclass(frozen=True, slots=True)
class Local:
    """How near the guides of a sample of positions are to their posteriors.

    Attributes
    ----------
    positions
        How many there are.
    unreliable
        The part of them whose weights have a k-hat of 0.7 or more, or too few effective draws.
    off
        The part of the other positions' latents whose mean, in sds, or log sd the weights correct
        by more than 0.1 and their noise.
    gap
        How far the ELBO is below the importance-weighted bound, in nats for each position.
    khat
        The median.
    """

    positions: int
    unreliable: float
    off: float
    gap: float
    khat: float


def compare(found: Weighed, limit: float, enough: float, tolerance: float) -> Local:
    """Compare guides with what weights make of their draws."""
    khats, trusted, off = [], [], []
    for log_weights, draws in zip(found.log_weights, found.draws, strict=True):
        smoothed, khat = smooth(log_weights)
        weights = np.exp(smoothed)
        ess = 1 / np.sum(weights**2)
        khats.append(khat)
        trusted.append(khat < limit and ess >= enough)
        if not trusted[-1]:
            continue
        mean = weights @ draws
        sd = np.sqrt(weights @ (draws - mean) ** 2)
        moved = np.abs(draws.mean(axis=0) - mean) / sd
        scaled = np.abs(np.log(draws.std(axis=0) / sd))
        off.append(np.maximum(moved, scaled) > tolerance + 2 / np.sqrt(ess))
    gap = float(np.mean(found.tighter - found.elbo))
    return Local(
        len(khats),
        1 - float(np.mean(trusted)),
        float(np.mean(np.concatenate(off))) if off else 1.0,
        gap,
        float(np.median(khats)),
    )
