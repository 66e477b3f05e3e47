"""What the compiler's rewrites save, against hand-written NumPy in the same run.

Run as ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.speed.rewrites [ROUNDS]`` from the root. What
is compared runs by turns; every figure is a ratio of medians of CPU time, with the bound that the
project sets itself.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import ppl
from ppl.compile.emit import emit
from ppl.compile.load import LogJoint, run_source
from ppl.compile.stage import stage

Task = Callable[[], object]

LINEAR = "data X[N, D]\nb[D] ~ Normal(0, 10)\ns ~ Exponential(1)\ny[N] ~ Normal(X @ b, s)"
LOGISTIC = "data X[N, D]\nb[D] ~ Normal(0, 1)\ny[N] ~ Bernoulli(logit = X @ b)"
COVARIATES = """
dim J = 50
dim C = 5
data g[N] in J, c[N] in C, a[N]
u[J] ~ Normal(0, tau)
tau ~ HalfNormal(1)
v[C] ~ Normal(0, 1)
b ~ Normal(0, 1)
for n in N {{ y[n] ~ {0} }}
"""
OUTCOMES = {
    "Poisson": "Poisson(log = u[g[n]] + v[c[n]] + b * a[n])",
    "Bernoulli": "Bernoulli(logit = u[g[n]] + v[c[n]] + b * a[n])",
}
HIERARCHY = """
dim J = 85
data g[N] in J, x[N]
u[J] ~ Normal(m, t)
m ~ Normal(0, 1)
t ~ HalfNormal(1)
b ~ Normal(0, 1)
s ~ HalfNormal(1)
for n in N { y[n] ~ Normal(u[g[n]] + b * x[n], s) }
"""
EFFECTS = """
dim J = 1000
data g[N] in J, x[N]
u[J] ~ Normal(0, t)
t ~ HalfNormal(1)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
for n in N { y[n] ~ Poisson(log = a + b * x[n] + u[g[n]]) }
"""


@dataclass(frozen=True)
class Row:
    """One comparison: a ratio, and the bound that it is to keep."""

    what: str
    against: str
    ratio: float
    bound: float | None


def by_turns(tasks: Mapping[str, Task], rounds: int, calls: int = 1) -> dict[str, float]:
    """Return the median CPU seconds of tasks that run in turn; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for k in range(rounds + 1):
        for name, task in tasks.items():
            began = time.process_time()
            for _ in range(calls):
                task()
            if k:
                seconds[name].append((time.process_time() - began) / calls)
    return {name: statistics.median(s) for name, s in seconds.items()}


def gradient(joint: LogJoint, draws: int) -> Task:
    """Return a call of the staged gradient."""
    x = np.random.default_rng(1).normal(0, 0.1, (draws, joint.program.dimension))
    staged = joint.gradient
    return lambda: staged.value_and_gradient(x)


def as_written(joint: LogJoint, draws: int) -> Task:
    """Return a call of the gradient of the model as written, without rewrites."""
    program = joint.program
    sets = {c.constraint.name: c.constraint for c in program.columns}
    function = run_source(emit(program, joint.bound), joint.bound, sets, {})[0]
    staged = stage(function, program.dimension)
    x = np.random.default_rng(1).normal(0, 0.1, (draws, program.dimension))
    return lambda: staged.value_and_gradient(x)


