"""Fused likelihoods: sums over many rows of softplus or exp of a linear predictor, which is what is
left of Bernoulli, binomial, Poisson and negative binomial regressions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.numeric import extent_of
from ppl.compile.program import Fused
from ppl.compile.rewrite.products import Product, TooMany, expand, gather, times
from ppl.compile.rewrite.rows import Rows, whole
from ppl.compile.rewrite.scope import Scope
from ppl.compile.rewrite.statistics import factors_of
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, data_indices
from ppl.data.mapped import is_mapped, release
from ppl.graph.nodes import Apply, Constant, Index, Node, Position, Read
from ppl.primitives.fused_rows import TABLES, Lookup, Predictor

LEAST = 2000
"""Fewer numbers of rows times columns are not worth a pass of their own."""

LARGE = 1 << 22
"""Matrices of fewer bytes are put side by side; larger ones are not copied."""

AT_ONCE = 1 << 18
"""Rows that are put in order together where they are many."""

Part = tuple[Node, tuple[Index, ...]]


def _fused(summand: Summand, scope: Scope) -> Rewritten | None:
    match summand.factor:
        case Apply(atom="logaddexp", arguments=(Constant(value=0), inside)):
            function = "sum_softplus"
        case Apply(atom="exp", arguments=(inside,)):
            function = "sum_exp"
        case _:
            return None
    rows = summand.rows
    if inside.free - rows.set or any(data_indices(p, rows) or p.sums for p in summand.parts):
        return None
    try:
        items = expand(inside, rows, scope)
    except TooMany:
        return None
    made = _design(items, rows, scope)
    if made is None:
        return None
    design, vectors, lookups, tables, offset = made
    width = sum(m.shape[1] for m in design) + len(lookups)
    if rows.count * width < LEAST:
        return None
    weights, coefficients, scale = _weights(summand, scope)
    order = _sorted_by(lookups, design, rows)
    if order is not None:
        design = [_in_order(m, order) for m in design]
        lookups = [_ordered(one, order) for one in lookups]
        offset = offset if offset is None else _in_order(offset, order)
        weights = weights if weights is None else _in_order(weights, order)
    mapped = [m for m in design if is_mapped(m)]
    done = partial(release, mapped) if mapped else None
    predictor = Predictor(tuple(design), tuple(lookups), offset, weights, rows.count, done)
    key = scope.make("rows", predictor)
    step = Fused(
        key.replace("rows", "fused"), function, key, coefficients, tuple(vectors), tuple(tables)
    )
    scope.shapes[step.key] = ()
    node = times(Constant(scale), Read(step.key, ()))
    return Rewritten(((node, summand.others),), (step,), rows=rows.count)


def _design(
    items: tuple[Product, ...], rows: Rows, scope: Scope
) -> (
    tuple[
        list[NDArray[np.float64]],
        list[Part],
        list[Lookup],
        list[Part],
        NDArray[np.float64] | None,
    ]
    | None
):
    """Return matrices with the latents that they multiply, lookups with their tables, an offset."""
    wide: list[NDArray[np.float64]] = []
    narrow: list[NDArray[np.float64]] = []
    vectors: list[Part] = []
    thin: list[Part] = []
    lookups: list[Lookup] = []
    tables: list[Part] = []
    offset: NDArray[np.float64] | None = None
    every = slice(0, rows.count)
    for item in items:
        others = data_indices(item, rows)
        latent = times(*item.alike(rows))
        if set(item.sums) - set(others) or set(others) - set(item.sums):
            return None
        if item.over_rows(rows):
            found = gather(item, rows, scope)
            if found is None or len(tables) == TABLES:
                return None
            where = whole(found.position, rows, (), scope).astype(np.intp, copy=False)
            data = _table(item, rows, others, scope)
            count = data.shape[1]
            for k in range(count):
                ones = not others and not item.data
                lookups.append(
                    Lookup(
                        len(tables),
                        where if count == 1 else where * count + k,
                        None if ones else np.ascontiguousarray(data[:, k]),
                    )
                )
            node = times(latent, *found.latent)
            tables.append((node, (found.index, *others)))
        elif not item.latent:
            more = factors_of(item, rows, every, (), scope)
            if others:
                return None
            offset = more if offset is None else offset + more
        elif others:
            wide.append(_table(item, rows, others, scope))
            vectors.append((latent, others))
        else:
            narrow.append(_table(item, rows, (), scope))
            thin.append((latent, ()))
    if not vectors and not thin and not tables:
        return None
    matrices = [*wide, *narrow]
    small = sum(m.nbytes for m in matrices) < LARGE
    if len(matrices) > 1 and small and not any(map(is_mapped, matrices)):
        matrices = [np.concatenate(matrices, axis=1)]
    elif len(narrow) > 1:
        matrices = [*wide, np.concatenate(narrow, axis=1)]
    return matrices, [*vectors, *thin], lookups, tables, offset


def _table(
    item: Product, rows: Rows, others: tuple[Index, ...], scope: Scope
) -> NDArray[np.float64]:
    """Return an item's data as a matrix, not copied if stored as one or if rows are all alike."""
    if len(item.data) == 1 and len(others) == 1:
        some: NDArray[np.float64] | None = _some_rows(item.data[0], rows, others[0], scope)
        if some is not None:
            return some
        found = whole(item.data[0], rows, others, scope)
        if found.dtype == np.float64 or is_mapped(found):
            return found
    data = np.asarray(factors_of(item, rows, slice(0, rows.count), others, scope), np.float64)
    table = data.reshape(len(data), -1)
    alike = table.strides[0] == 0 and table.nbytes >= LARGE
    return table if alike else np.ascontiguousarray(table)


