"""Run the accuracy suite: every posterior at every seed, through the command, with nothing set.

    python -m benchmarks.accuracy --posteriordb FOLDER [--seeds 0 1 2] [--json OUT]

A run is a process of its own, timed as a whole. The exit status is 1 if an answer that is not even
usable was called good or fair.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.accuracy.reference import Distance, distance, posteriors

MODELS = Path(__file__).parent / "models"
LONGEST = 120.0
"""Seconds after which a run is given up."""
HEAD = f"{'posterior':40} seed  error  sd ratios    verdict  rung         seconds"


@dataclass(frozen=True, slots=True)
class Run:
    """One posterior at one seed."""

    posterior: str
    seed: int
    distance: Distance
    verdict: str
    why: str
    rung: str
    gradients: float
    seconds: float

    @property
    def wrong(self) -> bool:
        """Whether it claims what it does not hold."""
        return self.verdict != "poor" and not self.distance.usable

    @property
    def line(self) -> str:
        """One row of the table."""
        d = self.distance
        mark = "WRONG" if self.wrong else "" if d.accurate else "inaccurate"
        return (
            f"{self.posterior:40} {self.seed:4d} {d.error:6.3f}  {d.smallest:.3f} {d.largest:.3f}"
            f"  {self.verdict:7}  {self.rung:11} {self.seconds:8.2f}  {mark}".rstrip()
        )


def main(words: list[str]) -> int:
    """Run the suite; return the exit status."""
    asked = _arguments(words)
    folder = Path(asked.posteriordb)
    there = set(posteriors(folder))
    chosen = [p.stem for p in sorted(MODELS.glob("*.ppl"))]
    chosen = [n for n in chosen if not asked.models or any(word in n for word in asked.models)]
    print(HEAD)
    runs = []
    for posterior in chosen:
        if posterior not in there:
            print(f"{posterior:40} has no reference in {folder}")
            continue
        for seed in asked.seeds:
            found = run(folder, posterior, seed)
            runs.append(found)
            print(found.line, flush=True)
    print(summary(runs))
    if asked.json:
        text = json.dumps([asdict(r) for r in runs], indent=1)
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return 1 if any(r.wrong for r in runs) else 0


def run(folder: Path, posterior: str, seed: int) -> Run:
    """Fit one posterior in a process of its own."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch, "fit.json")
        command = [sys.executable, "-m", "ppl", "infer", str(MODELS / f"{posterior}.ppl")]
        command += [str(folder / posterior / "data.json"), f"--seed={seed}", f"--json={out}"]
        began = perf_counter()
        try:
            done = subprocess.run(
                [*command, "--quiet"], capture_output=True, text=True, timeout=LONGEST, check=False
            )
            complaint = (done.stderr.strip() or "no answer").splitlines()[0]
        except subprocess.TimeoutExpired:
            complaint = f"took more than {LONGEST:.0f} s"
        seconds = perf_counter() - began
        if not out.exists():
            failed = Distance(float("inf"), 0.0, float("inf"))
            return Run(posterior, seed, failed, "poor", complaint, "none", 0, seconds)
        answer = json.loads(out.read_text(encoding="utf-8"))
    return Run(
        posterior,
        seed,
        distance(folder, posterior, answer["quantities"]),
        answer["verdict"],
        answer["why"],
        answer["rung"],
        answer["diagnostics"]["gradients"],
        seconds,
    )


def summary(runs: list[Run]) -> str:
    """Return the counts that the project promises."""
    if not runs:
        return "nothing was run"
    seconds = [r.seconds for r in runs]
    words = ", ".join(
        f"{sum(r.verdict == word for r in runs)} {word}"
        for word in ("exact", "good", "fair", "poor")
    )
    return (
        f"\n{len(runs)} runs: {sum(r.distance.accurate for r in runs)} accurate, "
        f"{sum(r.distance.usable for r in runs)} usable, {sum(r.wrong for r in runs)} wrong though "
        f"called better than poor; {words}; median {median(seconds):.2f} s, longest "
        f"{max(seconds):.2f} s"
    )


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    default = os.environ.get("POSTERIORDB")
    parser.add_argument("--posteriordb", default=default, required=default is None)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", default=[], help="words in the names to be run")
    parser.add_argument("--json", help="a file for all results")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
