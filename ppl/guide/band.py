"""A sparse precision as a band: its columns put in an order in which neighbours are close.

The Cholesky factor of a band is a band, so that drawing, whitening and determinants of thousands
of columns on a chain or a grid are linear in their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Order = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A precision P Lᵀ-wise: with columns in order it is L Lᵀ, and L has b diagonals below its own.

    Attributes
    ----------
    lower
        L, one row for each diagonal from the main one down, (b + 1, n): entry (i, j) is
        L[j + i, j].
    order
        Which column comes at which place, (n,).
    """

    lower: Array
    order: Order

    @property
    def log_determinant(self) -> float:
        """Half the log determinant of the precision."""
        return float(np.sum(np.log(self.lower[0])))

    def place(self, normals: Array) -> Array:
        """Return values (S, n) with this precision from standard normals (S, n): L⁻ᵀ z."""
        return self._solved(normals, "T")

    def whiten(self, values: Array) -> Array:
        """Return the standard normals (S, n) of values (S, n): Lᵀ x."""
        ordered = np.ascontiguousarray(values[:, self.order].T)
        normals = self.lower[0][:, None] * ordered
        for below, diagonal in enumerate(self.lower[1:], 1):
            normals[:-below] += diagonal[:-below, None] * ordered[below:]
        return self._put_back(normals)

    def pull(self, gradients: Array) -> Array:
        """Return gradients by the normals, (S, n), from those by the values: L⁻¹ g."""
        return self._solved(gradients, "N")

    def solve(self, values: Array) -> Array:
        """Return the covariance times values (S, n)."""
        return self.place(self.pull(values))

    def variances(self) -> Array:
        """Return the diagonal of the covariance, (n,).

        Entries within the band follow from those below them (Takahashi, Fagan & Chin 1973).
        """
        width, size = len(self.lower) - 1, self.lower.shape[1]
        found = np.empty(size)
        inside = np.zeros((width, width))
        for j in range(size - 1, -1, -1):
            down = self.lower[1:, j]
            own = self.lower[0, j]
            beside = -(inside @ down) / own
            found[j] = 1 / own**2 - down @ beside / own
            if width:
                inside[1:, 1:] = inside[:-1, :-1].copy()
                inside[0, 0] = found[j]
                inside[0, 1:] = inside[1:, 0] = beside[:-1]
        result = np.empty(size)
        result[self.order] = found
        return result

    def _solved(self, values: Array, transposed: str) -> Array:
        if not len(values):  # which LAPACK's wrapper does not survive
            return values
        if len(self.lower) == 1:
            diagonal = np.empty(self.order.size)
            diagonal[self.order] = self.lower[0]
            return values / diagonal
        from scipy.linalg.lapack import dtbtrs

        ordered = np.asfortranarray(values[:, self.order].T)
        solved, _ = dtbtrs(self.lower, ordered, uplo="L", trans=transposed, overwrite_b=1)
        return self._put_back(solved)

    def _put_back(self, ordered: Array) -> Array:
        result = np.empty((ordered.shape[1], ordered.shape[0]))
        result[:, self.order] = ordered.T
        return result


def diagonal_band(width: Array) -> Band:
    """Return the precision of independent columns with standard deviations `width`, (n,)."""
    return Band(1 / width[None], np.arange(width.size))


def factored(rows: Order, columns: Order, values: Array, order: Order, width: int) -> Band | None:
    """Return a precision, given by its entries, as a band; None if it is not positive definite.

    Parameters
    ----------
    rows, columns, values
        Entries of the symmetric matrix, (e,) each; those above the diagonal are not read.
    order
        Of its n columns.
    width
        How far neighbours are apart in it at most.
    """
    from scipy.linalg import cholesky_banded

    place = np.empty(order.size, dtype=np.intp)
    place[order] = np.arange(order.size)
    below = place[rows] - place[columns]
    kept = below >= 0
    stored = np.zeros((width + 1, order.size))
    stored[below[kept], place[columns[kept]]] = values[kept]
    if not np.isfinite(stored).all():
        return None
    try:
        lower = cholesky_banded(stored, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    return Band(np.asfortranarray(lower), order)
