"""What every Gaussian guide can do, and what follows from it.

A guide is a linear map of standard normals, `place`, with its inverse, `whiten`; the density and
the entropy follow from the map's log determinant. Learned parameters are columns that `place`
fills with their value and `whiten` leaves out.
"""

from __future__ import annotations

from math import log, pi
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Guide(Protocol):
    """A Gaussian over d of the D columns; the others are points."""

    @property
    def mean(self) -> Array:
        """Mean of every column, (D,)."""

    @property
    def scale(self) -> Array:
        """Marginal standard deviation of every column, (D,); 0 for points."""

    @property
    def points(self) -> npt.NDArray[np.bool_]:
        """Which columns are points, (D,)."""

    @property
    def rank(self) -> int:
        """Number d of columns that are not points."""

    @property
    def log_determinant(self) -> float:
        """Log determinant of the map from normals to latents."""

    def place(self, normals: Array) -> Array:
        """Map normals (S, d) to positions (S, D)."""

    def whiten(self, positions: Array) -> Array:
        """Map positions (S, D) to normals (S, d)."""

    def pull(self, gradients: Array) -> Array:
        """Map gradients by positions (S, D) to gradients by normals (S, d)."""


def log_density(guide: Guide, positions: Array) -> Array:
    """Return the guide's log density at positions (S, D), points left out, (S,)."""
    normals = guide.whiten(positions)
    squares = np.einsum("sd,sd->s", normals, normals)
    density: Array = -0.5 * squares - 0.5 * guide.rank * log(2 * pi) - guide.log_determinant
    return density


def entropy(guide: Guide) -> float:
    """Return the guide's differential entropy in nats."""
    return 0.5 * guide.rank * (1 + log(2 * pi)) + guide.log_determinant
