"""A check that is linear in the dimension: how far the guide's slope is from the posterior's.

If a Gaussian guide is the posterior, then s_i^2 E_q[g_i^2] = 1 for every latent column, with g the
gradient of the log joint and s the guide's scale. For a Gaussian posterior that is correlated, the
excess over 1 is the sum of squared normalised off-diagonal precisions, which mean-field ignores.
It is the diagonal of the Fisher divergence, and needs one batch of gradients.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.inference.draws import antithetic_normals
from ppl.inference.target import Target, blocks_of, evaluate

Array = npt.NDArray[np.float64]

DRAWS = 64
LIMIT = 0.2
"""An excess of 0.2 is a correlation of 0.45, and a standard deviation 10 % too small."""


def excess(target: Target, guide: Guide, rng: np.random.Generator) -> Array:
    """Return s^2 E_q[g^2] - 1 of every latent column, (d,); inf if a draw is not finite."""
    free = ~guide.points
    total = np.zeros(target.dimension)
    for part in blocks_of(DRAWS, 2 * target.dimension):
        count = part.stop - part.start
        positions = guide.place(antithetic_normals(rng, count + count % 2, guide.rank))
        values, gradients = evaluate(target, positions)
        if not np.isfinite(values).all():
            return np.full(guide.rank, np.inf)
        total += np.einsum("sd,sd->d", gradients, gradients) * (count / len(positions))
    return (guide.scale**2 * total / DRAWS - 1.0)[free]
