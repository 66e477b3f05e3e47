"""Statements that mix two forms, or stop before their end."""

from __future__ import annotations

import re

from ppl.syntax.failure import Failure
from ppl.syntax.token import Token
from ppl.text import Diagnostic, Kind, Label, Span

conditional_order = Kind(
    "conditional-order",
    """A choice is the expression `if condition then a else b`, with all three parts. As part of a
    larger expression it stands in parentheses.""",
    wrong="x = a if b else c",
    right="x = if b then a else c",
)
repeated_for = Kind(
    "repeated-for",
    """A reduction takes one `for` behind one expression, with its indices separated by commas.
    Outside brackets, `for` stands before what it repeats.""",
    wrong="x = sum(y[j, k] for j in J for k in K)",
    right="x = sum(y[j, k] for j in J, k in K)",
)
range_outside = Kind(
    "range-outside-brackets",
    """A range `a:b` is no value: it stands in brackets behind a name, and after `in`. The array of
    its numbers is `[i for i in a:b]`.""",
    wrong="x = 1:3",
    right="x = [i for i in 1:3]",
)
two_bounds = Kind(
    "bounds-with-comma",
    """Two bounds follow each other without a comma, or are written as the set `in (a, b)`: a comma
    begins the next variable.""",
    wrong="data x > 0, < 1",
    right="data x in (0, 1)",
)
declared_and_given = Kind(
    "declared-and-given",
    """A declaration says which axes and which range data have; their values come with the data,
    their distribution stands in a statement of its own. Learned parameters have none.""",
    wrong="data y[N] ~ Normal(0, 1)",
    right="data y[N]\ny ~ Normal(0, 1)",
)
chained = Kind(
    "chained-definition",
    """A statement has one `=` or one `~`. Equality is compared with `==`.""",
    wrong="x = y = 3",
    right="x = 3\ny = 3",
)
missing_body = Kind(
    "missing-body",
    """A loop is `for n in N { ... }`, a function `fn f(a) = ...` or `fn f(a) { ... }`, a guide
    `guide { ... }`.""",
    wrong="for n in N",
    right="for n in N { x[n] ~ Normal(0, 1) }",
)
around_distribution = Kind(
    "around-distribution",
    """The right side of `~` is one distribution, perhaps with a set, bounds and a weight. It is no
    value that could be computed with: shift and scale by its arguments, or define a quantity.""",
    wrong="x ~ Normal(0, 1) * 2",
    right="z ~ Normal(0, 1)\nx = z * 2",
)

loop_without_in = Kind(
    "loop-without-in",
    """A loop names its index and what that runs over: a dimension or a range. Several are separated
    by commas.""",
    wrong="x = sum(y[k] for k)",
    right="x = sum(y[k] for k in K)",
)
set_without_declaration = Kind(
    "set-without-declaration",
    """A set or a bound stands behind what is declared (`data`, `param`) or drawn (`~`).""",
    wrong="g in J",
    right="data g in J",
)
guide_line = Kind(
    "guide-line",
    """In a guide each line is `name ~ family`, or `default ~ family`; several names in parentheses
    share one factor.""",
    wrong="guide { z = fullrank }",
    right="guide { z ~ fullrank }",
)

_PYTHON_IF = re.compile(r"(?:.*[=~(,\[]\s*)?(.+?)\s+if\s+(.+?)\s+else\s+([^)\],]+)")
_OPERATORS = {"PLUS", "MINUS", "TIMES", "OVER", "MODULO", "AT", "POWER", "AND", "OR", "EQUALITY"}
_DECLARE = {"_DATA": "data", "_PARAM": "param", "_DIM": "dim"}


def conditional(failure: Failure) -> Diagnostic | None:
    """Recognise ``a if b else c``, an `if` without its `then` or `else`, or in a sum."""
    token = failure.token
    if token.kind == "_IF":
        if failure.wants_value:
            return conditional_order(
                "`if` as part of an expression needs parentheses",
                token.span,
                help="write `(if ... then ... else ...)`",
            )
        found = _PYTHON_IF.match(failure.line)
        help = "write `if condition then a else b`"
        if found is not None:
            help = f"write `if {found[2]} then {found[1]} else {found[3].strip()}`"
        return conditional_order("`if` stands before its values", token.span, help=help)
    if failure.wants_value or (failure.inner and token.kind == "RSQB"):
        return None
    opened = _open_conditional(failure)
    if opened is None and token.kind in ("_THEN", "_ELSE"):
        return conditional_order(
            f"this `{token.text}` has no `if`",
            token.span,
            help="write `if condition then a else b`",
        )
    if opened is None or token.kind in ("TILDE", "?"):
        return None
    word = "then" if opened.kind == "_IF" else "else"
    if token.kind == "EQUAL" and word == "then":
        return None
    return conditional_order(
        f"this `{opened.text}` has no `{word}`",
        failure.behind,
        f"`{word}` is missing here",
        secondary=(Label(opened.span),),
        help="write `if condition then a else b`",
    )


