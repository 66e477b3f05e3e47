"""Fused rows against the same sums written out."""

from typing import Any

import numpy as np
import pytest
from autograd.test_util import check_grads
from scipy.special import expit

from ppl.primitives import curved_rows, fused_rows
from ppl.primitives.fused_rows import (
    LEVELS,
    Lookup,
    Predictor,
    sum_exp,
    sum_softplus,
)

N, D, J = 2500, 3, 80
FUNCTIONS = {
    "softplus": (sum_softplus, lambda e: np.logaddexp(0, e), expit),
    "exp": (sum_exp, np.exp, np.exp),
}


def predictor(places: Any, weights: Any, halves: bool = False) -> tuple[Predictor, Any]:
    rng = np.random.default_rng(0)
    design, offset, factors = rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=N)
    lookups = (Lookup(0, places, None), Lookup(0, places[::-1].copy(), factors))
    matrices = (design[:, :1], design[:, 1:]) if halves else (design,)
    rows = Predictor(matrices, lookups, offset, weights, N)

    def eta(v: Any, table: Any) -> Any:
        read = table[:, places] + table[:, places[::-1]] * factors
        return v @ design.T + offset + read

    return rows, eta


@pytest.mark.parametrize("draws", [1, 20, 90])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("groups", [3, J])
def test_value_and_gradients(name: str, draws: int, groups: int) -> None:
    function, value, slope = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    places = rng.integers(0, groups, N)
    assert (np.max(np.bincount(places[:1024])) > LEVELS) == (groups == 3)
    v, table = rng.normal(size=(draws, D)) * 0.5, rng.normal(size=(draws, J)) * 0.5
    for weights in (None, rng.uniform(size=(N, 1))):
        rows, eta = predictor(places, weights, halves=weights is not None)
        e = eta(v, table)
        w = 1.0 if weights is None else weights[:, 0]
        assert function(rows, None, v, table) == pytest.approx(np.sum(w * value(e), 1), rel=1e-12)
        found = function.fun.pair(rows, None, v, table)
        r = w * slope(e)
        design = np.concatenate(rows.matrices, axis=1)
        assert found[3] == pytest.approx(r @ design, rel=1e-10, abs=1e-9)
        wanted = np.zeros((draws, J))
        for s in range(draws):
            np.add.at(wanted[s], places, r[s])
            np.add.at(wanted[s], places[::-1], r[s] * rows.lookups[1].factors)
        assert found[4] == pytest.approx(wanted, rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_coefficients_of_the_weights(name: str) -> None:
    function, value, _ = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    rows, eta = predictor(rng.integers(0, J, N), rng.uniform(size=(N, 2)))
    c, v = rng.uniform(size=(2, 2)), rng.normal(size=(2, D)) * 0.3
    table = rng.normal(size=(2, J)) * 0.3
    wanted = np.sum(c @ rows.weights.T * value(eta(v, table)), axis=1)
    assert function(rows, c, v, table) == pytest.approx(wanted, rel=1e-12)
    check_grads(lambda *a: function(rows, *a), modes=["rev"], order=1)(c, v, table)


@pytest.mark.parametrize("weights", [None, np.full((N, 1), 0.5)])
def test_steep_predictors_neither_overflow_nor_vanish(weights: Any) -> None:
    design = np.linspace(-1, 1, N)[:, None]
    rows = Predictor((design,), (), None, weights, N)
    v = np.array([[1e4], [300.0], [-90.0], [0.0]])
    e, w = v * design[:, 0], 1.0 if weights is None else 0.5
    with np.errstate(over="raise", invalid="raise"):
        value, _, _, gradient = sum_softplus.fun.pair(rows, None, v)
    assert value == pytest.approx(w * np.sum(np.logaddexp(0, e), 1), rel=1e-12)
    assert gradient[:, 0] == pytest.approx(w * (expit(e) @ design[:, 0]), rel=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("terms", [0, 1, 2])
def test_derivatives_of_the_gradients(
    name: str, terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_rows, "ROWS", 64)
    function = FUNCTIONS[name][0]
    rng = np.random.default_rng(1)
    weights = rng.uniform(size=(N, terms)) if terms else None
    rows, _ = predictor(rng.integers(0, J, N), weights, halves=True)
    c = rng.uniform(size=(3, terms)) if terms == 2 else None
    arrays = [c, rng.normal(size=(3, D)) * 0.3, rng.normal(size=(3, J)) * 0.3]
    moves = [None if a is None else rng.normal(size=a.shape) for a in arrays]
    by_value = rng.normal(size=3)

    def total(step: float) -> Any:
        """Return gradients at a step along the moves, after that of the value."""
        moved = [None if a is None else a + step * m for a, m in zip(arrays, moves, strict=True)]
        return function.fun.pair(rows, *moved)[2:]

    h = 1e-4
    curvature = {"softplus": curved_rows._softplus, "exp": curved_rows._exponential}[name]
    cotangents = [np.zeros(()) if m is None else m for m in moves]
    found = curved_rows._curved(curvature)(rows, *arrays, by_value, *cotangents)
    here = total(0.0)
    for got, up, down, slope in zip(found, total(h), total(-h), here, strict=True):
        if got is None:
            assert slope is None
            continue
        wanted = by_value[:, None] * slope + (up - down) / (2 * h)
        assert got == pytest.approx(wanted, rel=1e-6, abs=1e-6 * np.max(np.abs(wanted)))
