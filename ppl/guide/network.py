"""The networks of amortized guides: dense layers with tanh between, and their reverse pass.

A network maps rows of data to the means and log scales of each row's latents. It works on all rows
of a batch at once; its weights are one flat vector, so that one optimiser moves them with
everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Network:
    """Sizes of the layers, from the inputs to the outputs."""

    sizes: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of weights and offsets."""
        return sum((a + 1) * b for a, b in zip(self.sizes, self.sizes[1:], strict=False))

    def start(self, rng: np.random.Generator) -> Array:
        """Return first weights: normal with variance 1 / fan-in, the last layer a tenth of it."""
        parts: list[Array] = []
        layers = len(self.sizes) - 1
        for number, (a, b) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            gain = 0.1 if number == layers - 1 else 1.0
            parts.append(rng.standard_normal(a * b) * gain / np.sqrt(max(a, 1)))
            parts.append(np.zeros(b))
        return np.concatenate(parts)

    def pace(self) -> Array:
        """Return how far each weight moves in a step: in proportion to its first size."""
        parts = [np.full((a + 1) * b, 1 / np.sqrt(max(a, 1))) for a, b in self._layers()]
        return np.concatenate(parts)

    def run(self, weights: Array, inputs: Array) -> tuple[Array, list[Array]]:
        """Return the outputs, (rows, outputs), and the layers' inputs, which `pull` needs."""
        layers = [inputs]
        hidden = inputs
        last = len(self.sizes) - 2
        for number, (w, b) in enumerate(self._matrices(weights)):
            hidden = hidden @ w + b
            if number < last:
                hidden = np.tanh(hidden)
                layers.append(hidden)
        return hidden, layers

    def pull(self, weights: Array, layers: list[Array], slopes: Array) -> Array:
        """Return the gradient by the weights from that by the outputs, (rows, outputs)."""
        matrices = list(self._matrices(weights))
        parts: list[Array] = []
        for number in range(len(matrices) - 1, -1, -1):
            inputs = layers[number]
            parts.append(slopes.sum(axis=0))
            parts.append((inputs.T @ slopes).ravel())
            if number:
                slopes = (slopes @ matrices[number][0].T) * (1 - inputs**2)
        return np.concatenate(parts[::-1])

    def _layers(self) -> Iterator[tuple[int, int]]:
        yield from zip(self.sizes, self.sizes[1:], strict=False)

    def _matrices(self, weights: Array) -> Iterator[tuple[Array, Array]]:
        start = 0
        for a, b in self._layers():
            yield (
                weights[start : start + a * b].reshape(a, b),
                weights[start + a * b : start + (a + 1) * b],
            )
            start += (a + 1) * b
