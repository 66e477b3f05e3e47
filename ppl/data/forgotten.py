"""Data of an outcome that no statement speaks of, as where a range starts at 1: said in a note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.data import diagnostics as kinds
from ppl.data.coverage import LARGEST, is_whole, looked_at
from ppl.data.naming import Naming
from ppl.graph.graph import Graph, Piece, Sample
from ppl.text import Diagnostic

SHOWN = 3


def forgotten(
    graph: Graph,
    observed: frozenset[int],
    sizes: Mapping[str, int],
    data: Mapping[str, Any],
    naming: Naming,
) -> list[Diagnostic]:
    """Return a note for every outcome with data at positions that no statement reads or defines."""
    found: dict[str, list[Piece]] = {}
    for number in sorted(observed):
        piece = graph.pieces[number]
        if isinstance(piece, Sample) and piece.target is not None:
            found.setdefault(piece.target.name, []).append(piece)
    notes = []
    for name, pieces in found.items():
        shape = np.shape(data[name])
        if len(pieces) == 1 and is_whole(pieces[0], shape, sizes, data):
            continue
        if graph.variables[name].datum is None or np.size(data[name]) > LARGEST:
            continue
        left = ~looked_at(graph, name, sizes, data)
        if left.any():
            notes.append(_note(graph, name, left, pieces[0], naming))
    return notes


def _note(graph: Graph, name: str, left: Any, piece: Piece, naming: Naming) -> Diagnostic:
    count = int(left.sum())
    shown = ", ".join(f"`{naming.at(name, place)}`" for place in np.argwhere(left)[:SHOWN])
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    one = count == 1
    starts = bool(left.flat[0]) and left.ndim == 1
    return kinds.FORGOTTEN(
        f"no statement speaks of {shown}{more}: {'it does' if one else 'they do'} not count",
        piece.span,
        help="positions start at 0, and a range ends before its second number" if starts else None,
    )
