"""Recurrences: quantities that are computed from their own earlier positions.

The names that depend on one another form a *group*; its statements in the loop over time become
one step. Where the step of a single name is affine in its last value, it is a linear recurrence,
run as a filter; otherwise the steps are run by a scan, one Python function called in order.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ppl.compile.numeric import substitute_definition
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber, integer, is_whole, tabulate
from ppl.graph.graph import Define
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    children,
    map_children,
    reads,
    rename,
    rewrite,
    subtract,
    walk,
)
from ppl.graph.order import piece_reads, rings, topological
from ppl.graph.substitute import NotPlain, substitute
from ppl.text import Diagnostic, ModelError

PAIRED = {"sum": "add", "prod": "multiply", "min": "minimum", "max": "maximum"}
"""The operation on two numbers of which a reduction is made."""

FEW = 64
"""In a step, reductions over at most so many positions are written out."""


@dataclass(frozen=True, slots=True)
class Member:
    """A name of a group within the step.

    Attributes
    ----------
    name
        The variable.
    piece
        Its statement, over the group's time index.
    place
        Which of its axes is time.
    axes
        The indices of its other axes, in order.
    lags
        How many earlier values the step needs.
    """

    name: str
    piece: Define
    place: int
    axes: tuple[Index, ...]
    lags: int


@dataclass(frozen=True, slots=True)
class Group:
    """Names that are computed together, step by step.

    Attributes
    ----------
    members
        In the order of computation within a step.
    time
        The index of the steps.
    start, length
        The first position, and the number of steps.
    backward
        Whether the steps go from the last position to the first.
    """

    members: tuple[Member, ...]
    time: Index
    start: int
    length: int
    backward: bool = False

    def before(self, lag: int) -> int:
        """Return the position so many steps before the first step."""
        return self.start + self.length - 1 + lag if self.backward else self.start - lag


def groups(
    bound: BoundGraph, names: Iterable[str], *, definitions: bool = False
) -> list[tuple[str, ...]]:
    """Return the groups of names that depend on themselves; by their definitions alone, if so."""
    chosen = list(names)
    known = set(chosen)
    edges = {n: sorted(_reads_of(bound, n, definitions) & known) for n in chosen}
    return rings(chosen, edges)


def without_locals(bound: BoundGraph, names: Iterable[str]) -> BoundGraph:
    """Put the definitions of loops' own names in their place where they are part of a step.

    In ``for t in 1:T { w = r * u[t - 1]; u[t] = tanh(w) }`` the step of u is all there is.
    """
    graph = bound.graph
    inner = {
        name
        for ring in groups(bound, names, definitions=True)
        if len(ring) > 1
        for name in ring
        if graph.variables[name].local
    }
    if not inner:
        return bound

    def one(node: Node) -> Node:
        if not isinstance(node, Read) or node.name not in inner:
            return node
        (number,) = graph.variables[node.name].pieces
        piece = graph.pieces[number]
        assert isinstance(piece, Define)
        try:
            value = substitute_definition(piece, node.positions)
        except NotPlain:
            value = None
        return node if value is None else rewrite(value, one)

    pieces = tuple(
        replace(p, value=rewrite(p.value, one)) if isinstance(p, Define) else p
        for p in graph.pieces
    )
    return replace(bound, graph=replace(graph, pieces=pieces))


def _reads_of(bound: BoundGraph, name: str, definitions: bool) -> set[str]:
    found: set[str] = set()
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Define) or not definitions:
            found |= piece_reads(piece)
    return found


def group_of(bound: BoundGraph, names: Sequence[str]) -> Group:
    """Find the step of a group.

    Raises
    ------
    ModelError
        If the names depend on one another other than on earlier steps.
    """
    pieces: dict[str, Define] = {}
    for name in names:
        for number in bound.graph.variables[name].pieces:
            piece = bound.graph.pieces[number]
            if isinstance(piece, Define) and piece_reads(piece) & set(names):
                if name in pieces:
                    raise _error(bound, _cycle(bound, names))
                value = _written_out(bound, names, piece.value)
                pieces[name] = _unshifted(bound, replace(piece, value=value))
    if set(pieces) != set(names):
        raise _error(bound, _cycle(bound, names))
    first = pieces[names[0]]
    for backward in (False, True):
        for candidate in first.indices:
            found = _along(bound, pieces, candidate, backward)
            if found is not None:
                return found
    raise _error(bound, _cycle(bound, names))


def _unshifted(bound: BoundGraph, piece: Define) -> Define:
    """Let loops run over the positions that are defined: ``z[t + 1] = ...`` as ``z[t] = ...``."""
    moved: dict[Index, Node] = {}
    positions: list[Node] = []
    indices = list(piece.indices)
    for position in piece.target.positions:
        match position:
            case Apply(atom="add" | "subtract", arguments=(Position(index=index), _)) if _lag(
                bound, position, index
            ):
                shift = -(_lag(bound, position, index) or 0)
                start, length = _reach(bound, index)
                domain = Domain(Constant(start + shift), Constant(start + shift + length))
                new = Index(index.name, index.role, domain, index.span)
                moved[index] = subtract(Position(new), Constant(shift))
                indices = [new if i == index else i for i in indices]
                positions.append(Position(new))
            case _:
                positions.append(position)
    if not moved:
        return piece
    target = replace(piece.target, positions=tuple(positions))
    value = substitute(piece.value, moved)
    return replace(piece, target=target, value=value, indices=tuple(indices))


def _error(bound: BoundGraph, diagnostic: Diagnostic) -> ModelError:
    return ModelError((diagnostic,), bound.graph.source)


def _cycle(bound: BoundGraph, names: Sequence[str]) -> Diagnostic:
    shown = ", ".join(f"`{bound.graph.variables[n].name}`" for n in names)
    verb = "depends on itself" if len(names) == 1 else "depend on one another"
    return kinds.CYCLE(
        f"{shown} {verb} other than at earlier positions of an axis",
        bound.graph.variables[names[0]].span,
        help="a recurrence reads positions before its own, or after it: `for t in 1:T { s[t] = "
        "f(s[t - 1]) }`",
    )


def _along(
    bound: BoundGraph, pieces: Mapping[str, Define], time: Index, backward: bool
) -> Group | None:
    """Try an index as the time of a group."""
    reach = _reach(bound, time)
    places: dict[str, int] = {}
    renamed: dict[str, Define] = {}
    for name, piece in pieces.items():
        own = next((i for i in piece.indices if i == time), None) or next(
            (i for i in piece.indices if _reach(bound, i) == reach and i.role == "plate"), None
        )
        if own is None:
            return None
        target = rename(piece.target, {own: time} if own != time else {})
        value = rename(piece.value, {own: time} if own != time else {})
        assert isinstance(target, Read)
        where = [
            k for k, p in enumerate(target.positions) if isinstance(p, Position) and p.index == time
        ]
        if len(where) != 1:
            return None
        places[name] = where[0]
        indices = tuple(time if i == own else i for i in piece.indices)
        renamed[name] = replace(piece, target=target, value=value, indices=indices)
    lags: dict[str, int] = dict.fromkeys(pieces, 0)
    within: dict[str, set[str]] = {n: set() for n in pieces}
    for name, piece in renamed.items():
        for node in walk(piece.value):
            if not isinstance(node, Read) or node.name not in pieces:
                continue
            lag = _lag(bound, node.positions[places[node.name]], time)
            if lag is None or (lag > 0 if backward else lag < 0):
                return None
            lag = abs(lag)
            lags[node.name] = max(lags[node.name], lag)
            if lag == 0:
                within[name].add(node.name)
    order = topological(pieces, within)
    if isinstance(order, set):
        return None
    members = []
    for name in order:
        axes = []
        for k, position in enumerate(renamed[name].target.positions):
            if k != places[name]:
                if not isinstance(position, Position):
                    return None
                axes.append(position.index)
        members.append(Member(name, renamed[name], places[name], tuple(axes), lags[name]))
    return Group(tuple(members), time, reach[0], reach[1], backward)


def _reach(bound: BoundGraph, index: Index) -> tuple[int, int]:
    start = integer(index.domain.start, bound.sizes, bound.data)
    return start, integer(index.domain.stop, bound.sizes, bound.data) - start


def _lag(bound: BoundGraph, position: Node, time: Index) -> int | None:
    """Return how far before the time a position is; None if it is anything else."""
    if position.free != {time}:
        return None
    steps = np.array([0, 1, 7])
    try:
        found = tabulate(position, {time: steps}, bound.sizes, bound.data, bound.graph)
    except NotANumber:
        return None
    lags = steps - np.asarray(found)
    return int(lags[0]) if np.all(lags == lags[0]) and is_whole(float(lags[0])) else None


def _is_lag_by(node: Node, names: Sequence[str], index: Index) -> bool:
    """Return whether a node reads one of the names at a position that an index moves."""
    return (
        isinstance(node, Read)
        and node.name in names
        and any(index in p.free and len(p.free) > 1 for p in node.positions)
    )


def _written_out(bound: BoundGraph, names: Sequence[str], value: Node) -> Node:
    """Write out reductions over few positions, if they read the names of a group.

    So ``sum(w[k] * u[t - 1 - k] for k in K)`` becomes reads of u at lags.
    """

    def one(node: Node) -> Node:
        if not isinstance(node, Reduce) or node.operation not in PAIRED or len(node.indices) > 1:
            return node
        (index,) = node.indices
        start, length = _reach(bound, index)
        if not 0 < length <= FEW or not any(_is_lag_by(n, names, index) for n in walk(node.body)):
            return node
        terms = [substitute(node.body, {index: Constant(start + k)}) for k in range(length)]
        total = terms[0]
        for term in terms[1:]:
            total = Apply(PAIRED[node.operation], (total, term), node.span)
        return total

    return rewrite(value, one)


# ----------------------------------------------------------------------------------- affine steps


def affine(node: Node, name: str) -> tuple[Node, Node] | None:
    """Write a node as u + b · r, where r are its reads of a name, which b and u are free of.

    Returns (u, b), or None if it is not affine or reads the name at different positions.
    """
    parts: dict[int, tuple[Node, Node] | None] = {}
    zero, one = Constant(0.0), Constant(1.0)
    touched = reading(node, (name,))
    for each in walk(node):
        if id(each) not in touched:
            parts[id(each)] = (each, zero)
            continue
        below = [parts[id(c)] for c in children(each)]
        match each:
            case Read(name=n) if n == name:
                parts[id(each)] = (zero, one)
            case Apply(atom="add" | "subtract" as atom):
                parts[id(each)] = _sum(below, atom)
            case Apply(atom="negative"):
                parts[id(each)] = _scaled(below[0], Constant(-1.0))
            case Select(condition=c) if id(c) not in touched:
                parts[id(each)] = _either(each, below[1:])
            case Apply(atom="multiply", arguments=(a, b)):
                if id(b) not in touched:
                    parts[id(each)] = _scaled(below[0], b)
                elif id(a) not in touched:
                    parts[id(each)] = _scaled(below[1], a)
                else:
                    parts[id(each)] = None
            case Apply(atom="divide", arguments=(_, b)) if id(b) not in touched:
                parts[id(each)] = _scaled(below[0], Apply("divide", (one, b)))
            case _:
                parts[id(each)] = None
    return parts[id(node)]


def reading(root: Node, names: Container[str]) -> set[int]:
    """Return the nodes (by id) that read one of the names, themselves or below."""
    found: set[int] = set()
    for node in walk(root):
        own = isinstance(node, Read) and node.name in names
        if own or any(id(c) in found for c in children(node)):
            found.add(id(node))
    return found


def _sum(below: Sequence[tuple[Node, Node] | None], atom: str) -> tuple[Node, Node] | None:
    left, right = below
    if left is None or right is None:
        return None
    return _joined(left[0], right[0], atom), _joined(left[1], right[1], atom)


def _either(node: Select, below: Sequence[tuple[Node, Node] | None]) -> tuple[Node, Node] | None:
    yes, no = below
    if yes is None or no is None:
        return None
    return replace(node, yes=yes[0], no=no[0]), replace(node, yes=yes[1], no=no[1])


def _joined(a: Node, b: Node, atom: str) -> Node:
    if isinstance(b, Constant) and b.value == 0:
        return a
    if isinstance(a, Constant) and a.value == 0:
        return b if atom == "add" else Apply("negative", (b,))
    return Apply(atom, (a, b))


def _scaled(part: tuple[Node, Node] | None, by: Node) -> tuple[Node, Node] | None:
    if part is None:
        return None
    return _product(part[0], by), _product(part[1], by)


def _product(a: Node, b: Node) -> Node:
    if isinstance(a, Constant):
        if a.value == 0:
            return a
        if a.value == 1:
            return b
    return Apply("multiply", (a, b))


# ---------------------------------------------------------------------------------- general steps


@dataclass(frozen=True, slots=True)
class Step:
    """A group's step with its inputs set apart.

    Attributes
    ----------
    values
        For each member, its value over reads of ``carry`` and ``input`` keys.
    inputs
        Key → node over time and other indices, computed before the steps.
    constants
        Key → node without time.
    """

    values: tuple[Node, ...]
    inputs: dict[str, Node]
    constants: dict[str, Node]


def carry_key(name: str, lag: int) -> str:
    """Return the key of a member's value so many steps ago (0: in this step)."""
    return f"{name}.now" if lag == 0 else f"{name}.lag{lag}"


