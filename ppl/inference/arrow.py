"""The rung for many latents: correlations with the globals, from few differences of the gradient.

Where there are too many latents for full rank, mean field still has the right means and the right
width of each latent given all others. What it lacks is how the locals move with the globals. These
rows of the ELBO's Hessian are differences of the averaged gradient, two for each global; the
precision they make with the diagonal is solved in closed form. This is the linear response of the
guide (Giordano, Broderick & Jordan 2018) where the locals are independent given the globals.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppl.guide.arrow import Arrow
from ppl.guide.band import diagonal_band
from ppl.guide.layout import Layout
from ppl.guide.meanfield import MeanField
from ppl.inference.objective import Objective, expectations

Array = npt.NDArray[np.float64]

GLOBALS, STEP = 12, 0.5
"""At most so many columns count as globals; differences are taken over this many scales."""


def gradients_needed(layout: Layout) -> int:
    """Return how many averaged gradients a fit takes."""
    return 2 * layout.most_global(GLOBALS).size


def run(objective: Objective, guide: MeanField, layout: Layout) -> Arrow | None:
    """Return the arrow guide around a mean-field one; None where it has no globals, or no inverse.

    Parameters
    ----------
    objective
        With the fixed draws that the mean-field guide was fitted on.
    guide
        Converged.
    layout
        Says which latents are the most global.
    """
    chosen = np.sort(layout.most_global(GLOBALS))
    shared = np.zeros(layout.dimension, dtype=np.bool_)
    shared[chosen] = True
    local = ~(shared | guide.points)
    if not chosen.size or not local.any():
        return None
    scale = guide.scale
    rows = np.stack([_row(objective, guide.mean, scale, int(column)) for column in chosen])
    between = rows[:, local]
    width = scale[local]
    own = 0.5 * (rows[:, chosen] + rows[:, chosen].T)
    precision = own - (between * width**2) @ between.T
    if not np.isfinite(precision).all() or np.linalg.eigvalsh(precision)[0] <= 0:
        return None
    factor = np.linalg.inv(np.linalg.cholesky(precision)).T
    response = -(between * width**2).T
    return Arrow(guide.mean, shared, factor, response, diagonal_band(width), guide.points)


def _row(objective: Objective, mean: Array, scale: Array, column: int) -> Array:
    """Return a row of minus the averaged Hessian, (D,)."""
    moved = np.zeros(mean.size)
    moved[column] = STEP * scale[column]
    after = expectations(objective, mean + moved, scale).gradient
    before = expectations(objective, mean - moved, scale).gradient
    row: Array = (before - after) / (2 * moved[column])
    return row
