"""The examples of `ppl COMMAND --help` work as they are written, on files of the kind they name."""

import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ppl.cli import main
from ppl.cli.commands import COMMANDS
from ppl.cli.status import DONE

LONE = "m ~ Normal(0, 1)\ny[N] ~ Normal(m, 1)\n"
DOSES = """data clinic[N] in G, dose[N], y[N]
a[G] ~ Normal(0, 2)
b ~ Normal(0, 1)
for n in N {
  y[n] ~ Normal(a[clinic[n]] + b * dose[n], 1)
}
"""
POOLED = DOSES.replace("a[G] ~", "a ~").replace("a[clinic[n]]", "a")
MIXTURE = """p ~ Dirichlet([1 for k in K])
m[K] ~ Normal(0, 3)
for n in N {
  z[n] ~ Categorical(p)
  x[n] ~ Normal(m[z[n]], 1)
}
"""
SCHOOLS = Path(__file__).parents[2] / "examples" / "eight-schools"
ROWS = [("a", 0.5, 1.2), ("b", 1.5, 2.5), ("a", 1.0, 1.4), ("b", 0.2, 0.3), ("c", 0.9, 1.0)]
WITH_TABLE = ("csv", "model.fit")
ELSEWHERE = {"lsp"}
"""Waits for an editor; its tests are elsewhere."""
EXAMPLES = [
    example for c in COMMANDS.values() if c.name not in ELSEWHERE for example, _ in c.examples
]


def table(path: Path, columns: str) -> None:
    known = {"clinic": 0, "dose": 1, "y": 2}
    names = columns.split(",")
    lines = [columns, *(",".join(str(row[known[n]]) for n in names) for row in ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", np.array([0.3, 1.1, 0.7]))
    np.save("heights.npy", np.array([row[2] for row in ROWS]))
    np.save("doses.npy", np.array([0.0, 1.0, 2.0, 0.0, 1.0]))
    table(tmp_path / "table.csv", "clinic,dose")
    table(tmp_path / "inputs.csv", "clinic,dose")
    table(tmp_path / "new.csv", "clinic,dose")
    table(tmp_path / "data.csv", "clinic,dose,y")
    (tmp_path / "x.csv").write_text("x\n-2.1\n-1.9\n2.2\n1.8\n", encoding="utf-8")
    for name in ("schools.ppl", "schools.json"):
        source = SCHOOLS / ("model.ppl" if name.endswith("ppl") else name)
        (tmp_path / name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mixture.ppl").write_text(MIXTURE, encoding="utf-8")
    (tmp_path / "pooled.ppl").write_text(POOLED, encoding="utf-8")
    (tmp_path / "hierarchy.ppl").write_text(DOSES, encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "one.ppl").write_text(LONE, encoding="utf-8")
    return tmp_path


def fitted(model: str) -> None:
    assert main(["infer", f"{model}.ppl", "data.csv", "--out", f"{model}.fit", "--quiet"]) == DONE


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works(example: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = example.partition(" > ")[0].partition(" | ")[0]
    if "$(" in command:
        command = command.partition("$(")[2].partition(")")[0]
    words = [
        found
        for word in shlex.split(command)[1:]
        for found in (map(str, Path().glob(word)) if "*" in word else [word])
    ]
    tabular = any(name in command for name in WITH_TABLE)
    (folder / "model.ppl").write_text(DOSES if tabular else LONE, encoding="utf-8")
    for name in ("model", "pooled", "hierarchy"):
        if f"{name}.fit" in words:
            fitted(name)
    capsys.readouterr()
    assert main(words) == DONE, capsys.readouterr().err
    assert "error" not in capsys.readouterr().err
    for before, after in pairwise(words):
        if before in ("--out", "--json"):
            assert (folder / after).stat().st_size > 0
