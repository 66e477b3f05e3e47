"""Everything in the documents that can be run is run: commands, Python, models.

`pytest --update-golden` writes what the commands print into the documents.
"""

import contextlib
import doctest
import os
import shlex
from pathlib import Path

import pytest

import ppl
from ppl.cli import main
from ppl.syntax.format import format_tree
from ppl.syntax.parse import parse
from ppl.text import KINDS, PplError, Source
from tests.docs.blocks import (
    DOCUMENTS,
    FOREIGN,
    ROOT,
    Block,
    blocks_of,
    name_of,
    sessions_of,
)
from tests.examples.test_examples import same

LANGUAGES = {"console", "python", "ppl", "sh", "json", "text"}
FRESH_MACHINE = {"tests", "setup"}
BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the examples, in which commands run."""
    os.symlink(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_files(folder: Path, document: Path) -> None:
    for block in blocks_of(document):
        if "file" in block.notes:
            (folder / block.notes["file"]).write_text(block.text, encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_print_what_the_document_shows(
    document: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    write_files(folder, document)
    text = document.read_text(encoding="utf-8")
    update = request.config.getoption("--update-golden")
    blocks = [b for b in blocks_of(document) if b.language == "console"]
    sessions = [(block, session) for block in blocks for session in sessions_of(block)]
    printed = [run(session.words, capsys) for _, session in sessions]
    for (block, session), now in reversed(list(zip(sessions, printed, strict=True))):
        if same(session.output, now):
            continue  # what differs in timings alone is left as it is
        if update:
            text = text[: session.start] + now + text[session.stop :]
        else:
            pytest.fail(f"{block}: $ {session.words}\n{now}")
    if update:
        document.write_text(text, encoding="utf-8")


def run(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command prints: one of `ppl`, or `cat FILE`, or `head -N FILE`."""
    program, *rest = shlex.split(words)
    if program == "cat":
        return Path(rest[0]).read_text(encoding="utf-8")
    if program == "head":
        lines = Path(rest[1]).read_text(encoding="utf-8").splitlines(keepends=True)
        return "".join(lines[: int(rest[0].lstrip("-"))])
    assert program == "ppl", words
    main(rest)
    return "".join(capsys.readouterr())


class Nearly(doctest.OutputChecker):
    """Numbers may differ a little, as in the examples' stories."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return same(want, got) or super().check_output(want, got, optionflags)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_python_does_what_the_document_shows(document: Path, folder: Path) -> None:
    """The blocks of a document are one session, in order."""
    write_files(folder, document)
    blocks = [block for block in blocks_of(document) if block.language == "python"]
    runner = doctest.DocTestRunner(Nearly(), optionflags=doctest.ELLIPSIS)
    names: dict[str, object] = {}
    for block in blocks:
        if ">>>" in block.text:
            test = doctest.DocTestParser().get_doctest(
                block.text, names, str(block), str(document), block.line
            )
            printed: list[str] = []
            outcome = runner.run(test, out=printed.append, clear_globs=False)
            names.update(test.globs)
            assert outcome.failed == 0, "".join(printed)
        else:
            with contextlib.redirect_stdout(None):
                exec(compile(block.text, str(block), "exec"), names)


@pytest.mark.parametrize("block", of("ppl"), ids=str)
def test_models_are_models(block: Block) -> None:
    """They are accepted, with their data if they have some, or refused as the note says."""
    if "error" in block.notes:
        assert block.notes["error"] in KINDS
        with pytest.raises(PplError) as caught:
            ppl.Model(block.text).check(block.data)
        codes = [found.code for found in caught.value.diagnostics]
        assert codes[0] == block.notes["error"], caught.value
    else:
        ppl.Model(block.text).check(block.data)


LAID_OUT = [block for block in of("ppl") if not {"error", "layout"} & set(block.notes)]


@pytest.mark.parametrize("block", LAID_OUT, ids=str)
def test_models_are_in_canonical_layout(block: Block) -> None:
    source = Source("model.ppl", block.text)
    assert format_tree(parse(source), source) == block.text


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_of_a_kind_that_is_tested(block: Block) -> None:
    assert block.language in LANGUAGES | FOREIGN
    if block.language == "sh":
        assert FRESH_MACHINE & set(block.notes), "an untested command: use `console`"


def test_the_setup_line_runs_the_main_job(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It makes its own environment, installs, and its last part is a command that works."""
    (block,) = [block for block in blocks_of(ROOT / "README.md") if "setup" in block.notes]
    make, install, job = block.text.strip().split(" && ")
    assert make == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install -q ."
    assert "z  " in run(job.removeprefix(".venv/bin/"), capsys)


def test_links_lead_somewhere() -> None:
    import re

    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"
