"""Progress on one line of a terminal: rung, ELBO, time spent and time left; nothing elsewhere."""

import io
import time
from dataclasses import dataclass

import pytest

from ppl.report import terminal


@dataclass(frozen=True)
class Begun:
    name: str
    deadline: float | None = None


@dataclass(frozen=True)
class Rung:
    name: str
    elbo: float
    seconds: float = 0.1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().split("\r\x1b[K")


def test_rung_elbo_and_times() -> None:
    stream = Terminal()
    with terminal.progress(stream) as told:
        assert told is not None
        told(Begun("meanfield"))
        told(Rung("meanfield", -32.0))
        told(Begun("hmc", time.perf_counter() + 17.2))
    shown = lines(stream)
    assert shown[1].startswith("meanfield: ")
    assert "ELBO -32.00" in shown[2]
    assert shown[3].startswith("hmc: ELBO -32.00, ")
    assert shown[3].endswith("at most 17 s left")
    assert shown[-1] == ""


def test_the_line_is_drawn_while_a_rung_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "TICK", 0.01)
    stream = Terminal()
    with terminal.progress(stream):
        deadline = time.monotonic() + 10
        while len(lines(stream)) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert all(line.startswith("compile: ") for line in lines(stream)[1:-1])
    assert len(lines(stream)) >= 5


def test_silent_where_nobody_looks() -> None:
    stream = io.StringIO()
    for place in (stream, None):
        with terminal.progress(place) as told:
            assert told is None
    assert stream.getvalue() == ""


def test_a_terminal_that_went_away_is_no_fault() -> None:
    stream = Terminal()
    with terminal.progress(stream) as told:
        assert told is not None
        stream.close()
        told(Begun("meanfield"))
