"""The answer of a guide that the user forces, or of minibatches: fitted, drawn from, judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint, compile_bound
from ppl.compile.plates import (
    Obstacle,
    Subsampled,
    cannot_batch,
    check_networks,
    excerpt,
    has_locals,
    mapped_over,
    network_line,
    obstacle,
    plate_of,
    subsampled,
)
from ppl.compile.program import Column
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.guide.composite import Composite
from ppl.guide.layout import Layout
from ppl.guide.network import Network
from ppl.guide.rows import Amortized, Rows
from ppl.inference.climb import Begun, Progress, Reached
from ppl.inference.compiled import CompiledTarget
from ppl.inference.objective import Elbo
from ppl.inference.result import Inference, Rung, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.stochastic import checkpoint, optimise, sample, weigh
from ppl.inference.stochastic.form import factors_of, learned_of, line_for, name_of
from ppl.inference.stochastic.inputs import DataInputs
from ppl.inference.stochastic.judge import judge
from ppl.inference.stochastic.order import Cut, Every, Some
from ppl.inference.stochastic.problem import (
    Guided,
    Learned,
    Model,
    Part,
    Positions,
    Problem,
    local_of,
    normals_for,
    places_of,
    values,
)
from ppl.inference.stochastic.room import Short
from ppl.inference.stochastic.start import ascended, from_meanfield, widths_at
from ppl.text import ModelError, UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from ppl.inference.stochastic.on_jax import Steps

Array = npt.NDArray[np.float64]

DEFAULT_BATCH, WHOLE = 256, 256
"""Positions of a batch for a network's plate, unless the plate has no more than `WHOLE`."""
LOCAL_BATCH, GLOBAL_BATCH = 1024, 8192
"""Positions of a batch where full passes do not fit: with latents of their own, and without."""
PAIRS_WHOLE, PAIRS_GLOBAL, PAIRS_LOCAL = 16, 2, 1
DENSE = 128
"""Up to so many global latents vary jointly in minibatches, if the user does not say otherwise."""
TOLERANCE, TOLERANCE_EACH = 0.01, 5e-5
"""A gain that counts, in nats: in all, and for each position that has latents."""
HANDED_OUT = 2**24
SHOWN = 1000
"""Positions of a plate whose data lie in a file that the answer has latents and checks of."""
REPORTED_PAIRS = 8


def wanted(bound: BoundGraph, settings: Settings) -> bool:
    """Whether a model is fitted here: the user forces a guide, or asks for minibatches."""
    if settings.batch or settings.validation or settings.checkpoint:
        return True
    block = bound.graph.guide
    return block is not None and bool(block.lines or block.default)


@dataclass(frozen=True)
class Whole:
    """A compiled model as one batch: there is no plate."""

    joint: LogJoint

    @property
    def columns(self) -> tuple[Column, ...]:
        """The layout of the vector."""
        return self.joint.program.columns

    @property
    def bytes(self) -> int:
        """There is one batch, and nothing to share out."""
        return 0

    @property
    def threads(self) -> bool:
        """There is one batch."""
        return False

    def is_local(self, column: Column) -> bool:
        """No columns are of single positions."""
        return False

    def batch(self, positions: Positions) -> Part:
        """Return the model."""
        return _Part(self.joint)


@dataclass(frozen=True)
class _Part:
    joint: LogJoint

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.joint.gradient.value_and_gradient(x)

    def gradient(self, x: Array) -> Array:
        return self.joint.gradient.value_and_gradient(x)[1]

    def log_joint(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self.joint.log_joint(x), float), (len(x),))

    def log_likelihood(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self.joint.log_likelihood(x), float), (len(x),))


# --------------------------------------------------------------------------------- the problem


def chosen_plate(bound: BoundGraph, settings: Settings, lacking: Short | None = None) -> str | None:
    """Return the plate of the minibatches, if there is to be one.

    Raises
    ------
    ModelError
        If the plate that is needed cannot be cut into batches.
    """
    line = network_line(bound)
    if line is not None:
        plate = bound.graph.variables[line.names[0]].axes[0].dimension
        assert plate is not None
        check_networks(bound)
        return plate
    if lacking is not None:
        return lacking.plate
    if not (settings.batch or settings.validation):
        return None
    plate = plate_of(bound)
    if plate is None:
        largest = max(bound.sizes, key=lambda name: bound.sizes[name], default=None)
        if largest is None:
            raise UsageError((USAGE("the model has no plate to take minibatches of"),))
        found = obstacle(bound, largest) or Obstacle("it is not a plate", None)
        raise cannot_batch(bound, largest, found)
    return plate


