"""Fused likelihoods: sums over many rows of softplus or exp of a linear predictor, which is what is
left of Bernoulli, binomial, Poisson and negative binomial regressions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ppl.compile.program import Fused
from ppl.compile.rewrite.products import Product, TooMany, expand, gather, times
from ppl.compile.rewrite.rows import Rows, whole
from ppl.compile.rewrite.scope import Scope
from ppl.compile.rewrite.statistics import factors_of
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, data_indices
from ppl.data.mapped import is_mapped, release
from ppl.graph.nodes import Apply, Constant, Index, Node, Read
from ppl.primitives.fused_rows import TABLES, Lookup, Predictor

LEAST = 2000
"""Fewer numbers of rows times columns are not worth a pass of their own."""

LARGE = 1 << 22
"""Matrices of fewer bytes are put side by side; larger ones are not copied."""

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
        design = [m[order] for m in design]
        lookups = [_ordered(one, order) for one in lookups]
        offset = offset if offset is None else offset[order]
        weights = weights if weights is None else weights[order]
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
        found = whole(item.data[0], rows, others, scope)
        if found.dtype == np.float64 or is_mapped(found):
            return found
    data = np.asarray(factors_of(item, rows, slice(0, rows.count), others, scope), np.float64)
    table = data.reshape(len(data), -1)
    alike = table.strides[0] == 0 and table.nbytes >= LARGE
    return table if alike else np.ascontiguousarray(table)


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
) -> NDArray[np.intp] | None:
    """Return an order of the rows by group; a design that lies in a file stays as it is."""
    if not lookups or any(map(is_mapped, design)):
        return None
    main = max(lookups, key=lambda one: int(np.max(one.places)))
    if np.all(main.places[1:] >= main.places[:-1]):
        return None
    return np.argsort(main.places, kind="stable").astype(np.intp)


def _ordered(lookup: Lookup, order: NDArray[np.intp]) -> Lookup:
    factors = lookup.factors
    return replace(
        lookup,
        places=lookup.places[order],
        factors=None if factors is None else factors[order],
    )


FUSED = Rule("fused rows", "a linear predictor's likelihood is one pass in blocks", _fused)
