"""The proposal of importance sampling: a mixture of guides, each with heavy-tailed insurance.

A pure normal proposal gives infinite weights where the posterior's tail is heavier, and false
alarms on perfect fits; a quarter of every component is therefore a multivariate Student t.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from ppl.guide.gaussian import Guide

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A mixture over guides of a normal and a Student t with the same location and scale.

    Attributes
    ----------
    components
        One guide per known mode.
    weights
        Their shares, summing to 1.
    normal_share
        Part of every component that is normal; the rest is Student t.
    freedom
        Degrees of freedom of the Student t.
    """

    components: tuple[Guide, ...]
    weights: tuple[float, ...] = (1.0,)
    normal_share: float = 0.75
    freedom: float = 4.0

    def place(self, normals: Array, strata: Array) -> Array:
        """Return draws (S, D) from standard normals (S, d) and uniforms (S, 2).

        The first column of `strata` chooses component and tail, the second the Student t's scale.
        """
        component = np.searchsorted(np.cumsum(self.weights)[:-1], strata[:, 0], side="right")
        starts = np.concatenate([[0.0], np.cumsum(self.weights)])
        share = (strata[:, 0] - starts[component]) / np.asarray(self.weights)[component]
        tail = share >= self.normal_share
        stretched = np.array(normals)
        stretched[tail] *= np.sqrt(self.freedom / chdtri(self.freedom, strata[tail, 1]))[:, None]
        positions = np.empty((len(normals), self.components[0].mean.size))
        for number, guide in enumerate(self.components):
            chosen = component == number
            positions[chosen] = guide.place(stretched[chosen])
        return positions

    def log_density(self, positions: Array) -> Array:
        """Return the mixture's log density at positions (S, D), (S,)."""
        parts = np.empty((2 * len(self.components), len(positions)))
        for number, (guide, weight) in enumerate(zip(self.components, self.weights, strict=True)):
            normals = guide.whiten(positions)
            squares = np.einsum("sd,sd->s", normals, normals)
            rank, nu = guide.rank, self.freedom
            normal = -0.5 * squares - 0.5 * rank * log(2 * pi)
            tail = lgamma((nu + rank) / 2) - lgamma(nu / 2) - 0.5 * rank * log(nu * pi)
            student = tail - 0.5 * (nu + rank) * np.log1p(squares / nu)
            scale = log(weight) - guide.log_determinant
            parts[2 * number] = normal + scale + log(self.normal_share)
            parts[2 * number + 1] = student + scale + log(1 - self.normal_share)
        top = parts.max(axis=0)
        density: Array = top + np.log(np.sum(np.exp(parts - top), axis=0))
        return density
