"""Quantities that depend on themselves.

A name may read itself, or a name that reads it, only at other positions of an axis, and all in one
direction: ``z[t]`` may read ``z[t - 1]``. Dependencies are between statements; what cannot be told
without data (positions that data give) is taken to be in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Define, Graph, Sample
from ppl.graph.nodes import Apply, Constant, Index, Node, Position, Read, walk
from ppl.graph.order import rings
from ppl.text import Diagnostic, Label, Span

Way = Literal["same", "earlier", "later", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Need:
    """A statement of one name reads another: where, and which way along an index."""

    name: str
    read: Read
    way: Way
    along: Index | None
    span: Span


def check_cycles(graph: Graph) -> tuple[Diagnostic, ...]:
    """Return an error for every ring of names that need one another."""
    needs = [need for piece in graph.pieces for need in _needs(graph, piece)]
    edges: dict[str, set[str]] = {}
    for need in needs:
        edges.setdefault(need.name, set()).add(need.read.name)
    errors: list[Diagnostic] = []
    for component in rings(list(graph.variables), edges):
        ring = set(component)
        inside = [n for n in needs if n.name in ring and n.read.name in ring]
        problem = _refused(graph, inside)
        if problem is not None:
            errors.append(problem)
    return tuple(errors)


def _needs(graph: Graph, piece: object) -> Iterable[Need]:
    match piece:
        case Sample(target=Read() as target, density=density):
            roots: Sequence[Node] = density.arguments
        case Define(target=target, value=value):
            roots = (value,)
        case _:
            return
    own = graph.variables[target.name].local
    itself = isinstance(piece, Sample) and piece.density.record.reads_itself
    shifts = dict(s for p in target.positions if (s := _shift(p, own)) is not None)
    for node in walk(*roots):
        if isinstance(node, Read):
            way, along = _way(node, shifts, graph.variables[node.name].local)
            if node.name == target.name and itself:
                continue
            yield Need(target.name, node, way, along, node.span or target.span or Span(0, 0))


def _shift(position: Node, local: bool) -> tuple[Index, float] | None:
    """Return (i, c) where a position is i + c with a number c.

    The axis of a loop's own name begins with the loop: the index itself is i - start there.
    """
    found = _distance(position)
    if found is None:
        match position:
            case Apply(atom="subtract", arguments=(Position(index=index), start)) if (
                local and start is index.domain.start
            ):
                return index, 0
            case _:
                return None
    index, c = found
    start = index.domain.start
    return index, c + (start.value if local and isinstance(start, Constant) else 0)


def _distance(position: Node) -> tuple[Index, float] | None:
    match position:
        case Position(index=index):
            return index, 0
        case Apply(atom="add", arguments=(Position(index=index), Constant(value=c))):
            return index, c
        case Apply(atom="subtract", arguments=(Position(index=index), Constant(value=c))):
            return index, -c
        case _:
            return None


def _way(read: Read, own: dict[Index, float], local: bool) -> tuple[Way, Index | None]:
    """Tell where a read lies from the positions that its statement defines."""
    known = True
    for position in read.positions:
        shift = _shift(position, local)
        if shift is None:
            known = False
            continue
        index, c = shift
        if index not in own:
            known = known and index.domain.dimension is not None
        elif c != own[index]:
            return ("earlier" if c < own[index] else "later"), index
    return ("same" if known else "elsewhere"), None


def _refused(graph: Graph, needs: Sequence[Need]) -> Diagnostic | None:
    same = [n for n in needs if n.way == "same"]
    path = _ring(same)
    if path:
        return cycle_error(graph, path)
    back = next((n for n in needs if n.way == "earlier"), None)
    if back is None:
        return None
    ahead = next((n for n in needs if n.way == "later" and n.along is back.along), None)
    if ahead is None:
        return None
    name = graph.variables[back.name].name
    return kinds.CYCLE(
        f"`{name}` depends on earlier and on later positions of itself",
        ahead.span,
        "a later position",
        secondary=(Label(back.span, "an earlier position"),),
        help="let each position depend on earlier ones only",
    )


def _ring(needs: Sequence[Need]) -> list[Need]:
    """Return needs that form a ring, the shortest from the first name that has one."""
    by_name: dict[str, list[Need]] = {}
    for need in needs:
        by_name.setdefault(need.name, []).append(need)
    for start in by_name:
        paths = [[n] for n in by_name[start]]
        seen: set[str] = set()
        while paths:
            path = paths.pop(0)
            last = path[-1].read.name
            if last == start:
                return path
            if last not in seen:
                seen.add(last)
                paths.extend([*path, n] for n in by_name.get(last, ()))
    return []


def cycle_error(graph: Graph, path: Sequence[Need]) -> Diagnostic:
    """Return the error for needs that form a ring."""
    names = [graph.variables[n.name].name for n in path]
    data = (graph.variables[n.name] for n in path)
    known = next((v.name for v in data if v.datum is not None and v.pieces), None)
    return ring_error(names, [n.span for n in path], graph.source.at(path[0].span), known)


def ring_error(
    names: Sequence[str], spans: Sequence[Span], text: str, known: str | None = None
) -> Diagnostic:
    """Return the error for names each of which needs the next, and the last the first.

    `text` is how the first one reads the second; `known` is one that is declared as data.
    """
    first = names[0]
    constant = known and f"for the data of `{known}`, as a constant, write `observed({known})`"
    if len(names) == 1:
        help = (
            f"read an earlier position, as `{first}[t - 1]` in `for t in 1:T`"
            if "[" in text
            else "a name has one value: give the new one another name"
        )
        return kinds.CYCLE(
            f"`{first}` depends on itself",
            spans[0],
            help=f"{help}; {constant}" if constant else help,
        )
    labels = tuple(
        Label(span, f"`{a}` needs `{b}`")
        for span, a, b in zip(spans[1:], names[1:], (*names[2:], first), strict=True)
    )
    return kinds.CYCLE(
        ", and ".join(
            f"`{a}` depends on `{b}`" for a, b in zip(names, (*names[1:], first), strict=True)
        ),
        spans[0],
        f"`{first}` needs `{names[1]}`",
        secondary=labels,
        help=constant,
    )
