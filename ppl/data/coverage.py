"""Positions: they stay on their axes, and the statements of a name cover each exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ppl.graph import diagnostics as kinds
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample, Variable
from ppl.graph.nodes import Apply, Constant, Node, Position, Read, reads, subtract, walk
from ppl.text import Diagnostic, Label

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
        at = node.span or piece.span
        what = f"`{variable.name}` has the positions 0 to {size - 1} here"
        yield kinds.BAD_POSITION(
            f"`{graph.source.at(at)}` reads position {wrong}",
            at,
            what,
            help="positions never wrap, so the last is `N - 1`; let the loop start later, as in "
            "`for t in 1:T`"
            if wrong < 0
            else "positions count from 0; if data count from 1, declare them `from 1`",
        )


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
    for piece in pieces:
        window = _window(piece, sizes, data)
        if window is None:
            return None
        before = count[window].max(initial=0)
        count[window] += 1
        if before:
            place = tuple(int(i) for i in np.argwhere(count > 1)[0])
            return kinds.DEFINED_TWICE(
                f"`{_at(variable.name, place)}` is defined twice",
                piece.span,
                secondary=(Label(pieces[0].span, "the first time"),),
            )
    given = variable.name in data and variable.datum is not None
    if count.min(initial=1) == 0 and not given and not all(isinstance(p, Define) for p in pieces):
        lost = np.argwhere(count == 0)
        shown = ", ".join(_at(variable.name, tuple(int(i) for i in p)) for p in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        return kinds.PARTLY_DEFINED(
            f"{shown}{more} {'is' if len(lost) == 1 else 'are'} defined nowhere",
            pieces[0].span,
            help=_whole_help(variable, shape),
        )
    return None


def _whole_help(variable: Variable, shape: tuple[int, ...]) -> str | None:
    if len(shape) != 1:
        return None
    size = shape[0]
    return (
        f"brackets on the left hold positions: for all of {size} write "
        f"`{variable.name}[:{size}]`, or name the dimension: `dim K = {size}` and "
        f"`{variable.name}[K]`"
    )


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
