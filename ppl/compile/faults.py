"""What can be seen of the data only while a compiled model takes them in, as diagnostics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ppl.compile.program import Inside
from ppl.compile.runtime import BadPosition, OutsideSupport
from ppl.data.diagnostics import VALUE
from ppl.data.supports import value_help
from ppl.data.values import value_text
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import integer
from ppl.graph.graph import Sample
from ppl.graph.nodes import Read
from ppl.text import DataError

Positions = Mapping[str, tuple[Read, int]]
"""For each label of `positions_in`: what is read, and along which axis."""


def outside_support(bound: BoundGraph, step: Inside, error: OutsideSupport) -> DataError:
    """Return the error for an observed value outside a support that data decide."""
    graph = bound.graph
    piece = next(p for p in graph.pieces if isinstance(p, Sample) and p.span == step.span)
    distribution = piece.density.distribution
    if piece.target is None:
        message = f"a value on the left is outside of what `{distribution}` needs: {step.needs}"
        return DataError((VALUE(message, step.span),), graph.source)
    starts = [integer(i.domain.start, bound.sizes, bound.data) for i in step.indices]
    place = tuple(a + b for a, b in zip(error.place, starts, strict=False))
    values = bound.data[error.name]
    facts = _facts(bound, piece, place)
    diagnostic = VALUE(
        f"`{_at(error.name, place)}` is {value_text(values[place])}, but "
        f"`{error.name} ~ {distribution}` needs {step.needs}",
        piece.target.span or piece.span,
        facts,
        help=value_help(graph, piece, np.asarray(values, dtype=np.float64)),
    )
    return DataError((diagnostic,), graph.source)


def _facts(bound: BoundGraph, piece: Sample, place: tuple[int, ...]) -> str:
    """Return the values at that place of data that are arguments."""
    found = []
    for argument in piece.density.arguments:
        if isinstance(argument, Read) and argument.name in bound.data:
            if not argument.free <= set(piece.indices):
                continue
            values = bound.data[argument.name]
            if values.ndim == len(place) and all(
                p < n for p, n in zip(place, values.shape, strict=True)
            ):
                found.append(f"`{_at(argument.name, place)}` is {values[place]:g}")
    return ", ".join(found)


def bad_position(bound: BoundGraph, positions: Positions, error: BadPosition) -> DataError:
    """Return the error for a position, computed from data, that is not one of its axis."""
    graph = bound.graph
    read, axis = positions[error.label]
    position = read.positions[axis]
    text = " ".join(graph.source.at(position.span).split()) if position.span else read.name
    help = None
    if isinstance(position, Read) and len(position.positions) == len(error.place) == 1:
        text = _at(position.name, error.place)
        values = bound.data.get(position.name)
        dimension = graph.variables[read.name].axes[axis].dimension
        if values is not None and dimension is not None and values.min() >= 1:
            own = graph.variables[position.name].axes[0].dimension or ""
            axes = own if own.isidentifier() else "..."
            help = (
                "if the data count from 1, declare "
                f"`data {position.name}[{axes}] in {dimension} from 1`"
            )
    has = f"the positions 0 to {error.size - 1}" if error.size else "no position"
    diagnostic = VALUE(
        f"`{text}` is {error.value:g}, and `{graph.variables[read.name].name}` has {has}",
        position.span or read.span,
        help=help or "positions are whole numbers that count from 0",
    )
    return DataError((diagnostic,), graph.source)


def _at(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if place else name
