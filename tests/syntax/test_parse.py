"""What a text says: trees, positions, continuation of lines, words that are names."""

import sys

import pytest

from ppl.syntax import tree
from ppl.syntax.parse import DEEPEST, parse
from ppl.syntax.unparse import unparse
from ppl.text import ModelError, Source
from tests.syntax.models import EIGHT_SCHOOLS, NAMES_THAT_ARE_WORDS, STATEMENTS
from tests.timing import ratio


def statements(text):
    return parse(Source("m.ppl", text)).statements


def shown(text):
    return "\n".join(unparse(s) for s in statements(text))


def value(text):
    (statement,) = statements(f"x = {text}")
    return statement.value


@pytest.mark.parametrize("text", STATEMENTS + NAMES_THAT_ARE_WORDS)
def test_every_form_parses_and_its_text_means_the_same(text):
    first = statements(text)
    assert statements(";\n".join(unparse(s) for s in first)) == first


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("mu = a\n  + b * x", "mu = a + b * x"),
        ("mu = a  # first\n\n  # between\n  + b * x", "mu = a + b * x"),
        ("mu = a -\n  b", "mu = a - b"),
        ("mu = a\n- b", "mu = a - b"),
        ("z = if c then\n1\nelse\n2", "z = if c then 1 else 2"),
        ("z = if c\nthen 1\nelse 2", "z = if c then 1 else 2"),
        ("tau ~ Cauchy(0, 5)\n> 0", "tau ~ Cauchy(0, 5) > 0"),
        ("y ~ Normal(0, 1)\nin (0, 1)", "y ~ Normal(0, 1) in (0, 1)"),
        ("y[n]\n~ Normal(0, 1)", "y[n] ~ Normal(0, 1)"),
        ("y[n] ~\n\nNormal(0, 1)", "y[n] ~ Normal(0, 1)"),
        ("x =\n3", "x = 3"),
        ("x\n= 3", "x = 3"),
        ("x = a\n!= b", "x = a != b"),
        ("x = a\n/ b", "x = a / b"),
        ("x = a and\nb\nor c", "x = a and b or c"),
        ("for n in N\n{ x[n] = 1\n}", "for n in N { x[n] = 1 }"),
        ("for n in N {\n\n x[n] = 1\n\n}\n", "for n in N { x[n] = 1 }"),
        ("x = f(a,\n  b\n  ,\n)", "x = f(a, b)"),
        ("x = (a\n+\nb)", "x = (a + b)"),
        ("data y[N] in {\n0,\n1\n}", "data y[N] in {0, 1}"),
        ("data a[N],\n  b[N]", "data a[N], b[N]"),
        ("guide\n{ a ~ fullrank\n}", "guide { a ~ fullrank }"),
        (";; x = 1 ;;\n; y = 2;", "x = 1\ny = 2"),
        ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2"),
        ("\ufeffx =\u00a01\t", "x = 1"),
    ],
)
def test_lines_go_on(broken, whole):
    assert statements(broken) == statements(whole)


def test_a_line_ends_a_statement_where_the_next_could_be_an_index_or_a_call():
    assert len(statements("x = a[0]\n[1, 2] ~ D()")) == 2
    assert len(statements("0 ~ Binomial(K, p)\n(0) ~ Binomial(K, p)")) == 2


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("-2^2", "-(2^2)"),
        ("2^3^2", "2^(3^2)"),
        ("2^-1", "2^(-1)"),
        ("-a @ b", "(-a) @ b"),
        ("a @ b * c", "(a @ b) * c"),
        ("a * b @ c", "a * (b @ c)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("a + b < c * d", "(a + b) < (c * d)"),
        ("not a < b", "not (a < b)"),
        ("not a and b", "(not a) and b"),
        ("a or b and c", "a or (b and c)"),
        ("if a then b else c + d", "if a then b else (c + d)"),
        ("if a then b else if c then d else e", "if a then b else (if c then d else e)"),
        ("-a[0]", "-(a[0])"),
        ("f(x)[i]^2", "(f(x)[i])^2"),
    ],
)
def test_precedence(text, grouped):
    assert value(text) == without_parentheses(value(grouped))


def without_parentheses(node):
    if isinstance(node, tree.Parenthesis):
        return without_parentheses(node.body)
    if isinstance(node, tuple):
        return tuple(without_parentheses(n) for n in node)
    if hasattr(node, "__slots__") and hasattr(node, "span"):
        return type(node)(*(without_parentheses(getattr(node, f)) for f in node.__slots__))
    return node


