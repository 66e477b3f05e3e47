"""From the graph to the bound graph: data meet names, sizes become numbers, roles are decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ppl.constraints import Constraint, Range, bounded
from ppl.data import diagnostics as kinds
from ppl.data.coverage import (
    coverage,
    known_bounds,
    looked_at,
    places_of,
    positions_in_range,
    window_of,
)
from ppl.data.dataset import Array, Variable
from ppl.data.excluded import without_excluded
from ppl.data.missing import split
from ppl.data.missing_words import are_missing
from ppl.data.naming import Naming, naming_of
from ppl.data.ragged import without_limits
from ppl.data.rows import Known, positions_text, rows_of
from ppl.data.select import Selection, none_used
from ppl.data.sizes import find_sizes
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.check import check_supports
from ppl.graph.densities import parameters_of
from ppl.graph.evaluate import NotANumber, integer, number
from ppl.graph.graph import OBSERVED, Define, Factor, Graph, Sample, Suffix
from ppl.graph.names import nearest
from ppl.graph.nodes import Constant, LogDensity, Node, Position, Read, extent, reads, walk
from ppl.graph.order import closure, parents, piece_reads
from ppl.graph.ranges import needed, support_of
from ppl.graph.require import required
from ppl.graph.wrapped import simple_densities
from ppl.text import DataError, Diagnostic, ModelError, Span

BLOCK = 1 << 14
"""Rows of data that are looked at together: those mapped from a file are never held whole."""


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
    _refuse_not_given(graph, given, selection.unused)
    naming = naming_of(graph, given)
    sizes, notes = find_sizes(graph, given, overrides or {})
    data: dict[str, Array] = {}
    missing: dict[str, Array] = {}
    errors: list[Diagnostic] = []
    for name, variable in given.items():
        if name in graph.variables:
            try:
                data[name] = _values(graph, name, variable, sizes, naming)
            except DataError as e:
                errors.extend(e.diagnostics)
    for name, constant in graph.variables.items():
        if name.endswith(OBSERVED) and name not in data:
            of = name.removesuffix(OBSERVED)
            if of in data:
                data[name] = data[of]
            else:
                errors.append(_not_observed(graph, of, constant.span))
    errors.extend(_outside_dimension(graph, sizes))
    _raise(errors, graph)
    _raise(known_bounds(graph, data, _of_data_alone(graph, data)), graph)
    plain = graph = without_excluded(graph, sizes, data)
    graph, turns = without_limits(graph, sizes, data)
    data |= turns
    for name in list(data):
        gone = np.isnan(data[name]) if data[name].dtype.kind == "f" else None
        if gone is not None and gone.any() and graph is not plain:
            gone = gone & looked_at(graph, name, sizes, data)
        if gone is not None and gone.any():
            if name.endswith(OBSERVED):
                errors.append(_observed_missing(graph, name, gone, naming))
            missing[name] = gone
            data[name] = _filled(graph, name, data[name], gone)
    _raise(errors, graph)
    observed = _observed(graph, data)
    errors.extend(_outside_support(graph, observed, data, missing, sizes, naming))
    errors.extend(_outside_argument(graph, data, naming) or _faulty_arguments(graph, sizes, data))
    errors.extend(positions_in_range(graph, sizes, data))
    errors.extend(coverage(graph, sizes, data))
    _raise(errors, graph)
    work = split(graph, sizes, data, missing, naming)
    latent = {n for n in missing if f"{n}.full" in work.graph.variables} | set(work.states)
    ranges = {n: _range(v) for n, v in data.items() if n not in latent and v.size}
    known = Known(plain, sizes, data)
    wrong = check_supports(plain, ranges, data, lambda node: _seen(known, node))
    if wrong:
        raise ModelError(wrong, graph.source)
    whole, graph, data = graph, work.graph, work.data
    observed -= {k for n in work.states for k in graph.variables[n].pieces}
    observed -= _without_rows(graph, observed, sizes, data)
    latents, barren, parameters = _roles(graph, observed, set(data))
    _raise([*_weighted(graph, latents), *_not_of_latents(graph, latents)], graph)
    graph, kept = required(graph, latents)
    notes.extend(kept)
    if given and not observed and not any(isinstance(p, Factor) for p in graph.pieces):
        notes.append(_nothing_observed(graph, data))
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


def _not_observed(graph: Graph, name: str, span: Span) -> Diagnostic:
    written = graph.variables[name].name
    return graph_kinds.NOT_OBSERVED(
        f"`observed({written})` needs data for `{written}`, which is not observed",
        span,
        help=f"give `{written}` in the data, and declare it: `data {written}[...]`",
    )


def _not_of_latents(graph: Graph, latents: Sequence[str]) -> list[Diagnostic]:
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


def _weighted(graph: Graph, latents: Iterable[str]) -> list[Diagnostic]:
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


def _refuse_not_given(graph: Graph, given: Mapping[str, Variable], unused: Sequence[str]) -> None:
    """Refuse declared data without a distribution that are not given."""
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
    _raise(errors, graph)


# ---------------------------------------------------------------------------------------- values


def _values(
    graph: Graph, name: str, variable: Variable, sizes: Mapping[str, int], naming: Naming
) -> Array:
    """Return a variable's values as the model counts them."""
    datum = graph.variables[name].datum
    values = variable.values
    text = variable.first_text()
    if text is not None and _is_calculated_with(graph, name):
        place, label = text
        raise _error(
            graph,
            kinds.TEXT(
                f"`{Naming().at(name, place)}` is the text {label!r} in {variable.origin}, and the "
                "model calculates with it",
                graph.variables[name].span,
                help=_text_help(graph, name, variable),
            ),
        )
    if datum is not None and datum.missing is not None:
        values = np.where(values == datum.missing, np.nan, values)
    if datum is not None and datum.positions is not None:
        return _positions(graph, name, variable, values, sizes, naming)
    if datum is not None and datum.suffix is not None:
        constraint = _with_numbers(datum.suffix, sizes)
        if constraint is not None:
            _check_member(graph, name, values, constraint, naming)
    if values.dtype.kind in "iub" and _is_position(graph, name):
        return values
    result: Array = np.asarray(values, dtype=np.float64)
    return result


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text_help(graph: Graph, name: str, variable: Variable) -> str:
    """Return what to do with texts."""
    labels = variable.labels or ()
    if any(map(_is_number, labels)):
        return "mend the data; a missing value is an empty cell of a table, and null in JSON"
    if graph.variables[name].pieces:
        coded = ", ".join(f"{label} as {k}" for k, label in enumerate(labels[:3]))
        return f"give numbers for it, for example {coded}"
    group = name.capitalize() if name.islower() else f"{name}s"
    return (
        f"texts can only be positions: if they are groups, declare `data {name}[...] in {group}` "
        f"and read `a[{name}]`; if not, mend the data"
    )


