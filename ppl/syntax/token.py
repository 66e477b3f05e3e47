"""Tokens and open brackets, as the parser keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from ppl.text import Span


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `kind` as in the grammar, ``?`` for what is no token at all."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket that is open.

    A block's ends lines inside it, others do not. A phantom is one whose statement was at fault:
    its lines are read as if the block were not there. `word` is the word that begins the statement
    of a block.
    """

    token: Token
    block: bool
    phantom: bool = False
    word: str = ""
