"""How large each dimension is: all that speaks of it, and whether it agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.data import diagnostics as kinds
from ppl.data.dataset import Variable
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.evaluate import LARGEST, NotANumber, integer, is_whole, number
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample
from ppl.graph.names import nearest
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    Size,
    extent,
    walk,
)
from ppl.text import DataError, Diagnostic, Span


@dataclass(slots=True)
class Sizes:
    """Sizes found so far, each with where it comes from."""

    graph: Graph
    found: dict[str, tuple[int, str]] = field(default_factory=dict)
    errors: list[Diagnostic] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)
    refused: set[tuple[str, int]] = field(default_factory=set)

    @property
    def numbers(self) -> dict[str, int]:
        """Sizes by dimension."""
        return {name: size for name, (size, _) in self.found.items()}

    def say(self, dimension: str, size: int, origin: str) -> None:
        """Take note of what something says; report a disagreement."""
        old = self.found.get(dimension)
        if old is None:
            self.found[dimension] = size, origin
        elif old[0] != size and (dimension, size) not in self.refused:
            self.refused.add((dimension, size))
            known = self.graph.dimensions.get(dimension)
            table, dot, _ = dimension.partition(".")
            name = f"`{dimension}`" if not dot else f"the number of rows of {table}"
            self.errors.append(
                graph_kinds.SIZES_DISAGREE(
                    f"{name} is {old[0]} by {old[1]}, and {size} by {origin}",
                    known.span if known is not None and known.named else None,
                )
            )


def find_sizes(
    graph: Graph, given: Mapping[str, Variable], overrides: Mapping[str, int]
) -> tuple[dict[str, int], list[Diagnostic]]:
    """Find the size of every dimension.

    Returns the sizes, and notes.

    Raises
    ------
    DataError
        If sizes disagree or one is not known.
    """
    sizes = Sizes(graph)
    for name, size in overrides.items():
        if size > LARGEST:
            most = f"{size:,} positions of `{name}` are more than there can be ({LARGEST:,})"
            raise DataError((graph_kinds.UNKNOWN_SIZE(most),), graph.source)
        if name in graph.dimensions:
            sizes.say(name, size, "`--set`")
    _from_data(sizes, given)
    _from_model(sizes, given, overrides)
    _from_positions(sizes, given)
    _from_model(sizes, given, overrides)
    _check_meetings(sizes)
    if not sizes.errors:
        _check_known(sizes, given)
    if not sizes.errors:
        _check_numbers(sizes, given)
    if sizes.errors:
        raise DataError(tuple(sizes.errors), graph.source)
    return sizes.numbers, sizes.notes


def _from_data(sizes: Sizes, given: Mapping[str, Variable]) -> None:
    graph = sizes.graph
    for name, variable in given.items():
        values = variable.values
        if name in graph.dimensions and values.ndim == 0:
            number = float(values)
            if not is_whole(number) or number < 0:
                sizes.errors.append(
                    kinds.VALUE(
                        f"`{name}` is {number:g} in {variable.origin}: a size is a whole number",
                        graph.dimensions[name].span,
                        "a dimension",
                    )
                )
            else:
                sizes.say(name, int(number), f"the number in {variable.origin}")
            continue
        if name not in graph.variables:
            continue
        axes = graph.variables[name].axes
        if len(axes) != values.ndim:
            sizes.errors.append(_rank_error(graph, name, variable))
            continue
        for axis, length in zip(axes, values.shape, strict=True):
            known = _solved(axis, length)
            if known is not None:
                sizes.say(*known, f"the shape {shape_text(values.shape)} of `{name}`")


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as Python writes it."""
    return str(tuple(int(n) for n in shape))


def _rank_error(graph: Graph, name: str, variable: Variable) -> Diagnostic:
    axes = graph.variables[name].axes
    names = ", ".join(a.dimension or "?" for a in axes)
    declared = f"`{name}[{names}]`" if axes else f"the single number `{name}`"
    return kinds.SHAPE(
        f"the model has {declared}, and {variable.origin} has the shape "
        f"{shape_text(variable.values.shape)}",
        graph.variables[name].span,
    )


