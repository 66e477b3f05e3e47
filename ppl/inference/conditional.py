"""Importance weights of latents that share few factors: globals first, then the rest.

One normal over all of them cannot know that the locals' spread depends on a scale among the
globals, and its weights are hopeless in thousands of dimensions. So the globals are drawn from a
mixture around the settled guide, with the curvature of the settled ELBO; and for each of their
values, the locals from the normal around their own mode (as Rue, Martino & Chopin 2009 have it,
"INLA"), moved and widened as the guide's is against that at its mode; the weights correct what it
leaves out. Where the locals are normal given the globals, these are the weights of the globals.
Locals that are independent but for few together are drawn from their own laws (`separate`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, pi, sqrt

import numpy as np
import numpy.typing as npt

from ppl.guide.band import Band, factored
from ppl.guide.fullrank import FullRank
from ppl.guide.proposal import Proposal
from ppl.inference import banded, importance, separate
from ppl.inference.banded import Problem
from ppl.inference.draws import stratified_normals, stratified_uniforms, systematic_resample
from ppl.inference.pattern import Pattern
from ppl.inference.separate import Groups
from ppl.inference.target import blocks_of, evaluate, log_joint

Array = npt.NDArray[np.float64]

MOST_GLOBALS = 16
FIRST_DRAWS, MORE_DRAWS, BATCHES, FEWEST = 512, 4096, 3, 256
MORE_SEPARATE = 2048
"""Draws of a batch, if the locals are independent given the globals: nearly all are effective."""
MOST_WORK, FACTORED = 1e11, 3.0
"""Multiplications that factoring the bands may take, and how often each is factored."""
NEWTON, RENEWED, SETTLED = 6, 3, 0.1
FEWEST_EFFECTIVE, STEADY = 8.0, 0.3
"""Draws are tried again around the moments of so many effective ones for each global; with this
part of them effective, at once with more."""
MOST_SPREAD, PLACES, PLACES_SHARE, NARROWER = 6, 64, 0.7, 0.6
"""With up to so many globals, draws are taken from normals around so many of the weighted draws
too: this part of them, and so much narrower."""
LOOKED_AT, NORMAL = 8, 0.1
"""Laws given so many values of the globals are looked at; they are normal if their slopes are off
by less than the second over the root of their number, in nats for each width."""
TRIES = 16
"""Of the locals for each value of the globals, where weights are not steady."""
WIDER, LONGER, LONG_SHARE = 1.2, 5.0, 0.2
"""Globals are drawn from a normal so much wider than the one found, and this part of them from
normals that are so much longer along one axis: a scale of which the data say little has a long tail
towards zero."""
LARGEST_RATIO = 20.0
"""The settled curvature may make a global's spread so many times that at fixed locals."""


