"""From a row of pieces to lines that are not too long.

A row that does not fit is broken at its own commas, else before the operators of a sum or looser,
else inside its largest brackets; the parts are set in the same way. Lines that begin with an
operator, or stand in brackets, continue the line before, so breaking never changes the meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ppl.syntax.unparse import CLOSE, COMMA, OPEN, POWER, SUM, Break, Piece, flat

WIDTH = 100
STEP = "  "


def layout(row: Sequence[Piece], margin: str, behind: str = "") -> list[str]:
    """Return the lines of a row.

    Parameters
    ----------
    row
        Texts and breaks.
    margin
        Spaces before the first line; those after it get more.
    behind
        Text to put behind the last line, such as a comma.
    """
    line = margin + flat(row) + behind
    if len(line) <= WIDTH:
        return [line]
    breaks = [piece for _, piece in _outer(row) if piece is not OPEN]
    if COMMA in breaks:
        return _parts(row, lambda piece: piece is COMMA, margin, behind)
    loosest = min((piece.level for piece in breaks if _operator(piece)), default=POWER)
    if loosest <= SUM or (loosest < POWER and OPEN not in row):
        return _parts(
            row, lambda piece: _operator(piece) and piece.level == loosest, margin, behind
        )
    return _inside(row, margin, behind)


def _operator(piece: Break) -> bool:
    return piece.level > 0


def _outer(row: Sequence[Piece]) -> list[tuple[int, Break]]:
    """Return the breaks outside all brackets, and the openings of outermost brackets."""
    depth, found = 0, []
    for i, piece in enumerate(row):
        if not isinstance(piece, Break):
            continue
        if piece is CLOSE:
            depth -= 1
        elif depth == 0:
            found.append((i, piece))
        depth += piece is OPEN
    return found


def _parts(
    row: Sequence[Piece], chosen: Callable[[Break], bool], margin: str, behind: str
) -> list[str]:
    """Break a row at all chosen breaks outside brackets; the later parts are set in."""
    places = [i for i, piece in _outer(row) if chosen(piece)]
    lines: list[str] = []
    for start, end in zip([-1, *places], [*places, len(row)], strict=True):
        last = end == len(row)
        inner = margin + STEP if lines else margin
        lines += layout(row[start + 1 : end], inner, behind if last else "")
    return lines


def _inside(row: Sequence[Piece], margin: str, behind: str) -> list[str]:
    """Break inside the largest brackets; without brackets, let the line be long."""
    spans = [(i, _closing(row, i)) for i, piece in _outer(row) if piece is OPEN]
    if not spans:
        return [margin + flat(row) + behind]
    start, end = max(spans, key=lambda span: len(flat(row[span[0] : span[1]])))
    lines = [margin + flat(row[:start])]
    inside = row[start + 1 : end]
    commas = [i for i, piece in _outer(inside) if piece is COMMA]
    for first, last in zip([-1, *commas], [*commas, len(inside)], strict=True):
        lines += layout(inside[first + 1 : last], margin + STEP)
    return [*lines, margin + flat(row[end + 1 :]) + behind]


def _closing(row: Sequence[Piece], opening: int) -> int:
    depth = 0
    for i in range(opening, len(row)):
        depth += (row[i] is OPEN) - (row[i] is CLOSE)
        if depth == 0:
            return i
    raise AssertionError("brackets of a row are balanced")
