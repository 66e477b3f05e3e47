"""Positions: they stay on their axes, and the statements of a name cover each exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ppl.graph import diagnostics as kinds
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample, Variable
from ppl.graph.nodes import Apply, Constant, Node, Position, Read, reads, subtract, walk
from ppl.text import Diagnostic, Label, Span

LARGEST = 20_000_000
"""Names with more positions are not counted position by position."""


def span_of_position(
    position: Node, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[int, int] | None:
    """Return the first and the last position that a node runs over, None if it is not a range."""
    try:
        match position:
            case Position(index=index):
                shift = 0
            case Apply(atom="add", arguments=(Position(index=index), c)):
                shift = integer(c, sizes, data)
            case Apply(atom="subtract", arguments=(Position(index=index), c)):
                shift = integer(subtract(Constant(0), c), sizes, data)
            case _ if not position.free:
                value = integer(position, sizes, data)
                return value, value
            case _:
                return None
        first = integer(index.domain.start, sizes, data)
        last = integer(index.domain.stop, sizes, data) - 1
    except (NotANumber, KeyError, ValueError):
        return None
    return first + shift, last + shift


def _roots(piece: Piece) -> Iterable[Node]:
    match piece:
        case Sample(target=target, density=density, weight=weight):
            yield density
            if target is not None:
                yield target
            if weight is not None:
                yield weight
        case Define(target=target, value=value):
            yield from (target, value)
        case Factor(value=value):
            yield value


def positions_in_range(
    graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> list[Diagnostic]:
    """Return an error for every position in brackets that leaves its axis."""
    errors: list[Diagnostic] = []
    seen: set[int] = set()
    for piece in graph.pieces:
        for node in walk(*_roots(piece)):
            if not isinstance(node, Read) or id(node) in seen:
                continue
            seen.add(id(node))
            errors.extend(_outside(graph, node, piece, sizes, data))
    return errors


def known_bounds(graph: Graph, data: Mapping[str, Any]) -> list[Diagnostic]:
    """Return an error for every range whose bounds the data do not say."""
    errors: dict[int, Diagnostic] = {}
    for piece in graph.pieces:
        for node in walk(*_roots(piece)):
            if not isinstance(node, Position):
                continue
            domain = node.index.domain
            unknown = sorted(reads(domain.start, domain.stop) - data.keys())
            if unknown:
                at = node.index.span or piece.span
                name = graph.variables[unknown[0]].name
                errors[at.start] = kinds.BAD_POSITION(
                    f"`{name}` is not a number that is known before inference",
                    at,
                    "the bounds of this range depend on it",
                    help=f"give `{name}` in the data, or write `dim {name} = ...`",
                )
    return list(errors.values())


def _outside(
    graph: Graph, node: Read, piece: Piece, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> Iterable[Diagnostic]:
    variable = graph.variables.get(node.name)
    if variable is None:
        return
    for axis, position in zip(variable.axes, node.positions, strict=True):
        reach = span_of_position(position, sizes, data)
        if reach is None:
            continue
        try:
            size = integer(axis.size, sizes, data)
        except (NotANumber, KeyError):
            continue
        first, last = reach
        if first > last or (first >= 0 and last < size):
            continue
        wrong = first if first < 0 else last
        target = None if isinstance(piece, Factor) else piece.target
        at = node.span or piece.span
        text = " ".join(graph.source.at(at).split())
        yield kinds.BAD_POSITION(
            f"`{text}` {'defines' if node is target else 'reads'} position {wrong}, and "
            f"`{variable.name}` has {_positions_text(size)}",
            position.span or at,
            help=_outside_help(graph, axis, position, size, wrong),
        )


def _positions_text(size: int) -> str:
    return "no position" if size == 0 else f"the positions 0 to {size - 1}"


def _outside_help(graph: Graph, axis: Axis, position: Node, size: int, wrong: int) -> str | None:
    """Return how to stay on the axis."""
    moved = sorted(position.free, key=lambda i: i.serial)
    if not moved:
        return f"positions count from 0: the last is {size - 1}" if size else None
    index = moved[0]
    if wrong < 0:
        return f"positions never wrap: let the loop start later, as in `for {index.name} in 1:...`"
    if not isinstance(position, Position):
        return f"let the loop end earlier, as in `for {index.name} in 0:N-1`"
    over = index.domain.dimension
    if over is not None and axis.dimension is not None and over != axis.dimension:
        return (
            f"`{index.name}` is a position in `{over}`, and the axis is `{axis.dimension}`: it "
            f"needs data that point from one to the other, as in `data g[{over}] in "
            f"{axis.dimension}`"
        )
    return "a range ends before its second number: `0:N` has the positions 0 to N - 1"


def coverage(graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Any]) -> list[Diagnostic]:
    """Return an error for every name whose statements leave a position out or define it twice."""
    errors: list[Diagnostic] = []
    for variable in graph.variables.values():
        if variable.pieces:
            problem = _cover(graph, variable, sizes, data)
            if problem is not None:
                errors.append(problem)
    return errors


def _cover(
    graph: Graph, variable: Variable, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> Diagnostic | None:
    pieces = [graph.pieces[k] for k in variable.pieces]
    try:
        shape = tuple(integer(a.size, sizes, data) for a in variable.axes)
    except (NotANumber, KeyError):
        return None
    if len(pieces) == 1 and _is_whole(pieces[0], shape, sizes, data):
        return None
    if int(np.prod(shape, dtype=np.int64)) > LARGEST:
        return None
    count = np.zeros(shape, dtype=np.int8)
    pieces = sorted(pieces, key=lambda p: p.span.start)
    for number, piece in enumerate(pieces):
        window = _window(piece, sizes, data)
        if window is None:
            return None
        before = count[window].max(initial=0)
        count[window] += 1
        if before:
            place = tuple(int(i) for i in np.argwhere(count > 1)[0])
            first = next(p for p in pieces[:number] if _covers(p, place, sizes, data))
            return kinds.DEFINED_TWICE(
                f"`{_at(variable.name, place)}` is defined twice",
                _target_span(piece),
                secondary=(Label(_target_span(first), "the first time"),),
            )
    given = variable.name in data and variable.datum is not None
    absent = count.min(initial=1) == 0 and not given
    if absent and all(isinstance(p, Define) for p in pieces):
        return _read_absent(graph, variable, count, sizes, data)
    if absent:
        lost = np.argwhere(count == 0)
        shown = ", ".join(f"`{_at(variable.name, tuple(int(i) for i in p))}`" for p in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        spans = [_target_span(p) for p in pieces]
        return kinds.PARTLY_DEFINED(
            f"{shown}{more} {'is' if len(lost) == 1 else 'are'} defined nowhere",
            spans[0],
            secondary=tuple(Label(s) for s in spans[1:3]),
            help=_whole_help(variable, pieces, lost),
        )
    return None


def _read_absent(
    graph: Graph,
    variable: Variable,
    count: Any,
    sizes: Mapping[str, int],
    data: Mapping[str, Any],
) -> Diagnostic | None:
    """Return an error if a position that no `=` defines is read."""
    for piece in graph.pieces:
        for node in walk(*_roots(piece)):
            target = None if isinstance(piece, Factor) else piece.target
            if not isinstance(node, Read) or node.name != variable.name or node is target:
                continue
            reaches = [span_of_position(p, sizes, data) for p in node.positions]
            window = tuple(slice(0, None) if r is None else slice(r[0], r[1] + 1) for r in reaches)
            lost = np.argwhere(count[window] == 0)
            if len(lost):
                starts = [w.start for w in window]
                place = tuple(int(a + b) for a, b in zip(lost[0], starts, strict=True))
                first = next(iter(variable.pieces))
                return kinds.PARTLY_DEFINED(
                    f"`{_at(variable.name, place)}` is read here and defined nowhere",
                    node.span or piece.span,
                    secondary=(Label(_target_span(graph.pieces[first]), "what is defined"),),
                )
    return None


def _target_span(piece: Piece) -> Span:
    """Return the place of a statement's left side."""
    target = None if isinstance(piece, Factor) else piece.target
    return piece.span if target is None or target.span is None else target.span


