"""The values of data as the model counts them: numbers, positions from 0, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.constraints import Constraint, Range, bounded
from ppl.data import diagnostics as kinds
from ppl.data.dataset import Array, Variable
from ppl.data.mapped import blocks, first_place, is_mapped, rows_of
from ppl.data.missing_words import are_missing
from ppl.data.naming import Naming
from ppl.data.numpy_files import LARGE
from ppl.data.spooled import widened
from ppl.graph.evaluate import NotANumber, number
from ppl.graph.graph import OBSERVED, Define, Factor, Graph, Sample, Suffix
from ppl.graph.nodes import Constant, Node, Read, walk
from ppl.text import DataError, Diagnostic

PART = 1 << 18
"""Bytes that are looked at together: they stay in the cache."""


def values_of(
    graph: Graph, name: str, variable: Variable, sizes: Mapping[str, int], naming: Naming
) -> Array:
    """Return a variable's values as the model counts them."""
    datum = graph.variables[name].datum
    values = variable.values
    text = variable.first_text()
    if text is not None and _is_calculated_with(graph, name):
        place, label = text
        raise _error(
            graph,
            kinds.TEXT(
                f"`{Naming().at(name, place)}` is the text {label!r} in {variable.origin}, and the "
                "model calculates with it",
                graph.variables[name].span,
                help=_text_help(graph, name, variable),
            ),
        )
    if datum is not None and datum.missing is not None:
        marked = any(bool(np.any(part == datum.missing)) for _, part in blocks(values))
        values = np.where(values == datum.missing, np.nan, values) if marked else values
    if datum is not None and datum.positions is not None:
        return _positions(graph, name, variable, values, sizes, naming)
    if datum is not None and datum.suffix is not None:
        constraint = _with_numbers(datum.suffix, sizes)
        if constraint is not None:
            _check_member(graph, name, values, constraint, naming)
    if values.dtype.kind in "iub" and _is_position(graph, name):
        return values
    if is_mapped(values) and values.dtype != np.float64 and values.nbytes >= LARGE:
        return widened(values, variable.origin)
    result: Array = np.asarray(values, dtype=np.float64)
    return result


def range_of(values: Array) -> Range | None:
    """Return the least and the largest value, and whether all are whole; None if any is missing."""
    if values.size == 0:
        return Range(np.inf, -np.inf, integer=True)
    whole, low, high = True, np.inf, -np.inf
    rows = np.atleast_1d(values)
    step = rows_of(rows, PART)
    for _, block in blocks(rows):
        for part in (block[i : i + step] for i in range(0, len(block), step)):
            least = float(part.min())
            if np.isnan(least):
                return None
            whole = whole and (part.dtype.kind in "iub" or bool(np.all(part == np.floor(part))))
            low, high = min(low, least), max(high, float(part.max()))
    return Range(low, high, integer=whole)


def observed_missing(graph: Graph, name: str, gone: Array, naming: Naming) -> Diagnostic:
    """Return the error for missing values of what is read as a constant."""
    of = name.removesuffix(OBSERVED)
    return kinds.MISSING(
        f"{are_missing(of, gone, naming)}, and `observed({of})` reads all of them",
        graph.variables[name].span,
        help="leave the rows out",
    )


def filled(graph: Graph, name: str, values: Array, gone: Array) -> Array:
    """Return values with one of the known in the place of each missing."""
    filled = values.copy()
    filled[gone] = values[~gone].flat[0] if (~gone).any() else 0.0
    datum = graph.variables[name].datum
    if datum is not None and datum.positions is not None:
        return np.asarray(filled, dtype=np.int64)
    return filled


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text_help(graph: Graph, name: str, variable: Variable) -> str:
    """Return what to do with texts."""
    labels = variable.labels or ()
    if any(map(_is_number, labels)):
        return "mend the data; a missing value is an empty cell of a table, and null in JSON"
    if graph.variables[name].pieces:
        coded = ", ".join(f"{label} as {k}" for k, label in enumerate(labels[:3]))
        return f"give numbers for it, for example {coded}"
    group = name.capitalize() if name.islower() else f"{name}s"
    return (
        f"texts can only be positions: if they are groups, declare `data {name}[...] in {group}` "
        f"and read `a[{name}]`; if not, mend the data"
    )


