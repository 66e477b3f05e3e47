"""Syntax errors as sentences: from the parser's failure to a diagnostic.

Each recogniser knows one mistake by the tokens around it; the first that applies speaks. Habits
from other languages come before what is generally wrong with brackets, values and statements. No
message lists what tokens the grammar would take. Imported only when there is a mistake.
"""

from __future__ import annotations

from collections.abc import Callable

from ppl.syntax.failure import Failure
from ppl.syntax.mistakes import brackets, names, operators, other, stan, statements, values
from ppl.text import Diagnostic, Kind

Recogniser = Callable[[Failure], Diagnostic | None]

unexpected = Kind(
    "unexpected-text",
    """Here the statement cannot go on: what stands before is complete or needs something else.""",
    wrong="y ~ Normal(0, 1) weight v weight w",
    right="y ~ Normal(0, 1) weight v * w",
)
too_deep = Kind(
    "too-deep",
    """Expressions and blocks may nest 200 deep; in a long sum each term counts. Parts of it with
    names of their own mend it, and read better.""",
)

ONCE = frozenset({"foreign-comment"})
"""Codes that are reported once in a file, however often the mistake is made."""

RECOGNISERS: tuple[Recogniser, ...] = (
    operators.comment,
    operators.quote,
    names.reserved,
    stan.block,
    stan.declaration,
    stan.truncation,
    stan.increment,
    other.arrow,
    other.loop,
    other.statement,
    names.dotted,
    operators.sign,
    brackets.mismatched,
    brackets.unclosed,
    statements.conditional,
    statements.second_for,
    statements.range_in_expression,
    statements.comma_between_bounds,
    statements.given_in_declaration,
    statements.second_sign,
    statements.index_without_domain,
    statements.undeclared_set,
    statements.body,
    statements.in_guide,
    statements.beside_distribution,
    values.interval,
    values.empty,
    values.missing,
    values.comma,
    values.juxtaposed,
    brackets.stray,
    operators.character,
)


def explain(failure: Failure) -> Diagnostic:
    """Say what is wrong where the parser could not go on."""
    for recogniser in RECOGNISERS:
        diagnostic = recogniser(failure)
        if diagnostic is not None:
            return diagnostic
    token = failure.token
    if token.kind == "LBRACE":
        help = "blocks belong to `for`, `fn` and `guide`; a set stands after `in`"
        return unexpected("`{` opens nothing here", token.span, help=help)
    if failure.at_end:
        return unexpected("the statement is not complete", failure.behind)
    return unexpected(f"`{token.text}` cannot stand here", token.span)