def _solved(axis: Axis, length: int) -> tuple[str, int] | None:
    """Return the dimension and its size that an axis of this length means."""
    match axis.size:
        case Size(dimension=name):
            return name, length
        case Apply(atom="add", arguments=(Size(dimension=name), Constant(value=c))):
            return name, length - int(c)
        case Apply(atom="subtract", arguments=(Size(dimension=name), Constant(value=c))):
            return name, length + int(c)
        case _:
            return None


def _from_model(sizes: Sizes, given: Mapping[str, Variable], overrides: Mapping[str, int]) -> None:
    data = {n: v.values for n, v in given.items()}
    for name, dimension in sizes.graph.dimensions.items():
        if dimension.size is None or name in overrides:
            continue
        try:
            size = number(dimension.size, sizes.numbers, data)
        except (NotANumber, KeyError):
            continue
        if not is_whole(size) or size < 0:
            if name in sizes.found:
                continue
            sizes.errors.append(
                graph_kinds.UNKNOWN_SIZE(
                    f"the size of `{name}` is {size:g}, and a size is a whole number from 0",
                    dimension.size.span or dimension.span,
                )
            )
            sizes.found[name] = 0, "the model"
        else:
            sizes.say(name, int(size), "the model")


def _from_positions(sizes: Sizes, given: Mapping[str, Variable]) -> None:
    """Let the largest position say the size where nothing else does; labels say it always."""
    largest: dict[str, tuple[int, str]] = {}
    for name, variable in given.items():
        known = sizes.graph.variables.get(name)
        if known is None or known.datum is None or known.datum.positions is None:
            continue
        dimension = known.datum.positions
        if variable.labels is not None and variable.first_text() is not None:
            sizes.say(dimension, len(variable.labels), f"the labels of `{name}`")
            continue
        values = variable.values[np.isfinite(variable.values)]
        if values.size and dimension not in sizes.found:
            size = int(values.max()) - known.datum.origin + 1
            if size > largest.get(dimension, (0, ""))[0]:
                largest[dimension] = size, name
    for dimension, (size, name) in largest.items():
        sizes.say(dimension, size, f"the largest position in `{name}`")
        sizes.notes.append(
            kinds.SIZE_FOUND(f"{dimension} = {size}, by the largest position in `{name}`")
        )


def _check_meetings(sizes: Sizes) -> None:
    """Compare the sizes of axes that met without a common name."""
    seen: set[tuple[int, int, int]] = set()
    for meeting in sizes.graph.same_sizes:
        try:
            left = integer(extent(meeting.left), sizes.numbers, {})
            right = integer(extent(meeting.right), sizes.numbers, {})
        except (NotANumber, KeyError):
            continue
        key = (meeting.span.start, left, right)
        if left != right and key not in seen:
            seen.add(key)
            text = " ".join(sizes.graph.source.at(meeting.span).split())
            sizes.errors.append(
                graph_kinds.SHAPE(
                    f"`{text}` brings together {_axis_text(meeting.left, left)} and "
                    f"{_axis_text(meeting.right, right)}",
                    meeting.span,
                    help="axes of data that belong together have one length; give them one name, "
                    "as in `data x[N], y[N]`"
                    if meeting.left.dimension is None and meeting.right.dimension is None
                    else None,
                )
            )


def _axis_text(domain: Domain, size: int) -> str:
    """Return an axis in words: ``3 positions of `x` ``."""
    stop = domain.stop.dimension if isinstance(domain.stop, Size) else ""
    name, _, _ = (domain.dimension or stop).partition(".")
    positions = "1 position" if size == 1 else f"{size} positions"
    return f"{positions} of `{name}`" if name else f"an axis of {positions}"


