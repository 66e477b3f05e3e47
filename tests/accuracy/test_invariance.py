"""The same posterior, put otherwise, gets the same answer and the same verdict."""

import pytest

from benchmarks.accuracy.invariance import CASES, MEAN_OFF, SD_OFF, answer, distance

PAIRS = [
    pytest.param(case.ways[0], way, id=f"{case.name}, {way.name}")
    for case in CASES
    for way in (case.ways[1:] if case.name in ("linear", "logistic") else case.ways[-1:])
    if case.name != "levels of groups"
]
LEVELS = CASES[-1].ways


@pytest.mark.parametrize(("first", "way"), [*PAIRS, pytest.param(*LEVELS[:2], id="levels")])
def test_other_ways_to_put_it_get_the_same_answer(first, way):
    one, other = answer(first, seed=0), answer(way, seed=0)
    assert other.verdict == one.verdict
    mean, sd = distance(one, other)
    assert mean < MEAN_OFF
    assert sd < SD_OFF