@dataclass(frozen=True, eq=False)
class Setting:
    """A problem with what is known of the whole model."""

    problem: Problem
    joint: LogJoint
    plate: str | None
    automatic: str
    sample: sample.Sample | None = None


def set_up(bound: BoundGraph, settings: Settings, lacking: Short | None = None) -> Setting:
    """Cut the model into batches and give its guide a form.

    Where full passes are `lacking` the memory for them, nothing is made of all positions.
    """
    rng = np.random.default_rng([settings.seed, 7])
    plate = chosen_plate(bound, settings, lacking)
    mapped = mapped_over(bound, plate) if plate is not None else ()
    joint = _shown(bound, plate if mapped or lacking is not None else None, settings)
    total = bound.sizes[plate] if plate is not None else 1
    training, held_out = _split(total if plate else 1, settings, rng)
    if lacking is not None:
        batch = _batch_within(bound, lacking)
    else:
        batch = _batch_size(len(training), settings) if plate else 1
    models: dict[int, Model] = {}
    for size in Cut(training, batch).sizes | Cut(held_out, batch).sizes | {batch}:
        if plate is None:
            models[size] = Whole(joint)
        elif size:
            models[size] = subsampled(bound, plate, size, len(training))
    model = models[batch]
    places = places_of(model, batch)
    latents = places.locals.shape[1]
    _check_locals(bound, model)
    line = network_line(bound)
    network, inputs = None, None
    if line is not None and latents:
        source = model.bound if isinstance(model, Subsampled) else bound
        inputs = DataInputs(source, line.inputs)
        shift, spread = inputs.scaling(total)
        network = Amortized(Network((inputs.width, *line.hidden, 2 * latents)), shift, spread)
    guide = Guided((), Learned(places.globals[:0], np.zeros(0), np.zeros(0)), network, latents)
    problem = Problem(models, total, training, held_out, guide, inputs, batch, mapped)
    return _with_guide(problem, joint, plate, settings, rng)


def _split(total: int, settings: Settings, rng: np.random.Generator) -> tuple[Some, Positions]:
    count = round(settings.validation * total)
    if not count or total < 2:
        return Every(total), np.zeros(0, np.intp)
    held_out = np.sort(rng.choice(total, min(count, total - 1), replace=False))
    return np.setdiff1d(np.arange(total), held_out), held_out


def _shown(bound: BoundGraph, plate: str | None, settings: Settings) -> LogJoint:
    """Compile what the answer is reported of: of a plate that is not held whole, some positions.

    They are the first ones if they have latents, else spread over all.
    """
    if plate is None:
        return compile_bound(bound, backend=settings.backend)
    total = bound.sizes[plate]
    count = min(SHOWN, total)
    positions = np.arange(count)
    if not has_locals(bound, plate):
        rng = np.random.default_rng([settings.seed, 13])
        positions = sample.spread(rng, Every(total), count, 1)
    return compile_bound(excerpt(bound, plate, positions))


def _batch_size(count: int, settings: Settings) -> int:
    if settings.batch:
        return min(settings.batch, count)
    return count if count <= WHOLE else DEFAULT_BATCH


def _batch_within(bound: BoundGraph, lacking: Short) -> int:
    """Return the size of batches that nobody chose."""
    local = has_locals(bound, lacking.plate)
    return min(LOCAL_BATCH if local else GLOBAL_BATCH, bound.sizes[lacking.plate])


def _check_locals(bound: BoundGraph, model: Model) -> None:
    """Refuse families that minibatches do not have for latents of single positions."""
    for column in model.columns:
        line = line_for(bound.graph.guide, name_of(column))
        if model.is_local(column) and line is not None:
            if line.family not in ("meanfield", "amortized"):
                raise ModelError(
                    (
                        kinds.GUIDE_FAMILY(
                            f"minibatches cannot fit `{line.family}` to `{name_of(column)}`, which "
                            "has a value for each position of the batch",
                            line.span,
                            help="write `meanfield` or `amortized(...)`, or leave out `batch`",
                        ),
                    ),
                    bound.graph.source,
                )
        elif line is not None and line.family == "amortized":
            raise ModelError(
                (
                    kinds.GUIDE_INPUT(
                        f"`{name_of(column)}` has no value for each position of the plate",
                        line.span,
                    ),
                ),
                bound.graph.source,
            )


