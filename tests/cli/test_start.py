"""The start of the command: what it imports, and how long it takes against what it must import."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.speed.startup import COMMAND, DATA, MODEL, PROCESSES, by_turns, run

ROOT = Path(__file__).parents[2]
SLOWEST = 4.0
"""The bar is 3 on a quiet machine; the tests run on busy ones too."""
NEVER = {"lark", "scipy.stats", "scipy.optimize", "scipy.linalg", "pandas", "matplotlib"}
"""What fitting a small model to a JSON file does without."""
SHOW = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))
"""


def imported_by(*words: str, script: str = COMMAND[1]) -> set[str]:
    script = SHOW + script
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_the_version_needs_no_numpy() -> None:
    assert not {"numpy", "scipy", "autograd"} & imported_by("--version")


def test_help_needs_no_numpy() -> None:
    assert "numpy" not in imported_by("infer", "--help")


def test_inference_imports_nothing_heavy() -> None:
    needed = imported_by(script="import numpy, scipy.special")
    assert not NEVER & imported_by("infer", MODEL, DATA) - needed


def test_inference_starts_fast() -> None:
    names = ("import numpy, scipy.special", "ppl infer eight-schools")
    seconds = by_turns({name: lambda w=PROCESSES[name]: run(w) for name in names}, 3)
    imports, infer = (min(seconds[name]) for name in names)
    assert infer < SLOWEST * imports
