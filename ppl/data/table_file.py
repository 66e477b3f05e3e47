"""Reading `.csv` and `.tsv`: the first line names the columns, each column becomes an array.

Rows are read in pieces, and each piece's columns converted at once, so that a long table never
exists as Python objects.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NoReturn

import numpy as np

from ppl.data.arrays import positions_of
from ppl.data.dataset import Array, Dataset, Variable, frozen, named, with_row_labels
from ppl.data.diagnostics import DAMAGED, NO_HEADER, UNNAMED, fail
from ppl.text import Diagnostic

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL"})
"""Cells that stand for a missing value."""

_TRUTH = {"true": 1, "false": 0}
_ROWS_AT_ONCE = 20_000

Piece = Array | list[str]
"""One column of some rows: numbers where every cell reads as one, else the cells."""


def read_table(text: str, shown: str, stem: str | None, delimiter: str | None) -> Dataset:
    """Read a table of delimited text.

    Parameters
    ----------
    text
        The whole file.
    shown
        What messages call it.
    stem
        The name that a table without a header binds to where the model has it.
    delimiter
        What separates cells; None to see whether the first line has commas, tabs or semicolons.

    Raises
    ------
    DataError
        If a row has too many or too few cells, or a column's name occurs twice.
    """
    delimiter = delimiter or _delimiter(next(filter(str.strip, io.StringIO(text)), ""))
    header = _header(text, shown, delimiter)
    headless = all(_is_number(cell) for cell in header)
    columns = _columns(text, shown, delimiter, len(header), headless)
    if not headless and not any(columns):
        fail(DAMAGED, f"{shown} has a line with names, and no rows below it")
    if headless:
        return _lone(columns, shown, stem)
    pairs = [
        (name, Variable(*_finish(pieces, f"{shown}, column `{name}`"), table=shown))
        for name, pieces in zip(header, columns, strict=True)
    ]
    labelled = [pair for pair in with_row_labels(pairs) if pair[0]]
    return named(labelled, shown, notes=_unnamed(header, shown))


def _delimiter(first: str) -> str:
    return next((mark for mark in (",", "\t", ";") if mark in first), ",")


def _header(text: str, shown: str, delimiter: str) -> list[str]:
    """Return the cells of the first row that has any."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        if any(cell.strip() for cell in row):
            return [cell.strip() for cell in row]
    fail(DAMAGED, f"{shown} is empty", "give a first line with the columns' names")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and cell not in MISSING


def _columns(
    text: str, shown: str, delimiter: str, width: int, headless: bool
) -> list[list[Piece]]:
    """Return each column's pieces: all numbers, or all cells (then read a second time)."""
    kept: frozenset[int] = frozenset()
    while True:
        rows = _rows(text, shown, delimiter, width, headless)
        columns: list[list[Piece]] = [[] for _ in range(width)]
        for chunk in _chunks(rows):
            for i, cells in enumerate(zip(*chunk, strict=True)):
                columns[i].append(list(map(str.strip, cells)) if i in kept else _piece(cells))
        mixed = {i for i, c in enumerate(columns) if len({isinstance(p, list) for p in c}) == 2}
        if not mixed - kept:
            return columns
        kept = frozenset(mixed)


def _rows(text: str, shown: str, delimiter: str, width: int, headless: bool) -> Iterator[list[str]]:
    """Yield the rows after the header, blank lines left out, each checked for its width."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header_seen = headless
    try:
        for row in reader:
            if len(row) != width:
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue
                _fail_width(row, width, reader.line_num, shown, delimiter)
            if header_seen:
                yield row
            header_seen = True
    except csv.Error as error:
        fail(DAMAGED, f"{shown}, line {reader.line_num}: {error}")


def _chunks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        yield chunk


def _piece(cells: Sequence[str]) -> Piece:
    """Convert to int64 if all cells are whole, to float64 if all are numbers or missing."""
    if "_" in "".join(cells):
        return list(map(str.strip, cells))
    for dtype in (np.int64, np.float64):
        try:
            return np.array(cells, dtype=dtype)
        except (ValueError, OverflowError):
            continue
    stripped = list(map(str.strip, cells))
    try:
        return np.array(["nan" if c in MISSING else c for c in stripped], dtype=np.float64)
    except ValueError:
        return stripped


def _finish(pieces: list[Piece], origin: str) -> tuple[Array, str, tuple[str, ...] | None]:
    """Join a column's pieces; texts become positions of sorted labels, truth values 0 and 1."""
    arrays = [piece for piece in pieces if not isinstance(piece, list)]
    if len(arrays) == len(pieces):
        values = np.concatenate(arrays) if arrays else np.zeros(0)
        return frozen(values), origin, None
    cells = [cell for piece in pieces if isinstance(piece, list) for cell in piece]
    present = [i for i, cell in enumerate(cells) if cell not in MISSING]
    texts = [cells[i] for i in present]
    labels: tuple[str, ...] | None = None
    if all(text.lower() in _TRUTH for text in texts):
        positions = [_TRUTH[text.lower()] for text in texts]
    else:
        positions, labels = positions_of(texts)
    if len(present) == len(cells):
        return frozen(np.array(positions, np.int64)), origin, labels
    values = np.full(len(cells), np.nan)
    values[present] = positions
    return frozen(values), origin, labels


def _lone(columns: list[list[Piece]], shown: str, stem: str | None) -> Dataset:
    finished = [_finish(pieces, shown) for pieces in columns]
    for i, (_, _, labels) in enumerate(finished):
        if labels is not None:
            text = next(label for label in labels if not _is_number(label))
            fail(
                DAMAGED,
                f"{shown} has no line with names, and column {i + 1} holds the text {text!r}",
                "give a first line with the columns' names",
            )
    arrays = [values for values, _, _ in finished]
    values = arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)
    note = NO_HEADER(f"{shown} has no line with names: read as one array of shape {values.shape}")
    return Dataset({}, lone=Variable(frozen(values), shown), stem=stem, notes=(note,))


def _unnamed(header: Iterable[str], shown: str) -> tuple[Diagnostic, ...]:
    count = sum(not name for name in header)
    if not count:
        return ()
    which = "a column" if count == 1 else f"{count} columns"
    return (UNNAMED(f"{shown} has {which} without a name, left out"),)


def _fail_width(row: list[str], width: int, line: int, shown: str, delimiter: str) -> NoReturn:
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    quote = "" if len(row) < width else f'; a cell that holds "{delimiter}" stands in quotes'
    fail(DAMAGED, f"{shown}, line {line}: {cells} where the first line has {width}{quote}")
