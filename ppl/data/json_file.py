"""Reading `.json`: an object of arrays by name, a list of records, or a lone nested list."""

from __future__ import annotations

import json
from typing import NoReturn

from ppl.data.arrays import variable
from ppl.data.dataset import Dataset, named, with_row_labels
from ppl.data.diagnostics import DAMAGED, NOT_NUMBERS, TWICE, fail


def read_json(text: str, shown: str, stem: str | None) -> Dataset:
    """Read a JSON text; `null` is a missing value, `true` and `false` are 1 and 0.

    Raises
    ------
    DataError
        If the text is not JSON, a key occurs twice, or a value is not an array of numbers.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = dict(pairs)
        if len(keys) < len(pairs):
            seen: set[str] = set()
            again = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
            fail(TWICE, f"the key `{again}` occurs twice in {shown}")
        return keys

    try:
        content = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        _fail_syntax(error, text, shown)
    except (RecursionError, ValueError) as error:
        fail(DAMAGED, f"{shown} cannot be read as JSON ({error})")
    if isinstance(content, dict):
        return _by_key(content, shown)
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _records(content, shown)
    return Dataset({}, lone=variable(content, stem or "data", shown), stem=stem)


def _by_key(content: dict[str, object], shown: str) -> Dataset:
    for key, value in content.items():
        if isinstance(value, dict):
            fail(
                NOT_NUMBERS,
                f"`{key}` in {shown} is an object with keys of its own, not an array",
                "put the arrays at the top: one object that gives each name its numbers",
            )
    pairs = [(k, variable(v, k, f"{shown}, key `{k}`")) for k, v in content.items()]
    return named(pairs, shown)


def _records(rows: list[dict[str, object]], shown: str) -> Dataset:
    """Read a list of records as a table; a key that a record lacks is missing there."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    pairs = [
        (n, variable([row.get(n) for row in rows], n, f"{shown}, key `{n}`", shown)) for n in names
    ]
    return named(with_row_labels(pairs), shown)


def _fail_syntax(error: json.JSONDecodeError, text: str, shown: str) -> NoReturn:
    if error.pos >= len(text.rstrip()):
        fail(DAMAGED, f"{shown} is cut short: it ends in line {error.lineno} inside a value")
    fail(DAMAGED, f"{shown}, line {error.lineno}, column {error.colno}: {error.msg}")
