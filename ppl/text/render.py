"""Diagnostics as text for a terminal, and as JSON for an editor.

A rendered diagnostic: a headline, where it is, the lines of the model that its labels point at with
the places underlined (``^`` for the primary label, ``-`` for the others), and the remedy.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ppl.text.diagnostic import Diagnostic, Label
from ppl.text.source import Source, Span

TAB = "    "

_BOLD = "\x1b[1m"
_RESET = "\x1b[0m"
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_QUIET = "\x1b[1;34m"


@dataclass(frozen=True, slots=True)
class _Mark:
    """The part of a label on one line: columns on the screen, from 0; text at the label's end.

    `continued` when the label began on a line before.
    """

    first: int
    last: int
    primary: bool
    text: str
    continued: bool


def render_all(
    diagnostics: Sequence[Diagnostic], source: Source | None, colour: bool = False
) -> str:
    """Return all of them, with an empty line between each two."""
    return "\n\n".join(render(diagnostic, source, colour) for diagnostic in diagnostics)


def render(diagnostic: Diagnostic, source: Source | None, colour: bool = False) -> str:
    """Return a diagnostic as lines of text, without a newline at the end.

    Parameters
    ----------
    diagnostic
        What to show.
    source
        The text that its labels point into; without it, or without a primary label, there is no
        snippet.
    colour
        Whether to use the escape sequences of a terminal.
    """
    paint = _Paint(diagnostic.severity, colour)
    head = paint.severity(f"{diagnostic.severity}[{diagnostic.code}]")
    lines = [head + paint.bold(f": {diagnostic.message}")]
    gutter = 0
    if source is not None and diagnostic.primary is not None:
        marks = _marks(diagnostic, source)
        gutter = len(str(max(marks)))
        line, column = source.position(diagnostic.primary.span.start)
        arrow = paint.quiet(" " * gutter + "-->")
        lines.append(f"{arrow} {source.name}:{line}:{column}")
        lines.extend(_snippet(marks, source, gutter, paint))
    if diagnostic.help is not None:
        lines.extend(_help(diagnostic.help, gutter, paint))
    return "\n".join(lines)


def to_json(diagnostic: Diagnostic, source: Source | None) -> dict[str, Any]:
    """Return a diagnostic as plain values; lines and columns count from 1, ends are exclusive."""
    primary = diagnostic.primary
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": None if source is None else source.name,
        **_place(None if primary is None else primary.span, source),
        "found": None if primary is None else primary.text,
        "help": diagnostic.help,
        "labels": [
            {"text": label.text, **_place(label.span, source)} for label in diagnostic.secondary
        ],
    }


def _place(span: Span | None, source: Source | None) -> dict[str, int | None]:
    if span is None or source is None:
        return dict.fromkeys(("line", "column", "end_line", "end_column"))
    line, column = source.position(span.start)
    end_line, end_column = source.position(span.end)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


@dataclass(frozen=True, slots=True)
class _Paint:
    kind: str
    on: bool

    def severity(self, text: str) -> str:
        return f"{_COLOURS[self.kind]}{text}{_RESET}" if self.on else text

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_RESET}" if self.on else text

    def quiet(self, text: str) -> str:
        return f"{_QUIET}{text}{_RESET}" if self.on else text

    def mark(self, text: str, primary: bool) -> str:
        return self.severity(text) if primary else self.quiet(text)


def _marks(diagnostic: Diagnostic, source: Source) -> dict[int, list[_Mark]]:
    """Return for each line that is shown what is underlined in it."""
    marks: dict[int, list[_Mark]] = {}
    assert diagnostic.primary is not None
    for label in (diagnostic.primary, *diagnostic.secondary):
        _add_marks(marks, label, label is diagnostic.primary, source)
    return marks


def _add_marks(marks: dict[int, list[_Mark]], label: Label, primary: bool, source: Source) -> None:
    """Underline a label's lines; of one that covers many, the first and the last."""
    first_line, first = source.position(label.span.start)
    last_line, last = source.position(label.span.end)
    if last_line > first_line and last == 1:
        last_line -= 1
        last = len(source.line(last_line)) + 1
    for number in sorted({first_line, last_line}):
        line = source.line(number)
        start = first - 1 if number == first_line else len(line) - len(line.lstrip())
        end = last - 1 if number == last_line else len(line.rstrip())
        left, right = _width(line[:start]), _width(line[:end])
        text = label.text if number == last_line else ""
        mark = _Mark(left, max(right, left + 1), primary, text, number > first_line)
        marks.setdefault(number, []).append(mark)


def _snippet(
    marks: dict[int, list[_Mark]], source: Source, gutter: int, paint: _Paint
) -> list[str]:
    bar = paint.quiet(" " * gutter + " |")
    lines = [bar]
    previous: int | None = None
    for number in sorted(marks):
        continued = any(mark.continued for mark in marks[number])
        if previous is not None and number > previous + 1 and continued:
            lines.append(paint.quiet("..."))
        lines.append(_source_line(number, source, gutter, paint))
        lines.extend(f"{bar} {line}".rstrip() for line in _underlines(marks[number], paint))
        previous = number
    lines.append(bar)
    return lines


def _source_line(number: int, source: Source, gutter: int, paint: _Paint) -> str:
    line = _printable(source.line(number)).rstrip()
    return f"{paint.quiet(f'{number:>{gutter}} |')} {line}".rstrip()


def _underlines(marks: list[_Mark], paint: _Paint) -> list[str]:
    """Return the line of marks, with the last one's text, then a line for each other text."""
    ordered = sorted(marks, key=lambda mark: (mark.first, mark.primary))
    cells: dict[int, bool] = {}
    for mark in sorted(marks, key=lambda mark: mark.primary):
        cells.update(dict.fromkeys(range(mark.first, mark.last), mark.primary))
    under = _paint_cells(cells, paint)
    last = ordered[-1]
    beside = last if last.last == max(cells) + 1 else None
    if beside is not None and beside.text:
        under += " " + paint.mark(beside.text, beside.primary)
    rest = [mark for mark in ordered if mark is not beside and mark.text]
    lines = [under]
    for i in reversed(range(len(rest))):
        left = [m for m in rest[:i] if m.first < rest[i].first]
        before = _paint_cells({m.first: m.primary for m in left}, paint, "|")
        pad = rest[i].first - max((m.first + 1 for m in left), default=0)
        lines.append(before + " " * max(pad, 0) + paint.mark(rest[i].text, rest[i].primary))
    return lines


def _paint_cells(cells: dict[int, bool], paint: _Paint, sign: str = "") -> str:
    if not cells:
        return ""
    parts = []
    for column in range(max(cells) + 1):
        primary = cells.get(column)
        if primary is None:
            parts.append(" ")
        else:
            parts.append(paint.mark(sign or ("^" if primary else "-"), primary))
    return "".join(parts).replace(_RESET + _QUIET, "") if paint.on else "".join(parts)


def _help(text: str, gutter: int, paint: _Paint) -> list[str]:
    first, *rest = text.split("\n")
    margin = " " * gutter + " "
    return [
        f"{paint.quiet(margin + '=')} {paint.bold('help')}: {first}",
        *(f"{margin}        {line}".rstrip() for line in rest),
    ]


def _printable(text: str) -> str:
    """Return a line as it is shown: tabs as spaces, nothing that would move the cursor."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return TAB
    if character.isprintable() or unicodedata.category(character) in ("Mn", "Me"):
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _width(text: str) -> int:
    """Return how many columns of the screen a text takes."""
    if text.isascii() and "\t" not in text:
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if character == "\t":
        return len(TAB)
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
