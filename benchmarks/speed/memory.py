"""Peak memory of fits to large data, in terms of the data's own size.

Run as ``python -m benchmarks.speed.memory [--rows N] [CASE ...]`` on Linux. Every fit is a process
of its own, which first fits a few rows, so that all code is loaded, and then the large data: from
arrays in Python that it holds itself, from an `.npz` archive, or from `.npy` files. The peak is
that of the resident memory, less what the process held before the data; beside it stands what the
process itself held (anonymous memory, without pages of mapped files). The project's bound is 2.5
for arrays and archives.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
BOUND = 2.5
Data = dict[str, Any]

LOGISTIC = """
data X[N, D]
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
y[N] ~ Bernoulli(logit = a + X @ b)
"""
POISSON = """
data X[N, D]
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
y[N] ~ Poisson(log = a + X @ b)
"""
NEGATIVE_BINOMIAL = """
data X[N, D]
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
r ~ Gamma(2, 1)
y[N] ~ NegativeBinomial(log = a + X @ b, phi = r)
"""
STUDENT = """
data X[N, D]
a ~ Normal(0, 5)
b[D] ~ Normal(0, 2)
s ~ HalfNormal(1)
y[N] ~ StudentT(4, a + X @ b, s)
"""
LINEAR = """
data X[N, D]
a ~ Normal(0, 10)
b[D] ~ Normal(0, 10)
s ~ HalfNormal(2)
y[N] ~ Normal(a + X @ b, s)
"""
GROUPS = """
dim J = 50
data g[N] in J, x[N]
u[J] ~ Normal(m, t)
m ~ Normal(0, 1)
t ~ HalfNormal(1)
b ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in N { y[n] ~ Normal(u[g[n]] + b * x[n], s) }
"""
EFFECTS = """
dim J = 50
data g[N] in J, x[N]
u[J] ~ Normal(m, t)
m ~ Normal(0, 1)
t ~ HalfNormal(1)
b ~ Normal(0, 1)
for n in N { y[n] ~ Poisson(log = u[g[n]] + b * x[n]) }
"""


def _linear_predictor(rows: int) -> tuple[np.random.Generator, Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 20))
    return rng, x, 0.2 + x @ rng.normal(0, 0.2, 20)


def logistic(rows: int) -> Data:
    rng, x, eta = _linear_predictor(rows)
    return {"X": x, "y": (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(float)}


def poisson(rows: int) -> Data:
    rng, x, eta = _linear_predictor(rows)
    return {"X": x, "y": rng.poisson(np.exp(eta)).astype(float)}


def negative_binomial(rows: int) -> Data:
    rng, x, eta = _linear_predictor(rows)
    return {"X": x, "y": rng.poisson(np.exp(eta) * rng.gamma(2, 0.5, rows)).astype(float)}


def student(rows: int) -> Data:
    rng, x, eta = _linear_predictor(rows)
    return {"X": x, "y": eta + rng.standard_t(4, rows)}


def single(rows: int) -> Data:
    """Return inputs in single precision, which take half the memory of our own."""
    data = logistic(2 * rows)
    return {name: values.astype(np.float32) for name, values in data.items()}


def integers(rows: int) -> Data:
    rng = np.random.default_rng(0)
    x = rng.integers(-1000, 1000, size=(rows, 20))
    chance = 1 / (1 + np.exp(-x @ rng.normal(0, 2e-4, 20)))
    return {"X": x, "y": (rng.random(rows) < chance).astype(int)}


def missing(rows: int) -> Data:
    """Return outcomes of which a tenth is missing."""
    data = logistic(rows)
    data["y"][::10] = np.nan
    return data


def linear(rows: int) -> Data:
    rng, x, eta = _linear_predictor(rows)
    return {"X": x, "y": eta + rng.normal(size=rows)}


def groups(rows: int) -> Data:
    rng = np.random.default_rng(0)
    g, x = rng.integers(0, 50, 7 * rows), rng.normal(size=7 * rows)
    return {"g": g, "x": x, "y": 0.02 * g + 0.3 * x + rng.normal(size=7 * rows)}


def effects(rows: int) -> Data:
    data = groups(rows)
    rng = np.random.default_rng(1)
    data["y"] = rng.poisson(np.exp(0.02 * data["g"] + 0.3 * data["x"]))
    return data


CASES: Mapping[str, tuple[str, Callable[[int], Data]]] = {
    "logistic": (LOGISTIC, logistic),
    "poisson": (POISSON, poisson),
    "linear": (LINEAR, linear),
    "groups": (GROUPS, groups),
    "effects": (EFFECTS, effects),
    "negative-binomial": (NEGATIVE_BINOMIAL, negative_binomial),
    "student": (STUDENT, student),
    "single": (LOGISTIC, single),
    "integers": (LOGISTIC.replace("Normal(0, 2)", "Normal(0, 0.002)"), integers),
    "missing": (LOGISTIC, missing),
}
WAYS = ("arrays", "npz", "npy")
CHILD = (sys.executable, "-m", "benchmarks.speed.memory", "child")


def status(*names: str) -> dict[str, int]:
    """Return lines of the process's status, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: 1024 * int(found[name].split()[0]) for name in names}


