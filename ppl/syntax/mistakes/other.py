"""Habits from R, Python and general programming languages, at the start of a statement."""

from __future__ import annotations

import re

from ppl.syntax.check import assignment_arrow
from ppl.syntax.failure import Failure
from ppl.text import Diagnostic, Kind, Span

foreign_loop = Kind(
    "foreign-loop",
    """`for n in N { ... }` runs over a dimension, `for t in 1:T { ... }` over a half-open range,
    counted from 0 as in Python. It declares for each index; its body stands in `{ }`.""",
    wrong="for (n in 1:N) { x[n] ~ Normal(0, 1) }",
    right="for n in N { x[n] ~ Normal(0, 1) }",
)
foreign_statement = Kind(
    "foreign-statement",
    """A model is a description, not a program: it has no imports, no branches or loops that are
    executed, no `return`. A choice is the expression `if c then a else b`.""",
    wrong="def f(a): return a^2",
    right="fn f(a) = a^2",
)

_ARROW = re.compile(r"([^\W\d][\w.]*\s*(?:\[[^\]]*\])?)\s*<-\s*(.*)")
_ROUND_FOR = re.compile(r"for\s*\(\s*(\w+)\s+in\s+(.*?)\)\s*(?:\{|$)")
_RANGE = re.compile(r"1\s*:\s*([^\W\d]\w*)$")
_PYTHON_FOR = re.compile(r"for\s+(\w+)\s+in\s+(.*?):\s*(?:#.*)?$")
_PYTHON_RANGE = re.compile(r"range\(\s*(?:([^,]+),\s*)?([^,]+?)\s*\)$")
_FUNCTION = re.compile(r"(?:def|function)\s+(\w+)\s*(\([^)]*\))")

# How a statement may begin elsewhere, what is said to it, and the remedy.
STATEMENTS = (
    (r"import\b|from\s+[\w.]+\s+import\b|using\b|library\(", "a model imports nothing", None),
    (r"with\b", "there is no `with`", "the statements of a model stand on their own"),
    (r"return\b", "there is no `return`", "the block of a `fn` ends in its result"),
    (r"(while|repeat)\b", "there is no loop that repeats", "an index runs in `for t in 1:T { }`"),
    (
        r"(if|elif|else)\b.*?(\{|:\s*$)",
        "a choice is not a statement",
        "write `x = if c then a else b`",
    ),
    (r"(let|var|const|local)\s+\w", "variables are not declared like this", "define with `=`"),
    (r"@\w", "there are no macros or decorators", None),
)


def arrow(failure: Failure) -> Diagnostic | None:
    """Recognise ``x <- ...`` where it is not even an expression."""
    found = _ARROW.match(failure.line)
    if found is None or failure.token.start < failure.start + found.end(1):
        return None
    start = failure.source.text.index("<-", failure.start)
    name = found[1].strip()
    return assignment_arrow(
        "`<-` does not assign",
        Span(start, start + 2),
        help=f"write `{name} = ...` to define, `{name} ~ ...` to draw",
    )


def loop(failure: Failure) -> Diagnostic | None:
    """Recognise ``for (i in 1:N) {`` and ``for i in range(N):``."""
    if (found := _ROUND_FOR.match(failure.line)) is not None:
        index, domain = found[1], found[2].strip()
        if (range_ := _RANGE.match(domain)) is not None:
            help = f"write `for {index} in {range_[1]} {{ ... }}`; positions count from 0"
        else:
            help = f"write `for {index} in {domain} {{ ... }}`; ranges are half-open"
        message = "a loop has no parentheses"
    elif (found := _PYTHON_FOR.match(failure.line)) is not None:
        index, domain = found[1], found[2].strip()
        range_ = _PYTHON_RANGE.match(domain)
        if range_ is not None:
            domain = f"{range_[1].strip()}:{range_[2]}" if range_[1] else range_[2]
        help = f"write `for {index} in {domain} {{ ... }}`"
        message = "a loop's body stands in `{ }`, not behind `:`"
    else:
        return None
    return foreign_loop(message, Span(failure.start, failure.start + found.end(2)), help=help)


def statement(failure: Failure) -> Diagnostic | None:
    """Recognise statements that exist only elsewhere."""
    if (found := _FUNCTION.match(failure.line)) is not None:
        return foreign_statement(
            "a function is defined with `fn`",
            Span(failure.start, failure.start + found.end()),
            help=f"write `fn {found[1]}{found[2]} = ...`",
        )
    for pattern, message, help in STATEMENTS:
        if (found := re.match(pattern, failure.line)) is not None:
            span = Span(failure.start, failure.start + found.end())
            return foreign_statement(message, span, help=help)
    return None
