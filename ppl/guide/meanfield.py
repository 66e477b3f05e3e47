"""The mean-field guide: independent normals, one per latent column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MeanField:
    """Independent normals, with learned parameters as points.

    Attributes
    ----------
    mean
        Means in the unconstrained space, (D,); for points their value.
    log_scale
        Log standard deviations, (D,); not used for points.
    points
        Which columns are points, (D,).
    """

    mean: Array
    log_scale: Array
    points: npt.NDArray[np.bool_]

    @property
    def scale(self) -> Array:
        """Standard deviations, (D,); 0 for points."""
        return np.where(self.points, 0.0, np.exp(self.log_scale))

    @property
    def rank(self) -> int:
        """Number of columns that are not points."""
        return int(self.points.size - np.count_nonzero(self.points))

    @property
    def log_determinant(self) -> float:
        """Sum of the latents' log scales."""
        return float(np.sum(self.log_scale[~self.points]))

    def place(self, normals: Array) -> Array:
        """Map normals (S, d) to positions (S, D)."""
        if not self.points.any():
            return self.mean + np.exp(self.log_scale) * normals
        free = ~self.points
        positions = np.repeat(self.mean[None], len(normals), axis=0)
        positions[:, free] += np.exp(self.log_scale[free]) * normals
        return positions

    def whiten(self, positions: Array) -> Array:
        """Map positions (S, D) to normals (S, d)."""
        free = ~self.points
        normals: Array = (positions - self.mean)[:, free] * np.exp(-self.log_scale[free])
        return normals

    def pull(self, gradients: Array) -> Array:
        """Map gradients by positions (S, D) to gradients by normals (S, d)."""
        free = ~self.points
        pulled: Array = gradients[:, free] * np.exp(self.log_scale[free])
        return pulled