def linear(rounds: int) -> Iterator[Row]:
    """Linear regression: iterations independent of the rows, and a whole fit."""
    joints = {}
    data: dict[str, Any] = {}
    for rows in (10_000, 1_000_000):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(rows, 20))
        data = {"X": x, "y": x @ rng.normal(size=20) + rng.normal(size=rows)}
        joints[rows] = ppl.Model(LINEAR).compile(data)
    tasks = {str(n): gradient(j, 32) for n, j in joints.items()}
    seconds = by_turns(tasks, rounds, 100)
    ratio = seconds["1000000"] / seconds["10000"]
    yield Row("linear regression, iteration, N = 10^6", "N = 10^4", ratio, 1.2)
    model = ppl.Model(LINEAR)
    whole = by_turns(
        {
            "fit": lambda: model.infer(data),
            "QR": lambda: np.linalg.qr(data["X"]),
            "R": lambda: np.linalg.qr(data["X"], mode="r"),
        },
        max(1, rounds // 3),
    )
    yield Row("linear regression, whole fit, N = 10^6", "QR", whole["fit"] / whole["QR"], 2.0)
    yield Row("linear regression, whole fit, N = 10^6", "R alone", whole["fit"] / whole["R"], None)


def logistic(rounds: int) -> Iterator[Row]:
    """Logistic regression: value and gradient against the two matrix products alone."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 50))
    y = rng.integers(0, 2, 200_000)
    joint = ppl.Model(LOGISTIC).compile(X=x, y=y)
    for draws in (1, 16, 30, 64):
        b = rng.normal(0, 0.1, (draws, 50))
        seconds = by_turns(
            {"ours": gradient(joint, draws), "products": lambda b=b: (b @ x.T) @ x}, rounds
        )
        ratio = seconds["ours"] / seconds["products"]
        bound = 1.4 if draws == 30 else None
        yield Row(f"logistic 200,000 x 50, {draws} draws", "two matrix products", ratio, bound)


def equal_rows(rounds: int) -> Iterator[Row]:
    """Discrete covariates: a million rows of 500 patterns against 500 rows."""
    for name, outcome in OUTCOMES.items():
        tasks = {}
        for rows in (10_000, 1_000_000):
            rng = np.random.default_rng(0)
            g, c, a = (rng.integers(0, k, rows) for k in (50, 5, 2))
            rate = 0.2 * a + 0.01 * g
            y = rng.poisson(np.exp(rate)) if name == "Poisson" else rng.random(rows) < rate
            joint = ppl.Model(COVARIATES.format(outcome)).compile(g=g, c=c, a=a, y=y.astype(float))
            tasks[str(rows)] = gradient(joint, 32)
        seconds = by_turns(tasks, rounds, 20)
        ratio = seconds["1000000"] / seconds["10000"]
        yield Row(f"{name}, 500 patterns, N = 10^6", "N = 10^4", ratio, 1.2)


def smaller(rounds: int) -> Iterator[Row]:
    """Models of some thousand rows against themselves without rewrites."""
    rng = np.random.default_rng(0)
    g, x = rng.integers(0, 85, 919), rng.integers(0, 2, 919)
    g2, x2 = rng.integers(0, 1000, 5000), rng.normal(size=5000)
    joints = {
        "hierarchy 919 / 85": ppl.Model(HIERARCHY).compile(g=g, x=x, y=rng.normal(size=919)),
        "logistic 3,000 x 3": ppl.Model(LOGISTIC).compile(
            X=rng.normal(size=(3000, 3)), y=rng.integers(0, 2, 3000)
        ),
        "Poisson 5,000 / 1,000": ppl.Model(EFFECTS).compile(g=g2, x=x2, y=rng.poisson(2, 5000)),
    }
    for name, joint in joints.items():
        for draws in (1, 16, 64):
            tasks = {"ours": gradient(joint, draws), "plain": as_written(joint, draws)}
            seconds = by_turns(tasks, rounds, 20)
            ratio = seconds["ours"] / seconds["plain"]
            yield Row(f"{name}, {draws} draws", "without rewrites", ratio, None)


def main(rounds: int) -> int:
    """Print the table; 1 if a bound is broken."""
    broken = False
    print(f"{'':42s}{'against':>22s}{'ratio':>8s}{'bound':>8s}")
    for part in (linear, logistic, equal_rows, smaller):
        for row in part(rounds):
            bound = "" if row.bound is None else f"{row.bound:.1f}"
            broken |= row.bound is not None and row.ratio > row.bound
            print(f"{row.what:42s}{row.against:>22s}{row.ratio:8.2f}{bound:>8s}", flush=True)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
