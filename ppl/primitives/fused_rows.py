"""Likelihoods of linear predictors, summed over many rows, in blocks that stay in the cache.

Value and gradient share one pass: of a block of rows the predictor is a matrix product, the
likelihood's derivative overwrites it, and another matrix product takes it back to the
coefficients. Nothing of the size draws × rows is ever held. Long data are cut into lots of blocks,
which several threads work on; the lots' sums are added in their order, whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl import threads
from ppl.primitives.fused import fused

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

ROWS, DRAWS = 1024, 256
"""A block's rows, and the draws that are worked on at once."""
FEW, MANY = 16, 64
"""Up to so many draws, a block has twice the rows; beyond so many, half of them: 1 MB."""
LOTS, BLOCKS = 64, 4
"""At most so many lots, of so many blocks at least."""
KEPT = 2**24
"""Bytes of the sums of all lots, at most."""
SHARED = 2**22
"""Rows × draws × columns, and a number for all else, that are worth a thread: some milliseconds."""
ASIDE = 16
"""What a predictor costs besides its product, in columns."""
LEVELS = 32
"""Positions with no more rows than this in a block are summed level by level."""
TABLES = 4
"""At most so many tables are read by group."""
STEEP = 85.0
"""Eight factors 1 + exp(x) have a finite product below this x."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table of latents read at a position in each row, perhaps times a number of the row's.

    Attributes
    ----------
    table
        Which of the tables.
    places
        (rows,)
    factors
        (rows,) or None.
    """

    table: int
    places: Positions
    factors: Floats | None


@dataclass(frozen=True, slots=True)
class Segments:
    """How a block's rows add up to the positions of a table.

    Attributes
    ----------
    order
        Sorts the rows, by position or by level; None where they are sorted.
    levels
        Where positions have few rows each: how many have a first row, a second, and so on. Rows
        are sorted by level, positions by how many rows they have.
    starts
        Otherwise: where each position's rows start.
    positions
        The positions that occur.
    """

    order: Positions | None
    levels: tuple[int, ...]
    starts: Positions
    positions: Positions

    @classmethod
    def of(cls, places: Positions) -> Segments:
        """Find the segments of rows that stand at these places."""
        positions, counts = np.unique(places, return_counts=True)
        order = np.argsort(places, kind="stable")
        starts = np.cumsum(counts) - counts
        most = int(np.max(counts))
        if most > LEVELS:
            ordered = bool(np.all(places[1:] >= places[:-1]))
            return cls(None if ordered else order, (), starts, positions)
        by_size = np.argsort(-counts, kind="stable")
        levels = tuple(int(np.sum(counts > k)) for k in range(most))
        rows = [order[starts[by_size[:n]] + k] for k, n in enumerate(levels)]
        return cls(np.concatenate(rows), levels, starts, positions[by_size])

    def sums(self, part: Floats) -> Floats:
        """Add up rows, (rows, draws), by position."""
        if self.order is not None:
            part = np.take(part, self.order, axis=0)
        if not self.levels:
            return np.asarray(np.add.reduceat(part, self.starts, axis=0))
        total = part[: self.levels[0]]
        start = self.levels[0]
        for count in self.levels[1:]:
            total[:count] += part[start : start + count]
            start += count
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """Rows of a linear predictor: matrices times coefficients, lookups, and an offset.

    Attributes
    ----------
    matrices
        (rows, columns) each: side by side they are the design. They may lie in files.
    lookups
        What is read by group.
    offset
        (rows,) or None.
    weights
        (rows, terms), or None where every row counts once.
    done
        Told the first and the last row, and one more, of each block when it has been read.
    """

    matrices: tuple[Floats, ...]
    lookups: tuple[Lookup, ...]
    offset: Floats | None
    weights: Floats | None
    rows: int
    done: Callable[[int, int], None] | None = None
    _segments: dict[tuple[int, int, int], Segments] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Columns of the design."""
        return sum(matrix.shape[1] for matrix in self.matrices)

    def blocks(self, size: int, lot: slice) -> Iterator[slice]:
        """Yield blocks of so many rows, of the rows of a lot."""
        for low in range(lot.start, lot.stop, size):
            high = min(low + size, lot.stop)
            yield slice(low, high)
            if self.done is not None:
                self.done(low, high)

    def design(self, block: slice) -> list[tuple[Floats, slice]]:
        """Return rows of each matrix, and its part of the columns of the design."""
        parts, start = [], 0
        for matrix in self.matrices:
            stop = start + matrix.shape[1]
            parts.append((np.asarray(matrix[block], np.float64), slice(start, stop)))
            start = stop
        return parts

    def segments(self, number: int, block: slice) -> Segments:
        """Return how a block's rows add up by the positions of a lookup."""
        found = self._segments.get((number, block.start, block.stop))
        if found is None:
            found = Segments.of(self.lookups[number].places[block])
            self._segments[number, block.start, block.stop] = found
        return found


