"""A large hierarchy against an independent reference: 10,000 groups, 1,000,000 observations.

    python -m benchmarks.accuracy.large [--groups 10000] [--rows 1000000] [--seed 0]

Given its two scales the model is jointly normal, so that levels and grand mean integrate out; the
scales are put on a grid. The exit status is 1 if the mean of `mu`, `tau` or `sigma` is off by more
than 5 % of its standard deviation, or that by more than 5 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

OFF = 0.05
MODEL = """
data y[N], g[N] in G
mu ~ Normal(0, 5)
tau ~ HalfNormal(2)
sigma ~ HalfNormal(2)
level[G] ~ Normal(mu, tau)
for n in N { y[n] ~ Normal(level[g[n]], sigma) }
"""
GLOBALS = ("mu", "tau", "sigma")


@dataclass(frozen=True)
class Moments:
    """Means and standard deviations by name; those of levels are arrays."""

    mean: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]


def simulate(groups: int, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes and groups of unequal size."""
    rng = np.random.default_rng(seed)
    share = rng.gamma(2.0, size=groups)
    group = np.concatenate(
        [np.arange(groups), rng.choice(groups, rows - groups, p=share / share.sum())]
    )
    level = rng.normal(1.0, 0.7, groups)
    return level[group] + rng.normal(0, 1.5, rows), group


def reference(y: np.ndarray, group: np.ndarray) -> Moments:
    """Integrate on a grid of the two scales, wide and fine enough for six digits."""
    count = np.bincount(group).astype(float)
    mean = np.bincount(group, y) / count
    within = float(np.sum((y - mean[group]) ** 2))
    centre = np.array([np.log(np.std(mean)), 0.5 * np.log(within / (y.size - count.size))])
    width = np.array([0.5 * np.sqrt(2 / count.size), 0.5 * np.sqrt(2 / y.size)])
    for _ in range(3):
        steps = np.linspace(-6, 6, 25)
        tau, sigma = (
            np.exp(v.ravel())
            for v in np.meshgrid(centre[0] + width[0] * steps, centre[1] + width[1] * steps)
        )
        log_density, mu, mu_variance = _given_scales(tau, sigma, count, mean, within, y.size)
        weight = np.exp(log_density - log_density.max())
        weight /= weight.sum()
        logs = np.log(np.stack([tau, sigma]))
        centre = logs @ weight
        width = np.sqrt(((logs - centre[:, None]) ** 2) @ weight)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, value, extra in (("mu", mu, mu_variance), ("tau", tau, 0.0), ("sigma", sigma, 0.0)):
        average = weight @ value
        found[name] = average, np.sqrt(weight @ ((value - average) ** 2 + extra))
    first, second = np.zeros(count.size), np.zeros(count.size)
    for w, t, s, m, v in zip(weight, tau, sigma, mu, mu_variance, strict=True):
        if w < 1e-12:
            continue
        shrunk = 1 / (1 + count * t**2 / s**2)
        level = mean + shrunk * (m - mean)
        first += w * level
        second += w * (level**2 + shrunk**2 * v + t**2 * shrunk)
    found["level"] = first, np.sqrt(second - first**2)
    return Moments({n: m for n, (m, _) in found.items()}, {n: s for n, (_, s) in found.items()})


def _given_scales(
    tau: np.ndarray,
    sigma: np.ndarray,
    count: np.ndarray,
    mean: np.ndarray,
    within: float,
    rows: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log density of log tau and log sigma, and mean and variance of mu given them."""
    log_density, mu, variance = (np.empty(tau.size) for _ in range(3))
    for i, (t, s) in enumerate(zip(tau, sigma, strict=True)):
        spread = t**2 + s**2 / count
        precision = np.sum(1 / spread) + 1 / 25
        mu[i] = np.sum(mean / spread) / precision
        variance[i] = 1 / precision
        log_density[i] = (
            -0.5 * (t**2 + s**2) / 4
            + np.log(t * s)
            - 0.5 * within / s**2
            - (rows - count.size) * np.log(s)
            - 0.5 * np.sum(np.log(spread))
            - 0.5 * np.sum(mean**2 / spread)
            + 0.5 * mu[i] ** 2 * precision
            - 0.5 * np.log(precision)
        )
    return log_density, mu, variance


def main(words: list[str]) -> int:
    """Fit in a process of its own, and compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.large")
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    y, group = simulate(asked.groups, asked.rows, asked.seed)
    known = reference(y, group)
    with TemporaryDirectory() as scratch:
        model, data, out = (Path(scratch, name) for name in ("model.ppl", "data.npz", "fit.json"))
        model.write_text(MODEL, encoding="utf-8")
        np.savez(data, y=y, g=group)
        began = perf_counter()
        command = [sys.executable, "-m", "ppl", "infer", str(model), str(data), "--quiet"]
        command += [f"--seed={asked.seed}", f"--json={out}"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - began
        answer = json.loads(out.read_text(encoding="utf-8"))
    print(f"{answer['verdict']}: {answer['why']}")
    print(f"{asked.groups:,} groups, {asked.rows:,} rows, {seconds:.1f} s, by {answer['rung']}")
    worst = 0.0
    for name in (*GLOBALS, "level"):
        found = answer["quantities"][name]
        off = np.abs(np.array(found["mean"]) - known.mean[name]) / known.sd[name]
        ratio = np.array(found["sd"]) / known.sd[name]
        print(
            f"  {name:6} mean off by {np.max(off):.3f} sd at most ({np.median(off):.3f} in the "
            f"middle), sd ratio {np.min(ratio):.3f} to {np.max(ratio):.3f}"
        )
        if name in GLOBALS:
            worst = max(worst, float(np.max(off)), float(np.max(np.abs(ratio - 1))))
    return 1 if worst > OFF else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
