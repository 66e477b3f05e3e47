"""Sufficient statistics: a product of data and latents that share no row is a sum of data, times
the latents. Exponential families over equal arguments become sums and counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ppl.compile.rewrite.products import Product, gather, replaced, summed, times
from ppl.compile.rewrite.rows import Rows, values, whole
from ppl.compile.rewrite.scope import Scope, fresh_index
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, data_indices
from ppl.graph.nodes import Constant, Index, Node, Position


def _statistics(summand: Summand, scope: Scope) -> Rewritten | None:
    """Sum the data of one product over all rows, or over the rows of each group."""
    if summand.factor is not None:
        return None
    (product,) = summand.parts
    rows = summand.rows
    if not product.over_rows(rows):
        return _of_all(product, summand, scope)
    return _by_group(product, summand, scope)


def _of_all(product: Product, summand: Summand, scope: Scope) -> Rewritten:
    others = data_indices(product, summand.rows)
    total = total_of(product, summand.rows, others, scope)
    if not product.latent:
        missing = [i for i in summand.others if i not in others]
        number = float(np.sum(total)) * float(np.prod([scope.extent(i) for i in missing]))
        return Rewritten(((Constant(number), ()),))
    if others:
        node = times(scope.read("sum", total, others), *product.latent)
    else:
        node = times(Constant(float(total)), *product.latent)
    return Rewritten(((summed(product.sums, node), summand.others),), rows=1)


def _by_group(product: Product, summand: Summand, scope: Scope) -> Rewritten | None:
    rows = summand.rows
    found = gather(product, rows, scope)
    if found is None:
        return None
    others = data_indices(product, rows)
    where = whole(found.position, rows, (), scope).astype(np.intp)
    size = scope.extent(found.index)
    sums = np.zeros((size, *(scope.extent(i) for i in others)))
    for block in rows.blocks(int(sums[0].size), scope):
        weights = factors_of(product, rows, block, others, scope)
        flat = np.reshape(weights, (len(weights), -1))
        into = sums.reshape(size, -1)
        for k in range(flat.shape[1]):
            into[:, k] += np.bincount(where[block], flat[:, k], size)
    occupied = np.unique(where)
    index, latent = found.index, found.latent
    if len(occupied) < size:
        index = fresh_index("g", len(occupied))
        place: dict[int, Node] = {
            scope.number(Position(found.index)): scope.read("group", occupied, (index,))
        }
        latent = tuple(replaced(n, place, scope) for n in latent)
        sums = sums[occupied]
    node = times(scope.read("sum", sums, (index, *others)), *product.alike(rows), *latent)
    return Rewritten(((summed(product.sums, node), (*summand.others, index)),), rows=len(occupied))


def factors_of(
    product: Product, rows: Rows, block: slice, others: tuple[Index, ...], scope: Scope
) -> NDArray[np.float64]:
    """Return the data of a product on a block of rows, (rows, others...)."""
    shape = (block.stop - block.start, *(scope.extent(i) for i in others))
    result: NDArray[np.float64] | None = None
    for node in product.data:
        part = _once(values(node, rows, block, others, scope))
        result = np.asarray(part, np.float64) if result is None else result * part
    return np.broadcast_to(np.ones((1,) * len(shape)) if result is None else result, shape)


def _once(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an array without the axes along which it is repeated, which are left with size 1."""
    kept = (slice(None, 1 if stride == 0 else None) for stride in array.strides)
    return array[tuple(kept)]


def total_of(
    product: Product, rows: Rows, others: tuple[Index, ...], scope: Scope
) -> NDArray[np.float64]:
    """Return the sum over the rows of a product's data, (others...).

    Factors that only rows have are the weights of a matrix product with the rest.
    """
    only = tuple(n for n in product.data if n.free <= rows.set)
    rest = tuple(n for n in product.data if not n.free <= rows.set)
    shape = tuple(scope.extent(i) for i in others)
    total = np.zeros(shape)
    for block in rows.blocks(int(np.prod(shape, dtype=int)), scope):
        weights = factors_of(Product(only), rows, block, (), scope)
        if rest:
            table = factors_of(Product(rest), rows, block, others, scope)
            flat = np.asarray(table, np.float64).reshape(len(table), -1)
            total += (np.ascontiguousarray(weights, np.float64) @ flat).reshape(shape)
        else:
            total += np.sum(weights)
    return total


STATISTICS = Rule("sufficient statistics", "data that enter as sums are summed once", _statistics)
