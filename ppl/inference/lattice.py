"""Integrals of a smooth density over a few scales, by the trapezoid rule on a lattice.

The rule converges exponentially for smooth densities that vanish at the ends. Points are added
around those that count, until what would be added counts for nothing; a second lattice, shifted by
half a step, tells the error of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ppl.inference.given import Given, joined

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

DEPTH = 25.0
"""Points count for nothing from so many nats below the largest on."""
FIRST = 3.0
REACH = {1: 6, 2: 2, 3: 1}
STEP, STEP_SCALE = 0.9, 0.4
"""Steps in standard deviations, and at most in the unconstrained scale."""
MOST_POINTS = {1: 700, 2: 5_000, 3: 20_000}
SPAN = 2_048
"""Indices are within plus and minus so many."""
CLIMBS, FARTHEST, FLAT = 60, 3.0, 0.02
SETTLED = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where lattice points are.

    Attributes
    ----------
    origin
        The mode, (k,).
    steps
        One step of the lattice in each column, (k, k).
    """

    origin: Array
    steps: Array

    def place(self, index: Array) -> Array:
        """Return scales (n, k) at indices (n, k)."""
        return np.asarray(self.origin + index @ self.steps.T)

    def finer(self, factor: float) -> Frame:
        """Return the frame with smaller steps."""
        return Frame(self.origin, self.steps * factor)

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume that one point stands for."""
        return float(np.linalg.slogdet(self.steps)[1])


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one lattice, their indices (n, k) halves if it is the shifted one."""

    index: Array
    given: Given

    def weights(self) -> Array:
        """Return the shares of the mass, (n,)."""
        weights = np.exp(self.given.log_mass - self.given.log_mass.max())
        return np.asarray(weights / weights.sum())

    def log_mass(self, frame: Frame) -> float:
        """Return the logarithm of the integral."""
        top = self.given.log_mass.max()
        total = np.exp(self.given.log_mass - top).sum()
        return float(top + np.log(total) + frame.log_volume)

    def moments(self) -> tuple[Array, Array]:
        """Return means and standard deviations of the quantities, (r,), by total variance."""
        weights, given = self.weights(), self.given
        middle = given.centres[int(np.argmax(weights))]
        mean = middle + weights @ (given.centres - middle)
        variance = weights @ (given.variances + (given.centres - mean) ** 2)
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
        settled = np.linalg.norm(step) < SETTLED and np.all((bends > 0.5) & (bends < 2.0))
        tries = at + np.outer([1.0, 0.5, 0.25, 0.1, 0.03], root @ (axes @ step))
        reached = log_mass(tries)
        best = int(np.argmax(reached))
        if reached[best] >= values[0]:
            at = tries[best]
        root = root @ axes / np.sqrt(np.clip(bends, FLAT, 1 / FLAT))
        if settled:
            size = np.abs(root).max(axis=0)
            return Frame(at, root * np.minimum(STEP, STEP_SCALE / size))
    return None


def _probes(k: int) -> Array:
    """Return the middle, both ways along each axis, and along each pair of axes."""
    eye = np.eye(k)
    rows = [np.zeros(k), *eye, *-eye]
    rows += [s * (eye[i] + eye[j]) for i in range(k) for j in range(i) for s in (1, -1)]
    return np.array(rows)


def _fitted(values: Array, k: int) -> tuple[Array, Array]:
    """Return slope and curvature from the values at `_probes`."""
    ahead, behind = values[1 : 1 + k], values[1 + k : 1 + 2 * k]
    slope = 0.5 * (ahead - behind)
    curvature = np.diag(ahead + behind - 2 * values[0])
    pairs = values[1 + 2 * k :].reshape(-1, 2).sum(axis=1)
    for pair, (i, j) in zip(pairs, [(i, j) for i in range(k) for j in range(i)], strict=True):
        mixed = 0.5 * (pair + 2 * values[0] - ahead[i] - behind[i] - ahead[j] - behind[j])
        curvature[i, j] = curvature[j, i] = mixed
    return slope, curvature


def spread_out(
    read: Callable[[Array], Given], frame: Frame, shift: float, seeds: Array
) -> Points | None:
    """Add points until no more count; None where there are too many, or mass is cut off.

    Parameters
    ----------
    read
        The laws at values of the scales (n, k).
    frame
        The lattice.
    shift
        By which part of a step it is shifted along every axis.
    seeds
        Values (n, k) that points are added around too, as other modes may be there.
    """
    k = frame.origin.size
    away = np.round(np.linalg.solve(frame.steps, (seeds - frame.origin).T).T - shift)
    start = np.concatenate([_ball(k), _around(away.astype(np.intp), 1)])
    fresh = _within(_around(start, 0))
    index = np.zeros((0, k), dtype=np.intp)
    parts: list[Given] = []
    while len(fresh):
        index = np.concatenate([index, fresh])
        if len(index) > MOST_POINTS[k]:
            return None
        parts = [joined([*parts, read(frame.place(fresh + shift))])]
        points = Points(index + shift, parts[0])
        alive = index[_counting(points)]
        edge = _around(alive, 1)
        known, near = _codes(index), _codes(edge)
        cut = not np.isfinite(points.given.log_mass[np.isin(known, near)]).all()
        if cut or len(edge) > len(_within(edge)):
            return None
        if np.isin(near, known).all():
            break
        wanted = _within(_around(alive, REACH[k]))
        fresh = wanted[~np.isin(_codes(wanted), known)]
    return points


def _counting(points: Points) -> npt.NDArray[np.bool_]:
    """Return which points count, for the mass or for any second moment."""
    given = points.given
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean, sd = points.moments()
        far = ((given.centres - mean) ** 2 + given.variances) / sd**2
    most = np.max(np.where(np.isfinite(far), far, 0.0), axis=1, initial=0.0)
    score = given.log_mass - given.log_mass.max() + np.log1p(most)
    return np.asarray(score > -DEPTH)


def _ball(k: int) -> Index:
    most = int(np.ceil(FIRST / STEP))
    every = np.array(list(product(range(-most, most + 1), repeat=k)))
    return every[(every**2).sum(axis=1) <= most**2]


def _around(index: Index, reach: int) -> Index:
    """Return indices and all within a reach, once each."""
    k = index.shape[1]
    moves = np.array(list(product(range(-reach, reach + 1), repeat=k)))
    every = (index[:, None] + moves).reshape(-1, k)
    _, first = np.unique(_codes(every), return_index=True)
    return every[first]


def _within(index: Index) -> Index:
    """Return the indices that are not too far out."""
    return index[np.all(np.abs(index) < SPAN, axis=1)]


def _codes(index: Index) -> Index:
    """Return one whole number for each index, (n,)."""
    return np.asarray((index + 2 * SPAN) @ (4 * SPAN) ** np.arange(index.shape[1]), dtype=np.intp)