def test_comparisons_chain():
    node = value("a < b <= c")
    assert isinstance(node, tree.Comparison)
    assert node.operators == ("<", "<=")
    assert len(node.operands) == 3


def test_parentheses_tell_an_observation_from_a_draw():
    (draw,), (observation,) = statements("y ~ D()"), statements("(y) ~ D()")
    assert isinstance(draw.targets[0], tree.Name)
    assert isinstance(observation.targets[0], tree.Parenthesis)


def test_a_guide_tells_one_factor_from_several():
    (guide,) = statements("guide { (a, b) ~ fullrank; a, b ~ fullrank; (a) ~ fullrank }")
    joint, several, one = guide.entries
    assert joint.targets == several.targets
    assert (joint.joint, several.joint, one.joint) == (True, False, False)


def test_constraints():
    (data,) = statements("data a > 0 < 1, b in (0, 1), c in [0, 1], d in {0, 1}, e in J from 1")
    kinds = [[type(c).__name__ for c in item.constraints] for item in data.items]
    assert kinds == [["Bound", "Bound"], ["Interval"], ["Interval"], ["Finite"], ["Named"]]
    assert [data.items[i].constraints[0].closed for i in (1, 2)] == [False, True]
    assert data.items[4].constraints[0].origin.value == 1


def test_names_are_compared_in_form_nfkc():
    assert statements("σ² = ﬁ + Å") == statements("σ2 = fi + Å")
    assert shown("x̂ = θ₁") == "x̂ = θ1"


def test_positions():
    text = "a = 1\nfor n in N {\n  y[n] ~ Normal(b, 2) > 0 weight w\n}\n"
    source = Source("m", text)
    first, loop = parse(source).statements
    (sample,) = loop.body
    assert source.at(first.span) == "a = 1"
    assert source.at(loop.span) == text[6:-1]
    assert source.at(loop.loops[0].span) == "n in N"
    assert source.at(sample.span) == "y[n] ~ Normal(b, 2) > 0 weight w"
    assert source.at(sample.targets[0].span) == "y[n]"
    assert source.at(sample.distribution.span) == "Normal(b, 2)"
    assert source.at(sample.distribution.arguments[1].span) == "2"
    assert source.at(sample.constraints[0].span) == "> 0"
    assert source.at(sample.weight.span) == "w"


def test_comments_are_kept():
    comments = parse(Source("m", "# a\nx = 1 # b\nfor n in N { # c\n ; # d\n}")).comments
    assert [(c.text, c.own_line) for c in comments] == [
        ("# a", True),
        ("# b", False),
        ("# c", False),
        ("# d", True),
    ]


def test_layout_is_no_part_of_equality():
    assert statements("x=f( a,b )") == statements("\n\nx = f(a, b)  # comment")
    assert statements("x = 1") != statements("x = 2")
    assert statements("x = 1.0") == statements("x = 1")


def test_an_empty_model_has_no_statements():
    for text in ("", "\n", " # only a comment", ";\n;"):
        assert statements(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = " + "-" * 5000 + "1",
        "x = " + "+".join("1" * 5000),
        "x = a" + "[0]" * 5000,
        "x = " + "f(" * 5000 + "1" + ")" * 5000,
        "x = " + "if a then b else " * 5000 + "c",
        "x = " + "2^" * 5000 + "2",
        "for n in N { " * 5000 + "x = 1" + " }" * 5000,
        "x = (" + "+".join("1" * 5000),
    ],
)
def test_deep_nesting_is_a_diagnostic(text):
    with pytest.raises(ModelError) as caught:
        statements(text)
    assert "too-deep" in {d.code for d in caught.value.diagnostics}


def test_what_is_allowed_to_nest_can_be_walked():
    limit = sys.getrecursionlimit()
    for text in ("+".join("a" * (DEEPEST - 2)), "(" * (DEEPEST - 3) + "1" + ")" * (DEEPEST - 3)):
        model = statements(f"x = {text}")
        assert statements(unparse(model[0])) == model
        assert repr(model)
    assert sys.getrecursionlimit() == limit


def test_parsing_is_linear():
    def parsing(copies):
        source = Source("m", EIGHT_SCHOOLS * copies + "x = [" + "1,\n" * 50 * copies + "]")
        return lambda: parse(source)

    assert ratio(parsing(160), parsing(20), bound=8 * 3, rounds=3) < 8 * 3


def test_comment_blocks_are_linear():
    parse(Source("m", "x = 1" + "\n# a # b #" * 5000 + "\n+ 2"))
    parse(Source("m", "x = 1" + "\n# a # b #" * 5000 + "\ny = 2"))
