"""The solution at given times, by the continuous extension of the steps; and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.primitives.ode.integrate import Path
from ppl.primitives.ode.tableaus import Floats, Tableau


@dataclass(frozen=True, slots=True)
class Readings:
    """Where T times lie in the rounds of S draws.

    Attributes
    ----------
    rounds : (T, S)
        The round that reaches each time; N - 1 where none does.
    weights : (T, S, s)
        Of the round's slopes, with its size.
    reached : (T, S)
    """

    rounds: NDArray[np.intp]
    weights: Floats
    reached: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Given:
    """Cotangents of the states (N, S, M) and slopes (N, S, s, M) of all rounds."""

    states: Floats
    slopes: Floats


def locate(path: Path, tableau: Tableau, ts: Floats) -> Readings:
    """Find times (T,) in the rounds of each draw."""
    ends = np.ascontiguousarray(path.times[1:].T)
    rounds = np.stack([np.searchsorted(row, ts) for row in ends], axis=1)
    reached = rounds < len(path.sizes)
    rounds = np.minimum(rounds, len(path.sizes) - 1)
    draws = np.arange(len(ends))
    size = path.sizes[rounds, draws]
    passed = ts[:, None] - path.times[rounds, draws]
    part = passed / np.where(size > 0, size, 1.0)
    part = np.where(reached & (size > 0), part, 0.0)
    weights = np.moveaxis(tableau.weights(part) * size, 0, -1)
    return Readings(rounds, weights, reached)


def read(path: Path, readings: Readings) -> Floats:
    """Return the solution (T, S, M), NaN where it was not reached."""
    draws = np.arange(path.sizes.shape[1])
    states = path.stages[readings.rounds, 0, draws]
    slopes = path.slopes[readings.rounds, :, draws]
    values = states + np.einsum("tsi,tsim->tsm", readings.weights, slopes)
    return np.where(readings.reached[:, :, None], values, np.nan)


def unread(path: Path, readings: Readings, g: Floats) -> Given:
    """Return the cotangents of rounds from those of what `read` returned, (T, S, M)."""
    count, draws = path.sizes.shape
    size = g.shape[-1]
    g = np.where(readings.reached[:, :, None], g, 0.0)
    on_slopes = readings.weights[:, :, :, None] * g[:, :, None, :]
    values = np.concatenate([g[:, :, None, :], on_slopes], axis=2).reshape(g.shape[0] * draws, -1)
    rows = (readings.rounds * draws + np.arange(draws)).ravel()
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    total = np.zeros((count * draws, values.shape[1]))
    total[rows[first]] = np.add.reduceat(values[order], first, axis=0)
    total = total.reshape(count, draws, -1, size)
    return Given(total[:, :, 0], total[:, :, 1:])
