"""The examples run, their stories show what they print, and their scripts make their data.

`pytest --update-golden` writes the output into the stories.
"""

import re
import runpy
import shutil
import warnings
from pathlib import Path

import pytest

from ppl.cli import main
from ppl.cli.status import DONE, POOR

FOLDER = Path(__file__).parents[2] / "examples"
STORIES = sorted(FOLDER.glob("*/README.md"))
BLOCK = re.compile(r"```\n\$ ppl (?P<words>.*)\n(?P<output>(?:.*\n)*?)```\n")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
NEVER_THE_SAME = re.compile(r"^method .*$", re.MULTILINE)


def name(path: Path) -> str:
    return path.parent.name


def same(shown: str, printed: str) -> bool:
    """Whether the words are the same, and the numbers nearly: they depend on BLAS a little."""
    shown, printed = (NEVER_THE_SAME.sub("method", text) for text in (shown, printed))
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(float(a) == pytest.approx(float(b), rel=0.1, abs=0.1) for a, b in pairs)


@pytest.mark.parametrize("story", STORIES, ids=name)
def test_the_story_shows_what_is_printed(
    story: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(story.parent)
    text = story.read_text(encoding="utf-8")
    block = BLOCK.search(text)
    assert block is not None
    assert main(block["words"].split()) in (DONE, POOR)
    printed, complaints = capsys.readouterr()
    assert complaints == ""
    if request.config.getoption("--update-golden") and not same(block["output"], printed):
        shown = f"```\n$ ppl {block['words']}\n{printed}```\n"
        text = text[: block.start()] + shown + text[block.end() :]
        story.write_text(text, encoding="utf-8")
        block = BLOCK.search(text)
        assert block is not None
    assert same(block["output"], printed), printed


def test_there_are_eight() -> None:
    assert len(STORIES) >= 8


def test_the_models_are_in_canonical_layout(capsys: pytest.CaptureFixture[str]) -> None:
    models = sorted(str(path) for path in FOLDER.glob("*/*.ppl"))
    assert main(["format", "--check", *models]) == DONE, capsys.readouterr().out


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*/make_data.py")), ids=name)
def test_the_scripts_make_the_data(script: Path, tmp_path: Path) -> None:
    copy = tmp_path / script.name
    shutil.copy(script, copy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages as they are imported
        runpy.run_path(str(copy))
    made = [path for path in tmp_path.iterdir() if path != copy]
    assert made
    for path in made:
        assert path.read_bytes() == (script.parent / path.name).read_bytes()
        assert path.stat().st_size < 100_000
