"""Misuses of the command and of files: one clear message, the right status, nothing half-written.

Everything runs with the real pipeline, in a folder of its own; what needs a process has one.
"""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ppl
from ppl.cli import main

ROOT = Path(__file__).parents[2]
MODEL = "data y[N]\nm ~ Normal(0, 5)\ny ~ Normal(m, 1)\n"
SLOW = """\
data x[N], y[N]
a ~ Normal(0, 5)
b ~ Normal(0, 5)
s ~ HalfNormal(2)
nu ~ Gamma(2, 0.1)
z[N] ~ StudentT(nu, 0, s)
y ~ Normal(a + b * x + z, 0.1)
"""
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and good data, in which commands run."""
    monkeypatch.chdir(tmp_path)
    Path("m.ppl").write_text(MODEL)
    np.save("y.npy", np.array([0.5, 1.0, 1.5]))
    return tmp_path


def bytes_(name: str, content: bytes) -> Callable[[], None]:
    return lambda: Path(name).write_bytes(content) and None  # type: ignore[func-returns-value]


def text(name: str, content: str) -> Callable[[], None]:
    return bytes_(name, content.encode())


def array(name: str, values: Any) -> Callable[[], None]:
    return lambda: np.save(name, values, allow_pickle=True)


def cut(name: str, write: Callable[[], Any]) -> Callable[[], None]:
    def make() -> None:
        write()
        raw = Path(name).read_bytes()
        Path(name).write_bytes(raw[: len(raw) * 2 // 3])

    return make


def huge() -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9999999), }\n"
    Path("h.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


def saved(name: str) -> None:
    ppl.Model(MODEL).infer(y=[0.5, 1.0], draws=100, method="vi").save(name)


def nothing() -> None:
    """Make no file."""


@dataclass(frozen=True)
class Case:
    """What is done, the status, and what the message says.

    `answered` is whether the answer is printed all the same, though it cannot be written to a file.
    """

    title: str
    words: str
    status: int
    says: str
    make: Callable[[], None] = nothing
    answered: bool = False


TABLE = pd.DataFrame({"y": np.arange(2000.0)})
CASES = (
    # words
    Case("no words at all", "", 2, "commands:"),
    Case("no such command", "infr m.ppl y.npy", 2, "did you mean `ppl infer`?"),
    Case("no command", "m.ppl y.npy", 2, "write `ppl infer m.ppl y.npy`"),
    Case("no such option", "infer m.ppl y.npy --sede 3", 2, "did you mean `--seed`?"),
    Case("an option twice", "infer m.ppl y.npy --seed 1 --seed 2", 2, "given twice"),
    Case("an option without a value", "infer m.ppl y.npy --seed", 2, "needs a value"),
    Case("no number", "infer m.ppl y.npy --draws ten", 2, "not a whole number"),
    Case("no time", "infer m.ppl y.npy --time-limit -1", 2, "not a number of seconds"),
    Case("no such method", "infer m.ppl y.npy --method mcmc", 2, "is not known"),
    Case("a size without --set", "infer m.ppl N=3", 2, "`--set N=3`"),
    Case("no such dimension", "infer m.ppl y.npy --set K=3", 2, "no dimension `K`"),
    Case("two models", "infer m.ppl m.ppl y.npy", 2, "second model"),
    Case("standard input twice", "infer m.ppl - y=-", 2, "only once"),
    Case("no such distribution", "distributions Norml", 2, "did you mean `Normal`?"),
    Case("no such function", "functions sqroot", 2, "did you mean `sqrt`?"),
    Case("no such code", "explain shape-mismtach", 2, "did you mean `shape-mismatch`?"),
    Case("no such shell", "completion tcsh", 2, "there are bash, zsh, fish"),
    # files that are not there, or are no files
    Case("no such model", "infer n.ppl y.npy", 2, "in this folder are m.ppl"),
    Case("no such data", "infer m.ppl yy.npy", 2, "did you mean `y.npy`?"),
    Case("no such fit", "predict f.fit y.npy", 2, "there is no file `f.fit`"),
    Case("a folder as model", "infer d y.npy", 2, "is a folder", lambda: Path("d").mkdir()),
    Case("a folder as data", "infer m.ppl d", 2, "is a folder", lambda: Path("d").mkdir()),
    Case("a folder as fit", "report d", 2, "is a folder", lambda: Path("d").mkdir()),
    Case("a name no file can have", f"infer m.ppl {'y' * 300}.npy", 2, "cannot be read"),
    Case("a model as fit", "predict m.ppl y.npy", 2, "is a model, not a fit"),
    # models
    Case("an empty model", "infer e.ppl y.npy", 1, "no random variable", text("e.ppl", "")),
    Case("data as model", "infer y.npy", 1, "not a text in UTF-8"),
    Case("data before the model", "infer y.npy m.ppl", 2, "`m.ppl y.npy`"),
    # data
    Case("an empty file", "infer m.ppl e.csv", 1, "e.csv is empty", text("e.csv", "")),
    Case("an empty array file", "infer m.ppl e.npy", 1, "e.npy is empty", text("e.npy", "")),
    Case("no rows", "infer m.ppl e.csv", 1, "no rows", text("e.csv", "y\n")),
    Case("cut .npy", "infer m.ppl c.npy", 1, "cut short", cut("c.npy", array("c.npy", TABLE.y))),
    Case(
        "cut .npz",
        "infer m.ppl c.npz",
        1,
        "cut short",
        cut("c.npz", lambda: np.savez("c.npz", y=TABLE.y)),
    ),
    Case("cut .json", "infer m.ppl c.json", 1, "cut short", text("c.json", '{"y": [1, 2')),
    Case("cut .csv", "infer m.ppl c.csv", 1, "line 2", text("c.csv", 'y\n"1')),
    Case(
        "cut .parquet",
        "infer m.ppl c.parquet",
        1,
        "cut short",
        cut("c.parquet", lambda: TABLE.to_parquet("c.parquet")),
    ),
    Case("cut fit", "report c.fit", 1, "cut short", cut("c.fit", lambda: saved("c.fit"))),
    Case("no fit", "report y.npy", 1, "not a saved fit"),
    Case("pickles", "infer m.ppl p.npy", 1, "pickled", array("p.npy", np.array([{}], object))),
    Case("complex", "infer m.ppl c.npy", 1, "complex", array("c.npy", np.array([1j]))),
    Case("dates", "infer m.ppl d.npy", 1, "dates", array("d.npy", np.array(["2020"], "M8[D]"))),
    Case("a huge shape", "infer m.ppl h.npy", 1, "cut short", huge),
    Case("an unknown ending", "infer m.ppl y.xlsx", 1, "save the sheet", text("y.xlsx", "x")),
    Case("text among numbers", "infer m.ppl t.csv", 1, "is the text", text("t.csv", "y\n1\nx\n")),
    Case("a column twice", "infer m.ppl t.csv", 1, "occurs twice", text("t.csv", "y,y\n1,2\n")),
    Case("a short row", "infer m.ppl t.csv", 1, "1 cell", text("t.csv", "y,x\n1,2\n3\n")),
    Case("latin-1", "infer m.ppl t.csv", 1, "not UTF-8", bytes_("t.csv", b"y\ncaf\xe9\n")),
    Case("a name in two files", "infer m.ppl y.npy t.csv", 1, "twice", text("t.csv", "y\n1\n")),
    Case("other names", "infer m.ppl t.csv", 1, "`x`", text("t.csv", "x\n1\n")),
    Case("infinite", "infer m.ppl t.csv", 1, "y[1]", text("t.csv", "y\n1\ninf\n")),
    Case("not enough", "infer m.ppl y.npy --set N=5", 1, "`N`"),
    Case(
        "a huge dimension",
        "infer k.ppl y.npy --set K=1000000000000000",
        1,
        "are more than there can be",
        text("k.ppl", "dim K = 2\nw[K] ~ Normal(0, 1)\ny ~ Normal(sum(w), 1)\n"),
    ),
    # results that cannot be written
    Case(
        "out is a folder", "infer m.ppl y.npy --out d", 2, "is a folder", lambda: Path("d").mkdir()
    ),
    Case("out is nowhere", "infer m.ppl y.npy --out no/a.fit", 2, "mkdir -p no"),
    Case("out is below a file", "infer m.ppl y.npy --out y.npy/a.fit", 2, "cannot be written"),
    Case(
        "out is not allowed",
        "infer m.ppl y.npy --out /proc/a.fit",
        2,
        "cannot be written",
        nothing,
        True,
    ),
    Case("out is full", "infer m.ppl y.npy --out /dev/full", 2, "no space left", nothing, True),
    Case("json is full", "infer m.ppl y.npy --json /dev/full", 2, "no space left", nothing, True),
    Case("page is nowhere", "infer m.ppl y.npy --report no/a.html", 2, "mkdir -p no"),
    Case("draws of no format", "simulate f.fit --out d.txt", 2, "does not say a format"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_misuse(case: Case, folder: Path, capsys: Capture) -> None:
    case.make()
    before = {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    assert main(case.words.split()) == case.status
    out, err = capsys.readouterr()
    assert bool(out) == case.answered
    assert case.says in err
    assert len([line for line in err.splitlines() if line.startswith("error")]) <= 1
    assert "Traceback" not in err
    assert "internal error" not in err
    assert {p: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_too_little_memory(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppl import pipeline

    def large(*given: object) -> None:
        np.empty(2**50)

    monkeypatch.setattr(pipeline, "infer", large)
    assert main(["infer", "m.ppl", "y.npy"]) == 1
    assert "error[out-of-memory]: there is not enough memory" in capsys.readouterr().err


def started(*words: str, **options: Any) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ppl", *words]
    return subprocess.Popen(command, text=True, env=environment, stderr=subprocess.PIPE, **options)


def test_a_closed_pipe(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = started("infer", "m.ppl", "y.npy", "--out", "a.fit", stdout=writer)
    os.close(writer)
    assert done.communicate()[1] == ""
    assert done.returncode == 0
    assert ppl.load("a.fit").names == ("m",)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams(folder: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m ppl infer m.ppl y.npy --out a.fit {closed}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("a.fit").exists()


def test_standard_input_that_is_empty(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["infer", "m.ppl", "-"]) == 1
    assert "standard input is empty" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["infer", "m.ppl", "-"]) == 2
    assert "standard input" in capsys.readouterr().err


def test_a_file_that_was_there_stays_if_writing_fails(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.fit").write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["infer", "m.ppl", "y.npy", "--out", "a.fit"]) == 2
    out, err = capsys.readouterr()
    assert "no space left" in err
    assert out.startswith("exact: ")  # the answer is not lost
    assert Path("a.fit").read_text() == "old"
    assert sorted(p.name for p in folder.iterdir()) == ["a.fit", "m.ppl", "y.npy"]


# ----------------------------------------------------------------------------------- interruption

SCRIPT = """
import os, signal, sys
from ppl.inference import climb
from ppl import pipeline
moment = sys.argv.pop(1)
number = getattr(signal, sys.argv.pop(1))

