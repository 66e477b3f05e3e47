"""`explain` knows every code and answers a misspelt one."""

import pytest

from ppl import pipeline
from ppl.text import KINDS, UsageError


def test_wording(golden):
    golden("diagnostics/explain-missing-index.md", pipeline.explain("missing-index"))


def test_every_code_is_explained():
    pipeline.explain("cycle")
    for code, kind in KINDS.items():
        text = pipeline.explain(code)
        assert text.startswith(f"# {kind.severity}[{code}]\n")
        assert (kind.wrong == "") == ("Wrong:" not in text)


def test_the_whole_head_of_a_message_will_do():
    assert pipeline.explain("error[cycle]:") == pipeline.explain("cycle")


@pytest.mark.parametrize("code", ["cycel", "shape", "missing_index"])
def test_a_misspelt_code_is_answered(code):
    with pytest.raises(UsageError, match="did you mean"):
        pipeline.explain(code)


def test_an_unknown_code_is_answered():
    with pytest.raises(UsageError, match="messages show their code in brackets"):
        pipeline.explain("qqqq")
