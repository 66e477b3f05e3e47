"""The last rung: Hamiltonian Monte Carlo, many chains at once, started from the guide.

Chains move in coordinates whitened by the guide, later by their own pooled covariance. Path lengths
follow a golden-ratio sequence, a part of the moves takes shorter steps so that no chain sticks, and
the step size is adapted by dual averaging (Hoffman & Gelman 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, exp, log
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.guide.fullrank import FullRank
from ppl.guide.gaussian import Guide
from ppl.guide.meanfield import MeanField
from ppl.inference.chains import Diagnosis, diagnose
from ppl.inference.target import Target, evaluate, quantities

Array = npt.NDArray[np.float64]
Outcome = Literal["running", "accepted", "budget", "time", "interrupted"]

CHAINS, PATH, MOST_LEAPFROGS = 64, 1.6, 64
SHORT_SHARE, SHORTEST = 0.3, 0.1
GAMMA, DELAY, DECAY = 0.1, 5.0, 0.75
WARM_UP, SECOND_WARM_UP, BLOCK, ADAPTATION = 25, 20, 25, 15
ADAPT_AFTER: dict[int, float] = {2: 0.8, 6: 0.9, 14: 0.95}
"""After so many blocks: whiten again, and adapt the step to this acceptance."""
RHAT, RHAT_DOUBTED, ERROR, MIN_BLOCKS = 1.02, 1.01, 0.04, 3
FAIR_RHAT, FAIR_ERROR = 1.05, 0.1
SHRINK = 0.02
GRADIENTS_PER_SECOND = 600
"""Converts the limit on time to one on batched gradients, which no machine's speed changes."""
KEPT = 2**24
"""Entries of draws x columns that are kept at most: 128 MB."""
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class StepSize:
    """Dual averaging of the log step size towards an acceptance rate."""

    centre: float
    log_step: float
    averaged: float
    deviation: float = 0.0
    count: int = 0

    def update(self, acceptance: float, aim: float) -> StepSize:
        """Learn from one move's mean acceptance."""
        count = self.count + 1
        share = 1 / (count + DELAY)
        deviation = (1 - share) * self.deviation + share * (aim - acceptance)
        log_step = self.centre - count**0.5 / GAMMA * deviation
        weight = count**-DECAY
        averaged = weight * log_step + (1 - weight) * self.averaged
        return StepSize(self.centre, log_step, averaged, deviation, count)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All chains, where they are and where they have been.

    Attributes
    ----------
    frame
        The affine map between normals and positions.
    normals, log_joints, slopes
        Whitened positions (C, d), log joint there (C,), gradients by the normals (C, d).
    step
        The step size.
    blocks
        Positions of the blocks kept, each (moves, C, D).
    blocks_done, moves, gradients
        Counts since the start; gradients are batched evaluations.
    diagnosis
        Of the kept draws; None before it is due.
    cut
        Whether the clock ended an adaptation early.
    outcome
        ``running``, ``accepted``, ``budget`` when the gradients or the memory allowed were used
        up, ``interrupted`` when the user ended it, or ``time`` when the clock did, which another
        run may not repeat.
    """

    frame: Guide
    normals: Array
    log_joints: Array
    slopes: Array
    step: StepSize
    blocks: tuple[Array, ...] = ()
    blocks_done: int = 0
    moves: int = 0
    gradients: int = 1
    diagnosis: Diagnosis | None = None
    cut: bool = False
    outcome: Outcome = "running"

    @property
    def kept(self) -> Array:
        """Draws that count, (moves, C, D): from four blocks on without the first quarter."""
        drop = len(self.blocks) // 4 if len(self.blocks) >= 4 else 0
        return np.concatenate(self.blocks[drop:])


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What to sample, and when to end.

    Attributes
    ----------
    target, rng
        The model, and randomness.
    rhat
        The R-hat asked for.
    budget
        Batched gradients after which no block is begun; it ends runs that do not converge at the
        same place on every machine.
    expired
        A clock, for models so slow that the budget would take too long.
    """

    target: Target
    rng: np.random.Generator
    rhat: float
    budget: int
    expired: Callable[[], bool]


