"""Factors of a composite guide: how a group of latents varies, and together with what.

A factor maps standard normals to its latents. `pull` carries the gradient of the log joint minus
the guide's own score back to the factor's numbers: sticking the landing (Roeder, Wu & Duvenaud
2017), whose noise vanishes where the guide is the posterior. Latents are measured in `widths` from
a `centre`, so that all of a factor's numbers are of one size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log, pi
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
SMALLEST = -12.0
"""Log scales, in widths, stay above this."""


class Factor(Protocol):
    """A distribution of c latents made from e standard normals by p numbers."""

    @property
    def columns(self) -> Positions:
        """Which columns of the model's vector, (c,)."""

    @property
    def normals(self) -> int:
        """How many standard normals a draw takes: e."""

    @property
    def count(self) -> int:
        """How many numbers it has: p."""

    def start(self) -> Array:
        """Return the numbers at which it has its centre and widths, (p,)."""

    def pace(self) -> Array:
        """Return how far each number moves in a step, (p,)."""

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws (S, c) from normals (S, e)."""

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the log density at draws, (S, c)."""

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the mean gradient by the numbers, (p,), from slopes by the draws, (S, c)."""

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the log density of draws that were placed from normals, (S,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal:
    """Independent normals."""

    columns: Positions
    centre: Array
    widths: Array

    @property
    def normals(self) -> int:
        """One for each latent."""
        return self.columns.size

    @property
    def count(self) -> int:
        """A mean and a log scale for each latent."""
        return 2 * self.columns.size

    def start(self) -> Array:
        """Return the numbers at which it has its centre and widths, (p,)."""
        return np.zeros(self.count)

    def pace(self) -> Array:
        """Return how far each number moves in a step, (p,)."""
        return np.ones(self.count)

    def _parts(self, numbers: Array) -> tuple[Array, Array]:
        size = self.columns.size
        return numbers[:size], np.exp(np.maximum(numbers[size:], SMALLEST))

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws (S, c) from normals (S, e)."""
        mean, scale = self._parts(numbers)
        return self.centre + self.widths * (mean + scale * normals)

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the log density at draws, (S, c)."""
        return -normals / (self._parts(numbers)[1] * self.widths)

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the mean gradient by the numbers, (p,)."""
        _, scale = self._parts(numbers)
        moved = slopes * self.widths
        by_scale = (moved * normals).sum(axis=0) * scale / len(normals)
        return np.concatenate([moved.mean(axis=0), by_scale])

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the log density of draws that were placed from normals, (S,)."""
        logs = np.sum(np.log(self._parts(numbers)[1]) + np.log(self.widths))
        density: Array = _standard(normals) - logs
        return density


@dataclass(frozen=True, slots=True, eq=False)
class Structured:
    """A normal whose Cholesky factor follows the plates.

    The roots vary jointly. At every position of a plate its latents vary jointly, and each leans
    on the roots; given the roots, positions are independent.

    Attributes
    ----------
    columns, centre, widths
        The roots first, then plate by plate, position by position.
    roots
        Number R of roots.
    plates
        For every plate (P, k): its positions, and the latents of each.
    """

    columns: Positions
    centre: Array
    widths: Array
    roots: int
    plates: tuple[tuple[int, int], ...] = ()

    @property
    def normals(self) -> int:
        """One for each latent."""
        return self.columns.size

    @property
    def count(self) -> int:
        """Means, a triangle for the roots, and a triangle and a slope at each position."""
        return (
            self.columns.size
            + sum(
                p * k * (k + 1) // 2 + p * k * self.roots
                for p, k in ((1, self.roots), *self.plates)
            )
            - self.roots * self.roots
        )

    def start(self) -> Array:
        """Return the numbers at which it has its centre and widths, (p,)."""
        return np.zeros(self.count)

    def pace(self) -> Array:
        """Return how far each number moves in a step: correlations less, the more there are."""
        size = self.columns.size
        pace = np.full(self.count, 1.0 / np.sqrt(max(1.0, self.roots / 4)))
        pace[:size] = 1.0
        return pace

    def _matrices(self, numbers: Array) -> list[tuple[Array, Array]]:
        """Return for the roots and every plate: triangles (P, k, k), and slopes (P, k, R)."""
        found = []
        start = self.columns.size
        for number, (p, k) in enumerate(((1, self.roots), *self.plates)):
            size = k * (k + 1) // 2
            flat = numbers[start : start + p * size].reshape(p, size)
            lower, diagonal = _triangle(k)
            square = np.where(lower >= 0, flat[:, np.maximum(lower, 0)], 0.0)
            triangle = np.where(diagonal, np.exp(np.maximum(square, SMALLEST)), square)
            start += p * size
            reach = self.roots if number else 0
            slopes = numbers[start : start + p * k * reach].reshape(p, k, reach)
            start += p * k * reach
            found.append((triangle, slopes))
        return found

    def _split(self, values: Array) -> list[Array]:
        """Return the parts (S, P, k) of the roots and every plate."""
        parts, start = [], 0
        for p, k in ((1, self.roots), *self.plates):
            parts.append(values[:, start : start + p * k].reshape(len(values), p, k))
            start += p * k
        return parts

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws (S, c) from normals (S, e)."""
        parts = self._split(normals)
        moved = []
        for number, ((triangle, slopes), part) in enumerate(
            zip(self._matrices(numbers), parts, strict=True)
        ):
            value = np.einsum("pij,spj->spi", triangle, part)
            if number and self.roots:
                value = value + np.einsum("pir,sr->spi", slopes, parts[0][:, 0])
            moved.append(value.reshape(len(normals), -1))
        deviations = np.concatenate(moved, axis=1)
        draws: Array = self.centre + self.widths * (numbers[: self.columns.size] + deviations)
        return draws

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the log density at draws, (S, c): minus the transposed inverse
        of the factor, times the normals."""
        parts, matrices = self._split(normals), self._matrices(numbers)
        found: list[Array] = []
        rest = parts[0][:, 0]
        for (triangle, slopes), part in zip(matrices[1:], parts[1:], strict=True):
            solved = _solved(triangle, part)
            rest = rest - np.einsum("pir,spi->sr", slopes, solved)
            found.append(solved.reshape(len(normals), -1))
        roots = _solved(matrices[0][0], rest[:, None]).reshape(len(normals), -1)
        return -np.concatenate([roots, *found], axis=1) / self.widths

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the mean gradient by the numbers, (p,)."""
        moved = slopes * self.widths
        heads, tails = self._split(moved), self._split(normals)
        gradient = [moved.mean(axis=0)]
        for number, ((triangle, _), h, e) in enumerate(
            zip(self._matrices(numbers), heads, tails, strict=True)
        ):
            k = h.shape[2]
            by = np.einsum("spi,spj->pij", h, e) / len(normals)
            lower, diagonal = _triangle(k)
            by = np.where(diagonal, by * triangle, by)
            gradient.append(by[:, lower >= 0].ravel())
            if number:
                slope = np.einsum("spi,sr->pir", h, tails[0][:, 0]) / len(normals)
                gradient.append(slope.ravel())
        return np.concatenate(gradient)

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the log density of draws that were placed from normals, (S,)."""
        density: Array = _standard(normals) - np.sum(np.log(self.widths))
        for triangle, _ in self._matrices(numbers):
            density = density - np.sum(np.log(np.diagonal(triangle, axis1=1, axis2=2)))
        return density


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """A normal whose covariance is a diagonal plus `rank` directions."""

    columns: Positions
    centre: Array
    widths: Array
    rank: int

    @property
    def normals(self) -> int:
        """One for each latent, and one for each direction."""
        return self.columns.size + self.rank

    @property
    def count(self) -> int:
        """A mean, a log scale and the directions' entries for each latent."""
        return self.columns.size * (2 + self.rank)

    def start(self) -> Array:
        """Return the numbers of small random directions, (p,)."""
        size = self.columns.size
        rng = np.random.default_rng(size)
        directions = rng.standard_normal(size * self.rank) * 0.1 / np.sqrt(self.rank)
        return np.concatenate([np.zeros(2 * size), directions])

    def pace(self) -> Array:
        """Return how far each number moves in a step, (p,)."""
        pace = np.ones(self.count)
        pace[2 * self.columns.size :] = 0.5
        return pace

    def _parts(self, numbers: Array) -> tuple[Array, Array, Array]:
        size = self.columns.size
        scale = np.exp(np.maximum(numbers[size : 2 * size], SMALLEST))
        return numbers[:size], scale, numbers[2 * size :].reshape(size, self.rank)

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws (S, c) from normals (S, e)."""
        mean, scale, directions = self._parts(numbers)
        size = self.columns.size
        deviation = scale * normals[:, :size] + normals[:, size:] @ directions.T
        return self.centre + self.widths * (mean + deviation)

    def _precise(self, numbers: Array, draws: Array) -> tuple[Array, Array, Array]:
        """Return deviations in widths, the precision times them, and the log determinant.

        By Woodbury's identity, in time linear in the number of latents.
        """
        mean, scale, directions = self._parts(numbers)
        deviation = (draws - self.centre) / self.widths - mean
        shrunk = directions / scale[:, None] ** 2
        core = np.eye(self.rank) + directions.T @ shrunk
        inner = np.linalg.solve(core, (deviation @ shrunk).T).T
        precise = deviation / scale**2 - inner @ shrunk.T
        determinant = 2 * np.sum(np.log(scale)) + np.linalg.slogdet(core)[1]
        return deviation, precise, determinant

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the log density at draws, (S, c)."""
        return -self._precise(numbers, draws)[1] / self.widths

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the mean gradient by the numbers, (p,)."""
        _, scale, _ = self._parts(numbers)
        size, count = self.columns.size, len(normals)
        moved = slopes * self.widths
        by_scale = (moved * normals[:, :size]).sum(axis=0) * scale / count
        by_directions = moved.T @ normals[:, size:] / count
        return np.concatenate([moved.mean(axis=0), by_scale, by_directions.ravel()])

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the log density of draws, (S,)."""
        deviation, precise, determinant = self._precise(numbers, draws)
        squares = (deviation * precise).sum(axis=1)
        constant = self.columns.size * log(2 * pi) + determinant
        density: Array = -0.5 * (squares + constant) - np.sum(np.log(self.widths))
        return density


def _solved(triangle: Array, values: Array) -> Array:
    """Return the transposed inverse of lower triangles (P, k, k) times values (S, P, k)."""
    flipped = np.moveaxis(values, 0, -1)
    solved: Any = np.linalg.solve(np.swapaxes(triangle, 1, 2), flipped)
    found: Array = np.moveaxis(solved, -1, 0)
    return found


@lru_cache(maxsize=64)
def _triangle(size: int) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Return where the numbers of a lower triangle, row by row, stand in a square, -1 above it;
    and which of them are the diagonal's."""
    rows, columns = np.arange(size)[:, None], np.arange(size)
    places = np.where(columns <= rows, rows * (rows + 1) // 2 + columns, -1)
    return places, rows == columns


def _standard(normals: Array) -> Array:
    squares = (normals * normals).sum(axis=1)
    density: Array = -0.5 * squares - 0.5 * normals.shape[1] * log(2 * pi)
    return density
