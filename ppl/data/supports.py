"""Data where distributions need them: inside supports, and allowed as arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ppl.constraints import Constraint, Range, bounded
from ppl.data import diagnostics as kinds
from ppl.data.coverage import places_of, window_of
from ppl.data.dataset import Array
from ppl.data.mapped import first_place
from ppl.data.naming import Naming
from ppl.data.values import range_of, value_text, varies
from ppl.graph.densities import parameters_of
from ppl.graph.evaluate import NotANumber, integer, number
from ppl.graph.graph import Graph, Sample
from ppl.graph.nodes import Constant, LogDensity, Node, Position, Read, extent
from ppl.graph.ranges import needed, support_of
from ppl.graph.wrapped import simple_densities
from ppl.text import Diagnostic


def outside_support(
    graph: Graph,
    observed: frozenset[int],
    data: Mapping[str, Array],
    missing: Mapping[str, Array],
    sizes: Mapping[str, int],
    naming: Naming,
) -> list[Diagnostic]:
    """Check observed values against the supports of their distributions, where those are known."""
    errors: list[Diagnostic] = []
    for number_ in sorted(observed):
        piece = graph.pieces[number_]
        assert isinstance(piece, Sample)
        if piece.target is None:
            continue
        support = _known_support(piece, sizes, data)
        if support is None:
            continue
        name = piece.target.name
        window: tuple[Any, ...] | None = window_of(piece.target, sizes, data)
        if window is None and support.event_ndim == 0:
            window = places_of(graph, piece, sizes, data)
        values = data[name] if window is None else data[name][window]
        gone = missing.get(name)
        if gone is not None and window is not None:
            gone = gone[window]
        place = first_place(values, partial(_outside, support, gone))
        if place is None:
            continue
        value = values[place]
        shown = naming.at(name, _in_whole(window, place))
        number_text = value_text(value)
        errors.append(
            kinds.VALUE(
                f"`{shown}` is {number_text}, but `{name} ~ {piece.density.distribution}` needs "
                f"{support.phrase}",
                piece.target.span or piece.span,
                help=value_help(graph, piece, values),
            )
        )
    return errors


def _known_support(
    piece: Sample, sizes: Mapping[str, int], data: Mapping[str, Array]
) -> Constraint | None:
    """Return the support as numbers; None where latents or rows of data decide it."""
    record = piece.density.record
    if isinstance(record.support, Constraint):
        if piece.suffix is not None and (varies(piece.suffix.lower) or varies(piece.suffix.upper)):
            return record.support
        return support_of(piece)
    if piece.density.alternative is not None:
        return None
    try:
        arguments = [number(a, sizes, data) for a in piece.density.arguments]
    except NotANumber:
        support = support_of(piece)
        return _at_least(support.range) if support.event_ndim == 0 else None
    support = record.support(*arguments)
    return support if isinstance(support, Constraint) else None


def _at_least(range: Range) -> Constraint | None:
    """Return the numbers that a range does not exclude: its bounds, as far as they are known."""
    low, high = range.lower > -np.inf, range.upper < np.inf
    if not low and not high:
        return None
    opened = (range.lower_open, range.upper_open)
    return bounded(range.lower, range.upper, opened)


def _in_whole(window: tuple[Any, ...] | None, place: tuple[int, ...]) -> tuple[int, ...]:
    """Return where in all of an array a place in a window of it is."""
    if window is None:
        return place
    if all(isinstance(w, slice) for w in window):
        starts = [w.start or 0 for w in window] + [0] * (len(place) - len(window))
        return tuple(a + b for a, b in zip(place, starts, strict=True))
    return tuple(int(w[place]) for w in window)


def _outside(support: Constraint, gone: Array | None, values: Array) -> Array:
    inside = np.asarray(support.contains(np.asarray(values, float)))
    if gone is not None:
        inside = inside | gone.any(axis=tuple(range(inside.ndim, gone.ndim)))
    return ~inside


def value_help(graph: Graph, piece: Sample, values: Array) -> str | None:
    """Return what to do where data count from 1 and the distribution from 0."""
    span = piece.density.span
    if span is None or piece.target is None or not values.size:
        return None
    seen = range_of(values)
    if seen is None or seen.lower != 1:
        return None
    name, density = piece.target.name, " ".join(graph.source.at(span).split())
    if piece.density.distribution == "Bernoulli" and seen.upper == 2:
        return f"if the data are 1 and 2, write `{name} - 1 ~ {density}`"
    if piece.density.distribution == "Categorical" and seen.integer:
        return f"positions count from 0: if the data count from 1, write `{name} - 1 ~ {density}`"
    return None


def outside_argument(graph: Graph, data: Mapping[str, Array], naming: Naming) -> list[Diagnostic]:
    """Check data that stand as arguments of distributions, each name once."""
    errors: dict[str, Diagnostic] = {}
    for piece in graph.pieces:
        if not isinstance(piece, Sample):
            continue
        for density, argument, parameter, needs in _arguments(piece):
            name = argument.name if isinstance(argument, Read) and _is_whole(argument) else ""
            if name not in data or name in errors:
                continue
            values = data[name]
            if values.ndim < needs.event_ndim or not values.size:
                continue
            place = first_place(values, partial(_outside, needs, None))
            if place is not None:
                errors[name] = kinds.VALUE(
                    f"`{naming.at(name, place)}` is {value_text(values[place])}, but "
                    f"`{density.distribution}` needs {needs.phrase} (its `{parameter}`)",
                    argument.span or piece.span,
                )
    return list(errors.values())


def _arguments(piece: Sample) -> Iterator[tuple[LogDensity, Node, str, Constraint]]:
    """Yield every argument with its distribution, its name and where it must lie."""
    for density in simple_densities(piece.density):
        names = parameters_of(density.record, density.alternative)
        for each in zip(density.arguments, names, needed(density), strict=True):
            yield density, *each


def _is_whole(node: Node) -> bool:
    """Return whether all positions of a name are read."""
    return isinstance(node, Read) and all(
        isinstance(p, Position) and p.index.domain.dimension is not None for p in node.positions
    )


def faulty_arguments(
    graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Array]
) -> list[Diagnostic]:
    """Ask distributions what is wrong with data that are their arguments, taken together."""
    errors = []
    for piece in graph.pieces:
        for density in simple_densities(piece.density) if isinstance(piece, Sample) else ():
            fault = density.record.fault
            first = density.arguments[0] if density.arguments else None
            if fault is None or first is None:
                continue
            values = [_whole_data(a, data) for a in density.arguments]
            if values[0] is None:
                continue
            shape = tuple(integer(extent(i.domain), sizes, data) for i in density.event)
            problem = fault(shape, *values)
            if problem is not None:
                origin, named = "", f"{values[0]:g}" if np.ndim(values[0]) == 0 else ""
                if isinstance(first, Read):
                    datum = graph.variables[first.name].datum
                    origin = " (positions counted from 0)" if datum and datum.origin else ""
                    named = first.name
                errors.append(kinds.VALUE(f"`{named}` {problem}{origin}", first.span or piece.span))
    return errors


def _whole_data(argument: Node, data: Mapping[str, Array]) -> Array | None:
    """Return an argument that is a number or all of an array of data."""
    match argument:
        case Constant(value=value):
            return np.asarray(value)
        case Read(name=name, positions=positions) if name in data:
            return data[name] if all(isinstance(p, Position) for p in positions) else None
        case _:
            return None