def _covers(
    piece: Piece, place: tuple[int, ...], sizes: Mapping[str, int], data: Mapping[str, Any]
) -> bool:
    window = _window(piece, sizes, data)
    return window is not None and all(
        w.start <= p < w.stop for w, p in zip(window, place, strict=True)
    )


def _whole_help(variable: Variable, pieces: Sequence[Piece], lost: Any) -> str | None:
    """Return how to define what is lost, where the mistake can be guessed."""
    target = None if isinstance(pieces[0], Factor) else pieces[0].target
    if target is None or len(target.positions) != 1:
        return None
    name, position = variable.name, target.positions[0]
    if len(pieces) == 1 and isinstance(position, Constant):
        n = position.value
        return (
            f"`{name}[{n}]` is one position: for {n} of them write `{name}[:{n}]`, or name the "
            f"dimension: `dim K = {n}` and `{name}[K]`"
        )
    if len(pieces) == 1 and isinstance(position, Position) and lost.max() < len(lost):
        index = position.index
        within = index.domain.within or "0:N"
        if index.role == "plate":
            return (
                f"positions count from 0: let the loop begin there, `for {index.name} in {within}`"
            )
        return f"positions count from 0: let the range begin there, or write `{name}[{within}]`"
    return f"write a line for the rest too, as in `{_at(name, tuple(map(int, lost[0])))} = 0`"


def _at(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def _is_whole(
    piece: Piece, shape: tuple[int, ...], sizes: Mapping[str, int], data: Mapping[str, Any]
) -> bool:
    if isinstance(piece, Factor) or piece.target is None:
        return False
    reaches = [span_of_position(p, sizes, data) for p in piece.target.positions]
    return all(r == (0, n - 1) for r, n in zip(reaches, shape, strict=True))


def _window(
    piece: Piece, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[slice, ...] | None:
    if isinstance(piece, Factor) or piece.target is None:
        return None
    reaches = [span_of_position(p, sizes, data) for p in piece.target.positions]
    if any(r is None for r in reaches):
        return None
    return tuple(slice(r[0], r[1] + 1) for r in reaches if r is not None)
