"""The rung for many latents that are coupled along a chain or a grid: Newton's steps, sparse.

As the full-rank rung does, this one averages the gradient and the curvature over the guide's own
draws, moves the mean by a Newton step, and takes minus the averaged Hessian as the precision, which
is where the ELBO of a normal guide has its optimum (Opper & Archambeau 2009). The Hessian is
measured by differences of the gradient, few of them thanks to its pattern.

Scales of a chain move slowly by such steps, as those of the EM algorithm do. So the locals settle
for each value of the globals' mean, and that climbs the ELBO of the settled guide by L-BFGS: with
the locals at their optimum, its gradient is that of the globals alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.guide.arrow import Arrow
from ppl.guide.band import factored
from ppl.guide.gaussian import entropy
from ppl.inference import lbfgs
from ppl.inference.pattern import Pattern
from ppl.inference.target import Target, blocks_of, evaluate

Array = npt.NDArray[np.float64]
Outcome = Literal["running", "converged", "unconverged"]

STEP = 0.3
"""Differences are taken over so many widths to both sides."""
SETTLING, HALVINGS, CLIMBING = 12, 8, 40
"""At most so many Newton steps of the locals, halvings of each, and iterations of the globals."""
CRITERION, NEARLY, NOISE = 0.02, 0.3, 1e-3
"""Locals have settled at the first distance; below the second, the ELBO on few draws may fall by
the third for each column, as these draws' optimum is not quite that of their averaged curvature."""
CLOSE, SMALL = 0.1, 0.03
"""The globals have converged when their slopes, in units of their widths, are below the first;
slopes below the second are within the noise of settling, and count as none."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A target with its pattern, the draws (M, D) to average over, and a width of each column."""

    target: Target
    pattern: Pattern
    normals: Array
    widths: Array


@dataclass(frozen=True, slots=True, eq=False)
class Precision:
    """A symmetric matrix: globals (k, k), between globals and locals (k, n), entries of locals."""

    own: Array
    between: Array
    local: Array

    def mixed(self, other: Precision, share: float) -> Precision:
        """Return this with a share of the other."""
        return Precision(
            self.own + share * (other.own - self.own),
            self.between + share * (other.between - self.between),
            self.local + share * (other.local - self.local),
        )


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the fit stands.

    Attributes
    ----------
    guide, precision
        The guide, and its precision.
    elbo, slope
        On the draws, in nats, and the averaged gradient, (D,).
    gradients
        Evaluations of the batched gradient.
    outcome
        ``running``, ``converged``, or ``unconverged``.
    """

    guide: Arrow
    precision: Precision
    elbo: float
    slope: Array
    gradients: int = 0
    outcome: Outcome = "running"

    @property
    def converged(self) -> bool:
        """Whether locals and globals have settled."""
        return self.outcome == "converged"


def init(problem: Problem, mean: Array) -> State | None:
    """Start with the curvature at a mean, (D,); None if it has no finite density."""
    found = _curvature(problem, mean[None])
    damping = 0.0
    for _ in range(HALVINGS):
        precision = _damped(found, problem, damping)
        guide = _guide(problem, mean, precision)
        if guide is not None:
            elbo, slope = _averages(problem, guide)
            if np.isfinite(elbo):
                spent = 2 * _differences(problem) + 2
                return State(guide, precision, elbo, slope, spent)
        damping = max(4 * damping, 0.1)
    return None


def step(problem: Problem, state: State) -> State:
    """Take one Newton step of the locals, halved until the ELBO rises."""
    local = ~problem.pattern.shared
    wanted = _curvature(problem, state.guide.place(problem.normals))
    pulled = state.guide.band.pull(state.slope[None, local])
    before, after = _diagonal(problem, state.precision), _diagonal(problem, wanted)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.abs(np.log(after / before))
    change = np.where(np.isfinite(change), change, np.inf)
    criterion = float(max(np.max(np.abs(pulled)), np.max(change)))
    spent = state.gradients + 2 * _differences(problem)
    if criterion < CRITERION:
        return replace(state, gradients=spent, outcome="converged")
    least = state.elbo - (NOISE * pulled.size if criterion < NEARLY else 1e-9 * abs(state.elbo))
    length = 1.0
    for halving in range(HALVINGS):
        precision = state.precision.mixed(wanted, length)
        frame = _guide(problem, state.guide.mean, precision)
        if frame is not None:
            normals = frame.band.pull(state.slope[None, local])
            norm = float(np.linalg.norm(normals))
            reach = min(1.0, max(3.0, sqrt(normals.size)) / norm) if norm > 0 else 1.0
            mean = frame.mean.copy()
            mean[local] += length * reach * frame.band.place(normals)[0]
            guide = replace(frame, mean=mean)
            elbo, slope = _averages(problem, guide)
            if elbo >= least:
                return State(guide, precision, elbo, slope, spent + halving + 1)
        length *= 0.5
    outcome: Outcome = "converged" if criterion < NEARLY else "unconverged"
    return replace(state, gradients=spent + HALVINGS, outcome=outcome)


def settled(problem: Problem, state: State) -> State:
    """Let the locals settle with the globals where they are."""
    state = replace(state, outcome="running")
    for _ in range(SETTLING):
        state = step(problem, state)
        if state.outcome != "running":
            return state
    return replace(state, outcome="unconverged")


def moved(problem: Problem, state: State, by: Array) -> State | None:
    """Move the globals' mean by (k,), the locals along, and let these settle."""
    mean = state.guide.mean.copy()
    mean[problem.pattern.shared] += by
    mean[~problem.pattern.shared] += state.guide.response @ by
    guide = replace(state.guide, mean=mean)
    elbo, slope = _averages(problem, guide)
    if not np.isfinite(elbo):
        return None
    moved = State(guide, state.precision, elbo, slope, state.gradients + 1)
    return settled(problem, moved)


