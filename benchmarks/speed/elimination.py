"""How time and memory grow with the length of data whose discrete latents are summed out.

Run as ``python -m benchmarks.speed.elimination``. Prints, for a mixture and a hidden Markov model
of rising length, the time of compiling and of value and gradient at some draws, the slope of its
logarithm against that of the length (1 is linear), and the largest memory that an evaluation took
in tables of draws x length x states; then the time of compiling by the number of statements.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

import ppl

DRAWS = 4

MIXTURE = """
dim K = 3
data y[N]
w[K] ~ Dirichlet(1)
mu[K] ~ Normal(0, 5) in Ordered
s ~ HalfNormal(2)
for n in N { z[n] ~ Categorical(w); y[n] ~ Normal(mu[z[n]], s) }
"""
HMM = """
dim K = 4, J = 4
data y[T]
A[K, J] ~ Dirichlet(1)
mu[K] ~ Normal(0, 5) in Ordered
s ~ HalfNormal(2)
z[0] ~ Categorical([0.25, 0.25, 0.25, 0.25])
for t in 1:T { z[t] ~ Categorical(A[z[t - 1]]) }
for t in T { y[t] ~ Normal(mu[z[t]], s) }
"""
MODELS = {"mixture, K = 3": (MIXTURE, 3, 1_000_000), "HMM, K = 4": (HMM, 4, 100_000)}


def seconds(call: Callable[[], object], rounds: int = 3) -> float:
    """Return the least time of a call."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def grown(text: str, states: int, length: int, steps: int, draws: int) -> list[list[float]]:
    """Return length, seconds of compiling and of a gradient, and memory over that of a table."""
    rows = []
    for k in range(steps - 1, -1, -1):
        size = length // 4**k
        y = np.random.default_rng(0).normal(size=size)
        begin = time.perf_counter()
        joint = ppl.Model(text).compile(y=y)
        compiled = time.perf_counter() - begin
        x = np.random.default_rng(1).normal(size=(draws, joint.program.dimension)) * 0.1
        gradient = joint.gradient.value_and_gradient
        gradient(x)
        spent = seconds(lambda: gradient(x))  # noqa: B023
        tracemalloc.start()
        joint.gradient.value_and_gradient(x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append([size, compiled, spent, peak / (8 * draws * size * states)])
    return rows


def statements(count: int) -> tuple[float, float]:
    """Return the seconds of compiling some statements, on short and on long data."""
    lines = ["data y[N]", "a0 ~ Normal(0, 1)", "s ~ HalfNormal(1)"]
    lines += [f"a{k} ~ Normal(a{k - 1}, 1)" for k in range(1, count - 3)]
    lines += [f"y ~ Normal(a{count - 4}, s)"]
    model = "\n".join(lines)
    short, long = np.zeros(10), np.zeros(1_000_000)
    return (
        seconds(lambda: ppl.Model(model).compile(y=short), 3),
        seconds(lambda: ppl.Model(model).compile(y=long), 3),
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--steps", type=int, default=4, help="lengths, each four times the last")
    options = parser.parse_args()
    print(f"{options.draws} draws; memory in tables of draws x length x states")
    print(f"{'model':<16}{'length':>9}{'compile s':>11}{'gradient s':>12}{'memory':>8}{'slope':>7}")
    for name, (text, states, length) in MODELS.items():
        before: list[float] | None = None
        for row in grown(text, states, length, options.steps, options.draws):
            slope = ""
            if before is not None:
                slope = f"{np.log(row[2] / before[2]) / np.log(row[0] / before[0]):.2f}"
            size, compiled, spent, memory = row
            print(f"{name:<16}{size:>9}{compiled:>11.3f}{spent:>12.4f}{memory:>8.1f}{slope:>7}")
            before = row
    print(f"\n{'statements':<16}{'compile s, 10 data':>20}{'1,000,000 data':>16}")
    for count in (63, 125, 250, 500):
        short, long = statements(count)
        print(f"{count:<16}{short:>20.3f}{long:>16.3f}")


if __name__ == "__main__":
    main()
