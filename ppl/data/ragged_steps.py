"""Recurrences in loops with limits: series of many lengths, run side by side.

``for i in I, t in 1:length[i] { s[i, t] = f(s[i, t - 1]) }`` is run for all i over the longest
series. A hidden copy of s takes the steps; where a step is not, it holds what other statements give
there, or 0, so that nothing that is left out reaches what exists. s reads its positions from it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ppl.data.dataset import Array
from ppl.data.rows import Known, places, rows_of
from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Axis, Define, Graph, Piece, Variable
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Select,
    rewrite,
)
from ppl.graph.order import piece_reads, rings
from ppl.text import Diagnostic, ModelError

FULL, GIVEN, STEPS, THERE = ".full", ".given", ".steps there", ".given there"
"""After a name: its hidden copy, what other statements give, and where either is."""


def side_by_side(known: Known) -> tuple[Graph, dict[str, Array]]:
    """Return the graph with recurrences over the widest extent of their loops, and masks.

    Raises
    ------
    ModelError
        If a recurrence in such a loop starts from random values.
    """
    graph = known.graph
    pieces: list[Piece] = list(graph.pieces)
    variables = dict(graph.variables)
    data: dict[str, Array] = {}
    edges = {
        name: {
            n
            for k in v.pieces
            if isinstance(graph.pieces[k], Define)
            for n in piece_reads(graph.pieces[k])
        }
        for name, v in variables.items()
        if name not in known.data
    }
    for ring in rings(list(edges), edges):
        steps = [
            k
            for name in ring
            for k in graph.variables[name].pieces
            if isinstance(graph.pieces[k], Define) and piece_reads(graph.pieces[k]) & set(ring)
        ]
        if not any(i.limits is not None for k in steps for i in graph.pieces[k].indices):
            continue
        for name in ring:
            _widen(known, ring, name, pieces, variables, data)
    return replace(graph, pieces=tuple(pieces), variables=variables), data


def _widen(
    known: Known,
    ring: Sequence[str],
    name: str,
    pieces: list[Piece],
    variables: dict[str, Variable],
    data: dict[str, Array],
) -> None:
    """Let a name's steps be taken by a hidden copy."""
    variable = known.graph.variables[name]
    steps: list[int] = []
    others: list[int] = []
    for number in variable.pieces:
        piece = known.graph.pieces[number]
        if not isinstance(piece, Define):
            raise ModelError((_random_start(variable, piece),), known.graph.source)
        (steps if piece_reads(piece) & set(ring) else others).append(number)
    shape = tuple(known.integer(a.size) for a in variable.axes)
    axes = tuple(Axis(a.dimension, Constant(n)) for a, n in zip(variable.axes, shape, strict=True))
    first = pieces[steps[0]]
    assert isinstance(first, Define)
    if len(steps) > 1 or not all(isinstance(p, Position) for p in first.target.positions):
        raise ModelError((_not_plain(variable, first),), known.graph.source)
    masks = {STEPS: steps, THERE: others}
    for ending, numbers in masks.items():
        mask = np.zeros(shape)
        for number in numbers:
            piece = known.graph.pieces[number]
            assert isinstance(piece, Define)
            found = places(known, piece.target)
            if found is not None:
                mask[found] = 1.0
        data[f"_{name}{ending}"] = mask

    def hidden(ending: str, numbers: Sequence[int]) -> None:
        key = f"_{name}{ending}"
        variables[key] = replace(
            variable, key=key, axes=axes, datum=None, pieces=tuple(numbers), local=False
        )

    given = []
    for number in others:
        piece = pieces[number]
        assert isinstance(piece, Define)
        given.append(len(pieces))
        pieces.append(replace(piece, target=replace(piece.target, name=f"_{name}{GIVEN}")))
    hidden(GIVEN, given)
    hidden(STEPS, ())
    hidden(THERE, ())
    hidden(FULL, _copy(known, ring, name, first, shape, pieces))
    pieces[steps[0]] = replace(first, value=replace(first.target, name=f"_{name}{FULL}"))


