"""A named family as a factor of a guide: a distribution of the language, its arguments learned.

A draw is the quantile at a uniform number, found by bisection; how it moves with the arguments
follows from the distribution function alone, -(dF/da) / f (Figurnov, Mohamed & Mnih 2018, "Implicit
reparameterization gradients"). So every continuous distribution with a distribution function can be
a guide. Everything happens in the unconstrained space, where the latent has no edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr

from ppl.constraints import Bijection, Constraint
from ppl.distributions import DISTRIBUTIONS

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

REACH, BISECTIONS = 60.0, 70
DIFFERENCE = 1e-4
FITTING_STEPS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Independent latents, each with the distribution `name` and arguments of its own."""

    columns: Positions
    centre: Array
    widths: Array
    name: str

    @property
    def normals(self) -> int:
        """One for each latent."""
        return self.columns.size

    @property
    def count(self) -> int:
        """Every argument, for each latent."""
        return self.columns.size * len(DISTRIBUTIONS[self.name].parameters)

    def pace(self) -> Array:
        """Return how far each number moves in a step, (p,)."""
        return np.ones(self.count) * 0.5

    def start(self) -> Array:
        """Return the arguments nearest to a normal with the centre and widths: most likely on
        average under it."""
        nodes, weights = hermegauss(21)
        places = self.centre + self.widths * nodes[:, None]
        share = (weights / weights.sum())[:, None]
        numbers = np.zeros(self.count)
        first, second = np.zeros(self.count), np.zeros(self.count)
        for step in range(FITTING_STEPS):
            slope = np.zeros(self.count)
            for which, (up, down, width) in self._moved(numbers):
                with np.errstate(all="ignore"):
                    gain = self._log_density(up, places) - self._log_density(down, places)
                gain = np.where(np.isfinite(gain), gain, 0.0)
                slope[which] = np.sum(share * gain, axis=0) / width
            first = 0.9 * first + 0.1 * slope
            second = 0.99 * second + 0.01 * slope**2
            bias = (1 - 0.9 ** (step + 1)) / np.sqrt(1 - 0.99 ** (step + 1))
            numbers = numbers + 0.2 * 0.99**step * first / bias / (np.sqrt(second) + 1e-12)
        return numbers

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws (S, c) from normals (S, c)."""
        uniforms = ndtr(normals)
        low = np.full(normals.shape, -REACH)
        high = np.full(normals.shape, REACH)
        arguments = self._arguments(numbers)
        with np.errstate(all="ignore"):
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                below = self._cdf(arguments, middle) < uniforms
                low = np.where(below, middle, low)
                high = np.where(below, high, middle)
        return np.asarray(0.5 * (low + high), dtype=np.float64)

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the log density at draws, (S, c)."""
        h = DIFFERENCE
        up, down = self._log_density(numbers, draws + h), self._log_density(numbers, draws - h)
        return (up - down) / (2 * h)

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the mean gradient by the numbers, (p,)."""
        density = np.exp(self._log_density(numbers, draws))
        gradient = np.zeros(self.count)
        for which, (up, down, width) in self._moved(numbers):
            change = self._cdf(self._arguments(up), draws) - self._cdf(self._arguments(down), draws)
            moved = np.where(density > 0, -change / width / np.maximum(density, 1e-300), 0.0)
            gradient[which] = np.mean(slopes * moved, axis=0)
        return gradient

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the log density of draws, (S,)."""
        density: Array = self._log_density(numbers, draws).sum(axis=1)
        return density

    # ------------------------------------------------------------------------------- of the law

    def _moved(self, numbers: Array) -> Iterator[tuple[slice, tuple[Array, Array, float]]]:
        """Yield for each argument its part of the numbers, and the numbers on either side."""
        size = self.columns.size
        for k in range(len(DISTRIBUTIONS[self.name].parameters)):
            which = slice(k * size, (k + 1) * size)
            up, down = numbers.copy(), numbers.copy()
            up[which] += DIFFERENCE
            down[which] -= DIFFERENCE
            yield which, (up, down, 2 * DIFFERENCE)

    def _arguments(self, numbers: Array) -> list[Any]:
        size = self.columns.size
        return [
            _bijection(constraint).forward(numbers[k * size : (k + 1) * size])
            for k, constraint in enumerate(DISTRIBUTIONS[self.name].parameters.values())
        ]

    def _values(self, draws: Array) -> Any:
        support = DISTRIBUTIONS[self.name].support
        assert isinstance(support, Constraint)
        return _bijection(support).forward(draws)

    def _cdf(self, arguments: list[Any], draws: Array) -> Any:
        cdf = DISTRIBUTIONS[self.name].cdf
        assert cdf is not None
        return cdf(self._values(draws), *arguments)

    def _log_density(self, numbers: Array, draws: Array) -> Array:
        record = DISTRIBUTIONS[self.name]
        support = record.support
        assert isinstance(support, Constraint)
        values = self._values(draws)
        density = record.log_density(values, *self._arguments(numbers))
        jacobian = _bijection(support).log_jacobian(draws, values)
        return np.asarray(density + jacobian, dtype=np.float64)


def _bijection(constraint: Constraint) -> Bijection:
    assert constraint.bijection is not None
    return constraint.bijection
