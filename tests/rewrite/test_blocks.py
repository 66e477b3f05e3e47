"""Data that are read block by block: from files, or too many to be laid side by side."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.compile.rewrite import grouped, predictors, rows
from ppl.data.mapped import is_mapped
from tests.rewrite.test_laws import same

HIERARCHY = """
dim J = 5
data g[N] in J, x[N]
u[J] ~ Normal(0, 1)
b ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in N { y[n] ~ Normal(u[g[n]] + b * x[n], s) }
"""
LINEAR = """
data X[N, D]
a ~ Normal(0, 1)
b[D] ~ Normal(0, 1)
s ~ HalfNormal(1)
y ~ Normal(a + X @ b, s)
"""
LOGISTIC = """
data X[N, D]
a ~ Normal(0, 1)
b[D] ~ Normal(0, 1)
y ~ Bernoulli(logit = a + X @ b)
"""


def test_factors_of_groups_are_those_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {"g": np.sort(rng.integers(0, 5, 900)), "x": rng.normal(size=900)}
    data["y"] = 0.3 * data["x"] + rng.normal(size=900)
    monkeypatch.setattr(grouped, "AT_ONCE", 200)
    joint = ppl.Model(HIERARCHY).compile(data)
    assert any("each group" in line or "factor" in line for line in joint.simplified.choices)
    same(joint, joint.program, joint.simplified)


def test_a_sum_over_the_rows_own_index_is_not_a_row() -> None:
    rng = np.random.default_rng(0)
    text = "data x[N]\nb ~ Normal(0, 1)\ny[N] ~ Bernoulli(logit = b * standardize(x))\n"
    joint = ppl.Model(text).compile(x=rng.normal(2, 3, 2500), y=rng.integers(0, 2, 2500))
    assert joint.simplified.arrays
    same(joint, joint.program, joint.simplified)


def test_a_large_design_is_not_put_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 4))
    monkeypatch.setattr(predictors, "LARGE", 0)
    joint = ppl.Model(LOGISTIC).compile(X=x, y=rng.integers(0, 2, 3000))
    (predictor,) = [a for k, a in joint.simplified.arrays.items() if k.startswith("rows.")]
    assert [m.shape[1] for m in predictor.matrices] == [4, 1]
    assert np.shares_memory(predictor.matrices[0], joint.bound.data["X"])
    same(joint, joint.program, joint.simplified)


@pytest.mark.parametrize("text", [LINEAR, LOGISTIC])
def test_a_design_in_a_file_stays_there(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9000, 4))
    y = rng.integers(0, 2, 9000)
    np.save(tmp_path / "X.npy", x)
    released: list[tuple[int, int]] = []

    def note(arrays: Any, start: int, stop: int) -> None:
        released.extend((start, stop) for a in arrays if is_mapped(a))

    monkeypatch.setattr(rows, "release", note)
    monkeypatch.setattr(predictors, "release", note)
    monkeypatch.setattr(rows, "BLOCK", 5000)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = ppl.Model(text)
    there, here = (model.compile(X=design, y=y) for design in (mapped, x))
    assert is_mapped(there.bound.data["X"])
    z = rng.normal(0, 0.5, (3, there.program.dimension))
    for one, other in zip(
        there.gradient.value_and_gradient(z), here.gradient.value_and_gradient(z), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-10)
    assert {stop for _, stop in released} >= {9000}
    assert len({start for start, _ in released}) > 4


def test_an_archive_is_held_once(tmp_path: Path) -> None:
    from ppl.data.numpy_files import read_npz

    np.savez(tmp_path / "d.npz", x=np.arange(5.0))
    with (tmp_path / "d.npz").open("rb") as file:
        found = read_npz(file, "d.npz")
    values = found["x"].values
    assert not values.flags.writeable
    assert list(values) == [0, 1, 2, 3, 4]


def test_a_defined_name_keeps_the_sums_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    text = "data x[N]\nb ~ Normal(0, 1)\nw = standardize(x)\ny[N] ~ Normal(b * w, 1)\n"
    x = rng.normal(3, 2, 4000)
    w = (x - x.mean()) / x.std()
    fit = ppl.Model(text).infer(x=x, y=2 * w + rng.normal(size=4000))
    precision = w @ w + 1
    assert fit.verdict == "exact"
    sd = precision**-0.5
    mean = w @ fit.joint.bound.data["y"] / precision
    np.testing.assert_allclose(fit["b"].mean, mean, atol=0.1 * sd)
    np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.05)
