"""The canonical layout: the same meaning, all comments, and nothing to do the second time."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppl.syntax.format import format_tree
from ppl.syntax.layout import WIDTH
from ppl.syntax.parse import parse
from ppl.syntax.unparse import unparse
from ppl.text import Source
from tests.syntax.generate import expressions, models
from tests.syntax.models import EIGHT_SCHOOLS, NAMES_THAT_ARE_WORDS, STATEMENTS


def formatted(text):
    source = Source("m", text)
    return format_tree(parse(source), source)


def check(text):
    """Assert what holds of every model; return its canonical text."""
    before = parse(Source("m", text))
    once = formatted(text)
    after = parse(Source("m", once))
    assert after == before
    assert sorted(c.text for c in after.comments) == sorted(c.text for c in before.comments)
    assert formatted(once) == once
    return once


@settings(max_examples=60)
@given(models)
def test_any_model(model):
    text = ";\n".join(unparse(statement) for statement in model)
    assert parse(Source("m", text)).statements == model
    check(text)


@settings(max_examples=100)
@given(expressions)
def test_any_expression(node):
    (statement,) = parse(Source("m", f"x = {unparse(node)}")).statements
    assert statement.value == node


@settings(max_examples=40)
@given(models, st.data())
def test_comments_and_empty_lines_anywhere(model, data):
    lines = formatted(";\n".join(unparse(statement) for statement in model)).splitlines()
    additions = st.sampled_from(["", "", "  # same line", "\n", "\n\n# own line", "\n  # a\n\n"])
    text = "\n".join(line + data.draw(additions) for line in lines)
    once = check(text)
    assert "\n\n\n" not in once
    assert not once.startswith("\n")


@pytest.mark.parametrize("text", [EIGHT_SCHOOLS, *STATEMENTS, *NAMES_THAT_ARE_WORDS])
def test_every_form(text):
    once = check(text)
    assert all(len(line) <= WIDTH for line in once.splitlines())


def test_layout(golden):
    golden("syntax/laid_out.ppl", check((Path(__file__).parent / "messy.ppl").read_text("utf-8")))


def test_an_empty_model_is_an_empty_text():
    assert formatted("\n ;\n") == ""
    assert formatted("# only\n\n\n# comments") == "# only\n\n# comments\n"
