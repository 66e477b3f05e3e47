"""Draws of scales and normals from what is known at the points of a lattice.

Between the points, log densities, means and roots are interpolated by polynomials. That is not
exact, but the density of each draw is known: its difference from the log joint shows how nearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ppl.inference.given import HALF_LOG_2PI, Given
from ppl.inference.lattice import Frame, Points

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

STENCIL = np.arange(-2, 4)
"""Points that a value is interpolated from, by their distance from the cell's lower corner."""
OVERSHOOT, STEEPEST = 1.0, 10.0
"""Within a cell the log density is taken to be at most so many nats above its highest corner, and
to rise by no more in a part of it: far out, where it falls steeply, polynomials know no bound."""
PARTS = {1: 16, 2: 8, 3: 4}
"""Into so many parts each side of a cell is cut, within which the log density is linear."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A lattice with its cells.

    Attributes
    ----------
    frame
        The lattice.
    given, log_masses
        The laws at its points, and their shares of the integral, logarithms.
    corners
        Index of each cell's lower corner, (c, k).
    points
        Which points each cell's values are interpolated from, (c, stencil).
    """

    frame: Frame
    given: Given
    log_masses: Array
    corners: Places
    points: Places


def cells(frame: Frame, points: Points) -> Cells:
    """Return the cells all of whose stencil is known; indices are whole."""
    index = points.index.astype(np.intp)
    k = index.shape[1]
    low = index.min(axis=0) + STENCIL[0]
    where = np.full(index.max(axis=0) + STENCIL[-1] + 1 - low, -1)
    known = np.flatnonzero(np.isfinite(points.log_masses))
    where[tuple((index[known] - low).T)] = known
    moves = np.array(list(product(STENCIL, repeat=k)))
    places = index[:, None] + moves - low
    stencil = where[tuple(np.moveaxis(places, 2, 0))]
    whole = np.all(stencil >= 0, axis=1)
    return Cells(frame, points.given, points.log_masses, index[whole], stencil[whole])


def draw(lattice: Cells, rng: np.random.Generator, normals: Array) -> tuple[Array, Array, Array]:
    """Return scales (n, k), normals (n, d) and the log densities (n,) of both together.

    Parameters
    ----------
    lattice
        What to draw from.
    rng
        Source of randomness.
    normals
        Standard normals, (n, d).
    """
    k, count = lattice.corners.shape[1], len(normals)
    parts = PARTS[k]
    log_mass, slopes = _parts(lattice, parts)
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    levels = (rng.permutation(count) + rng.random(count)) / count
    flat = np.minimum(np.searchsorted(np.cumsum(mass), levels), mass.size - 1)
    slope = slopes[flat]
    within = _tilted(rng.random((count, k)), slope)
    cell, part = np.divmod(flat, parts**k)
    place = np.stack(np.unravel_index(part, (parts,) * k), axis=1)
    inside = (place + within) / parts
    density = np.log(mass[flat]) + (slope * (within - 0.5) - _log_bulge(slope)).sum(axis=1)
    index = lattice.corners[cell] + inside
    density += k * np.log(parts) - lattice.frame.log_volume(index)
    scales = lattice.frame.place(index)
    drawn, log_root = _normals(lattice.given, lattice.points[cell], _weights(inside), normals)
    density -= 0.5 * (normals**2).sum(axis=1) + normals.shape[1] * HALF_LOG_2PI - log_root
    return scales, drawn, density


def _parts(lattice: Cells, parts: int) -> tuple[Array, Array]:
    """Return the log masses of all parts of all cells (c·parts^k,), and slopes along each axis."""
    k = lattice.corners.shape[1]
    values = lattice.log_masses[lattice.points].reshape(-1, *(len(STENCIL),) * k)
    middles = (np.arange(parts) + 0.5) / parts
    middle = _lagrange(middles)
    change = _lagrange(middles + 0.5 / parts) - _lagrange(middles - 0.5 / parts)
    inner = np.moveaxis(values, 0, -1)[(slice(-STENCIL[0], 2 - STENCIL[0]),) * k]
    highest = inner.reshape(-1, len(values)).max(axis=0)
    log_mass = _contracted(values, [middle] * k)
    log_mass = np.minimum(log_mass.reshape(len(values), -1), highest[:, None] + OVERSHOOT)
    slopes = [
        _contracted(values, [change if axis == other else middle for other in range(k)])
        for axis in range(k)
    ]
    slope = np.clip(np.stack(slopes, axis=-1).reshape(-1, k), -STEEPEST, STEEPEST)
    return log_mass.reshape(-1) + _log_bulge(slope).sum(axis=1), slope


def _contracted(values: Array, weights: list[Array]) -> Array:
    """Interpolate along every axis but the first, (c, stencil, ...) → (c, parts, ...)."""
    for weight in weights:
        values = np.tensordot(values, weight, axes=(1, 1))
    return values


def _log_bulge(slope: Array) -> Array:
    """Return the logarithm of the integral of exp(slope·t) over t from -½ to ½."""
    half = 0.5 * np.abs(slope)
    small = half < 1e-4
    safe = np.where(small, 1.0, half)
    exact = safe + np.log(-np.expm1(-2 * safe)) - np.log(2 * safe)
    return np.where(small, half**2 / 6, exact)


def _tilted(uniforms: Array, slope: Array) -> Array:
    """Return draws of density proportional to exp(slope·t) on 0 to 1."""
    steep = np.abs(slope) > 1e-8
    safe = np.where(steep, slope, 1.0)
    return np.where(steep, np.log1p(uniforms * np.expm1(safe)) / safe, uniforms)


def _lagrange(at: Array) -> Array:
    """Return the weights of the stencil for values at places (n,) of a cell, (n, stencil)."""
    weights = np.ones((at.size, len(STENCIL)))
    for column, own in enumerate(STENCIL):
        for other in STENCIL:
            if other != own:
                weights[:, column] *= (at - other) / (own - other)
    return weights


def _weights(inside: Array) -> Array:
    """Return the weights of each draw's stencil, (n, stencil)."""
    weights = np.ones((len(inside), 1))
    for axis in inside.T:
        own = _lagrange(axis)
        weights = (weights[:, :, None] * own[:, None]).reshape(len(inside), -1)
    return weights


def _normals(given: Given, points: Places, weights: Array, z: Array) -> tuple[Array, Array]:
    """Return normals (n, d), and the logarithm of the determinant of the inverse spread (n,)."""
    drawn = np.zeros_like(z)
    order = np.argsort(points, axis=None, kind="stable")
    sorted_points = points.ravel()[order]
    bounds = np.flatnonzero(np.diff(sorted_points)) + 1
    for group in np.split(order, bounds):
        point = points.ravel()[group[0]]
        draws = group // points.shape[1]
        moved = given.means[point] + z[draws] @ given.inverses[point]
        drawn[draws] += weights.ravel()[group][:, None] * moved
    spread = np.diagonal(given.inverses, axis1=1, axis2=2)
    size = np.zeros_like(z)
    for column in range(points.shape[1]):
        size += weights[:, column, None] * spread[points[:, column]]
    return drawn, -np.log(np.abs(size)).sum(axis=1)