def split(bound: BoundGraph, group: Group) -> Step:
    """Set apart what does not depend on the group: it is computed for all steps at once."""
    names = {m.name: m for m in group.members}
    inputs: dict[str, Node] = {}
    constants: dict[str, Node] = {}
    wholes: dict[str, Read] = {}

    def leaf(node: Node) -> Node:
        if isinstance(node, Constant) or (not reads(node) and not node.free):
            return node
        over_time = group.time in node.free
        table = inputs if over_time else constants
        key = next((k for k, n in table.items() if n is node), None)
        if key is None:
            key = f"{group.members[0].name}.{'input' if over_time else 'constant'}{len(table)}"
            table[key] = node
        others = sorted(node.free - {group.time}, key=lambda i: i.serial)
        return Read(key, tuple(map(_from_start, others)))

    def carried(node: Node) -> Node:
        if not isinstance(node, Read) or node.name not in names:
            return node
        member = names[node.name]
        lag = _lag(bound, node.positions[member.place], group.time)
        assert lag is not None
        rest = tuple(p for k, p in enumerate(node.positions) if k != member.place)
        return Read(carry_key(node.name, abs(lag)), rest, node.span)

    def at_a_state(node: Read, touched: Container[int], done: Mapping[int, Node]) -> Node:
        """Read an array, which is handed over whole, at a position that the group decides."""
        if node.name not in wholes:
            shape = bound.shape(node.name)
            axes = [Index("i", "axis", Domain(Constant(0), Constant(n))) for n in shape]
            wholes[node.name] = Read(node.name, tuple(map(Position, axes)))
        key = leaf(wholes[node.name])
        assert isinstance(key, Read)
        places = tuple(
            done[id(p)] if id(p) in touched else leaf(p) if group.time in p.free else p
            for p in node.positions
        )
        return Read(key.name, places, node.span)

    def outermost(root: Node) -> Node:
        touched = reading(root, names)
        done: dict[int, Node] = {}
        for node in walk(root):
            if id(node) not in touched:
                continue
            if isinstance(node, Read):
                done[id(node)] = node if node.name in names else at_a_state(node, touched, done)
                continue
            new = {id(c): done[id(c)] if id(c) in touched else leaf(c) for c in children(node)}
            done[id(node)] = map_children(node, lambda c, new=new: new[id(c)])  # type: ignore[misc]
        return rewrite(done[id(root)], carried)

    values = tuple(outermost(m.piece.value) for m in group.members)
    return Step(values, inputs, constants)


def _from_start(index: Index) -> Node:
    return subtract(Position(index), index.domain.start)
