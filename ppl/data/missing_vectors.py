"""Missing vectors, and missing parts of vectors: the exact law of the rest, or latents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppl.constraints import real
from ppl.data.dataset import Array
from ppl.data.missing_words import note, part_of_vector
from ppl.data.split import Split, completed, mask_of, pick, places_of, reading
from ppl.distributions.known import PARTLY_KNOWN, SUFFIX
from ppl.graph.graph import Axis, Sample
from ppl.graph.nodes import (
    Constant,
    Domain,
    Index,
    LogDensity,
    Position,
    Read,
)
from ppl.graph.ranges import standard_arguments
from ppl.graph.trace import Traced
from ppl.text import Diagnostic


def vectors_apart(
    work: Split, name: str, gone: Array, number: int, *, depended: bool
) -> Diagnostic | None:
    """Leave out whole vectors; of a part of one, take the exact law of the rest."""
    piece = work.graph.pieces[number]
    variable = work.graph.variables[name]
    assert isinstance(piece, Sample)
    assert piece.target is not None
    event = set(piece.density.event)
    axes = tuple(k for k, p in enumerate(piece.target.positions) if p.free & event)
    lost_rows = gone.all(axis=axes, keepdims=True)
    partly = bool((gone & ~lost_rows).any())
    law = f"{piece.density.distribution}{SUFFIX}"
    if depended:
        if piece.density.record.support is not real or len(event) != 1:
            return part_of_vector(work.graph, variable, gone, work.naming)
        _vector_latent(work, name, gone, number)
    elif law in PARTLY_KNOWN and len(event) == 1:
        _marginal(work, name, gone, number, law)
    elif partly:
        return part_of_vector(work.graph, variable, gone, work.naming)
    else:
        _whole_rows(work, name, gone, number)
    work.notes.append(note(work.graph.variables[name], gone, work.naming, latent=depended))
    return None


def _vector_latent(work: Split, name: str, gone: Array, number: int) -> None:
    """Let missing entries be latents in the density of their whole vectors."""
    places = np.argwhere(gone)
    places_of(work, name, places)
    mask_of(work, name, gone)
    reading(work, name, f"{name}.full", values_of=(number,))
    index = Index("missing", "plate", Domain(Constant(0), Constant(len(places))))
    target = Read(f"{name}.missing", (Position(index),))
    span = work.graph.variables[name].span
    flat = LogDensity("Flat", None, target, (), (), ())
    added = work.add(Sample(target, (index,), flat, None, None, span))
    axes = [Axis(None, Constant(len(places)))]
    work.declare(f"{name}.missing", name, axes, [added], local=False)
    completed(work, name, places, gone)


def _marginal(work: Split, name: str, gone: Array, number: int, law: str) -> None:
    """Put the law of the known entries in the place of that of all, and draw the others."""
    piece = work.graph.pieces[number]
    assert isinstance(piece, Sample)
    assert piece.target is not None
    mask_of(work, name, gone)
    given = [
        a if isinstance(a, Traced) else Traced(Constant(float(a)))  # type: ignore[arg-type]
        for a in standard_arguments(piece.density)
    ]
    (last,) = piece.density.event
    present = Read(f"{name}.present", piece.target.positions)
    density = replace(
        piece.density,
        distribution=law,
        alternative=None,
        arguments=(present, piece.target, *(t.node for t in given)),
        events=((last,), (last,), *(t.event for t in given)),
    )
    pieces = list(work.graph.pieces)
    pieces[number] = replace(piece, density=density)
    work.graph = replace(work.graph, pieces=tuple(pieces))
    drawn = Read(f"{name}.drawn", piece.target.positions)
    completed = replace(piece, target=drawn, density=replace(density, value=drawn), weight=None)
    added = work.add(completed)
    work.declare(f"{name}.drawn", name, work.graph.variables[name].axes, [added], local=True)
    pick(work, name, f"{name}.drawn", np.argwhere(gone))


def _whole_rows(work: Split, name: str, gone: Array, number: int) -> None:
    """Leave whole vectors out, and draw them."""
    piece = work.graph.pieces[number]
    assert isinstance(piece, Sample)
    assert piece.target is not None
    mask_of(work, name, gone)
    work.masked[name] = gone
    drawn = Read(f"{name}.drawn", piece.target.positions)
    completed = replace(
        piece, target=drawn, density=replace(piece.density, value=drawn), weight=None
    )
    added = work.add(completed)
    work.declare(f"{name}.drawn", name, work.graph.variables[name].axes, [added], local=True)
    pick(work, name, f"{name}.drawn", np.argwhere(gone))
