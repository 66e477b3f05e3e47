"""Lower triangular matrices: solving and inverting, batched over leading axes.

NumPy has no triangular solver. Small systems go to its general one, all in one call; for larger
ones LAPACK's, called matrix by matrix, is 2 to 60 times as fast (measured from 20 to 500 rows).
Small matrices are inverted side by side: the halves of all of them at once, whose halves are
inverted in the same way, until rows are few enough to go through them one by one.
"""

from __future__ import annotations

from math import prod
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from ppl.primitives.differentiation import defvjp, primitive, unbroadcast_f

Floats = NDArray[np.float64]

SMALL = 16
"""Up to so many rows SciPy is not needed, which also spares its import."""
MEDIUM, SEVERAL = 32, 4
"""Up to so many rows, so many matrices and more are inverted side by side."""
FEW_ROWS = 6
"""Up to so many rows, matrices are inverted row by row."""


def lower_part(x: Any) -> Any:
    """Return x with 0 above the diagonal."""
    return x * np.tri(anp.shape(x)[-1])


def _flip(x: Any) -> Any:
    return anp.swapaxes(x, -1, -2)


@primitive
def solve_lower(x: Any, b: Any, transposed: bool = False) -> Any:
    """Return ``x⁻¹ b`` or ``x'⁻¹ b`` for lower triangular x; what is above is not read.

    Parameters
    ----------
    x : array, (..., n, n)
    b : array, (..., n, m)
        Leading axes are broadcast. A matrix with 0 on its diagonal gives NaN.
    """
    x, b = np.asarray(x, dtype=float), np.asarray(b, dtype=float)
    size = x.shape[-1]
    if size <= SMALL and np.all(np.diagonal(x, axis1=-2, axis2=-1)):
        lower = np.tril(x)
        return np.linalg.solve(np.swapaxes(lower, -1, -2) if transposed else lower, b)
    from scipy.linalg.lapack import dtrtrs

    shape = np.broadcast_shapes(x.shape[:-2], b.shape[:-2])
    result = np.empty((*shape, *b.shape[-2:]))
    matrices = np.broadcast_to(x, (*shape, size, size))
    sides = np.broadcast_to(b, result.shape)
    for place in np.ndindex(shape):
        solution, failed = dtrtrs(matrices[place].T, sides[place], lower=0, trans=not transposed)
        result[place] = np.nan if failed else solution
    return result


def _solve_lower_matrix_vjp(ans: Any, x: Any, b: Any, transposed: bool = False) -> Any:
    def vjp(g: Any) -> Any:
        back = solve_lower(x, g, not transposed)
        product = anp.matmul(ans, _flip(back)) if transposed else anp.matmul(back, _flip(ans))
        return -lower_part(product)

    return unbroadcast_f(x, vjp)


defvjp(
    solve_lower,
    _solve_lower_matrix_vjp,
    lambda ans, x, b, transposed=False: unbroadcast_f(
        b, lambda g: solve_lower(x, g, not transposed)
    ),
)


@primitive
def inverse_lower(x: Any) -> Any:
    """Return the inverse of lower triangular matrices; NaN for those with 0 on the diagonal.

    What is above the diagonal is not read.
    """
    x = np.asarray(x, dtype=float)
    size = x.shape[-1]
    count = prod(x.shape[:-2])
    if size <= SMALL or (size <= MEDIUM and count >= SEVERAL):
        matrices = x.reshape((count, size, size))
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = inverse_factors(matrices)
        lost = np.equal(np.diagonal(matrices, axis1=1, axis2=2), 0.0)
        if lost.any():
            inverse[lost.any(axis=-1)] = np.nan
        return inverse.reshape(x.shape)
    from scipy.linalg.lapack import dtrtri

    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-2]):
        inverse, failed = dtrtri(x[place].T, lower=0)
        result[place] = np.nan if failed else np.tril(inverse.T)
    return result


def inverse_factors(x: Floats) -> Floats:
    """Return the inverses of (S, n, n) by those of their diagonal blocks; no diagonal has a 0."""
    count, size = x.shape[:2]
    if size <= FEW_ROWS:
        return _by_rows(x)
    half, rest = (size + 1) // 2, size // 2
    blocks = np.empty((2, count, half, half))
    blocks[0] = x[:, :half, :half]
    if rest < half:
        blocks[1, :, rest] = 0.0
        blocks[1, :, rest, rest] = 1.0
    blocks[1, :, :rest, :rest] = x[:, half:, half:]
    inverses = inverse_factors(blocks.reshape((2 * count, half, half))).reshape(blocks.shape)
    result = np.zeros(x.shape)
    first, second = result[:, :half, :half], result[:, half:, half:]
    first[...], second[...] = inverses[0], inverses[1, :, :rest, :rest]
    below = np.matmul(second, np.matmul(x[:, half:, :half], first))
    np.negative(below, out=result[:, half:, :half])
    return result


def _by_rows(x: Floats) -> Floats:
    """Return the inverses of (S, n, n): a row follows from the rows above it, in all matrices."""
    count, size = x.shape[:2]
    laid = np.empty((size, size, count))
    laid[...] = x.transpose(1, 2, 0)
    on_diagonal = slice(None, None, size + 1)
    scale = 1.0 / laid.reshape((size * size, count))[on_diagonal]
    laid *= np.negative(scale)[:, None]
    inverse = np.zeros(laid.shape)
    inverse.reshape((size * size, count))[on_diagonal] = scale
    for row in range(1, size):
        np.einsum("js,jks->ks", laid[row, :row], inverse[:row, :row], out=inverse[row, :row])
    return np.ascontiguousarray(inverse.transpose(2, 0, 1))


defvjp(
    inverse_lower,
    lambda ans, x: lambda g: -lower_part(anp.matmul(_flip(ans), anp.matmul(g, _flip(ans)))),
)
