"""Rows that are equal, found by hashing: exact, and given up early where rows differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 4096
"""So many rows are looked at before all are."""
SHARE = 0.5
"""Rows are folded where no more than this share of them is distinct."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Distinct rows.

    Attributes
    ----------
    first
        Where each distinct row stands first.
    which
        For every row, which of the distinct ones it is.
    """

    first: NDArray[np.intp]
    which: NDArray[np.intp]

    @property
    def count(self) -> int:
        """Number of distinct rows."""
        return len(self.first)

    def sums(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Add up weights, (rows, ...), of equal rows: (distinct rows, ...)."""
        flat = np.reshape(weights, (len(self.which), -1))
        columns = [
            np.bincount(self.which, np.ascontiguousarray(c, float), self.count) for c in flat.T
        ]
        laid = np.stack(columns, axis=-1).reshape(self.count, *np.shape(weights)[1:])
        return np.asarray(laid, np.float64)


def patterns(columns: Sequence[NDArray[Any]], share: float = SHARE) -> Patterns | None:
    """Find distinct rows, None where more than a share of the rows is distinct.

    Parameters
    ----------
    columns
        Arrays with the rows first.
    """
    count = len(columns[0])
    chosen = sample_of(count)
    if chosen is not None and differ([c[chosen] for c in columns], share):
        return None
    codes = _hashes(columns)
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    if len(first) > share * count or not _equal(columns, first, which):
        return None
    return Patterns(first.astype(np.intp), which.reshape(-1).astype(np.intp))


def sample_of(count: int) -> NDArray[np.intp] | None:
    """Return rows to look at first; None where there are few."""
    if count <= 2 * SAMPLE:
        return None
    return np.random.default_rng(0).integers(0, count, SAMPLE).astype(np.intp)


def differ(columns: Sequence[NDArray[Any]], share: float) -> bool:
    """Return whether more than a share of a sample's rows are distinct."""
    return len(np.unique(_hashes(columns))) > share * len(columns[0])


def _hashes(columns: Sequence[NDArray[Any]]) -> NDArray[np.uint64]:
    """Return one number per row; equal rows have equal numbers."""
    factors = np.random.default_rng(1)
    total = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        flat = np.reshape(column, (len(column), -1))
        for k in range(flat.shape[1]):
            bits = (flat[:, k].astype(np.float64) + 0.0).view(np.uint64)
            bits = (bits ^ (bits >> np.uint64(29))) * factors.integers(1, 1 << 63, dtype=np.uint64)
            total += bits ^ (bits >> np.uint64(32))
            total *= np.uint64(0x9E3779B97F4A7C15)
    return total


def _equal(
    columns: Sequence[NDArray[Any]], first: NDArray[np.intp], which: NDArray[np.intp]
) -> bool:
    """Return whether rows with the same hash are the same rows."""
    return all(np.array_equal(c, c[first][which.reshape(-1)]) for c in columns)