def run(problem: Problem, mean: Array) -> State | None:
    """Fit from a mean, (D,)."""
    start = init(problem, mean)
    if start is None:
        return None
    best = settled(problem, start)
    count = int(np.count_nonzero(problem.pattern.shared))
    if not count:
        return best
    centre, units = best.guide.mean[problem.pattern.shared], best.guide.factor
    last = best

    def negative_elbo(vector: Array) -> tuple[float, Array]:
        nonlocal best, last
        by = centre + units @ vector - last.guide.mean[problem.pattern.shared]
        found = moved(problem, last, by)
        if found is None or found.outcome != "converged":
            last = replace(last, gradients=found.gradients if found else last.gradients + 1)
            return np.inf, np.zeros(count)
        last = found
        best = found if found.elbo > best.elbo else best
        slopes = found.slope[problem.pattern.shared] @ units
        small = float(np.max(np.abs(slopes))) < SMALL
        return -found.elbo, np.zeros(count) if small else -slopes

    reach = np.full(count, np.inf)
    lbfgs.run(lbfgs.Problem(negative_elbo, -reach, reach), np.zeros(count), CLIMBING)
    slopes = best.slope[problem.pattern.shared] @ best.guide.factor
    close = best.converged and float(np.max(np.abs(slopes))) < CLOSE
    return replace(best, gradients=last.gradients, outcome="converged" if close else "unconverged")


def _averages(problem: Problem, guide: Arrow) -> tuple[float, Array]:
    total, slope = 0.0, np.zeros(guide.mean.size)
    positions = guide.place(problem.normals)
    for part in blocks_of(*positions.shape):
        values, gradients = evaluate(problem.target, positions[part])
        total += float(np.sum(values))
        slope += gradients.sum(axis=0)
    return total / len(positions) + entropy(guide), slope / len(positions)


def _differences(problem: Problem) -> int:
    """Return how many columns or groups of them are moved."""
    pattern = problem.pattern
    return int(np.count_nonzero(pattern.shared)) + int(pattern.colours.max(initial=-1)) + 1