def _with_guide(
    problem: Problem,
    joint: LogJoint,
    plate: str | None,
    settings: Settings,
    rng: np.random.Generator,
) -> Setting:
    """Choose where the guide of the globals starts, and what it is made of."""
    model = problem.models[problem.batch]
    target = CompiledTarget(joint)
    shared = [c for c in model.columns if not model.is_local(c)]
    full = {c.key: c for c in joint.program.columns}
    start = np.concatenate(
        [np.zeros(0), *(target.start[full[c.key].start : full[c.key].stop] for c in shared)]
    )
    where: list[tuple[Column, Positions]] = []
    count = 0
    for column in shared:
        size = column.stop - column.start
        where.append((column, np.arange(count, count + size)))
        count += size
    points = [(c, w) for c, w in where if c.kind == "parameter"]
    latents = [(c, w) for c, w in where if c.kind == "latent"]
    part = sample.sampled(problem, settings.seed)
    rank = sum(w.size for _, w in latents)
    learned = learned_of(points, start, rng)
    automatic = _automatic(settings, plate, rank, problem.guide.latents)
    centre, widths = start, np.ones(count)
    if rank and plate is None:
        centre, widths = from_meanfield(target, settings, start)
        at = learned.columns
        learned = Learned(at, centre[at], np.minimum(learned.pace, 0.3))
    elif rank:
        small = part.problem(problem) if part else problem
        widths = widths_at(small, start, learned, latents)
        if part:
            centre, widths = ascended(small, start, learned, widths, latents)
            learned = Learned(learned.columns, centre[learned.columns], learned.pace)
    factors = factors_of(joint.bound.graph.guide, latents, centre, widths, automatic)
    guide = Guided(factors, learned, problem.guide.network, problem.guide.latents)
    settled = replace(problem, guide=guide)
    return Setting(settled, joint, plate, automatic, part)


def _automatic(settings: Settings, plate: str | None, rank: int, latents: int) -> str:
    """Return the family of the globals that no line of the guide speaks of."""
    if settings.guide == "fullrank":
        return "fullrank"
    dense = settings.guide == "auto" and plate is not None and not latents and rank <= DENSE
    return "fullrank" if dense else "meanfield"


# ---------------------------------------------------------------------------------- the answer


def infer(
    bound: BoundGraph,
    settings: Settings,
    progress: Progress | None = None,
    lacking: Short | None = None,
) -> Inference:
    """Fit the guide that the user forces, or fit by minibatches, and judge the answer.

    `lacking` says that minibatches are taken because full passes do not fit into memory.

    Raises
    ------
    UsageError
        If a rung is asked for to which such a guide does not climb.
    """
    if settings.method in ("is", "hmc"):
        message = f"`method` is {settings.method!r}, and a forced guide does not climb there"
        help = "leave out `method`, or else the guide and the options of minibatches"
        raise UsageError((USAGE(message, help=help),))
    began = perf_counter()
    setting = set_up(bound, settings, lacking)
    problem, joint = setting.problem, setting.joint
    local = problem.guide.latents > 0
    if setting.plate is None:
        pairs = PAIRS_WHOLE
    else:
        pairs = PAIRS_LOCAL if local else PAIRS_GLOBAL
    tolerance = TOLERANCE + (TOLERANCE_EACH * len(problem.training) if local else 0.0)
    controlled = setting.plate is not None and not local
    steps = None
    if settings.backend == "jax" and setting.sample is None:
        steps = _steps_on_jax(setting)
    plan = optimise.Plan(problem, settings.seed, pairs, controlled, tolerance, backend=steps)
    file = None
    if settings.checkpoint:
        file = checkpoint.File(settings.checkpoint, checkpoint.signature(bound, settings))
    name = "minibatch" if setting.plate is not None else "guide"
    tell = _telling(progress, name)
    rounds, stand_in = None, None
    if setting.sample is None:
        state = _fitted(plan, file, tell)
    else:
        work = sample.Work(plan, setting.sample)
        rounds = _fitted_in_rounds(work, file, tell)
        state = replace(rounds.fit, outcome=rounds.outcome)
        stand_in = work.of(rounds.correction).problem
    if state.rows is not None:
        for positions in (problem.training, problem.held_out):
            optimise.settle(plan, state.best, state.rows, positions, state.steps)
    elbo = _reported(plan, state)
    rungs = (Rung(name, elbo.value, perf_counter() - began, state.trace),)
    if progress is not None:
        progress(rungs[-1])
    draws = _draws(setting, state, settings)
    guide = _composite(setting, state, draws)
    judged = judge(setting.problem, plan, state, elbo, CompiledTarget(joint), stand_in)
    uniform = np.full(len(draws), -np.log(len(draws)))
    return Inference(
        target=CompiledTarget(joint),
        guide=guide,
        draws=draws,
        weighted=WeightedDraws(draws, uniform),
        elbo=elbo,
        log_evidence=None,
        khat=judged.khat,
        khat_quantity=None,
        ess=judged.ess,
        rhat=None,
        gradients=state.steps,
        verdict=judged.verdict,
        source="guide",
        rungs=rungs,
        held_out=weigh.held_out(problem, state.best, state.rows, settings.seed),
        notes=(
            *_why(lacking),
            *_told(setting, settings, steps, state, rounds),
            *_held_out(plan, state),
            *judged.notes,
        ),
    )


