"""Values that are missing, and values that nothing joins."""

from __future__ import annotations

from ppl.syntax.failure import CLOSING, Failure
from ppl.syntax.token import Token
from ppl.text import Diagnostic, Kind, Span

missing_value = Kind(
    "missing-value",
    """Here an expression has to stand: after an operator, `=`, `~`, a comma or an opening bracket,
    and at the beginning of a statement.""",
    wrong="x = a +",
    right="x = a + b",
)
empty_position = Kind(
    "empty-position",
    """In brackets each position is written; a whole axis is `:`. Axes at the end may be left
    out.""",
    wrong="y = x[, 0]",
    right="y = x[:, 0]",
)
missing_operator = Kind(
    "missing-operator",
    """Two values need something between them: an operator, a comma in brackets, or the end of the
    statement (a new line or `;`). A product is written with `*`.""",
    wrong="x = 2 a",
    right="x = 2 * a",
)
not_a_set = Kind(
    "not-a-set",
    """Behind `in` stands a set: `(a, b)`, `[a, b]`, `{0, 1}`, a dimension, or a name such as
    `Simplex`. Elsewhere braces hold statements; arrays stand in `[ ]`.""",
    wrong="data y[N] in 0:2",
    right="data y[N] in {0, 1}",
)

comma_in_parentheses = Kind(
    "comma-in-parentheses",
    """Parentheses hold one value. Several values make an array, `[a, b]`; several names on the left
    of `~` or `=` stand without brackets.""",
    wrong="(a, b) ~ Normal(0, 1)",
    right="a, b ~ Normal(0, 1)",
)

_CLOSERS = {"RPAR", "RSQB", "RBRACE"}
_VALUES = {"NAME", "NUMBER", "STRING", "LPAR", "LSQB", "_IF", "NOT"}
_DECLARING = {"data", "dim", "param", "fn", "guide"}
_END = {"$END": "the end of the text", "_NEWLINE": "the end of the statement"}


def empty(failure: Failure) -> Diagnostic | None:
    """Recognise ``x[, i]``, ``x[]``, ``f(a, , b)``; and what is no set."""
    previous, token = failure.previous, failure.token
    if previous is None:
        return None
    if previous.kind == "_IN" and not (failure.inner or failure.top[0].kind == "_FOR"):
        return _no_set(failure)
    if token.kind == "LBRACE" and failure.wants_value:
        return not_a_set(
            "braces hold a set only after `in`", token.span, help="an array is `[a, b]`"
        )
    if not failure.inner or failure.inner[-1].text == "{" or not failure.wants_value:
        return None
    opened = failure.inner[-1]
    if previous.kind not in ("COMMA", "LPAR", "LSQB"):
        return None
    if token.kind != "COMMA" and token.text != CLOSING[opened.text]:
        return None
    place = previous.span.to(token.span)
    if opened.text == "[":
        if _indexes(failure, opened):
            return empty_position("a position is missing", place, help="a whole axis is `:`")
        return empty_position("the brackets are empty", place, help="write what the array holds")
    what = "an argument" if _indexes(failure, opened) else "a value"
    return missing_value(f"{what} is missing in the parentheses", place)


def _no_set(failure: Failure) -> Diagnostic:
    token = failure.token
    if failure.at_end:
        return not_a_set("a set is missing after `in`", failure.behind)
    return not_a_set(
        f"`{token.text}` is not a set",
        token.span,
        help="write `(a, b)`, `[a, b]`, `{0, 1}` or a name",
    )


def interval(failure: Failure) -> Diagnostic | None:
    """Recognise ``in (0)`` and ``in (0, 1, 2)``."""
    if failure.wants_value or not failure.inner or failure.inner[-1].text == "{":
        return None
    opened = failure.inner[-1]
    place = failure.tokens.index(opened)
    if place == 0 or failure.tokens[place - 1].kind != "_IN":
        return None
    last = failure.tokens[-1].kind == "COMMA"
    if not last and failure.token.text != CLOSING[opened.text]:
        return None
    return not_a_set(
        "an interval has two ends",
        opened.span.to(failure.token.span),
        help="a set of values is `{a, b, c}`",
    )