def _open_conditional(failure: Failure) -> Token | None:
    """Return the innermost `if` or `then` that waits for its next part."""
    pending: list[Token] = []
    for token in failure.tokens:
        if token.kind in ("_IF", "LPAR", "LSQB"):
            pending.append(token)
        elif token.kind == "_THEN":
            pending[-1] = token
        elif token.kind in ("_ELSE", "RPAR", "RSQB"):
            pending.pop()
    return pending[-1] if pending and pending[-1].kind in ("_IF", "_THEN") else None


def second_for(failure: Failure) -> Diagnostic | None:
    """Recognise a second ``for``, and one behind a statement."""
    token = failure.token
    if token.kind != "_FOR":
        return None
    if not failure.inner:
        if failure.wants_value or not failure.tokens:
            return None
        return repeated_for(
            "`for` stands before what it repeats",
            token.span,
            help=f"write `{failure.rest.strip()} {{ {failure.before()} }}`",
        )
    opened = failure.inner[-1]
    first = [t for t in failure.tokens if t.kind == "_FOR" and t.start > opened.start]
    if first:
        return repeated_for(
            "there is one `for` in a reduction",
            token.span,
            secondary=(Label(first[-1].span, "the first"),),
            help="write a comma in place of this `for`",
        )
    if failure.wants_value:
        return None
    return repeated_for(
        "`for` follows one expression",
        token.span,
        help="put what is repeated in brackets of its own",
    )


def range_in_expression(failure: Failure) -> Diagnostic | None:
    """Recognise ``x = 1:3`` and ``data x[1:N]``."""
    token = failure.token
    if token.kind != "COLON":
        return None
    if failure.inner and failure.inner[-1].text == "[":
        if failure.top and failure.top[0].kind in ("_DATA", "_PARAM"):
            return range_outside(
                "an axis is a dimension or a size, not a range",
                token.span,
                help="write the dimension alone, such as `[N]`",
            )
        return range_outside(
            "a range has no step and holds no condition",
            token.span,
            help="compute its bounds in parentheses",
        )
    return range_outside(
        "a range stands only in brackets and after `in`",
        token.span,
        help="the array of its numbers is `[i for i in a:b]`",
    )


def comma_between_bounds(failure: Failure) -> Diagnostic | None:
    """Recognise ``data x > 0, < 1``."""
    previous = failure.previous
    if failure.token.kind != "INEQUALITY" or previous is None or previous.kind != "COMMA":
        return None
    if all(token.kind != "INEQUALITY" for token in failure.top):
        return None
    return two_bounds(
        "a comma begins the next variable, not a second bound",
        previous.span,
        help="leave the comma out, or write `in (a, b)`",
    )


def given_in_declaration(failure: Failure) -> Diagnostic | None:
    """Recognise ``data y[N] ~ ...``, ``data y = 3`` and ``param s ~ ...``."""
    first, token = (failure.tokens or (failure.token,))[0], failure.token
    word = _DECLARE.get(first.kind)
    if word is None or failure.inner or failure.wants_value:
        return None
    if token.kind == "TILDE":
        if word == "param":
            message = "a learned parameter has no distribution"
            help = f"leave out `param`: what has a `~` is a latent: `{_rest_of(failure)}`"
        else:
            message = "a declaration holds no distribution"
            help = f"write `{_rest_of(failure)}` on a line of its own"
        return declared_and_given(message, token.span, help=help)
    if token.kind == "EQUAL" and word == "data":
        return declared_and_given(
            "the values of data come with the data",
            token.span,
            help=f"a quantity of the model is defined without `data`: `{_rest_of(failure)}`",
        )
    return None


def _rest_of(failure: Failure) -> str:
    """Return the faulty item of a declaration, without the word that begins it."""
    commas = [token.end for token in failure.top if token.kind == "COMMA"]
    start = commas[-1] if commas else failure.tokens[0].end
    return failure.line[start - failure.start :].split("#")[0].strip()


