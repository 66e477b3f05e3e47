"""The Pygments lexer, for documents, notebooks and terminals; Pygments finds it by entry point.

Beside `grammar/ppl.tmLanguage.json`, which colours the same text in editors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
)

from ppl.syntax.vocabulary import DECLARING, FOLLOWING, NAME, NUMBERS, OPERATORS, RESERVED

__all__ = ["PplLexer"]


class PplLexer(RegexLexer):
    """Colours a model: declarations, distributions, functions, sets, numbers, comments."""

    name = "ppl"
    aliases: ClassVar[list[str]] = ["ppl"]
    filenames: ClassVar[list[str]] = ["*.ppl"]
    mimetypes: ClassVar[list[str]] = ["text/x-ppl"]
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Text),
            (r"#[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String),
            (words(RESERVED, suffix=r"(?!\w)"), Keyword),
            (r"(fn)([ \t]+)(" + NAME + ")", bygroups(Keyword.Declaration, Text, Name.Function)),
            (r"(guide)(?=\s*\{)", Keyword.Declaration),
            (r"(" + "|".join(DECLARING[:3]) + r")(?=[ \t]+[^\W\d])", Keyword.Declaration),
            (r"(factor|require)(?=[ \t]+[\w(-])", Keyword.Declaration),
            (words(FOLLOWING, prefix=r"(?<=\s)", suffix=r"(?=[ \t]+[\w(\"-])"), Keyword),
            (
                r"(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+",
                Number.Float,
            ),
            (r"[0-9]+", Number.Integer),
            (words(NUMBERS, suffix=r"(?!\w)"), Number),
            (NAME + r"(?=\()", Name.Function),
            (NAME, Name),
            (words(OPERATORS), Operator),
            (r"[()\[\]{},;]", Punctuation),
        ],
    }

    def get_tokens_unprocessed(
        self, text: str, stack: Any = ("root",)
    ) -> Iterator[tuple[int, Any, str]]:
        """Yield places, tokens and texts; names of the tables are told apart from the model's."""
        from ppl.constraints import SETS
        from ppl.reference import distribution_lines, function_lines

        called = dict.fromkeys(function_lines(), Name.Builtin)
        called |= dict.fromkeys(distribution_lines(), Name.Class)
        for place, token, value in super().get_tokens_unprocessed(text, stack):
            if token is Name.Function and value in called:
                yield place, called[value], value
            elif token is Name and value in SETS:
                yield place, Name.Class, value
            else:
                yield place, token, value