def _indexes(failure: Failure, opened: Token) -> bool:
    """Tell whether a bracket stands directly behind what it indexes or calls."""
    place = failure.tokens.index(opened)
    return place > 0 and failure.tokens[place - 1].kind in ("NAME", *_CLOSERS)


def missing(failure: Failure) -> Diagnostic | None:
    """Recognise where an expression has to stand and none does."""
    if "NUMBER" not in failure.expected and not _wants_distribution(failure):
        return _missing_name(failure)
    previous, token = failure.previous, failure.token
    if previous is None:
        if token.kind in _CLOSERS or token.kind == "?":
            return None
        return missing_value(
            f"a statement cannot begin with `{token.text}`",
            token.span,
            help="it begins with the name that it draws, defines or declares",
        )
    if token.kind == "?":
        return None
    what = "a distribution" if previous.kind == "TILDE" else "a value"
    found = _END.get(token.kind, f"`{token.text}`")
    return missing_value(
        f"{what} is missing after `{previous.text}`",
        failure.behind if failure.at_end else token.span,
        f"found {found}",
    )


def _wants_distribution(failure: Failure) -> bool:
    return failure.previous is not None and failure.previous.kind == "TILDE"


def _missing_name(failure: Failure) -> Diagnostic | None:
    """Recognise a declaration that does not go on with a name."""
    previous, token = failure.previous, failure.token
    if previous is None or "NAME" not in failure.expected or token.kind == "?":
        return None
    found = _END.get(token.kind, f"`{token.text}`")
    return missing_value(
        f"a name is missing after `{previous.text}`",
        failure.behind if failure.at_end else token.span,
        f"found {found}",
    )


def juxtaposed(failure: Failure) -> Diagnostic | None:
    """Recognise two values with nothing between them."""
    previous, token = failure.previous, failure.token
    if previous is None:
        return None
    if previous.kind == "RBRACE" and failure.tokens[0].kind in ("_FOR", "_FN", "_GUIDE"):
        return missing_operator(
            "a statement ends with its block",
            token.span,
            help="begin the next one on a new line, or put `;` before it",
        )
    if token.kind not in _VALUES:
        return None
    between = Span(previous.end, max(token.start, previous.end))
    if len(failure.tokens) == 1 and previous.text in _DECLARING:
        return missing_operator(
            f"`{previous.text}` is followed by a name", token.span, f"found `{token.text}`"
        )
    if previous.kind == "NUMBER" and token.kind == "NAME" and previous.end == token.start:
        return missing_operator(
            f"`{previous.text}{token.text}` is neither a number nor a name",
            previous.span.to(token.span),
            help=f"a product is `{previous.text} * {token.text}`",
        )
    if token.kind == "LPAR" and not failure.inner and previous.kind in ("NUMBER", "RPAR"):
        return missing_operator(
            "only a name can be called", token.span, help="a product is written with `*`"
        )
    if failure.tokens[0].kind == "_DIM" and token.kind == "NUMBER":
        help = f"write `{previous.text} = {token.text}`"
    elif failure.inner or failure.tokens[0].kind in ("_DATA", "_DIM", "_PARAM"):
        help = "write a comma or an operator between them"
    else:
        help = "write an operator between them, or end the statement with a new line or `;`"
    return missing_operator(
        f"nothing joins `{previous.text}` and `{token.text}`",
        token.span if token.start > previous.end else between.to(token.span),
        help=help,
    )


def comma(failure: Failure) -> Diagnostic | None:
    """Recognise ``(a, b)``, which is no value."""
    token = failure.token
    if token.kind != "COMMA" or not failure.inner or failure.inner[-1].text != "(":
        return None
    if _indexes(failure, failure.inner[-1]) or failure.wants_value:
        return None
    left = all(t.kind not in ("TILDE", "EQUAL") for t in failure.tokens)
    return comma_in_parentheses(
        "parentheses hold one value",
        token.span,
        help="leave the parentheses out" if left else "an array is `[a, b]`",
    )
