"""The first rung: a mean-field guide, fitted in coordinates scaled to the posterior's own widths.

Latents' means and log scales and learned parameters climb the ELBO on fixed draws together. A
fixed-point iteration first guesses every column's width; then rounds of L-BFGS run in units of the
widths, and re-centre, until nothing pushes against the round's bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.guide.meanfield import MeanField
from ppl.inference import lbfgs
from ppl.inference.objective import Expectations, Objective, expectations, meanfield_elbo

Array = npt.NDArray[np.float64]
Outcome = Literal["running", "converged", "unconverged", "undefined"]

START_SCALE, SCALE_UPDATES = 0.1, 3
MAX_ROUNDS, FIRST_ITERATIONS, LATER_ITERATIONS = 8, 40, 120
REACH, MEAN_REACH = 4.0, 1e7
"""How far within one round a log scale may move, and a mean in widths."""
IMPROPER_ROUNDS = 5
"""So many rounds with a column still growing suggest that the posterior is improper."""
GAIN = 0.05
ROUGH_GAIN, ROUGH_GRADIENT, ROUGH_WIDTH = 1e-3, 0.02, 0.02
"""What ends a round and the guesses of widths, where the fit is only to start the next rung."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the fit stands.

    Attributes
    ----------
    mean, log_scale
        The guide's means and log scales, (D,); scales of learned parameters are not used.
    log_width
        Log of the unit in which each column moves, (D,): its scale as the curvature suggests it.
    elbo
        On the fixed draws, in nats.
    rounds, gradients
        Rounds of L-BFGS and evaluations of the batched gradient so far.
    growing
        Rounds that ended with a scale at its upper bound, or a mean at either.
    outcome
        ``running``, ``converged``, ``unconverged`` after the last round, or ``undefined`` when no
        start had a finite density.
    trace
        The ELBO on the fixed draws after every iteration of L-BFGS.
    """

    mean: Array
    log_scale: Array
    log_width: Array
    elbo: float
    rounds: int = 0
    gradients: int = 0
    growing: int = 0
    outcome: Outcome = "running"
    trace: tuple[float, ...] = ()

    @property
    def may_be_improper(self) -> bool:
        """Whether some column grew without bound in nearly every round."""
        return self.growing >= IMPROPER_ROUNDS


def guide_of(objective: Objective, state: State) -> MeanField:
    """Return the fitted guide."""
    return MeanField(state.mean, state.log_scale, objective.points)


def run(
    objective: Objective,
    start: Array,
    rng: np.random.Generator,
    told: Callable[[float], None] | None = None,
) -> State:
    """Fit from `start` (D,); `rng` is used only to look for another start if it is undefined.

    `told` hears the ELBO after every round.
    """
    state = init(objective, start, rng)
    while state.outcome == "running":
        state = step(objective, state)
        if told is not None:
            told(state.elbo)
    return state


def init(objective: Objective, start: Array, rng: np.random.Generator) -> State:
    """Find a start with a finite density, and guess the widths there by fixed-point updates."""
    mean, scale, tried = start, np.full(start.size, START_SCALE), 0
    average = expectations(objective, mean, scale)
    while not np.isfinite(average.log_joint) and tried < 60:
        tried += 1
        scale = scale * 0.1 if tried % 3 else np.full(start.size, START_SCALE)
        if tried % 3 == 0:
            mean = start + rng.uniform(-1, 1, start.size) * min(2.0, 0.2 * tried)
        average = expectations(objective, mean, scale)
    if not np.isfinite(average.log_joint):
        log_scale = np.log(scale)
        return State(mean, log_scale, log_scale, -np.inf, gradients=tried + 1, outcome="undefined")
    for _ in range(SCALE_UPDATES):
        wider = _widths(average, scale, widest=1.0)
        updated = expectations(objective, mean, wider)
        tried += 1
        if not np.isfinite(updated.log_joint):
            break
        settled = float(np.max(np.abs(np.log(wider / scale)))) < ROUGH_WIDTH
        scale, average = wider, updated
        if objective.rough and settled:
            break
    return State(mean, np.log(scale), np.log(scale), -np.inf, gradients=tried + 1)


def step(objective: Objective, state: State) -> State:
    """Run one round of L-BFGS in units of the present widths, then re-centre."""
    free = ~objective.points
    size, latents = state.mean.size, int(free.sum())
    width = np.exp(state.log_width)

    def unpack(vector: Array) -> tuple[Array, Array]:
        log_scale = state.log_scale.copy()
        log_scale[free] += vector[size:]
        return state.mean + width * vector[:size], log_scale

    def negative_elbo(vector: Array) -> tuple[float, Array]:
        value, by_mean, by_log_scale = meanfield_elbo(objective, *unpack(vector))
        return -value, -np.concatenate([by_mean * width, by_log_scale[free]])

    reach = np.concatenate([np.full(size, MEAN_REACH), np.full(latents, REACH)])
    problem = lbfgs.Problem(negative_elbo, -reach, reach)
    if objective.rough:
        problem = replace(problem, gain_tolerance=ROUGH_GAIN, gradient_tolerance=ROUGH_GRADIENT)
    limit = LATER_ITERATIONS if state.rounds else FIRST_ITERATIONS
    found = lbfgs.run(problem, np.zeros(size + latents), limit)
    mean, log_scale = unpack(found.position)
    settled = found.outcome == "converged" and not np.any(np.abs(found.position) > 0.975 * reach)
    far = np.any(np.abs(found.position[:size]) >= MEAN_REACH)
    growing = far or np.any(found.position[size:] >= REACH)
    elbo, gain = -found.value, -found.value - state.elbo
    done = settled and (gain < GAIN or found.iterations < FIRST_ITERATIONS)
    last = state.rounds + 1 == MAX_ROUNDS
    ended = State(
        mean,
        log_scale,
        np.where(free, log_scale, state.log_width),
        elbo,
        state.rounds + 1,
        state.gradients + found.evaluations,
        state.growing + int(growing),
        "converged" if done else "unconverged" if last else "running",
        (*state.trace, *(-value for value in found.trace)),
    )
    return _update_widths(objective, ended) if ended.outcome == "running" else ended


def _update_widths(objective: Objective, state: State) -> State:
    """Guess the widths anew, unless a draw at the present ones has no finite density."""
    width = np.exp(state.log_width)
    average = expectations(objective, state.mean, width)
    if np.isfinite(average.log_joint):
        width = _widths(average, width)
    return replace(state, log_width=np.log(width), gradients=state.gradients + 1)


def _widths(average: Expectations, width: Array, widest: float = np.inf) -> Array:
    """One fixed-point update of the widths towards the root of the inverse mean curvature.

    At the ELBO's optimum a scale satisfies s = E[-g z / s]^-1/2 (g the gradient, z the normal).
    Parameters are given noise here too, only to learn their curvature.
    """
    with np.errstate(divide="ignore"):
        guess = np.abs(average.gradient_normal / width) ** -0.5
    bounded: Array = np.clip(guess, width / 100, np.minimum(widest, width * 10))
    return bounded
