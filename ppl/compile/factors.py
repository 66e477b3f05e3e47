"""Which factors the discrete latents take part in, as tables with the positions they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.branches import weighted, where_present
from ppl.compile.densities import log_density
from ppl.compile.eliminate import Factor as FactorTable
from ppl.compile.eliminate import NotAChain, Plan, TooLarge, plan
from ppl.compile.numeric import defined_positions, evaluate, extent_of, substitute_definition
from ppl.compile.program import Step, Table
from ppl.distributions.component import Component, Part
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber
from ppl.graph.graph import Define, Factor, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    LogDensity,
    Node,
    Position,
    Read,
    Select,
    rewrite,
    walk,
)
from ppl.graph.order import piece_reads
from ppl.graph.show import node_text
from ppl.graph.substitute import NotPlain
from ppl.graph.wrapped import with_bounds
from ppl.text import ModelError, Span


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
    states = {name: _states(bound, name) for name in discrete}
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
    try:
        return steps, plan(found, states, positions)
    except TooLarge as e:
        names = ", ".join(f"`{bound.graph.variables[n].name}`" for n in e.names)
        raise _error(
            bound,
            kinds.TOO_LARGE(
                f"summing out {names} needs a table of {e.entries:.3g} numbers for every draw",
                bound.graph.variables[e.names[0]].span,
                help="couple fewer of its positions with one another, or give it fewer states",
            ),
        ) from None
    except NotAChain as e:
        variable = bound.graph.variables[e.name]
        raise _error(
            bound,
            kinds.UNSUPPORTED(
                f"`{variable.name}` is coupled with itself other than along a chain: this is not "
                "supported yet",
                variable.span,
            ),
        ) from None


def _error(bound: BoundGraph, diagnostic: object) -> ModelError:
    return ModelError((diagnostic,), bound.graph.source)  # type: ignore[arg-type]


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
        case Define():
            return False


def _states(bound: BoundGraph, name: str) -> int:
    """Return the number of states that a discrete latent can have, counted from 0."""
    largest = 0
    for number in bound.samples(name):
        piece = bound.graph.pieces[number]
        assert isinstance(piece, Sample)
        count = _count(bound, with_bounds(piece.density, piece.suffix))
        if count is None:
            raise _error(
                bound,
                kinds.UNBOUNDED(
                    f"`{bound.graph.variables[name].name}` is a latent with infinitely many values "
                    f"({piece.density.distribution})",
                    piece.span,
                    help="latents are summed out where their values are few: Categorical, "
                    "Bernoulli, Binomial of known size, DiscreteUniform between known bounds",
                ),
            )
        largest = max(largest, count)
    if not largest:
        raise _error(
            bound,
            kinds.UNKNOWN_SIZE(
                f"`{bound.graph.variables[name].name}` has no possible value",
                bound.graph.variables[name].span,
                help="the dimension of its probabilities has size 0",
            ),
        )
    return largest


def _count(bound: BoundGraph, density: LogDensity) -> int | None:
    component = Component(
        Part(density.record, density.alternative),
        tuple(
            _known_or_nan(bound, argument, event)
            for argument, event in zip(density.arguments, density.events, strict=True)
        ),
    )
    try:
        with np.errstate(all="ignore"):
            count = component.states()
    except ValueError:
        return None
    return None if count is None else int(count)


def _known_or_nan(bound: BoundGraph, argument: Node, event: Sequence[Index]) -> NDArray[Any]:
    """Return an argument's values, NaN where data do not decide them."""
    try:
        free = sorted(argument.free - set(event), key=lambda i: i.serial)
        return evaluate(argument, (*free, *event), bound)
    except (NotANumber, NotPlain):
        return np.full([extent_of(i, bound)[1] for i in event], np.nan)


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

    def state(node: Node) -> Node:
        if not isinstance(node, Read) or node.name not in states:
            return node
        key = (node.name, *map(node_text, node.positions))
        if key not in keys:
            domain = Domain(Constant(0), Constant(states[node.name]))
            keys[key] = node, Index(node.name, "state", domain, node.span)
        return Position(keys[key][1], node.span)

    def plain(node: Node) -> Node:
        return rewrite(_inlined(bound, node, states, shadowed), state)

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
        case Define():
            raise AssertionError("a definition is not a factor")
    node = rewrite(node, _without_slope_at_edges)
    plates = piece.indices
    axes = tuple(index for _, index in keys.values())
    places = [_places(bound, read, plates, piece.span) for read, _ in keys.values()]
    rows = int(np.prod([extent_of(i, bound)[1] for i in plates], dtype=int))
    repeated = not (node.free & set(plates))
    key = f"factor.{number}"
    table = Table(key, node, plates, axes, repeated, piece.span)
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


def _inlined(
    bound: BoundGraph, node: Node, states: dict[str, int], shadowed: frozenset[str]
) -> Node:
    """Put the definitions of what is computed from discrete latents in its place."""
    while True:
        found = {
            n.name
            for n in walk(node)
            if isinstance(n, Read) and n.name in shadowed and n.name not in states
        }
        if not found:
            return node

        def one(n: Node) -> Node:
            if not isinstance(n, Read) or n.name not in found:  # noqa: B023
                return n
            pieces = [bound.graph.pieces[k] for k in bound.graph.variables[n.name].pieces]
            try:
                whole = (
                    substitute_definition(pieces[0], n.positions)
                    if len(pieces) == 1 and isinstance(pieces[0], Define)
                    else None
                )
            except NotPlain:
                whole = None
            if whole is None:
                raise _error(
                    bound,
                    kinds.UNSUPPORTED(
                        f"`{bound.graph.variables[n.name].name}` is computed from discrete latents "
                        "in a way that is not supported yet",
                        bound.graph.variables[n.name].span,
                    ),
                )
            return whole

        node = rewrite(node, one)


def _places(bound: BoundGraph, read: Read, plates: Sequence[Index], span: Span) -> NDArray[np.intp]:
    """Return the flat position that a read of a discrete latent has in each row."""
    shape = bound.shape(read.name)
    rows = tuple(extent_of(i, bound)[1] for i in plates)
    if not shape:
        return np.zeros(rows, dtype=np.intp)
    try:
        each = [evaluate(p, plates, bound).astype(np.intp) for p in read.positions]
    except (NotANumber, NotPlain):
        raise _error(
            bound,
            kinds.UNSUPPORTED(
                f"a position of `{bound.graph.variables[read.name].name}` that is not data is not "
                "supported yet",
                read.span or span,
            ),
        ) from None
    return np.ravel_multi_index(tuple(each), shape).astype(np.intp)