def strike():
    os.kill(os.getpid(), number)

def at(module, name):
    real = getattr(module, name)
    def struck(*given, **named):
        strike()
        return real(*given, **named)
    setattr(module, name, struck)

if moment == "reading":
    at(pipeline, "read_model")
elif moment == "compiling":
    at(pipeline, "_compiled")
elif moment == "writing":
    from ppl.report import write
    at(write, "_mode")
else:
    real = climb.step
    def struck(state, rung):
        if rung.name == moment:
            strike()
        return real(state, rung)
    climb.step = struck
from ppl.cli import run
sys.exit(run())
"""


def interrupted(moment: str, number: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, moment, number, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.mark.parametrize("moment", ["reading", "compiling", "meanfield", "writing"])
def test_interrupted_with_nothing_to_keep(folder: Path, moment: str) -> None:
    before = sorted(p.name for p in folder.iterdir())
    words = ("infer", "m.ppl", "y.npy", "--method", "is", "--out", "a.fit")
    done = interrupted(moment, "SIGINT", *words)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("moment", "number"), [("fullrank", "SIGINT"), ("importance", "SIGINT"), ("hmc", "SIGTERM")]
)
def test_interrupted_with_something_to_keep(folder: Path, moment: str, number: str) -> None:
    words = ("infer", "m.ppl", "y.npy", "--method", "hmc", "--out", "a.fit", "--json", "a.json")
    done = interrupted(moment, number, *words)
    assert (done.returncode, done.stderr) == (130, "")
    assert f"Interrupted during {moment}" in " ".join(done.stdout.split())
    fit = ppl.load("a.fit")
    assert fit.why.startswith(f"Interrupted during {moment}")
    assert fit.verdict in ("fair", "poor")
    assert np.isfinite(fit["m"].draws()).all()
    assert json.loads(Path("a.json").read_text())["verdict"] == fit.verdict
    assert fit.predict()["y"].shape == (4000, 3)


def test_interrupted_as_it_happens(folder: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    pd.DataFrame({"x": x, "y": x + rng.normal(size=500)}).to_csv("d.csv", index=False)
    Path("slow.ppl").write_text(SLOW)
    words = ("infer", "slow.ppl", "d.csv", "--method", "hmc", "--time-limit", "600")
    process = started(*words, "--out", "a.fit", stdout=subprocess.PIPE)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "" if out else err == "interrupted\n"
    assert Path("a.fit").exists() == bool(out)
    assert not list(folder.glob(".*"))
