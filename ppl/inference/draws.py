"""Standard normals for inference: fixed ones for the ELBO, stratified ones for integrals.

Every column is stratified (a Latin hypercube): sums of functions of single columns, which make up
most of a log density near a good guide, are then integrated almost exactly. This needs no tables
of direction numbers and is linear in the number of columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ppl.guide.layout import Layout

Array = npt.NDArray[np.float64]

GLOBALS = 12
"""At most so many columns are made exactly orthogonal."""
STRATIFIED = 256
"""Beyond so many columns of many draws, sorting them costs more than it gains."""


def stratified_uniforms(rng: np.random.Generator, count: int, dimension: int) -> Array:
    """Return uniforms (count, dimension) with one value of each column in every count-th part."""
    order = np.argsort(rng.random((count, dimension)), axis=0)
    uniforms: Array = (order + rng.random((count, dimension))) / count
    return uniforms


def stratified_normals(rng: np.random.Generator, count: int, dimension: int) -> Array:
    """Return standard normals (count, dimension); the columns are stratified unless too many."""
    if dimension > STRATIFIED:
        return rng.standard_normal((count, dimension))
    normals: Array = ndtri(stratified_uniforms(rng, count, dimension))
    return normals


def antithetic_normals(rng: np.random.Generator, count: int, dimension: int) -> Array:
    """Return stratified standard normals (count, dimension); row i + count/2 mirrors row i."""
    half = count // 2
    strata = (np.argsort(rng.random((half, dimension)), axis=0) + 0.5) / count
    sign = np.where(rng.random((half, dimension)) < 0.5, -1.0, 1.0)
    normals = sign * ndtri(0.5 + strata)
    return np.concatenate([normals, -normals])


def fixed_draws(rng: np.random.Generator, count: int, layout: Layout) -> Array:
    """Return the ELBO's fixed draws (count, D): antithetic, unit mean square in every column.

    The most global columns, up to `GLOBALS`, are orthogonal to each other and to all the rest, so
    that chance correlations with many local columns do not bias the globals' scales.
    """
    half = antithetic_normals(rng, count, layout.dimension)[: count // 2]
    chosen = layout.most_global(min(GLOBALS, count // 2 - 2))
    if chosen.size:
        basis, _ = np.linalg.qr(half[:, chosen])
        half -= basis @ (basis.T @ half)
        half[:, chosen] = basis
    half /= np.sqrt(np.mean(half**2, axis=0))
    return np.concatenate([half, -half])


def white_draws(rng: np.random.Generator, count: int, dimension: int) -> Array:
    """Return antithetic draws (count, dimension) whose sample covariance is exactly the identity.

    `count` must be at least twice `dimension`.
    """
    half = antithetic_normals(rng, count, dimension)[: count // 2]
    left, _, right = np.linalg.svd(half, full_matrices=False)
    white = (left @ right) * np.sqrt(count // 2)
    return np.concatenate([white, -white])


def systematic_resample(
    rng: np.random.Generator, weights: Array, count: int
) -> npt.NDArray[np.intp]:
    """Return `count` indices in proportion to weights (S,) that sum to 1."""
    points = (rng.random() + np.arange(count)) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), points), len(weights) - 1)
