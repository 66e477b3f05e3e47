"""From text to syntax tree: the first phase.

A LALR(1) automaton over the tables of `ppl.syntax.tables`. The token that comes next is read in the
parser's present state, which decides whether ``weight`` is a keyword there or a name. After a
mistake the parser goes on at the next statement, so that one run reports them all.
"""

from __future__ import annotations

from typing import Any

from ppl.syntax.build import BUILD
from ppl.syntax.tables import Tables, load
from ppl.syntax.token import Bracket, Token
from ppl.syntax.tree import Comment, SyntaxTree
from ppl.text import Diagnostic, ModelError, Source, Span

DEEPEST = 200
"""How deep expressions and blocks may nest, so that no later phase runs out of stack."""

_ENDING = frozenset({"NAME", "NUMBER", "STRING", "RPAR", "RSQB", "RBRACE"})
_TRUTH = ("true", "True", "TRUE", "false", "False", "FALSE")


def parse(source: Source) -> SyntaxTree:
    """Return the tree of a model.

    Raises
    ------
    ModelError
        With a diagnostic for each independent mistake, in the order of the text.
    """
    return Parser(source, load()).run()


class Parser:
    """The state of one run; the stacks are parallel, one entry for each symbol."""

    def __init__(self, source: Source, tables: Tables) -> None:
        self.source = source
        self.text = source.text
        self.tables = tables
        self.position = 0
        self.last: str | None = None
        self.states = [tables.start]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []
        self.brackets: list[Bracket] = []
        self.tokens: list[Token] = []
        self.comments: list[Comment] = []
        self.problems: list[Diagnostic] = []
        self.ended = False

    def run(self) -> SyntaxTree:
        """Parse the whole text; raise what was reported."""
        states, rows, rules = self.states, self.tables.states, self.tables.rules
        while True:
            token = self.next_token()
            kind = token.kind
            while (action := rows[states[-1]].get(kind)) is not None and action < 0:
                rule = rules[~action]
                if rule.name:
                    self.reduce(rule.length, rule.name, rule.children)
                else:
                    del states[-1]
                states.append(rows[states[-1]][rule.origin])
            if action is None:
                if self.ended:
                    break
                self.fail(token)
            elif kind == "$END":
                break
            else:
                self.shift(token, action)
        if self.problems:
            raise self.error()
        self.booleans()
        return SyntaxTree(self.values[0], tuple(self.comments))

    def booleans(self) -> None:
        """Stop at ``true`` and its like, where the model does not define such a name."""
        if not any(word in self.text for word in _TRUTH):
            return
        from ppl.syntax.mistakes.names import booleans

        self.problems.extend(booleans(self.values[0]))
        if self.problems:
            raise self.error()

    def error(self) -> ModelError:
        """Return all that was reported, in the order of the text."""
        return ModelError(tuple(sorted(self.problems, key=_place)), self.source)

    def give_up(self, span: Span) -> None:
        """Stop at text that nests too deep."""
        from ppl.syntax.mistakes import too_deep

        self.problems.append(
            too_deep(
                f"this nests more than {DEEPEST} deep",
                Span(span.start, span.start + 1),
                "from here",
                help="give parts of it names of their own",
            )
        )
        raise self.error()

    def next_token(self) -> Token:
        """Read the next token as the present state sees it."""
        text, match, tables = self.text, self.tables.token.match, self.tables
        ignored = tables.ignored
        continuing = False
        while self.position < len(text):
            start = self.position
            if text[start] == "\n" and (continuing or not self.at_end_of_statement()):
                self.position += 1
                continue
            found = match(text, start)
            if found is None:
                return Token("?", text[start], start, start + 1)
            kind: str = found.lastgroup  # type: ignore[assignment]
            self.position = end = found.end()
            if kind in ignored:
                if kind == "_COMMENT":
                    self.comments.append(self.comment(start, end))
                continuing |= kind == "_CONTINUATION"
                continue
            if kind == "_NEWLINE" and self.last is None:
                continue
            if kind in tables.words and kind not in tables.states[self.states[-1]]:
                kind = "NAME"
            if kind == "RBRACE" and self.brackets and self.brackets[-1].phantom:
                self.brackets.pop()
                if self.last not in _ENDING:
                    continue
                kind = "_NEWLINE"
            return Token(kind, found.group(), start, end)
        return Token("$END", "", len(text), len(text))

    def at_end_of_statement(self) -> bool:
        """Tell whether a newline here would end a statement."""
        return self.last in _ENDING and (not self.brackets or self.brackets[-1].block)

    def comment(self, start: int, end: int) -> Comment:
        """Make a comment from its place in the text."""
        line = self.text.rfind("\n", 0, start) + 1
        own = not self.text[line:start].strip(" \t\r;")
        return Comment(self.text[start:end].rstrip(), own, Span(start, end))

    def shift(self, token: Token, state: int) -> None:
        """Push a token, and keep account of brackets and of where statements begin."""
        kind = token.kind
        self.states.append(state)
        self.values.append(token.text)
        self.starts.append(token.start)
        self.ends.append(token.end)
        self.depths.append(0)
        self.last = kind
        if kind in ("LPAR", "LSQB", "LBRACE"):
            block = kind == "LBRACE" and self.takes_statement(state)
            word = self.tokens[0].text if self.tokens else ""
            self.brackets.append(Bracket(token, block, word=word))
            if block:
                self.last = None
                self.tokens.clear()
                return
        elif kind in ("RPAR", "RSQB", "RBRACE"):
            self.brackets.pop()
        elif kind == "_NEWLINE":
            self.last = None
            self.tokens.clear()
            return
        self.tokens.append(token)

    def takes_statement(self, state: int) -> bool:
        """Tell whether a statement may begin in a state."""
        row = self.tables.states[state]
        return "statement" in row or "guide_entry" in row

    def reduce(self, length: int, name: str, kept: tuple[int, ...]) -> None:
        """Replace the topmost symbols by what the rule makes of them."""
        values = self.values
        if not length:
            place = self.ends[-1] if self.ends else 0
            self.starts.append(place)
            self.ends.append(place)
            self.depths.append(0)
            values.append(BUILD[name]([], Span(place, place), self.problems.append))
            return
        symbols = values[-length:]
        del values[-length:], self.states[-length:]
        start, end = self.starts[-length], self.ends[-1]
        depth = max(self.depths[-length:])
        del self.starts[-length:], self.ends[-length:], self.depths[-length:]
        children = _children(symbols, kept)
        if name == "*":
            values.append(children)
        else:
            span = Span(start, end)
            value = BUILD[name](children, span, self.problems.append)
            depth += not isinstance(value, tuple)
            values.append(value)
            if depth > DEEPEST:
                self.give_up(span)
        self.starts.append(start)
        self.ends.append(end)
        self.depths.append(depth)

    def fail(self, token: Token) -> None:
        """Report a mistake, then go on at the next statement."""
        from ppl.syntax.recovery import recover

        self.ended = token.kind == "$END"
        recover(self, token)


def _children(symbols: list[Any], kept: tuple[int, ...]) -> list[Any]:
    """Pick a rule's children; those of helper rules are taken in."""
    children: list[Any] = []
    for i in kept:
        child = None if i < 0 else symbols[i]
        if not isinstance(child, list):
            children.append(child)
        elif children:
            children.extend(child)
        else:
            children = child
    return children


def _place(problem: Diagnostic) -> int:
    return problem.primary.span.start if problem.primary else 0
