"""How far to trust a guide that was forced, or fitted by minibatches.

Two detectors that need nothing of the family: importance weights of the guide's draws, where the
latents are few; and the slopes of the log joint less the guide's own, which are zero where the
guide is the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.inference.mismatch import LIMIT
from ppl.inference.objective import Elbo
from ppl.inference.pareto import smooth
from ppl.inference.stochastic import weigh
from ppl.inference.stochastic.optimise import Plan, State
from ppl.inference.stochastic.problem import (
    Estimated,
    Positions,
    Problem,
    elbos,
    estimate,
    local_of,
    normals_for,
)
from ppl.inference.target import Target, quantities
from ppl.inference.verdict import Verdict, begin

Array = npt.NDArray[np.float64]

FEW, WEIGHTS = 256, 2000
"""Up to so many latents importance weights are drawn, and how many."""
KHAT, ENOUGH = 0.7, 100.0
OFF, MEAN_WRONG, SD_WRONG = 0.1, 0.3, 0.2
"""Errors of a reported mean, in sds, and of the logarithm of an sd: beyond which a guide is fair
at most, with an allowance for the weights' own error, and beyond which it is poor."""
TOGETHER = 2**19
"""Draws times rows whose weights are computed together."""
APART = 0.3
"""A sample's log weights stand for those of all positions if they differ by less, as an sd."""
SLOPES, LOOKED_AT = 16, 512
"""Pairs of draws, and positions of the plate, on which slopes are compared."""
HELP = "Try `fullrank`, or leave the guide and the batch out: the ladder corrects its own guide."


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict, its diagnostics, and further notes."""

    verdict: Verdict
    khat: float | None
    ess: float | None
    notes: tuple[str, ...]


def judge(
    problem: Problem,
    plan: Plan,
    state: State,
    elbo: Elbo,
    target: Target,
    stand_in: Problem | None = None,
) -> Judged:
    """Judge a fitted guide.

    A `stand_in` is a corrected sample of the positions, whose importance weights are taken where
    they agree with those of all positions at some draws.
    """
    if state.outcome == "undefined" or not np.isfinite(elbo.value):
        verdict = begin("good", "").lower(
            "poor",
            "The log density was not finite where the guide was tried.",
            "Check that the data are possible under the model.",
        )
        return Judged(verdict, None, None, ())
    guide = problem.guide
    if not guide.normals and not guide.latents:
        verdict = begin("good", "All unknowns are learned parameters, and the optimiser converged.")
        return Judged(_converged(verdict, plan, state), None, None, ())
    verdict = begin("good", "Importance weights confirm the guide.")
    khat = ess = None
    notes: tuple[str, ...] = ()
    if not guide.latents and guide.normals <= FEW:
        looked = _looked(problem, plan, state) if stand_in is not None else None
        over = problem
        if stand_in is not None and looked is not None:
            apart = _apart(stand_in, state, looked)
            over = stand_in if apart <= APART else problem
            notes = (_weights_told(problem, over, apart),)
        verdict, khat, ess = _weighed(over, plan, state, target, verdict)
        looked = looked or (_looked(problem, plan, state) if verdict.word == "good" else None)
        if looked is not None and verdict.word == "good" and np.max(looked.excess) >= LIMIT:
            verdict = verdict.lower(
                "fair",
                "The guide's slopes do not match the posterior's: some standard deviations are too "
                "small.",
                HELP,
            )
    elif guide.latents and not guide.normals:
        verdict, khat, said = _by_position(problem, plan, state)
        notes = (said,)
    else:
        verdict = _sloped(problem, plan, state, verdict)
        if guide.network is not None:
            notes = (*notes, _gap(problem, plan, state)[1])
    return Judged(_converged(verdict, plan, state), khat, ess, notes)


def _converged(verdict: Verdict, plan: Plan, state: State) -> Verdict:
    if state.outcome == "converged":
        return verdict
    return verdict.lower(
        "poor",
        f"The optimiser did not converge in {state.steps:,} steps.",
        "Give the model narrower priors, scale its data, or take larger batches.",
    )


def _weighed(
    problem: Problem, plan: Plan, state: State, target: Target, verdict: Verdict
) -> tuple[Verdict, float, float]:
    """Judge by importance weights over all data."""
    rng = np.random.default_rng([plan.seed, 8])
    normals = normals_for(problem, rng, WEIGHTS // 2, 1)[0]
    total = _log_weights(problem, state, normals)
    total = np.where(np.isfinite(total), total, -np.inf)
    log_weights, khat = smooth(total)
    weights = np.exp(log_weights)
    ess = float(1 / np.sum(weights**2))
    if khat >= KHAT or ess < ENOUGH:
        reason = (
            f"The guide is far from the posterior (k-hat {khat:.2f}, {ess:.0f} effective draws of "
            f"{WEIGHTS:,}); the draws are its own."
        )
        return verdict.lower("poor", reason, HELP, of_all=True), khat, ess
    mean_off, sd_off = _errors(target, problem.guide.place(state.best, normals), weights)
    if mean_off > MEAN_WRONG or sd_off > SD_WRONG:
        reason = (
            f"Importance weights show a mean off by {mean_off:.2g} sd, or an sd by "
            f"{np.expm1(sd_off):.0%}; the draws are the guide's own."
        )
        verdict = verdict.lower("poor", reason, HELP, of_all=True)
    elif max(mean_off, sd_off) > OFF + 1 / np.sqrt(ess):
        verdict = verdict.lower(
            "fair",
            "Importance weights show that some mean or sd of the guide is off by more than 10 %.",
            HELP,
        )
    return verdict, khat, ess


def _log_weights(problem: Problem, state: State, normals: Array) -> Array:
    """Return the log joint less the guide's log density, of globals alone, at draws: (S,)."""

    def weights(_: int, positions: Positions) -> Array:
        total = np.empty(len(normals))
        few = max(1, TOGETHER // len(positions))
        part = problem.models[len(positions)].batch(positions)
        for start in range(0, len(normals), few):
            some = normals[start : start + few]
            none = np.zeros((len(some), len(positions), 0))
            elbo = elbos(problem, state.best, None, positions, (some, none), part)
            total[start : start + few] = elbo
        return total * (len(positions) / len(problem.training))

    total = np.zeros(len(normals))
    for found in problem.each(problem.passing(problem.training), len(normals), weights):
        total += found
    return total


def _errors(target: Target, draws: Array, weights: Array) -> tuple[float, float]:
    """Return the largest error of a mean, in sds, and of the logarithm of an sd, over all that is
    reported: of draws that count alike, against the same with their weights."""
    means, sds = [0.0], [0.0]
    for found in quantities(target, draws).values():
        each = found.reshape(len(draws), -1)
        mean = weights @ each
        sd, plain = np.sqrt(weights @ (each - mean) ** 2), each.std(axis=0)
        varies = (sd > 0) & (plain > 0)  # learned parameters do not
        means.extend(np.abs(each.mean(axis=0) - mean)[varies] / sd[varies])
        sds.extend(np.abs(np.log(plain[varies] / sd[varies])))
    return max(means), max(sds)


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What a pass over all positions shows at some draws of the guide.

    Attributes
    ----------
    normals, log_weights
        Of the draws; the log joint less the guide's log density, of globals alone.
    excess
        E[(s h)^2] of the latents, of a sample of the positions' own; h is the slope of the log
        joint less the guide's, which is 0 for the posterior, and s the guide's scale.
    """

    normals: Array
    log_weights: Array
    excess: Array


def _apart(stand_in: Problem, state: State, looked: _Looked) -> float:
    """Return how far log weights of a sample are from those of all positions, as an sd."""
    total = _log_weights(stand_in, state, looked.normals)
    apart = float(np.std(total - looked.log_weights))
    return apart if np.isfinite(apart) else np.inf


def _weights_told(problem: Problem, over: Problem, apart: float) -> str:
    every = f"{len(problem.training):,}"
    if over is problem:
        return f"importance weights are of all {every} positions"
    return (
        f"importance weights are of the sample of {len(over.training):,} positions, corrected; at "
        f"{2 * SLOPES} draws they are {apart:.2g} (sd of the log) from those of all {every}"
    )


def _looked(problem: Problem, plan: Plan, state: State) -> _Looked:
    """Pass over all positions with some draws."""
    guide = problem.guide
    rng = np.random.default_rng([plan.seed, 9])
    shared = normals_for(problem, rng, SLOPES, 1)[0]
    draws = guide.place(state.best, shared)
    slopes = np.zeros_like(draws)
    log_weights = np.zeros(len(draws))
    excess: list[Array] = []
    count, seen = len(problem.training), 0

    def look(_: int, positions: Positions) -> tuple[Positions, Estimated]:
        size = len(positions)
        own = np.zeros((2 * SLOPES, size, 0))
        if guide.latents:
            own = normals_for(problem, rng, SLOPES, size)[1]
        part = problem.models[size].batch(positions)
        return positions, estimate(problem, state.best, state.rows, positions, (shared, own), part)

    together = 0 if guide.latents else 2 * SLOPES
    for positions, found in problem.each(problem.passing(problem.training), together, look):
        size = len(positions)
        local = local_of(problem, state.best, state.rows, positions)
        if local is not None and seen < LOOKED_AT:
            scaled = found.local_slopes * np.exp(local.log_scale)
            excess.append(np.mean(scaled**2, axis=0).ravel())
            seen += size
        if not guide.normals and seen >= LOOKED_AT:
            break
        slopes += found.global_slopes * (size / count)
        log_weights += found.elbo * (size / count)
    free = np.ones(draws.shape[1], dtype=bool)
    free[guide.learned.columns] = False
    if guide.normals:
        scale = draws[:, free].std(axis=0)
        excess.append(np.mean(slopes[:, free] ** 2, axis=0) * scale**2)
    return _Looked(shared, log_weights, np.concatenate(excess))


def _sloped(problem: Problem, plan: Plan, state: State, verdict: Verdict) -> Verdict:
    """Judge by slopes."""
    every = _looked(problem, plan, state).excess
    part_off = float(np.mean(every >= LIMIT))
    if part_off == 0:
        return verdict.lower(
            "fair", "The guide's slopes match the posterior's, and the draws are its own."
        )
    return verdict.lower(
        "fair" if part_off < 0.05 else "poor",
        "The guide's slopes do not match the posterior's for "
        f"{max(part_off, 1 / every.size):.0%} of the latents: their standard deviations may be too "
        "small.",
        "Treat standard deviations with caution; learned parameters and means are usually close.",
        of_all=True,
    )


UNRELIABLE, WRONG = 0.05, 0.05
"""Parts of positions and of latents that may fail by the noise of the diagnostics themselves: the
k-hat of 1,000 draws has a standard deviation of about 0.1."""


def _by_position(problem: Problem, plan: Plan, state: State) -> tuple[Verdict, float, str]:
    """Judge by importance weights of single positions: all that they share is learned."""
    rng = np.random.default_rng([plan.seed, 14])
    chosen = weigh.some(problem.training, weigh.JUDGED, rng)
    found = weigh.compare(
        weigh.weigh(problem, state.best, state.rows, chosen, weigh.DRAWS, rng), KHAT, ENOUGH, OFF
    )
    said = (
        f"the ELBO is {found.gap:.2g} nats for each position below the importance-weighted bound "
        f"({found.positions} positions, {weigh.DRAWS:,} draws of each)"
    )
    amortised = 0.0
    if problem.guide.network is not None:
        amortised, told = _gap(problem, plan, state)
        said = f"{said}; {told}"
    if amortised > 0.5 * found.gap:
        remedy = (
            "Give the network more hidden units: guides of single positions would be nearer. "
            "Learned parameters and held-out bounds are valid as they are."
        )
    else:
        remedy = (
            "Posteriors of positions are not products of normals: fewer latents may be enough. "
            "Learned parameters and held-out bounds are valid as they are."
        )
    verdict = begin(
        "good",
        "Importance weights of single positions confirm the guide, given the learned parameters.",
    )
    if found.unreliable > UNRELIABLE:
        reason = (
            f"For {found.unreliable:.0%} of the positions the guide is far from the posterior of "
            "their latents given the learned parameters, by importance weights."
        )
        verdict = verdict.lower("poor", reason, remedy)
    elif found.off > WRONG:
        reason = (
            "Importance weights of single positions show that the mean or sd of "
            f"{found.off:.0%} of the latents is off by more than 10 %, at the learned parameters."
        )
        verdict = verdict.lower("fair", reason, remedy)
    return verdict, found.khat, said


GAP_STEPS = 60


def _gap(problem: Problem, plan: Plan, state: State) -> tuple[float, str]:
    """Return how much better single guides of a sample of positions are than the network's, in
    nats for each, and say so."""
    from ppl.guide.rows import Rows

    rng = np.random.default_rng([plan.seed, 10])
    size = problem.batch
    chosen = problem.chosen(rng, size)
    local = local_of(problem, state.best, None, chosen)
    assert local is not None
    rows = Rows(np.zeros((problem.total, 0)), np.zeros((problem.total, 0)))
    mean = np.zeros((problem.total, local.mean.shape[1]))
    scale = mean.copy()
    mean[chosen], scale[chosen] = local.mean, local.log_scale
    rows = Rows(mean, scale)
    alone = problem.without_network()
    numbers = state.best[: problem.guide.parts[-1].start]
    normals = normals_for(problem, rng, 32, size)
    before = float(np.mean(elbos(problem, state.best, None, chosen, normals)))
    part = alone.models[size].batch(chosen)
    for _ in range(GAP_STEPS):
        drawn = normals_for(problem, rng, 4, size)
        found = estimate(alone, numbers, rows, chosen, drawn, part)
        rows.update(chosen, drawn[1], found.local_slopes, 0.2)
    after = float(np.mean(elbos(alone, numbers, rows, chosen, normals)))
    gap = max(0.0, (after - before) / len(problem.training))
    return gap, (
        f"amortisation gap: guides fitted to {size} positions one by one are {gap:.2g} nats "
        "better for each than the network's"
    )