Telling = Callable[[optimise.State], None]


def _fitted(plan: optimise.Plan, file: checkpoint.File | None, tell: Telling) -> optimise.State:
    """Optimise, from where a file stands, if there is one."""
    state = optimise.init(plan)
    found = file.read() if file is not None else None
    if found is not None:
        state = checkpoint.state_of(state, *found)

    def keep(state: optimise.State) -> None:
        if file is not None:
            file.write(*checkpoint.parts_of(state))
        tell(state)

    return optimise.run(plan, state, keep)


def _fitted_in_rounds(
    work: sample.Work, file: checkpoint.File | None, tell: Telling
) -> sample.Rounds:
    """Optimise on the sample, from where a file stands, if there is one."""
    rounds = sample.init(work)
    if file is not None:
        rounds = sample.restored(file, rounds)
    write = sample.kept_in(file) if file is not None else None

    def keep(rounds: sample.Rounds) -> None:
        if write is not None:
            write(rounds)
        tell(rounds.fit)

    return sample.run(work, rounds, keep)


def _telling(progress: Progress | None, name: str) -> Telling:
    """Return what tells of the ELBO after every window."""
    if progress is None:
        return lambda state: None
    progress(Begun(name))
    return lambda state: progress(Reached(name, state.best_elbo))


def _steps_on_jax(setting: Setting) -> Steps | None:
    """Return compiled steps of minibatches."""
    if setting.plate is None:
        return None
    from ppl.inference.stochastic.on_jax import steps_for

    return steps_for(setting.problem)


def _reported(plan: optimise.Plan, state: optimise.State) -> Elbo:
    """Estimate the ELBO from fresh draws, over all that was learned from."""
    problem = plan.problem
    rng = np.random.default_rng([plan.seed, 5])
    pairs = REPORTED_PAIRS if problem.guide.latents or problem.total > 1 else 256
    likelihoods = np.zeros(2 * pairs)
    total = np.zeros(2 * pairs)
    shared = normals_for(problem, rng, pairs, 1)[0]
    count = len(problem.training)

    def of_batch(_: int, positions: Positions) -> tuple[Array, Array]:
        own = np.zeros((2 * pairs, len(positions), 0))
        if problem.guide.latents:
            own = normals_for(problem, rng, pairs, len(positions))[1]
        elbo, likelihood = values(problem, state.best, state.rows, positions, (shared, own))
        share = len(positions) / count
        return elbo * share, likelihood * share

    together = 0 if problem.guide.latents else 2 * pairs
    for elbo, likelihood in problem.each(problem.passing(problem.training), together, of_batch):
        total += elbo
        likelihoods += likelihood
    finite = np.isfinite(total) & np.isfinite(likelihoods)
    failed = int(np.count_nonzero(~finite))
    if failed == total.size:
        return Elbo(-np.inf, -np.inf, 0.0, np.inf, failed)
    mirrored = total.reshape(2, -1).mean(axis=0)
    mirrored = mirrored[np.isfinite(mirrored)]
    error = float(mirrored.std() / np.sqrt(max(1, mirrored.size)))
    value, expected = float(total[finite].mean()), float(likelihoods[finite].mean())
    return Elbo(value, expected, expected - value, error, failed)


