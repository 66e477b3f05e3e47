"""Reductions within limits: ``sum(y[s] for s in 0:t)``, ``mean(x[i, 0:length[i]])``.

A sum whose terms know nothing of the indices that bound it is read from running sums, or from sums
over windows where all ranges have one width: time and memory are linear. Any other reduction runs
over the widest extent, and what lies outside the limits is neither read nor counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ppl.data.dataset import Array
from ppl.data.rows import Known, Places, positions_text, rows_of, turn_text
from ppl.graph import diagnostics as kinds
from ppl.graph.evaluate import NotANumber
from ppl.graph.expressions import axis_of
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample, Variable, map_nodes
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Limit,
    Matrix,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    add,
    closed,
    reads,
    rewrite,
    subtract,
    walk,
)
from ppl.graph.order import closure, piece_reads
from ppl.graph.substitute import substitute
from ppl.text import DataError, Span

NOTHING = {"sum": 0.0, "prod": 1.0, "min": math.inf, "max": -math.inf, "logsumexp": -math.inf}
"""What a reduction of no numbers is."""

PAIRED = {"sum": "add", "prod": "multiply", "min": "minimum", "max": "maximum"}
"""The operation on two numbers of which a reduction is made."""

FEW = 64
"""In a recurrence, windows of at most so many positions are written out."""


def without_limited_reductions(known: Known) -> Graph:
    """Return the graph with all reductions over indices that have no limits."""
    work = Reductions(known, list(known.graph.pieces), dict(known.graph.variables))
    for number, piece in enumerate(known.graph.pieces):
        work.current = piece
        work.pieces[number] = map_nodes(piece, lambda n: rewrite(n, work.lowered))
    return replace(known.graph, pieces=tuple(work.pieces), variables=work.variables)


@dataclass(slots=True)
class Reductions:
    """The pieces so far; sums that are read from running ones get names of their own."""

    known: Known
    pieces: list[Piece]
    variables: dict[str, Variable]
    current: Piece | None = None
    below: dict[str, set[str]] = field(default_factory=dict)

    def lowered(self, node: Node) -> Node:
        """Return a node without limits at its top; those below have none any more."""
        if not isinstance(node, Reduce) or not node.limits:
            return node
        body, left = node.body, list(node.indices)
        limits = {limit.index: limit for limit in node.limits}
        while limits:
            used = {i for limit in limits.values() for i in limit.start.free | limit.stop.free}
            inner = next(i for i in limits if i not in used)
            body = self._reduce(replace(node, body=body), limits.pop(inner))
            left.remove(inner)
        return replace(node, indices=tuple(left), body=body, limits=()) if left else body

    def _reduce(self, node: Reduce, limit: Limit) -> Node:
        """Reduce over one index within its limits."""
        body, span = node.body, node.span
        if limit.index not in body.free:
            return _repeated(node, limit)
        outer = closed(limit.start.free | limit.stop.free)
        at = rows_of(self.known, outer)
        count = len(next(iter(at.values()))) if at else 1
        start, stop = (
            np.broadcast_to(self.known.at(n, at), (count,)) for n in (limit.start, limit.stop)
        )
        some = stop > start
        if not some.any():
            return Constant(NOTHING[node.operation], span)
        reach = Reach(
            limit, start, stop, int(start[some].min()), int(stop[some].max()), frozenset(outer)
        )
        if self._in_ring(body) and reach.width is not None and node.operation in PAIRED:
            if reach.width <= FEW:
                return _written_out(node, reach)
        elif node.operation == "sum" and not body.free & outer and not self._in_ring(body):
            flat = _over(reach, "axis")
            plain = _moved(body, limit.index, flat)
            if all(self._stays(n, plain.free) for n in _reads_at(plain, flat)):
                return self._summed(plain, flat, reach, span)
        return self._masked(node, reach)

    # ------------------------------------------------------------------------------ what is read

    def _in_ring(self, body: Node) -> bool:
        """Return whether what is reduced depends on what the statement defines."""
        if isinstance(self.current, Factor) or self.current is None or self.current.target is None:
            return False
        if not self.below:
            for name, variable in self.known.graph.variables.items():
                found = set[str]()
                for number in variable.pieces:
                    found |= piece_reads(self.known.graph.pieces[number])
                self.below[name] = set() if name in self.known.data else found
        return self.current.target.name in closure(reads(body), self.below)

    def _stays(self, read: Read, indices: Iterable[Index]) -> bool:
        """Return whether all that a read looks at is there, for all values of indices."""
        variable = self.variables.get(read.name)
        if variable is None or self._is_discrete(variable):
            return False
        if any(i.limits is not None for k in variable.pieces for i in self.pieces[k].indices):
            return False
        wanted = {i for i in indices if i in read.free}
        try:
            at = rows_of(self.known, wanted)
            places = [np.asarray(self.known.at(p, at)) for p in read.positions]
            shape = [self.known.integer(a.size) for a in variable.axes]
        except NotANumber:
            return True
        if not all(np.all((p >= 0) & (p < n)) for p, n in zip(places, shape, strict=True)):
            return False
        if read.name not in self.known.data:
            return True
        values = np.asarray(self.known.data[read.name])
        found = values[tuple(p.astype(np.intp) for p in places)]
        return values.dtype.kind != "f" or bool(np.isfinite(found).all())

    def _is_discrete(self, variable: Variable) -> bool:
        """Return whether a name is, or is computed from, a discrete variable that is not data."""
        if variable.key in self.known.data:
            return False
        pieces = [
            self.known.graph.pieces[k] for k in variable.pieces if k < len(self.known.graph.pieces)
        ]
        return any(isinstance(p, Sample) and p.density.record.discrete for p in pieces)

    # --------------------------------------------------------------------------- three ways to do

    def _summed(self, body: Node, flat: Index, reach: Reach, span: Span | None) -> Node:
        """Return the sums as reads of running sums, or of sums over windows."""
        start, stop = reach.limit.start, reach.limit.stop
        if not start.free:
            return self._running("prefix_sums", body, flat, None, reach.last(stop), span)
        if not stop.free:
            return self._running("suffix_sums", body, flat, None, reach.first(start), span)
        if reach.width is not None:
            return self._running("window_sums", body, flat, reach.width, start, span)
        ends = [
            self._running("prefix_sums", body, flat, None, n, span)
            for n in (reach.last(stop), reach.first(start))
        ]
        return Apply("subtract", tuple(ends), span)

    def _running(
        self,
        atom: str,
        body: Node,
        flat: Index,
        width: int | None,
        position: Node,
        span: Span | None,
    ) -> Node:
        """Give running sums a name of their own, and read it at a position."""
        low, high = (self.known.integer(n) for n in (flat.domain.start, flat.domain.stop))
        length = high - low - (width or 0) + 1
        out = Index(flat.name, "axis", Domain(Constant(low), Constant(low + length)))
        rest = sorted(body.free - {flat}, key=lambda i: i.serial)
        value = Matrix(atom, (body,), ((flat,),), (out,), span)
        if width is not None:
            window = Index("window", "axis", Domain(Constant(0), Constant(width)))
            value = Matrix(atom, (body, Constant(1)), ((flat,), (window,)), (out,), span)
        key = f"_sums{sum(k.startswith('_sums') for k in self.variables) + 1}"
        at = [subtract(Position(i), i.domain.start) for i in rest]
        target = Read(key, (*at, subtract(Position(out), out.domain.start)))
        axes = (*(axis_of(i.domain) for i in rest), Axis(None, Constant(length)))
        where = span or Span(0, 0)
        number = len(self.pieces)
        self.pieces.append(Define(target, (*rest, out), value, where))
        self.variables[key] = Variable(key, key, axes, None, None, (number,), where, local=True)
        return Read(key, (*at, subtract(position, Constant(low))), span)

    def _masked(self, node: Reduce, reach: Reach) -> Node:
        """Reduce over the widest extent, with what changes nothing outside of the limits."""
        limit = reach.limit
        mask = reach.mask()
        wide = _over(reach, "sum")
        if mask is None:
            body = _moved(node.body, limit.index, wide)
            return replace(node, indices=(wide,), body=body, limits=())
        body = self._safe(node.body, mask, reach)
        body = Select(mask, body, Constant(NOTHING[node.operation]), node.span or Span(0, 0))
        body = _moved(body, limit.index, wide)
        return replace(node, indices=(wide,), body=body, limits=())

    def _safe(self, body: Node, mask: Node, reach: Reach) -> Node:
        """Let what is read outside of the limits be read at some position within them."""
        index = reach.limit.index
        wide = _over(reach, "sum")
        found: dict[int, Node] = {}
        for read in _reads_at(body, index):
            moved = _moved(read, index, wide)
            assert isinstance(moved, Read)
            if self._stays(moved, closed(read.free - {index}) | reach.outer | {wide}):
                continue
            try:
                at = rows_of(self.known, read.free)
                places = [np.asarray(self.known.at(p, at)).ravel() for p in read.positions]
            except NotANumber:
                continue
            if any(not len(p) for p in places):
                continue
            self._check(read, at, places)
            positions = tuple(
                Select(mask, p, Constant(int(where[0]))) if p.free else p
                for p, where in zip(read.positions, places, strict=True)
            )
            found[id(read)] = replace(read, positions=positions)
        return _replaced(body, found)

    def _check(self, read: Read, at: Mapping[Index, Places], places: Sequence[Array]) -> None:
        """Refuse positions that leave their axis."""
        variable = self.known.graph.variables[read.name]
        for axis, position, where in zip(variable.axes, read.positions, places, strict=True):
            size = self.known.integer(axis.size)
            wrong = (where < 0) | (where >= size)
            if wrong.any():
                row = int(np.argmax(wrong))
                span = read.span or Span(0, 0)
                text = " ".join(self.known.graph.source.at(span).split())
                diagnostic = kinds.BAD_POSITION(
                    f"`{text}` reads position {where[row]:g}, and `{variable.name}` has "
                    f"{positions_text(size)}",
                    position.span or span,
                    turn_text(at, row),
                )
                raise DataError((diagnostic,), self.known.graph.source)


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far the limits of an index go.

    Attributes
    ----------
    limit
        The limits.
    start, stop
        Their values in every row of the indices `outer` that they use.
    low, high
        The smallest start and the largest stop of ranges that have positions.
    """

    limit: Limit
    start: Places
    stop: Places
    low: int
    high: int
    outer: frozenset[Index]

    @property
    def width(self) -> int | None:
        """The number of positions, where it is the same for all rows."""
        widths = self.stop - self.start
        return int(widths[0]) if np.all(widths == widths[0]) and widths[0] > 0 else None

    def first(self, start: Node) -> Node:
        """Return the start, within the extent."""
        return self._within(start, self.start)

    def last(self, stop: Node) -> Node:
        """Return the stop, not before the start, within the extent."""
        if np.all(self.stop >= self.start):
            return self._within(stop, self.stop)
        later = Apply("maximum", (stop, self.limit.start))
        return self._within(later, np.maximum(self.stop, self.start))

    def _within(self, node: Node, values: Places) -> Node:
        if np.any(values < self.low):
            node = Apply("maximum", (node, Constant(self.low)))
        if np.any(values > self.high):
            node = Apply("minimum", (node, Constant(self.high)))
        return node

    def mask(self) -> Node | None:
        """Return where the index is within its limits, None if everywhere."""
        here = Position(self.limit.index)
        parts: list[Node] = []
        if np.any(self.start > self.low):
            parts.append(Apply("greater_equal", (here, self.limit.start)))
        if np.any(self.stop < self.high):
            parts.append(Apply("less", (here, self.limit.stop)))
        if len(parts) == 2:
            return Apply("logical_and", tuple(parts))
        return parts[0] if parts else None


