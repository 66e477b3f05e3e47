"""From the graph to the bound graph: data meet names, sizes become numbers, roles are decided."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ppl.constraints import Range
from ppl.data.coverage import coverage, known_bounds, looked_at, positions_in_range
from ppl.data.dataset import Array
from ppl.data.excluded import without_excluded
from ppl.data.missing import split
from ppl.data.naming import naming_of
from ppl.data.ragged import without_limits
from ppl.data.roles import (
    not_given,
    not_observed,
    not_of_latents,
    nothing_observed,
    observed_pieces,
    of_data_alone,
    roles_of,
    weighted,
    without_rows,
)
from ppl.data.rows import Known, positions_text, rows_of
from ppl.data.select import Selection, none_used
from ppl.data.sizes import find_sizes
from ppl.data.supports import faulty_arguments, outside_argument, outside_support
from ppl.data.values import filled, observed_missing, range_of, values_of
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.check import check_supports
from ppl.graph.evaluate import NotANumber, number
from ppl.graph.graph import OBSERVED, Factor, Graph
from ppl.graph.nodes import Node
from ppl.graph.require import required
from ppl.text import DataError, Diagnostic, ModelError


def bind(
    graph: Graph, selection: Selection, overrides: Mapping[str, int] | None = None
) -> BoundGraph:
    """Bind data to a graph.

    Parameters
    ----------
    graph
        The graph, built with the selection's outline.
    selection
        The data that the model uses.
    overrides
        Sizes of dimensions that the user sets.

    Raises
    ------
    DataError, ModelError
        With all that is wrong with the data, or with how the model uses them.
    """
    given = selection.variables
    if selection.unused and selection.places and not given:
        raise DataError((none_used(selection.unused, selection.places),), graph.source)
    _raise(not_given(graph, given, selection.unused), graph)
    naming = naming_of(graph, given)
    sizes, notes = find_sizes(graph, given, overrides or {})
    data: dict[str, Array] = {}
    missing: dict[str, Array] = {}
    seen: dict[str, Range | None] = {}
    errors: list[Diagnostic] = []
    for name, variable in given.items():
        if name in graph.variables:
            try:
                data[name] = values_of(graph, name, variable, sizes, naming)
            except DataError as e:
                errors.extend(e.diagnostics)
    for name, constant in graph.variables.items():
        if name.endswith(OBSERVED) and name not in data:
            of = name.removesuffix(OBSERVED)
            if of in data:
                data[name] = data[of]
            else:
                errors.append(not_observed(graph, of, constant.span))
    errors.extend(_outside_dimension(graph, sizes))
    _raise(errors, graph)
    _raise(known_bounds(graph, data, of_data_alone(graph, data)), graph)
    plain = graph = without_excluded(graph, sizes, data)
    graph, turns = without_limits(graph, sizes, data)
    data |= turns
    for name in list(data):
        seen[name] = range_of(data[name])
        gone = np.isnan(data[name]) if seen[name] is None else None
        if gone is not None and graph is not plain:
            gone = gone & looked_at(graph, name, sizes, data)
            seen[name] = range_of(data[name][~np.isnan(data[name])])
        if gone is not None and gone.any():
            if name.endswith(OBSERVED):
                errors.append(observed_missing(graph, name, gone, naming))
            missing[name] = gone
            data[name] = filled(graph, name, data[name], gone)
            seen[name] = range_of(data[name])
    _raise(errors, graph)
    observed = observed_pieces(graph, data)
    errors.extend(outside_support(graph, observed, data, missing, sizes, naming))
    errors.extend(outside_argument(graph, data, naming) or faulty_arguments(graph, sizes, data))
    errors.extend(positions_in_range(graph, sizes, data))
    errors.extend(coverage(graph, sizes, data))
    _raise(errors, graph)
    work = split(graph, sizes, data, missing, naming)
    latent = {n for n in missing if f"{n}.full" in work.graph.variables} | set(work.states)
    ranges = {n: r for n, r in seen.items() if r is not None and n not in latent and data[n].size}
    known = Known(plain, sizes, data)
    wrong = check_supports(plain, ranges, data, lambda node: _seen(known, node))
    if wrong:
        raise ModelError(wrong, graph.source)
    whole, graph, data = graph, work.graph, work.data
    observed -= {k for n in work.states for k in graph.variables[n].pieces}
    observed -= without_rows(graph, observed, sizes, data)
    latents, barren, parameters = roles_of(graph, observed, set(data))
    _raise([*weighted(graph, latents), *not_of_latents(graph, latents)], graph)
    graph, kept = required(graph, latents)
    notes.extend(kept)
    if given and not observed and not any(isinstance(p, Factor) for p in graph.pieces):
        notes.append(nothing_observed(graph, data))
    notes.extend(work.notes)
    return BoundGraph(
        graph,
        sizes,
        data,
        work.masked,
        observed,
        latents,
        barren,
        parameters,
        selection.unused,
        (*graph.notes, *selection.notes, *notes),
        whole,
    )


def _seen(known: Known, node: Node) -> Range | None:
    """Return where the values of an expression of data lie, None if data do not decide them."""
    try:
        return range_of(np.asarray(known.at(node, rows_of(known, node.free))))
    except (NotANumber, KeyError):
        return None


def _outside_dimension(graph: Graph, sizes: Mapping[str, int]) -> list[Diagnostic]:
    """Check the positions that the model says of dimensions: ``J[1]``."""
    errors = []
    for member in graph.members:
        try:
            position = number(member.position, sizes, {})
        except NotANumber:
            continue
        size = sizes.get(member.dimension, 0)
        if not 0 <= position < size:
            text = " ".join(graph.source.at(member.span).split())
            message = f"`{text}` is position {position:g}, and `{member.dimension}` has "
            message += positions_text(size)
            errors.append(graph_kinds.BAD_POSITION(message, member.span))
    return errors


def _raise(errors: list[Diagnostic], graph: Graph) -> None:
    if errors:
        raise DataError(tuple(errors), graph.source)