@dataclass(frozen=True, slots=True, eq=False)
class Globals:
    """A normal of the globals: mean (k,) and a root of the covariance, (k, k); and places that are
    spread as they are, (m, k), for the skewness that no normal has."""

    mean: Array
    factor: Array
    places: Array


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Draws (S, D), their log weights (S,), the batched gradients that they took, and the part of
    the locals' laws that were seen to have two tops."""

    positions: Array
    log_weights: Array
    gradients: int
    split: float = 0.0

    def joined(self, other: Batch) -> Batch:
        """Return the draws of both."""
        mine, its = len(self.log_weights), len(other.log_weights)
        return Batch(
            np.concatenate([self.positions, other.positions]),
            np.concatenate([self.log_weights, other.log_weights]),
            self.gradients + other.gradients,
            (mine * self.split + its * other.split) / (mine + its),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Weights, the batched gradients that they took, and the part of the locals' laws that were
    seen to have two tops, where they are drawn from their laws."""

    state: importance.State
    gradients: int
    split: float


def run(problem: Problem, fit: banded.State, rng: np.random.Generator) -> Weighed | None:
    """Weigh draws, and again around the moments that the first ones found.

    None if there are too many globals, or the bands are too wide for enough draws.
    """
    pattern = problem.pattern
    most = MOST_WORK / (pattern.order.size * (pattern.width + 8.0) ** 2 * FACTORED)
    most = min(most, importance.LARGEST / fit.guide.mean.size)
    if np.count_nonzero(pattern.shared) > MOST_GLOBALS or most < FEWEST:
        return None
    groups = _groups(pattern)
    found, gradients = _curved(problem, fit)
    tries, first = 1, int(min(FIRST_DRAWS, most))
    more = MORE_DRAWS if groups is None else MORE_SEPARATE
    if groups is not None and _are_normal(problem, fit, groups, found, rng):
        groups = None

    def weigh(count: int) -> Batch:
        return _weighed(problem, fit, groups, found, rng, count, tries)

    def diagnosed(batch: Batch) -> importance.State:
        return importance.diagnosed(problem.target, batch.positions, batch.log_weights)

    batch = weigh(first)
    state, gradients = diagnosed(batch), gradients + batch.gradients
    effective = state.ess
    if not state.accepted and effective < STEADY * first:
        if effective < FEWEST_EFFECTIVE * (1 + found.mean.size):
            return Weighed(state, gradients, batch.split)
        tries = TRIES
        found = _matched(problem, state, found, rng)
        batch = weigh(first)
        state, gradients = diagnosed(batch), gradients + batch.gradients
    if state.accepted or state.hopeless:
        return Weighed(state, gradients, batch.split)
    found = _matched(problem, state, found, rng)
    batches: Batch | None = None
    for number in range(BATCHES):
        room = int(most) - (len(batches.log_weights) if batches else 0)
        if room < first or (batches and state.accepted):
            break
        batch = weigh(min(more, room))
        batches = batches.joined(batch) if batches else batch
        state = diagnosed(batches)
        if number == 0 and not state.accepted and state.ess > STEADY * first:
            found = _matched(problem, state, found, rng)
            gradients, batches = gradients + batches.gradients, None
    if batches:
        return Weighed(state, gradients + batches.gradients, batches.split)
    return Weighed(state, gradients, batch.split)


def separable(pattern: Pattern) -> bool:
    """Whether the locals are independent given few globals, but for few together."""
    few = bool(np.count_nonzero(pattern.shared) <= MOST_GLOBALS)
    return few and _groups(pattern) is not None


def _groups(pattern: Pattern) -> Groups | None:
    return separate.groups_of(pattern.rows, pattern.columns, pattern.order.size)


def _curved(problem: Problem, fit: banded.State) -> tuple[Globals, int]:
    """Return a normal of the globals with the curvature of the settled ELBO."""
    shared, factor = problem.pattern.shared, fit.guide.factor
    count, gradients = factor.shape[0], 0
    curvature = np.eye(count)
    for column in range(count):
        ends = [
            banded.moved(problem, replace(fit, gradients=0), sign * factor[:, column])
            for sign in (-1.0, 1.0)
        ]
        below, above = ends
        if below is not None and above is not None:
            gradients += below.gradients + above.gradients
            curvature[:, column] = 0.5 * (below.slope - above.slope)[shared] @ factor
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    spread = np.clip(np.maximum(values, 1e-12) ** -0.5, 0.5, LARGEST_RATIO)
    mean = fit.guide.mean[shared]
    return Globals(mean, factor @ (vectors * spread), np.empty((0, count))), gradients


def _matched(
    problem: Problem, state: importance.State, before: Globals, rng: np.random.Generator
) -> Globals:
    """Return a normal of the globals with the moments of weighted draws, and some of these."""
    weights = np.exp(state.log_weights)
    values = state.positions[:, problem.pattern.shared]
    mean = weights @ values
    centred = values - mean
    covariance = (centred * weights[:, None]).T @ centred
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        return before
    few = mean.size <= MOST_SPREAD
    return Globals(mean, factor, values[systematic_resample(rng, weights, PLACES if few else 0)])


def _weighed(
    problem: Problem,
    fit: banded.State,
    groups: Groups | None,
    found: Globals,
    rng: np.random.Generator,
    count: int,
    tries: int,
) -> Batch:
    """Draw globals, then some tries of the locals around their mode given these, and weigh.

    One of the tries is kept, in proportion to its weight, with their mean as its weight: a draw so
    made is as properly weighted as one by itself, and its weight is steadier.
    """
    shared = problem.pattern.shared
    positions, log_weights = np.empty((count, shared.size)), np.empty(count)
    drawn, log_proposal = _drawn(found, rng, count)
    if groups is not None:
        batch = _separate(problem, fit, groups, rng, drawn)
        return replace(batch, log_weights=batch.log_weights - log_proposal)
    own = fit.guide.mean[None, shared]
    mode, curvature, gradients = _modes(problem, fit, own)
    shift, sharper = fit.guide.mean[~shared] - mode[0], fit.precision.local - curvature[0]
    for part in blocks_of(count, shared.size):
        values = drawn[part]
        centres, entries, spent = _modes(problem, fit, values if values.shape[1] else own)
        bands = _bands(problem, fit, entries + sharper)
        if not values.shape[1]:
            centres, bands = np.repeat(centres, len(values), axis=0), bands * len(values)
        gradients += spent + tries
        tried = np.empty((len(bands), tries, shared.size))
        tried[:, :, shared] = drawn[part, None]
        half = rng.standard_normal((len(bands), (tries + 1) // 2, mode.shape[1]))
        normals = np.concatenate([half, -half], axis=1)[:, :tries]
        for draw, band in enumerate(bands):
            tried[draw][:, ~shared] = centres[draw] + shift + band.place(normals[draw])
        heights = np.array([band.log_determinant for band in bands])[:, None]
        squares = np.einsum("srn,srn->sr", normals, normals)
        given = heights - 0.5 * squares - 0.5 * mode.shape[1] * log(2 * pi)
        joint = log_joint(problem.target, tried.reshape(-1, shared.size)).reshape(given.shape)
        chosen, log_weights[part] = _chosen(rng, joint - given)
        positions[part] = tried[np.arange(len(bands)), chosen]
    return Batch(positions, log_weights - log_proposal, gradients)


def _are_normal(
    problem: Problem, fit: banded.State, groups: Groups, found: Globals, rng: np.random.Generator
) -> bool:
    """Whether the locals' laws given a few values of the globals are normal, as near as matters."""
    values = _drawn(found, rng, LOOKED_AT)[0]
    along = _lines(problem, fit, groups, rng, values).along
    off = along + separate.places()[:, None]
    return bool(np.max(np.abs(off)) < NORMAL / sqrt(off.shape[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines through the modes of the locals given S values of the globals.

    Attributes
    ----------
    centres
        The modes, (S, n).
    steps
        A width along each line, (S, L, n).
    along
        Slopes of each group's log density by width, at the places of its lines, (S, L, K, G).
    heights
        Half the log determinants of the locals' precisions, (S,).
    gradients
        How many batched gradients were taken.
    """

    centres: Array
    steps: Array
    along: Array
    heights: Array
    gradients: int


def _lines(
    problem: Problem, fit: banded.State, groups: Groups, rng: np.random.Generator, drawn: Array
) -> Lines:
    """Return lines for globals (S, k)."""
    shared, places = problem.pattern.shared, separate.places()
    centres, entries, spent = _modes(problem, fit, drawn)
    bands = _bands(problem, fit, entries)
    steps = groups.directions(rng, len(bands))
    for draw, band in enumerate(bands):
        steps[draw] = band.place(steps[draw])
    at = np.empty((len(bands), groups.lines, places.size, shared.size))
    at[..., shared] = drawn[:, None, None]
    at[..., ~shared] = centres[:, None, None] + places[:, None] * steps[:, :, None]
    values, slopes = evaluate(problem.target, at.reshape(-1, shared.size))
    slopes[~np.isfinite(values)] = np.nan
    along = groups.summed(slopes[:, ~shared].reshape(*at.shape[:3], -1) * steps[:, :, None])
    heights = np.array([band.log_determinant for band in bands])
    return Lines(centres, steps, along, heights, spent + places.size * groups.lines)


def _separate(
    problem: Problem, fit: banded.State, groups: Groups, rng: np.random.Generator, drawn: Array
) -> Batch:
    """Draw each group of locals from its law given globals (S, k), and weigh."""
    shared, places = problem.pattern.shared, separate.places()
    positions, log_weights = np.empty((len(drawn), shared.size)), np.empty(len(drawn))
    gradients, split = 0, 0.0
    for part in blocks_of(len(drawn), shared.size * places.size * groups.lines):
        lines = _lines(problem, fit, groups, rng, drawn[part])
        along = lines.along.reshape(-1, places.size, lines.along.shape[-1])
        laws = separate.laws(along, groups.sizes)
        split += laws.split * len(lines.centres) / len(drawn)
        index, laws = laws.chosen(rng, groups.lines)
        away, given = laws.draw(rng.random(index.shape))
        taken = np.take_along_axis(lines.steps, index[:, None, groups.of], axis=1)[:, 0]
        positions[part][:, shared] = drawn[part]
        positions[part][:, ~shared] = lines.centres + away[:, groups.of] * taken
        log_density = lines.heights + np.sum(given + laws.log_mass - groups.log_room, axis=1)
        log_weights[part] = log_joint(problem.target, positions[part]) - log_density
        gradients += lines.gradients
    return Batch(positions, log_weights, gradients, split)


def _drawn(found: Globals, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Return values of the globals (count, k), and their log density."""
    size = found.mean.size
    if not size:
        return np.zeros((count, 0)), np.zeros(count)
    points = np.zeros(size, dtype=np.bool_)
    scales = [WIDER * (1 + (LONGER - 1) * axis) for axis in (np.zeros(size), *np.eye(size))]
    frames = tuple(FullRank(found.mean, found.factor * scale, points) for scale in scales)
    shares = np.array([1 - LONG_SHARE, *[LONG_SHARE / size] * size])
    if len(found.places):
        frames += tuple(FullRank(p, NARROWER * found.factor, points) for p in found.places)
        each = np.full(len(found.places), PLACES_SHARE / len(found.places))
        shares = np.concatenate([(1 - PLACES_SHARE) * shares, each])
    proposal = Proposal(frames, tuple(shares.tolist()), normal_share=0.5)
    normals = stratified_normals(rng, count, size)
    drawn = proposal.place(normals, stratified_uniforms(rng, count, 2))
    return drawn, proposal.log_density(drawn)


def _chosen(rng: np.random.Generator, log_weights: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """Return which try is kept of each row of log weights (S, R), and the log mean weight."""
    top = np.max(log_weights, axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    sums = np.cumsum(np.exp(log_weights - top), axis=1)
    levels = rng.random((len(sums), 1)) * sums[:, -1:]
    chosen = np.minimum(np.sum(sums <= levels, axis=1), sums.shape[1] - 1)
    with np.errstate(divide="ignore"):
        return chosen, top[:, 0] + np.log(sums[:, -1] / sums.shape[1])


def _modes(problem: Problem, fit: banded.State, drawn: Array) -> tuple[Array, Array, int]:
    """Return the modes of the locals (S, n) given globals (S, k), and entries of the curvature
    there, (S, e)."""
    pattern, guide = problem.pattern, fit.guide
    shared = pattern.shared
    positions = np.repeat(guide.mean[None], len(drawn), axis=0)
    positions[:, shared] = drawn
    positions[:, ~shared] += (drawn - guide.mean[shared]) @ guide.response.T
    spent, entries = 0, np.empty((0, 0))
    bands = [guide.band] * len(drawn)
    for iteration in range(NEWTON):
        slopes = evaluate(problem.target, positions)[1][:, ~shared]
        if iteration % RENEWED == 0:
            entries = banded.local_curvatures(problem, positions)
            bands = _bands(problem, fit, entries)
            spent += 2 * int(pattern.colours.max(initial=-1) + 1)
        spent += 1
        largest = 0.0
        for draw, band in enumerate(bands):
            whitened = band.pull(slopes[draw : draw + 1])
            with np.errstate(over="ignore", invalid="ignore"):
                size = float(np.linalg.norm(whitened))
            reach = min(1.0, sqrt(whitened.size) / size) if size > 0 else 1.0
            positions[draw, ~shared] += reach * band.place(whitened)[0]
            largest = max(largest, float(np.max(np.abs(whitened))))
        if largest < SETTLED:
            break
    return positions[:, ~shared], entries, spent


def _bands(problem: Problem, fit: banded.State, entries: Array) -> list[Band]:
    """Return precisions from their entries (S, e); the guide's own where there is none: any will do
    for a proposal."""
    pattern = problem.pattern
    found = (
        factored(pattern.rows, pattern.columns, values, pattern.order, pattern.width)
        for values in entries
    )
    return [fit.guide.band if band is None else band for band in found]
