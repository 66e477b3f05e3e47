"""Every mistake of the corpus gets the messages written beside it, and never a traceback."""

import sys
from pathlib import Path

import pytest

import ppl.graph.diagnostics
from ppl.graph.build import build
from ppl.graph.check import check_supports
from ppl.syntax.parse import parse
from ppl.text import Kind, ModelError, Source
from tests.diagnostics.cases import FOLDER, Case, all_cases, check, join, said_of, split

CASES = list(all_cases())
FILES = sorted(path.name for path in FOLDER.glob("*.md"))
SYNTAX = Path(__file__).parents[1] / "golden" / "syntax"


@pytest.mark.parametrize("name", FILES)
def test_messages(name, tmp_path, monkeypatch, request):
    path = FOLDER / name
    head, cases = split(path.read_text(encoding="utf-8"))
    said = []
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        said.append((case, said_of(case)))
    text = join(head, said)
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_corpus_is_large():
    assert len(CASES) >= 200
    assert len({case.model for _, case in CASES}) >= 190


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """All diagnostics of all cases."""
    with pytest.MonkeyPatch.context() as patch:
        result = []
        for name, case in CASES:
            patch.chdir(tmp_path_factory.mktemp("case"))
            diagnostics, source = check(case)
            result.append((f"{name}: {case.title}", case, diagnostics, source))
        return result


def test_every_case_is_answered(found):
    silent = [title for title, _, diagnostics, _ in found if not diagnostics]
    assert silent == []


def test_labels_stand_in_the_text(found):
    for title, _, diagnostics, source in found:
        for diagnostic in diagnostics:
            labels = [diagnostic.primary, *diagnostic.secondary] if diagnostic.primary else []
            for label in labels:
                assert 0 <= label.span.start < label.span.end <= len(source.text), title


def test_each_cause_is_reported_once(found):
    for title, _, diagnostics, _ in found:
        places = [(d.code, d.primary.span if d.primary else d.message) for d in diagnostics]
        assert len(places) == len(set(places)), title


def test_messages_are_sentences_without_jargon(found):
    for title, _, diagnostics, _ in found:
        for d in diagnostics:
            said = " ".join(filter(None, (d.message, d.primary and d.primary.text, d.help)))
            for word in ("None", "Traceback", "ndarray", "_e1", "Apply(", "Constant("):
                assert word not in said, title
            assert "'" not in d.message or d.code == "data-text" or "delimiter" in said, title
            assert not d.message.endswith("."), title


def test_every_kind_has_a_case(found):
    shown = {d.code for _, _, diagnostics, _ in found for d in diagnostics}
    kinds = {
        kind.code
        for name, module in list(sys.modules.items())
        if name.startswith("ppl.")
        for kind in vars(module).values()
        if isinstance(kind, Kind)
    }
    syntax = {path.stem for path in SYNTAX.glob("*.md")}
    elsewhere = {"too-deep", "not-written", "model-not-text", "needs-an-extra", "out-of-memory"}
    elsewhere |= {"cannot-draw", "not-a-fit", "other-data", "prediction-inputs", "data-unpacked"}
    assert kinds - shown - syntax - elsewhere == set()


def codes(text: str) -> list[str]:
    """Return the codes of what is said of a model without data."""
    source = Source("model.ppl", text)
    try:
        graph = build(source, parse(source))
    except ModelError as error:
        return [d.code for d in error.diagnostics]
    return [d.code for d in (*check_supports(graph), *graph.notes)]


GRAPH_KINDS = [
    kind for kind in vars(ppl.graph.diagnostics).values() if isinstance(kind, Kind) and kind.wrong
]
WITH_DATA = {
    "defined-twice",
    "partly-defined",
    "unknown-size",
    "latent-on-the-left",
    "unbounded-discrete-latent",
}


@pytest.mark.parametrize("kind", GRAPH_KINDS, ids=lambda kind: kind.code)
def test_the_example_of_a_kind_is_wrong_and_its_mending_right(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if kind.code in WITH_DATA:
        blocks = (("json data.json", '{"y": 1}'),)
        wrong, right = (
            [
                d.code
                for d in check(Case("", (("ppl", text), *blocks)))[0]
                if d.severity == "error" and d.code != "none-of-the-data-used"
            ]
            for text in (kind.wrong, kind.right)
        )
    else:
        wrong, right = codes(kind.wrong), codes(kind.right)
    assert wrong == [kind.code]
    assert right == []