def _positions(
    graph: Graph,
    name: str,
    variable: Variable,
    values: Array,
    sizes: Mapping[str, int],
    naming: Naming,
) -> Array:
    datum = graph.variables[name].datum
    assert datum is not None
    assert datum.positions is not None
    labelled = variable.first_text() is not None
    origin = 0 if labelled else datum.origin
    size = sizes[datum.positions]
    bad = (values != np.floor(values)) | (values < origin) | (values >= origin + size)
    bad &= ~np.isnan(values)
    if np.any(bad):
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        value = values[place]
        help = None
        if origin == 0 and values.min() >= 1 and values.max() == size:
            axes = ", ".join(a.dimension or "..." for a in graph.variables[name].axes)
            help = f"if the data count from 1, declare `{name}[{axes}] in {datum.positions} from 1`"
        elif origin == 1 and values.min() == 0:
            help = "if the data count from 0, leave out `from 1`"
        raise _error(
            graph,
            kinds.VALUE(
                f"`{naming.at(name, place)}` is {value:g}, and not a position in "
                f"`{datum.positions}`, "
                + (
                    f"which has the positions {origin} to {origin + size - 1}"
                    if size
                    else "which has none"
                ),
                datum.span,
                help=help,
            ),
        )
    if np.isnan(values).any():
        return np.asarray(values - origin, dtype=np.float64)
    return np.asarray(values - origin if origin else values, dtype=np.int64)


def _error(graph: Graph, diagnostic: Diagnostic) -> DataError:
    return DataError((diagnostic,), graph.source)


def _check_member(
    graph: Graph, name: str, values: Array, constraint: Constraint, naming: Naming
) -> None:
    with np.errstate(invalid="ignore"):
        inside = np.asarray(constraint.contains(values))
    if constraint.event_ndim == 0:
        inside = inside | np.isnan(values)
    if not inside.all():
        place = tuple(int(i) for i in np.argwhere(~inside)[0])
        value = values[place]
        shown = value_text(value)
        raise _error(
            graph,
            kinds.VALUE(
                f"`{naming.at(name, place)}` is {shown}, and the model declares "
                f"{constraint.phrase}",
                graph.variables[name].span,
            ),
        )


def _with_numbers(suffix: Suffix, sizes: Mapping[str, int]) -> Constraint | None:
    """Return a declared set with numbers for its bounds, None if sizes do not decide them."""
    if not _varies(suffix.lower) and not _varies(suffix.upper):
        return suffix.constraint
    try:
        lower, upper = (
            None if b is None else float(number(b, sizes, {})) for b in (suffix.lower, suffix.upper)
        )
    except NotANumber:
        return None
    return bounded(lower, upper, suffix.open)


