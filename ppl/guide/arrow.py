"""The arrow guide: few globals that are correlated with all, many locals that lean on them.

Its precision has full rows for the globals and a band for the locals: as the posterior of a
hierarchy has, whose groups are independent given the globals (a band of width 0), or that of a
chain or a grid, where each local has few neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.guide.band import Band

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arrow:
    """A normal over d columns of which k are globals, with learned parameters as points.

    Attributes
    ----------
    mean
        Means in the unconstrained space, (D,); for points their value.
    shared
        Which columns are globals, (D,).
    factor
        A square root L of the globals' covariance L Lᵀ, (k, k).
    response
        How far the locals' means move with the globals, (d - k, k).
    band
        The precision of the d - k locals given the globals.
    points
        Which columns are points, (D,).
    """

    mean: Array
    shared: npt.NDArray[np.bool_]
    factor: Array
    response: Array
    band: Band
    points: npt.NDArray[np.bool_]

    @property
    def scale(self) -> Array:
        """Marginal standard deviations, (D,); 0 for points."""
        scale = np.zeros(self.mean.size)
        scale[self.shared] = np.sqrt(np.sum(self.factor**2, axis=1))
        leaning = np.sum((self.response @ self.factor) ** 2, axis=1)
        scale[self._local] = np.sqrt(self.band.variances() + leaning)
        return scale

    @property
    def rank(self) -> int:
        """Number of columns that are not points."""
        return int(self.points.size - np.count_nonzero(self.points))

    @property
    def log_determinant(self) -> float:
        """Log determinant of the map from normals to latents."""
        return float(np.linalg.slogdet(self.factor)[1]) - self.band.log_determinant

    @property
    def _local(self) -> npt.NDArray[np.bool_]:
        return ~(self.shared | self.points)

    def place(self, normals: Array) -> Array:
        """Map normals (S, d) to positions (S, D)."""
        first = self.shared[~self.points]
        moved = normals[:, first] @ self.factor.T
        positions = np.repeat(self.mean[None], len(normals), axis=0)
        positions[:, self.shared] += moved
        positions[:, self._local] += moved @ self.response.T + self.band.place(normals[:, ~first])
        return positions

    def whiten(self, positions: Array) -> Array:
        """Map positions (S, D) to normals (S, d)."""
        first = self.shared[~self.points]
        centred = positions - self.mean
        moved = centred[:, self.shared]
        normals = np.empty((len(positions), self.rank))
        normals[:, first] = np.linalg.solve(self.factor, moved.T).T
        normals[:, ~first] = self.band.whiten(centred[:, self._local] - moved @ self.response.T)
        return normals

    def pull(self, gradients: Array) -> Array:
        """Map gradients by positions (S, D) to gradients by normals (S, d)."""
        first = self.shared[~self.points]
        by_local = gradients[:, self._local]
        pulled = np.empty((len(gradients), self.rank))
        pulled[:, first] = (gradients[:, self.shared] + by_local @ self.response) @ self.factor
        pulled[:, ~first] = self.band.pull(by_local)
        return pulled
