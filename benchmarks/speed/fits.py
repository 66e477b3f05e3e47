"""Whole processes, from the shell to the printed answer: `ppl infer` against other projects.

Run as ``python -m benchmarks.speed.fits [--rounds 3] [--environments FOLDER] [CASE ...]``. It makes
environments with NumPyro and PyMC in FOLDER (needs the network once), writes each case's data to a
file, and runs every way by turns. The reference is the median answer of a long run of `ppl` by
Hamiltonian Monte Carlo, or given in closed form; errors are in its standard deviations.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import CASES
from benchmarks.speed.peers.environments import interpreter

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
COMMAND = "import sys; from ppl.cli import main; sys.exit(main())"
Answer = Mapping[str, Mapping[str, Any]]


def eight_schools() -> tuple[str, dict[str, Any]]:
    case = CASES["eight schools"]
    return case.text, case.data(8)


def logistic() -> tuple[str, dict[str, Any]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 50))
    p = 1.0 / (1.0 + np.exp(-(0.3 + X @ rng.normal(0, 0.3, 50))))
    return CASES["logistic"].text, {"X": X, "y": rng.binomial(1, p).astype(float)}


MODELS: dict[str, tuple[Callable[[], tuple[str, dict[str, Any]]], tuple[tuple[str, ...], ...]]] = {
    "eight_schools": (
        eight_schools,
        (
            ("numpyro", "with_numpyro.py", "2000"),
            ("numpyro", "with_numpyro.py", "10000"),
            ("pymc", "with_pymc.py", "advi"),
            ("pymc", "with_pymc.py", "pathfinder"),
            ("pymc", "with_pymc.py", "dadvi"),
            ("pymc", "with_pymc.py", "nutpie"),
        ),
    ),
    "logistic": (logistic, (("numpyro", "with_numpyro.py", "1000"),)),
}
"""Case → its model with data, and the ways it is compared with: environment, script, last word."""


def run(words: list[str]) -> tuple[float, str]:
    """Return the seconds of a process and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if words[0] == sys.executable else ""}
    environment.pop("XLA_FLAGS", None)
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{words[1:]} failed: {done.stderr[-2000:]}")
    return seconds, done.stdout


def answer_of(printed: str) -> Answer:
    """Return means and standard deviations by name, of ours or of a peer's."""
    ours = '"quantities"' in printed
    found = json.loads(printed if ours else printed.strip().splitlines()[-1])
    return found["quantities"] if ours else found  # type: ignore[no-any-return]


def error(found: Answer, reference: Answer) -> tuple[float, float, float]:
    """Return the worst error of a mean in reference sds, and the extreme ratios of sds."""
    worst, ratios = 0.0, []
    for name, known in reference.items():
        if name not in found:
            continue
        sd = np.asarray(known["sd"], float)
        away = np.abs(np.asarray(found[name]["mean"], float) - known["mean"]) / sd
        worst = max(worst, float(np.max(away)))
        ratios.append(np.asarray(found[name]["sd"], float) / sd)
    flat = np.concatenate([np.ravel(r) for r in ratios])
    return worst, float(flat.min()), float(flat.max())


def compare(name: str, rounds: int, environments: Path, folder: Path) -> None:
    make, peers = MODELS[name]
    text, data = make()
    model, path = folder / f"{name}.ppl", folder / f"{name}.npz"
    model.write_text(text, encoding="utf-8")
    np.savez(path, **data)
    ours = [sys.executable, "-c", COMMAND, "infer", str(model), str(path), "--json", "-", "--quiet"]
    long = ["--method", "hmc", "--seed", "9", "--time-limit", "600"]
    reference = answer_of(run([*ours, *long])[1])
    ways = {"ppl infer": ours}
    for environment, script, last in peers:
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
                taken, printed = run(words)
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
    chosen = parser.parse_args(words)
    print("| case | way | seconds | / ours | worst mean error, sd | sd ratios |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.cases or list(MODELS):
            compare(name, chosen.rounds, chosen.environments, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
