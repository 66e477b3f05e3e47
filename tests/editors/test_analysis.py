"""What the server knows of a text: names, places, and that broken texts do not matter."""

import sys
import unicodedata

import pytest

from ppl.cli import main
from ppl.lsp import completion, hover, symbols
from ppl.lsp.analysis import analyse
from ppl.lsp.positions import UTF8, UTF16, UTF32, to_offset, to_place
from ppl.text import Source
from tests.editors.texts import texts, tokens_of

FAMILIES = {"meanfield", "fullrank", "lowrank", "structured", "amortized"}
"""Words of the guide block; families that are distributions are names."""

SCOPES = """\
dim K = 2
fn f(a, k) { t = a + k; t * 2 }
for k in K { m = k + 1; x[k] ~ Normal(m, 1) }
for j in K { m = 2; z[j] ~ Normal(m * f(m, j), K) }
y ~ Normal(sum(x[k] for k in K), s) > 0
guide { default ~ meanfield; (x, z) ~ fullrank }
"""


def homes(text: str) -> dict[tuple[int, str], tuple[int, int] | None]:
    """Return for each name, by line and text with its count on the line, where it is defined."""
    source = Source("m.ppl", text)
    names = analyse(source).names
    assert names is not None
    found = {}
    for one in names.occurrences:
        line, column = source.position(one.span.start)
        home = one.meaning.home
        found[line, f"{one.name}@{column}"] = None if home is None else source.position(home.start)
    return found


def test_names_mean_what_their_scope_says() -> None:
    found = homes(SCOPES)
    assert found[3, "m@14"] == found[3, "m@39"] == (3, 14)
    assert found[4, "m@14"] == found[4, "m@35"] == found[4, "m@41"] == (4, 14)
    assert found[2, "a@18"] == (2, 6)
    assert found[2, "t@25"] == (2, 14)
    assert found[2, "k@22"] == (2, 9)
    assert found[3, "k@27"] == (3, 5)
    assert found[5, "k@18"] == (5, 25)
    assert found[4, "f@39"] == (2, 4)
    assert found[4, "K@48"] == (1, 5)
    assert found[5, "s@34"] == (5, 34)
    assert found[6, "x@31"] == (3, 25)
    assert found[5, "Normal@5"] is None
    assert not any(key[1].startswith(("default", "meanfield")) for key in found)


GUIDED = """\
for n in N { z[n] ~ Normal(0, 1); x[n] ~ Normal(z[n], s) }
s ~ Gamma(1, 1)
guide { s ~ Gamma; z[n] ~ amortized(x[n], hidden = 8) }
"""


def test_a_line_of_the_guide_brings_its_index() -> None:
    found = homes(GUIDED)
    assert found[3, "n@22"] == found[3, "n@39"] == (3, 22)
    assert found[3, "x@37"] == (1, 35)
    assert found[3, "Gamma@13"] is found[3, "hidden@43"] is None


@pytest.mark.parametrize("text", texts(), ids=range(len(texts())))
def test_every_name_of_a_model_is_found(text: str) -> None:
    """Those that the parser reads, but for `default` and families of guides."""
    source = Source("m.ppl", text)
    names = analyse(source).names
    assert names is not None
    found = {one.span for one in names.occurrences}
    for token in tokens_of(text):
        if token.kind == "NAME" and token.text not in {"default", *FAMILIES}:
            assert token.span in found, token
    for one in names.occurrences:
        assert unicodedata.normalize("NFKC", source.at(one.span)) == one.name


@pytest.mark.parametrize("text", [SCOPES, texts()[0]], ids=("scopes", "tricky"))
def test_no_broken_text_stops_it(text: str) -> None:
    """Every question is answered at every place where writing may have stopped."""
    before = analyse(Source("m.ppl", text))
    for end in range(0, len(text), 11):
        analysis = analyse(Source("m.ppl", text[:end]), before)
        symbols.outline(analysis)
        for place in (0, end // 2, end):
            hover.hover(analysis, place)
            completion.proposals(analysis, place)
            symbols.uses(analysis, place)
            symbols.refusal(analysis, place, "w")
            around = completion.call_around(text[:place])
            if around is not None:
                completion.signatures(analysis, around)


def test_a_broken_statement_leaves_the_others_known() -> None:
    good = SCOPES.replace("guide { default ~ meanfield; (x, z) ~ fullrank }\n", "")
    text = good.replace("z[j] ~ Normal", "z[j] ~ ~ Normal")
    analysis = analyse(Source("m.ppl", text), analyse(Source("m.ppl", good)))
    assert [d.severity for d in analysis.diagnostics] == ["error"]
    assert {s.name for s in symbols.outline(analysis)} >= {"K", "f", "x", "y"}
    assert "x[K]" in (hover.hover(analysis, text.index("x[k]")) or ("",))[0]


@pytest.mark.parametrize("encoding", [UTF8, UTF16, UTF32])
def test_places_there_and_back(encoding: str) -> None:
    source = Source("m.ppl", "μ = 1\n\n𝜇𝜇x = 2 # é\nlast")
    for offset in range(len(source.text) + 1):
        assert to_offset(source, *to_place(source, offset, encoding), encoding) == offset
    assert to_offset(source, 0, 99, encoding) == 5
    assert to_offset(source, 99, 0, encoding) == len(source.text)
    assert (
        to_place(source, source.text.index("x"), encoding)[1]
        == {
            UTF8: 8,
            UTF16: 4,
            UTF32: 2,
        }[encoding]
    )


def test_calls_around() -> None:
    def around(before: str) -> tuple[str, int] | None:
        found = completion.call_around(before)
        return None if found is None else (found.name, found.argument)

    assert around("y ~ Normal(") == ("Normal", 0)
    assert around("y ~ Normal(f(1, 2), [3, 4], ") == ("Normal", 2)
    assert around("y ~ Normal(m[1, ") == ("Normal", 0)
    assert around("y ~ Normal(m,\n  ") == ("Normal", 1)
    assert around("y ~ Normal(0, 1)") is None
    assert around("y ~ Normal(\nz = ") == ("Normal", 0)
    assert around("for n in N { ") is None
    assert around("x = (1, ") is None


def test_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lsp", "model.ppl"]) == 2
    assert "takes no file" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "ppl.lsp.server", raising=False)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    assert main(["lsp"]) == 2
    assert "pip install 'ppl[lsp]'" in capsys.readouterr().err