Kernel = Callable[[Floats, Floats | None, Floats | None, bool], tuple[Floats, Floats | None]]
"""From predictors (rows, draws), weights (rows, terms) or None, and the terms' coefficients
(terms, draws) or None: the sums (terms, draws), and where asked the derivative by the predictors,
(rows, draws). The predictors may be overwritten."""


def _softplus(
    eta: Floats, weights: Floats | None, coefficients: Floats | None, slope: bool
) -> tuple[Floats, Floats | None]:
    """Sum log(1 + exp(eta))."""
    if not np.max(eta, initial=-np.inf) < STEEP:
        return _steep_softplus(eta, weights, coefficients, slope)
    e = np.exp(eta, out=eta)
    d = e + 1.0
    if slope:
        np.divide(e, d, out=e)
    if weights is None:
        rows = len(d) // 8 * 8
        rest = np.log(d[rows:])
        part = d[:rows]
        for _ in range(3):
            half = len(part) // 2
            part = np.multiply(part[:half], part[half:], out=part[:half])
        total = np.sum(np.log(part, out=part), axis=0) + np.sum(rest, axis=0)
        return total[None], e if slope else None
    return _weighted(np.log(d, out=d), e, weights, coefficients, slope)


def _steep_softplus(
    eta: Floats, weights: Floats | None, coefficients: Floats | None, slope: bool
) -> tuple[Floats, Floats | None]:
    small = np.exp(-np.abs(eta))
    value = np.maximum(eta, 0.0) + np.log1p(small)
    share = np.where(eta > 0, 1.0, small) / (1.0 + small)
    return _weighted(value, share, weights, coefficients, slope)


def _exponential(
    eta: Floats, weights: Floats | None, coefficients: Floats | None, slope: bool
) -> tuple[Floats, Floats | None]:
    """Sum exp(eta)."""
    e = np.exp(eta, out=eta)
    return _weighted(e, e, weights, coefficients, slope)


def _weighted(
    value: Floats,
    share: Floats,
    weights: Floats | None,
    coefficients: Floats | None,
    slope: bool,
) -> tuple[Floats, Floats | None]:
    if weights is None:
        return np.ones((1, len(value))) @ value, share if slope else None
    total = weights.T @ value
    if not slope:
        return total, None
    share *= weights if coefficients is None else weights @ coefficients
    return total, share


