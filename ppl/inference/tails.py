"""A look far out: does the density fall fast enough for the posterior to be proper?

Along a ray, a density must in the end fall faster than one over the distance, or its integral is
infinite. So the log joint is compared at two points of a ray that are very far out. Rays leave the
guide's mean along its principal axes and every column; one more continues from the origin through
the mean, as a guide that fled keeps its direction.
"""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.inference.target import Target, log_joint

Array = npt.NDArray[np.float64]

NEARER, FARTHER = 1e2, 1e5
"""Distances, in standard deviations of the guide."""
SLOWEST = 0.9
"""Power of the distance that counts as too slow a fall."""
MOST_AXES = 64
TAKES_PART = 0.01


def unbounded(target: Target, guide: Guide) -> tuple[str, ...]:
    """Return the variables that a ray without bound moves; empty if none was found.

    Parameters
    ----------
    target, guide
        The model, and its guide with at least one column that is not a point.
    """
    directions = _directions(guide)
    here = float(log_joint(target, guide.mean[None])[0])
    nearer = log_joint(target, guide.mean + NEARER * directions)
    farther = log_joint(target, guide.mean + FARTHER * directions)
    fall = SLOWEST * log(FARTHER / NEARER)
    with np.errstate(invalid="ignore"):
        flat = np.isfinite(farther) & (farther > nearer - fall)
        flat &= nearer > here - SLOWEST * log(NEARER) - guide.rank
    if not flat.any():
        return ()
    ray = np.abs(directions[int(np.argmax(np.where(flat, farther, -np.inf)))])
    moves = ray > TAKES_PART * ray.max()
    found = (b.variable for b in target.blocks if moves[b.start : b.stop].any())
    return tuple(dict.fromkeys(found))


def _directions(guide: Guide) -> Array:
    """Return rays (R, D) of one standard deviation each, both ways."""
    spread = guide.place(np.eye(guide.rank)) - guide.mean
    _, lengths, axes = np.linalg.svd(spread, full_matrices=False)
    principal = (lengths[:, None] * axes)[:MOST_AXES]
    order = np.argsort(-guide.scale, kind="stable")[: len(principal)]
    columns = np.zeros((len(order), guide.mean.size))
    columns[np.arange(len(order)), order] = guide.scale[order]
    through = np.where(guide.points, 0.0, guide.mean)[None]
    rays = np.concatenate([principal, columns])
    return np.concatenate([rays, -rays, through])
