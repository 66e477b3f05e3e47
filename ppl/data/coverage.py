"""Positions: they stay on their axes, and the statements of a name cover each exactly once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ppl.data.ragged import is_listed
from ppl.data.ragged_steps import GIVEN
from ppl.data.rows import Known, places, positions_text, rows_of
from ppl.graph import diagnostics as kinds
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample, Variable
from ppl.graph.nodes import Apply, Constant, Index, Node, Position, Read, reads, subtract, walk
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


def _span_of_turns(
    graph: Graph, position: Node, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[int, int] | None:
    """Return the first and the last position in the turns of loops with limits."""
    if not any(is_listed(name) for name in reads(position)):
        return None
    found = _numbers(graph, position, sizes, data)
    return (int(found.min()), int(found.max())) if found is not None and found.size else None


def _turn(
    graph: Graph, position: Node, wrong: int, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> str:
    """Return at which turn of loops with limits a position has a value."""
    found = _numbers(graph, position, sizes, data) if any(map(is_listed, reads(position))) else None
    if found is None:
        return ""
    row = int(np.argmax(found == wrong))
    listed = {n.name: n for n in walk(position) if isinstance(n, Read) and is_listed(n.name)}
    turns = [f"{graph.variables[name].name} = {data[name][row]}" for name in listed]
    return f"at {', '.join(turns)}"


def _numbers(
    graph: Graph, node: Node, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> Any | None:
    """Return a node's values at all positions of its indices, None if data do not decide them."""
    known = Known(graph, sizes, data)
    try:
        return np.asarray(known.at(node, rows_of(known, node.free)))
    except NotANumber:
        return None


def places_of(
    graph: Graph, piece: Piece, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Return the positions on each axis that a statement defines, row by row.

    None if that is not decided by data, or the positions leave their axes.
    """
    target = None if isinstance(piece, Factor) else piece.target
    return None if target is None else places_read(graph, target, sizes, data)


def places_read(
    graph: Graph, read: Read, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Return the positions on each axis that a read looks at, row by row; None as `places_of`."""
    return places(Known(graph, sizes, data), read)


def looked_at(graph: Graph, name: str, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Any:
    """Return which positions of data some statement reads or defines."""
    seen = np.zeros(np.shape(data[name]), dtype=bool)
    for piece in graph.pieces:
        for node in walk(*_roots(piece)):
            if isinstance(node, Read) and node.name == name:
                places = places_read(graph, node, sizes, data)
                if places is None:
                    return np.ones_like(seen)
                seen[places] = True
    return seen


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


def known_bounds(graph: Graph, data: Mapping[str, Any], known: Container[str]) -> list[Diagnostic]:
    """Return an error for every range whose bounds the data do not say.

    `known` are the names that the data decide; bounds that use no other index are of `data` alone.
    """
    errors: dict[int, Diagnostic] = {}
    for piece in graph.pieces:
        for node in walk(*_roots(piece)):
            if not isinstance(node, Position):
                continue
            domain, limits = node.index.domain, node.index.limits
            names = reads(domain.start, domain.stop) if limits is None else reads(*limits)
            unknown = sorted(n for n in names if n not in (data if limits is None else known))
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
        reach = span_of_position(position, sizes, data) or _span_of_turns(
            graph, position, sizes, data
        )
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
            f"`{variable.name}` has {positions_text(size)}",
            position.span or at,
            _turn(graph, position, wrong, sizes, data),
            help=_outside_help(graph, axis, position, size, wrong),
        )


def _outside_help(graph: Graph, axis: Axis, position: Node, size: int, wrong: int) -> str | None:
    """Return how to stay on the axis."""
    moved = sorted(position.free, key=lambda i: i.serial)
    if any(map(is_listed, reads(position))):
        return None
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
        if variable.pieces and not variable.key.endswith(GIVEN):
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
    if len(pieces) == 1 and is_whole(pieces[0], shape, sizes, data):
        return None
    if int(np.prod(shape, dtype=np.int64)) > LARGEST:
        return None
    count = np.zeros(shape, dtype=np.int32)
    pieces = sorted(pieces, key=lambda p: p.span.start)
    ragged = False
    for number, piece in enumerate(pieces):
        window: tuple[Any, ...] | None = _window(piece, sizes, data)
        if window is None:
            window = places_of(graph, piece, sizes, data)
            ragged = True
        if window is None:
            return None
        ragged = ragged or any(reads(*_ends(i)) for i in piece.indices)
        np.add.at(count, window, 1)
        if count[window].max(initial=0) > 1:
            place = tuple(int(i) for i in np.argwhere(count > 1)[0])
            first = next((p for p in pieces[:number] if _covers(p, place, sizes, data)), None)
            return kinds.DEFINED_TWICE(
                f"`{_at(variable.name, place)}` is defined twice",
                _target_span(piece),
                "" if first is not None else "in two turns of its loops",
                secondary=() if first is None else (Label(_target_span(first), "the first time"),),
            )
    given = variable.key in data and variable.datum is not None
    absent = count.min(initial=1) == 0 and not given
    if absent and (ragged or all(isinstance(p, Define) for p in pieces)):
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


def _ends(index: Index) -> tuple[Node, Node]:
    return index.domain.start, index.domain.stop


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
            if not isinstance(node, Read) or node.name != variable.key or node is target:
                continue
            places = places_read(graph, node, sizes, data)
            if places is None:
                continue
            lost = np.argwhere(count[places] == 0)
            if len(lost):
                place = tuple(int(p[tuple(lost[0])]) for p in places)
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
    if window is None:
        return True
    return all(w.start <= p < w.stop for w, p in zip(window, place, strict=True))


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


def is_whole(
    piece: Piece, shape: tuple[int, ...], sizes: Mapping[str, int], data: Mapping[str, Any]
) -> bool:
    """Whether a statement defines every position of its left side, by ranges of whole axes."""
    if isinstance(piece, Factor) or piece.target is None:
        return False
    moved = [i for p in piece.target.positions for i in p.free]
    reaches = [span_of_position(p, sizes, data) for p in piece.target.positions]
    return len(moved) == len(set(moved)) and all(
        r == (0, n - 1) for r, n in zip(reaches, shape, strict=True)
    )


def _window(
    piece: Piece, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[slice, ...] | None:
    if isinstance(piece, Factor) or piece.target is None:
        return None
    return window_of(piece.target, sizes, data)


def window_of(
    target: Read, sizes: Mapping[str, int], data: Mapping[str, Any]
) -> tuple[slice, ...] | None:
    """Return the part of an array that a left side covers; None if not a range of each axis."""
    reaches = [span_of_position(p, sizes, data) for p in target.positions]
    moved = [i for p in target.positions for i in p.free]
    if any(r is None for r in reaches) or len(moved) > len(set(moved)):
        return None
    return tuple(slice(r[0], r[1] + 1) for r in reaches if r is not None)
