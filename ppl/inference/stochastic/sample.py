"""Plates of very many positions: a sample in memory stands for all, corrected by passes over all.

The optimiser of `optimise` works on a sample of the positions, whose terms are scaled up, plus a
term that is linear in the globals. It makes the gradient at one point, the anchor, that of all
positions (Shamir, Srebro & Zhang 2014, "Communication-efficient distributed optimization using an
approximate Newton-type method"; Jordan, Lee & Yang 2019, "Communication-efficient distributed
statistical inference"). Every round passes over all positions once, in order, for the gradient at
the guide's mean, and fits again; what is left of the error shrinks each time by how much the
sample's curvature differs from that of all. So a file is read a few times, not once for each epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ppl.compile.plates import Subsampled, excerpt, subsampled
from ppl.compile.program import Column
from ppl.data.mapped import rows_of
from ppl.inference.stochastic import checkpoint, optimise
from ppl.inference.stochastic.optimise import Outcome, Plan, State
from ppl.inference.stochastic.order import Every, Some
from ppl.inference.stochastic.problem import Model, Part, Positions, Problem

Array = npt.NDArray[np.float64]

SAMPLED = 1 << 17
"""Plates of more positions are fitted by a sample of so many,"""
LARGEST = 1 << 27
"""or fewer, which take so many bytes of data;"""
FOR_EACH = 64
"""but no fewer than so many for each global latent, or there is no sample."""
STRETCH = 64
"""Neighbours come together into the sample: a file is read at fewer places."""
ENOUGH, ROUNDS = 1e-3, 12
"""The fit ends when the next round would gain less, in nats, if gains go on to shrink as before."""
ROUGH = 0.01
"""The first round ends when gains are this part of what the sample is off by."""
AGAIN = optimise.FIRST_STEP * optimise.SHRINK
"""The step with which later rounds begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A linear term of the globals: at the anchor, (G,), the gradient is that of all positions."""

    anchor: Array
    slope: Array

    def at(self, x: Array) -> Array:
        """Return the term at draws, (S,)."""
        term: Array = (x - self.anchor) @ self.slope
        return term


@dataclass(frozen=True)
class Corrected:
    """A model of a sample's batches, with the correction."""

    model: Subsampled
    correction: Correction

    @property
    def columns(self) -> tuple[Column, ...]:
        """The layout of a batch's vector: globals alone."""
        return self.model.columns

    @property
    def bytes(self) -> int:
        """Bytes of data in a batch."""
        return self.model.bytes

    @property
    def threads(self) -> bool:
        """Whether several threads may work on batches at once."""
        return self.model.threads

    def is_local(self, column: Column) -> bool:
        """Whether columns belong to single positions of the plate."""
        return self.model.is_local(column)

    def batch(self, positions: Positions) -> Part:
        """Return the model on some positions of the sample."""
        return _CorrectedPart(self.model.batch(positions), self.correction)


@dataclass(frozen=True)
class _CorrectedPart:
    part: Part
    correction: Correction

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, gradient = self.part.value_and_gradient(x)
        return value + self.correction.at(x), gradient + self.correction.slope

    def gradient(self, x: Array) -> Array:
        return self.part.gradient(x) + self.correction.slope

    def log_joint(self, x: Array) -> Array:
        return self.part.log_joint(x) + self.correction.at(x)

    def log_likelihood(self, x: Array) -> Array:
        return self.part.log_likelihood(x)


