"""Models side by side: evidence that is known, and what must not be compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import ppl
from ppl.cli import main
from ppl.posterior.compare import compare

Capture = pytest.CaptureFixture[str]
FLAT = "m ~ Normal(0, 1)\ny ~ Normal(m, 1)\n"
SLOPE = "data x[N], y[N]\nm ~ Normal(0, 1)\nb ~ Normal(0, 1)\ny ~ Normal(m + b * x, 1)\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = np.linspace(-2, 2, 30)
    y = 0.3 + 1.5 * x + rng.normal(size=30)
    Path("flat.ppl").write_text(FLAT)
    Path("slope.ppl").write_text(SLOPE)
    Path("data.csv").write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))
    return {"x": x, "y": y}


def test_the_command(data: dict[str, np.ndarray], capsys: Capture) -> None:
    assert main(["compare", "flat.ppl", "slope.ppl", "data.csv"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[1].startswith("slope.ppl")
    assert main(["compare", "flat.ppl", "slope.ppl", "data.csv", "--json"]) == 0
    best, other = json.loads(capsys.readouterr().out)["models"]
    x, y = data["x"], data["y"]
    exact = stats.multivariate_normal(np.zeros(30), np.eye(30) + 1 + np.outer(x, x)).logpdf(y)
    assert best["log_evidence"]["value"] == pytest.approx(exact, abs=0.05)
    flat = stats.multivariate_normal(np.zeros(30), np.eye(30) + 1).logpdf(y)
    assert other["log_evidence"]["value"] == pytest.approx(flat, abs=0.05)
    assert best["loo"]["difference"] == 0
    assert other["loo"]["difference"] < -3 * other["loo"]["difference_error"]


def test_saved_fits(data: dict[str, np.ndarray], capsys: Capture) -> None:
    for name in ("flat", "slope"):
        assert main(["infer", f"{name}.ppl", "data.csv", "--out", f"{name}.fit"]) == 0
    capsys.readouterr()
    assert main(["compare", "flat.fit", "slope.fit"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("slope.fit")


def test_other_observations_are_not_compared(data: dict[str, np.ndarray]) -> None:
    one = ppl.Model(FLAT).infer(y=data["y"], draws=200)
    two = ppl.Model(FLAT).infer(y=data["y"][:5], draws=200)
    found = compare({"one": one, "two": two})
    assert "observe different data" in found.notes[0]
    assert all(row.difference is None for row in found.rows)
    assert "observe different data" in str(found)


def test_other_values_are_not_compared(data: dict[str, np.ndarray]) -> None:
    one = ppl.Model(FLAT).infer(y=data["y"], draws=200)
    two = ppl.Model(FLAT).infer(y=data["y"] + 1, draws=200)
    found = compare({"one": one, "two": two})
    assert "other values of `y`" in found.notes[0]
    assert all(row.difference is None for row in found.rows)


def test_what_a_reader_must_know() -> None:
    y = [0.1, 0.5, -0.2, 30.0]
    learned = ppl.Model("y ~ Normal(m, s)\n").infer(y=y, draws=200)
    fixed = ppl.Model(FLAT).infer(y=y, draws=200)
    notes = " ".join(compare({"a": learned, "b": fixed}).notes)
    assert "a has learned parameters" in notes


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["compare"], 2, "needs a model"),
        (["compare", "flat.ppl", "data.csv"], 2, "needs two models or more"),
        (["compare", "flat.ppl", "none.ppl", "data.csv"], 2, "there is no model file"),
        (["compare", "flat.ppl", "slope.ppl", "none.csv"], 2, "none.csv"),
    ],
)
def test_misuse(
    data: dict[str, np.ndarray], words: list[str], status: int, says: str, capsys: Capture
) -> None:
    assert main(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
