"""Syntax errors as sentences: from the parser's failure to a diagnostic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppl.text import Diagnostic, Kind

if TYPE_CHECKING:
    from ppl.syntax.parse import Failure

unexpected = Kind(
    "unexpected-text",
    """The text cannot go on like this.""",
    wrong="x = 1 2",
    right="x = 1 * 2",
)
too_deep = Kind(
    "too-deep",
    """Expressions and blocks may nest 200 deep; a long sum of terms counts each term. Give parts of
    it names of their own.""",
)


def explain(failure: Failure) -> Diagnostic | None:
    """Say what is wrong."""
    token = failure.token
    return unexpected(f"`{token.text}` cannot stand here", token.span)
