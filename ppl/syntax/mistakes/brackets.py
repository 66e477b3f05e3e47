"""Brackets that are not closed, closed by another, or never opened."""

from __future__ import annotations

from ppl.syntax.failure import CLOSING, Failure
from ppl.syntax.token import Token
from ppl.text import Diagnostic, Kind, Label

missing_bracket = Kind(
    "missing-bracket",
    """Each bracket is closed by its like. A statement goes on over line ends while one is open, so
    the mistake may be seen only on a later line; it is marked behind the last text that fits.""",
    wrong="x = (a + b\ny ~ Normal(0, 1)",
    right="x = (a + b)\ny ~ Normal(0, 1)",
)
stray_bracket = Kind(
    "stray-bracket",
    """A closing bracket closes one that is open.""",
    wrong="x = a + b)",
    right="x = a + b",
)

CLOSERS = {"RPAR", "RSQB", "RBRACE"}
# What may not stand in brackets, but may follow them.
OUTSIDE = {"TILDE", "LBRACE", "_IN", "_WEIGHT", "_MISSING", "_FROM", "_THEN", "_ELSE"}


def mismatched(failure: Failure) -> Diagnostic | None:
    """Recognise ``(a]``, and ``)`` where nothing is open."""
    token = failure.token
    if token.kind not in CLOSERS:
        return None
    if failure.inner:
        opened = failure.inner[-1]
        if CLOSING[opened.text] == token.text or failure.wants_value:
            return None
        if token.kind == "RBRACE":
            return _unclosed(failure, opened)
        return missing_bracket(
            f"`{opened.text}` is closed by `{token.text}`",
            token.span,
            secondary=(Label(opened.span, "opened here"),),
            help=f"write `{CLOSING[opened.text]}`",
        )
    return None if failure.wants_value and failure.tokens else stray(failure)


def unclosed(failure: Failure) -> Diagnostic | None:
    """Recognise a bracket or a block that is still open where the statement or the text ends."""
    token = failure.token
    if failure.inner and not failure.wants_value:
        if failure.at_end or token.text == ";" or _begins_statement(failure):
            return _unclosed(failure, failure.inner[-1])
        if token.kind in OUTSIDE and not _closed_later(failure):
            return _unclosed(failure, failure.inner[-1])
    if token.kind == "$END" and failure.inner:
        return _unclosed(failure, failure.inner[-1])
    if token.kind == "$END" and failure.open and not (failure.tokens and failure.wants_value):
        block = failure.open[-1].token
        return missing_bracket(
            "the block is not closed",
            failure.behind if failure.tokens else block.span,
            secondary=(Label(block.span, "opened here"),) if failure.tokens else (),
            help="write `}` at its end",
        )
    return None


def _begins_statement(failure: Failure) -> bool:
    """Tell whether the token at fault begins a line that reads as a statement of its own."""
    if not failure.begins_line or failure.token.kind in CLOSERS:
        return False
    line = failure.rest.split("#")[0]
    words = ("data ", "dim ", "param ", "for ", "fn ", "factor ", "require ", "guide")
    if line.startswith(words) or "~" in line:
        return True
    return "=" in line and line.count(")") <= line.count("(")


def _closed_later(failure: Failure) -> bool:
    opened = failure.inner[-1]
    rest = failure.rest.split("#")[0]
    return rest.count(CLOSING[opened.text]) > rest.count(opened.text)


def _unclosed(failure: Failure, opened: Token) -> Diagnostic:
    closing = CLOSING[opened.text]
    return missing_bracket(
        f"`{opened.text}` is not closed",
        failure.behind,
        f"`{closing}` is missing here",
        secondary=(Label(opened.span, "opened here"),),
    )


def stray(failure: Failure) -> Diagnostic | None:
    """Recognise a closing bracket where none is open."""
    token = failure.token
    block = any(bracket.block for bracket in failure.open)
    if token.kind not in CLOSERS or failure.inner or (token.kind == "RBRACE" and block):
        return None
    what = "block" if token.kind == "RBRACE" else "bracket"
    return stray_bracket(f"`{token.text}` closes no {what}", token.span, help="leave it out")
