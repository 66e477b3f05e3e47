"""A model that is used again: what is repeated, what is not; answers are those of a fresh model."""

import numpy as np
import pytest

import ppl
from ppl import prepared
from ppl.compile import load

TEXT = """
data y[N]
m ~ Normal(0, 2)
s ~ HalfNormal(1)
y ~ StudentT(4, m, s)
"""
SHAPED = "m ~ Normal(0, 1)\ny ~ Normal(m, 1)"
RNG = np.random.default_rng(0)
SHORT, LONG = RNG.normal(size=12), RNG.normal(size=31)


@pytest.fixture
def counts(monkeypatch):
    """Count the calls of the phases."""
    found = {"parse": 0, "build": 0, "lower": 0, "emit": 0, "stage": 0}

    def counted(module, name):
        function = getattr(module, name)

        def call(*arguments, **named):
            found[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, call)

    for module, name in (
        (prepared, "parse"),
        (prepared, "build"),
        (load, "lower"),
        (load, "emit"),
        (load, "stage"),
    ):
        counted(module, name)
    return found


def test_other_lengths_are_neither_parsed_nor_built_again(counts):
    model = ppl.Model(TEXT)
    model.compile(y=SHORT)
    model.compile(y=LONG)
    assert (counts["parse"], counts["build"]) == (1, 1)


def test_the_same_data_are_compiled_once(counts):
    model = ppl.Model(TEXT)
    points = RNG.normal(size=(3, 2))
    first = [model.gradient(points, y=SHORT) for _ in range(4)]
    model.log_joint(points, y=SHORT.tolist())
    assert set(counts.values()) == {1}
    for value, gradient in first[1:]:
        np.testing.assert_array_equal(value, first[0][0])
        np.testing.assert_array_equal(gradient, first[0][1])


def test_other_seeds_of_the_same_data_are_not_staged_again(counts):
    model = ppl.Model(TEXT)
    model.infer(y=SHORT, method="vi")
    before = dict(counts)
    model.infer(y=SHORT, method="vi", seed=1)
    assert counts == before


@pytest.mark.parametrize(
    "other",
    [
        {"y": LONG},
        {"y": -SHORT},
        {"y": np.where(np.arange(12) == 3, np.nan, SHORT)},
        {"y": SHORT, "unused": 1.0},
    ],
    ids=["longer", "other values", "one missing", "a further name"],
)
def test_other_data_give_what_a_fresh_model_gives(other):
    used = ppl.Model(TEXT)
    used.infer(y=SHORT)
    again, fresh = used.infer(**other), ppl.Model(TEXT).infer(**other)
    np.testing.assert_array_equal(again["m"].draws(), fresh["m"].draws())
    assert again.elbo == fresh.elbo
    assert again.report().notes == fresh.report().notes


def test_other_ranks_are_built_anew(counts):
    model = ppl.Model(SHAPED)
    for y in (1.0, [1.0, 2.0], [[1.0, 2.0], [0.0, 1.0]], [3.0, 4.0]):
        again, fresh = model.compile(y=y), ppl.Model(SHAPED).compile(y=y)
        x = np.array([[0.3], [-2.0]])
        np.testing.assert_array_equal(again.log_joint(x), fresh.log_joint(x))
        assert again.source == fresh.source
    assert counts["build"] == 3 + 4


def test_data_that_the_caller_changes_are_other_data():
    model, y = ppl.Model(TEXT), SHORT.copy()
    points = np.zeros((1, 2))
    before = model.log_joint(points, y=y)
    y += 5
    assert model.log_joint(points, y=y) != before


def test_zeros_of_both_signs_are_different_data():
    model = ppl.Model("data x\nm ~ Normal(0, 1)\ny ~ Normal(m + 1 / x, 1)\nfactor 0 * m")
    with np.errstate(all="ignore"):
        assert model.compile(x=0.0, y=1.0) is not model.compile(x=-0.0, y=1.0)


def test_settings_that_change_the_model_are_asked_for():
    model = ppl.Model(TEXT)
    joint = model.compile(y=SHORT)
    assert model.compile(y=SHORT) is joint
    forced = model.infer(y=SHORT, guide="lowrank")
    assert forced.joint is not joint


def test_large_data_are_not_kept(monkeypatch):
    monkeypatch.setattr(prepared, "LARGEST_KEPT", 8)
    model = ppl.Model(TEXT)
    assert model.compile(y=SHORT) is not model.compile(y=SHORT)


def test_outlines_are_kept_in_bounds(monkeypatch):
    monkeypatch.setattr(prepared, "MOST_GRAPHS", 2)
    model = ppl.Model(SHAPED)
    for y in (1.0, [1.0], [[1.0]], [[[1.0]]]):
        model.compile(y=y)
    assert len(model._prepared._graphs) == 2
