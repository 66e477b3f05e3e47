"""From a rule of the grammar to a node of the tree.

The parser calls `BUILD[rule](children, span, report)` at each reduction; what the grammar takes but
the language does not is told to `report` (see `ppl.syntax.check`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from ppl.syntax import check, tree
from ppl.syntax.check import Bare, Report
from ppl.text import Span

Builder = Callable[[list[Any], Span, Report], Any]


def _node(kind: Callable[..., Any]) -> Builder:
    """Make a builder for a class whose fields are the rule's children, in order."""
    return lambda children, span, report: kind(*children, span)


def _items(kind: Callable[..., Any]) -> Builder:
    """Make a builder for a class whose one field is the tuple of the rule's children."""
    return lambda children, span, report: kind(tuple(children), span)


def _several(children: list[Any], span: Span, report: Report) -> tuple[Any, ...]:
    return tuple(child for child in children if child is not None)


def _number(children: list[str], span: Span, report: Report) -> tree.Number:
    return tree.Number(float(children[0]), children[0], span)


def _string(children: list[str], span: Span, report: Report) -> tree.String:
    return tree.String(children[0][1:-1], span)


def _name(children: list[str], span: Span, report: Report) -> tree.Name:
    text = children[0]
    return tree.Name(text if text.isascii() else unicodedata.normalize("NFKC", text), span)


def _binary(children: list[Any], span: Span, report: Report) -> tree.Binary:
    left, operator, right = children
    return tree.Binary(operator, left, right, span)


def _comparison(children: list[Any], span: Span, report: Report) -> tree.Comparison:
    return tree.Comparison(tuple(children[::2]), tuple(children[1::2]), span)


def _call(children: list[Any], span: Span, report: Report) -> tree.Call:
    function, arguments = children
    positional = tuple(a for a in arguments if not isinstance(a, tree.Keyword))
    keywords = tuple(a for a in arguments if isinstance(a, tree.Keyword))
    if keywords:
        check.arguments(arguments, report)
    return tree.Call(function, positional, keywords, (), span)


def _reduction(children: list[Any], span: Span, report: Report) -> tree.Call:
    function, body, loops = children
    return tree.Call(function, (body,), (), loops, span)


def _interval(closed: bool) -> Builder:
    return lambda children, span, report: tree.Interval(children[0], children[1], closed, span)


def _loop(children: list[Any], span: Span, report: Report) -> tree.Loop:
    index, domain = children
    check.domain(domain, report)
    return tree.Loop(index, domain, span)


def _sample(children: list[Any], span: Span, report: Report) -> tree.Sample:
    targets, distribution, constraints, weight = children
    check.sampled(targets, report)
    call = check.distribution(distribution, targets, report)
    return tree.Sample(targets, call, constraints, weight, span)


def _define(children: list[Any], span: Span, report: Report) -> tree.Define:
    targets, value = children
    check.defined(targets, value, span, report)
    return tree.Define(targets, value, span)


def _parameter(children: list[Any], span: Span, report: Report) -> tree.Parameter:
    name, axes, constraints, start = children
    check.start(name, constraints, start, span, report)
    return tree.Parameter(name, axes, constraints, start, span)


def _for(children: list[Any], span: Span, report: Report) -> tree.For:
    loops, body = children
    check.loop_body(body, report)
    return tree.For(loops, body, span)


def _function(children: list[Any], span: Span, report: Report) -> tree.Function:
    name, parameters, body = children
    if not isinstance(body, tuple):
        return tree.Function(name, parameters, (), body, span)
    definitions, result = check.function_body(name, body, span, report)
    return tree.Function(name, parameters, definitions, result, span)


def _guide_targets(joint: bool) -> Builder:
    return lambda children, span, report: (tuple(children), joint)


def _guide_entry(children: list[Any], span: Span, report: Report) -> tree.GuideEntry:
    (targets, joint), family = children
    return tree.GuideEntry(targets, joint, check.family(family, report), span)


def _start(children: list[Any], span: Span, report: Report) -> tuple[tree.Statement, ...]:
    check.top_level(children[0], report)
    statements: tuple[tree.Statement, ...] = children[0]
    return statements


TUPLES = (
    *("body", "entries", "targets", "names", "axes", "constraints", "loops"),
    *("arguments", "positions"),
)

BUILD: dict[str, Builder] = {
    "start": _start,
    **dict.fromkeys(TUPLES, _several),
    "dimensions": _items(tree.Dimensions),
    "dimension": _node(tree.Dimension),
    "data": _items(tree.Data),
    "datum": _node(tree.Datum),
    "parameters": _items(tree.Parameters),
    "parameter": _parameter,
    "sample": _sample,
    "define": _define,
    "bare": _node(Bare),
    "for": _for,
    "loop": _loop,
    "factor": _node(tree.Factor),
    "require": _node(tree.Require),
    "function": _function,
    "guide": _node(tree.Guide),
    "guide_entry": _guide_entry,
    "guide_targets": _guide_targets(False),
    "joint": _guide_targets(True),
    "open_interval": _interval(False),
    "closed_interval": _interval(True),
    "bound": _node(tree.Bound),
    "finite": _items(tree.Finite),
    "named": _node(tree.Named),
    "conditional": _node(tree.Conditional),
    "binary": _binary,
    "unary": _node(tree.Unary),
    "comparison": _comparison,
    "index": _node(tree.Index),
    "array": _items(tree.Array),
    "comprehension": _node(tree.Comprehension),
    "parenthesis": _node(tree.Parenthesis),
    "call": _call,
    "reduction": _reduction,
    "keyword": _node(tree.Keyword),
    "slice": _node(tree.Slice),
    "number": _number,
    "string": _string,
    "name": _name,
}
