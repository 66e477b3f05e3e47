"""Writes the parts of the documentation that come from tables.

``python -m docs.generate`` writes ``docs/distributions.md``, ``docs/functions.md``,
``docs/command.md``, and the grammar that editors colour models with; the tests check that they are
up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.textmate import textmate_text
from ppl.cli.help import document
from ppl.reference import distributions_text, functions_text

FOLDER = Path(__file__).parent

TEXTS: Mapping[str, Callable[[], str]] = {
    "distributions.md": distributions_text,
    "functions.md": functions_text,
    "command.md": document,
    "../grammar/ppl.tmLanguage.json": textmate_text,
    "../editors/vscode/syntaxes/ppl.tmLanguage.json": textmate_text,
}


def main() -> None:
    """Write them all."""
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
