"""Simulation-based calibration: where the truth lies in its posterior, over many data sets.

    python -m benchmarks.accuracy.sbc [--datasets 500] [--models funnel ...] [--json OUT]

Unknowns and data are drawn from the model itself and the model is fitted to the data; the share of
the posterior below the true value is then uniform if, and only if, posteriors are right on average
(Talts, Betancourt, Simpson, Vehtari & Gelman 2018). All fits count, whatever their verdict. The
exit status is 1 if some quantity is not uniform at a level of 0.01 over all of them (Bonferroni).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import chisquare, kstest

import ppl

BINS, LEVEL = 20, 0.01
TIME_LIMIT = 5.0
"""Seconds for Markov chains, which few of the fits need."""
GENERATOR = np.random.default_rng(20)
DESIGN = GENERATOR.normal(size=(30, 3))


@dataclass(frozen=True)
class Case:
    """A model, what is given beside the outcomes, the outcomes, and what is ranked."""

    text: str
    outcomes: tuple[str, ...]
    ranked: tuple[str, ...]
    given: Mapping[str, object]


CASES = {
    "conjugate regression": Case(
        "data X[N, D]\ns ~ InverseGamma(3, 2)\nb[D] ~ Normal(0, sqrt(s))\n"
        "y[N] ~ Normal(X @ b, sqrt(s))",
        ("y",),
        ("s", "b"),
        {"X": DESIGN},
    ),
    "mean and sd": Case(
        "dim N = 10\nm ~ Normal(0, 2)\ns ~ HalfNormal(1)\ny[N] ~ Normal(m, s)",
        ("y",),
        ("m", "s"),
        {},
    ),
    "hierarchy": Case(
        "dim J = 8\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(3)\ntheta[J] ~ Normal(mu, tau)\n"
        "y[J] ~ Normal(theta, 2)",
        ("y",),
        ("mu", "tau", "theta"),
        {},
    ),
    "logistic regression": Case(
        "data X[N, D]\na ~ Normal(0, 1)\nb[D] ~ Normal(0, 1)\ny[N] ~ Bernoulli(logit = a + X @ b)",
        ("y",),
        ("a", "b"),
        {"X": DESIGN},
    ),
    "Poisson regression": Case(
        "data X[N, D]\na ~ Normal(0, 1)\nb[D] ~ Normal(0, 0.5)\ny[N] ~ Poisson(log = a + X @ b)",
        ("y",),
        ("a", "b"),
        {"X": DESIGN},
    ),
    "funnel": Case(
        "dim K = 5\nv ~ Normal(0, 3)\nx[K] ~ Normal(0, exp(v / 2))\ny[K] ~ Normal(x, 1)",
        ("y",),
        ("v", "x"),
        {},
    ),
    "heavy tails": Case(
        "data X[N, D]\nb[D] ~ Normal(0, 1)\ns ~ HalfNormal(1)\ny[N] ~ StudentT(3, X @ b, s)",
        ("y",),
        ("b", "s"),
        {"X": DESIGN},
    ),
    "mixture": Case(
        "dim N = 40\np ~ Beta(2, 2)\nm ~ Normal(0, 1)\ngap ~ Gamma(4, 2)\n"
        "for n in N {\n  k[n] ~ Bernoulli(p)\n  y[n] ~ Normal(m + gap * k[n], 1)\n}",
        ("y",),
        ("p", "m", "gap"),
        {},
    ),
    "autoregression": Case(
        "dim T = 30\nphi ~ Uniform(-1, 1)\ns ~ HalfNormal(1)\ny[0] ~ Normal(0, 2)\n"
        "for t in 1:T { y[t] ~ Normal(phi * y[t - 1], s) }",
        ("y",),
        ("phi", "s"),
        {},
    ),
    "overdispersed counts": Case(
        "dim N = 30\nm ~ Normal(1, 0.5)\nphi ~ Gamma(3, 1)\ny[N] ~ NegativeBinomial(exp(m), phi)",
        ("y",),
        ("m", "phi"),
        {},
    ),
}


@dataclass(frozen=True)
class Calibration:
    """The result for one quantity of one model.

    Attributes
    ----------
    chi_square, kolmogorov
        p values of uniformity, in bins and of the distribution function.
    low, high
        Shares of truths in the lowest and the highest twentieth, 0.05 each if all is right.
    """

    model: str
    quantity: str
    datasets: int
    chi_square: float
    kolmogorov: float
    low: float
    high: float


@dataclass(frozen=True)
class Run:
    """All of one model."""

    calibrations: tuple[Calibration, ...]
    verdicts: Mapping[str, int]
    seconds: float


def run(name: str, datasets: int, seed: int = 0) -> Run:
    """Calibrate one model; only the first number of an array is ranked."""
    case, began = CASES[name], perf_counter()
    model = ppl.Model(case.text)
    truth = model.simulate(dict(case.given), draws=datasets, seed=seed)
    verdicts: Counter[str] = Counter()
    places: dict[str, list[float]] = {quantity: [] for quantity in case.ranked}
    for number in range(datasets):
        data = {**case.given, **{y: truth[y][number] for y in case.outcomes}}
        fit = model.infer(data, seed=number, time_limit=TIME_LIMIT)
        verdicts[fit.verdict] += 1
        for quantity in case.ranked:
            true = np.ravel(truth[quantity][number])[0]
            drawn = fit[quantity].values.reshape(len(fit.values.weights), -1)[:, 0]
            places[quantity].append(float(fit.values.weights @ (drawn < true)))
    found = tuple(_calibration(name, quantity, np.array(p)) for quantity, p in places.items())
    return Run(found, dict(verdicts), perf_counter() - began)


def _calibration(model: str, quantity: str, places: np.ndarray) -> Calibration:
    counts, _ = np.histogram(places, BINS, (0.0, 1.0))
    return Calibration(
        model,
        quantity,
        places.size,
        float(chisquare(counts).pvalue),
        float(kstest(places, "uniform").pvalue),
        float(np.mean(places < 1 / BINS)),
        float(np.mean(places > 1 - 1 / BINS)),
    )


def main(words: list[str]) -> int:
    """Calibrate the models; return the exit status."""
    asked = _arguments(words)
    chosen = [n for n in CASES if not asked.models or any(word in n for word in asked.models)]
    print(f"{'model':22} quantity  data sets  chi-square p  KS p   lowest  highest 5 %")
    runs = []
    with ProcessPoolExecutor(asked.jobs) as pool:
        size = len(chosen)
        started = pool.map(run, chosen, [asked.datasets] * size, [asked.seed] * size)
        for found in started:
            runs.append(found)
            _show(found)
    every = [c for r in runs for c in r.calibrations]
    least = min((min(c.chi_square, c.kolmogorov) for c in every), default=1.0)
    print(f"\n{len(every)} quantities, least p value {least:.4f}")
    if asked.json:
        text = json.dumps([asdict(r) for r in runs], indent=1)
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return 1 if least * 2 * len(every) < LEVEL else 0


def _show(found: Run) -> None:
    for c in found.calibrations:
        print(
            f"{c.model:22} {c.quantity:9} {c.datasets:8d}  {c.chi_square:12.3f}  "
            f"{c.kolmogorov:5.3f}  {c.low:6.3f}  {c.high:6.3f}"
        )
    verdicts = ", ".join(f"{n} {word}" for word, n in sorted(found.verdicts.items()))
    print(f"{'':22} {verdicts}; {found.seconds:.0f} s", flush=True)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.sbc", description=__doc__)
    parser.add_argument("--datasets", type=int, default=500)
    parser.add_argument("--models", nargs="+", default=[], help="words in the names to be run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="models that run side by side")
    parser.add_argument("--json", help="a file for all results")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
