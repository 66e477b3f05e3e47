"""Writes the parts of the documentation that come from tables.

``python -m docs.generate`` writes ``docs/distributions.md``, ``docs/functions.md`` and
``docs/command.md``; the tests check that they are up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ppl.cli.help import document
from ppl.reference import distributions_text, functions_text

FOLDER = Path(__file__).parent

TEXTS: Mapping[str, Callable[[], str]] = {
    "distributions.md": distributions_text,
    "functions.md": functions_text,
    "command.md": document,
}


def main() -> None:
    """Write them all."""
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
