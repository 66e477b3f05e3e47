"""Importance weights of single positions: how near each one's guide is to its own posterior.

Where all that positions share is learned, they are independent of one another, and each has a
posterior of a few latents, for which importance weights are sharp. The log of their mean is the
importance-weighted bound (Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders"),
which rises to the log likelihood with the number of draws; the mean of their logs is the ELBO.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.compile.apart import apart
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
TOGETHER = 4096
"""Rows, a position's draws each, whose terms are computed together."""


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
    shared = problem.guide.place(numbers, np.zeros((1, problem.guide.normals)))[0]
    together = min(max(1, TOGETHER // count), len(positions))
    added = _adding(problem, shared, together, count)
    found = np.empty((len(positions), count))
    draws = np.empty((len(positions), count, problem.guide.latents))
    for start in range(0, len(positions), together):
        here = positions[start : start + together]
        local = local_of(problem, numbers, rows, here)
        assert local is not None
        normals = rng.standard_normal((len(here), count, problem.guide.latents)).swapaxes(0, 1)
        placed = local.place(normals)
        part = slice(start, start + len(here))
        found[part] = (added(here, placed) - local.log_density(normals)).T
        draws[part] = placed.swapaxes(0, 1)
    return Weighed(np.where(np.isnan(found), -np.inf, found), draws)


Added = Callable[[Positions, Array], Array]


def _adding(problem: Problem, shared: Array, together: int, count: int) -> Added:
    """Return what tells what positions add to the log joint, (S, P), at draws (S, P, K) of their
    latents.

    Draws are rows of one batch, so that they have in common what they share.
    """
    model = problem.models[problem.batch]
    assert isinstance(model, Subsampled)
    compiled = apart(model.bound, model.plate, together * count)
    if compiled is None:
        return _adding_one_by_one(model, shared)
    places = places_of(compiled.model, compiled.model.size)
    x = np.zeros((1, places.dimension))
    x[0, places.globals] = shared

    def added(positions: Positions, draws: Array) -> Array:
        flat = draws.swapaxes(0, 1).reshape(-1, draws.shape[2])
        x[0, places.locals] = np.resize(flat, places.locals.shape)
        found: Array = compiled.rows(positions, count)(x)[0, : len(flat)]
        return found.reshape(len(positions), count).T

    return added


def _adding_one_by_one(model: Subsampled, shared: Array) -> Added:
    """Return the same where rows are not kept apart: what a second position like it would add."""
    once, twice = (subsampled(model.bound, model.plate, 1, n) for n in (1, 2))
    places = places_of(once, 1)

    def added(positions: Positions, draws: Array) -> Array:
        x = np.empty((len(draws), places.dimension))
        x[:, places.globals] = shared
        found = np.empty(draws.shape[:2])
        for number, position in enumerate(positions):
            here = np.array([position])
            x[:, places.locals] = draws[:, number, None]
            found[:, number] = twice.batch(here).log_joint(x) - once.batch(here).log_joint(x)
        return found

    return added


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
