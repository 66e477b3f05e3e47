"""From text to syntax tree: the first phase.

A LALR(1) automaton over the tables of `ppl.syntax.tables`. The token that comes next is read in the
parser's present state, which decides whether ``weight`` is a keyword there or a name. After a
mistake the parser goes on at the next statement, so that one run reports them all.
"""

from __future__ import annotations

import re
from typing import Any

from ppl.syntax.build import BUILD
from ppl.syntax.failure import Bracket, Failure, Token
from ppl.syntax.tables import Tables, load
from ppl.syntax.tree import Comment, SyntaxTree
from ppl.text import Diagnostic, ModelError, Source, Span

DEEPEST = 200
"""How deep expressions and blocks may nest, so that no later phase runs out of stack."""

_ENDING = frozenset({"NAME", "NUMBER", "STRING", "RPAR", "RSQB", "RBRACE"})
_BEFORE_SET = frozenset({"_IN", "EQUAL", "COMMA", "LPAR", "LSQB", "TILDE"})
_STATEMENT = re.compile(
    r"""[ \t]*(?: (?:data|dim|param|factor|require)[ \t]+[\w(-]
    | fn[ \t]+\w+\( | for[ \t(].*\{ | guide[ \t]*\{
    | [^\W\d]\w*[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?: ~ | =(?!=)(?P<value>[^\n]*)))""",
    re.VERBOSE,
)
_BOOLEAN = re.compile(r"\b(?:[Tt]rue|[Ff]alse|TRUE|FALSE)\b")
_FOREIGN = re.compile(r"""//[^\n]* | /\*(?s:.*?)(?:\*/|\Z) | '[^'\n]*' | "[^"\n]*$""", re.X | re.M)


def parse(source: Source) -> SyntaxTree:
    """Return the tree of a model.

    Raises
    ------
    ModelError
        With a diagnostic for each independent mistake, in the order of the text.
    """
    return _Parser(source, load()).run()


class _Parser:
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

    def run(self) -> SyntaxTree:
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
                self.fail(token)
                if kind == "$END":
                    break
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
        if _BOOLEAN.search(self.text) is None:
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
        line = self.text.rfind("\n", 0, start) + 1
        own = not self.text[line:start].strip(" \t\r;")
        return Comment(self.text[start:end].rstrip(), own, Span(start, end))

    def shift(self, token: Token, state: int) -> None:
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
        from ppl.syntax.mistakes import ONCE, explain

        row = self.tables.states[self.states[-1]]
        failure = Failure(
            self.source,
            tuple(self.tokens),
            token,
            tuple(self.brackets),
            frozenset(kind for kind in row if kind[0].isupper() or kind[0] in "_$"),
        )
        diagnostic = explain(failure)
        if diagnostic.code not in ONCE or all(p.code != diagnostic.code for p in self.problems):
            self.problems.append(diagnostic)
        self.position = token.start
        self.recover(token)

    def recover(self, token: Token) -> None:
        """Drop the statement from both ends: what was parsed of it, and what is left of it."""
        closed = 0
        while closed or not self.takes_statement(self.states[-1]):
            if self.values[-1] == "}":
                closed += 1
            elif self.values[-1] == "{" and closed:
                closed -= 1
            del self.states[-1], self.values[-1], self.starts[-1], self.ends[-1], self.depths[-1]
        self.skip(token)
        self.last = None
        self.tokens.clear()

    def skip(self, token: Token) -> None:
        """Move on to where the next statement seems to begin, and close what is open till there."""
        blocks = [i for i, bracket in enumerate(self.brackets) if bracket.block]
        outer = blocks[-1] + 1 if blocks else 0
        inner = [bracket.token.text for bracket in self.brackets[outer:]]
        del self.brackets[outer:]
        if inner and self.tokens and self.begins_statement(token.start):
            return
        previous = self.last
        while self.position < len(self.text):
            found = self.raw_token()
            kind, start, self.position = found.kind, found.start, found.end
            if kind == "RBRACE" and "{" not in inner:
                if self.brackets:
                    self.position = start
                return
            if kind == "LBRACE" and previous not in _BEFORE_SET:
                self.brackets.append(Bracket(found, block=True, phantom=True))
                return
            if kind in ("LPAR", "LSQB", "LBRACE"):
                inner.append(found.text)
            elif kind in ("RPAR", "RSQB", "RBRACE") and inner:
                inner.pop()
            elif kind == "_NEWLINE" and self.ends_here(found, bool(inner)):
                return
            if kind not in self.tables.ignored:
                previous = kind

    def ends_here(self, newline: Token, inside: bool) -> bool:
        """Tell whether a faulty statement ends at a newline, perhaps inside brackets."""
        if not inside:
            return True
        if newline.text == ";":
            rest = self.text[newline.end :].split("\n", 1)[0]
            return not re.search(r"[)\]]\s*(?:#|;|$)", rest) or "(" in rest
        return self.begins_statement(newline.end)

    def raw_token(self) -> Token:
        """Read on without a parser's state, over what other languages take for comments too."""
        text, start = self.text, self.position
        found = _FOREIGN.match(text, start)
        if found is not None:
            return Token("?", found.group(), start, found.end())
        found = self.tables.token.match(text, start)
        if found is None:
            return Token("?", text[start], start, start + 1)
        return Token(found.lastgroup or "?", found.group(), start, found.end())

    def begins_statement(self, place: int) -> bool:
        """Tell whether a line begins here that can hardly be anything but a statement."""
        line = self.text.rfind("\n", 0, place) + 1
        if self.text[line:place].strip():
            return False
        found = _STATEMENT.match(self.text, place)
        if found is None:
            return False
        value = found["value"]
        if value is None:
            return True
        balance = sum((c in "([") - (c in ")]") for c in value)
        return balance >= 0 and not value.rstrip().endswith((",", "("))


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
