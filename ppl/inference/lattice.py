"""Integrals of a smooth density over a few scales, by the trapezoid rule on a lattice.

The rule converges exponentially for smooth densities that vanish at the ends. Points are added
around those that count, until what would be added counts for nothing; a second lattice, shifted by
half a step, tells the error of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.inference.given import Given, joined

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

DEPTH, CUT = 21.0, 12.0
"""Points count for nothing from so many nats below the largest on; and beside those that are so far
below it, there may be some without a law, lost to rounding."""
SOLID, STENCIL = 11.0, 3
"""Around points within so many nats of the largest, so many more are known, to interpolate from."""
REACH = {1: 4, 2: 2, 3: 1}
STEP, STEP_SCALE = 0.7, 0.4
"""Steps at the mode in standard deviations, and at most in the unconstrained scale."""
STRETCH = 3.0
"""Steps grow from so many standard deviations on, as exponential tails are long."""
MOST_POINTS = {1: 300, 2: 4_000, 3: 20_000}
SPAN = 256
"""Indices are within plus and minus so many."""
CLIMBS, FARTHEST, WIDEST = 60, 3.0, 1.5
"""Steps of a climb, how far each goes in standard deviations, and how wide these are at most."""
SETTLED, WIDER = 0.2, 1.5
"""A climb ends when it would move by less, and the standard deviations grow by less."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where lattice points are: at ``origin + root a sinh(index step / a)``.

    Attributes
    ----------
    origin
        The mode, (k,).
    root
        A root of the inverse of the curvature there, (k, k).
    step
        Along each column of the root, (k,).
    """

    origin: Array
    root: Array
    step: Array

    def place(self, index: Array) -> Array:
        """Return scales (n, k) at indices (n, k)."""
        away = STRETCH * np.sinh(index * self.step / STRETCH)
        return np.asarray(self.origin + away @ self.root.T)

    def index(self, scales: Array) -> Array:
        """Return the indices (n, k) of scales (n, k)."""
        away = np.linalg.solve(self.root, (scales - self.origin).T).T
        return np.asarray(STRETCH * np.arcsinh(away / STRETCH) / self.step)

    def log_volume(self, index: Array) -> Array:
        """Return the logarithms of the volumes that points stand for, (n,)."""
        growth = np.log(np.cosh(index * self.step / STRETCH)).sum(axis=1)
        return np.asarray(growth + np.linalg.slogdet(self.root)[1] + np.log(self.step).sum())

    def finer(self, factor: float) -> Frame:
        """Return the frame with smaller steps."""
        return Frame(self.origin, self.root, self.step * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of a lattice.

    Attributes
    ----------
    index
        Their indices, (n, k); halves on the shifted lattice.
    given
        The laws there.
    log_masses
        Logarithms of their shares of the integral, (n,).
    alive
        Which count.
    """

    index: Array
    given: Given
    log_masses: Array
    alive: npt.NDArray[np.bool_]

    def log_mass(self) -> float:
        """Return the logarithm of the integral."""
        return float(np.logaddexp.reduce(self.log_masses))

    def moments(self) -> tuple[Array, Array]:
        """Return means and standard deviations of the quantities, (r,), by total variance."""
        return _moments(self.given.centres, self.given.variances, self.log_masses)


def pooled(points: tuple[Points, Points]) -> Points:
    """Return both lattices as one, whose integral is the mean of the two."""
    return Points(
        np.concatenate([p.index for p in points]),
        joined([p.given for p in points]),
        np.concatenate([p.log_masses for p in points]) - np.log(2.0),
        np.concatenate([p.alive for p in points]),
    )


def _moments(centres: Array, variances: Array, log_masses: Array) -> tuple[Array, Array]:
    weights = np.exp(log_masses - log_masses.max())
    weights /= weights.sum()
    middle = centres[int(np.argmax(weights))]
    mean = middle + weights @ (centres - middle)
    variance = weights @ (variances + (centres - mean) ** 2)
    return mean, np.sqrt(variance)


def mode(log_mass: Callable[[Array], Array], start: Array, spread: float) -> Frame | None:
    """Climb to a mode, and return a lattice as wide as the curvature there; None if there is none.

    Parameters
    ----------
    log_mass
        At values (n, k).
    start
        From where, (k,).
    spread
        How wide the first look around is.
    """
    k, at, root = start.size, start, spread * np.eye(start.size)
    probes = _probes(k)
    for _ in range(CLIMBS):
        values = log_mass(at + probes @ root.T)
        if not np.isfinite(values).all():
            root = 0.3 * root
            continue
        slope, curvature = _fitted(values, k)
        bends, axes = np.linalg.eigh(-curvature)
        step = (axes.T @ slope) / np.maximum(np.abs(bends), 0.1)
        step *= min(1.0, FARTHEST / max(float(np.linalg.norm(step)), 1e-300))
        near = np.linalg.norm(step) < SETTLED and np.all((bends > 0.0) & (bends < 2.0))
        tries = at + np.outer([1.0, 0.5, 0.25, 0.1, 0.03], root @ (axes @ step))
        reached = log_mass(tries)
        best = int(np.argmax(reached))
        if reached[best] >= values[0]:
            at = tries[best]
        before, root = root @ axes, root @ axes / np.sqrt(np.clip(np.abs(bends), 0.25, 100.0))
        root /= np.maximum(1.0, np.linalg.norm(root, axis=0) / WIDEST)
        if near and np.all(np.linalg.norm(root, axis=0) < WIDER * np.linalg.norm(before, axis=0)):
            return Frame(at, root, np.minimum(STEP, STEP_SCALE / np.abs(root).max(axis=0)))
    return None


