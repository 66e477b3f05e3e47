"""The gate: all checks that a change must pass, in one command, for people and for CI alike.

Run it as ``python tests/gate.py`` with the interpreter that has the project's `dev` extra. Every
check runs, whatever the others say; the exit status is 0 only if all pass. Further words go to
pytest: ``python tests/gate.py -k eight_schools``.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHECKS = {
    "layout": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "lint": ["-m", "ruff", "check", "--quiet", "."],
    "types": ["-m", "mypy"],
    "layers": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
    "tests": ["-m", "pytest"],
}


def main(words: list[str]) -> int:
    """Run every check and return 0 if all pass, else 1."""
    failed = []
    for name, command in CHECKS.items():
        if not passes(name, [*command, *(words if name == "tests" else [])]):
            failed.append(name)
    if failed:
        print(f"gate: {', '.join(failed)} failed", flush=True)
    return 1 if failed else 0


def passes(name: str, command: list[str]) -> bool:
    """Run one check from the project's folder; its output is shown as it comes."""
    print(f"gate: {name}", flush=True)
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0 or name != "tests":
        word = "passed" if done.returncode == 0 else "FAILED"
        print(f"gate: {name} {word} in {time.perf_counter() - start:.1f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
