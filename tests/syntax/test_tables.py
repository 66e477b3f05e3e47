"""The tables belong to the grammar, which has no conflicts; and Lark takes what we take."""

import json

import lark
import pytest

from ppl.syntax import tables
from ppl.syntax.parse import parse
from ppl.text import Source
from tests.syntax.models import NAMES_THAT_ARE_WORDS, STATEMENTS


@pytest.fixture(scope="module")
def grammar():
    return tables.read_grammar()


def test_tables_are_those_of_the_grammar(grammar):
    with open(tables.TABLES, encoding="utf-8") as file:
        shipped = json.load(file)
    # Building is strict: any conflict is an error.
    assert json.loads(json.dumps(tables.build(grammar))) == shipped, (
        "run python -m ppl.syntax.tables"
    )


def test_a_conflict_is_an_error(grammar):
    ambiguous = grammar.replace("?sum: product", "?sum: product | sum PLUS sum")
    with pytest.raises(lark.exceptions.GrammarError):
        tables.build(ambiguous)


@pytest.mark.parametrize("state", ["stale", "absent"])
def test_tables_are_built_when_they_do_not_belong(state, monkeypatch, tmp_path):
    shipped = tables.load()
    path = tmp_path / "tables.json"
    if state == "stale":
        path.write_text('{"grammar": 1}', "utf-8")
    monkeypatch.setattr(tables, "TABLES", str(path))
    assert tables.load.__wrapped__() == shipped


def test_tables_serve_without_the_grammar(monkeypatch):
    monkeypatch.setattr(tables, "GRAMMARS", ())
    assert tables.load.__wrapped__() == tables.load()


def test_lark_takes_the_same_lines(grammar):
    reference = lark.Lark(grammar, parser="lalr")
    for text in (*STATEMENTS, *NAMES_THAT_ARE_WORDS):
        if "\n" not in text:
            reference.parse(text)
            parse(Source("m", text))
    for text in ("in = 3", "x = 1:3", "x = a if b", "x = (a", "x = a)", "y ~", "data in[N]", "a b"):
        with pytest.raises(lark.exceptions.UnexpectedInput):
            reference.parse(text)