def _positions(
    graph: Graph,
    name: str,
    variable: Variable,
    values: Array,
    sizes: Mapping[str, int],
    naming: Naming,
) -> Array:
    datum = graph.variables[name].datum
    assert datum is not None
    assert datum.positions is not None
    labelled = variable.first_text() is not None
    origin = 0 if labelled else datum.origin
    size = sizes[datum.positions]
    place = first_place(values, lambda part: _not_positions(part, origin, size))
    if place is not None:
        value = values[place]
        help = None
        seen = range_of(values)
        if seen is None:
            pass
        elif origin == 0 and seen.lower >= 1 and seen.upper == size:
            axes = ", ".join(a.dimension or "..." for a in graph.variables[name].axes)
            help = f"if the data count from 1, declare `{name}[{axes}] in {datum.positions} from 1`"
        elif origin == 1 and seen.lower == 0:
            help = "if the data count from 0, leave out `from 1`"
        raise _error(
            graph,
            kinds.VALUE(
                f"`{naming.at(name, place)}` is {value:g}, and not a position in "
                f"`{datum.positions}`, "
                + (
                    f"which has the positions {origin} to {origin + size - 1}"
                    if size
                    else "which has none"
                ),
                datum.span,
                help=help,
            ),
        )
    if range_of(values) is None:
        return np.asarray(values - origin, dtype=np.float64)
    return np.asarray(values - origin if origin else values, dtype=np.int64)


def _not_positions(values: Array, origin: int, size: int) -> Array:
    bad = (values != np.floor(values)) | (values < origin) | (values >= origin + size)
    return np.asarray(bad & ~np.isnan(values))


def _check_member(
    graph: Graph, name: str, values: Array, constraint: Constraint, naming: Naming
) -> None:
    def outside(part: Array) -> Array:
        with np.errstate(invalid="ignore"):
            inside = np.asarray(constraint.contains(part))
        return ~(inside | np.isnan(part)) if constraint.event_ndim == 0 else ~inside

    place = first_place(values, outside)
    if place is not None:
        value = values[place]
        shown = value_text(value)
        raise _error(
            graph,
            kinds.VALUE(
                f"`{naming.at(name, place)}` is {shown}, and the model declares "
                f"{constraint.phrase}",
                graph.variables[name].span,
            ),
        )


def _with_numbers(suffix: Suffix, sizes: Mapping[str, int]) -> Constraint | None:
    """Return a declared set with numbers for its bounds, None if sizes do not decide them."""
    if not varies(suffix.lower) and not varies(suffix.upper):
        return suffix.constraint
    try:
        lower, upper = (
            None if b is None else float(number(b, sizes, {})) for b in (suffix.lower, suffix.upper)
        )
    except NotANumber:
        return None
    return bounded(lower, upper, suffix.open)


def _is_position(graph: Graph, name: str) -> bool:
    """Return whether a name is read as a position somewhere, and nowhere as a number."""
    return not _is_calculated_with(graph, name)


def _is_calculated_with(graph: Graph, name: str) -> bool:
    """Return whether a name is read other than as a position."""
    inside: set[int] = set()
    outside = False
    for piece in graph.pieces:
        match piece:
            case Sample(density=density, target=target):
                roots: tuple[Node, ...] = (density, *(() if target is None else target.positions))
            case Define(value=value) | Factor(value=value):
                roots = (value,)
        for node in walk(*roots):
            if isinstance(node, Read):
                inside |= {id(p) for p in node.positions}
        for node in walk(*roots):
            if isinstance(node, Read) and node.name == name and id(node) not in inside:
                outside = True
    return outside


def varies(node: Node | None) -> bool:
    """Return whether a bound is there and no constant."""
    return node is not None and not isinstance(node, Constant)


def _error(graph: Graph, diagnostic: Diagnostic) -> DataError:
    return DataError((diagnostic,), graph.source)


def value_text(value: Any) -> str:
    """Return a number, vector or matrix of data as messages show it, on one line."""
    if np.ndim(value) == 0:
        return f"{value:g}"
    rows = [*map(value_text, value[:6]), *(["..."] if len(value) > 6 else [])]
    return f"[{', '.join(rows)}]"
