"""Loops whose bounds use other indices or data: only the turns that exist are run.

``for i in I, t in first[i]:last[i]`` becomes one index over the list of its turns, and the
positions i and t are read from that list, which is made when data are bound. So what is left out
costs nothing, and nothing looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ppl.data.dataset import Array
from ppl.data.ragged_steps import side_by_side
from ppl.data.reductions import without_limited_reductions
from ppl.data.rows import Known, Places, in_turn, rows_of
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample, Variable, map_nodes
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    map_children,
    walk,
)

ROWS = ".rows"
"""After the name of an index: its positions in a list of turns."""


def without_limits(
    graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Array]
) -> tuple[Graph, dict[str, Array]]:
    """Return the graph with indices that have no limits, and the lists that it reads.

    Raises
    ------
    DataError
        If the data do not decide a bound.
    """
    if not any(map(_has_limits, graph.pieces)):
        return graph, {}
    graph = without_limited_reductions(Known(graph, sizes, data))
    graph, masks = side_by_side(Known(graph, sizes, data))
    work = Turns(Known(graph, sizes, data))
    pieces = tuple(map(work.piece, graph.pieces))
    variables = {n: work.folded(v) for n, v in graph.variables.items()} | work.variables
    return replace(graph, pieces=pieces, variables=variables), masks | work.data


def _has_limits(piece: Piece) -> bool:
    if any(i.limits is not None for i in piece.indices):
        return True
    match piece:
        case Sample(density=density, weight=weight, suffix=suffix):
            bounds = () if suffix is None else (suffix.lower, suffix.upper)
            roots: tuple[Node | None, ...] = (density, weight, *bounds)
        case Define(value=value) | Factor(value=value):
            roots = (value,)
    found = (n for root in roots if root is not None for n in walk(root))
    return any(isinstance(n, Reduce) and n.limits for n in found)


@dataclass(frozen=True, slots=True)
class Turn:
    """The turns of some loops: one index over their list, and where each position stands in it."""

    index: Index
    positions: Mapping[Index, Read]


@dataclass(slots=True)
class Turns:
    """The lists so far, by the loops whose turns they are."""

    known: Known
    found: dict[tuple[Index, ...], Turn] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    data: dict[str, Array] = field(default_factory=dict)

    def piece(self, piece: Piece) -> Piece:
        """Return a piece over turns, if its loops have limits."""
        limited = [i for i in piece.indices if i.limits is not None]
        if not limited:
            return piece
        loops = tuple(in_turn(limited))
        turn = self._turn(loops)
        indices = [i for i in piece.indices if i not in loops]
        return replace(map_nodes(piece, _at(turn.positions)), indices=(turn.index, *indices))

    def _turn(self, loops: tuple[Index, ...]) -> Turn:
        if loops not in self.found:
            rows = rows_of(self.known, loops)
            count = len(rows[loops[0]])
            name = "".join(i.name for i in loops)
            index = Index(name, "plate", Domain(Constant(0), Constant(count)), loops[0].span)
            positions = {i: self._listed(i, index, rows[i]) for i in loops}
            self.found[loops] = Turn(index, positions)
        return self.found[loops]

    def _listed(self, loop: Index, index: Index, rows: Places) -> Read:
        """Give the positions of a loop in the list of turns a name."""
        key, number = f"{loop.name}{ROWS}", 1
        while key in self.variables:
            number += 1
            key = f"{loop.name}{number}{ROWS}"
        self.data[key] = rows.astype(np.int64)
        size = Axis(None, Constant(len(rows)))
        span = loop.span
        assert span is not None
        self.variables[key] = Variable(key, loop.name, (size,), None, None, (), span, local=True)
        return Read(key, (Position(index),), span)

    def folded(self, variable: Variable) -> Variable:
        """Return a variable whose axes have known sizes, where bounds of ranges decided them."""
        axes = tuple(
            replace(a, size=Constant(self.known.integer(a.size)))
            if any(isinstance(n, Reduce | Read) for n in walk(a.size))
            else a
            for a in variable.axes
        )
        return variable if axes == variable.axes else replace(variable, axes=axes)


def _at(positions: Mapping[Index, Read]) -> Callable[[Node], Node]:
    """Return the function that reads positions from a list of turns; what is shared stays so."""
    done: dict[int, tuple[Node, Node]] = {}

    def one(node: Node) -> Node:
        match node:
            case Position(index=index) if index in positions:
                return replace(positions[index], span=node.span)
            case Apply(atom="subtract", arguments=(a, Constant(value=0))):
                return a
            case _:
                return node

    def whole(root: Node) -> Node:
        for node in walk(root):
            if id(node) not in done:
                done[id(node)] = node, one(map_children(node, lambda c: done[id(c)][1]))
        return done[id(root)][1]

    return whole


def is_listed(name: str) -> bool:
    """Return whether a name is the list of a loop's positions."""
    return name.endswith(ROWS)