def _probes(k: int) -> Array:
    """Return the middle, both ways along each axis, and along each pair of axes."""
    eye = np.eye(k)
    rows = [np.zeros(k), *eye, *-eye]
    rows += [sign * (eye[one] + eye[other]) for one, other in _pairs(k) for sign in (1, -1)]
    return np.array(rows)


def _pairs(k: int) -> list[tuple[int, int]]:
    return [(one, other) for one in range(k) for other in range(one)]


def _fitted(values: Array, k: int) -> tuple[Array, Array]:
    """Return slope and curvature from the values at `_probes`."""
    ahead, behind = values[1 : 1 + k], values[1 + k : 1 + 2 * k]
    slope = 0.5 * (ahead - behind)
    curvature = np.diag(ahead + behind - 2 * values[0])
    pairs = values[1 + 2 * k :].reshape(-1, 2).sum(axis=1)
    single = ahead + behind - values[0]
    for pair, (one, other) in zip(pairs, _pairs(k), strict=True):
        mixed = 0.5 * (pair - single[one] - single[other])
        curvature[one, other] = curvature[other, one] = mixed
    return slope, curvature


def spread_out(
    read: Callable[[Array], Given], frame: Frame, shift: float, seeds: Array
) -> Points | Literal["many", "cut"]:
    """Add points until no more count, if there are not too many, and no mass is cut off.

    Parameters
    ----------
    read
        The laws at values of the scales (n, k).
    frame
        The lattice.
    shift
        By which part of a step it is shifted along every axis.
    seeds
        Where to begin, (n, k).
    """
    k = frame.origin.size
    away = np.round(frame.index(seeds) - shift).astype(np.intp)
    fresh = _around(np.clip(away, -SPAN, SPAN), 1, np.zeros((0, k), dtype=np.intp))
    index = np.zeros((0, k), dtype=np.intp)
    parts: list[Given] = []
    while len(fresh):
        index = np.concatenate([index, fresh])
        if len(index) > MOST_POINTS[k] or np.abs(fresh).max() > SPAN + 1:
            return "many"
        parts.append(read(frame.place(np.asarray(fresh + shift, np.float64))))
        centres = np.concatenate([part.centres for part in parts])
        variances = np.concatenate([part.variances for part in parts])
        shifted = np.asarray(index + shift, np.float64)
        volumes = frame.log_volume(shifted)
        log_masses: Array = np.concatenate([part.log_mass for part in parts]) + volumes
        scores = _scores(centres, variances, log_masses)
        alive, finite = scores > -DEPTH, np.isfinite(log_masses)
        fresh = _around(index[alive], 1, index)
        if len(fresh):
            fresh = _around(index[alive], REACH[k], index)
        elif len(_around(index[scores > -CUT], 1, index[finite])):
            return "cut"
        else:
            fresh = _around(index[scores > -SOLID], STENCIL, index)
    return Points(shifted, joined(parts), log_masses, alive)


def _scores(centres: Array, variances: Array, log_masses: Array) -> Array:
    """Return how far points are below the largest, in the integral or in any second moment."""
    mean, sd = _moments(centres, variances, log_masses)
    far = ((centres - mean) ** 2 + variances) / sd**2
    most = np.max(np.where(np.isfinite(far), far, 0.0), axis=1, initial=0.0)
    return np.asarray(log_masses - log_masses.max() + np.log1p(most))


def _around(index: Index, reach: int, known: Index) -> Index:
    """Return all indices within a reach of some, save those that are known."""
    low, high = index.min(axis=0) - reach, index.max(axis=0) + reach + 1
    marked = np.zeros(high - low, dtype=np.bool_)
    marked[tuple((index - low).T)] = True
    for axis in range(index.shape[1]):
        rows = np.moveaxis(marked, axis, 0)
        before = rows.copy()
        for move in range(1, reach + 1):
            rows[move:] |= before[:-move]
            rows[:-move] |= before[move:]
    inside = known[np.all((known >= low) & (known < high), axis=1)]
    marked[tuple((inside - low).T)] = False
    return np.asarray(np.argwhere(marked) + low, dtype=np.intp)
