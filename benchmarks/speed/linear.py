"""Linear regression of a million rows, from files to the printed answer, against one QR.

Run as ``python -m benchmarks.speed.linear [--rows N] [--rounds 5]``. The design and the outcome lie
in `.npy` files; whole processes run by turns: `ppl infer`, and one that reads the files and takes
the triangular factor of the design, or the whole QR. Figures are medians of CPU seconds. The
moments are compared with the closed form where the prior is conjugate, and else with quadrature
over the noise's scale; errors are in posterior standard deviations, or relative for these.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Moments = dict[str, tuple[Any, Any]]

ROOT = Path(__file__).parents[2]
COLUMNS, PRIOR_SD = 20, 10.0
COMMAND = "import sys; from ppl.cli import main; sys.exit(main())"
FACTOR = """
import sys, numpy as np
X, y = np.load(sys.argv[1]), np.load(sys.argv[2])
np.linalg.qr(X, mode=sys.argv[3])
"""
CONJUGATE = """
data X[N, D]
v ~ InverseGamma(2, 1)
b[D] ~ Normal(0, 10 * sqrt(v))
y[N] ~ Normal(X @ b, sqrt(v))
"""
HALF_NORMAL = """
data X[N, D]
s ~ HalfNormal(2)
b[D] ~ Normal(0, 10)
y[N] ~ Normal(X @ b, s)
"""


def conjugate(x: Array, y: Array) -> Moments:
    """Return means and sds under the normal-inverse gamma prior of `CONJUGATE`."""
    precision = x.T @ x + np.eye(x.shape[1]) / PRIOR_SD**2
    mean = np.linalg.solve(precision, x.T @ y)
    left = y - x @ mean
    shape = 2.0 + len(y) / 2
    rate = 1.0 + 0.5 * float(left @ left + mean @ mean / PRIOR_SD**2)
    v = rate / (shape - 1)
    sd = np.sqrt(np.diag(np.linalg.inv(precision)) * v)
    return {"b": (mean, sd), "v": (v, v / np.sqrt(shape - 2))}


def half_normal(x: Array, y: Array) -> Moments:
    """Return means and sds under the prior of `HALF_NORMAL`, by quadrature over the scale."""
    values, vectors = np.linalg.eigh(x.T @ x)
    along = vectors.T @ (x.T @ y)
    least = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ least
    rest, best = float(left @ left), along / values
    guess = np.sqrt(rest / len(y))
    s = guess * np.exp(np.linspace(-9, 9, 4001) / np.sqrt(2 * len(y)))[:, None]
    spread = PRIOR_SD**2 + s**2 / values
    log_density = -(len(y) - x.shape[1]) * np.log(s[:, 0]) - 0.5 * rest / s[:, 0] ** 2
    log_density -= 0.5 * np.sum(np.log(spread) + best**2 / spread, axis=1)
    log_density -= 0.5 * (s[:, 0] / 2.0) ** 2
    weights = np.exp(log_density - log_density.max()) * s[:, 0]
    weights /= weights.sum()
    means = along / (values + s**2 / PRIOR_SD**2)
    variances = 1.0 / (values / s**2 + 1 / PRIOR_SD**2)
    mean = weights @ means
    covariance = (vectors * (weights @ variances)) @ vectors.T
    off = (means - mean) @ vectors.T
    sd = np.sqrt(np.diag(covariance) + weights @ off**2)
    centre = float(weights @ s[:, 0])
    return {
        "b": (vectors @ mean, sd),
        "s": (centre, float(np.sqrt(weights @ (s[:, 0] - centre) ** 2))),
    }


MODELS = {"conjugate": (CONJUGATE, conjugate), "half-normal": (HALF_NORMAL, half_normal)}


def errors(found: Mapping[str, Any], known: Moments) -> tuple[float, float]:
    """Return the worst error of a mean, in sds, and of an sd, relative."""
    by_mean, by_sd = 0.0, 0.0
    for name, (mean, sd) in known.items():
        got = found["quantities"][name]
        by_mean = max(by_mean, float(np.max(np.abs(np.asarray(got["mean"]) - mean) / sd)))
        by_sd = max(by_sd, float(np.max(np.abs(np.asarray(got["sd"]) / sd - 1))))
    return by_mean, by_sd


def seconds(words: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of a process, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return user + system, done.stdout


def main(words: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.linear")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(words)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(chosen.rows, COLUMNS))
    y = x @ rng.normal(size=COLUMNS) + rng.normal(size=chosen.rows)
    print("| prior | CPU seconds | / R of the design | / QR | mean off, sd | sd off |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = [str(place / "X.npy"), str(place / "y.npy")]
        np.save(files[0], x)
        np.save(files[1], y)
        for name, (text, reference) in MODELS.items():
            model = place / f"{name}.ppl"
            model.write_text(text, encoding="utf-8")
            ours = [COMMAND, "infer", str(model), f"X={files[0]}", f"y={files[1]}"]
            ways = {
                "ours": [*ours, "--json", "-", "--quiet"],
                "r": [FACTOR, *files, "r"],
                "reduced": [FACTOR, *files, "reduced"],
            }
            taken: dict[str, list[float]] = {way: [] for way in ways}
            printed = ""
            for _ in range(chosen.rounds):
                for way, command in ways.items():
                    cost, said = seconds(command)
                    taken[way].append(cost)
                    printed = said if way == "ours" else printed
            middle = {way: statistics.median(costs) for way, costs in taken.items()}
            by_mean, by_sd = errors(json.loads(printed), reference(x, y))
            print(
                f"| {name} | {middle['ours']:.2f} | {middle['ours'] / middle['r']:.2f} "
                f"| {middle['ours'] / middle['reduced']:.2f} | {by_mean:.1e} | {by_sd:.1e} |",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
