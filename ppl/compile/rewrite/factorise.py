"""The triangular factor R of a tall matrix, read block by block of its rows.

A factor of some rows makes the columns nearly orthogonal; then the matrix of their products has a
small condition and can be factorised without loss: R is the product of both factors. This is
Cholesky QR with a preconditioner from a sample of rows (Fan, Guo & Lin 2021, "A novel randomized
XR-based preconditioned CholeskyQR algorithm"). Whether the condition is small is looked at; where
it stays large, blocks are factorised by reflections one after the other, which is always safe
(Demmel, Grigori, Hoemmen & Langou 2012, "Communication-optimal QR and LU factorizations").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALL = 1000.0
"""A matrix of products with a condition below this loses three of sixteen digits at most."""
ROUNDS = 3
"""So many passes are tried before reflections."""


def triangular_factor(blocks: Callable[[], Iterable[Floats]], some: Floats) -> Floats:
    """Return R with R'R = M'M, upper triangular, (columns, columns).

    Parameters
    ----------
    blocks
        Yields the rows of M in blocks, each (rows, columns), C-contiguous and free to overwrite.
    some
        Rows of M, more than columns, evenly spread.
    """
    factor = _reflected(some)
    for _ in range(ROUNDS):
        better = _corrected(blocks(), factor)
        if better is None:
            break
        factor, condition = better
        if condition < SMALL:
            return factor
    return _by_reflections(blocks())


def _corrected(blocks: Iterable[Floats], factor: Floats) -> tuple[Floats, float] | None:
    """Return a factor made with the help of a rough one, and the condition that it was made at."""
    from scipy.linalg.blas import dtrsm

    size = len(factor)
    diagonal = np.abs(np.diag(factor))
    if factor.shape[1] != size or not np.min(diagonal) > 1e-14 * np.max(diagonal):
        return None
    products = np.zeros((size, size))
    right = np.asfortranarray(factor)
    for block in blocks:
        straight = dtrsm(1.0, right, block.T, trans_a=1, overwrite_b=1)
        products += straight @ straight.T
    try:
        values = np.linalg.eigvalsh(products)
        if not values[0] > 1e-13 * values[-1]:
            return None
        correction = np.linalg.cholesky(products).T
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.triu(correction @ factor)), float(values[-1] / values[0])


def _by_reflections(blocks: Iterable[Floats]) -> Floats:
    factor: Floats | None = None
    for block in blocks:
        table = block if factor is None else np.concatenate([factor, block])
        factor = _reflected(table)
    assert factor is not None
    return factor


def _reflected(table: Floats) -> Floats:
    return np.asarray(np.linalg.qr(table, mode="r"), np.float64)
