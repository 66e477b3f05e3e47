"""A verdict can only fall."""

from itertools import product

import pytest

from ppl.inference.verdict import RANK, begin

WORDS = list(RANK)


@pytest.mark.parametrize(("first", "then"), list(product(WORDS, WORDS)))
def test_lowering_never_raises(first, then):
    verdict = begin(first, "start").lower(then, "reason", "remedy")
    assert RANK[verdict.word] == min(RANK[first], RANK[then])
    assert verdict.at_least("poor")
    assert verdict.reason == ("reason" if RANK[then] < RANK[first] else "start")


def test_the_first_of_equally_low_findings_speaks():
    verdict = (
        begin("good", "start").lower("poor", "a", "do a").lower("poor", "b").lower("fair", "c")
    )
    assert (verdict.word, verdict.reason, verdict.remedy) == ("poor", "a", "do a")
    assert [finding.reason for finding in verdict.findings] == ["start", "a", "b", "c"]
