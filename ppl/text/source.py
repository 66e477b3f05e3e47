"""A model's text, and places in it.

Everything that the compiler makes keeps the `Span` of the text it came from, so that any later
phase can point at it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets in a source text, counted from 0."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """Return the smallest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Source:
    """A text with the name under which messages show it.

    Attributes
    ----------
    name
        A file's path as the user gave it, or a name such as ``<model>`` for a string.
    text
        The whole text, with newlines as ``\\n``.
    """

    name: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, without its newline."""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]

    def at(self, span: Span) -> str:
        """Return the text that a span covers."""
        return self.text[span.start : span.end]
