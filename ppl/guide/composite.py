"""A fitted composite guide as reports and files know it: moments, and the network of an encoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ppl.guide.network import Network
from ppl.guide.rows import Amortized

Array = npt.NDArray[np.float64]


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """A guide put together from factors; the draws that inference hands out are from them.

    `place`, `whiten` and `pull` treat the latents as independent, by their means and scales.

    Attributes
    ----------
    mean, scale
        Of every column in the unconstrained space, (D,); 0 scale for points.
    points
        Which columns are learned parameters, (D,).
    weights, sizes, shift, spread
        Of the network of an amortized guide; empty if there is none.
    inputs
        The names of the data that it reads.
    """

    mean: Array
    scale: Array
    points: npt.NDArray[np.bool_]
    weights: Array = field(default_factory=_none)
    sizes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    shift: Array = field(default_factory=_none)
    spread: Array = field(default_factory=_none)
    inputs: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, "U1"))

    @property
    def amortized(self) -> Amortized | None:
        """The network of an encoder, if the guide has one."""
        if not self.sizes.size:
            return None
        network = Network(tuple(int(n) for n in self.sizes))
        return Amortized(network, self.shift, self.spread)

    @property
    def rank(self) -> int:
        """Number of columns that are not points."""
        return int(np.count_nonzero(~self.points))

    @property
    def log_determinant(self) -> float:
        """Sum of the latents' log scales."""
        return float(np.sum(np.log(self.scale[~self.points])))

    def place(self, normals: Array) -> Array:
        """Map normals (S, d) to positions (S, D)."""
        positions = np.repeat(self.mean[None], len(normals), axis=0)
        positions[:, ~self.points] += self.scale[~self.points] * normals
        return positions

    def whiten(self, positions: Array) -> Array:
        """Map positions (S, D) to normals (S, d)."""
        free = ~self.points
        normals: Array = (positions - self.mean)[:, free] / self.scale[free]
        return normals

    def pull(self, gradients: Array) -> Array:
        """Map gradients by positions (S, D) to gradients by normals (S, d)."""
        free = ~self.points
        pulled: Array = gradients[:, free] * self.scale[free]
        return pulled
