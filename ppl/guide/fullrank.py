"""The full-rank guide: one multivariate normal over all latent columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FullRank:
    """A multivariate normal, with learned parameters as points.

    Attributes
    ----------
    mean
        Means in the unconstrained space, (D,); for points their value.
    factor
        A square root L of the covariance L Lᵀ of the d columns that are not points, (d, d).
    points
        Which columns are points, (D,).
    """

    mean: Array
    factor: Array
    points: npt.NDArray[np.bool_]

    @property
    def scale(self) -> Array:
        """Marginal standard deviations, (D,); 0 for points."""
        scale = np.zeros(self.mean.size)
        scale[~self.points] = (self.factor**2).sum(axis=1) ** 0.5
        return scale

    @property
    def rank(self) -> int:
        """Number of columns that are not points."""
        return len(self.factor)

    @property
    def log_determinant(self) -> float:
        """Log determinant of the factor."""
        return float(np.linalg.slogdet(self.factor)[1])

    def place(self, normals: Array) -> Array:
        """Map normals (S, d) to positions (S, D)."""
        positions = np.repeat(self.mean[None], len(normals), axis=0)
        positions[:, ~self.points] += normals @ self.factor.T
        return positions

    def whiten(self, positions: Array) -> Array:
        """Map positions (S, D) to normals (S, d)."""
        centred = (positions - self.mean)[:, ~self.points]
        normals = np.linalg.solve(self.factor, centred.T).T
        return np.asarray(normals, dtype=np.float64)

    def pull(self, gradients: Array) -> Array:
        """Map gradients by positions (S, D) to gradients by normals (S, d)."""
        pulled: Array = gradients[:, ~self.points] @ self.factor
        return pulled