def _check_known(sizes: Sizes, given: Mapping[str, Variable]) -> None:
    graph = sizes.graph
    for name, dimension in graph.dimensions.items():
        if name not in sizes.found and dimension.named and _is_needed(graph, name):
            sizes.errors.append(
                graph_kinds.UNKNOWN_SIZE(
                    f"the size of the dimension `{name}` is not known",
                    dimension.span,
                    _nearly(graph, name),
                    help=_unknown_help(sizes, name, given),
                )
            )


def _nearly(graph: Graph, name: str) -> str:
    """Return the label that asks whether another dimension is meant."""
    others = [n for n, d in graph.dimensions.items() if d.named and n != name]
    meant = next((n for n in others if n.lower() == name.lower()), None) or nearest(name, others)
    return f"did you mean `{meant}`?" if meant else ""


def _unknown_help(sizes: Sizes, name: str, given: Mapping[str, Variable]) -> str:
    """Return what makes a size known."""
    graph = sizes.graph
    size = graph.dimensions[name].size
    data = {n: v.values for n, v in given.items()}
    for read in walk(size) if size is not None else ():
        if isinstance(read, Read) and read.name not in data:
            return f"sizes are made of numbers and data, and `{read.name}` is neither"
    return (
        f"write `dim {name} = ...` with a number, pass `--set {name}=...`, or give data that have "
        "this axis"
    )


def _check_numbers(sizes: Sizes, given: Mapping[str, Variable]) -> None:
    """Refuse axes and ranges whose ends are not whole numbers that the data decide."""
    data = {n: v.values for n, v in given.items()}
    seen: set[int] = set()
    for piece in sizes.graph.pieces:
        ends = [(e, i.span) for i in piece_indices(piece) for e in (i.domain.start, i.domain.stop)]
        for end, span in ends:
            if id(end) not in seen:
                seen.add(id(end))
                _check_end(sizes, end, end.span or span or piece.span, data)
    for variable in sizes.graph.variables.values():
        for axis in variable.axes:
            if id(axis.size) not in seen and not isinstance(axis.size, Size):
                seen.add(id(axis.size))
                _check_end(sizes, axis.size, axis.size.span or variable.span, data)


def _check_end(sizes: Sizes, end: Node, span: Span, data: Mapping[str, Any]) -> None:
    text = " ".join(sizes.graph.source.at(span).split())
    try:
        value = number(end, sizes.numbers, data, sizes.graph)
    except (NotANumber, KeyError):
        reads = [n for n in walk(end) if isinstance(n, Read)]
        name = sizes.graph.variables[reads[0].name].name if reads else text
        message = f"`{text}` depends on `{name}`, which is not a number that the data give"
        sizes.errors.append(graph_kinds.UNKNOWN_SIZE(message, span))
        return
    if not is_whole(value):
        message = f"`{text}` is {value:g}, and the end of an axis or a range is a whole number"
        sizes.errors.append(graph_kinds.BAD_POSITION(message, span))


def piece_indices(piece: Piece) -> list[Index]:
    """Return every index that a piece is repeated over or binds."""
    roots: list[Node]
    match piece:
        case Sample(density=density):
            roots = [density]
        case Define(value=value) | Factor(value=value):
            roots = [value]
    found = dict.fromkeys(piece.indices)
    for node in walk(*roots):
        if isinstance(node, Reduce):
            found.update(dict.fromkeys(node.indices))
        elif isinstance(node, Position):
            found[node.index] = None
    return list(found)


def _is_needed(graph: Graph, name: str) -> bool:
    """Return whether a variable or a loop runs over the dimension."""

    def has(node: Node) -> bool:
        return isinstance(node, Size) and node.dimension == name

    for variable in graph.variables.values():
        if any(a.dimension == name or has(a.size) for a in variable.axes):
            return True
    return any(
        i.domain.dimension == name or has(i.domain.stop) for p in graph.pieces for i in p.indices
    )
