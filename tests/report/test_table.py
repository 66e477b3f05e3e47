"""The table: golden texts, and laws about digits, widths and colours."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppl.report.numbers import aligned, decimals, duration, fixed, significant, with_error
from ppl.report.table import Style, render
from tests.report.sample import quantity, unusual, usual

Golden = Callable[[str, str], None]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_usual(golden: Golden) -> None:
    golden("report/usual.txt", render(usual()))


def test_unusual(golden: Golden) -> None:
    golden("report/unusual.txt", render(unusual()))


@pytest.mark.parametrize("width", [30, 40, 60, 88, 120])
def test_lines_keep_the_width(width: int) -> None:
    lines = render(usual(), Style(width)).splitlines()
    assert max(map(len, lines)) <= width


def test_a_narrow_table_keeps_mean_and_sd() -> None:
    table = render(usual(), Style(width=24))
    assert "mean" in table
    assert "sd" in table
    assert "mcse" not in table


def test_colour_changes_nothing_but_escapes() -> None:
    for summary in (usual(), unusual()):
        coloured = render(summary, Style(colour=True))
        assert ESCAPE.search(coloured)
        assert ESCAPE.sub("", coloured) == render(summary)
        assert not ESCAPE.search(render(summary))


def test_long_arrays_are_shown_whole_on_request() -> None:
    short, whole = render(unusual()), render(unusual(), Style(rows=None))
    assert "z[150]" not in short
    assert "... 291 more" in short
    assert "z[150]" in whole


def test_an_empty_array_has_no_rows() -> None:
    table = render(replace(usual(), quantities=(quantity("z", np.zeros(0), 1.0),)))
    assert "z[" not in table


@given(sd=st.floats(1e-12, 1e12), ess=st.floats(1.01, 1e8))
def test_digits_stop_where_the_error_begins(sd: float, ess: float) -> None:
    mcse = sd / np.sqrt(ess)
    unit = 10.0 ** -decimals(mcse, sd)
    keeps_sd = unit <= 1.0001 * sd
    assert keeps_sd
    # one standard error is at most two units of the last digit, unless sd needs the digit
    assert mcse <= 2.0001 * unit or unit <= sd < 10.0001 * unit


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (4.413, 1, "4.4"),
        (-0.04, 1, "0.0"),
        (12345.6, -2, "12300"),
        (1.25e-9, 11, "1.25e-09"),
        (0.0, 9, "0"),
        (float("nan"), 2, "nan"),
        (float("-inf"), 2, "-inf"),
    ],
)
def test_fixed(value: float, places: int, text: str) -> None:
    assert fixed(value, places) == text


def test_other_numbers() -> None:
    assert significant(2431.0, 2) == "2400"
    assert significant(0.0678, 2) == "0.068"
    assert significant(float("nan"), 2) == "-"
    assert with_error(-31.2134, 0.021) == "-31.21 ± 0.02"
    assert with_error(-31.2134, float("nan")) == "-31.21"
    assert with_error(-1.25, 0.0) == "-1.2500"
    assert [duration(s) for s in (0.012, 0.34, 125)] == ["12 ms", "0.34 s", "2 min 5 s"]
    assert aligned(["1.5", "-10", ""]) == ["  1.5", "-10  ", "     "]
