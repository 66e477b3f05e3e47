"""Cases written in Markdown: a model, its data, perhaps a command, and what is said of them.

Each `##` section of a file is a case. Its blocks are the model (``ppl``), data files (the format,
then the file's name), perhaps a command (``sh``), and last what the command says (``text``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ppl import pipeline
from ppl.data.read import read
from ppl.text import Diagnostic, PplError
from ppl.text.render import render_all
from ppl.text.source import Source

FOLDER = Path(__file__).parent / "corpus"
SECTION = re.compile(r"^## (?P<title>.*)\n", re.MULTILINE)
BLOCK = re.compile(r"^```(?P<info>[^\n]+)\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
SAID = "text"


@dataclass(frozen=True, slots=True)
class Case:
    """A section of a file: its heading, and its blocks in order."""

    title: str
    blocks: tuple[tuple[str, str], ...]

    def block(self, info: str) -> str | None:
        """Return the text of the block of that kind."""
        return next((text for kind, text in self.blocks if kind == info), None)

    @property
    def model(self) -> str:
        """The model's text."""
        return (self.block("ppl") or "").rstrip("\n")

    @property
    def files(self) -> dict[str, str]:
        """Names and contents of the data files."""
        return {info.split()[1]: text for info, text in self.blocks if len(info.split()) == 2}

    @property
    def words(self) -> list[str]:
        """The words of the command behind ``ppl check``."""
        command = self.block("sh")
        return command.split()[2:] if command is not None else ["model.ppl", *self.files]


def split(text: str) -> tuple[str, list[Case]]:
    """Take a file apart: what stands before its cases, and the cases."""
    head, *rest = SECTION.split(text)
    titles, bodies = rest[::2], rest[1::2]
    cases = [
        Case(title, tuple((m["info"], m["text"]) for m in BLOCK.finditer(body)))
        for title, body in zip(titles, bodies, strict=True)
    ]
    return head, cases


def join(head: str, cases: list[tuple[Case, str]]) -> str:
    """Put a file together, with what is now said of each case."""
    parts = [head]
    for case, said in cases:
        blocks = [(i, t) for i, t in case.blocks if i != SAID] + [(SAID, said + "\n")]
        parts.append(f"## {case.title}\n\n")
        parts.append("\n".join(f"```{info}\n{text}```\n" for info, text in blocks))
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def all_cases() -> Iterator[tuple[str, Case]]:
    """Yield every case with the name of its file."""
    for path in sorted(FOLDER.glob("*.md")):
        for case in split(path.read_text(encoding="utf-8"))[1]:
            yield path.stem, case


def check(case: Case) -> tuple[tuple[Diagnostic, ...], Source | None]:
    """Write a case's files into the current folder and run its command."""
    Path("model.ppl").write_text(case.model + "\n", encoding="utf-8")
    for name, text in case.files.items():
        Path(name).write_text(text, encoding="utf-8")
    files, sizes, observe = _sorted(case.words)
    source: Source | None = None
    try:
        source = pipeline.read_model(files[0])
        request = pipeline.Request(source, read(files[1:]), sizes, tuple(observe))
        return pipeline.check(request), source
    except PplError as error:
        return error.diagnostics, error.source or source


def _sorted(words: list[str]) -> tuple[list[str], dict[str, int], list[str]]:
    """Sort the words of a command into files, sizes, and names to observe."""
    files: list[str] = []
    sizes: dict[str, int] = {}
    observe: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--set":
            name, _, size = next(rest).partition("=")
            sizes[name] = int(size)
        elif word == "--observe":
            observe.append(next(rest))
        else:
            files.append(word)
    return files, sizes, observe


def said_of(case: Case) -> str:
    """Return what the command says of a case."""
    found, source = check(case)
    return render_all(found, source)