def run(problem: Problem, guide: Guide, positions: Array) -> State:
    """Run chains from positions (C, D) until the diagnostics pass or a limit is reached.

    Who interrupts gets the chains as far as they are, unless they are too short for a diagnosis.
    """
    state = init(problem, guide, positions)
    try:
        while state.outcome == "running":
            state = step(problem, state)
    except KeyboardInterrupt:
        if state.diagnosis is None:
            raise
        diagnosis = _diagnose(problem.target, state)
        return replace(state, outcome="interrupted", diagnosis=diagnosis)
    return state


def init(problem: Problem, guide: Guide, positions: Array) -> State:
    """Warm up: adapt the step, whiten by the chains' own covariance, adapt again."""
    first = min(0.8, 1.2 * guide.rank**-0.25)
    state = _at(problem, guide, positions, first)
    state, early = _moves(problem, state, WARM_UP, 0.8)
    state = _rewhitened(problem, state, early)
    state, _ = _moves(problem, state, SECOND_WARM_UP, 0.8)
    return state


def step(problem: Problem, state: State) -> State:
    """Run one block, diagnose, and adapt again where the schedule says so."""
    state, drawn = _moves(problem, state, BLOCK, None)
    done = state.blocks_done + 1
    state = replace(state, blocks=(*state.blocks, drawn), blocks_done=done)
    if done >= MIN_BLOCKS and len(state.blocks) >= 2:
        diagnosis = _diagnose(problem.target, state)
        state = replace(state, diagnosis=diagnosis)
        if diagnosis.rhat < problem.rhat and diagnosis.error < ERROR:
            return replace(state, outcome="accepted")
    full = (len(state.blocks) + 1) * drawn.size > KEPT
    if problem.expired() or full or state.gradients >= problem.budget:
        spent = full or state.gradients >= problem.budget
        outcome: Outcome = "budget" if spent and not state.cut else "time"
        return replace(state, outcome=outcome, diagnosis=_diagnose(problem.target, state))
    if done in ADAPT_AFTER:
        recent = np.concatenate(state.blocks[len(state.blocks) // 3 :])
        state = _rewhitened(problem, state, recent)
        state, _ = _moves(problem, state, ADAPTATION, ADAPT_AFTER[done])
        if done == min(ADAPT_AFTER):
            state = replace(state, blocks=state.blocks[-1:])
    return state


def _at(problem: Problem, frame: Guide, positions: Array, first_step: float) -> State:
    values, gradients = evaluate(problem.target, positions)
    start = StepSize(log(1.2 * first_step), log(first_step), log(first_step))
    return State(frame, frame.whiten(positions), values, frame.pull(gradients), start)


def _moves(problem: Problem, state: State, count: int, aim: float | None) -> tuple[State, Array]:
    """Make moves, adapting the step towards an acceptance unless None; return positions too."""
    positions = np.empty((count, len(state.normals), state.frame.mean.size))
    for index in range(count):
        step_size = exp(state.step.averaged if aim is None else state.step.log_step)
        state, acceptance = _move(problem, state, step_size)
        if aim is not None:
            state = replace(state, step=state.step.update(acceptance, aim))
        positions[index] = state.frame.place(state.normals)
        if aim is not None and problem.expired():
            return replace(state, cut=True), positions[: index + 1]
    return state, positions


def _move(problem: Problem, state: State, step_size: float) -> tuple[State, float]:
    """Move all chains once; return the mean acceptance of those that took full steps."""
    rng, shape = problem.rng, state.normals.shape
    path = 2 * ((0.5 + state.moves * GOLDEN) % 1.0) * PATH
    leapfrogs = min(MOST_LEAPFROGS, max(1, ceil(path / step_size)))
    short = rng.random(shape[0]) < SHORT_SHARE
    jitter = np.exp(rng.uniform(log(SHORTEST), 0.0, shape[0]))
    steps = np.where(short, step_size * jitter, step_size)[:, None]
    momentum = rng.standard_normal(shape)
    energy = state.log_joints - 0.5 * np.einsum("cd,cd->c", momentum, momentum)
    with np.errstate(over="ignore", invalid="ignore"):
        normals, momentum, values, slopes = leapfrog(
            problem.target, state, momentum, steps, leapfrogs
        )
        change = values - 0.5 * np.einsum("cd,cd->c", momentum, momentum) - energy
        probability = np.exp(np.minimum(0.0, np.where(np.isfinite(change), change, -np.inf)))
    taken = rng.random(shape[0]) < probability
    moved = replace(
        state,
        normals=np.where(taken[:, None], normals, state.normals),
        log_joints=np.where(taken, values, state.log_joints),
        slopes=np.where(taken[:, None], slopes, state.slopes),
        moves=state.moves + 1,
        gradients=state.gradients + leapfrogs,
    )
    full = probability[~short]
    return moved, float(full.mean()) if full.size else float(probability.mean())


def leapfrog(
    target: Target, state: State, momentum: Array, steps: Array, count: int
) -> tuple[Array, Array, Array, Array]:
    """Follow Hamilton's equations from the chains' positions, with steps (C, 1).

    Returns positions (C, d) and momenta (C, d) in the frame, log joints (C,) and slopes (C, d).
    """
    normals, values, slopes = state.normals, state.log_joints, state.slopes
    for _ in range(count):
        momentum = momentum + 0.5 * steps * slopes
        normals = normals + steps * momentum
        values, gradients = evaluate(target, state.frame.place(normals))
        slopes = state.frame.pull(gradients)
        momentum = momentum + 0.5 * steps * slopes
    return normals, momentum, values, slopes


def _rewhitened(problem: Problem, state: State, drawn: Array) -> State:
    """Whiten by draws (moves, C, D), and let the adaptation begin anew."""
    frame = _frame(state.frame, drawn.reshape(-1, drawn.shape[2]))
    positions = state.frame.place(state.normals)
    fresh = _at(problem, frame, positions, exp(state.step.averaged))
    return replace(
        state,
        frame=frame,
        normals=fresh.normals,
        log_joints=fresh.log_joints,
        slopes=fresh.slopes,
        step=fresh.step,
        gradients=state.gradients + 1,
    )


def _frame(frame: Guide, pooled: Array) -> Guide:
    """Return a frame from pooled draws (n, D); a full-rank one needs more than 4 per column."""
    if isinstance(frame, FullRank) and len(pooled) <= 4 * frame.rank:
        return frame
    free = ~frame.points
    mean = frame.mean.copy()
    mean[free] = pooled[:, free].mean(axis=0)
    variance = np.maximum(pooled[:, free].var(axis=0), 1e-300)
    if isinstance(frame, FullRank):
        centred = pooled[:, free] - mean[free]
        covariance = (1 - SHRINK) * (centred.T @ centred) / len(pooled) + SHRINK * np.diag(variance)
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        return FullRank(mean, factor, frame.points)
    log_scale = np.zeros(mean.size)
    log_scale[free] = 0.5 * np.log(variance)
    return MeanField(mean, log_scale, frame.points)


def _diagnose(target: Target, state: State) -> Diagnosis:
    """Diagnose the kept draws: R-hat in the unconstrained space too, errors of what is reported."""
    kept = state.kept
    moves, chains, size = kept.shape
    free = diagnose(kept)
    diagnosis = Diagnosis(free.rhat, 0.0, -np.inf)
    if not np.isfinite(free.error):
        return free
    for name, values in quantities(target, kept.reshape(-1, size)).items():
        constrained = diagnose(values.reshape(moves, chains, -1))
        diagnosis = diagnosis.join(constrained.of(name))
    return diagnosis
