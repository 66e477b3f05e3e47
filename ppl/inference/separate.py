"""Draws of latents that are independent given the globals, group by group: each from its own law.

Where a local shares factors with few others, the posterior given the globals is a product over such
groups, and one gradient shows the slopes of all their log densities. A group is drawn along a line
through its mode: slopes at a few places of the line give the law on it as a function, by an
interpolating polynomial that is integrated, made of pieces on which the log density is linear, with
exponential tails. A latent by itself has one line; a group has a few lines in directions at random,
of which one is taken in proportion to its mass. What the pieces leave out, weights correct; nothing
is lost by skewness, of which thousands of normals would make weights of no use by a little in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev
from scipy.special import gammaln

Array = npt.NDArray[np.float64]

REACH, NODES, PIECES = 5.0, 10, 24
"""Laws are interpolated over so many widths to both sides of the mode, from slopes at so many
places, and made of so many pieces."""
NEAR, RISE = 8.0, 1e-2
"""A second top of a law counts if it is not further than the first number below the first, and the
density rises to it by the second over a piece, in nats."""
LEAST = 0.4
"""Tails fall by no less, in nats over the length of a piece, whatever the slope at their beginning.
"""
FLAT, LOWEST = 1e-6, 500.0
"""A smaller change over a piece counts as none; no density is further below the highest, in nats.
"""
MOST_TOGETHER, LINES = 4, 2
"""Groups have at most so many latents, and so many lines to choose among where they have two."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Which locals share factors: the number of each one's group, (n,), from 0."""

    of: npt.NDArray[np.intp]

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """How many locals each group has, (G,)."""
        return np.bincount(self.of)

    @property
    def lines(self) -> int:
        """How many lines are tried for each group."""
        return LINES if self.sizes.max(initial=1) > 1 else 1

    @property
    def log_room(self) -> Array:
        """Log of the volume of half the unit ball in each group's space, (G,)."""
        half = 0.5 * self.sizes
        room: Array = half * np.log(np.pi) - gammaln(half) - np.log(self.sizes)
        return room

    def summed(self, values: Array) -> Array:
        """Return sums over each group of values (..., n), (..., G)."""
        if len(self.sizes) == len(self.of):
            result = np.empty_like(values)
            result[..., self.of] = values
            return result
        order = np.argsort(self.of, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        return np.add.reduceat(values[..., order], starts, axis=-1)

    def directions(self, rng: np.random.Generator, count: int) -> Array:
        """Return directions of unit length in each group's space, (count, lines, n)."""
        if self.lines == 1:
            return np.ones((count, 1, len(self.of)))
        normals = rng.standard_normal((count, self.lines, len(self.of)))
        return normals / np.sqrt(self.summed(normals**2))[..., self.of]


def groups_of(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], size: int
) -> Groups | None:
    """Return the groups of `size` locals of which pairs share a factor; None if one is large."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix((np.ones(rows.size), (rows, columns)), shape=(size, size))
    groups = Groups(connected_components(graph, directed=False)[1].astype(np.intp))
    return groups if groups.sizes.max(initial=1) <= MOST_TOGETHER else None


def places() -> Array:
    """Return the places, in widths from the mode, at which slopes are needed, (NODES,)."""
    return REACH * np.asarray(chebyshev.chebpts1(NODES), dtype=np.float64)


def _integrated() -> Array:
    """Return the matrix from slopes at the places to log densities at the pieces' ends."""
    basis = chebyshev.chebvander(places() / REACH, NODES - 1)
    coefficients = np.linalg.inv(basis)
    ends = np.linspace(-1.0, 1.0, PIECES + 1)
    whole = np.stack([chebyshev.chebint(c, lbnd=0.0) for c in coefficients.T])
    matrix: Array = REACH * chebyshev.chebvander(ends, NODES) @ whole.T
    return matrix


