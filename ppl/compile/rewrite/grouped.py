"""Sums of squares with latents by group: a small triangular factor for each group, and one more.

Of the rows of a group, the columns that belong to the group's own latents are made orthogonal to
one another and taken out of the columns that all groups share; what is left of these is factorised
as one design. This is the QR of the whole sparse design, at the cost of its dense part.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ppl.compile.rewrite.factorise import triangular_factor
from ppl.compile.rewrite.products import (
    Product,
    plus,
    replaced,
    summed,
    times,
)
from ppl.compile.rewrite.rows import Rows, whole
from ppl.compile.rewrite.scope import Scope, fresh_index
from ppl.compile.rewrite.squares import SAMPLED, Column, columns_of, common, each, weights_of
from ppl.compile.rewrite.statistics import factors_of
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, under_square
from ppl.graph.nodes import Apply, Constant, Index, Node, Position

Floats = NDArray[np.float64]
Term = tuple[Node, tuple[Index, ...]]

MOST_LOCAL = 8
"""Latents of a group that are factorised together, at most."""
MOST = 1 << 27
"""Numbers of the design at most."""
AT_ONCE = 1 << 19
"""Numbers of the design that are held in memory at once, about."""


def _by_group(summand: Summand, scope: Scope) -> Rewritten | None:
    """Replace the rows of each group by its factor."""
    rows = summand.rows
    items = under_square(summand, scope)
    if items is None:
        return None
    shared = common(items, rows, scope)
    columns = columns_of(items, shared, rows, scope)
    if columns is None:
        return None
    local = [c for c in columns if c.gather is not None]
    rest = [c for c in columns if c.gather is None]
    if not local or len({scope.number(c.gather.position) for c in local if c.gather}) > 1:
        return None
    width = [c.width(scope) for c in local], [c.width(scope) for c in rest]
    if sum(width[0]) > MOST_LOCAL or rows.count * (sum(width[0]) + sum(width[1])) > MOST:
        return None
    terms: list[Term] = []
    outside = tuple(Apply("square", (n,)) for n in shared)
    for part in summand.parts:
        signed = weights_of(part, rows, scope)
        if signed is None:
            return None
        sign, weights = signed
        for node, indices in _terms(local, rest, each(np.sqrt, weights), rows, scope):
            whole_term = times(Constant(sign), *part.latent, *outside, Apply("square", (node,)))
            terms.append((whole_term, (*summand.others, *indices)))
    return Rewritten(tuple(terms), rows=_groups(local, rows, scope) + sum(width[1]))


def _groups(local: list[Column], rows: Rows, scope: Scope) -> int:
    """Return how many rows the factors of the groups have."""
    assert local[0].gather is not None
    where = whole(local[0].gather.position, rows, (), scope).astype(np.intp, copy=False)
    return int(np.count_nonzero(np.bincount(where))) * sum(c.width(scope) for c in local)


def _terms(
    local: list[Column], rest: list[Column], roots: Floats, rows: Rows, scope: Scope
) -> list[Term]:
    """Return what is to be squared, with the indices of the factors' rows."""
    first = local[0].gather
    assert first is not None
    where = whole(first.position, rows, (), scope).astype(np.intp, copy=False)
    occupied, place_of = _occupied(where)
    factors, pooled = _factors(local, rest, roots, (where, place_of), len(occupied), rows, scope)
    group = fresh_index("g", len(occupied))
    line = fresh_index("r", factors.shape[1])
    place: Node = Position(group)
    if len(occupied) < scope.extent(first.index):
        place = scope.read("group", occupied, (group,))
    sums: list[Node] = []
    start = 0
    for column in (*local, *rest):
        stop = start + column.width(scope)
        piece = np.ascontiguousarray(factors[:, :, start:stop])
        start = stop
        laid = piece.reshape(*piece.shape[:2], *(scope.extent(i) for i in column.others))
        read = scope.read("factor", laid, (group, line, *column.others))
        latent: tuple[Node, ...] = ()
        if column.gather is not None:
            by = {scope.number(Position(column.gather.index)): place}
            latent = tuple(replaced(n, by, scope) for n in column.gather.latent)
        sums.append(summed(column.product.sums, times(read, *column.alike, *latent)))
    terms: list[Term] = [(plus(sums), (group, line))]
    if pooled is not None:
        terms.append(_pooled(rest, pooled, scope))
    return terms


