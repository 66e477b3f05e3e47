"""Places in a text as the protocol counts them: lines from 0, then units of an encoding."""

from __future__ import annotations

from ppl.text import Source

UTF8, UTF16, UTF32 = "utf-8", "utf-16", "utf-32"


def units(text: str, encoding: str) -> int:
    """Return how long a text is in the units of an encoding."""
    if encoding == UTF32 or text.isascii():
        return len(text)
    if encoding == UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_place(source: Source, offset: int, encoding: str = UTF16) -> tuple[int, int]:
    """Return line and column, both from 0, of an offset in characters."""
    line, column = source.position(min(offset, len(source.text)))
    return line - 1, units(source.line(line)[: column - 1], encoding)


def to_offset(source: Source, line: int, column: int, encoding: str = UTF16) -> int:
    """Return the offset in characters of a place; what lies behind the end of a line is its end."""
    if line > source.text.count("\n"):
        return len(source.text)
    text = source.line(line + 1)
    start = sum(len(source.line(k)) + 1 for k in range(1, line + 1))
    taken = 0
    for k, character in enumerate(text):
        if taken >= column:
            return start + k
        taken += units(character, encoding)
    return start + len(text)