# --------------------------------------------------------------------------------- the sample


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample of the positions that are learned from, compiled; those held out take no part."""

    models: dict[int, Subsampled]
    total: int

    def problem(self, whole: Problem, correction: Correction | None = None) -> Problem:
        """Return the problem of the sample, with a correction if there is one."""
        models: dict[int, Model] = dict(self.models)
        if correction is not None:
            models = {s: Corrected(m, correction) for s, m in self.models.items()}
        return replace(
            whole,
            models=models,
            total=self.total,
            training=Every(self.total),
            held_out=np.zeros(0, np.intp),
            mapped=(),
            places={},
        )


def sampled(problem: Problem, seed: int) -> Sample | None:
    """Take a sample of a large problem into memory, and compile its batches.

    Returns None where positions have latents of their own, or the sample would be all.
    """
    model = problem.models[problem.batch]
    if problem.guide.latents or not isinstance(model, Subsampled):
        return None
    count = _size(problem, model)
    globals = problem.places_of(problem.batch).globals.size
    if count >= len(problem.training) or count < FOR_EACH * globals:
        return None
    rng = np.random.default_rng([seed, 12])
    part = excerpt(model.bound, model.plate, spread(rng, problem.training, count))
    problem.let_go()
    stands_for = len(problem.training)
    models = {problem.batch: subsampled(part, model.plate, problem.batch, stands_for)}
    return Sample(models, count)


def _size(problem: Problem, model: Subsampled) -> int:
    """Return how many positions a sample has: whole batches."""
    bound = model.bound
    rows = [
        rows_of(values, LARGEST)
        for name, values in bound.data.items()
        if name in bound.graph.variables
        and any(a.dimension == model.plate for a in bound.graph.variables[name].axes)
    ]
    return max(1, min([SAMPLED, *rows]) // problem.batch) * problem.batch


def spread(rng: np.random.Generator, some: Some, count: int, longest: int = STRETCH) -> Positions:
    """Choose rising positions in stretches of neighbours, one at random in each equal part."""
    stretch = max(1, min(longest, len(some) // max(1, count)))
    stretches = -(-count // stretch)
    ends = np.linspace(0, len(some), stretches + 1).astype(np.intp)
    room = np.maximum(1, np.diff(ends) - stretch + 1)
    first = ends[:-1] + (rng.random(stretches) * room).astype(np.intp)
    numbers = (first[:, None] + np.arange(stretch)).ravel()[:count]
    return some[numbers]


# --------------------------------------------------------------------------------- the rounds


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """Where the rounds stand; all that they need to go on.

    Attributes
    ----------
    fit
        The optimiser on the sample, in this round.
    phase
        Whether it is at work, or a pass over all.
    correction
        Of this round; of the first, none.
    before
        The ELBO at this round's start, with its correction, in nats.
    place, passed
        How many batches of the pass over all are done, and the sum of their gradients, (G,).
    gains
        What every round but the first gained, in nats.
    """

    fit: State
    phase: Literal["fit", "pass"] = "fit"
    correction: Correction | None = None
    before: float = -np.inf
    place: int = 0
    passed: Array | None = None
    gains: tuple[float, ...] = ()
    outcome: Outcome = "running"


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A large problem with its sample, and how to optimise."""

    plan: Plan
    sample: Sample

    def of(self, correction: Correction | None) -> Plan:
        """Return how to optimise the sample in a round."""
        problem = self.sample.problem(self.plan.problem, correction)
        tolerance = self.plan.tolerance
        if correction is None:
            times = len(self.plan.problem.training) / self.sample.total
            tolerance = max(tolerance, ROUGH * problem.guide.normals * times / 2)
        return replace(self.plan, problem=problem, tolerance=tolerance)


Kept = Callable[[Rounds], None]


def init(work: Work) -> Rounds:
    """Return the state at the start."""
    return Rounds(optimise.init(work.of(None)))


def run(work: Work, rounds: Rounds, keep: Kept | None = None) -> Rounds:
    """Go on until another round would gain nothing; `keep` is given the state now and then."""
    while rounds.outcome == "running":
        if rounds.phase == "fit":
            kept = None if keep is None else lambda fit, at=rounds: keep(replace(at, fit=fit))
            rounds = replace(rounds, fit=optimise.run(work.of(rounds.correction), rounds.fit, kept))
            rounds = replace(_judged(rounds), phase="pass")
        else:
            rounds = _again(work, _over_all(work, rounds, keep))
        if keep is not None:
            keep(rounds)
    return rounds


def _judged(rounds: Rounds) -> Rounds:
    """End, if the fit of this round says so."""
    if rounds.fit.outcome != "converged":
        return replace(rounds, outcome=rounds.fit.outcome)
    if rounds.correction is None:
        return rounds
    gain = rounds.fit.best_elbo - rounds.before
    last = rounds.gains[-1] if rounds.gains else gain
    gains = (*rounds.gains, gain)
    if gain * min(1.0, gain / last if last > 0 else 1.0) < ENOUGH:
        return replace(rounds, gains=gains, outcome="converged")
    return replace(
        rounds, gains=gains, outcome="unconverged" if len(gains) >= ROUNDS else "running"
    )


