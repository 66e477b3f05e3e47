"""From the bound graph to a program: latents get columns, densities become nodes.

Decides how each latent is parametrised, in which order things are computed, and what is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ppl.compile.after import draws_of
from ppl.compile.branches import guarded, present_at, weighted, where_present
from ppl.compile.computed import defined, recurrence
from ppl.compile.densities import log_density, support_contains
from ppl.compile.factors import discrete_latents, factors
from ppl.compile.latents import add_latent, add_parameter
from ppl.compile.lowering import Lowering
from ppl.compile.noise import driven
from ppl.compile.numeric import defined_positions
from ppl.compile.program import (
    Eliminate,
    Inside,
    Program,
    RowSum,
    StateDraw,
    Step,
    Term,
)
from ppl.compile.recurrences import (
    groups,
    without_locals,
)
from ppl.compile.tables import Chain, SumOut
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    LogDensity,
    Node,
    reads,
    rewrite,
)
from ppl.graph.order import closure, parents, piece_reads, topological
from ppl.text import ModelError

REPORT_AT_MOST = 500
"""Deterministic quantities with more numbers are not reported unless asked for."""


def lower(bound: BoundGraph, partly_centred: frozenset[str] = frozenset()) -> Program:
    """Lower a bound graph.

    Parameters
    ----------
    bound
        The graph.
    partly_centred
        Latents of location and scale whose degree of centring is data, ``NAME.centring``.

    Raises
    ------
    ModelError
        Where the model needs what this version does not carry.
    """
    bound = replace(bound, graph=without_densities(bound.graph))
    barren = bound.barren
    made = driven(bound, barren, {})
    left = tuple(name for name in barren if name not in made.names)
    bound = replace(bound, graph=made.graph, barren=left)
    low = Lowering(bound, partly_centred=partly_centred)
    graph = bound.graph
    for name in graph.variables:
        low.shapes[name] = bound.shape(name)
    low.shapes.update(made.shapes)
    uncertain = uncertain_names(replace(bound, barren=barren))
    low.uncertain = frozenset(uncertain)
    low.discrete = discrete_latents(bound)
    low.shadowed = frozenset(_descendants(bound, low.discrete))
    for name in bound.parameters:
        add_parameter(low, name)
    partly = [n for n in bound.latents if n not in low.discrete and _is_partly_defined(graph, n)]
    computed = [
        name
        for name, variable in graph.variables.items()
        if any(isinstance(graph.pieces[k], Define) for k in variable.pieces)
        and name not in bound.latents
        and name not in bound.barren
    ]
    low.bound = bound = without_locals(bound, [*computed, *partly])
    recurrent = groups(bound, [*computed, *partly], definitions=True)
    low.leader |= {name: names[0] for names in recurrent for name in names}
    for name in bound.latents:
        if name not in low.discrete and name not in low.leader:
            add_latent(low, name, uncertain)
    for names in recurrent:
        recurrence(low, names)
    for name in computed:
        if name not in low.leader:
            defined(low, name)
    for name, draws in made.draws.items():
        leader = low.leader.get(name, name)
        low.values[leader] = [*draws, *low.values[leader]]
    _observations(low)
    drawn = _summed_out(low)
    order = in_order(low)
    steps = [*low.unpacked]
    needed = _needed(low)
    for name in order:
        if name in needed and name not in low.shadowed:
            steps.extend(low.values.get(name, ()))
            steps.extend(low.terms.get(name, ()))
    steps.extend(low.loose)
    after: list[Step] = [*drawn]
    for name in order:
        if name in bound.barren:
            after.extend(draws_of(low, name))
        elif name not in needed or name in low.shadowed:
            after.extend(low.values.get(name, ()))
    return Program(
        tuple(steps),
        _reported(low, uncertain, barren),
        frozenset(_descendants(bound, (*low.discrete, *barren))),
        tuple(after),
        tuple(low.columns),
        low.shapes,
        tuple(low.choices),
        {n: m for n in low.discrete if not (m := defined_positions(n, bound)).all()},
    )


def without_densities(graph: Graph) -> Graph:
    """Lower the densities inside expressions (``logp``), and make branches safe."""

    def one(node: Node) -> Node:
        return log_density(node, None, inside=False) if isinstance(node, LogDensity) else node

    def plain(node: Node) -> Node:
        return guarded(rewrite(node, one))

    def piece(old: Piece) -> Piece:
        match old:
            case Sample(density=density):
                arguments = tuple(map(plain, density.arguments))
                return replace(old, density=replace(density, arguments=arguments))
            case Define(value=value) | Factor(value=value):
                return replace(old, value=plain(value))

    return replace(graph, pieces=tuple(map(piece, graph.pieces)))


def _descendants(bound: BoundGraph, names: Iterable[str]) -> set[str]:
    """Return discrete latents and what is computed from them: known only draw by draw."""
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
        if name not in bound.data and pieces and all(isinstance(p, Define) for p in pieces):
            for parent in above:
                children.setdefault(parent, set()).add(name)
    return closure(names, children)


def uncertain_names(bound: BoundGraph) -> set[str]:
    """Return the names whose values differ from draw to draw."""
    random = frozenset((*bound.latents, *bound.barren, *bound.parameters))
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        if name not in bound.data:
            for parent in above:
                children.setdefault(parent, set()).add(name)
    return closure(random, children)


def _needed(low: Lowering) -> set[str]:
    """Return the names that the log joint needs."""
    bound = low.bound
    starts = set(bound.latents) | set(bound.parameters) | set(bound.data)
    for number, piece in enumerate(bound.graph.pieces):
        if isinstance(piece, Factor) or number in bound.observed:
            starts |= piece_reads(piece)
    edges = {n: p for n, p in parents(bound.graph).items() if n not in bound.barren}
    return closure(starts, edges)


def in_order(low: Lowering) -> list[str]:
    """Order all names so that each can be computed from those before it."""
    bound = low.bound
    edges = parents(bound.graph)
    for name in bound.data:
        if not bound.samples(name):
            edges[name] = set()
    edges = collapsed(edges, low.leader)
    order = topological(bound.graph.variables, edges)
    if not isinstance(order, set):
        return order
    free = {n for n in bound.latents if n not in low.noncentred}
    edges = {n: set() if n in free or n in bound.data else p for n, p in edges.items()}
    for name in [*free, *bound.data]:
        low.loose.extend(low.terms.pop(name, ()))
    again = topological(bound.graph.variables, edges)
    if not isinstance(again, set):
        return again
    spans = [bound.graph.variables[n].span for n in sorted(again)]
    names = ", ".join(f"`{bound.graph.variables[n].name}`" for n in sorted(again))
    raise ModelError((kinds.CYCLE(f"{names} depend on one another", spans[0]),), bound.graph.source)


def collapsed(edges: Mapping[str, set[str]], leaders: Mapping[str, str]) -> dict[str, set[str]]:
    """Return dependencies where each group of names is computed with its leader."""
    result = dict(edges)
    for name, leader in leaders.items():
        result[leader] = result[leader] | result[name]
    for name, leader in leaders.items():
        group = {n for n, other in leaders.items() if other == leader}
        result[name] = result[leader] - group if name == leader else {leader}
    return result


def _is_partly_defined(graph: Graph, name: str) -> bool:
    """Return whether ``=`` defines positions of a name."""
    return any(isinstance(graph.pieces[k], Define) for k in graph.variables[name].pieces)


def _summed_out(low: Lowering) -> list[Step]:
    """Add the elimination of the discrete latents; returns the steps that draw their states."""
    if not low.discrete:
        return []
    tables, found = factors(low.bound, low.discrete, low.shadowed, low.certain)
    low.loose.extend(tables)
    low.loose.extend(map(Eliminate, found.operations))
    low.loose.extend(RowSum(f.key) for f in found.rest)
    low.choices.extend(f"{name} summed out" for name in low.discrete)
    draws = tuple(o for o in reversed(found.operations) if isinstance(o, SumOut | Chain))
    return [StateDraw(low.discrete, draws, tuple(low.shapes[n] for n in low.discrete))]


def _observations(low: Lowering) -> None:
    bound = low.bound
    for number, piece in enumerate(bound.graph.pieces):
        if piece_reads(piece) & low.shadowed:
            continue
        if isinstance(piece, Factor):
            low.loose.append(Term("likelihood", piece.value, piece.indices, piece.span, number))
        elif number in bound.observed:
            assert isinstance(piece, Sample)
            node = log_density(piece.density, piece, inside=False, data=low.certain)
            low.loose.extend(_checks(low, piece))
            name = piece.target.name if piece.target is not None else None
            if name in bound.missing and piece.target is not None:
                node = where_present(piece, node)
            if piece.weight is not None:
                node = weighted(piece.weight, node)
            term = Term("likelihood", node, piece.indices, piece.span, number)
            if name is None:
                low.loose.append(term)
            else:
                low.terms.setdefault(name, []).append(term)


def _checks(low: Lowering, piece: Sample) -> list[Step]:
    """Return a check of observed values where the data decide their support."""
    found = support_contains(piece.density, piece)
    if found is None or reads(found[0]) - low.certain:
        return []
    inside, target = found[0], piece.target
    if target is not None and target.name in low.bound.missing:
        inside = Apply("logical_or", (inside, Apply("logical_not", (present_at(piece),))))
    name = target.name if target is not None else "the left side"
    return [Inside(inside, piece.indices, name, found[1], piece.span)]


def _reported(low: Lowering, uncertain: set[str], barren: Sequence[str]) -> tuple[str, ...]:
    """Return what the answer shows: latents, then what is computed from them, then draws."""
    bound = low.bound
    found = [n for n in bound.latents if f"{n}.missing" not in bound.graph.variables]
    for name, variable in bound.graph.variables.items():
        hidden = variable.local or name.startswith("_")
        size = int(np.prod(low.shapes[name], dtype=int))
        computed = (
            (name in low.values or name in low.leader)
            and name not in bound.latents
            and name not in bound.data
            and name not in barren
        )
        if (
            computed
            and name in uncertain
            and not hidden
            and name not in bound.parameters
            and size <= REPORT_AT_MOST
        ):
            found.append(name)
    found.extend(n for n in barren if not n.endswith(".drawn"))
    return tuple(found)
