"""The TextMate grammar, written from the language's words and the tables of what can be called.

`docs.generate` writes it beside `grammar/ppl.lark` and, for Visual Studio Code, into its extension.
Names are told apart by where they stand: a distribution behind `~` or as an argument, a function
before its parenthesis, a set behind `in`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ppl.constraints import SETS
from ppl.reference import distribution_lines, function_lines
from ppl.syntax.vocabulary import DECLARING, FOLLOWING, NUMBERS, OPERATORS, RESERVED

NAME = r"[\p{L}_][\p{L}\p{N}\p{M}_]*"
"""A name in the regular expressions of TextMate."""

_END = r"(?![\p{L}\p{N}\p{M}_])"
_START = r"(?<![\p{L}\p{N}\p{M}_])"


def textmate_text() -> str:
    """Return the grammar as JSON."""
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"


def grammar() -> dict[str, Any]:
    """Return the grammar."""
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "ppl",
        "scopeName": "source.ppl",
        "fileTypes": ["ppl"],
        "patterns": [
            pattern("comment.line.number-sign.ppl", r"#.*$"),
            pattern("string.quoted.double.ppl", r'"[^"\n]*"'),
            {
                "match": rf"{_START}(fn)\s+({NAME})",
                "captures": {
                    "1": {"name": "storage.type.ppl"},
                    "2": {"name": "entity.name.function.ppl"},
                },
            },
            pattern("keyword.control.ppl", one_of(RESERVED)),
            pattern("storage.type.ppl", rf"{_START}guide(?=\s*\{{)"),
            pattern(
                "storage.type.ppl",
                one_of(w for w in DECLARING if w not in ("fn", "guide")) + r"(?=[ \t]+[\p{L}_(-])",
            ),
            pattern("keyword.other.ppl", r"(?<=\s)" + one_of(FOLLOWING) + r'(?=[ \t]+[\w("-])'),
            pattern("constant.numeric.ppl", r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?" + _END),
            pattern("constant.language.ppl", one_of(NUMBERS)),
            pattern("support.class.distribution.ppl", one_of(distribution_lines()) + r"(?=\()"),
            pattern("support.function.ppl", one_of(function_lines()) + r"(?=\()"),
            pattern("support.type.ppl", r"(?<=in )" + one_of(SETS)),
            pattern("entity.name.function.ppl", rf"{_START}{NAME}(?=\()"),
            pattern("keyword.operator.ppl", "|".join(map(re.escape, OPERATORS))),
            pattern("variable.other.ppl", f"{_START}{NAME}"),
        ],
    }


def pattern(name: str, match: str) -> dict[str, str]:
    """Return a rule: what matches has this scope."""
    return {"name": name, "match": match}


def one_of(words: Iterable[str]) -> str:
    """Return a pattern for any of these whole words."""
    return f"{_START}(?:{'|'.join(sorted(words))}){_END}"
