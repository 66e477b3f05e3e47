"""What the parser knows where it cannot go on: what the recognisers of mistakes look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ppl.syntax.token import Bracket, Token
from ppl.text import Source, Span

CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Failure:
    """What the parser knows where it cannot go on.

    Attributes
    ----------
    source
        The whole text.
    tokens
        The tokens of the statement so far, without the one at fault.
    token
        The token at fault; ``$END`` at the end of the text.
    open
        The brackets open there, outermost first.
    expected
        The kinds of token that the state takes.
    """

    source: Source
    tokens: tuple[Token, ...]
    token: Token
    open: tuple[Bracket, ...]
    expected: frozenset[str]

    @property
    def previous(self) -> Token | None:
        """The token before the one at fault, in the same statement."""
        return self.tokens[-1] if self.tokens else None

    @property
    def behind(self) -> Span:
        """The place right behind the previous token."""
        end = self.tokens[-1].end if self.tokens else self.token.start
        return Span(end, end)

    @cached_property
    def inner(self) -> tuple[Token, ...]:
        """The brackets open within the statement, outermost first."""
        inner: list[Token] = []
        for bracket in self.open:
            inner = [] if bracket.block else [*inner, bracket.token]
        return tuple(inner)

    @cached_property
    def top(self) -> tuple[Token, ...]:
        """The tokens of the statement so far that stand in no brackets."""
        depth, kept = 0, []
        for token in self.tokens:
            depth -= token.kind in ("RPAR", "RSQB", "RBRACE")
            if depth == 0:
                kept.append(token)
            depth += token.kind in ("LPAR", "LSQB", "LBRACE")
        return tuple(kept)

    @property
    def start(self) -> int:
        """Where the statement begins."""
        return self.tokens[0].start if self.tokens else self.token.start

    @cached_property
    def line(self) -> str:
        """The statement's text from its beginning to the end of that line or the ``;``."""
        return _rest_of_line(self.source.text, self.start).split(";", 1)[0].rstrip()

    @cached_property
    def rest(self) -> str:
        """The text from the token at fault to the end of its line."""
        return _rest_of_line(self.source.text, self.token.start)

    @property
    def wants_value(self) -> bool:
        """Whether an expression would have to begin here."""
        return "NUMBER" in self.expected and "NAME" in self.expected

    @property
    def at_end(self) -> bool:
        """Whether the statement, or the text, ends here."""
        return self.token.kind in ("$END", "_NEWLINE")

    @cached_property
    def begins_line(self) -> bool:
        """Whether nothing stands before the token at fault on its line."""
        text = self.source.text
        return not text[text.rfind("\n", 0, self.token.start) + 1 : self.token.start].strip()

    def ahead(self, sign: str) -> Span | None:
        """Return where an operator stands that holds the token at fault, or ends before it."""
        text, place = self.source.text, self.token.start
        for start in range(place, max(place - len(sign), -1), -1):
            if text.startswith(sign, start):
                return Span(start, start + len(sign))
        return None

    def before(self) -> str:
        """Return the text of the statement before the token at fault."""
        return " ".join(self.source.text[self.start : self.token.start].split())


def _rest_of_line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start:] if end < 0 else text[start:end]
