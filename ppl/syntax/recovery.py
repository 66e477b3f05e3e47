"""After a mistake: say what it is, then find where the next statement begins.

Imported only when there is a mistake. The statement at fault is dropped from both ends: what was
parsed of it from the stack, what is left of it from the text.
"""

from __future__ import annotations

import re

from ppl.syntax.failure import Failure
from ppl.syntax.mistakes import ONCE, explain
from ppl.syntax.parse import Parser
from ppl.syntax.token import Bracket, Token

# A line that begins like this can hardly be anything but a statement.
_STATEMENT = re.compile(
    r"""[ \t]*(?: (?:data|dim|param|factor|require)[ \t]+[\w(-]
    | fn[ \t]+\w+\( | for[ \t(].*\{ | guide[ \t]*\{
    | [^\W\d]\w*[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?: ~ | =(?!=)(?P<value>[^\n]*)))""",
    re.VERBOSE,
)
# What is a comment or a string in another language, and a string without an end.
_FOREIGN = re.compile(r"""//[^\n]* | /\*(?s:.*?)(?:\*/|\Z) | '[^'\n]*' | "[^"\n]*$""", re.X | re.M)
# Behind these a brace opens a set, elsewhere a block.
_BEFORE_SET = frozenset({"_IN", "EQUAL", "COMMA", "LPAR", "LSQB", "TILDE"})


def recover(parser: Parser, token: Token) -> None:
    """Report the mistake at a token, and bring the parser to the next statement."""
    token = _rewind(parser, token)
    row = parser.tables.states[parser.states[-1]]
    failure = Failure(
        parser.source,
        tuple(parser.tokens),
        token,
        tuple(parser.brackets),
        frozenset(symbol for symbol in row if not symbol.islower()),
    )
    diagnostic = explain(failure)
    code = diagnostic.code
    if code not in ONCE or all(problem.code != code for problem in parser.problems):
        parser.problems.append(diagnostic)
    _drop(parser)
    parser.position = token.start
    _skip(parser, token)
    parser.last = None
    parser.tokens.clear()


def _rewind(parser: Parser, token: Token) -> Token:
    """Go back to the beginning of the line if the statement before left a bracket open there.

    Inside that bracket, the first words of a statement may have been taken for a part of it.
    """
    text = parser.text
    line = text.rfind("\n", 0, token.start) + 1
    begin = token.start - len(text[line : token.start].lstrip(" \t"))
    before = [t for t in parser.tokens if t.end <= line]
    brackets = [b for b in parser.brackets if b.token.start < line]
    if not brackets or brackets[-1].block or not before or begin == token.start:
        return token
    if before[-1].kind in ("COMMA", "LPAR") and "~" not in text[begin : token.end]:
        return token
    if not _begins_statement(text, begin):
        return token
    parser.position, parser.tokens, parser.brackets = begin, before, brackets
    return _raw_token(parser)


def _drop(parser: Parser) -> None:
    """Take the statement at fault, and no more, from the stacks."""
    closed = 0
    while closed or not parser.takes_statement(parser.states[-1]):
        if parser.values[-1] == "}":
            closed += 1
        elif parser.values[-1] == "{" and closed:
            closed -= 1
        for stack in (parser.states, parser.values, parser.starts, parser.ends, parser.depths):
            del stack[-1]


def _skip(parser: Parser, token: Token) -> None:
    """Move on to where the next statement seems to begin, and close what is open till there."""
    blocks = [i for i, bracket in enumerate(parser.brackets) if bracket.block]
    outer = blocks[-1] + 1 if blocks else 0
    inner = [bracket.token.text for bracket in parser.brackets[outer:]]
    del parser.brackets[outer:]
    if inner and parser.tokens and _begins_statement(parser.text, token.start):
        return
    previous = parser.last
    while parser.position < len(parser.text):
        found = _raw_token(parser)
        kind, parser.position = found.kind, found.end
        if kind == "RBRACE" and "{" not in inner:
            if parser.brackets:
                parser.position = found.start
            return
        if kind == "LBRACE" and previous not in _BEFORE_SET:
            parser.brackets.append(Bracket(found, block=True, phantom=True))
            return
        if kind in ("LPAR", "LSQB", "LBRACE"):
            inner.append(found.text)
        elif kind in ("RPAR", "RSQB", "RBRACE") and inner:
            inner.pop()
        elif kind == "_NEWLINE" and _ends_statement(parser.text, found, bool(inner)):
            return
        if kind not in parser.tables.ignored:
            previous = kind


def _ends_statement(text: str, newline: Token, inside: bool) -> bool:
    """Tell whether a faulty statement ends at a newline or `;`, perhaps inside brackets."""
    if not inside:
        return True
    if newline.text != ";":
        return _begins_statement(text, newline.end)
    end = text.find("\n", newline.end)
    rest = text[newline.end :] if end < 0 else text[newline.end : end]
    return "(" in rest or re.search(r"[)\]]\s*(?:#|;|$)", rest) is None


def _raw_token(parser: Parser) -> Token:
    """Read a token without regard to the parser's state."""
    text, start = parser.text, parser.position
    found = _FOREIGN.match(text, start)
    if found is not None:
        return Token("?", found.group(), start, found.end())
    found = parser.tables.token.match(text, start)
    if found is None:
        return Token("?", text[start], start, start + 1)
    return Token(found.lastgroup or "?", found.group(), start, found.end())


def _begins_statement(text: str, place: int) -> bool:
    """Tell whether a line begins here that can hardly be anything but a statement."""
    line = text.rfind("\n", 0, place) + 1
    found = _STATEMENT.match(text, place)
    if found is None or text[line:place].strip():
        return False
    value = found["value"]
    if value is None:
        return True
    balance = sum((c in "([") - (c in ")]") for c in value)
    return balance >= 0 and not value.rstrip().endswith((",", "("))