def _draws(setting: Setting, state: optimise.State, settings: Settings) -> Array:
    """Return draws of the guide over all columns of the whole model, (n, D)."""
    problem, program = setting.problem, setting.joint.program
    count = max(1, min(settings.draws, HANDED_OUT // max(1, program.dimension)))
    rng = np.random.default_rng([settings.seed, 6])
    normals = rng.standard_normal((count, problem.guide.normals))
    draws = np.empty((count, program.dimension))
    model = problem.models[problem.batch]
    shown = setting.joint.bound.sizes[setting.plate] if setting.plate is not None else 1
    shared: list[Positions] = [np.zeros(0, np.intp)]
    own: list[Positions] = []
    for column in program.columns:
        each = np.arange(column.start, column.stop)
        if model.is_local(column):
            own.append(each.reshape(shown, -1))
        else:
            shared.append(each)
    draws[:, np.concatenate(shared)] = problem.guide.place(state.best, normals)
    if own:
        where = np.concatenate(own, axis=1)
        for positions in Cut(Every(shown), max(1, 2**20 // count)):
            local = local_of(problem, state.best, state.rows, positions)
            assert local is not None
            noise = rng.standard_normal((count, *local.mean.shape))
            draws[:, where[positions].ravel()] = local.place(noise).reshape(count, -1)
    return draws


def _composite(setting: Setting, state: optimise.State, draws: Array) -> Composite:
    layout = Layout(CompiledTarget(setting.joint).blocks)
    mean, scale = draws.mean(axis=0), draws.std(axis=0)
    scale = np.where(layout.points, 0.0, np.maximum(scale, 1e-300))
    network = setting.problem.guide.network
    if network is None:
        return Composite(mean, scale, layout.points)
    line = network_line(setting.joint.bound)
    assert line is not None
    return Composite(
        mean,
        scale,
        layout.points,
        state.best[setting.problem.guide.parts[-1]],
        np.array(network.network.sizes),
        network.shift,
        network.spread,
        np.array(line.inputs),
    )


def _why(lacking: Short | None) -> tuple[str, ...]:
    """Say why minibatches were taken that nobody asked for."""
    if lacking is None:
        return ()
    return (
        f"{lacking}: so the fit is by minibatches; for full passes give it more memory, or say how "
        "much it may take (`--memory GB`)",
    )


def _told(
    setting: Setting,
    settings: Settings,
    steps: Steps | None,
    state: optimise.State,
    rounds: sample.Rounds | None,
) -> tuple[str, ...]:
    """Say how it was fitted."""
    problem = setting.problem
    notes = []
    if setting.sample is not None and rounds is not None:
        passes = len(rounds.gains)
        notes.append(
            f"fitted by minibatches of {problem.batch} of a sample of "
            f"{setting.sample.total:,} of {len(problem.training):,} positions of "
            f"`{setting.plate}`, whose gradient {passes} passes over all of them correct: "
            f"{state.steps:,} steps in the last round, step size to {state.step_size:.2g} (Adam, "
            "averaged iterates)"
        )
        if settings.backend == "jax":
            notes.append("a sample's minibatches are computed by NumPy, not by the backend `jax`")
    elif setting.plate is not None:
        count = f"{len(problem.training):,}"
        notes.append(
            f"fitted by minibatches of {problem.batch} of {count} positions of "
            f"`{setting.plate}`: {state.steps:,} steps, {state.epoch:,} epochs, step size "
            f"{optimise.FIRST_STEP:g} to {state.step_size:.2g} (Adam, averaged iterates)"
        )
    if setting.plate is not None:
        shown = setting.joint.bound.sizes[setting.plate]
        if shown < problem.total:
            held = "stay in their file" if problem.mapped else "are not compiled whole"
            notes.append(
                f"the data of `{setting.plate}` {held}: predictive checks, and what "
                f"has a value for each position, are of {shown:,} positions, "
                + ("the first" if problem.guide.latents else "spread over all")
            )
        if steps is not None and steps.fault:
            notes.append(
                f"the steps are computed by NumPy, not by the backend `jax`: {steps.fault}"
            )
    return tuple(notes)


def _held_out(plan: optimise.Plan, state: optimise.State) -> tuple[str, ...]:
    """Say how well positions are described that were not learned from."""
    problem = plan.problem
    guide = problem.guide
    if not len(problem.held_out) or (guide.latents and not guide.normals):
        return ()
    each = optimise.evaluate(plan, state.best, state.rows, held_out=True) / len(problem.training)
    return (f"ELBO of {len(problem.held_out):,} held-out positions: {each:.4f} nats for each",)


__all__ = ["Rows", "infer", "set_up", "wanted"]
