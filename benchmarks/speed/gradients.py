"""Value and gradient: ours, autograd's tape, JAX's jit, and NumPy by hand, by turns in one process.

Run as ``python -m benchmarks.speed.gradients [--rounds 7] [--draws 16 64] [--long] [NAME ...]``,
with the extra `jax` installed. Before it is timed, each model's log joint is compared with the one
written by hand. ``--long`` measures how times grow with
size instead. The table goes to standard output.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

import ppl
from benchmarks.speed.by_hand import BY_HAND
from benchmarks.speed.cases import CASES, Case
from ppl.compile.stage import tape

jax.config.update("jax_enable_x64", True)

LONG = {
    "hidden Markov model": (1_000, 10_000),
    "GARCH": (1_000, 10_000),
    "Gaussian process, N = 100": (100, 500),
    "Poisson GLMM": (1_000, 10_000),
}
LEAST_SECONDS = 0.02
"""A measurement repeats its call until it has taken so long."""

Call = Callable[[], object]


def compiled_on_jax(case: Case, data: Mapping[str, Any], joint: Any) -> Callable[[Any], Any]:
    """Return JAX's value and gradient at draws (S, D), of the log joint written by hand."""
    arrays = {name: jax.numpy.asarray(value) for name, value in data.items()}
    log_joint = case.on_jax(arrays)
    columns = [(c.key, c.start, c.stop, c.shape) for c in joint.program.columns]

    def one(x: Any) -> Any:
        return log_joint({key: x[a:b].reshape(shape) for key, a, b, shape in columns})

    return jax.jit(jax.vmap(jax.value_and_grad(one)))


def ways(case: Case, data: Mapping[str, Any], draws: int) -> dict[str, Call]:
    """Return what is compared, checked against each other."""
    joint = ppl.Model(case.text).compile(data)
    x = 0.3 * np.random.default_rng(0).normal(size=(draws, joint.program.dimension))
    on_jax = compiled_on_jax(case, data, joint)
    value, gradient = joint.gradient.value_and_gradient(x)
    expected, slope = on_jax(x)
    np.testing.assert_allclose(value, expected, rtol=1e-8)
    np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)
    plain = tape(joint.log_joint)
    found: dict[str, Call] = {
        "ours": lambda: joint.gradient.value_and_gradient(x),
        "JAX": lambda: jax.block_until_ready(on_jax(x)),
        "tape": lambda: plain.value_and_gradient(x),
    }
    if case.name in BY_HAND:
        by_hand = BY_HAND[case.name](data)
        np.testing.assert_allclose(by_hand(x)[1], gradient, rtol=1e-9, atol=1e-9)
        found["by hand"] = lambda: by_hand(x)
    return found


def measured(calls: Mapping[str, Call], rounds: int) -> dict[str, float]:
    """Return the median seconds of a call, measured by turns."""
    repeats = {}
    for name, call in calls.items():
        call()
        began = time.perf_counter()
        call()
        repeats[name] = max(1, math.ceil(LEAST_SECONDS / (time.perf_counter() - began)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - began) / repeats[name])
    return {name: statistics.median(found) for name, found in times.items()}


def table(names: list[str], draws: list[int], rounds: int) -> None:
    print("| model | draws | ours, µs | / JAX | aim | / by hand | tape / ours |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        case = CASES[name]
        data = case.data(case.size)
        for count in draws:
            found = measured(ways(case, data, count), rounds)
            ours = found["ours"]
            hand = f"{ours / found['by hand']:.2f}" if "by hand" in found else ""
            print(
                f"| {name} | {count} | {ours * 1e6:.0f} | {ours / found['JAX']:.2f} "
                f"| {case.bound} | {hand} | {found['tape'] / ours:.1f} |",
                flush=True,
            )


def growth(rounds: int) -> None:
    print("| model | size | ours, ms | / JAX | slope of ours | slope of JAX |")
    print("|---|---|---|---|---|---|")
    for name, sizes in LONG.items():
        case, before = CASES[name], None
        for size in sizes:
            calls = ways(case, case.data(size), 16)
            del calls["tape"]
            found = measured(calls, rounds)
            slopes = ["", ""]
            if before:
                step = math.log(size / before[0])
                slopes = [
                    f"{math.log(found[who] / before[1][who]) / step:.2f}" for who in ("ours", "JAX")
                ]
            ours = found["ours"]
            print(
                f"| {name.split(',')[0]} | {size} | {ours * 1e3:.2f} | {ours / found['JAX']:.2f} "
                f"| {slopes[0]} | {slopes[1]} |",
                flush=True,
            )
            before = (size, found)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gradients")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; all if none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--draws", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--long", action="store_true", help="how times grow with size")
    chosen = parser.parse_args(words)
    unknown = set(chosen.names) - set(CASES)
    if unknown:
        parser.error(f"no such model: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if chosen.long:
        growth(chosen.rounds)
    else:
        table(chosen.names or list(CASES), chosen.draws, chosen.rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
