"""The optimiser: Adam with averaged iterates, whose step shrinks, and ends, on evidence.

Steps of one size go on until the ELBO of the averaged iterates, on a fixed set of positions and
draws, gains no more; then the step is halved (Welandawe et al. 2022, "A framework for improving the
reliability of black-box variational inference", stop on the same ground). It ends when a smaller
step gains nothing either. Where the plate has no latents of its own, the gradient of a fixed point
serves as a control variate (Johnson & Zhang 2013, "Accelerating stochastic gradient descent using
predictive variance reduction"): it takes away the noise of choosing batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ppl.guide.rows import Rows
from ppl.inference.stochastic.order import Cut, Some, shuffled
from ppl.inference.stochastic.problem import (
    Guided,
    Part,
    Problem,
    elbos,
    estimate,
    normals_for,
)

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Outcome = Literal["running", "converged", "unconverged", "undefined"]

FIRST_STEP, SHRINK, SMALLEST_STEP = 0.1, 0.3, 3e-3
"""Step in units of the numbers' own pace; the last is FIRST_STEP * SMALLEST_STEP."""
MOMENTUM, MEMORY = 0.9, 0.99
WINDOW = 100
"""An evaluation comes after so many steps, or an epoch if that is longer."""
EVALUATED, EVALUATION_PAIRS = 2048, 4
PATIENCE, HELD_OUT_PATIENCE = 2, 6
"""Windows without gain before the step shrinks. The bound of held-out positions wavers with the
numbers, which move far only while the step is the first one."""
WORTHWHILE = 0.1
"""A window's gain counts only if it is this part of the largest one with the same step. With
latents at every position all gains count: loadings that turn gain little for long."""
MAX_STEPS = 60_000
KEEP_EVERY = 20.0
"""Seconds after which the state is kept within a window, too."""
SETTLING, FIRST_SETTLING = 2, 8
SHARE, FIRST_SHARE, LEAST_SHARE = 0.7, 0.7, 0.2
"""Steps of a batch's rows before each step of the numbers, and how far they go."""
SETTLED_SHARES, SETTLED_PAIRS = (0.7, 0.7, 0.5, 0.3), 4
"""How far rows move before they are evaluated, and the pairs of draws for it."""
LONGEST_MOVE = 10.0
"""Steps are cut where a gradient is larger than so many times what is usual."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the optimisation stands; all that it needs to go on.

    Attributes
    ----------
    numbers, first, second
        The guide's numbers, and the averages of their gradients and squares, (p,).
    total, counted
        The sum of the numbers over this window, and how many steps it has.
    best, best_elbo
        The best average so far and its ELBO on the fixed set, in nats.
    anchor, anchor_gradient
        The control variate's point among the globals and its whole gradient, (G,); empty if none.
    rows
        Of the positions' latents; moved in place.
    step_size, steps, epoch, place
        The step, how many were taken, and where in which epoch the next batch is.
    idle, largest
        Windows running without gain at this step size, and the largest gain of a window at it.
    trace
        ELBO of every window.
    """

    numbers: Array
    first: Array
    second: Array
    total: Array
    counted: int
    best: Array
    best_elbo: float
    anchor: Array
    anchor_gradient: Array
    rows: Rows | None
    step_size: float = FIRST_STEP
    steps: int = 0
    epoch: int = 0
    place: int = 0
    idle: int = 0
    largest: float = 0.0
    trace: tuple[float, ...] = ()
    outcome: Outcome = "running"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to optimise a problem.

    Attributes
    ----------
    pairs
        Mirrored pairs of draws for each step.
    controlled
        Whether to use the control variate.
    tolerance
        A gain that counts, in nats.
    backend
        What takes the steps of batches; NumPy if None.
    """

    problem: Problem
    seed: int
    pairs: int
    controlled: bool
    tolerance: float
    max_steps: int = MAX_STEPS
    backend: Backend | None = None


class Backend(Protocol):
    """What takes steps."""

    def take(self, plan: Plan, state: State, epoch: Iterable[Positions]) -> Iterator[State]:
        """Take a step for each batch; yield the state after some.

        Its arrays may be the backend's own, not yet computed: `at_rest` waits for them.
        """


def at_rest(state: State) -> State:
    """Return a state with NumPy's arrays."""
    rows = state.rows
    return replace(
        state,
        numbers=np.asarray(state.numbers),
        first=np.asarray(state.first),
        second=np.asarray(state.second),
        total=np.asarray(state.total),
        rows=Rows(np.array(rows.mean), np.array(rows.log_scale)) if rows is not None else None,
    )


def init(plan: Plan) -> State:
    """Return the state at the start."""
    problem = plan.problem
    numbers = problem.guide.start(np.random.default_rng([plan.seed, 1]))
    rows = None
    if problem.guide.latents and problem.guide.network is None:
        rows = Rows.empty(problem.total, problem.guide.latents)
    zeros = np.zeros_like(numbers)
    none = np.zeros(0)
    state = State(numbers, zeros, zeros, zeros, 0, numbers, -np.inf, none, none, rows)
    return _anchored(plan, state) if plan.controlled else state


