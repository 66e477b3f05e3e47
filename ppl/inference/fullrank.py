"""The second rung: a full-rank guide, by Newton steps on the ELBO in the guide's own coordinates.

On draws whose sample covariance is exactly the identity, a Gaussian posterior is met in one step.
Whitened, the averaged Hessian's eigenvalues are 1 and the averaged gradient 0 at the optimum, so
that their distance says how far there is to go. Learned parameters move in between, by L-BFGS
together with the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, pi, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.guide.fullrank import FullRank
from ppl.guide.gaussian import Guide
from ppl.inference import lbfgs
from ppl.inference.target import Target, evaluate

Array = npt.NDArray[np.float64]
Outcome = Literal["running", "converged", "unconverged"]

MAX_COLUMNS = 600
MAX_ITERATIONS, HALVINGS, NARROWINGS = 30, 8, 6
CRITERION = 0.01
SMALLEST, LARGEST = 0.1, 10.0
"""Eigenvalues of the whitened curvature are trusted between these."""
IMPROPER_FLAT = 12
LEARNING_ROUNDS, LEARNING_ITERATIONS = 12, 30


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """A target, white draws (M, d) for its latents, and the units of its columns, (D,)."""

    target: Target
    normals: Array
    widths: Array


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the fit stands.

    Attributes
    ----------
    guide
        The guide.
    elbo
        On the white draws, in nats.
    slope, curvature
        Mean gradient (d,) and minus the mean Hessian (d, d) in the guide's coordinates.
    criterion
        The largest distance of a whitened mean from 0 and of half an eigenvalue from 1/2.
    flat
        Consecutive iterations with an eigenvalue below 0.1.
    iterations, gradients
        Newton steps, and evaluations of the batched gradient.
    outcome
        ``running``, ``converged``, or ``unconverged``.
    trace
        The ELBO on the white draws after every step.
    """

    guide: FullRank
    elbo: float
    slope: Array
    curvature: Array
    criterion: float = np.inf
    flat: int = 0
    iterations: int = 0
    gradients: int = 1
    outcome: Outcome = "running"
    trace: tuple[float, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether the criterion was met."""
        return self.outcome == "converged"


def draws_needed(rank: int, spare: bool = False) -> int:
    """Return how many white draws a guide of this rank needs; fewer where they are to be spared."""
    return max(64, 2 * (rank + rank // 4)) if spare else max(64, 4 * rank)


def as_fullrank(guide: Guide) -> FullRank:
    """Return any Gaussian guide as a full-rank one."""
    factor = guide.place(np.eye(guide.rank)) - guide.mean
    return FullRank(guide.mean, factor[:, ~guide.points].T, guide.points)


def init(objective: Objective, guide: Guide) -> State:
    """Start from a guide, narrowed until every draw has a finite density."""
    start, narrowed = as_fullrank(guide), 0
    elbo, slope, curvature = _averages(objective, start)
    while not np.isfinite(elbo) and narrowed < NARROWINGS:
        narrowed += 1
        start = replace(start, factor=0.5 * start.factor)
        elbo, slope, curvature = _averages(objective, start)
    outcome: Outcome = "running" if np.isfinite(elbo) else "unconverged"
    return State(start, elbo, slope, curvature, gradients=narrowed + 1, outcome=outcome)


def step(objective: Objective, state: State) -> State:
    """Take one Newton step, halved until the ELBO rises."""
    values, vectors = np.linalg.eigh(state.curvature)
    rotated = vectors.T @ state.slope
    criterion = float(
        max(np.max(np.abs(rotated / _away(values))), 0.5 * np.max(np.abs(values - 1)))
    )
    flat = state.flat + 1 if values[0] < SMALLEST else 0
    state = replace(state, criterion=criterion, flat=flat)
    if criterion < CRITERION:
        return replace(state, outcome="converged")
    move = rotated / np.maximum(np.abs(values), SMALLEST)
    norm = float(np.linalg.norm(move))
    move *= min(1.0, max(3.0, sqrt(move.size)) / norm) if norm > 0 else 1.0
    length = 1.0
    for halving in range(HALVINGS):
        shrink = (1 + length * (np.clip(values, SMALLEST, LARGEST) - 1)) ** -0.5
        mean = state.guide.mean.copy()
        mean[~state.guide.points] += length * (state.guide.factor @ (vectors @ move))
        factor = state.guide.factor @ (vectors * shrink) @ vectors.T
        guide = FullRank(mean, factor, state.guide.points)
        elbo, slope, curvature = _averages(objective, guide)
        if elbo >= state.elbo - 1e-9 * max(1.0, abs(state.elbo)):
            gradients = state.gradients + halving + 1
            moved = replace(state, guide=guide, elbo=elbo, slope=slope, curvature=curvature)
            return replace(
                moved,
                iterations=state.iterations + 1,
                gradients=gradients,
                trace=(*state.trace, elbo),
            )
        length *= 0.5
    return replace(state, gradients=state.gradients + HALVINGS, outcome="unconverged")


def run(
    objective: Objective,
    guide: Guide,
    iterations: int = MAX_ITERATIONS,
    told: Callable[[float], None] | None = None,
) -> State:
    """Fit from a guide; learned parameters and latents take turns until neither moves.

    `told` hears the ELBO after every turn.
    """
    state = _newton(objective, init(objective, guide), iterations)
    if told is not None:
        told(state.elbo)
    if not guide.points.any():
        return state
    for _ in range(LEARNING_ROUNDS):
        before = state
        state = _newton(objective, _learn(objective, state), iterations)
        if told is not None:
            told(state.elbo)
        moved = np.abs((state.guide.mean - before.guide.mean) / objective.widths)[guide.points]
        if float(np.max(moved)) < CRITERION and state.elbo - before.elbo < CRITERION:
            return state
    return replace(state, outcome="unconverged")


def _newton(objective: Objective, state: State, iterations: int) -> State:
    while state.outcome == "running" and state.iterations < iterations:
        state = step(objective, state)
    return replace(state, outcome="unconverged") if state.outcome == "running" else state


def _learn(objective: Objective, state: State) -> State:
    """Climb by learned parameters, in their units, and the latents' mean, in the guide's."""
    guide = state.guide
    count = int(guide.points.sum())
    widths = objective.widths[guide.points]

    def at(vector: Array) -> FullRank:
        mean = guide.mean.copy()
        mean[guide.points] += widths * vector[:count]
        mean[~guide.points] += guide.factor @ vector[count:]
        return FullRank(mean, guide.factor, guide.points)

    def negative_log_joint(vector: Array) -> tuple[float, Array]:
        values, gradients = evaluate(objective.target, at(vector).place(objective.normals))
        average = gradients.mean(axis=0)
        slope = np.concatenate([average[guide.points] * widths, guide.pull(average[None])[0]])
        return -float(np.mean(values)), -slope

    reach = np.full(count + guide.rank, np.inf)
    problem = lbfgs.Problem(negative_log_joint, -reach, reach)
    found = lbfgs.run(problem, np.zeros(reach.size), LEARNING_ITERATIONS)
    moved = init(objective, at(found.position))
    gradients = state.gradients + found.evaluations + 1
    return replace(moved, gradients=gradients, trace=(*state.trace, moved.elbo))


def _averages(objective: Objective, guide: FullRank) -> tuple[float, Array, Array]:
    normals = objective.normals
    values, gradients = evaluate(objective.target, guide.place(normals))
    pulled = guide.pull(gradients)
    slope = pulled.mean(axis=0)
    half = normals.T @ (pulled - slope) / len(normals)
    entropy = 0.5 * guide.rank * (1 + log(2 * pi)) + guide.log_determinant
    return float(np.mean(values)) + entropy, slope, -0.5 * (half + half.T)


def _away(values: Array) -> Array:
    return np.where(np.abs(values) < 1e-8, 1e-8, values)
