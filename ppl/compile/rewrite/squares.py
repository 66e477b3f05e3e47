"""Sums of squares that are linear in their latents: a Gaussian likelihood with a common scale.

With the columns of data M and the latents v, the sum over rows of (M v)² is |R v|², where R is the
triangular factor of M = Q R: unlike the matrix of products M'M it loses no digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.compile.rewrite.factorise import triangular_factor
from ppl.compile.rewrite.products import (
    Gather,
    Product,
    gather,
    plus,
    summed,
    times,
)
from ppl.compile.rewrite.rows import BLOCK, Rows, values
from ppl.compile.rewrite.scope import Scope, fresh_index
from ppl.compile.rewrite.statistics import factors_of
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, data_indices, under_square
from ppl.graph.nodes import Apply, Constant, Index, Node

SAMPLED = 20
"""Rows for each column that the first rough factor is made of."""
MOST_COLUMNS = 1000
"""More columns are not factorised."""
MOST_GROUPED = 150
"""The same where columns stand for groups: most of their numbers would be 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """Columns of M that belong to the same latents.

    Attributes
    ----------
    product
        Data and latents.
    alike
        The latents, without what all columns share.
    others
        Indices of the data besides the rows.
    gather
        How latents are read by row, if they are.
    """

    product: Product
    alike: tuple[Node, ...]
    others: tuple[Index, ...]
    gather: Gather | None

    def shape(self, scope: Scope) -> tuple[int, ...]:
        """Return the columns' shape."""
        groups = () if self.gather is None else (scope.extent(self.gather.index),)
        return (*groups, *(scope.extent(i) for i in self.others))

    def width(self, scope: Scope) -> int:
        """Return how many columns each row fills."""
        return int(np.prod([scope.extent(i) for i in self.others], dtype=int))

    def values(self, rows: Rows, block: slice, scope: Scope) -> NDArray[np.float64]:
        """Return the columns on a block of rows, (rows, columns)."""
        data = factors_of(self.product, rows, block, self.others, scope)
        flat = np.asarray(data, np.float64).reshape(len(data), -1)
        if self.gather is None:
            return flat
        where = values(self.gather.position, rows, block, (), scope).astype(np.intp)
        groups = self.shape(scope)[0]
        spread = np.zeros((len(flat), groups, flat.shape[1]))
        spread[np.arange(len(flat)), where] = flat
        return spread.reshape(len(flat), -1)


def _squares(summand: Summand, scope: Scope) -> Rewritten | None:
    """Replace the rows by the triangular factor."""
    rows = summand.rows
    items = under_square(summand, scope)
    if items is None:
        return None
    shared = common(items, rows, scope)
    columns = columns_of(items, shared, rows, scope)
    if columns is None:
        return None
    width = sum(int(np.prod(c.shape(scope), dtype=int)) for c in columns)
    if not _pays(width, columns, rows):
        return None
    terms = []
    for part in summand.parts:
        made = _term(part, columns, width, summand, scope)
        if made is None:
            return None
        node, index = made
        outside = [Apply("square", (n,)) for n in shared]
        terms.append((times(*part.latent, *outside, node), (*summand.others, index)))
    return Rewritten(tuple(terms), rows=min(width, rows.count))


def _pays(width: int, columns: list[Column], rows: Rows) -> bool:
    most = MOST_GROUPED if any(c.gather for c in columns) else MOST_COLUMNS
    return width <= most and width < rows.count


def common(items: tuple[Product, ...], rows: Rows, scope: Scope) -> list[Node]:
    """Return the factors of latents that all products have, the same for all rows."""
    first = {scope.number(n): n for n in items[0].alike(rows)}
    for item in items[1:]:
        here = {scope.number(n) for n in item.alike(rows)}
        first = {k: n for k, n in first.items() if k in here}
    return list(first.values())


def without(nodes: tuple[Node, ...], shared: list[Node], scope: Scope) -> tuple[Node, ...]:
    """Return factors without the shared ones, each left out once."""
    left = [scope.number(n) for n in shared]
    kept = []
    for node in nodes:
        if scope.number(node) in left:
            left.remove(scope.number(node))
        else:
            kept.append(node)
    return tuple(kept)


def columns_of(
    items: tuple[Product, ...], shared: list[Node], rows: Rows, scope: Scope
) -> list[Column] | None:
    """Return the columns of M, None if latents are read in another way than by group."""
    columns = []
    for item in items:
        found = None
        if item.over_rows(rows):
            found = gather(item, rows, scope)
            if found is None:
                return None
        alike = without(item.alike(rows), shared, scope)
        columns.append(Column(item, alike, data_indices(item, rows), found))
    return columns


def _term(
    part: Product, columns: list[Column], width: int, summand: Summand, scope: Scope
) -> tuple[Node, Index] | None:
    """Return the squares of R v, and the index that they are summed over."""
    rows = summand.rows
    signed = weights_of(part, rows, scope)
    if signed is None:
        return None
    sign, weights = signed
    factor = _factor(columns, width, weights, rows, scope)
    index = fresh_index("r", len(factor))
    sums = []
    start = 0
    for column in columns:
        shape = column.shape(scope)
        stop = start + int(np.prod(shape, dtype=int))
        piece = np.ascontiguousarray(factor[:, start:stop]).reshape(len(factor), *shape)
        start = stop
        group = () if column.gather is None else (column.gather.index,)
        latent = () if column.gather is None else column.gather.latent
        read = scope.read("factor", piece, (index, *group, *column.others))
        sums.append(summed((*group, *column.product.sums), times(read, *column.alike, *latent)))
    return times(Constant(sign), Apply("square", (plus(sums),))), index


def weights_of(part: Product, rows: Rows, scope: Scope) -> tuple[float, NDArray[np.float64]] | None:
    """Return the rows' weights and their common sign, None where signs differ."""
    if data_indices(part, rows) or part.sums:
        return None
    weights = factors_of(Product(part.data), rows, slice(0, rows.count), (), scope)
    one = weights[:1] if weights.strides == (0,) else weights
    if not (np.all(one >= 0) or np.all(one <= 0)):
        return None
    return -1.0 if np.any(one < 0) else 1.0, each(np.abs, weights)


def each(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], numbers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a function of each number; of equal ones that share memory, of one."""
    if numbers.strides == (0,) and numbers.size:
        return np.broadcast_to(function(numbers[:1]), numbers.shape)
    return function(numbers)


def _factor(
    columns: list[Column], width: int, weights: NDArray[np.float64], rows: Rows, scope: Scope
) -> NDArray[np.float64]:
    """Return R of the columns, each row times the root of its weight."""
    roots = each(np.sqrt, weights)

    def table(of: Rows, block: slice, root: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.empty((block.stop - block.start, width))
        start = 0
        for column in columns:
            part = column.values(of, block, scope)
            np.multiply(part, root[:, None], out=result[:, start : start + part.shape[1]])
            start += part.shape[1]
        return result

    def blocks() -> Iterator[NDArray[np.float64]]:
        for block in rows.blocks(width, scope):
            yield table(rows, block, roots[block])

    step = max(1, rows.count // (SAMPLED * width))
    chosen = np.arange(0, rows.count, step)
    some = rows.at(chosen)
    sampled = roots[chosen]
    # Rows far apart in a file may bring in megabytes each, so blocks of them are small.
    parts = [table(some, block, sampled[block]) for block in some.blocks(BLOCK, scope)]
    return triangular_factor(blocks, np.concatenate(parts))


SQUARES = Rule("triangular factor", "a linear Gaussian likelihood needs R of its design", _squares)
