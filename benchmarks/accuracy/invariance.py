"""Invariance: the same posterior, written or measured otherwise, gets the same answer.

    python -m benchmarks.accuracy.invariance [--seeds 0 1 2]

Every case is a model with data, and other ways to put the same thing: predictors in other units or
shifted, outcomes in other units, latents centred or not, rows in another order. `back` takes the
answer to the first way's terms. The exit status is 1 if two answers differ by more than 0.1
standard deviations or 10 % in a standard deviation, or in their verdict.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

import ppl

MEAN_OFF, SD_OFF = 0.1, 0.1
TIME_LIMIT = 100.0
"""So that the clock does not decide on a busy machine."""
Draws = Mapping[str, np.ndarray]
RNG = np.random.default_rng(7)
X = RNG.normal(size=60)
GROUP = np.arange(60) % 8
BINARY = (RNG.random(60) < 1 / (1 + np.exp(-(0.3 + 0.8 * X)))).astype(int)
COUNTED = RNG.poisson(np.exp(1.0 + 0.4 * X))
MEASURED = 1.0 + 0.5 * X + 0.7 * RNG.standard_t(4, 60)
LEVELS = RNG.normal(0, 1.0, 8)[GROUP] + 0.8 * RNG.normal(size=60)
ORDER = RNG.permutation(60)


@dataclass(frozen=True)
class Way:
    """A way to put a model: text, data, and what takes its draws to the first way's terms."""

    name: str
    text: str
    data: Mapping[str, object]
    back: Callable[[Draws], dict[str, np.ndarray]] = dict


@dataclass(frozen=True)
class Case:
    """Ways to put the same thing; the first is the measure of the others."""

    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Answer:
    """Means and sds in the first way's terms."""

    verdict: str
    moments: Mapping[str, tuple[np.ndarray, np.ndarray]]
    seconds: float
    off: float = field(default=0.0)


LOGISTIC = "data x[N], y[N]\na ~ Flat()\nb ~ Normal(0, WIDE)\ny ~ Bernoulli(logit = a + b * x)"
POISSON = "data x[N], y[N]\na ~ Flat()\nb ~ Normal(0, WIDE)\ny ~ Poisson(log = a + b * x)"
ROBUST = """
data x[N], y[N]
a ~ Flat()
b ~ Normal(0, WIDE)
s ~ HalfNormal(NOISE)
y ~ StudentT(4, a + b * x, s)
"""
LINEAR = ROBUST.replace("StudentT(4, ", "Normal(")
HEAD = "data y[N], g[N] in J\nmu ~ Normal(0, 5)\ntau ~ HalfNormal(2)\ns ~ HalfNormal(2)\n"
TAIL = "for n in N { y[n] ~ Normal(level[g[n]], s) }"
CENTRED = f"{HEAD}level[J] ~ Normal(mu, tau)\n{TAIL}"
STANDARD = f"{HEAD}z[J] ~ Normal(0, 1)\nlevel[J] = mu + tau * z\n{TAIL}"


def _with(text: str, wide: float = 2.0, noise: float = 2.0) -> str:
    return text.replace("WIDE", repr(wide)).replace("NOISE", repr(noise))


def _regression(name: str, text: str, y: np.ndarray, *, outcome: bool = False) -> Case:
    """Return a regression on x, on 1000 x, on x + 10,000, with other units and another order."""
    first = _with(text)
    ways = [
        Way("as it is", first, {"x": X, "y": y}),
        Way("rows in another order", first, {"x": X[ORDER], "y": y[ORDER]}),
        Way(
            "predictor times 1000",
            _with(text, wide=2e-3),
            {"x": 1e3 * X, "y": y},
            lambda d: {**d, "b": 1e3 * d["b"]},
        ),
        Way(
            "predictor plus 10,000",
            first,
            {"x": X + 1e4, "y": y},
            lambda d: {**d, "a": d["a"] + 1e4 * d["b"]},
        ),
    ]
    if outcome:
        ways.append(
            Way(
                "outcome times 1000",
                _with(text, wide=2e3, noise=2e3),
                {"x": X, "y": 1e3 * y},
                lambda d: {name: values / 1e3 for name, values in d.items()},
            )
        )
    return Case(name, tuple(ways))


def _levels() -> Case:
    def named(d: Draws) -> dict[str, np.ndarray]:
        return {name: d[name] for name in ("mu", "tau", "s", "level")}

    data = {"y": LEVELS, "g": GROUP}
    return Case(
        "levels of groups",
        (
            Way("centred", CENTRED, data, named),
            Way("non-centred", STANDARD, data, named),
            Way("rows in another order", CENTRED, {"y": LEVELS[ORDER], "g": GROUP[ORDER]}, named),
            Way(
                "outcome times 1000",
                CENTRED.replace("Normal(0, 5)", "Normal(0, 5000)").replace("(2)", "(2000)"),
                {"y": 1e3 * LEVELS, "g": GROUP},
                lambda d: {name: d[name] / 1e3 for name in ("mu", "tau", "s", "level")},
            ),
            Way(
                "outcome plus 10,000",
                CENTRED.replace("Normal(0, 5)", "Normal(10000, 5)"),
                {"y": LEVELS + 1e4, "g": GROUP},
                lambda d: {**named(d), "mu": d["mu"] - 1e4, "level": d["level"] - 1e4},
            ),
        ),
    )


CASES = (
    _regression("logistic", LOGISTIC, BINARY),
    _regression("Poisson", POISSON, COUNTED),
    _regression("linear", LINEAR, MEASURED, outcome=True),
    _regression("robust", ROBUST, MEASURED, outcome=True),
    _levels(),
)


def answer(way: Way, seed: int) -> Answer:
    """Fit one way."""
    began = perf_counter()
    fit = ppl.Model(way.text).infer(dict(way.data), seed=seed, time_limit=TIME_LIMIT)
    draws = way.back({name: fit[name].values for name in fit.names})
    weights = fit.values.weights
    moments = {}
    for name, values in draws.items():
        mean = np.tensordot(weights, values, 1)
        moments[name] = mean, np.sqrt(np.tensordot(weights, (values - mean) ** 2, 1))
    return Answer(fit.verdict, moments, perf_counter() - began)


def distance(one: Answer, other: Answer) -> tuple[float, float]:
    """Return how far means are apart, in sds, and sds, as the logarithm of their ratio."""
    means, sds = [0.0], [0.0]
    for name, (mean, sd) in one.moments.items():
        others = other.moments[name]
        means.append(float(np.max(np.abs(others[0] - mean) / sd)))
        sds.append(float(np.max(np.abs(np.log(others[1] / sd)))))
    return max(means), max(sds)


def main(words: list[str]) -> int:
    """Compare all ways; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.invariance")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    asked = parser.parse_args(words)
    wrong = 0
    print(f"{'model':18} {'way':24} seed  mean off  sd off  verdict")
    for case in CASES:
        for seed in asked.seeds:
            first = answer(case.ways[0], seed)
            for way in case.ways:
                found = answer(way, seed)
                mean, sd = distance(first, found)
                bad = mean > MEAN_OFF or sd > SD_OFF or found.verdict != first.verdict
                wrong += bad
                mark = "DIFFERS" if bad else ""
                print(
                    f"{case.name:18} {way.name:24} {seed:4d}  {mean:8.3f}  {sd:6.3f}  "
                    f"{found.verdict:7} {found.seconds:6.2f} s  {mark}".rstrip(),
                    flush=True,
                )
    print(f"\n{wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
