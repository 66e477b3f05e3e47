"""Every mistake has its own sentence, at its own place, and hides no other."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ppl.syntax.mistakes
from ppl.syntax import tables
from ppl.syntax.parse import parse
from ppl.text import KINDS, ModelError, Source
from ppl.text.render import render, render_all
from tests.syntax.mistakes import MISTAKES
from tests.syntax.models import EIGHT_SCHOOLS, STATEMENTS


def found_by_parser(source):
    try:
        parse(source)
    except ModelError as error:
        return error.diagnostics
    return ()


def mistakes(text):
    """Return what is wrong with a model, having checked that it can be shown."""
    source = Source("model.ppl", text)
    found = found_by_parser(source)
    for diagnostic in found:
        for label in (diagnostic.primary, *diagnostic.secondary):
            assert 0 <= label.span.start <= label.span.end <= len(text)
        assert render(diagnostic, source)
    return found


def codes(text):
    return [diagnostic.code for diagnostic in mistakes(text)]


@pytest.mark.parametrize("code", sorted(MISTAKES))
def test_wording(code, golden):
    kind = KINDS[code]
    explanation = " ".join(kind.explanation.split())
    lines = [f"# {code}", "", explanation]
    for text in MISTAKES[code]:
        found = mistakes(text)
        assert found[0].code == code, text
        shown = render_all(found, Source("model.ppl", text))
        lines += ["", "```", text, "```", "", "```", shown, "```"]
    golden(f"syntax/{code}.md", "\n".join(lines))


SYNTAX_KINDS = sorted(code for code in MISTAKES if KINDS[code].wrong)


def test_every_kind_has_an_example():
    here = {k for m in vars(ppl.syntax.mistakes).values() for k in vars_of_kind(m)}
    assert here <= MISTAKES.keys() | {"too-deep"}


def vars_of_kind(module):
    return {v.code for v in getattr(module, "__dict__", {}).values() if type(v).__name__ == "Kind"}


@pytest.mark.parametrize("code", SYNTAX_KINDS)
def test_the_example_of_a_kind_is_wrong_and_its_mending_right(code):
    kind = KINDS[code]
    assert codes(kind.wrong)[0] == code
    assert codes(kind.right) == []


def test_no_message_lists_what_the_grammar_takes():
    terminals = set(tables.load().token.groupindex)
    for texts in MISTAKES.values():
        for text in texts:
            for d in mistakes(text):
                said = f"{d.message} {d.primary.text} {d.help}"
                assert not terminals & set(re.findall(r"\w+", said)) - {"T", "I"}
                assert "expected" not in said


def test_all_mistakes_are_reported_in_the_order_of_the_text():
    text = (
        "x = 1 2\n"
        "for n in N {\n  y[n] = (a + \n  z[n] ~ Normal(0, 1\n  w[n] ~ Normal(0, 1)\n}\n"
        "x == 3\n"
        "for k on K {\n  v[k] = 3 3\n  u[k] = 4\n}\n"
        "ok ~ Normal(0, 1)\n"
        "fn f(a) { b ~ Normal(a, 1) }\n"
        "x = 2 +\n"
    )
    position = Source("m", text).position
    assert [(d.code, position(d.primary.span.start)[0]) for d in mistakes(text)] == [
        ("missing-operator", 1),
        ("missing-bracket", 3),
        ("missing-bracket", 4),
        ("no-effect", 7),
        ("loop-without-in", 8),
        ("missing-operator", 9),
        ("not-in-a-function", 13),
        ("missing-value", 14),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x = (a + b\n{rest}",
        "x = f(a, [b\n{rest}",
        "x = a + b)\n{rest}",
        "x = a[0\n{rest}",
        'x = f("a)\n{rest}',
        "x = = 3\n{rest}",
        "model { x ~ Normal(0, 1)\n }\n{rest}",
        "for n on N { x[n] = 1 }\n{rest}",
        "for n in N { x[n] = 1 + }\n{rest}",
        "for n in N { x[n] = (1 + }\n{rest}",
        "for n in N { x[n] ~ D() } y ~ D()\n{rest}",
        "x = a // (comment\n{rest}",
        "x = a /* ( */\n{rest}",
        "for n in N:\n  {rest}",
        "}\n{rest}",
        "x = [1, 2; 3, 4]\n{rest}",
    ],
)
def test_a_mistake_is_reported_once_and_what_follows_is_read(text):
    assert len(codes(text.replace("{rest}", "a ~ Normal(0, 1)"))) == 1
    found = codes(text.replace("{rest}", "a ~ Normal(0, 1)\nz = 3 3"))
    assert found[1:] == ["missing-operator"]


def test_foreign_comments_are_reported_once():
    assert codes("// a\nx = 3 // b\n// c") == ["foreign-comment"]


def test_a_missing_bracket_is_marked_behind_the_text_before_it():
    text = "x = (a + b   # comment\n\ny ~ Normal(0, 1)"
    (found,) = mistakes(text)
    assert found.primary.span.start == text.index("b") + 1
    assert found.secondary[0].span.start == text.index("(")


def test_words_for_truth_are_names_where_the_model_defines_them():
    assert codes("true ~ Normal(0, 1); x = true") == []
    assert codes("data False[N]; x = False") == []
    assert codes("fn f(true) = true") == []
    assert codes("x = true + TRUE") == ["boolean-name", "boolean-name"]


WORDS = "x y data dim param fn guide weight missing from factor require true model target T μ ²"
RESERVED = "for in if then else and or not"
SIGNS = "+ - * / % ^ @ ~ = == < >= : , ; ( ) [ ] { } ( ) [ ] { }"
FOREIGN = ". ' ! | & $ // <- ** += pm. real<lower=0> 1..2"
PIECES = f'{WORDS} {RESERVED} {SIGNS} {FOREIGN} 1 2.5 "s" # Normal( 0,1)'.split()


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([*PIECES, "\n", "\n", " "]), max_size=40), st.sampled_from(["", " "])
)
def test_any_row_of_tokens_is_read_or_answered(pieces, between):
    mistakes(between.join(pieces))


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_is_read_or_answered(text):
    mistakes(text)


@settings(max_examples=200)
@given(st.data())
def test_damaged_models_are_read_or_answered(data):
    text = data.draw(st.sampled_from([EIGHT_SCHOOLS, *STATEMENTS]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 4)))
    mistakes(text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:])


def test_beginnings_of_a_model_are_read_or_answered():
    for i in range(len(EIGHT_SCHOOLS)):
        assert len(codes(EIGHT_SCHOOLS[:i])) <= 1
