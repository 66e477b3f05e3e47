"""The fenced blocks of a document, with what the comments before them say.

A comment alone on the line above a block tells the tests how to check it; readers do not see it:

- ``<!-- file: NAME -->``: the block is the text of this file, for the commands that follow;
- ``<!-- data: {"y": [1, 2]} -->``: the model is checked with these data;
- ``<!-- error: CODE -->``: the model is refused with this diagnostic;
- ``<!-- layout: free -->``: the model is not in the canonical layout;
- ``<!-- tests -->``, ``<!-- setup -->``: commands of a fresh machine, tested elsewhere.

What is written in another project's language (`FOREIGN`) is shown only; ``py`` is Python of theirs.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOREIGN = {"stan", "bugs", "py"}
_BLOCK = re.compile(
    r"^(?P<notes>(?:<!-- .* -->\n)*)```(?P<language>\w*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE
)
_NOTE = re.compile(r"<!-- (?P<key>\w+)(?:: (?P<value>.*?))? -->")
_COMMAND = re.compile(r"^\$ (?P<words>.+)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its place in the document, language, text and notes."""

    document: Path
    start: int
    line: int
    language: str
    text: str
    notes: dict[str, str]

    def __str__(self) -> str:
        return f"{name_of(self.document)}:{self.line}"

    @property
    def data(self) -> dict[str, Any] | None:
        """The data of the note, if there is one."""
        return json.loads(self.notes["data"]) if "data" in self.notes else None


@dataclass(frozen=True)
class Session:
    """A command in a console block, and what the document says that it prints."""

    words: str
    output: str
    start: int
    stop: int


def name_of(document: Path) -> str:
    """Return how tests call a document."""
    return document.relative_to(ROOT).as_posix().removeprefix("docs/")


def blocks_of(document: Path) -> list[Block]:
    """Return the blocks of a document in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            match.start("text"),
            text.count("\n", 0, match.start("text")) + 1,
            match["language"],
            match["text"],
            {note["key"]: note["value"] or "" for note in _NOTE.finditer(match["notes"])},
        )
        for match in _BLOCK.finditer(text)
    ]


def sessions_of(block: Block) -> list[Session]:
    """Return the commands of a console block; places are counted from the document's start."""
    return [
        Session(m["words"], m["output"], block.start + m.start("output"), block.start + m.end())
        for m in _COMMAND.finditer(block.text)
    ]
