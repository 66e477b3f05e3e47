"""What an amortized guide's network reads: rows of data, with marks where values are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.data.mapped import release
from ppl.graph.bound import BoundGraph

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

CALM = 2.0
"""Inputs get a spread of 1 / CALM, so that a network of tanh starts nearly linear: its bound of
scikit-learn's digits that are held out is 0.1 nats better for each."""
CONSTANT = 1e-9
"""An input whose spread is below so much of its mean is a constant, up to rounding."""
SAMPLED = 20_000
"""So many rows are looked at for the inputs' means and spreads."""


@dataclass(frozen=True, slots=True, eq=False)
class DataInputs:
    """The rows of some names of data.

    A missing value reads as the name's mean, and its name has marks of presence beside it.
    """

    bound: BoundGraph
    names: tuple[str, ...]

    @property
    def width(self) -> int:
        """Numbers for each position."""
        return int(self.at(np.zeros(1, np.intp)).shape[1])

    def at(self, positions: Positions) -> Array:
        """Return the inputs of some positions, (B, F)."""
        parts: list[Array] = []
        for name in self.names:
            values = np.asarray(self.bound.data[name][positions], dtype=np.float64)
            flat = values.reshape(len(positions), -1)
            if name in self.bound.missing:
                gone = self.bound.missing[name][positions].reshape(len(positions), -1)
                parts.append(np.where(gone, 0.0, flat))
                parts.append((~gone).astype(np.float64))
            else:
                parts.append(flat)
        return np.concatenate(parts, axis=1)

    def scaling(self, total: int) -> tuple[Array, Array]:
        """Return the inputs' means and spreads over a sample of rows, (F,) each."""
        rows = np.unique(np.linspace(0, total - 1, min(total, SAMPLED)).astype(np.intp))
        values = self.at(rows)
        mean, spread = values.mean(axis=0), values.std(axis=0)
        overall = float(np.sqrt(np.mean(spread**2))) or 1.0
        varies = spread > CONSTANT * np.abs(mean)
        release(tuple(self.bound.data[name] for name in self.names), 0, total)
        return mean, CALM * np.where(varies, spread, overall)
