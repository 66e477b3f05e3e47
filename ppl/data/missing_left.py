"""Missing values in an expression of data on the left: their rows get the weight 0.

``log(y) ~ Normal(m, s)`` observes the logarithms of y. Where y is missing, so is the row.
"""

from __future__ import annotations

from dataclasses import replace

from ppl.data.dataset import Array
from ppl.data.missing_words import left_out
from ppl.data.split import Split, mask_of
from ppl.graph.graph import Define, Piece, Sample
from ppl.graph.nodes import Apply, Constant, Index, Node, Position, Read, walk
from ppl.graph.order import piece_reads
from ppl.graph.substitute import NotPlain, substitute


def rows_left_out(work: Split, name: str, gone: Array) -> bool:
    """Leave out the rows whose left side reads a missing value; False where that cannot be.

    It can where the name is read nowhere but on left sides, each row reading its own values.
    """
    pieces: list[Piece] = list(work.graph.pieces)
    carriers = {name}
    for piece in pieces:
        if isinstance(piece, Define) and name in piece_reads(piece):
            carriers.add(piece.target.name)
    for number, piece in enumerate(pieces):
        if not carriers & piece_reads(piece):
            continue
        if isinstance(piece, Define) and piece.target.name in carriers:
            continue
        if not isinstance(piece, Sample) or not _on_the_left_only(piece, carriers):
            return False
        present = _present(work, name, piece.density.value, frozenset(piece.indices))
        if present is None:
            return False
        weight = present if piece.weight is None else Apply("multiply", (piece.weight, present))
        pieces[number] = replace(piece, weight=weight)
    work.graph = replace(work.graph, pieces=tuple(pieces))
    mask_of(work, name, gone)
    work.masked[name] = gone
    work.notes.append(left_out(work.graph.variables[name], gone, work.naming))
    return True


def _on_the_left_only(piece: Sample, carriers: set[str]) -> bool:
    if piece.target is not None or piece.density.event:
        return False
    elsewhere = replace(piece, density=replace(piece.density, value=Constant(0.0)))
    return not carriers & piece_reads(elsewhere)


def _present(work: Split, name: str, value: Node, rows: frozenset[Index]) -> Node | None:
    """Return 1 in the rows whose left side has all its values, 0 elsewhere."""
    found: list[Node] = []
    for read in walk(value):
        if not isinstance(read, Read):
            continue
        if read.name == name:
            if not read.free <= rows:
                return None
            found.append(Read(f"{name}.present", read.positions))
            continue
        for number in work.graph.variables[read.name].pieces:
            define = work.graph.pieces[number]
            if not isinstance(define, Define) or name not in piece_reads(define):
                continue
            inner = _through(work, name, define, read)
            if inner is None:
                return None
            found.append(inner)
    node: Node = Constant(1.0)
    for one in found:
        node = one if isinstance(node, Constant) else Apply("multiply", (node, one))
    return node


def _through(work: Split, name: str, define: Define, read: Read) -> Node | None:
    """Return the same for a name that `=` defines, at the positions where it is read."""
    if len(work.graph.variables[read.name].pieces) > 1:
        return None
    places = dict(zip(define.target.positions, read.positions, strict=True))
    if not all(isinstance(p, Position) for p in places):
        return None
    inner = _present(work, name, define.value, frozenset(define.indices))
    if inner is None:
        return None
    try:
        return substitute(
            inner, {p.index: at for p, at in places.items() if isinstance(p, Position)}
        )
    except NotPlain:
        return None
