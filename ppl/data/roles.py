"""Roles: what is observed, what is a latent, what nothing depends on, and what must be given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppl.data import diagnostics as kinds
from ppl.data.dataset import Variable
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Define, Factor, Graph, Sample
from ppl.graph.names import nearest
from ppl.graph.nodes import extent, reads
from ppl.graph.order import closure, parents, piece_reads
from ppl.text import Diagnostic, ModelError, Span


def observed_pieces(graph: Graph, data: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of the pieces whose left side is data."""
    known = of_data_alone(graph, data)
    found = []
    errors: list[Diagnostic] = []
    for number_, piece in enumerate(graph.pieces):
        if not isinstance(piece, Sample):
            continue
        if piece.target is not None:
            if piece.target.name in data:
                found.append(number_)
            continue
        unknown = sorted(reads(piece.density.value) - known)
        if not unknown:
            found.append(number_)
            continue
        lost = graph.variables[unknown[0]]
        random = lost.datum is None
        errors.append(
            graph_kinds.LATENT_LEFT(
                f"the left side depends on `{lost.name}`, which is not data",
                piece.density.value.span,
                help=_latent_left_help(graph, piece)
                if random
                else f"give `{lost.name}` in the data",
            )
        )
    if errors:
        raise ModelError(tuple(errors), graph.source)
    return frozenset(found)


def _latent_left_help(graph: Graph, piece: Sample) -> str:
    """Return how to write a statement whose left side is an expression with latents."""
    left = graph.source.at(piece.density.value.span or piece.span)
    density = graph.source.at(piece.density.span or piece.span)
    return "write `factor " + " ".join(f"logp({density}, {left})`".split())


def of_data_alone(graph: Graph, data: Mapping[str, Any]) -> set[str]:
    """Return the names that data alone decide."""
    known = set(data)
    above = parents(graph)
    changed = True
    while changed:
        changed = False
        for name, variable in graph.variables.items():
            if name in known or variable.parameter or variable.datum:
                continue
            pieces = [graph.pieces[k] for k in variable.pieces]
            if pieces and all(isinstance(p, Define) for p in pieces) and above[name] <= known:
                known.add(name)
                changed = True
    return known


def _is_term(piece: Sample) -> bool:
    """Return whether a statement adds to the joint and draws nothing: ``Density(expr)``."""
    record = piece.density.record
    return not record.normalised and bool(record.parameters)


def roles_of(
    graph: Graph, observed: frozenset[int], given: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return latents, barren variables, and learned parameters that take part."""
    starts: set[str] = set()
    for number_, piece in enumerate(graph.pieces):
        if number_ in observed or isinstance(piece, Factor):
            starts |= piece_reads(piece)
        elif isinstance(piece, Sample) and piece.target and _is_term(piece):
            starts |= {piece.target.name, *piece_reads(piece)}
    edges = {n: p for n, p in parents(graph).items() if n not in given}
    above = closure(starts, edges)
    random = [
        n
        for n, v in graph.variables.items()
        if n not in given and any(isinstance(graph.pieces[k], Sample) for k in v.pieces)
    ]
    latents = tuple(n for n in random if n in above)
    barren = tuple(n for n in random if n not in above)
    parameters = tuple(
        n for n, v in graph.variables.items() if v.parameter is not None and n not in given
    )
    return latents, barren, parameters


def not_given(
    graph: Graph, given: Mapping[str, Variable], unused: Sequence[str]
) -> list[Diagnostic]:
    """Report declared data without a distribution that are not given."""
    errors = []
    for name, variable in graph.variables.items():
        if variable.datum is not None and name not in given and not variable.pieces:
            near = [n for n in unused if n.lower() == name.lower()]
            meant = near[0] if near else nearest(name, unused)
            errors.append(
                kinds.NO_SUCH_DATA(
                    f"`{variable.name}` is declared as data, and no data give it",
                    variable.span,
                    f"the data have `{meant}`: is that meant?" if meant else "",
                    help=f"rename one of them: `{variable.name}` and `{meant}`"
                    if meant
                    else f"give a file that has it, or `{variable.name}=FILE`",
                )
            )
    return errors


def not_observed(graph: Graph, name: str, span: Span) -> Diagnostic:
    """Return the error for `observed(name)` of a name that no data give."""
    written = graph.variables[name].name
    return graph_kinds.NOT_OBSERVED(
        f"`observed({written})` needs data for `{written}`, which is not observed",
        span,
        help=f"give `{written}` in the data, and declare it: `data {written}[...]`",
    )


def not_of_latents(graph: Graph, latents: Sequence[str]) -> list[Diagnostic]:
    """Report what is required of data alone."""
    edges = parents(graph)
    return [
        graph_kinds.NEVER(
            "this condition depends on no latent",
            piece.span,
            help="what data must fulfil is declared with them, as in `data x[N] > 0`",
        )
        for piece in graph.pieces
        if isinstance(piece, Factor)
        and piece.required
        and not closure(reads(piece.value), edges) & set(latents)
    ]


def weighted(graph: Graph, latents: Iterable[str]) -> list[Diagnostic]:
    """Refuse weights of latents."""
    errors = []
    for name in latents:
        for piece in (graph.pieces[k] for k in graph.variables[name].pieces):
            if isinstance(piece, Sample) and piece.weight is not None and piece.target is not None:
                span = piece.density.span or piece.span
                prior = " ".join(graph.source.at(span).split())
                target = " ".join(graph.source.at(piece.target.span or piece.span).split())
                weight = " ".join(graph.source.at(piece.weight.span or piece.span).split())
                errors.append(
                    kinds.WEIGHTED_LATENT(
                        f"`{graph.variables[name].name}` is a latent, and weights are of "
                        "observations",
                        piece.weight.span or piece.span,
                        help=f"leave out the weight; for a stronger prior, add `factor ({weight} "
                        f"- 1) * logp({prior}, {target})`",
                    )
                )
    return errors


def without_rows(
    graph: Graph, observed: frozenset[int], sizes: Mapping[str, int], data: Mapping[str, Any]
) -> frozenset[int]:
    """Return the statements over dimensions without positions: nothing is learned from them."""
    found = []
    for k in observed:
        piece = graph.pieces[k]
        assert isinstance(piece, Sample)
        lengths = (
            extent(i.domain)
            for i in (*piece.indices, *piece.density.event)
            if not i.domain.within and not reads(extent(i.domain)) - data.keys()
        )
        try:
            if any(integer(length, sizes, data) == 0 for length in lengths):
                found.append(k)
        except NotANumber:
            continue
    return frozenset(found)


def nothing_observed(graph: Graph, data: Mapping[str, Any]) -> Diagnostic:
    """Return the warning that no data are observed."""
    empty = [v for n, v in graph.variables.items() if n in data and v.pieces]
    if empty:
        return kinds.NOTHING_OBSERVED(
            f"nothing is observed: `{empty[0].name}` has no rows",
            empty[0].span,
            help="the answer is the prior; give data to learn from",
        )
    lost = [v for v in graph.variables.values() if v.datum is not None and v.pieces]
    if lost:
        return kinds.NOTHING_OBSERVED(
            f"nothing is observed: the data do not give `{lost[0].name}`",
            lost[0].span,
            help="to predict it, fit the model to data that have it first",
        )
    return kinds.NOTHING_OBSERVED(
        "nothing is observed: no statement `~` has data on its left",
        help="give the observed variable in the data under the name that the model has for it",
    )