def _some_rows(node: Node, rows: Rows, other: Index, scope: Scope) -> Any:
    """Return the rows that count of a large matrix, not copied; None where it is no such one."""
    if rows.kept is None or len(rows.indices) != 1 or not isinstance(node, Read):
        return None
    array = scope.bound.data.get(node.name)
    axes = [p.index for p in node.positions if isinstance(p, Position)]
    if array is None or axes != [rows.indices[0], other] or len(axes) < len(node.positions):
        return None
    starts = {extent_of(i, scope.bound)[0] for i in axes}
    shape = tuple(scope.extent(i) for i in axes)
    large = array.nbytes >= LARGE and array.dtype == np.float64 and not is_mapped(array)
    if not large or starts != {0} or shape != array.shape:
        return None
    return Reordered(array, rows.kept.astype(np.uint32 if len(array) < 1 << 32 else np.intp))


def _weights(
    summand: Summand, scope: Scope
) -> tuple[NDArray[np.float64] | None, tuple[Node, ...], float]:
    """Return weights (rows, terms), the terms' coefficients if they differ by draw, and a number
    that all rows have in common where they have no other weight."""
    rows = summand.rows
    every = slice(0, rows.count)
    columns: dict[tuple[int, ...], tuple[NDArray[np.float64], tuple[Node, ...]]] = {}
    for part in summand.parts:
        key = tuple(sorted(scope.number(n) for n in part.latent))
        weights = factors_of(part, rows, every, (), scope)
        if key in columns:
            weights = weights + columns[key][0]
        columns[key] = weights, part.latent
    table = np.stack([w for w, _ in columns.values()], axis=1)
    if list(columns) == [()]:
        first = float(table[0, 0])
        return (None, (), first) if np.all(table == first) else (table, (), 1.0)
    return table, tuple(times(*latent) for _, latent in columns.values()), 1.0


def _sorted_by(
    lookups: list[Lookup], design: list[NDArray[np.float64]], rows: Rows
) -> NDArray[Any] | None:
    """Return an order of the rows by group; a design that lies in a file stays as it is."""
    if not lookups or any(map(is_mapped, design)):
        return None
    main = max(lookups, key=lambda one: int(np.max(one.places)))
    if _is_sorted(main.places):
        return None
    if main.places.nbytes < LARGE:
        return np.argsort(main.places, kind="stable").astype(np.intp)
    return _order_of_many(main.places)


def _is_sorted(places: NDArray[np.intp]) -> bool:
    """Return whether numbers rise, looking at some at a time."""
    return all(
        bool(np.all(places[low + 1 : low + 1 + AT_ONCE] >= places[low : low + AT_ONCE][:count]))
        for low in range(0, len(places) - 1, AT_ONCE)
        for count in [min(AT_ONCE, len(places) - 1 - low)]
    )


def _order_of_many(places: NDArray[np.intp]) -> NDArray[Any]:
    """Return the stable order of groups' numbers, made and kept in little memory."""
    dtype = np.uint32 if len(places) < 1 << 32 else np.intp
    order = np.empty(len(places), dtype)
    counts = np.zeros(int(np.max(places)) + 1, np.intp)
    parts = [slice(low, low + AT_ONCE) for low in range(0, len(places), AT_ONCE)]
    for part in parts:
        counts += np.bincount(places[part], minlength=len(counts))
    free = np.cumsum(counts) - counts
    for part in parts:
        mine = places[part]
        inner = np.argsort(mine, kind="stable")
        here = mine[inner]
        own = np.bincount(mine, minlength=len(counts))
        within = np.arange(len(mine)) - (np.cumsum(own) - own)[here]
        order[free[here] + within] = inner + part.start
        free += own
    return order


def _ordered(lookup: Lookup, order: NDArray[Any]) -> Lookup:
    factors = lookup.factors
    return replace(
        lookup,
        places=_in_order(lookup.places, order),
        factors=None if factors is None else _in_order(factors, order),
    )


class Reordered:
    """An array's rows in another order, taken when a block of them is read."""

    def __init__(self, array: NDArray[Any], order: NDArray[Any]) -> None:
        self.array, self.order = array, order
        self.shape, self.dtype, self.strides = (
            (len(order), *array.shape[1:]),
            array.dtype,
            array.strides,
        )
        self.nbytes = array.dtype.itemsize * int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return rows; an index after the first is one of columns, as in NumPy."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        found: NDArray[Any] = self.array[self.order[first]]
        return found[(slice(None), *rest)] if rest else found


def _in_order(array: Any, order: NDArray[Any]) -> Any:
    """Return an array's rows in an order: at once if they are few, block by block if not."""
    if array.strides[0] == 0:
        return array
    if len(array) * 8 >= LARGE:
        return Reordered(array, order)
    return array[order]


FUSED = Rule("fused rows", "a linear predictor's likelihood is one pass in blocks", _fused)
