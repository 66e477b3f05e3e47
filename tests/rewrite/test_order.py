"""Rows in the order of their groups, and rows that count, taken in blocks from large arrays."""

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.compile.rewrite import predictors
from ppl.compile.rewrite.predictors import Reordered
from tests.rewrite.test_laws import same

EFFECTS = """
dim J = 7
data g[N] in J, x[N], X[N, D]
u[J] ~ Normal(0, 1)
b ~ Normal(0, 1)
c[D] ~ Normal(0, 1)
for n in N { y[n] ~ Poisson(log = u[g[n]] + b * x[n] + X[n] @ c) }
"""


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take everything to be large."""
    monkeypatch.setattr(predictors, "LARGE", 1)
    monkeypatch.setattr(predictors, "AT_ONCE", 100)


def made(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    data = {"g": rng.integers(0, 7, rows), "x": rng.normal(size=rows)}
    data["X"] = rng.normal(size=(rows, 3))
    data["y"] = rng.poisson(np.exp(0.3 * data["x"])).astype(float)
    return data


@pytest.mark.parametrize("groups", [1, 9, 2000])
def test_the_order_is_the_stable_one(groups: int, large: None) -> None:
    places = np.random.default_rng(0).integers(0, groups, 1234)
    order = np.argsort(places, kind="stable")
    np.testing.assert_array_equal(predictors._order_of_many(places), order)
    assert predictors._is_sorted(places[order])
    wrong = np.sort(places)
    wrong[100] = -1
    assert not predictors._is_sorted(wrong)


def test_rows_in_order_are_not_copied(large: None) -> None:
    joint = ppl.Model(EFFECTS).compile(**made(2500))
    (predictor,) = [a for k, a in joint.simplified.arrays.items() if k.startswith("rows.")]
    assert isinstance(predictor.matrices[0], Reordered)
    assert isinstance(predictor.lookups[0].places, Reordered)
    assert np.shares_memory(predictor.matrices[0].array, joint.bound.data["X"])
    same(joint, joint.program, joint.simplified)


def test_rows_with_missing_outcomes_are_left_out_without_a_copy(large: None) -> None:
    data = made(2500)
    data["y"][::7] = np.nan
    joint = ppl.Model(EFFECTS).compile(**data)
    (predictor,) = [a for k, a in joint.simplified.arrays.items() if k.startswith("rows.")]
    assert predictor.rows == np.count_nonzero(~np.isnan(data["y"]))
    assert any(isinstance(m, Reordered) for m in predictor.matrices)
    same(joint, joint.program, joint.simplified)