def _is_position(graph: Graph, name: str) -> bool:
    """Return whether a name is read as a position somewhere, and nowhere as a number."""
    return not _is_calculated_with(graph, name)


def _is_calculated_with(graph: Graph, name: str) -> bool:
    """Return whether a name is read other than as a position."""
    inside: set[int] = set()
    outside = False
    for piece in graph.pieces:
        match piece:
            case Sample(density=density, target=target):
                roots: tuple[Node, ...] = (density, *(() if target is None else target.positions))
            case Define(value=value) | Factor(value=value):
                roots = (value,)
        for node in walk(*roots):
            if isinstance(node, Read):
                inside |= {id(p) for p in node.positions}
        for node in walk(*roots):
            if isinstance(node, Read) and node.name == name and id(node) not in inside:
                outside = True
    return outside


def _seen(known: Known, node: Node) -> Range | None:
    """Return where the values of an expression of data lie, None if data do not decide them."""
    try:
        return _range(np.asarray(known.at(node, rows_of(known, node.free))))
    except (NotANumber, KeyError):
        return None


def _range(values: Array) -> Range:
    rows = np.atleast_1d(values)
    parts = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
    whole = values.dtype.kind in "iub" or all(bool(np.all(p == np.floor(p))) for p in parts)
    low, high = min(float(p.min()) for p in parts), max(float(p.max()) for p in parts)
    return Range(low, high, integer=whole)


def _observed_missing(graph: Graph, name: str, gone: Array, naming: Naming) -> Diagnostic:
    """Return the error for missing values of what is read as a constant."""
    of = name.removesuffix(OBSERVED)
    return kinds.MISSING(
        f"{are_missing(of, gone, naming)}, and `observed({of})` reads all of them",
        graph.variables[name].span,
        help="leave the rows out",
    )


def _filled(graph: Graph, name: str, values: Array, gone: Array) -> Array:
    """Return values with one of the known in the place of each missing."""
    filled = values.copy()
    filled[gone] = values[~gone].flat[0] if (~gone).any() else 0.0
    datum = graph.variables[name].datum
    if datum is not None and datum.positions is not None:
        return np.asarray(filled, dtype=np.int64)
    return filled


# ----------------------------------------------------------------------------------------- roles


