"""Highlighters see what the parser sees: the Pygments lexer and the TextMate grammar."""

import json
import re
import tomllib
from importlib.metadata import EntryPoint
from itertools import pairwise

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String

from ppl.distributions import distributions
from ppl.functions import FUNCTIONS
from ppl.highlight import PplLexer
from ppl.syntax.tables import read_grammar
from ppl.syntax.vocabulary import (
    DECLARING,
    FOLLOWING,
    MEANINGS,
    NUMBERS,
    OPERATORS,
    RESERVED,
    is_name,
)
from tests.editors.texts import ROOT, TRICKY, kind_of, texts, tokens_of

TEXTMATE = ROOT / "grammar" / "ppl.tmLanguage.json"


def test_the_vocabulary_is_the_grammar() -> None:
    grammar = read_grammar()
    assert grammar is not None
    words = re.findall(r"^_?([A-Z]+)(\.1)?: /([a-z]+)\(\?", grammar, re.MULTILINE)
    assert {w for _, soft, w in words if not soft} == set(RESERVED)
    assert {w for _, soft, w in words if soft} == {*DECLARING, *FOLLOWING}
    signs = set(re.findall(r'^[A-Z]+: "(.)"$', grammar, re.MULTILINE))
    assert signs < set(OPERATORS)
    assert set(OPERATORS) - signs == {"~", "=", ":", "<", ">", "<=", ">=", "==", "!="}
    for long, short in pairwise(OPERATORS):
        assert not long.startswith(short) or len(long) >= len(short)
    assert set(MEANINGS) | {"then", "else"} == {*RESERVED, *DECLARING, *FOLLOWING, *NUMBERS}


def test_names() -> None:
    assert all(map(is_name, ("x", "μ_2", "data", "weight", "formal")))
    assert not any(map(is_name, ("for", "2x", "a b", "", "inf", "x[0]")))


def pygments_kind(token: object) -> str:
    for sort, kind in (
        (Keyword.Declaration, "declaration"),
        (Keyword, "keyword"),
        (Name, "name"),
        (Number, "number"),
        (String, "string"),
        (Operator, "sign"),
        (Punctuation, "sign"),
    ):
        if token in sort:
            return kind
    return str(token)


@pytest.mark.parametrize("text", texts(), ids=range(len(texts())))
def test_pygments_sees_what_the_parser_sees(text: str) -> None:
    found = {
        place: (value, pygments_kind(token))
        for place, token, value in PplLexer().get_tokens_unprocessed(text)
        if value.strip() and token not in Comment
    }
    expected = {t.start: (t.text, kind_of(t)) for t in tokens_of(text) if t.text != ";"}
    assert {k: v for k, v in found.items() if v[0] != ";"} == expected


def test_the_lexer_is_found_and_knows_the_tables() -> None:
    """Pygments loads what the entry point of the installed project names."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        points = tomllib.load(file)["project"]["entry-points"]["pygments.lexers"]
    (point,) = (EntryPoint(name, value, "pygments.lexers") for name, value in points.items())
    assert point.load() is PplLexer
    assert PplLexer.aliases == ["ppl"]
    assert PplLexer.filenames == ["*.ppl"]
    looks = {value: token for token, value in PplLexer().get_tokens(TRICKY)}
    assert looks["Normal"] is Name.Class
    assert looks["Simplex"] is Name.Class
    assert looks["sum"] is Name.Builtin
    assert looks["twice"] is Name.Function
    assert Error not in looks.values()


# ------------------------------------------------------------------------------------- TextMate

SCOPES = {
    "keyword.control": "keyword",
    "keyword.other": "keyword",
    "keyword.operator": "sign",
    "storage.type": "declaration",
    "entity.name": "name",
    "support": "name",
    "variable": "name",
    "constant": "number",
    "string": "string",
    "comment": "comment",
}


def textmate_tokens(text: str) -> dict[int, tuple[str, str]]:
    """Colour a text as an editor does: line by line, the rule that matches first, then the next."""
    rules = json.loads(TEXTMATE.read_text(encoding="utf-8"))["patterns"]
    compiled = [(python_pattern(rule["match"]), rule) for rule in rules]
    found: dict[int, tuple[str, str]] = {}
    start = 0
    for line in text.splitlines(keepends=True):
        place = 0
        while True:
            hits = [
                (m.start(), k, m)
                for k, (p, _) in enumerate(compiled)
                if (m := p.search(line, place))
            ]
            if not hits:
                break
            _, k, match = min(hits, key=lambda hit: hit[:2])
            rule = compiled[k][1]
            if "captures" in rule:
                for group, look in rule["captures"].items():
                    at = start + match.start(int(group))
                    found[at] = (match[int(group)], look["name"])
            else:
                found[start + match.start()] = (match[0], rule["name"])
            place = match.end()
        start += len(line)
    return found


def python_pattern(pattern: str) -> re.Pattern[str]:
    """Return an editor's regular expression as one of Python's."""
    for theirs, ours in (
        (r"[\p{L}\p{N}\p{M}_]", r"[\w\u0300-\u036f]"),
        (r"[\p{L}_(-]", r"(?:[^\W\d]|[(-])"),
        (r"[\p{L}_]", r"[^\W\d]"),
    ):
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern)


def scope_kind(scope: str) -> str:
    return next(kind for start, kind in SCOPES.items() if scope.startswith(start))


@pytest.mark.parametrize("text", texts(), ids=range(len(texts())))
def test_textmate_sees_what_the_parser_sees(text: str) -> None:
    found = {k: (v, scope_kind(scope)) for k, (v, scope) in textmate_tokens(text).items()}
    found = {k: v for k, v in found.items() if v[1] != "comment"}
    expected = {t.start: (t.text, kind_of(t)) for t in tokens_of(text)}
    assert found == {k: v for k, v in expected.items() if v[0] not in "()[]{},;"}


def test_textmate_knows_the_tables() -> None:
    for names, scope in ((distributions(), "support.class"), (FUNCTIONS, "support.function")):
        for name in names:
            ((_, found),) = textmate_tokens(f"{name}(").values()
            assert found.startswith(scope), name
