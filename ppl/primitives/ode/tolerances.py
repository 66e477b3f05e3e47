"""How exact a solution shall be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Relative and absolute error of a step; the most rounds of steps."""

    relative: float
    absolute: float
    rounds: int

    def norm(self, error: Floats, y: Floats, other: Floats) -> Floats:
        """Return the root mean square of errors (S, M) over what is tolerated, for each draw."""
        ratio = error / (self.absolute + self.relative * np.maximum(np.abs(y), np.abs(other)))
        norm: Floats = np.sqrt(np.einsum("sm,sm->s", ratio, ratio) * (1 / y.shape[1]))
        return norm
