"""The syntax tree as text, for ``ppl show --stage tree``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ppl.syntax.tree import SyntaxTree

INDENT = "  "


def tree_text(tree: SyntaxTree) -> str:
    """Return the tree: one node on a line, what it holds below it, positions left out."""
    return "\n".join(line for s in tree.statements for line in _lines(s, 0)) + "\n"


def _lines(node: Any, depth: int, label: str = "") -> Iterator[str]:
    head = INDENT * depth + (f"{label}: " if label else "")
    if not is_dataclass(node):
        yield f"{head}{node!r}"
        return
    plain, below = [], []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name == "span" or value is None or value == ():
            continue
        if is_dataclass(value) or isinstance(value, tuple):
            below.append((field.name, value))
        elif field.name != "value" or not hasattr(node, "text"):
            plain.append(str(value))
    yield head + " ".join((type(node).__name__, *plain))
    for name, value in below:
        if isinstance(value, tuple):
            for item in value:
                yield from _lines(item, depth + 1, name)
        else:
            yield from _lines(value, depth + 1, name)
