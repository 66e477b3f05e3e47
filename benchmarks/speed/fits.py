"""Whole processes, from the shell to the printed answer: `ppl infer` against other projects.

Run as ``python -m benchmarks.speed.fits [--rounds 3] [--environments FOLDER] [--limit SECONDS]
[CASE ...]``. It makes environments with NumPyro and PyMC in FOLDER (needs the network once), writes
each case's data to a file, and runs every way by turns, each with all the cores that the machine
has; a way that takes longer than the limit is stopped and not tried again. The reference is a run
of `ppl` by Hamiltonian Monte Carlo; errors are in its standard deviations.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import CASES
from benchmarks.speed.peers.environments import interpreter

ROOT = Path(__file__).parents[2]
SET_HERE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS")
"""What the package sets for benchmarks in one process, on one thread."""
PEERS = Path(__file__).parent / "peers"
COMMAND = "import sys; from ppl.cli import main; sys.exit(main())"
Answer = Mapping[str, Mapping[str, Any]]


Data = dict[str, Any]


def logistic() -> Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 50))
    p = 1.0 / (1.0 + np.exp(-(0.3 + X @ rng.normal(0, 0.3, 50))))
    return {"X": X, "y": rng.binomial(1, p).astype(float)}


def linear() -> Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_000_000, 20))
    return {"X": X, "y": X @ rng.normal(size=20) + rng.normal(size=len(X))}


def patterns() -> Data:
    rng = np.random.default_rng(0)
    g, c, a = (rng.integers(0, k, 1_000_000) for k in (50, 5, 2))
    effect = rng.normal(0, 0.3, 50)[g] + rng.normal(0, 0.3, 5)[c]
    return {"g": g, "c": c, "a": a.astype(float), "y": rng.poisson(np.exp(0.2 * a + effect))}


def usual(name: str) -> Callable[[], Data]:
    return lambda: CASES[name].data(CASES[name].size)


LINEAR = """
data X[N, D]
b[D] ~ Normal(0, 10)
s ~ HalfNormal(2)
y[N] ~ Normal(X @ b, s)
"""
PATTERNS = """
data g[N] in J, c[N] in C, a[N], y[N] in Count
tau ~ HalfNormal(1)
u[J] ~ Normal(0, tau)
v[C] ~ Normal(0, 1)
b ~ Normal(0, 1)
y ~ Poisson(log = u[g] + v[c] + b * a)
"""
SVI_2000 = ("numpyro", "with_numpyro.py", "2000")
SVI_1000 = ("numpyro", "with_numpyro.py", "1000")
ON_PYMC = tuple(("pymc", "with_pymc.py", m) for m in ("advi", "pathfinder", "dadvi", "nutpie"))


@dataclass(frozen=True)
class Whole:
    """A model, its data, and the ways it is compared with: environment, script, last word."""

    text: str
    data: Callable[[], Data]
    peers: tuple[tuple[str, str, str], ...]


MODELS = {
    "eight_schools": Whole(
        CASES["eight schools"].text,
        usual("eight schools"),
        (SVI_2000, ("numpyro", "with_numpyro.py", "10000"), *ON_PYMC),
    ),
    "radon": Whole(
        CASES["radon-like hierarchy"].text, usual("radon-like hierarchy"), (SVI_2000, *ON_PYMC)
    ),
    "counts": Whole(CASES["Poisson GLMM"].text, usual("Poisson GLMM"), (SVI_2000, *ON_PYMC)),
    "logistic": Whole(CASES["logistic"].text, logistic, (SVI_1000, *ON_PYMC)),
    "linear": Whole(LINEAR, linear, (SVI_1000, *ON_PYMC)),
    "patterns": Whole(PATTERNS, patterns, (SVI_1000, *ON_PYMC)),
}


def run(words: list[str], limit: float | None = None) -> tuple[float, str]:
    """Return the seconds of a process and what it printed; threads are as for a newcomer."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if words[0] == sys.executable else ""}
    for name in SET_HERE:
        environment.pop(name, None)
    began = time.perf_counter()
    with subprocess.Popen(
        words,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, said = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it began
            raise RuntimeError(f"stopped after {limit:.0f} s") from None
    seconds = time.perf_counter() - began
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{words[1:]} failed: {said[-2000:]}")
    return seconds, printed


def answer_of(printed: str) -> Answer:
    """Return means and standard deviations by name, of ours or of a peer's."""
    ours = '"quantities"' in printed
    found = json.loads(printed if ours else printed.strip().splitlines()[-1])
    return found["quantities"] if ours else found  # type: ignore[no-any-return]


def error(found: Answer, reference: Answer) -> tuple[float, float, float]:
    """Return the worst error of a mean in reference sds, and the extreme ratios of sds."""
    worst, ratios = 0.0, []
    for name in reference.keys() & found.keys():
        known = reference[name]
        sd = np.asarray(known["sd"], float)
        away = np.abs(np.asarray(found[name]["mean"], float) - known["mean"]) / sd
        worst = max(worst, float(np.max(away)))
        ratios.append(np.asarray(found[name]["sd"], float) / sd)
    flat = np.concatenate([np.ravel(r) for r in ratios])
    return worst, float(flat.min()), float(flat.max())


def compare(name: str, rounds: int, environments: Path, limit: float, folder: Path) -> None:
    case = MODELS[name]
    model, path = folder / f"{name}.ppl", folder / f"{name}.npz"
    model.write_text(case.text, encoding="utf-8")
    np.savez(path, **case.data())
    ours = [sys.executable, "-c", COMMAND, "infer", str(model), str(path), "--json", "-", "--quiet"]
    long = ["--method", "hmc", "--seed", "9", "--time-limit", "600"]
    reference = answer_of(run([*ours, *long])[1])
    ways = {"ppl infer": ours}
    for environment, script, last in case.peers:
        python = interpreter(environment, environments)
        ways[f"{script.removesuffix('.py').replace('with_', '')} {last}"] = [
            str(python),
            str(PEERS / script),
            name,
            str(path),
            last,
        ]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, Answer] = {}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for way, words in ways.items():
            if way in failed:
                continue
            try:
                taken, printed = run(words, limit)
            except RuntimeError as e:
                failed[way] = str(e).strip().splitlines()[-1]
                continue
            seconds[way].append(taken)
            answers[way] = answer_of(printed)
    base = statistics.median(seconds["ppl infer"])
    for way in ways:
        if way in failed:
            print(f"| {name} | {way} | failed: {failed[way]} | | | |", flush=True)
            continue
        worst, low, high = error(answers[way], reference)
        median = statistics.median(seconds[way])
        print(
            f"| {name} | {way} | {median:.2f} | {median / base:.1f} | {worst:.2f} "
            f"| {low:.2f} to {high:.2f} |",
            flush=True,
        )


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.fits")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=3)
    kept = Path.home() / ".cache" / "ppl-benchmarks"
    parser.add_argument("--environments", type=Path, default=kept, metavar="FOLDER")
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS")
    chosen = parser.parse_args(words)
    print("| case | way | seconds | / ours | worst mean error, sd | sd ratios |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.cases or list(MODELS):
            compare(name, chosen.rounds, chosen.environments, chosen.limit, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
