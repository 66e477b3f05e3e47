"""The parser's tables: made from the grammar by Lark, kept as JSON, read without Lark.

``grammar/ppl.lark`` is the source; ``python -m ppl.syntax.tables`` writes ``tables.json`` from it.
Reading that file takes a few milliseconds where importing Lark and building would take a hundred.
When the file is absent, or the grammar has changed since, the tables are built on the spot.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from os.path import dirname, exists, join
from typing import Any
from zlib import crc32

HERE = dirname(__file__)
TABLES = join(HERE, "tables.json")
GRAMMARS = tuple(join(HERE, *up, "grammar", "ppl.lark") for up in ([".."], ["..", ".."]))


@dataclass(frozen=True, slots=True)
class Rule:
    """A production of the grammar.

    Attributes
    ----------
    origin
        The nonterminal that it makes.
    length
        How many symbols it takes from the stack.
    name
        What is built: the alias or the origin. Empty for a rule that only passes its child on;
        ``*`` for a helper rule, whose children go to the rule that uses it.
    children
        Which of the symbols are children of what is built; -1 stands for an absent optional one.
    """

    origin: str
    length: int
    name: str
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """A LALR(1) automaton and its tokens.

    Attributes
    ----------
    token
        One pattern; the name of the group that matches is the kind of token.
    words
        Kinds of token that are names where the state does not take them.
    ignored
        Kinds of token that are no part of the grammar.
    states
        For each state: a state to go to for a symbol, or, negative, ``~rule`` to reduce by.
    start
        The first state.
    """

    token: re.Pattern[str]
    words: frozenset[str]
    ignored: frozenset[str]
    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]
    start: int


@cache
def load() -> Tables:
    """Return the tables that belong to the grammar."""
    grammar = read_grammar()
    if exists(TABLES):
        with open(TABLES, encoding="utf-8") as file:
            raw = json.load(file)
        if grammar is None or raw["grammar"] == checksum(grammar):
            return _decode(raw)
    if grammar is None:
        raise FileNotFoundError(f"neither {TABLES} nor the grammar is installed")
    return _decode(build(grammar))


def read_grammar() -> str | None:
    """Return the text of the grammar, from the package or from the folder beside it."""
    for path in GRAMMARS:
        if exists(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    return None


def checksum(grammar: str) -> int:
    """Tell one text of the grammar from another."""
    return crc32(grammar.encode())


def build(grammar: str) -> dict[str, Any]:
    """Let Lark analyse the grammar; return the tables as they are written to JSON.

    Raises
    ------
    lark.exceptions.GrammarError
        Where the grammar has a conflict, of whichever kind.
    """
    from lark import Lark
    from lark.parsers.lalr_analysis import LALR_Analyzer

    lark = Lark(grammar, parser="lalr", lexer="contextual")
    frontend: Any = lark.parser
    analysis: Any = LALR_Analyzer(frontend.parser.parser_conf, strict=True)
    analysis.compute_lalr()
    table = analysis.parse_table
    numbers = {rule: i for i, rule in enumerate(lark.rules)}
    order = sorted(
        lark.terminals,
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    return {
        "grammar": checksum(grammar),
        "tokens": [[t.name, t.pattern.to_regexp()] for t in order],
        "words": sorted(t.name for t in lark.terminals if t.priority == 1),
        "ignored": sorted(lark.ignore_tokens),
        "rules": [_encode_rule(rule) for rule in lark.rules],
        **_encode_states(table, numbers),
    }


def _encode_states(table: Any, numbers: dict[Any, int]) -> dict[str, Any]:
    """Number the states in the order in which they are reached, so that the file is stable."""
    from lark.parsers.lalr_analysis import Shift

    order = [table.start_states["start"]]
    seen = {order[0]: 0}
    rows: list[dict[str, int]] = []
    for state in order:
        row: dict[str, int] = {}
        for symbol, (action, target) in sorted(table.states[state].items()):
            if action is not Shift:
                row[symbol] = ~numbers[target]
                continue
            if target not in seen:
                seen[target] = len(order)
                order.append(target)
            row[symbol] = seen[target]
        rows.append(row)
    end = seen[table.end_states["start"]]
    rows[end]["$END"] = end
    return {"start": 0, "states": rows}


def _encode_rule(rule: Any) -> list[Any]:
    origin = rule.origin.name
    kept = [i for i, s in enumerate(rule.expansion) if not (s.is_term and s.filter_out)]
    children = list(kept)
    if rule.options.empty_indices:
        position = iter(range(len(rule.expansion)))
        children = [-1 if absent else next(position) for absent in rule.options.empty_indices]
        children = [c for c in children if c == -1 or c in kept]
    if origin.startswith("_"):
        name = "*"
    elif rule.alias:
        name = rule.alias
    elif rule.options.expand1 and len(children) == 1:
        name = ""
    else:
        name = origin
    return [origin, len(rule.expansion), name, children]


def _decode(raw: dict[str, Any]) -> Tables:
    return Tables(
        token=re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in raw["tokens"])),
        words=frozenset(raw["words"]),
        ignored=frozenset(raw["ignored"]),
        rules=tuple(Rule(o, n, name, tuple(keep)) for o, n, name, keep in raw["rules"]),
        states=tuple(raw["states"]),
        start=raw["start"],
    )


def write() -> None:
    """Build the tables and write them to their file."""
    grammar = read_grammar()
    assert grammar is not None
    raw = build(grammar)
    rows = {key: raw.pop(key) for key in ("tokens", "rules", "states")}
    lines = [f'"{key}": {json.dumps(value)}' for key, value in raw.items()]
    for key, items in rows.items():
        body = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
        lines.append(f'"{key}": [\n{body}\n]')
    with open(TABLES, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