def _copy(
    known: Known,
    ring: Collection[str],
    name: str,
    step: Define,
    shape: tuple[int, ...],
    pieces: list[Piece],
) -> list[int]:
    """Add the statements of the hidden copy: the steps, and what is before and after them."""
    wide: dict[Index, Index] = {}
    time: tuple[int, Index] | None = None
    for place, position in enumerate(step.target.positions):
        assert isinstance(position, Position)
        old = position.index
        if old.limits is None:
            wide[old] = Index(old.name, old.role, old.domain, old.span)
            continue
        rows = rows_of(known, (old,))[old]
        low, high = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
        wide[old] = Index(old.name, old.role, Domain(Constant(low), Constant(high)), old.span)
        time = place, wide[old]
    numbers = []

    def at(ending: str, positions: tuple[Node, ...]) -> Read:
        return Read(f"_{name}{ending}", positions)

    def elsewhere(positions: tuple[Node, ...]) -> Node:
        there = Apply("greater", (at(THERE, positions), Constant(0)))
        if not _some(known, name):
            return Constant(0.0)
        return Select(there, at(GIVEN, positions), Constant(0.0), step.span)

    inside = tuple(Position(i) for i in wide.values())
    taken = Apply("greater", (at(STEPS, inside), Constant(0)))
    value = _renamed(_safe(known, ring, step, wide, taken), wide)
    value = rewrite(value, lambda n: _of_copies(n, ring))
    numbers.append(len(pieces))
    pieces.append(
        Define(
            at(FULL, inside),
            tuple(wide.values()),
            Select(taken, value, elsewhere(inside), step.span),
            step.span,
        )
    )
    if time is None:
        return numbers
    place, index = time
    low, high = (known.integer(n) for n in (index.domain.start, index.domain.stop))
    for start, stop in ((0, low), (high, shape[place])):
        if start < stop:
            outside = Index(index.name, index.role, Domain(Constant(start), Constant(stop)))
            indices = tuple(outside if i == index else i for i in wide.values())
            positions = tuple(Position(i) for i in indices)
            numbers.append(len(pieces))
            pieces.append(Define(at(FULL, positions), indices, elsewhere(positions), step.span))
    return numbers


def _some(known: Known, name: str) -> bool:
    return len(known.graph.variables[name].pieces) > 1


def _of_copies(node: Node, ring: Collection[str]) -> Node:
    if isinstance(node, Read) and node.name in ring:
        return replace(node, name=f"_{node.name}{FULL}")
    return node


def _renamed(value: Node, wide: dict[Index, Index]) -> Node:
    def one(node: Node) -> Node:
        if isinstance(node, Position) and node.index in wide:
            return Position(wide[node.index], node.span)
        return node

    return rewrite(value, one)


def _safe(
    known: Known, ring: Collection[str], step: Define, wide: dict[Index, Index], taken: Node
) -> Node:
    """Let what a step reads be read at a position that exists, where there is no step."""
    back = {new: old for old, new in wide.items()}
    mask = _renamed(taken, back)

    def one(node: Node) -> Node:
        if not isinstance(node, Read) or node.name in ring or not node.free & set(wide):
            return node
        moved = _renamed(node, wide)
        assert isinstance(moved, Read)
        if places(known, moved, finite=True) is not None:
            return node
        found = places(known, node)
        if found is None or not found[0].size:
            return node
        positions = tuple(
            Select(mask, p, Constant(int(where.flat[0]))) if p.free else p
            for p, where in zip(node.positions, found, strict=True)
        )
        return replace(node, positions=positions)

    return rewrite(step.value, one)


def _random_start(variable: Variable, piece: Piece) -> Diagnostic:
    return kinds.UNSUPPORTED(
        f"`{variable.name}` is computed step by step in a loop with limits, and starts at random: "
        "this is not supported yet",
        piece.span,
        help="give the start a name of its own, as in `start[i] ~ ...` and "
        f"`{variable.name}[i, 0] = start[i]`",
    )


def _not_plain(variable: Variable, piece: Piece) -> Diagnostic:
    return kinds.UNSUPPORTED(
        f"the steps of `{variable.name}`, in a loop with limits, are not one statement at the "
        "loops' own positions: this is not supported yet",
        piece.span,
    )
