"""The search for other modes: points from far and near climb the log density, and fits follow.

Importance weights cannot see a mode that no draw visits. So points from a wide pool, and points
thrown far out from the guide, climb by Adam; every distinct end gets a full fit, and distinct fits
become components of the proposal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.inference.fullrank import State as Fit
from ppl.inference.target import Target, evaluate, log_joint

Array = npt.NDArray[np.float64]
Fitter = Callable[[Array], Fit | None]

POOL, BEST_OF_POOL, OTHERS_OF_POOL = 256, 6, 6
POOL_SCALES = (2.0, 0.7)
THROWS = (4.0,) * 4 + tuple(np.linspace(10.0, 30.0, 8))
ADAM_STEPS, STEP = 100, 0.2
FIRST_DECAY, SECOND_DECAY = (50, 0.15), (75, 0.03)
MOMENTS = (0.8, 0.95)
WORSE, NEAR, NEW_FITS = 15.0, 4.0, 5
DISTINCT, ELBO_WORSE, ELBO_BETTER = 3.0, 12.0, 0.5
ROUNDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What is known.

    Attributes
    ----------
    modes
        Fits of distinct modes, best first.
    gradients
        The cost of finding them, in batched gradients.
    added
        Whether the last round found anything.
    hurried
        Whether the clock ended the search before a round that found nothing.
    """

    modes: tuple[Fit, ...]
    gradients: int = 0
    added: bool = True
    hurried: bool = False

    @property
    def best(self) -> Fit:
        """The mode with the highest ELBO."""
        return self.modes[0]


def init(fit: Fit) -> State:
    """Start from one fit."""
    return State((fit,))


def run(
    target: Target,
    fit: Fit,
    fitter: Fitter,
    rng: np.random.Generator,
    expired: Callable[[], bool] = lambda: False,
) -> State:
    """Search until a round adds nothing.

    Parameters
    ----------
    target
        The model; it has no learned parameters.
    fit
        The fit known so far.
    fitter
        Fits mean-field and full rank from a start (D,); None if there is no finite density.
    rng
        For the points.
    expired
        A clock that forbids another round.
    """
    state = init(fit)
    for number in range(ROUNDS):
        if number and expired():
            return replace(state, hurried=True)
        state = step(target, state, fitter, rng)
        if not state.added:
            break
    return state


def step(target: Target, state: State, fitter: Fitter, rng: np.random.Generator) -> State:
    """Climb once from fresh points, and fit from the new ends."""
    ends, heights = _ends(target, state.best.guide, rng)
    here = float(log_joint(target, state.best.guide.mean[None])[0])
    before, fitted = state, 0
    state = replace(state, gradients=state.gradients + ADAM_STEPS + 1, added=False)
    for index in np.argsort(-heights, kind="stable"):
        if fitted == NEW_FITS or not heights[index] >= here - WORSE:
            break
        near = min(_distance(mode.guide, ends[index]) for mode in before.modes + state.modes)
        if near < NEAR:
            continue
        fitted += 1
        found = fitter(ends[index])
        if found is not None:
            state = _consider(state, found)
    return state


def _consider(state: State, found: Fit) -> State:
    """Add a fit as a mode, let it replace a worse one nearby, or drop it."""
    state = replace(state, gradients=state.gradients + found.gradients)
    apart = [_distance(mode.guide, found.guide.mean) for mode in state.modes]
    if min(apart) > DISTINCT:
        if not (found.converged and found.elbo > state.best.elbo - ELBO_WORSE):
            return state
        modes = (*state.modes, found)
    else:
        nearest = int(np.argmin(apart))
        if found.elbo < state.modes[nearest].elbo + ELBO_BETTER:
            return state
        modes = tuple(found if n == nearest else mode for n, mode in enumerate(state.modes))
    ranked = sorted(modes, key=_negative_elbo)
    worth = tuple(mode for mode in ranked if mode.elbo > ranked[0].elbo - ELBO_WORSE)
    return replace(state, modes=worth, added=True)


def _ends(target: Target, guide: Guide, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the ends of all climbs, (n, D), and the log density there, (n,)."""
    size = target.dimension
    scales = np.repeat(POOL_SCALES, POOL // 2)[:, None]
    pool = rng.standard_normal((POOL, size)) * scales
    order = np.argsort(-log_joint(target, pool), kind="stable")
    others = rng.choice(order[BEST_OF_POOL:], OTHERS_OF_POOL, replace=False)
    chosen = pool[np.concatenate([order[:BEST_OF_POOL], others])]
    raw = len(chosen)
    throws = np.asarray(THROWS)
    thrown = rng.standard_normal((throws.size, guide.rank)) * throws[:, None]

    def mixed(points: Array, going: npt.NDArray[np.intp]) -> tuple[Array, Array]:
        white = going >= raw
        positions = points.copy()
        positions[white] = guide.place(points[white])
        values, gradients = evaluate(target, positions)
        gradients[white] = guide.pull(gradients[white])
        return values, gradients

    steps = np.concatenate([np.full(raw, STEP), STEP * throws / 4])
    best, heights = _climb(mixed, np.concatenate([chosen, thrown]), steps)
    return np.concatenate([best[:raw], guide.place(best[raw:])]), heights


def _climb(
    function: Callable[[Array, npt.NDArray[np.intp]], tuple[Array, Array]],
    points: Array,
    steps: Array,
) -> tuple[Array, Array]:
    """Climb by Adam (Kingma & Ba 2015) from points (n, k); return each best, with its value.

    `function` gets points and which ones they are. Climbers that come where there is no finite
    density climb no further: they would not come out by themselves, and such places often take the
    longest to evaluate.
    """
    best, heights = points.copy(), np.full(len(points), -np.inf)
    going = np.arange(len(points))
    position, first, second = points, np.zeros_like(points), np.zeros_like(points)
    for count in range(1, ADAM_STEPS + 1):
        values, gradients = function(position, going)
        better = values > heights[going]
        heights[going[better]] = values[better]
        best[going[better]] = position[better]
        kept = np.isfinite(values)
        if not kept.all():
            going, position, gradients = going[kept], position[kept], gradients[kept]
            first, second, steps = first[kept], second[kept], steps[kept]
        if not going.size:
            break
        first = MOMENTS[0] * first + (1 - MOMENTS[0]) * gradients
        with np.errstate(over="ignore"):
            second = MOMENTS[1] * second + (1 - MOMENTS[1]) * gradients**2
        unbiased = first / (1 - MOMENTS[0] ** count)
        spread = np.sqrt(second / (1 - MOMENTS[1] ** count)) + 1e-12
        position = position + _length(steps, count)[:, None] * unbiased / spread
    return best, heights


def _length(steps: Array, count: int) -> Array:
    for start, cap in (SECOND_DECAY, FIRST_DECAY):
        if count >= start:
            return np.minimum(steps / 2, cap)
    return steps


def _distance(guide: Guide, position: Array) -> float:
    return float(np.max(np.abs(guide.whiten(position[None]))))


def _negative_elbo(fit: Fit) -> float:
    return -fit.elbo