def _occupied(where: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions that occur, and the number among them of each position."""
    occupied = np.flatnonzero(np.bincount(where))
    place_of = np.zeros(int(occupied[-1]) + 1, np.intp)
    place_of[occupied] = np.arange(len(occupied))
    return occupied, place_of


def _factors(
    local: list[Column],
    rest: list[Column],
    roots: Floats,
    groups: tuple[NDArray[np.intp], NDArray[np.intp]],
    count: int,
    rows: Rows,
    scope: Scope,
) -> tuple[Floats, Floats | None]:
    """Return the groups' factors, and that of all remainders; None if nothing remains.

    Blocks of rows follow each other, each below the groups' factors of those before it.
    """
    where, place_of = groups
    own, others = (sum(c.width(scope) for c in columns) for columns in (local, rest))
    factors = np.zeros((count, own, own + others))
    above = np.repeat(np.arange(count), own)
    size = max(AT_ONCE // (own + others), 4 * count * own)

    def remainders() -> Iterator[Floats]:
        factors[...] = 0.0
        for low in range(0, rows.count, size):
            block = slice(low, min(low + size, rows.count))
            before = factors.reshape(-1, own + others)
            mine = _table(local, roots, rows, block, before[:, :own], scope)
            left = _table(rest, roots, rows, block, before[:, own:], scope)
            which = np.concatenate([above, place_of[where[block]]])
            factors[...] = _taken_out(mine, left, which, count)
            yield left

    if not others:
        for _ in remainders():
            pass
        return factors, None

    def blocks() -> Iterator[Floats]:
        step = max(256, (1 << 17) // others)
        for left in remainders():
            for low in range(0, len(left), step):
                yield left[low : low + step].copy(order="C")

    first = next(blocks())
    some = np.array(first[:: max(1, len(first) // (SAMPLED * others))])
    del first
    return factors, triangular_factor(blocks, some)


def _table(
    columns: list[Column], roots: Floats, rows: Rows, block: slice, above: Floats, scope: Scope
) -> Floats:
    """Return columns side by side, contiguous each, with some rows above: each row times a root."""
    width = sum(c.width(scope) for c in columns)
    table = np.empty((len(above) + block.stop - block.start, width), order="F")
    table[: len(above)] = above
    start = 0
    for column in columns:
        stop = start + column.width(scope)
        data = factors_of(Product(column.product.data), rows, block, column.others, scope)
        flat = np.reshape(data, (len(data), -1))
        np.multiply(flat, roots[block, None], out=table[len(above) :, start:stop])
        start = stop
    return table


def _taken_out(own: Floats, others: Floats, which: NDArray[np.intp], count: int) -> Floats:
    """Return the groups' factors, (groups, own columns, all columns), and leave the remainders.

    Modified Gram-Schmidt, for all groups at once (Björck 1967).
    """
    each = [own[:, c] for c in range(own.shape[1])]
    every = [*each, *(others[:, c] for c in range(others.shape[1]))]
    factors = np.zeros((count, len(each), len(every)))
    for c, column in enumerate(each):
        norm = np.sqrt(np.bincount(which, np.square(column), count))
        factors[:, c, c] = norm
        column /= np.where(norm > 0, norm, 1.0)[which]
        for k in range(c + 1, len(every)):
            along = np.bincount(which, column * every[k], count)
            factors[:, c, k] = along
            every[k] -= column * along[which]
    return factors


def _pooled(columns: list[Column], factor: Floats, scope: Scope) -> Term:
    """Return what is to be squared of the remainders of the columns that groups share."""
    line = fresh_index("r", len(factor))
    sums: list[Node] = []
    start = 0
    for column in columns:
        stop = start + column.width(scope)
        piece = np.ascontiguousarray(factor[:, start:stop])
        start = stop
        laid = piece.reshape(len(factor), *(scope.extent(i) for i in column.others))
        read = scope.read("factor", laid, (line, *column.others))
        sums.append(summed(column.product.sums, times(read, *column.alike)))
    return plus(sums), (line,)


GROUPED = Rule("triangular factor", "each group needs a small factor of its own", _by_group)