def _observed(graph: Graph, data: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of the pieces whose left side is data."""
    known = _of_data_alone(graph, data)
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


def _of_data_alone(graph: Graph, data: Mapping[str, Any]) -> set[str]:
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


def _roles(
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


# ---------------------------------------------------------------------------------------- checks


def _outside_support(
    graph: Graph,
    observed: frozenset[int],
    data: Mapping[str, Array],
    missing: Mapping[str, Array],
    sizes: Mapping[str, int],
    naming: Naming,
) -> list[Diagnostic]:
    """Check observed values against the supports of their distributions, where those are known."""
    errors: list[Diagnostic] = []
    for number_ in sorted(observed):
        piece = graph.pieces[number_]
        assert isinstance(piece, Sample)
        if piece.target is None:
            continue
        support = _known_support(piece, sizes, data)
        if support is None:
            continue
        name = piece.target.name
        window: tuple[Any, ...] | None = window_of(piece.target, sizes, data)
        if window is None and support.event_ndim == 0:
            window = places_of(graph, piece, sizes, data)
        values = data[name] if window is None else data[name][window]
        inside = np.asarray(support.contains(np.asarray(values, float)))
        if name in missing:
            gone = missing[name] if window is None else missing[name][window]
            inside = inside | gone.any(axis=tuple(range(inside.ndim, gone.ndim)))
        if inside.all():
            continue
        place = tuple(int(i) for i in np.argwhere(~inside)[0])
        value = values[place]
        at: Any = np.indices(data[name].shape)
        at = at if window is None else at[(slice(None), *window)]
        shown = naming.at(name, tuple(int(i) for i in at[(slice(None), *place)]))
        number_text = value_text(value)
        errors.append(
            kinds.VALUE(
                f"`{shown}` is {number_text}, but `{name} ~ {piece.density.distribution}` needs "
                f"{support.phrase}",
                piece.target.span or piece.span,
                help=value_help(graph, piece, np.asarray(values, float)),
            )
        )
    return errors


def value_help(graph: Graph, piece: Sample, values: Array) -> str | None:
    """Return what to do where data count from 1 and the distribution from 0."""
    span = piece.density.span
    if span is None or piece.target is None or not values.size or values.min() != 1:
        return None
    whole = bool(np.all(values == np.floor(values)))
    name, density = piece.target.name, " ".join(graph.source.at(span).split())
    if piece.density.distribution == "Bernoulli" and values.max() == 2:
        return f"if the data are 1 and 2, write `{name} - 1 ~ {density}`"
    if piece.density.distribution == "Categorical" and whole:
        return f"positions count from 0: if the data count from 1, write `{name} - 1 ~ {density}`"
    return None


def _outside_argument(graph: Graph, data: Mapping[str, Array], naming: Naming) -> list[Diagnostic]:
    """Check data that stand as arguments of distributions, each name once."""
    errors: dict[str, Diagnostic] = {}
    for piece in graph.pieces:
        if not isinstance(piece, Sample):
            continue
        for density, argument, parameter, needs in _arguments(piece):
            name = argument.name if isinstance(argument, Read) and _is_whole(argument) else ""
            if name not in data or name in errors:
                continue
            values: Array = np.asarray(data[name], dtype=np.float64)
            if values.ndim < needs.event_ndim or not values.size:
                continue
            inside = np.asarray(needs.contains(values))
            if not inside.all():
                place = tuple(int(i) for i in np.argwhere(~inside)[0])
                errors[name] = kinds.VALUE(
                    f"`{naming.at(name, place)}` is {value_text(values[place])}, but "
                    f"`{density.distribution}` needs {needs.phrase} (its `{parameter}`)",
                    argument.span or piece.span,
                )
    return list(errors.values())


def _faulty_arguments(
    graph: Graph, sizes: Mapping[str, int], data: Mapping[str, Array]
) -> list[Diagnostic]:
    """Ask distributions what is wrong with data that are their arguments, taken together."""
    errors = []
    for piece in graph.pieces:
        for density in simple_densities(piece.density) if isinstance(piece, Sample) else ():
            fault = density.record.fault
            first = density.arguments[0] if density.arguments else None
            if fault is None or first is None:
                continue
            values = [_whole_data(a, data) for a in density.arguments]
            if values[0] is None:
                continue
            shape = tuple(integer(extent(i.domain), sizes, data) for i in density.event)
            problem = fault(shape, *values)
            if problem is not None:
                origin, named = "", f"{values[0]:g}" if np.ndim(values[0]) == 0 else ""
                if isinstance(first, Read):
                    datum = graph.variables[first.name].datum
                    origin = " (positions counted from 0)" if datum and datum.origin else ""
                    named = first.name
                errors.append(kinds.VALUE(f"`{named}` {problem}{origin}", first.span or piece.span))
    return errors


def _whole_data(argument: Node, data: Mapping[str, Array]) -> Array | None:
    """Return an argument that is a number or all of an array of data."""
    match argument:
        case Constant(value=value):
            return np.asarray(value)
        case Read(name=name, positions=positions) if name in data:
            return data[name] if all(isinstance(p, Position) for p in positions) else None
        case _:
            return None


def _arguments(piece: Sample) -> Iterator[tuple[LogDensity, Node, str, Constraint]]:
    """Yield every argument with its distribution, its name and where it must lie."""
    for density in simple_densities(piece.density):
        names = parameters_of(density.record, density.alternative)
        for each in zip(density.arguments, names, needed(density), strict=True):
            yield density, *each


def _is_whole(node: Node) -> bool:
    """Return whether all positions of a name are read."""
    return isinstance(node, Read) and all(
        isinstance(p, Position) and p.index.domain.dimension is not None for p in node.positions
    )


def value_text(value: Any) -> str:
    """Return a number, vector or matrix of data as messages show it, on one line."""
    if np.ndim(value) == 0:
        return f"{value:g}"
    rows = [*map(value_text, value[:6]), *(["..."] if len(value) > 6 else [])]
    return f"[{', '.join(rows)}]"


def _without_rows(
    graph: Graph, observed: frozenset[int], sizes: Mapping[str, int], data: Mapping[str, Array]
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


def _nothing_observed(graph: Graph, data: Mapping[str, Array]) -> Diagnostic:
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


def _known_support(
    piece: Sample, sizes: Mapping[str, int], data: Mapping[str, Array]
) -> Constraint | None:
    """Return the support as numbers; None where latents or rows of data decide it."""
    record = piece.density.record
    if isinstance(record.support, Constraint):
        if piece.suffix is not None and (
            _varies(piece.suffix.lower) or _varies(piece.suffix.upper)
        ):
            return record.support
        return support_of(piece)
    if piece.density.alternative is not None:
        return None
    try:
        arguments = [number(a, sizes, data) for a in piece.density.arguments]
    except NotANumber:
        support = support_of(piece)
        return _at_least(support.range) if support.event_ndim == 0 else None
    support = record.support(*arguments)
    return support if isinstance(support, Constraint) else None


def _at_least(range: Range) -> Constraint | None:
    """Return the numbers that a range does not exclude: its bounds, as far as they are known."""
    low, high = range.lower > -np.inf, range.upper < np.inf
    if not low and not high:
        return None
    opened = (range.lower_open, range.upper_open)
    return bounded(range.lower, range.upper, opened)


def _varies(node: Node | None) -> bool:
    return node is not None and not isinstance(node, Constant)
