"""Speed that a user feels: start of the command, and the staged gradient.

Run as ``python benchmarks/speed/startup.py [ROUNDS]`` from an environment in which `ppl` is
installed, or with PYTHONPATH at the root. What is compared runs by turns, so that a busy machine
slows both alike; medians, and the median of the ratios within a round, are printed.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
EIGHT_SCHOOLS = ROOT / "examples" / "eight-schools"
MODEL, DATA = str(EIGHT_SCHOOLS / "model.ppl"), str(EIGHT_SCHOOLS / "schools.json")
COMMAND = ("-c", "import sys; from ppl.cli import main; sys.exit(main())")
"""The same as the installed script `ppl`, but of this tree."""

PROCESSES = {
    "python -c pass": ("-c", "pass"),
    "ppl --version": (*COMMAND, "--version"),
    "import numpy, scipy.special": ("-c", "import numpy, scipy.special"),
    "ppl infer eight-schools": (*COMMAND, "infer", MODEL, DATA),
}
DRAWS, CALLS = 64, 200

Seconds = dict[str, list[float]]


def run(words: tuple[str, ...]) -> None:
    """Run a Python process to its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    command = [sys.executable, *words]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr.decode()}")


def by_turns(tasks: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Time the tasks in turn, round after round; the first round only warms up."""
    seconds: Seconds = {name: [] for name in tasks}
    for k in range(rounds + 1):
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            if k > 0:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def time_processes(rounds: int) -> Seconds:
    """Time whole processes."""
    return by_turns({name: lambda w=words: run(w) for name, words in PROCESSES.items()}, rounds)


def time_gradients(rounds: int) -> Seconds:
    """Time value and gradient of eight schools at 64 draws: staged, and by autograd's tape."""
    import json

    import numpy as np

    from ppl import Model
    from ppl.compile.stage import tape

    joint = Model.read(MODEL).compile(json.loads(Path(DATA).read_text(encoding="utf-8")))
    plain = tape(joint.log_joint)
    x = np.random.default_rng(0).normal(size=(DRAWS, joint.program.dimension))

    def calls(function: Callable[[object], object]) -> Callable[[], object]:
        return lambda: [function(x) for _ in range(CALLS)]

    tasks = {
        "staged": calls(joint.gradient.value_and_gradient),
        "tape": calls(plain.value_and_gradient),
    }
    seconds = by_turns(tasks, rounds)
    return {name: [value / CALLS for value in values] for name, values in seconds.items()}


def ratio(seconds: Seconds, of: str, to: str) -> float:
    """Return the median over rounds of the ratio of two times."""
    return statistics.median(a / b for a, b in zip(seconds[of], seconds[to], strict=True))


def main(words: list[str]) -> int:
    """Measure and print."""
    rounds = int(words[0]) if words else 11
    seconds = time_processes(rounds)
    for name, values in seconds.items():
        print(f"{name:28} {1e3 * statistics.median(values):8.0f} ms")
    over = statistics.median(seconds["ppl --version"])
    over -= 1.5 * statistics.median(seconds["python -c pass"])
    infer = ratio(seconds, "ppl infer eight-schools", "import numpy, scipy.special")
    print(f"infer / imports: {infer:.2f} (bar 3, target 2)")
    print(f"version - 1.5 pass: {over:.3f} s (bar 0.1 s)")
    gradients = time_gradients(rounds)
    for name, values in gradients.items():
        print(f"{name:28} {1e6 * statistics.median(values):8.0f} µs")
    print(f"tape / staged: {ratio(gradients, 'tape', 'staged'):.1f} (bar 6)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
