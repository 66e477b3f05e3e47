"""What depends on where text goes: colours, widths, and progress on one line of a terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

from ppl.report.numbers import duration
from ppl.report.table import WIDTH, Style

_CLEAR = "\r\x1b[K"
TICK = 0.25
"""Seconds between two drawings of the line of progress."""


class Begun(Protocol):
    """A method that inference begins, and when it must end (`time.perf_counter`)."""

    @property
    def name(self) -> str:
        """The method's name."""

    @property
    def deadline(self) -> float | None:
        """When it must end, None if it need not."""


class Rung(Protocol):
    """A method that inference has finished with, or is busy with, and the ELBO it reached."""

    @property
    def name(self) -> str:
        """The method's name."""

    @property
    def elbo(self) -> float:
        """The ELBO reached, in nats."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is likely to look at what is written there, as it is written."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def has_colour(stream: TextIO | None) -> bool:
    """Whether to write colours: on a terminal, unless `NO_COLOR` is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def style_for(stream: TextIO | None) -> Style:
    """Return how to write a report there."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal(stream) else WIDTH
    return Style(width=width, colour=has_colour(stream))


@contextlib.contextmanager
def progress(stream: TextIO | None) -> Iterator[Callable[[Rung | Begun], None] | None]:
    """Yield a function that is told of every rung, before and after it is taken.

    One line shows the present rung, the latest ELBO, the time spent and, where a limit is set, the
    time left; it vanishes at the end. Yields None where there is no terminal to show it on.
    """
    if stream is None or not is_terminal(stream):
        yield None
        return
    line = _Line(stream, time.perf_counter())
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(line, ended), daemon=True)
    ticker.start()
    try:
        yield line.told
    finally:
        ended.set()
        ticker.join()
        line.clear()


def _tick(line: _Line, ended: threading.Event) -> None:
    while not ended.wait(TICK):
        line.show()


class _Line:
    """The line of progress: what it last heard, and how it is drawn."""

    def __init__(self, stream: TextIO, start: float) -> None:
        self._stream, self._start = stream, start
        self._name, self._elbo = "compile", ""
        self._deadline: float | None = None

    def told(self, event: Rung | Begun) -> None:
        """Take note of a rung."""
        self._name = event.name
        self._deadline = getattr(event, "deadline", None)
        elbo = getattr(event, "elbo", None)
        if elbo is not None:
            self._elbo = f"ELBO {elbo:.2f}, "
        self.show()

    def show(self) -> None:
        """Draw it."""
        now = time.perf_counter()
        left = ""
        if self._deadline is not None:
            left = f", at most {duration(max(self._deadline - now, 1.0))} left"
        text = f"{self._name}: {self._elbo}{duration(now - self._start)}{left}"
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{_CLEAR}{text}")
            self._stream.flush()

    def clear(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(_CLEAR)
            self._stream.flush()