def _curvature(problem: Problem, positions: Array) -> Precision:
    """Return minus the Hessian averaged over positions (M, D)."""
    pattern, step = problem.pattern, STEP * problem.widths
    first, local = np.flatnonzero(pattern.shared), np.flatnonzero(~pattern.shared)
    rows = np.array([_averaged_difference(problem, positions, np.array([i])) for i in first])
    rows = rows.reshape(first.size, positions.shape[1]) / step[first, None]
    entries = np.empty(pattern.rows.size)
    for moved, chosen in _by_colour(pattern):
        difference = _averaged_difference(problem, positions, local[moved])
        entries[chosen] = difference[local[pattern.rows[chosen]]]
    entries /= step[local[pattern.columns]]
    own = rows[:, first]
    return Precision(0.5 * (own + own.T), rows[:, local], _symmetric(pattern, entries))


def local_curvatures(problem: Problem, positions: Array) -> Array:
    """Return the locals' entries of minus the Hessian at every position (S, D), (S, e)."""
    pattern, step = problem.pattern, STEP * problem.widths
    local = np.flatnonzero(~pattern.shared)
    entries = np.empty((len(positions), pattern.rows.size))
    for moved, chosen in _by_colour(pattern):
        difference = _difference(problem, positions, local[moved])
        entries[:, chosen] = difference[:, local[pattern.rows[chosen]]]
    return _symmetric(pattern, entries / step[local[pattern.columns]])


def _by_colour(pattern: Pattern) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]]:
    """Yield for every colour the locals that have it, and the entries in their columns."""
    for colour in range(int(pattern.colours.max(initial=-1)) + 1):
        yield np.flatnonzero(pattern.colours == colour), pattern.colours[pattern.columns] == colour


def _symmetric(pattern: Pattern, entries: Array) -> Array:
    """Return entries (..., e) averaged with those on the other side of the diagonal."""
    size = pattern.order.size
    there = np.argsort(pattern.rows * size + pattern.columns)
    back = np.argsort(pattern.columns * size + pattern.rows)
    both = np.empty_like(entries)
    both[..., there] = 0.5 * (entries[..., there] + entries[..., back])
    return both


def _difference(problem: Problem, positions: Array, moved: npt.NDArray[np.intp]) -> Array:
    """Return minus half the difference of the gradient when columns move, (M, D)."""
    by = np.zeros(positions.shape[1])
    by[moved] = STEP * problem.widths[moved]
    before = evaluate(problem.target, positions - by)[1]
    after = evaluate(problem.target, positions + by)[1]
    return 0.5 * (before - after)


def _averaged_difference(problem: Problem, positions: Array, moved: npt.NDArray[np.intp]) -> Array:
    """Return the mean of the differences over all positions, (D,)."""
    total = np.zeros(positions.shape[1])
    for part in blocks_of(*positions.shape):
        total += _difference(problem, positions[part], moved).sum(axis=0)
    return total / len(positions)


def _diagonal(problem: Problem, precision: Precision) -> Array:
    pattern = problem.pattern
    own = np.empty(pattern.order.size)
    same = pattern.rows == pattern.columns
    own[pattern.rows[same]] = precision.local[same]
    return np.concatenate([np.diagonal(precision.own), own])


def _damped(precision: Precision, problem: Problem, damping: float) -> Precision:
    """Add to the diagonal a part of the widths' own precisions."""
    if not damping:
        return precision
    pattern, more = problem.pattern, damping / problem.widths**2
    local = precision.local.copy()
    same = pattern.rows == pattern.columns
    local[same] += more[~pattern.shared][pattern.rows[same]]
    return replace(precision, own=precision.own + np.diag(more[pattern.shared]), local=local)


def _guide(problem: Problem, mean: Array, precision: Precision) -> Arrow | None:
    """Return the guide with a mean and a precision; None if that is not positive definite."""
    pattern = problem.pattern
    band = factored(pattern.rows, pattern.columns, precision.local, pattern.order, pattern.width)
    if band is None:
        return None
    response = -band.solve(precision.between)
    own = precision.own + precision.between @ response.T
    try:
        factor = np.linalg.inv(np.linalg.cholesky(0.5 * (own + own.T))).T
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(factor).all():
        return None
    points = np.zeros(mean.size, dtype=np.bool_)
    return Arrow(mean, pattern.shared, factor, response.T, band, points)
