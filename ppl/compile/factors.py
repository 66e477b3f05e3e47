"""Which factors the discrete latents take part in, as tables with the positions they speak of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ppl.compile.branches import weighted, where_present
from ppl.compile.densities import log_density
from ppl.compile.eliminate import plan
from ppl.compile.numeric import defined_positions, evaluate, extent_of
from ppl.compile.program import Step, Table
from ppl.compile.state_counts import counts_of_states, error_in, inlined
from ppl.compile.tables import TILT, Plan, TooLarge
from ppl.compile.tables import Factor as FactorTable
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber
from ppl.graph.graph import Define, Factor, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Select,
    Stack,
    rewrite,
    walk,
)
from ppl.graph.order import piece_reads
from ppl.graph.show import node_text
from ppl.graph.substitute import NotPlain, substitute
from ppl.text import Span


def discrete_latents(bound: BoundGraph) -> tuple[str, ...]:
    """Return the latents that are summed out."""
    found = []
    for name in bound.latents:
        pieces = [bound.graph.pieces[k] for k in bound.samples(name)]
        if any(isinstance(p, Sample) and p.density.record.discrete for p in pieces):
            found.append(name)
    return tuple(found)


def factors(
    bound: BoundGraph,
    discrete: Sequence[str],
    shadowed: frozenset[str],
    certain: frozenset[str],
) -> tuple[list[Step], Plan]:
    """Return the tables of all factors that speak of discrete latents, and how to eliminate them.

    Raises
    ------
    ModelError
        If a latent has no bound on its states, or the tables would be too large.
    """
    states = counts_of_states(bound, discrete, shadowed)
    steps: list[Step] = []
    found: list[FactorTable] = []
    for number, piece in enumerate(bound.graph.pieces):
        if not _takes_part(bound, number, piece, discrete, shadowed):
            continue
        step, factor = _factor(bound, number, piece, states, shadowed, certain)
        steps.append(step)
        found.append(factor)
    for name in discrete:
        absent = np.flatnonzero(~defined_positions(name, bound))
        if len(absent):
            step, factor = _pinned(name, absent, states[name])
            steps.append(step)
            found.append(factor)
    positions = {n: int(np.prod(bound.shape(n), dtype=int)) for n in discrete}
    for name, count in positions.items():
        places = np.arange(count, dtype=np.intp)[:, None]
        found.append(FactorTable(f"{name}{TILT}", (name,), places, repeated=False))
    try:
        return steps, plan(found, states, positions)
    except TooLarge as e:
        names = ", ".join(f"`{bound.graph.variables[n].name}`" for n in e.names)
        raise error_in(
            bound,
            kinds.TOO_LARGE(
                f"summing out {names} needs a table of {e.entries:.3g} numbers for every draw",
                bound.graph.variables[e.names[0]].span,
                help="couple fewer of its positions with one another, or give it fewer states",
            ),
        ) from None


def _takes_part(
    bound: BoundGraph, number: int, piece: Piece, discrete: Sequence[str], shadowed: frozenset[str]
) -> bool:
    match piece:
        case Factor():
            return bool(piece_reads(piece) & shadowed)
        case Sample(target=target):
            own = target is not None and target.name in discrete
            active = number in bound.observed or (
                target is not None and target.name in bound.latents
            )
            return own or (active and bool(piece_reads(piece) & shadowed))
        case Define(target=target):
            return target.name in discrete


def _factor(
    bound: BoundGraph,
    number: int,
    piece: Piece,
    states: dict[str, int],
    shadowed: frozenset[str],
    certain: frozenset[str],
) -> tuple[Step, FactorTable]:
    """Return a piece as a table over the states of what it speaks of."""
    keys: dict[tuple[str, ...], tuple[Read, Index]] = {}
    plates = frozenset(piece.indices)

    def state(node: Node) -> Node:
        if not isinstance(node, Read) or node.name not in states:
            return node
        if node.free - plates:
            return _side_by_side(
                bound, node, min(node.free - plates, key=lambda i: i.serial), state
            )
        key = (node.name, *map(node_text, node.positions))
        if key not in keys:
            domain = Domain(Constant(0), Constant(states[node.name]))
            keys[key] = node, Index(node.name, "state", domain, node.span)
        return Position(keys[key][1], node.span)

    def plain(node: Node) -> Node:
        return rewrite(inlined(bound, node, states, shadowed), state)

    match piece:
        case Sample(density=density):
            value = replace(
                density,
                value=plain(density.value),
                arguments=tuple(map(plain, density.arguments)),
            )
            inside = piece.target is not None and piece.target.name in bound.latents
            inside = inside and piece.target is not None and piece.target.name not in states
            node = log_density(value, replace(piece, density=value), inside=inside, data=certain)
            if piece.target is not None and piece.target.name in bound.missing:
                node = where_present(piece, node)
            if piece.weight is not None:
                node = weighted(plain(piece.weight), node)
        case Factor(value=inner):
            node = plain(inner)
        case Define(target=target, value=inner):
            own = plain(Read(target.name, target.positions, piece.span))
            same = Apply("equal", (own, plain(inner)))
            node = Select(same, Constant(0.0), Constant(-math.inf))
    node = rewrite(node, _without_slope_at_edges)
    axes = tuple(index for _, index in keys.values())
    guarded = any(isinstance(n, Select) for n in walk(node))
    places = [
        _places(bound, read, piece.indices, piece.span, guarded=guarded)
        for read, _ in keys.values()
    ]
    rows = int(np.prod([extent_of(i, bound)[1] for i in piece.indices], dtype=int))
    repeated = not (node.free & plates)
    key = f"factor.{number}"
    table = Table(key, node, piece.indices, axes, repeated, piece.span)
    where = np.stack([p.reshape(rows) for p in places], axis=1)
    return table, FactorTable(key, tuple(r.name for r, _ in keys.values()), where, repeated)


def _pinned(name: str, absent: NDArray[np.intp], states: int) -> tuple[Step, FactorTable]:
    """Return the table that pins positions that do not exist to the first state."""
    row = Index(name, "plate", Domain(Constant(0), Constant(len(absent))))
    state = Index(name, "state", Domain(Constant(0), Constant(states)))
    first = Apply("equal", (Position(state), Constant(0)))
    node = Select(first, Constant(0.0), Constant(-np.inf))
    key = f"{name}.absent"
    table = Table(key, node, (row,), (state,), True, None)
    return table, FactorTable(key, (name,), absent[:, None], True)


def _without_slope_at_edges(node: Node) -> Node:
    """Let a state of probability 0 have no gradient: 0 · inf must not spoil the others'."""
    if isinstance(node, Apply) and node.atom == "log":
        return replace(node, atom="log_to_edge")
    return node


