"""How many states discrete latents have, and what is computed from them put in its place."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.numeric import evaluate, extent_of, substitute_definition
from ppl.distributions.component import Component, Part
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber
from ppl.graph.graph import Define, Piece, Sample
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
    subtract,
    walk,
)
from ppl.graph.order import closure, piece_reads
from ppl.graph.substitute import NotPlain
from ppl.graph.wrapped import with_bounds
from ppl.text import Diagnostic, ModelError

ROUNDS = 4
"""Numbers of states that still grow after so many rounds have no bound."""


def error_in(bound: BoundGraph, diagnostic: Diagnostic) -> ModelError:
    """Return a diagnostic as an error of the model."""
    return ModelError((diagnostic,), bound.graph.source)


def counts_of_states(
    bound: BoundGraph, discrete: Sequence[str], shadowed: frozenset[str]
) -> dict[str, int]:
    """Return the number of states that each discrete latent can have, counted from 0.

    A number may follow from those of others, or of earlier positions: ``Binomial(n[t - 1], p)``.

    Raises
    ------
    ModelError
        If a latent has no bound on its states, or no state.
    """
    known: dict[str, int] = {}
    for _ in range(len(discrete) + ROUNDS):
        before = dict(known)
        for name in discrete:
            counts = [_fixed(bound, name)]
            counts += [
                _count(bound, piece, known, discrete, shadowed) for piece in _laws(bound, name)
            ]
            found = [count for count in counts if count is not None]
            if found:
                known[name] = max(known.get(name, 0), *found)
        if known == before:
            break
    for name in discrete:
        for piece in _laws(bound, name):
            count = _count(bound, piece, known, discrete, shadowed)
            if count is None or count > known[name]:
                raise _unbounded(bound, name, piece)
        if not known[name]:
            raise error_in(
                bound,
                kinds.UNKNOWN_SIZE(
                    f"`{bound.graph.variables[name].name}` has no possible value",
                    bound.graph.variables[name].span,
                    help="the dimension of its probabilities has size 0",
                ),
            )
    return known


def _fixed(bound: BoundGraph, name: str) -> int | None:
    """Return what number of states the positions need that ``=`` fixes by data."""
    largest = None
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Define):
            free = sorted(piece.value.free, key=lambda i: i.serial)
            try:
                top = int(np.max(evaluate(piece.value, free, bound), initial=0)) + 1
            except (NotANumber, NotPlain):
                continue
            largest = max(largest or 0, top)
    return largest


def _laws(bound: BoundGraph, name: str) -> list[Sample]:
    pieces = [bound.graph.pieces[number] for number in bound.samples(name)]
    return [piece for piece in pieces if isinstance(piece, Sample)]


def _unbounded(bound: BoundGraph, name: str, piece: Sample) -> ModelError:
    return error_in(
        bound,
        kinds.UNBOUNDED(
            f"`{bound.graph.variables[name].name}` is a latent whose number of values has no known "
            f"bound ({piece.density.distribution})",
            piece.span,
            help="latents are summed out where their values are few: Categorical, "
            "Bernoulli, Binomial of known size, DiscreteUniform between known bounds",
        ),
    )


def _count(
    bound: BoundGraph,
    piece: Sample,
    known: Mapping[str, int],
    discrete: Sequence[str],
    shadowed: frozenset[str],
) -> int | None:
    """Return a law's number of states, None where it has no bound that is known."""

    def state(node: Node) -> Node:
        if not isinstance(node, Read) or node.name not in known:
            return node
        domain = Domain(Constant(0), Constant(known[node.name]))
        return Position(Index(node.name, "state", domain, node.span), node.span)

    density: LogDensity = with_bounds(piece.density, piece.suffix)
    values = []
    for argument, event in zip(density.arguments, density.events, strict=True):
        plain = rewrite(inlined(bound, argument, discrete, shadowed), state)
        values.append(_known_or_nan(bound, plain, event))
    try:
        with np.errstate(all="ignore"):
            count = Component(Part(density.record, density.alternative), tuple(values)).states()
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


def inlined(
    bound: BoundGraph, node: Node, states: Container[str], shadowed: frozenset[str]
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
        for name in found:
            _check_ends(bound, name, states, shadowed)

        def one(n: Node) -> Node:
            if not isinstance(n, Read) or n.name not in found:  # noqa: B023
                return n
            pieces = [bound.graph.pieces[k] for k in bound.graph.variables[n.name].pieces]
            try:
                whole = _definition(pieces, n.positions)
            except NotPlain:
                whole = None
            if whole is None:
                raise error_in(
                    bound,
                    kinds.UNSUPPORTED(
                        f"`{bound.graph.variables[n.name].name}` is computed from discrete latents "
                        "in a way that is not supported yet",
                        bound.graph.variables[n.name].span,
                    ),
                )
            return whole

        node = rewrite(node, one)


def _check_ends(
    bound: BoundGraph, name: str, states: Container[str], shadowed: frozenset[str]
) -> None:
    """Refuse a name that is computed from its own earlier positions: writing it out has no end."""
    variables, pieces = bound.graph.variables, bound.graph.pieces
    edges = {
        n: {
            other
            for k in variables[n].pieces
            for other in piece_reads(pieces[k])
            if other in shadowed and other not in states
        }
        for n in shadowed
        if n in variables and n not in states
    }
    if name not in closure(edges.get(name, ()), edges):
        return
    shown = variables[name].name
    raise error_in(
        bound,
        kinds.UNSUPPORTED(
            f"`{shown}` is computed step by step from discrete latents: this is not supported yet",
            variables[name].span,
            help="write it out, as in `sum(z[s] for s in 0:t)`",
        ),
    )


def _definition(pieces: Sequence[Piece], positions: tuple[Node, ...]) -> Node | None:
    """Return the value of a name at positions, by the piece that defines them; None if unknown."""
    whole: Node | None = None
    for piece in reversed(pieces):
        if not isinstance(piece, Define):
            return None
        fixed = [
            (target, position)
            for target, position in zip(piece.target.positions, positions, strict=True)
            if not target.free
        ]
        value = substitute_definition(piece, positions)
        if value is None:
            return None
        if whole is None:
            whole = value
            continue
        inside: Node = Constant(1)
        for target, position in fixed:
            inside = Apply("logical_and", (inside, Apply("equal", (position, target))))
        for target, position in zip(piece.target.positions, positions, strict=True):
            for index in target.free:
                shift = subtract(target, Position(index))
                here = subtract(position, shift)
                for bound in (
                    Apply("greater_equal", (here, index.domain.start)),
                    Apply("less", (here, index.domain.stop)),
                ):
                    inside = Apply("logical_and", (inside, bound))
        whole = Select(inside, value, whole)
    return whole
