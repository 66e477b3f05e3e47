"""Signs of other languages: comments, quotes, operators, and what is no sign at all."""

from __future__ import annotations

from ppl.syntax.failure import Failure
from ppl.text import Diagnostic, Kind, Span

foreign_comment = Kind(
    "foreign-comment",
    """A comment begins with `#` and ends with its line. `//` is no operator; rounding down is
    `floor(a / b)`. Reported once in a file.""",
    wrong="x = 3 // three",
    right="x = 3 # three",
)
foreign_quote = Kind(
    "foreign-quote",
    """Strings stand in double quotes; they occur only as options of a few functions.""",
    wrong="x = ode(f, y0, t0, ts, method = 'bdf')",
    right='x = ode(f, y0, t0, ts, method = "bdf")',
)
unclosed_string = Kind(
    "unclosed-string",
    """A string ends with a double quote, on the line on which it begins.""",
    wrong='x = ode(f, y0, t0, ts, method = "bdf)',
    right='x = ode(f, y0, t0, ts, method = "bdf")',
)
foreign_operator = Kind(
    "foreign-operator",
    """Operators are `+ - * / %`, `^` for powers, `@` for matrix products, the comparisons
    `< <= > >= == !=`, and the words `and`, `or`, `not`. All but `@` are elementwise.""",
    wrong="x = a ** 2",
    right="x = a^2",
)
unknown_character = Kind(
    "unknown-character",
    """This character has no meaning in a model. Names may hold letters of any alphabet, digits
    and `_`.""",
    wrong="x = $a",
    right="x = a",
)

# What is written elsewhere, longest first, and what to write here.
SIGNS = {
    "%*%": "a matrix product is `@`",
    "%in%": "write one comparison for each value, joined by `or`",
    "%/%": "rounding down is `floor(a / b)`",
    "%%": "a remainder is `%`",
    "<<-": "define with `=`",
    "**": "a power is `^`",
    "&&": "write `and`",
    "||": "write `or`",
    ":=": "define with `=`",
    "->": "define with `=`, the name on its left",
    "=>": "at least is `>=`",
    "=<": "at most is `<=`",
    "<>": "different is `!=`",
    ".*": "`*` is elementwise already",
    "./": "`/` is elementwise already",
    ".^": "`^` is elementwise already",
    ".+": "`+` is elementwise already",
    "&": "write `and`",
    "!": "write `not`",
    "?": "a choice is `if c then a else b`",
    "\\": "a matrix is divided by `solve(A, b)`; a long line needs no sign to go on",
    "−": "the minus sign of the keyboard is `-`",
    "–": "the minus sign of the keyboard is `-`",
    "×": "write `*`",
    "·": "write `*`",
    "⋅": "write `*`",
    "÷": "write `/`",
    "∼": "write `~`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "∈": "write `in`",
    "←": "define with `=`",
    "“": 'quotes are `"`',
    "”": 'quotes are `"`',
}


def comment(failure: Failure) -> Diagnostic | None:
    """Recognise ``//`` and ``/* */``."""
    for sign in ("//", "/*"):
        span = failure.ahead(sign)
        if span is not None:
            return foreign_comment(
                f"`{sign}` does not begin a comment", span, help="comments begin with `#`"
            )
    return None


def quote(failure: Failure) -> Diagnostic | None:
    """Recognise single quotes, and a string without an end."""
    token = failure.token
    if token.text == "'":
        end = failure.rest.find("'", 1)
        if end < 0 and failure.behind.end == token.start:
            return foreign_operator(
                "`'` is not an operator", token.span, help="write `transpose(x)`"
            )
        if end < 0:
            return foreign_quote("`'` has no meaning here", token.span)
        inside = failure.rest[1:end]
        return foreign_quote(
            "a string stands in double quotes",
            Span(token.start, token.start + end + 1),
            help=f'write `"{inside}"`',
        )
    if token.text == '"':
        return unclosed_string(
            'the string has no closing `"`',
            Span(token.start, token.start + len(failure.rest.rstrip())),
            help="a string ends on the line on which it begins",
        )
    return None


def sign(failure: Failure) -> Diagnostic | None:
    """Recognise operators that are written otherwise here."""
    if failure.token.kind == "$END":
        return None
    for text, advice in SIGNS.items():
        span = failure.ahead(text)
        if span is not None and (len(text) > 1 or span.start == failure.token.start):
            return foreign_operator(f"`{text}` is not an operator", span, help=advice)
    if failure.token.text == "|":
        return foreign_operator(
            "`|` is not an operator",
            failure.token.span,
            help="write `or`; a density at a value is `logp(Normal(mu, sigma), x)`",
        )
    return None


def character(failure: Failure) -> Diagnostic | None:
    """Name a character that is part of no token."""
    token = failure.token
    if token.kind != "?":
        return None
    name = f"U+{ord(token.text):04X}"
    shown = f"`{token.text}`" if token.text.isprintable() and token.text.strip() else name
    return unknown_character(f"the character {shown} has no meaning here", token.span)
