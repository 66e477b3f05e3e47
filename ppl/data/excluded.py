"""Branches that data decide: what their conditions exclude is not read.

A condition of single data chooses its branch for good. One of rows chooses row by row: in
``if t == 0 then z[0] else z[t - 1]`` and ``if before[n] >= 0 then z[before[n]] else 0`` nothing
looks at position -1, so the positions of a branch become 0 where it is not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ppl.data.coverage import span_of_position
from ppl.graph.evaluate import NotANumber, integer, number
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import Constant, Node, Read, Select, reads, rewrite, walk


def without_excluded(graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
    """Return the graph without the branches and positions that conditions of data exclude."""

    def stays(name: str, axis: int, position: Node) -> bool:
        """Return whether a position is on its axis whatever the condition."""
        reach = span_of_position(position, sizes, data)
        if reach is None or name not in graph.variables:
            return reach is not None
        try:
            size = integer(graph.variables[name].axes[axis].size, sizes, data)
        except (NotANumber, KeyError):
            return True
        return reach[0] >= 0 and reach[1] < size

    def in_branch(branch: Node, condition: Node, taken: bool) -> Node:
        def safe(name: str, axis: int, position: Node) -> Node:
            if stays(name, axis, position) or not reads(position) <= data.keys():
                return position
            yes, no = (position, Constant(0)) if taken else (Constant(0), position)
            return Select(condition, yes, no)

        def one(node: Node) -> Node:
            if not isinstance(node, Read):
                return node
            positions = tuple(safe(node.name, k, p) for k, p in enumerate(node.positions))
            return node if positions == node.positions else replace(node, positions=positions)

        return rewrite(branch, one)

    def one(node: Node) -> Node:
        match node:
            case Select(condition=c, yes=yes, no=no) if reads(c) <= data.keys():
                if not c.free:
                    try:
                        return yes if number(c, sizes, data) else no
                    except NotANumber:
                        pass
                return replace(node, yes=in_branch(yes, c, True), no=in_branch(no, c, False))
            case _:
                return node

    def piece(old: Piece) -> Piece:
        match old:
            case Sample(density=density):
                return replace(old, density=rewrite(density, one))  # type: ignore[arg-type]
            case Define(value=value) | Factor(value=value):
                return replace(old, value=rewrite(value, one))

    def has_branches(one: Piece) -> bool:
        root = one.density if isinstance(one, Sample) else one.value
        return any(isinstance(n, Select) for n in walk(root))

    if not any(map(has_branches, graph.pieces)):
        return graph
    return replace(graph, pieces=tuple(piece(p) if has_branches(p) else p for p in graph.pieces))
