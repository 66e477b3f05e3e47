"""A bounded L-BFGS that survives infinite values.

SciPy's costs 130 ms of import, and its line search does not expect a function that is infinite
beyond an edge. This one projects the path onto the bounds (Bertsekas 1982), computes the direction
among the variables that are free to move, and brackets a weak Wolfe point (Lewis & Overton 2013),
where an infinite value merely ends the bracket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Function = Callable[[Array], tuple[float, Array]]
Outcome = Literal["running", "converged", "no_descent", "iterations"]

MEMORY = 20
SEARCH_EVALUATIONS = 25
ARMIJO, CURVATURE = 1e-4, 0.9


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the minimisation stands.

    Attributes
    ----------
    position, value, gradient
        The best point so far, (n,), the function there, and its gradient, (n,).
    steps, changes
        The last differences of positions and gradients, each (n,).
    iterations, evaluations
        Counts since the start.
    quiet
        Consecutive iterations that gained less than the tolerance.
    trace
        The function after every iteration.
    outcome
        ``running``, or why it ended.
    """

    position: Array
    value: float
    gradient: Array
    steps: tuple[Array, ...] = ()
    changes: tuple[Array, ...] = ()
    iterations: int = 0
    evaluations: int = 1
    quiet: int = 0
    outcome: Outcome = "running"
    trace: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A function to minimise within bounds.

    Attributes
    ----------
    function
        Value and gradient at (n,); infinity where undefined.
    lower, upper
        Bounds, (n,).
    gradient_tolerance
        Converged when no entry of the projected gradient is larger.
    gain_tolerance
        Converged when two iterations running gain less, in the function's unit.
    """

    function: Function
    lower: Array
    upper: Array
    gradient_tolerance: float = 3e-4
    gain_tolerance: float = 1e-7


def init(problem: Problem, position: Array) -> State:
    """Return the state at a start within the bounds."""
    value, gradient = problem.function(position)
    return State(position, value, gradient)


def run(problem: Problem, position: Array, iterations: int) -> State:
    """Minimise from `position` for at most so many iterations."""
    state = init(problem, position)
    if not np.isfinite(state.value):
        return replace(state, outcome="no_descent")
    while state.outcome == "running" and state.iterations < iterations:
        state = step(problem, state)
    return replace(state, outcome="iterations") if state.outcome == "running" else state


def step(problem: Problem, state: State) -> State:
    """Move once, or say why not."""
    free = ~(
        ((state.position <= problem.lower) & (state.gradient > 0))
        | ((state.position >= problem.upper) & (state.gradient < 0))
    )
    projected = np.where(free, state.gradient, 0.0)
    if float(np.max(np.abs(projected), initial=0.0)) <= problem.gradient_tolerance:
        return replace(state, outcome="converged")
    direction = _direction(state, projected, free)
    found, evaluations = _search(problem, state, direction)
    if found is None and state.steps:
        restarted = replace(
            state, steps=(), changes=(), evaluations=state.evaluations + evaluations
        )
        return step(problem, restarted)
    if found is None:
        floor = 1e-10 * max(1.0, abs(state.value))
        converged = float(np.sum(projected**2)) < floor
        outcome: Outcome = "converged" if converged else "no_descent"
        return replace(state, outcome=outcome, evaluations=state.evaluations + evaluations)
    return _advance(problem, state, found, evaluations)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    position: Array
    value: float
    gradient: Array


def _advance(problem: Problem, state: State, found: _Trial, evaluations: int) -> State:
    moved, change = found.position - state.position, found.gradient - state.gradient
    steps, changes = state.steps, state.changes
    if float(moved @ change) > 1e-10 * float(change @ change):
        steps, changes = (*steps, moved)[-MEMORY:], (*changes, change)[-MEMORY:]
    noise = 1e-13 * abs(state.value)
    small = state.value - found.value <= max(problem.gain_tolerance, noise)
    quiet = state.quiet + 1 if small else 0
    return State(
        found.position,
        found.value,
        found.gradient,
        steps,
        changes,
        state.iterations + 1,
        state.evaluations + evaluations,
        quiet,
        "converged" if quiet >= 2 else "running",
        (*state.trace, found.value),
    )


def _direction(state: State, projected: Array, free: npt.NDArray[np.bool_]) -> Array:
    """Two-loop recursion (Nocedal 1980) among the free variables; steepest descent if it fails."""
    all_free = bool(free.all())
    pairs = []
    for moved, change in zip(state.steps, state.changes, strict=True):
        s, y = (moved, change) if all_free else (moved * free, change * free)
        curvature, square = float(s @ y), float(y @ y)
        if square > 0 and curvature > 1e-12 * square:
            pairs.append((s, y, curvature))
    if not pairs:
        return -projected
    q = projected.copy()
    coefficients = []
    for s, y, curvature in reversed(pairs):
        coefficients.append(float(s @ q) / curvature)
        q -= coefficients[-1] * y
    s, y, curvature = pairs[-1]
    q *= curvature / float(y @ y)
    for (s, y, curvature), coefficient in zip(pairs, reversed(coefficients), strict=True):
        q += (coefficient - float(y @ q) / curvature) * s
    return -q if float(q @ projected) > 0 else -projected


def _search(problem: Problem, state: State, direction: Array) -> tuple[_Trial | None, int]:
    """Bracket a point that satisfies the weak Wolfe conditions on the projected path."""
    low, high = 0.0, np.inf
    length = 1.0 if state.steps else min(1.0, 3.0 / float(np.max(np.abs(direction))))
    slope = float(state.gradient @ direction)
    best: _Trial | None = None
    for count in range(1, SEARCH_EVALUATIONS + 1):
        path = state.position + length * direction
        position = np.clip(path, problem.lower, problem.upper)
        value, gradient = problem.function(position)
        predicted = float(state.gradient @ (position - state.position))
        if not value <= state.value + ARMIJO * predicted or predicted >= 0:
            high = length
            curve = value - state.value - slope * length
            parabola = -0.5 * slope * length**2 / curve if np.isfinite(value) and curve > 0 else 0.0
            length = float(np.clip(parabola, low + 0.1 * (high - low), low + 0.5 * (high - low)))
            if best is not None:
                return best, count
            continue
        if best is None or value < best.value:
            best = _Trial(position, value, gradient)
        bent = bool(np.any(path != position))
        if bent or float(gradient @ direction) >= CURVATURE * slope:
            return best, count
        low = length
        length = length * 4.0 if high == np.inf else 0.5 * (low + high)
    return best, SEARCH_EVALUATIONS