def _over(reach: Reach, role: str) -> Index:
    """Return a fresh index over the widest extent."""
    index = reach.limit.index
    domain = Domain(Constant(reach.low), Constant(reach.high), within=index.domain.within)
    return Index(index.name, role, domain, index.span)  # type: ignore[arg-type]


def _moved(body: Node, old: Index, new: Index) -> Node:
    """Return the body with one index in the place of another, at the same positions."""

    def one(node: Node) -> Node:
        match node:
            case Position(index=index) if index == old:
                return Position(new, node.span)
            case _:
                return node

    return rewrite(body, one)


def _reads_at(body: Node, index: Index) -> list[Read]:
    """Return the reads whose positions use an index, outermost first."""
    return [n for n in walk(body) if isinstance(n, Read) and index in n.free]


def _replaced(body: Node, found: dict[int, Node]) -> Node:
    """Return the body with nodes, by id, in the place of others."""
    done: dict[int, Node] = {}
    from ppl.graph.nodes import map_children

    for node in walk(body):
        done[id(node)] = found.get(id(node)) or map_children(node, lambda c: done[id(c)])
    return done[id(body)]


def _repeated(node: Reduce, limit: Limit) -> Node:
    """Reduce what is the same at all positions."""
    width = Apply("maximum", (subtract(limit.stop, limit.start), Constant(0)), node.span)
    body, span = node.body, node.span
    match node.operation:
        case "sum":
            if isinstance(body, Constant) and body.value == 1:
                return width
            return Apply("multiply", (body, width), span)
        case "prod":
            return Apply("power", (body, width), span)
        case "logsumexp":
            return Apply("add", (body, Apply("log", (width,), span)), span)
        case "min" | "max":
            return body


def _written_out(node: Reduce, reach: Reach) -> Node:
    """Return a reduction over a window of few positions as operations on two numbers each."""
    assert reach.width is not None
    terms = [
        substitute(node.body, {reach.limit.index: add(reach.limit.start, Constant(k))})
        for k in range(reach.width)
    ]
    total = terms[0]
    for term in terms[1:]:
        total = Apply(PAIRED[node.operation], (total, term), node.span)
    return total
