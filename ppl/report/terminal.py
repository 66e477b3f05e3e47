"""What depends on where text goes: colours, widths, and progress on one line of a terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

from ppl.report.numbers import duration
from ppl.report.table import WIDTH, Style

_CLEAR = "\r\x1b[K"


class Rung(Protocol):
    """A method that inference has finished with, and the ELBO it reached."""

    @property
    def name(self) -> str:
        """The method's name."""

    @property
    def elbo(self) -> float:
        """The ELBO reached, in nats."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a person is likely to look at what is written there, as it is written."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def has_colour(stream: TextIO) -> bool:
    """Whether to write colours: on a terminal, unless `NO_COLOR` is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def style_for(stream: TextIO) -> Style:
    """Return how to write a report there."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal(stream) else WIDTH
    return Style(width=width, colour=has_colour(stream))


@contextlib.contextmanager
def progress(stream: TextIO | None) -> Iterator[Callable[[Rung], None] | None]:
    """Yield a function that shows the latest rung on one line, which vanishes at the end.

    Yields None where there is no terminal to show it on.
    """
    if stream is None or not is_terminal(stream):
        yield None
        return
    start = time.perf_counter()

    def show(rung: Rung) -> None:
        spent = duration(time.perf_counter() - start)
        stream.write(f"{_CLEAR}{rung.name}: ELBO {rung.elbo:.2f}, {spent}")
        stream.flush()

    try:
        yield show
    finally:
        stream.write(_CLEAR)
        stream.flush()
