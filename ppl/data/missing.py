"""Missing values become indices: the graph is rewritten so that nothing after it knows of them.

A name ``x`` with missing values is written as what it is: values that are known, and a variable
``x.missing`` with one entry for each that is not, which has the distribution that the model gives
those positions. Where nothing reads ``x``, that variable is a prediction like any other, drawn
after the fit; where something does, it is a latent, and what reads ``x`` reads ``x.full`` instead,
which takes each position from where it is known. Discrete values that others depend on are a
discrete latent of which some states are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ppl.data import diagnostics as kinds
from ppl.data.coverage import span_of_position, window_of
from ppl.data.dataset import Array
from ppl.data.missing_left import rows_left_out
from ppl.data.missing_vectors import vectors_apart
from ppl.data.missing_words import are_missing, no_distribution, note, part_of_vector
from ppl.data.naming import Naming
from ppl.data.rows import Known, places, rows_of
from ppl.data.split import (
    Split,
    completed,
    mask_of,
    over,
    owners_of,
    pick,
    places_of,
    reading,
    with_ends,
)
from ppl.data.touched import touched
from ppl.graph.evaluate import integer
from ppl.graph.graph import Axis, Define, Factor, Graph, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Select,
    subtract,
)
from ppl.graph.order import piece_reads
from ppl.graph.substitute import NotPlain, substitute
from ppl.text import DataError, Diagnostic, PplError


def split(
    graph: Graph,
    sizes: Mapping[str, int],
    data: Mapping[str, Array],
    missing: Mapping[str, Array],
    naming: Naming,
) -> Split:
    """Take apart what is known and what is missing.

    Parameters
    ----------
    data
        Arrays, with some value of the support in the place of each missing one.
    missing
        Names → where values are missing.
    naming
        How messages call them.

    Raises
    ------
    DataError, ModelError
        Where missing values have no distribution and are read, or cannot be left out.
    """
    work = Split(graph, sizes, dict(data), naming)
    errors: list[Diagnostic] = []
    for name, gone in missing.items():
        try:
            problem = _one(work, name, gone)
        except PplError as error:
            errors.extend(error.diagnostics)
            continue
        if problem is not None:
            errors.append(problem)
    if errors:
        raise DataError(tuple(errors), graph.source)
    return work


def _one(work: Split, name: str, gone: Array) -> Diagnostic | None:
    """Take one name apart; returns an error where that cannot be."""
    graph = work.graph
    variable = graph.variables[name]
    samples = [k for k in variable.pieces if isinstance(graph.pieces[k], Sample)]
    owners = owners_of(work, name, samples)
    bare = gone & (owners < 0)
    if bare.any():
        read = bare & touched(graph, name, gone.shape, work.sizes, work.data)
        if read.any():
            if not samples and rows_left_out(work, name, gone):
                return None
            return no_distribution(graph, variable, read, work.naming)
    gone = gone & (owners >= 0)
    if not gone.any():
        return None
    pieces = [graph.pieces[k] for k in samples]
    records = [p.density.record for p in pieces if isinstance(p, Sample)]
    advice = next((r.missing for r in records if r.missing), None)
    if advice is not None:
        return kinds.MISSING(
            f"{are_missing(name, gone, work.naming)}, and `{name}` is "
            f"`{pieces[0].density.distribution}`",  # type: ignore[union-attr]
            variable.span,
            help=advice,
        )
    depended = any(name in piece_reads(p) for p in graph.pieces)
    vectors = [len(p.density.event) for p in pieces if isinstance(p, Sample)]
    if depended and any(isinstance(p, Sample) and p.weight is not None for p in pieces):
        return kinds.MISSING(
            f"{are_missing(name, gone, work.naming)}, other quantities depend on `{name}`, and "
            "its rows have weights",
            variable.span,
            help="leave these rows out",
        )
    if any(r.discrete for r in records) and depended:
        return _known_states(work, name, gone, vectors)
    if not any(vectors):
        return _numbers(work, name, gone, owners, depended=depended)
    if len(samples) > 1 or any(isinstance(p, Sample) and p.suffix for p in pieces):
        return part_of_vector(graph, variable, gone, work.naming)
    return vectors_apart(work, name, gone, samples[0], depended=depended)


# --------------------------------------------------------------------------------------- numbers


def _numbers(
    work: Split, name: str, gone: Array, owners: Array, *, depended: bool
) -> Diagnostic | None:
    """Let every missing number be an entry of a variable of its own."""
    places = np.argwhere(gone)
    rank = [int(owners[tuple(p)]) for p in places]
    order = np.argsort(rank, kind="stable")
    places = places.reshape(len(places), gone.ndim)[order]
    places_of(work, name, places)
    mask_of(work, name, gone)
    if depended:
        reading(work, name, f"{name}.full")
    numbers = np.sort(np.asarray(rank))
    new: list[int] = []
    for number in dict.fromkeys(numbers.tolist()):
        first, last = np.searchsorted(numbers, [number, number + 1])
        domain = Domain(Constant(int(first)), Constant(int(last)))
        index = Index("missing", "plate", domain)
        piece = work.graph.pieces[number]
        assert isinstance(piece, Sample)
        new.append(work.add(_at_rows(work, name, number, piece, index)))
    drawn = all(
        isinstance(p, Sample) and (p.density.record.normalised or _has_ends(p))
        for p in (work.graph.pieces[k] for k in new)
    )
    if depended or drawn:
        axes = [Axis(None, Constant(len(places)))]
        work.declare(f"{name}.missing", name, axes, new, local=False)
        if depended:
            completed(work, name, places, gone)
    else:
        kept = work.graph.pieces[: len(work.graph.pieces) - len(new)]
        work.graph = replace(work.graph, pieces=kept)
    work.masked[name] = gone
    work.notes.append(note(work.graph.variables[name], gone, work.naming, latent=depended))
    return None


def _has_ends(piece: Sample) -> bool:
    suffix = piece.suffix
    return suffix is not None and suffix.lower is not None and suffix.upper is not None


def _at_rows(work: Split, name: str, number: int, piece: Sample, index: Index) -> Sample:
    """Return a statement at the missing rows only, over their index."""
    assert piece.target is not None
    here = Position(index)
    names = _turns(work, name, number, piece.target, here)
    for axis, position in enumerate(piece.target.positions):
        for old in position.free - set(names):
            reach = span_of_position(position, work.sizes, work.data)
            assert reach is not None
            shift = reach[0] - integer(old.domain.start, work.sizes, work.data)
            names[old] = subtract(Read(f"{name}.at.{axis}", (here,)), Constant(shift))
    target = Read(f"{name}.missing", (here,), piece.target.span)
    counter = iter(range(100))

    def at(node: Node) -> Node:
        try:
            return substitute(node, names)
        except NotPlain:
            return substitute(_named(work, name, number, next(counter), node), names)

    arguments = tuple(map(at, piece.density.arguments))
    density = replace(piece.density, value=target, arguments=arguments)
    made = replace(piece, target=target, indices=(index,), density=density, weight=None)
    return with_ends(made, at)


def _turns(work: Split, name: str, number: int, target: Read, here: Node) -> dict[Index, Node]:
    """Return where each missing entry stands among the turns of loops that are listed.

    Empty where the statement covers a range of each axis, whose positions say it themselves.
    """
    if window_of(target, work.sizes, work.data) is not None:
        return {}
    known = Known(work.graph, work.sizes, work.data)
    turns, found = rows_of(known, target.free), places(known, target)
    assert found is not None
    shape = work.data[name].shape
    row = np.zeros(shape, dtype=np.intp)
    row[found] = np.arange(len(found[0]))
    entries = tuple(work.data[f"{name}.at.{axis}"] for axis in range(len(shape)))
    names: dict[Index, Node] = {}
    for place, (index, positions) in enumerate(turns.items()):
        key = f"{name}.{number}.turn.{place}"
        work.data[key] = positions[row[entries]]
        work.declare(key, name, [Axis(None, Constant(len(entries[0])))], local=True)
        names[index] = Read(key, (here,))
    return names


def _named(work: Split, name: str, number: int, counter: int, node: Node) -> Node:
    """Give a node that cannot be taken row by row a name of its own, and read that."""
    key = f"{name}.{number}.argument.{counter}"
    indices = tuple(sorted(node.free, key=lambda i: i.serial))
    starts = [integer(i.domain.start, work.sizes, work.data) for i in indices]
    stops = [integer(i.domain.stop, work.sizes, work.data) for i in indices]
    positions = tuple(
        subtract(Position(i), Constant(a)) for i, a in zip(indices, starts, strict=True)
    )
    span = work.graph.variables[name].span
    added = work.add(Define(Read(key, positions), indices, node, span))
    axes = [Axis(None, Constant(b - a)) for a, b in zip(starts, stops, strict=True)]
    work.declare(key, name, axes, [added], local=True)
    return Read(key, positions)


# ---------------------------------------------------------------------------------------- states


def _known_states(work: Split, name: str, gone: Array, vectors: Sequence[int]) -> Diagnostic | None:
    """Let discrete data be a discrete latent, of which the known states are evidence."""
    variable = work.graph.variables[name]
    if any(vectors):
        return part_of_vector(work.graph, variable, gone, work.naming)
    first = work.graph.pieces[variable.pieces[0]]
    assert isinstance(first, Sample)
    if first.density.record.states is None:
        return kinds.MISSING(
            f"{are_missing(name, gone, work.naming)}, other quantities depend on `{name}`, and a "
            f"`{first.density.distribution}` has too many values to sum over",
            variable.span,
            help="leave these rows out",
        )
    mask_of(work, name, gone)
    known = f"{name}.known"
    work.data[known] = work.data.pop(name)
    work.declare(known, name, variable.axes, local=True)
    indices = tuple(over(a) for a in variable.axes)
    here = tuple(map(Position, indices))
    same = Apply("equal", (Read(name, here), Read(known, here)))
    fits = Select(same, Constant(0.0), Constant(-np.inf))
    present = Apply("greater", (Read(f"{name}.present", here), Constant(0)))
    work.add(Factor(indices, Select(present, fits, Constant(0.0)), variable.span))
    pick(work, name, name, np.argwhere(gone))
    work.states.append(name)
    work.notes.append(note(work.graph.variables[name], gone, work.naming, latent=True))
    return None
