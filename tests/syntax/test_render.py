"""How diagnostics look: lines, labels, columns on the screen, and the values for editors."""

import json
import re

import pytest

from ppl.text import KINDS, Kind, Label, ModelError, Source, Span
from ppl.text.render import render, render_all, to_json

MODEL = Source(
    "model.ppl",
    "W[D, K] ~ Normal(0, 1)\nq = 3\nz[K] ~ Normal(0, 1)\nx ~ Normal(z @ W, s)\n\tμ = 数据 + x̂\n",
)


@pytest.fixture(scope="module")
def kinds():
    made = {
        s: Kind(f"rendering-{s}", "for tests", severity=s) for s in ("error", "warning", "note")
    }
    yield made
    for kind in made.values():
        del KINDS[kind.code]


def at(text, after=0):
    start = MODEL.text.index(text, after)
    return Span(start, start + len(text))


def test_the_parts_of_a_diagnostic(kinds):
    diagnostic = kinds["error"](
        "`z @ W` multiplies shapes that do not fit",
        at("z @ W"),
        "K = 5 meets D = 2",
        secondary=(
            Label(at("W"), "`W` has axes [D = 2, K = 5]"),
            Label(at("z"), "`z` has axis [K = 5]"),
        ),
        help="write `W @ z`",
    )
    assert render(diagnostic, MODEL) == (
        """\
error[rendering-error]: `z @ W` multiplies shapes that do not fit
 --> model.ppl:4:12
  |
1 | W[D, K] ~ Normal(0, 1)
  | - `W` has axes [D = 2, K = 5]
3 | z[K] ~ Normal(0, 1)
  | - `z` has axis [K = 5]
4 | x ~ Normal(z @ W, s)
  |            ^^^^^ K = 5 meets D = 2
  |
  = help: write `W @ z`"""
    )


def body(text):
    return [line[4:] for line in text.split("\n")[3:] if line.startswith("  |")]


def test_several_labels_on_a_line(kinds):
    line = MODEL.text.index("x ~")
    diagnostic = kinds["error"](
        "m",
        at("z @ W"),
        "primary",
        secondary=(Label(at("x", line), "first"), Label(at("Normal", line), "second")),
    )
    assert body(render(diagnostic, MODEL)) == [
        "-   ------ ^^^^^ primary",
        "|   second",
        "first",
        "",
    ]


def test_labels_without_text_are_only_marked(kinds):
    diagnostic = kinds["error"]("m", at("D"), secondary=(Label(at("K")), Label(at("W"), "here")))
    assert body(render(diagnostic, MODEL)) == ["- ^  -", "here", ""]


def test_a_label_within_another(kinds):
    diagnostic = kinds["error"]("m", at("@"), "inside", secondary=(Label(at("z @ W"), "around"),))
    assert body(render(diagnostic, MODEL)) == [
        "           --^--",
        "           | inside",
        "           around",
        "",
    ]


def test_tabs_wide_and_combining_characters(kinds):
    diagnostic = kinds["error"](
        "m", at("x̂"), "hat", secondary=(Label(at("μ"), "mean"), Label(at("数据")))
    )
    text = render(diagnostic, MODEL)
    assert "5 |     μ = 数据 + x̂" in text
    # `数据` takes four columns of the screen, `x̂` one.
    assert body(text) == ["    -   ----   ^ hat", "    mean", ""]


def test_a_span_of_many_lines(kinds):
    diagnostic = kinds["error"]("m", Span(2, at("W, s").start), "all this")
    assert render(diagnostic, MODEL).split("\n")[2:] == [
        "  |",
        "1 | W[D, K] ~ Normal(0, 1)",
        "  |   ^^^^^^^^^^^^^^^^^^^^",
        "...",
        "4 | x ~ Normal(z @ W, s)",
        "  | ^^^^^^^^^^^^^^^ all this",
        "  |",
    ]


def test_line_numbers_are_aligned(kinds):
    source = Source("m", "x = 1\n" * 12)
    diagnostic = kinds["error"]("m", Span(60, 61), secondary=(Label(Span(0, 1), "first"),))
    assert render(diagnostic, source).split("\n")[1:] == [
        "  --> m:11:1",
        "   |",
        " 1 | x = 1",
        "   | - first",
        "11 | x = 1",
        "   | ^",
        "   |",
    ]


@pytest.mark.parametrize(
    ("text", "span", "line", "mark"),
    [
        ("", Span(0, 0), "1 |", "  | ^ here"),
        ("x = ", Span(4, 4), "1 | x =", "  |     ^ here"),
        ("x\n", Span(2, 2), "2 |", "  | ^ here"),
        ("x\n", Span(1, 2), "1 | x", "  |  ^ here"),
        ("a\x1b[3m\x07", Span(0, 1), "1 | a\ufffd[3m\ufffd", "  | ^ here"),
    ],
)
def test_ends_and_strange_texts(kinds, text, span, line, mark):
    shown = render(kinds["error"]("m", span, "here"), Source("m", text)).split("\n")
    assert shown[3:5] == [line, mark]


def test_without_a_place_there_is_no_snippet(kinds):
    diagnostic = kinds["note"]("nothing is wrong", help="go on\nas before")
    expected = "note[rendering-note]: nothing is wrong\n = help: go on\n         as before"
    assert render(diagnostic, MODEL) == expected
    assert render(diagnostic, None) == expected
    assert render(kinds["warning"]("m", Span(0, 1)), None) == "warning[rendering-warning]: m"


def test_colour_changes_nothing_but_colour(kinds):
    diagnostic = kinds["warning"](
        "m", at("z @ W"), "here", secondary=(Label(at("W"), "there"), Label(at("x"))), help="h"
    )
    coloured = render(diagnostic, MODEL, colour=True)
    assert coloured != render(diagnostic, MODEL)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(diagnostic, MODEL)


def test_an_error_shows_itself(kinds):
    first, second = kinds["error"]("one", Span(0, 1)), kinds["error"]("two")
    error = ModelError((first, second), MODEL)
    assert str(error) == "\n" + render_all((first, second), MODEL)
    assert "\n\nerror[rendering-error]: two" in str(error)


def test_json(kinds):
    diagnostic = kinds["error"](
        "m", Span(30, 52), "found", secondary=(Label(at("W"), "there"),), help="mend"
    )
    value = to_json(diagnostic, MODEL)
    assert (
        json.loads(json.dumps(value))
        == value
        == {
            "code": "rendering-error",
            "severity": "error",
            "message": "m",
            "file": "model.ppl",
            "line": 3,
            "column": 2,
            "end_line": 4,
            "end_column": 4,
            "found": "found",
            "help": "mend",
            "labels": [{"text": "there", "line": 1, "column": 1, "end_line": 1, "end_column": 2}],
        }
    )
    nowhere = to_json(kinds["error"]("m"), None)
    assert (nowhere["file"], nowhere["line"], nowhere["found"]) == (None, None, None)
