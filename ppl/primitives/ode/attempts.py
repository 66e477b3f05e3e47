"""One step of a Runge-Kutta method for many draws: its stages and their slopes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ppl.primitives.ode.rightside import Floats, RightSide
from ppl.primitives.ode.tableaus import Tableau
from ppl.primitives.ode.tolerances import Tolerances

Booleans = NDArray[np.bool_]

NEWTON_ROUNDS = 10
NEWTON_PART = 1e-3
"""Stages are solved to this part of what is tolerated."""


class Attempt(Protocol):
    """Fill stages and slopes (s, S, M), whose first are there, of steps of sizes h from times t.

    `moved` says which draws have another state than in the last attempt. Returns which draws'
    stages were found.
    """

    def __call__(
        self, t: Floats, h: Floats, moved: Booleans, stages: Floats, slopes: Floats
    ) -> Booleans | bool:
        """Attempt a step."""


def explicit(right: RightSide, tableau: Tableau, limits: Tolerances) -> Attempt:
    """Return the attempt of an explicit method."""
    rows = [tableau.a[i, :i].copy() for i in range(tableau.stages)]

    def attempt(t: Floats, h: Floats, moved: Booleans, stages: Floats, slopes: Floats) -> bool:
        y, column = stages[0], h[:, None]
        times = t + tableau.c[:, None] * h
        flat = slopes.reshape(len(slopes), -1)
        for i in range(1, len(rows)):
            stage = stages[i]
            np.dot(rows[i], flat[:i], stage.reshape(-1))
            np.multiply(stage, column, stage)
            np.add(stage, y, stage)
            slopes[i] = right(times[i], stage)
        return True

    return attempt


def implicit(right: RightSide, tableau: Tableau, limits: Tolerances) -> Attempt:
    """Return the attempt of a diagonally implicit method: simplified Newton for each stage."""
    rows = [tableau.a[i, :i].copy() for i in range(tableau.stages)]
    known: list[Floats] = []

    def attempt(t: Floats, h: Floats, moved: Booleans, stages: Floats, slopes: Floats) -> Booleans:
        y, column = stages[0], h[:, None]
        if not known or moved.any():
            known[:] = [right.jacobians(t, y)]
        own = column * tableau.diagonal
        inverse = inverses(np.eye(y.shape[1]) - own[:, :, None] * known[0])
        width = np.where(own > 0, own, 1.0)
        times = t + tableau.c[:, None] * h
        flat = slopes.reshape(len(slopes), -1)
        found = np.ones(len(y), dtype=bool)
        for i in range(1, len(rows)):
            base = y + column * np.dot(rows[i], flat[:i]).reshape(y.shape)
            stage = base + own * slopes[i - 1]
            stage, solved = _newton(partial(right, times[i]), base, own, stage, inverse, limits)
            found &= solved
            stages[i], slopes[i] = stage, (stage - base) / width
        return found

    return attempt


def _newton(
    slope: Callable[[Floats], Floats],
    base: Floats,
    own: Floats,
    stage: Floats,
    inverse: Floats,
    limits: Tolerances,
) -> tuple[Floats, Booleans]:
    """Solve ``stage = base + own * slope(stage)``, each draw until it is exact enough itself.

    Returns the stages and which of them were found; `inverse` is that of I - own J.
    """
    before = missing = np.full(len(base), np.nan)
    going = np.ones(len(base), dtype=bool)
    for _ in range(NEWTON_ROUNDS):
        miss = base + own * slope(stage) - stage
        change = np.matmul(inverse, miss[:, :, None])[:, :, 0]
        stage = np.where(going[:, None], stage + change, stage)
        size = limits.norm(change, base, stage)
        missing = np.where(going, _missing(size, before), missing)
        going = going & (missing > NEWTON_PART)
        if not going.any():
            break
        before = size
    return stage, missing <= NEWTON_PART


def _missing(size: Floats, before: Floats) -> Floats:
    """Estimate what a linear iteration has still to go: a geometric series, from two changes on."""
    return np.where(size < before, size * size / (before - size), size)


def inverses(matrices: Floats) -> Floats:
    """Return the inverses of matrices (S, M, M), NaN where there is none."""
    try:
        return np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([inverses(matrix[None]) for matrix in matrices])