def child(case: str, way: str, rows: int, folder: str) -> None:
    """Fit in this process, and print the figures."""
    import threading
    import time

    import ppl
    from ppl.cli import main

    text, make = CASES[case]
    model = ppl.Model(text)
    model.infer(make(300))
    files = {path.stem: str(path) for path in sorted(Path(folder).glob(f"{case}_*.npy"))}
    named = {name.removeprefix(f"{case}_"): path for name, path in files.items()}
    size = sum(Path(path).stat().st_size for path in files.values())
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = status("VmRSS", "RssAnon")
    anonymous, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            anonymous[0] = max(anonymous[0], status("RssAnon")["RssAnon"])
            time.sleep(0.01)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    if way == "arrays":
        fit = model.infer({name: np.load(path) for name, path in named.items()})
        verdict = str(fit.verdict)
    else:
        given = [f"{name}={path}" for name, path in named.items()]
        given = [str(Path(folder) / f"{case}.npz")] if way == "npz" else given
        program, answer = Path(folder) / f"{case}.ppl", Path(folder) / f"{case}.json"
        program.write_text(text, encoding="utf-8")
        main(["infer", str(program), *given, "--json", str(answer), "--quiet"])
        verdict = json.loads(answer.read_text(encoding="utf-8"))["verdict"]
    over.set()
    watcher.join()
    peak = status("VmHWM")["VmHWM"] - before["VmRSS"]
    held = anonymous[0] - before["RssAnon"]
    print(json.dumps([size, peak, held, verdict]))


def main(words: list[str]) -> int:
    """Print the table; 1 if a bound is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.memory")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--rows", type=int, default=700_000)
    parser.add_argument("--ways", default=",".join(WAYS))
    chosen = parser.parse_args(words)
    broken = False
    print("| case | from | data, MB | peak / data | held / data | verdict |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen.cases or list(CASES):
            data = CASES[case][1](chosen.rows)
            for name, values in data.items():
                np.save(Path(folder) / f"{case}_{name}.npy", values)
            np.savez(Path(folder) / f"{case}.npz", **data)
            del data
            for way in chosen.ways.split(","):
                done = subprocess.run(
                    [*CHILD, case, way, str(chosen.rows), folder],
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    raise RuntimeError(done.stderr[-2000:])
                size, peak, held, verdict = json.loads(done.stdout.strip().splitlines()[-1])
                broken |= way != "npy" and peak > BOUND * size
                print(
                    f"| {case} | {way} | {size / 1e6:.0f} | {peak / size:.2f} "
                    f"| {held / size:.2f} | {verdict} |",
                    flush=True,
                )
    return int(broken)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        sys.exit(main(sys.argv[1:]))