@dataclass(frozen=True, slots=True, eq=False)
class Laws:
    """Laws on S x G lines, of the room that there is from the mode to a distance.

    In a group of b latents the distance r, in widths, has the room u = r^b, with the sign of r: a
    normal's log density is linear in it where b is 2, and the law of u needs no factor r^(b - 1).

    Attributes
    ----------
    sizes
        How many latents each group has, (G,).
    heights
        Log densities at the ends of the pieces, normalised, (S, PIECES + 1, G).
    cumulated
        Probability up to the end of the lower tail and of each piece, (S, PIECES + 1, G).
    log_mass
        Of each line, against its density at the mode, (S, G).
    """

    sizes: npt.NDArray[np.intp]
    heights: Array
    cumulated: Array
    log_mass: Array

    @property
    def split(self) -> float:
        """The part of the lines on which the density falls and rises again."""
        change = np.diff(self.heights, axis=1)
        top = self.heights.max(axis=1, keepdims=True)
        near = np.maximum(self.heights[:, 1:], self.heights[:, :-1]) > top - NEAR
        falls, rises = near & (change < -FLAT), near & (change > RISE)
        again = np.maximum.accumulate(falls, axis=1)[:, :-1] & rises[:, 1:]
        return float(np.mean(again.any(axis=1)))

    def chosen(self, rng: np.random.Generator, lines: int) -> tuple[npt.NDArray[np.intp], Laws]:
        """Choose one of every `lines` lines in proportion to its mass, (S / lines, G).

        The laws that are returned have, as their mass, its ratio to the mean of those that could
        have been chosen.
        """
        if lines == 1:
            one = np.zeros(self.log_mass.shape)
            return one.astype(np.intp), Laws(self.sizes, self.heights, self.cumulated, one)
        masses = self.log_mass.reshape(-1, lines, self.log_mass.shape[1])
        weights = np.exp(masses - masses.max(axis=1, keepdims=True))
        sums = np.cumsum(weights, axis=1)
        levels = rng.random((len(sums), 1, sums.shape[2])) * sums[:, -1:]
        index = np.minimum(np.sum(sums <= levels, axis=1), lines - 1)
        taken = _at(weights, index) * lines / sums[:, -1]

        def among(values: Array) -> Array:
            parts = values.reshape(-1, lines, *values.shape[1:])
            return np.take_along_axis(parts, index[:, None, None], axis=1)[:, 0]

        heights, cumulated = among(self.heights), among(self.cumulated)
        return index, Laws(self.sizes, heights, cumulated, np.log(taken))

    def draw(self, levels: Array) -> tuple[Array, Array]:
        """Return distances (S, G) whose room has levels in (0, 1), and its log densities there."""
        ends = _ends(self.sizes)
        piece = np.sum(self.cumulated <= levels[:, None], axis=1)
        inner = np.clip(piece, 1, PIECES)
        low, high = _at(self.heights, inner - 1), _at(self.heights, inner)
        start = _at(ends[None], inner - 1)
        length = _at(ends[None], inner) - start
        slope = high - low
        flat = np.abs(slope) < FLAT
        left = (levels - _at(self.cumulated, inner - 1)) / (length * np.exp(low))
        with np.errstate(all="ignore"):
            part = np.where(flat, left, np.log1p(left * slope) / np.where(flat, 1.0, slope))
        part = np.clip(np.where(np.isfinite(part), part, 0.5), 0.0, 1.0)
        drawn, log_density = start + length * part, low + slope * part
        for is_tail, end, beyond in (
            (piece == 0, 0, levels),
            (piece == PIECES + 1, PIECES, 1.0 - levels),
        ):
            if is_tail.any():
                height, rate = self.heights[:, end], _rate(self.heights, ends, end)
                with np.errstate(all="ignore"):
                    away = -np.log(np.maximum(beyond, 1e-300) * rate / np.exp(height)) / rate
                away = np.where(np.isfinite(away), np.maximum(0.0, away), 0.0)
                tail = ends[end] + np.sign(ends[end]) * away
                drawn = np.where(is_tail, tail, drawn)
                log_density = np.where(is_tail, height - rate * away, log_density)
        distance = np.sign(drawn) * np.abs(drawn) ** (1 / self.sizes)
        return distance, log_density


def laws(slopes: Array, sizes: npt.NDArray[np.intp]) -> Laws:
    """Return the laws with slopes (S, NODES, G) of the log density, by width, at the places.

    Groups have sizes (G,). Where a slope is not finite, that of a standard normal stands in: draws
    are weighed, so that any law will do that is not too light.
    """
    slopes = np.where(np.isfinite(slopes), slopes, -places()[:, None])
    heights = _integrated() @ slopes
    top = heights.max(axis=1, keepdims=True)
    heights -= top
    np.maximum(heights, -LOWEST, out=heights)
    ends = _ends(sizes)
    densities = np.exp(heights)
    change = heights[:, 1:] - heights[:, :-1]
    flat = np.abs(change) < FLAT
    change[flat] = 1.0
    masses = np.empty((len(heights), PIECES + 2, heights.shape[2]))
    inner = masses[:, 1:-1]
    np.subtract(densities[:, 1:], densities[:, :-1], out=inner)
    inner /= change
    inner[flat] = densities[:, :-1][flat]
    inner *= np.diff(ends, axis=0)
    masses[:, 0] = densities[:, 0] / _rate(heights, ends, 0)
    masses[:, -1] = densities[:, -1] / _rate(heights, ends, PIECES)
    cumulated = np.cumsum(masses, axis=1)
    total = cumulated[:, -1:]
    log_mass = (top + np.log(total))[:, 0]
    return Laws(sizes, heights - np.log(total), cumulated[:, :-1] / total, log_mass)


def _ends(sizes: npt.NDArray[np.intp]) -> Array:
    """Return the room from the mode to the ends of the pieces, (PIECES + 1, G)."""
    away = np.linspace(-REACH, REACH, PIECES + 1)[:, None]
    room: Array = np.sign(away) * np.abs(away) ** sizes
    return room


def _rate(heights: Array, ends: Array, end: int) -> Array:
    """Return how fast a tail falls by room, which goes on as the last piece does."""
    inner = 1 if end == 0 else PIECES - 1
    length = np.abs(ends[inner] - ends[end])
    rate: Array = np.maximum(LEAST, heights[:, inner] - heights[:, end]) / length
    return rate


def _at(values: Array, piece: npt.NDArray[np.intp]) -> Array:
    """Return entries (S, G) of values (S, P, G) at pieces (S, G)."""
    return np.take_along_axis(values, piece[:, None], axis=1)[:, 0]
