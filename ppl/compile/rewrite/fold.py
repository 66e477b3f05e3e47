"""Equal rows are counted once: what latents meet of a row is a pattern, and patterns repeat where
covariates are discrete. Exact for any likelihood; of a Gaussian, outcomes fold to their means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ppl.compile.rewrite.patterns import SHARE, Patterns, differ, patterns, sample_of
from ppl.compile.rewrite.products import (
    Product,
    plus,
    replaced,
    summed,
    times,
)
from ppl.compile.rewrite.rows import Rows, leaves, whole
from ppl.compile.rewrite.scope import Scope, fresh_index
from ppl.compile.rewrite.squares import common, without
from ppl.compile.rewrite.statistics import factors_of
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand, data_indices, under_square
from ppl.graph.nodes import Apply, Constant, Index, Node

GROUPED_SHARE = 0.25
"""A Gaussian likelihood with groups is folded before it is factorised up to this share."""


def _fold(summand: Summand, scope: Scope) -> Rewritten | None:
    """Count equal rows once."""
    if summand.factor is None:
        return None
    rows = summand.rows
    parts = leaves(summand.factor, rows, scope)
    if not parts or _differ(parts, rows, SHARE, scope):
        return None
    columns = [_column(leaf, rows, scope) for leaf in parts]
    found = patterns(columns)
    if found is None:
        return None
    rest = on_patterns(summand, parts, columns, found, scope)
    return Rewritten(rest=rest, rows=found.count)


def _differ(parts: list[Node], rows: Rows, share: float, scope: Scope) -> bool:
    """Return whether a sample of the rows shows that too many are distinct; nothing is copied."""
    chosen = sample_of(rows.count)
    if chosen is None:
        return False
    some = rows.at(chosen)
    return differ([_column(leaf, some, scope) for leaf in parts], share)


def _column(leaf: Node, rows: Rows, scope: Scope) -> NDArray[np.float64]:
    column = whole(leaf, rows, _others(leaf, rows), scope)
    return column if column.dtype.kind != "b" else column.astype(np.float64)


def _others(leaf: Node, rows: Rows) -> tuple[Index, ...]:
    return tuple(sorted(leaf.free - rows.set, key=lambda i: i.serial))


def on_patterns(
    summand: Summand,
    parts: list[Node],
    columns: list[NDArray[np.float64]],
    found: Patterns,
    scope: Scope,
) -> Summand:
    """Return a summand over distinct rows, with the weights of equal rows added up."""
    rows = summand.rows
    assert summand.factor is not None
    index = fresh_index("u", found.count)
    by = _reads(parts, columns, found, index, rows, scope)
    products = []
    for part in summand.parts:
        others = data_indices(part, rows)
        weights = factors_of(part, rows, slice(0, rows.count), others, scope)
        read = scope.read("weight", found.sums(weights), (index, *others))
        products.append(Product((read,), part.latent, part.sums))
    factor = replaced(summand.factor, by, scope)
    return Summand(factor, tuple(products), Rows.over((index,), scope), summand.others)


def _reads(
    parts: list[Node],
    columns: list[NDArray[np.float64]],
    found: Patterns,
    index: Index,
    rows: Rows,
    scope: Scope,
) -> dict[int, Node]:
    return {
        scope.number(leaf): scope.read(
            "row", np.ascontiguousarray(column[found.first]), (index, *_others(leaf, rows))
        )
        for leaf, column in zip(parts, columns, strict=True)
    }


def only_kept(summand: Summand, scope: Scope) -> Summand:
    """Return a summand over its kept rows as one over new rows, all of which count."""
    parts = leaves(summand.node, summand.rows, scope)
    columns = [_column(leaf, summand.rows, scope) for leaf in parts]
    every = np.arange(summand.rows.count)
    index = fresh_index("kept", len(every))
    by = _reads(parts, columns, Patterns(every, every), index, summand.rows, scope)
    one = (Product(),)
    node = replaced(summand.node, by, scope)
    return Summand(node, one, Rows.over((index,), scope), summand.others)


# ----------------------------------------------------------------------------------------- squares


def _fold_grouped(summand: Summand, scope: Scope) -> Rewritten | None:
    """Fold a Gaussian likelihood early where latents are read by group."""
    return _fold_squares(summand, scope, GROUPED_SHARE, grouped=True)


def _fold_last(summand: Summand, scope: Scope) -> Rewritten | None:
    return _fold_squares(summand, scope, SHARE)


def _fold_squares(
    summand: Summand, scope: Scope, share: float, grouped: bool = False
) -> Rewritten | None:
    """Replace outcomes with equal predictors by their mean and their sum of squares about it."""
    rows = summand.rows
    items = under_square(summand, scope)
    if items is None:
        return None
    if grouped and not any(i.over_rows(rows) for i in items):
        return None
    shared = common(items, rows, scope)
    outcome = [i for i in items if not without(i.latent, shared, scope)]
    rest = [i for i in items if without(i.latent, shared, scope)]
    free = frozenset().union(*(i.free for i in items)) - rows.set
    weighted = any(data_indices(p, rows) or p.sums for p in summand.parts)
    if not outcome or not rest or weighted or any(i.sums for i in outcome):
        return None
    if any(data_indices(i, rows) for i in outcome) or free & frozenset(summand.others):
        return None
    mean = plus([summed(i.sums, times(*i.data, *without(i.latent, shared, scope))) for i in rest])
    parts = leaves(mean, rows, scope)
    if not parts or _differ(parts, rows, share, scope):
        return None
    columns = [_column(leaf, rows, scope) for leaf in parts]
    found = patterns(columns, share)
    if found is None:
        return None
    every = slice(0, rows.count)
    y = sum(factors_of(Product(i.data), rows, every, (), scope) for i in outcome)
    index = fresh_index("u", found.count)
    by = _reads(parts, columns, found, index, rows, scope)
    mean = replaced(mean, by, scope)
    outside = [Apply("square", (n,)) for n in shared]
    terms: list[tuple[Node, tuple[Index, ...]]] = []
    for part in summand.parts:
        weights = factors_of(Product(part.data), rows, every, (), scope)
        total = found.sums(weights)
        safe = np.where(total == 0, 1.0, total)
        middle = found.sums(weights * y) / safe
        about = float(np.sum(weights * np.square(y - middle[found.which])))
        read = scope.read("mean", middle, (index,))
        square = Apply("square", (Apply("add", (read, mean)),))
        weight = scope.read("weight", total, (index,))
        terms.append(
            (times(*part.latent, *outside, times(weight, square)), (*summand.others, index))
        )
        terms.append((times(Constant(about), *part.latent, *outside), summand.others))
    return Rewritten(tuple(terms), rows=found.count)


FOLD = Rule("equal rows", "rows that latents cannot tell apart are counted once", _fold)
FOLD_GROUPED = Rule("equal rows", "outcomes with equal predictors become means", _fold_grouped)
FOLD_SQUARES = Rule("equal rows", "outcomes with equal predictors become means", _fold_last)