def _passes(
    kernel: Kernel, rows: Predictor, coefficients: Any, vector: Any, tables: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return value and gradients: see `fused`."""
    return _run(kernel, rows, coefficients, vector, tables, slope=True)


def _run(
    kernel: Kernel,
    rows: Predictor,
    coefficients: Any,
    vector: Any,
    tables: tuple[Any, ...],
    slope: bool,
) -> tuple[Any, ...]:
    given = (coefficients, vector, *tables)
    draws = next(len(a) for a in given if a is not None)
    value = np.empty(draws)
    slopes = [None if a is None or not slope else np.empty_like(a, order="C") for a in given]
    for low in range(0, draws, DRAWS):
        part = slice(low, min(low + DRAWS, draws))
        laid = [None if a is None else np.ascontiguousarray(a[part].T) for a in given]
        made = _some_draws(kernel, rows, laid, part.stop - low, slope)
        value[part] = made[0]
        for whole, piece in zip(slopes, made[1:], strict=False):
            if whole is not None:
                whole[part] = piece.T
    return (value, None, *slopes)


def _some_draws(
    kernel: Kernel, rows: Predictor, laid: list[Any], draws: int, slope: bool
) -> list[Any]:
    size = 2 * ROWS if draws <= FEW else ROWS // 2 if draws > MANY else ROWS
    lots = _lots(rows, size, sum(a.nbytes for a in laid if a is not None))

    def task(number: int) -> list[Any]:
        return _some_rows(kernel, rows, laid, lots[number], size, slope)

    work = rows.rows * draws * (rows.width + ASIDE)
    totals, *sums = _added(threads.each(task, len(lots), work // SHARED))
    value = totals[0] if laid[0] is None else np.sum(totals * laid[0], axis=0)
    return [value, totals, *sums]


def _lots(rows: Predictor, size: int, kept: int) -> list[slice]:
    """Cut the rows into lots of blocks, by their number and the bytes of a lot's sums alone."""
    blocks = -(-rows.rows // size)
    count = max(1, min(LOTS, blocks // BLOCKS, KEPT // max(1, kept)))
    step = -(-blocks // count) * size
    return [slice(low, min(low + step, rows.rows)) for low in range(0, rows.rows, step)]


def _added(lots: list[list[Any]]) -> list[Any]:
    """Add up the sums of lots, in their order, into those of the first."""
    first, *others = lots
    for made in others:
        for total, part in zip(first, made, strict=True):
            if total is not None:
                total += part
    return first


def _some_rows(
    kernel: Kernel, rows: Predictor, laid: list[Any], lot: slice, size: int, slope: bool
) -> list[Any]:
    """Return the sums of a lot by terms, and the derivatives by vector and tables."""
    coefficients, vector, *tables = laid
    draws = next(a.shape[1] for a in laid if a is not None)
    terms = 1 if rows.weights is None else rows.weights.shape[1]
    totals = np.zeros((terms, draws))
    by_vector = None if vector is None else np.zeros_like(vector)
    by_table = [np.zeros_like(t) for t in tables]
    memory = np.empty((min(size, lot.stop - lot.start), draws))
    for block in rows.blocks(size, lot):
        design = rows.design(block)
        eta = memory[: block.stop - block.start]
        _predict(rows, block, design, vector, tables, eta)
        weights = None if rows.weights is None else rows.weights[block]
        sums, r = kernel(eta, weights, coefficients, slope)
        totals += sums
        if r is None:
            continue
        if by_vector is not None:
            for matrix, columns in design:
                if _alike(matrix):
                    by_vector[columns] += matrix[0, :, None] * np.add.reduce(r, axis=0)
                else:
                    by_vector[columns] += matrix.T @ r
        _scatter(rows, block, r, by_table)
    return [totals, by_vector, *by_table]


def _predict(
    rows: Predictor,
    block: slice,
    design: list[tuple[Floats, slice]],
    vector: Floats | None,
    tables: list[Floats],
    eta: Floats,
) -> None:
    """Write the predictors of a block."""
    if vector is None or not design:
        eta[...] = 0.0
    else:
        for number, (matrix, columns) in enumerate(design):
            if number and _alike(matrix):
                eta += matrix[0] @ vector[columns]
            elif number:
                eta += matrix @ vector[columns]
            else:
                np.matmul(matrix, vector[columns], out=eta)
    for lookup in rows.lookups:
        read = np.take(tables[lookup.table], lookup.places[block], axis=0)
        if lookup.factors is not None:
            read *= lookup.factors[block, None]
        eta += read
    if rows.offset is not None:
        eta += rows.offset[block, None]


def _alike(matrix: Floats) -> bool:
    """Return whether all rows are the same memory, as those of an intercept."""
    return matrix.strides[0] == 0


def _scatter(rows: Predictor, block: slice, r: Floats, by_table: list[Floats]) -> None:
    """Add a block's derivatives to the tables that it read."""
    for number, lookup in enumerate(rows.lookups):
        segments = rows.segments(number, block)
        part = r if lookup.factors is None else r * lookup.factors[block, None]
        by_table[lookup.table][segments.positions] += segments.sums(part)


def _softplus_rows(rows: Any, coefficients: Any, vector: Any, *tables: Any) -> tuple[Any, ...]:
    return _passes(_softplus, rows, coefficients, vector, tables)


def _exp_rows(rows: Any, coefficients: Any, vector: Any, *tables: Any) -> tuple[Any, ...]:
    return _passes(_exponential, rows, coefficients, vector, tables)


def _softplus_value(rows: Any, coefficients: Any, vector: Any, *tables: Any) -> Any:
    return _run(_softplus, rows, coefficients, vector, tables, slope=False)[0]


def _exp_value(rows: Any, coefficients: Any, vector: Any, *tables: Any) -> Any:
    return _run(_exponential, rows, coefficients, vector, tables, slope=False)[0]


sum_softplus = fused(_softplus_rows, 3 + TABLES, _softplus_value)
"""Sum over rows of weight · log(1 + exp(predictor)): (S,).

Arguments: the rows' `Predictor`; coefficients of the weights' terms, (S, terms), or None for one
term that counts once; the vector that the design is multiplied by, (S, columns), or None; tables,
(S, positions) each.
"""

sum_exp = fused(_exp_rows, 3 + TABLES, _exp_value)
"""Sum over rows of weight · exp(predictor): (S,). Arguments as for `sum_softplus`."""
