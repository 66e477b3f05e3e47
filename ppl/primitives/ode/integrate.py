"""Adaptive integration of many draws at once, each with step sizes of its own.

A round attempts one step for every draw. No draw sees the others: it accepts, rejects, ends or
fails by itself, and a round in which it stands still is for it a step of size 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.primitives.ode.attempts import Attempt, explicit, implicit
from ppl.primitives.ode.rightside import Floats, RightSide
from ppl.primitives.ode.tableaus import Tableau
from ppl.primitives.ode.tolerances import Tolerances

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
"""Of the change of step sizes from round to round."""


@dataclass(frozen=True, slots=True)
class Path:
    """All rounds, N of them, for S draws.

    Attributes
    ----------
    times : (N + 1, S)
        Before each round, and after the last.
    sizes : (N, S)
        0 where a draw stands still.
    stages, slopes : (N, s, S, M)
        The first stage is the state before the round.
    """

    times: Floats
    sizes: Floats
    stages: Floats
    slopes: Floats


@dataclass(slots=True)
class _Draws:
    """Where all draws are."""

    t: Floats
    y: Floats
    slope: Floats
    size: Floats
    active: NDArray[np.bool_]
    moved: NDArray[np.bool_]


Round = tuple[Floats, Floats, Floats]


def integrate(
    right: RightSide, tableau: Tableau, y: Floats, span: tuple[float, float], limits: Tolerances
) -> Path:
    """Follow the solution from states y (S, M) from the first time of the span to the last.

    Draws that come to steps of no size, or need more rounds than allowed, stop on the way.
    """
    now = _started(right, tableau, y, span, limits)
    make = implicit if tableau.diagonal else explicit
    attempt = make(right, tableau, limits)
    times, rounds = [now.t], list[Round]()
    for _ in range(limits.rounds):
        rounds.append(_round(now, attempt, tableau, span[1], limits))
        times.append(now.t)
        if not now.active.any():
            break
    sizes, stages, slopes = (np.stack(arrays) for arrays in zip(*rounds, strict=True))
    return Path(np.stack(times), sizes, stages, slopes)


def _round(
    now: _Draws, attempt: Attempt, tableau: Tableau, end: float, limits: Tolerances
) -> Round:
    """Attempt one step for all draws, move those where it is exact enough."""
    remaining = end - now.t
    size = np.where(now.active, np.minimum(now.size, remaining), 0.0)
    stages, slopes = np.empty((2, tableau.stages, *now.y.shape))
    stages[0], slopes[0] = now.y, now.slope
    converged = attempt(now.t, size, now.moved, stages, slopes)
    flat = slopes.reshape(tableau.stages, -1)
    error = np.dot(tableau.error, flat).reshape(now.y.shape) * size[:, None]
    norm = limits.norm(error, now.y, stages[-1])
    norm = np.where(converged & (norm < np.inf), norm, np.inf)
    factor = SAFETY * np.maximum(norm, 1e-12) ** (-1.0 / (tableau.estimate + 1))
    accepted = now.active & (norm <= 1.0)
    if not accepted.all():
        column = accepted[:, None]
        stages, slopes = np.where(column, stages, now.y), np.where(column, slopes, now.slope)
    made = np.where(accepted, size, 0.0)
    now.t = np.where(accepted & (size == remaining), end, now.t + made)
    now.y, now.slope, now.moved = stages[-1], slopes[-1], accepted
    now.size = size * np.minimum(np.maximum(factor, SHRINK), GROW)
    now.active = now.active & (now.t < end) & (now.size > 10 * np.spacing(np.abs(now.t)))
    return made, stages, slopes


def _started(
    right: RightSide, tableau: Tableau, y: Floats, span: tuple[float, float], limits: Tolerances
) -> _Draws:
    """Choose first sizes: Hairer, Norsett and Wanner (1993), Solving ODEs I, section II.4."""
    t, length = np.full(len(y), span[0]), span[1] - span[0]
    slope = np.empty_like(y)
    slope[...] = right(t, y)
    tiny = 1e-300
    d0, d1 = limits.norm(y, y, y), limits.norm(slope, y, y)
    probe = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / np.maximum(d1, tiny))
    probe = np.minimum(probe, length)
    change = right(t + probe, y + probe[:, None] * slope) - slope
    d2 = np.fmax(d1, limits.norm(change, y, y) / np.maximum(probe, tiny))
    size = (0.01 / np.maximum(d2, tiny)) ** (1 / (tableau.estimate + 1))
    size = np.where(d2 > 1e-15, size, np.maximum(1e-6, 1e-3 * probe))
    size = np.maximum(np.minimum(size, 100 * probe), 1e-12 * length)
    active = np.isfinite(d0 + d1) & (length > 0)
    return _Draws(t, y, slope, size, active, np.ones(len(y), dtype=bool))
