"""How large each dimension is: all that speaks of it, and whether it agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ppl.data import diagnostics as kinds
from ppl.data.dataset import Variable
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Axis, Graph
from ppl.graph.nodes import Apply, Constant, Node, Size, extent
from ppl.text import DataError, Diagnostic


@dataclass(slots=True)
class Sizes:
    """Sizes found so far, each with where it comes from."""

    graph: Graph
    found: dict[str, tuple[int, str]] = field(default_factory=dict)
    errors: list[Diagnostic] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, int]:
        """Sizes by dimension."""
        return {name: size for name, (size, _) in self.found.items()}

    def say(self, dimension: str, size: int, origin: str) -> None:
        """Take note of what something says; report a disagreement."""
        old = self.found.get(dimension)
        if old is None:
            self.found[dimension] = size, origin
        elif old[0] != size:
            known = self.graph.dimensions.get(dimension)
            self.errors.append(
                graph_kinds.SIZES_DISAGREE(
                    f"`{dimension}` is {old[0]} by {old[1]}, and {size} by {origin}",
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
        if name in graph.dimensions:
            sizes.say(name, size, "`--set`")
    _from_data(sizes, given)
    _from_model(sizes, given, overrides)
    _from_positions(sizes, given)
    _from_model(sizes, given, overrides)
    _check_meetings(sizes)
    if not sizes.errors:
        _check_known(sizes)
    if sizes.errors:
        raise DataError(tuple(sizes.errors), graph.source)
    return sizes.numbers, sizes.notes


def _from_data(sizes: Sizes, given: Mapping[str, Variable]) -> None:
    graph = sizes.graph
    for name, variable in given.items():
        values = variable.values
        if name in graph.dimensions and values.ndim == 0:
            number = float(values)
            if number != int(number) or number < 0:
                sizes.errors.append(
                    kinds.VALUE(f"`{name}` in {variable.origin} is {number:g}, and not a size")
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
            size = integer(dimension.size, sizes.numbers, data)
        except (NotANumber, KeyError):
            continue
        sizes.say(name, size, "the model")


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
                    f"`{text}` brings together axes of {left} and {right} positions", meeting.span
                )
            )


def _check_known(sizes: Sizes) -> None:
    graph = sizes.graph
    for name, dimension in graph.dimensions.items():
        if name not in sizes.found and dimension.named and _is_needed(graph, name):
            sizes.errors.append(
                graph_kinds.UNKNOWN_SIZE(
                    f"the size of the dimension `{name}` is not known",
                    dimension.span,
                    help=f"write `dim {name} = ...` with a number, pass `--set {name}=...`, or "
                    f"give data that have this axis",
                )
            )


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