Kept = Callable[[State], None]


def run(plan: Plan, state: State, keep: Kept | None = None) -> State:
    """Go on until there is nothing to gain.

    `keep` is given the state after every window, and of long ones in between."""
    while state.outcome == "running":
        state = _window(plan, state, keep)
        if keep is not None:
            keep(state)
    return state


def _window(plan: Plan, state: State, keep: Kept | None) -> State:
    """Take the steps up to the next evaluation, and evaluate."""
    problem = plan.problem
    length = max(1, len(Cut(problem.training, problem.batch)))
    begun = state.steps - state.counted
    target = begun + (length if length >= WINDOW else length * -(-WINDOW // length))
    kept = monotonic()
    while state.steps < target:
        taking = plan.backend.take if plan.backend is not None else take
        for after in taking(plan, state, _epoch(plan, state)):
            state = after
            if keep is not None and monotonic() - kept >= KEEP_EVERY:
                keep(at_rest(state))
                kept = monotonic()
        state = replace(state, epoch=state.epoch + 1, place=0)
    return _evaluated(plan, at_rest(state))


def _epoch(plan: Plan, state: State) -> Iterable[Positions]:
    """Return the batches that are left of an epoch."""
    problem = plan.problem
    if len(problem.training) <= problem.batch:
        return problem.passing(problem.training) if state.place == 0 else ()
    return shuffled(
        plan.seed, state.epoch, problem.training, problem.batch, problem.mapped, state.place
    )


def take(plan: Plan, state: State, epoch: Iterable[Positions]) -> Iterator[State]:
    """Take a step for each batch, with NumPy; yield the state after each."""
    pace = plan.problem.guide.pace()
    for positions in epoch:
        yield (state := _step(plan, state, positions, pace))


def _step(plan: Plan, state: State, positions: Positions, pace: Array) -> State:
    problem = plan.problem
    rng = np.random.default_rng([plan.seed, 2, state.steps])
    normals = normals_for(problem, rng, plan.pairs, len(positions))
    anchor = state.anchor if state.anchor.size else None
    part = problem.models[len(positions)].batch(positions)
    if state.rows is not None:
        _settle(plan, state, part, positions, rng)
    found = estimate(problem, state.numbers, state.rows, positions, normals, part, anchor)
    gradient = found.gradient
    if anchor is not None:
        gradient = gradient + anchored_pull(
            problem.guide, state.numbers, normals[0], state.anchor_gradient
        )
    numbers, first, second = moved(
        state.numbers, state.first, state.second, gradient, state.steps, state.step_size * pace
    )
    return replace(
        state,
        numbers=numbers,
        first=first,
        second=second,
        total=state.total + numbers,
        counted=state.counted + 1,
        steps=state.steps + 1,
        place=state.place + 1,
    )


def anchored_pull(guide: Guided, numbers: Array, normals: Array, anchor_gradient: Array) -> Array:
    """Return the gradient by the numbers of the control variate's expectation, (p,)."""
    slopes = np.broadcast_to(anchor_gradient, (len(normals), anchor_gradient.size))
    draws = guide.place(numbers, normals)
    pulled = guide.pull(numbers, normals, draws, slopes)
    return np.concatenate([pulled, np.zeros(numbers.size - pulled.size)])


def moved(
    numbers: Array, first: Array, second: Array, gradient: Array, steps: int, lengths: Array
) -> tuple[Array, Array, Array]:
    """Take a step of Adam, and return the numbers and the averages after it.

    Parameters
    ----------
    steps
        How many there were before.
    lengths
        The step size of each number, (p,).
    """
    usual = np.sqrt(second / np.maximum(1e-300, 1 - MEMORY ** np.maximum(1, steps)))
    limit = np.where(steps >= WINDOW // 4, LONGEST_MOVE * np.maximum(usual, 1e-12), np.inf)
    gradient = np.clip(gradient, -limit, limit)
    first = MOMENTUM * first + (1 - MOMENTUM) * gradient
    second = MEMORY * second + (1 - MEMORY) * gradient**2
    move = first / (1 - MOMENTUM ** (steps + 1))
    move = move / (np.sqrt(second / (1 - MEMORY ** (steps + 1))) + 1e-12)
    return numbers + lengths * move, first, second


def _settle(
    plan: Plan, state: State, part: Part, positions: Positions, rng: np.random.Generator
) -> None:
    """Bring a batch's rows to their optimum at the present numbers, nearly.

    The gradient by the numbers is then that of the bound with the best rows.
    """
    assert state.rows is not None
    rounds, share = settling(state)
    for _ in range(rounds):
        normals = normals_for(plan.problem, rng, plan.pairs, len(positions))
        found = estimate(plan.problem, state.numbers, state.rows, positions, normals, part)
        state.rows.update(positions, normals[1], found.local_slopes, share)


def settling(state: State) -> tuple[int, float]:
    """Return how many steps a batch's rows take before a step of the numbers, and how far."""
    if state.epoch == 0:
        return FIRST_SETTLING, FIRST_SHARE
    return SETTLING, max(SHARE * state.step_size / FIRST_STEP, LEAST_SHARE)


def _anchored(plan: Plan, state: State) -> State:
    """Move the control variate's point to the guide's mean, and pass over all data."""
    problem = plan.problem
    normals = np.zeros((1, problem.guide.normals))
    anchor = problem.guide.place(state.numbers, normals)[0]
    total = np.zeros(anchor.size)
    count = len(problem.training)

    def gradient(_: int, positions: Positions) -> Array:
        size = len(positions)
        places = problem.places_of(size)
        x = np.empty((1, places.dimension))
        x[:, places.globals] = anchor
        found: Array = problem.models[size].batch(positions).gradient(x)[0, places.globals]
        return found * (size / count)

    for part in problem.each(problem.passing(problem.training), 1, gradient):
        total += part
    if not np.isfinite(total).all():
        return replace(state, anchor=np.zeros(0), anchor_gradient=np.zeros(0))
    return replace(state, anchor=anchor, anchor_gradient=total)


def looked_at(plan: Plan, held_out: bool) -> Some:
    """Return the positions on which a window is judged: always the same."""
    problem = plan.problem
    if held_out or len(problem.training) <= EVALUATED or plan.controlled:
        return problem.held_out if held_out else problem.training
    return problem.chosen(np.random.default_rng([plan.seed, 3]), EVALUATED)


def settle(plan: Plan, numbers: Array, rows: Rows, positions: Some, steps: int) -> None:
    """Bring the rows of some positions to their optimum at some numbers.

    A window's average is another point than those at which its rows were settled; without this the
    noise of old rows hides what the average has gained.
    """
    problem = plan.problem
    for batch, part in enumerate(problem.passing(positions)):
        if len(part) not in problem.models:
            continue
        rng = np.random.default_rng([plan.seed, 12, steps, batch])
        model = problem.models[len(part)].batch(part)
        for share in SETTLED_SHARES:
            normals = normals_for(problem, rng, SETTLED_PAIRS, len(part))
            found = estimate(problem, numbers, rows, part, normals, model)
            rows.update(part, normals[1], found.local_slopes, share)


def evaluate(plan: Plan, numbers: Array, rows: Rows | None, held_out: bool = False) -> float:
    """Return the ELBO on a fixed set of positions and draws, scaled to the training positions."""
    problem = plan.problem

    def elbo(number: int, part: Positions) -> tuple[float, int]:
        rng = np.random.default_rng([plan.seed, 4, 0 if plan.controlled else number])
        normals = normals_for(problem, rng, EVALUATION_PAIRS, len(part))
        return float(np.mean(elbos(problem, numbers, rows, part, normals))), len(part)

    total, weight = 0.0, 0
    batches = problem.passing(looked_at(plan, held_out))
    for mean, count in problem.each(batches, 2 * EVALUATION_PAIRS, elbo):
        total += mean * count
        weight += count
    return total / weight if weight else -np.inf


def _evaluated(plan: Plan, state: State) -> State:
    """Judge the window's average; shrink the step, or end, where nothing was gained."""
    average = state.total / max(1, state.counted)
    held_out = len(plan.problem.held_out) > 0
    if state.rows is not None:
        settle(plan, average, state.rows, looked_at(plan, held_out), state.steps)
    elbo = evaluate(plan, average, state.rows, held_out)
    if not np.isfinite(elbo) and state.best_elbo == -np.inf:
        elbo = evaluate(plan, state.numbers, state.rows, held_out)
        average = state.numbers
    gain = elbo - state.best_elbo
    least = 0.0 if plan.problem.guide.latents else WORTHWHILE * state.largest
    gained = gain > max(plan.tolerance, least)
    largest = max(state.largest, gain) if np.isfinite(gain) else state.largest
    better = elbo > state.best_elbo
    state = replace(
        state,
        best=average if better else state.best,
        best_elbo=max(elbo, state.best_elbo),
        total=np.zeros_like(state.total),
        counted=0,
        idle=0 if gained else state.idle + 1,
        largest=largest,
        trace=(*state.trace, elbo),
    )
    noisy = held_out and state.step_size == FIRST_STEP
    patience = HELD_OUT_PATIENCE if noisy else PATIENCE
    if state.idle >= patience:
        smaller = state.step_size * SHRINK
        if smaller < FIRST_STEP * SMALLEST_STEP:
            return replace(state, outcome=_end(state))
        state = replace(
            state, step_size=smaller, idle=PATIENCE - 1, largest=0.0, numbers=state.best
        )
    if state.steps >= plan.max_steps:
        return replace(state, outcome="unconverged" if state.best_elbo > -np.inf else "undefined")
    return _anchored(plan, state) if plan.controlled else state


def _end(state: State) -> Outcome:
    return "converged" if state.best_elbo > -np.inf else "undefined"