def _anchor(plan: Plan, numbers: Array) -> Array:
    normals = np.zeros((1, plan.problem.guide.normals))
    mean: Array = plan.problem.guide.place(numbers, normals)[0]
    return mean


def _over_all(work: Work, rounds: Rounds, keep: Kept | None) -> Rounds:
    """Pass over all positions for the gradient at the guide's mean."""
    where = _anchor(work.plan, rounds.fit.best)

    def between(place: int, total: Array) -> None:
        if keep is not None:
            keep(replace(rounds, place=place, passed=total.copy()))

    passed = gradient_over_all(work.plan.problem, where, rounds.place, rounds.passed, between)
    return replace(rounds, passed=passed)


def gradient_over_all(
    problem: Problem,
    where: Array,
    place: int = 0,
    passed: Array | None = None,
    keep: Callable[[int, Array], None] | None = None,
) -> Array:
    """Return the gradient of the log joint at globals, (G,), over all positions.

    Parameters
    ----------
    place, passed
        How many batches were passed before, and the sum of theirs.
    keep
        Is given both, after every `KEEP_EVERY` seconds.
    """
    total = np.zeros(where.size) if passed is None else passed.copy()
    count, kept = len(problem.training), monotonic()

    def gradient(_: int, positions: Positions) -> Array:
        part = problem.models[len(positions)].batch(positions)
        found: Array = part.gradient(where[None])[0]
        return found * (len(positions) / count)

    for found in problem.each(problem.passing(problem.training, place), 1, gradient):
        total += found
        place += 1
        if keep is not None and monotonic() - kept >= optimise.KEEP_EVERY:
            keep(place, total)
            kept = monotonic()
    return total


def _again(work: Work, rounds: Rounds) -> Rounds:
    """Begin a round with the correction that a pass over all gives."""
    assert rounds.passed is not None
    plan = work.of(None)
    anchor = _anchor(plan, rounds.fit.best)
    slope = rounds.passed - gradient_over_all(plan.problem, anchor)
    if not np.isfinite(slope).all():
        return replace(rounds, outcome="undefined")
    correction = Correction(anchor, slope)
    plan = work.of(correction)
    before = optimise.evaluate(plan, rounds.fit.best, None)
    begun = optimise.init(plan)
    fit = replace(
        begun,
        numbers=rounds.fit.best,
        best=rounds.fit.best,
        best_elbo=before,
        anchor=anchor,
        anchor_gradient=rounds.passed,
        step_size=AGAIN,
        trace=rounds.fit.trace,
    )
    return Rounds(fit, "fit", correction, before, gains=rounds.gains)


# ----------------------------------------------------------------------------------- keeping


def kept_in(file: checkpoint.File) -> Kept:
    """Return the function that keeps the state in a file."""

    def keep(rounds: Rounds) -> None:
        header, arrays = checkpoint.parts_of(rounds.fit)
        header |= {"before": rounds.before, "place_of_pass": rounds.place, "phase": rounds.phase}
        header |= {"gains": rounds.gains, "outcome_of_rounds": rounds.outcome}
        if rounds.correction is not None:
            arrays |= {"anchor_of_all": rounds.correction.anchor, "slope": rounds.correction.slope}
        if rounds.passed is not None:
            arrays["passed"] = rounds.passed
        file.write(header, arrays)

    return keep


def restored(file: checkpoint.File, rounds: Rounds) -> Rounds:
    """Return the state in a file; the one given where there is no file."""
    found = file.read()
    if found is None:
        return rounds
    header, arrays = found
    correction: Any = None
    if "slope" in arrays:
        correction = Correction(arrays["anchor_of_all"], arrays["slope"])
    return Rounds(
        checkpoint.state_of(rounds.fit, header, arrays),
        header["phase"],
        correction,
        header["before"],
        header["place_of_pass"],
        arrays.get("passed"),
        tuple(header["gains"]),
        header["outcome_of_rounds"],
    )