def _side_by_side(
    bound: BoundGraph, read: Read, index: Index, state: Callable[[Node], Node]
) -> Node:
    """Return a read that goes over an index as the reads at each of its positions.

    The index is that of a sum, of an axis, or of the states of the latent that says which position
    is read.
    """
    try:
        start, count = extent_of(index, bound)
    except (NotANumber, ValueError):
        raise error_in(
            bound,
            kinds.UNSUPPORTED(
                f"reading `{bound.graph.variables[read.name].name}` over a range whose bounds "
                "differ from row to row is not supported yet",
                read.span or index.span,
            ),
        ) from None
    items = tuple(
        state(
            replace(
                read, positions=tuple(substitute(p, {index: Constant(k)}) for p in read.positions)
            )
        )
        for k in range(start, start + count)
    )
    return Stack(index, items, read.span)


def _places(
    bound: BoundGraph, read: Read, plates: Sequence[Index], span: Span, *, guarded: bool
) -> NDArray[np.intp]:
    """Return the flat position that a read of a discrete latent has in each row.

    What a condition guards may read beyond the ends, where it is not looked at.
    """
    shape = bound.shape(read.name)
    rows = tuple(extent_of(i, bound)[1] for i in plates)
    if not shape:
        return np.zeros(rows, dtype=np.intp)
    try:
        each = [evaluate(p, plates, bound).astype(np.intp) for p in read.positions]
    except (NotANumber, NotPlain):
        raise error_in(
            bound,
            kinds.UNSUPPORTED(
                f"a position of `{bound.graph.variables[read.name].name}` that is not data is not "
                "supported yet",
                read.span or span,
            ),
        ) from None
    variable = bound.graph.variables[read.name].name
    for position, size, node in zip(each, shape, read.positions, strict=True):
        beyond = (position < 0) | (position >= size)
        if not guarded and beyond.any():
            raise error_in(
                bound,
                kinds.BAD_POSITION(
                    f"`{variable}` is read at {position[beyond][0]}, and has the positions 0 to "
                    f"{size - 1}",
                    node.span or read.span or span,
                ),
            )
    return np.asarray(np.ravel_multi_index(tuple(each), shape, mode="clip"), dtype=np.intp)