def second_sign(failure: Failure) -> Diagnostic | None:
    """Recognise ``x = y = 3``, ``x = y ~ D()``, and ``=`` in a condition."""
    token = failure.token
    if token.kind not in ("EQUAL", "TILDE") or failure.wants_value or not failure.tokens:
        return None
    earlier = [t for t in failure.top if t.kind in ("EQUAL", "TILDE")]
    compares = _open_conditional(failure) is not None or failure.tokens[0].kind == "_REQUIRE"
    if compares and token.kind == "EQUAL":
        return chained("`=` defines, it does not compare", token.span, help="write `==`")
    if failure.inner and failure.tokens[0].kind == "_FN":
        return chained(
            "an argument of a function has no value of its own",
            token.span,
            help="name the arguments alone: `fn f(a, b) = ...`",
        )
    if failure.inner:
        what = "draws" if token.kind == "TILDE" else "defines"
        return chained(
            f"`{token.text}` {what}, so it cannot stand in brackets",
            token.span,
            help="give it a statement of its own" if what == "draws" else "equality is `==`",
        )
    if not earlier:
        return None
    return chained(
        f"a statement has one `{earlier[0].text}`"
        if token.text == earlier[0].text
        else "a name is either drawn or defined",
        token.span,
        secondary=(Label(earlier[0].span, "the first" if token.text == earlier[0].text else ""),),
        help="write two statements",
    )


def body(failure: Failure) -> Diagnostic | None:
    """Recognise a loop, function or guide without its body, and a loop without its ``in``."""
    if not failure.tokens or failure.inner or (failure.wants_value and not failure.at_end):
        return None
    first = failure.tokens[0]
    if first.kind == "_FOR":
        if "NAME" in failure.expected or "_IN" in failure.expected:
            return None
        return missing_body(
            "the loop has no body",
            failure.behind,
            "`{` is missing here",
            help="its statements stand in `{ }`",
        )
    if first.kind == "_FN":
        if failure.tokens[-1].kind == "NAME" and len(failure.tokens) == 2:
            return missing_body(
                "a function has arguments in parentheses", failure.behind, help="write `( )`"
            )
        if failure.tokens[-1].kind == "RPAR" and len(failure.top) == 4:
            return missing_body(
                "the function has no body",
                failure.behind,
                "`=` is missing here",
                help="write `fn f(a) = ...` or `fn f(a) { ... }`",
            )
    return None


def beside_distribution(failure: Failure) -> Diagnostic | None:
    """Recognise what may not follow a distribution."""
    tildes = [token for token in failure.top if token.kind == "TILDE"]
    if not tildes or failure.inner or failure.wants_value:
        return None
    token = failure.token
    if token.kind == "COMMA":
        return around_distribution(
            "a statement draws from one distribution",
            token.span,
            help="end the statement with a new line or `;`",
        )
    if token.kind in _OPERATORS:
        return around_distribution(
            "a distribution is no value that can be computed with",
            Span(tildes[-1].end + 1, token.end),
            help=f"draw from it first, then apply `{token.text}` in a statement with `=`",
        )
    return None


def in_guide(failure: Failure) -> Diagnostic | None:
    """Recognise a line of a guide without its ``~``."""
    blocks = [bracket for bracket in failure.open if bracket.block]
    if not blocks or blocks[-1].word != "guide" or not failure.tokens or failure.inner:
        return None
    token = failure.token
    if any(t.kind == "TILDE" for t in failure.tokens):
        return None
    if token.kind == "EQUAL":
        return guide_line("a guide defines nothing", token.span, help="write `~` for `=`")
    if failure.at_end or token.kind == "RBRACE":
        name = failure.before()
        return guide_line("`~` is missing", failure.behind, help=f"write `{name} ~ fullrank`")
    return None


def index_without_domain(failure: Failure) -> Diagnostic | None:
    """Recognise ``for n on N`` and ``sum(a for k)``."""
    if "_IN" not in failure.expected or all(t.kind != "_FOR" for t in failure.tokens):
        return None
    if failure.tokens[-1].kind != "NAME" or failure.tokens[-2].kind not in ("_FOR", "COMMA"):
        return None
    index = failure.tokens[-1].text
    return loop_without_in(
        f"what does `{index}` run over?",
        failure.behind if failure.at_end else failure.token.span,
        "`in` is missing here",
        help=f"write `for {index} in ...`",
    )


def undeclared_set(failure: Failure) -> Diagnostic | None:
    """Recognise ``g in J`` on its own."""
    if failure.token.kind != "_IN" or failure.inner or failure.wants_value or not failure.tokens:
        return None
    if any(token.kind in ("TILDE", "_FOR", "EQUAL") for token in failure.top):
        return None
    return set_without_declaration(
        "a set stands behind a declaration or a distribution",
        failure.token.span,
        help=f"declare data with `data {failure.before()} {failure.rest.split(';')[0].rstrip()}`",
    )
