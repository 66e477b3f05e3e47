"""A file that memory does not hold: the rate of reading, the memory taken, and killed runs.

Run as ``python benchmarks/speed/streaming.py FOLDER [--gigabytes 4] [--columns 50] [--batch 8192]
[--kills 3] [--form npy]`` from an environment in which `ppl` is installed, or with PYTHONPATH at
the root. It writes `X.npy` and `y.npy` of a logistic regression into FOLDER, unless they are there,
and runs

- plain reading of `X.npy`, and a pass of the model's gradient over all rows, by turns, with the
  file in the system's cache (warm) and not (cold);
- ``ppl infer`` by minibatches, with the peaks of its memory: all that is resident (`VmHWM`), and
  what is its own (`RssAnon`), and the verdict;
- Newton's method on the same files, in plain NumPy: the posterior's mode and the inverse of its
  negative Hessian, from which means and sds of so many rows differ by less than a hundredth of an
  sd. It prints the largest differences of the fit's;
- the same command killed at random moments and run again, with the same numbers at the end.

With `--form parquet` or `zarr`, the data are packed in one Parquet file or Zarr group before, and
the fit unpacks them; FOLDER holds no other packed data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
COMMAND = ("-c", "import sys; from ppl.cli import main; sys.exit(main())")
MODEL = """\
data X[N, D], y[N]
b[D] ~ Normal(0, 1)
y ~ Bernoulli(logit = X @ b)
"""
ROWS = 50_000
"""Rows that are made together."""


def made(folder: Path, rows: int, columns: int) -> None:
    """Write the data, and the model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.ppl").write_text(MODEL)
    path = folder / "X.npy"
    if path.exists() and np.load(path, mmap_mode="r").shape == (rows, columns):
        return
    rng = np.random.default_rng(0)
    truth = 0.3 * rng.standard_normal(columns)
    y = np.empty(rows)
    header = {"descr": "<f8", "fortran_order": False, "shape": (rows, columns)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, rows, ROWS):
            part = rng.standard_normal((min(ROWS, rows - start), columns))
            chance = 1 / (1 + np.exp(-(part @ truth)))
            y[start : start + len(part)] = rng.random(len(part)) < chance
            file.write(part.tobytes())
    np.save(folder / "y.npy", y)


def forgotten(folder: Path) -> None:
    """Have the system drop the files from its cache."""
    for name in ("X.npy", "y.npy"):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_plainly(folder: Path) -> None:
    """Read the file from its start to its end."""
    buffer = bytearray(1 << 23)
    with (folder / "X.npy").open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def pass_over(folder: Path, batch: int) -> Callable[[], object]:
    """Return the pass of the gradient over all rows."""
    from ppl.data.read import read
    from ppl.inference.settings import Settings
    from ppl.inference.stochastic.infer import set_up
    from ppl.inference.stochastic.sample import gradient_over_all
    from ppl.pipeline import Request, bound_of
    from ppl.text import Source

    data = read([f"X={folder / 'X.npy'}", f"y={folder / 'y.npy'}"])
    _, bound = bound_of(Request(Source("model.ppl", MODEL), data))
    problem = set_up(bound, Settings(batch=batch)).problem
    columns = bound.sizes["D"]
    return lambda: gradient_over_all(problem, np.zeros(columns))


def rates(folder: Path, batch: int, rounds: int) -> None:
    """Time reading and passes by turns, in seconds of the clock and of the processor."""
    tasks = {"plain read": lambda: read_plainly(folder), "gradient": pass_over(folder, batch)}
    size = (folder / "X.npy").stat().st_size / 1e9
    print("| file | task | s | processor s | GB/s | times the read |")
    print("|---|---|---|---|---|---|")
    for state in ("cold", "warm"):
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
        for _ in range(rounds):
            for name, task in tasks.items():
                if state == "cold":
                    forgotten(folder)
                began, used = time.perf_counter(), time.process_time()
                task()
                taken[name].append((time.perf_counter() - began, time.process_time() - used))
        plain = [clock for clock, _ in taken["plain read"]]
        for name, found in taken.items():
            clock = statistics.median(c for c, _ in found)
            used = statistics.median(u for _, u in found)
            times = statistics.median(c / p for (c, _), p in zip(found, plain, strict=True))
            row = f"{clock:.2f} | {used:.2f} | {size / clock:.2f} | {times:.2f}"
            print(f"| {state} | {name} | {row} |", flush=True)


def packed(folder: Path, form: str) -> None:
    """Write the data as one Parquet file, with a column of lists, or one Zarr group."""
    X, y = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("X", "y"))
    parts = [slice(k, k + ROWS) for k in range(0, len(X), ROWS)]
    if form == "zarr":
        import zarr

        group = zarr.open_group(str(folder / "data.zarr"), mode="w")
        for name, values in (("X", X), ("y", y)):
            chunks = (ROWS, *values.shape[1:])
            array = group.create_array(name, shape=values.shape, chunks=chunks, dtype="f8")
            for part in parts:
                array[part] = np.array(values[part])
        return
    import pyarrow
    import pyarrow.parquet

    lists = pyarrow.list_(pyarrow.float64(), X.shape[1])
    schema = pyarrow.schema([("X", lists), ("y", pyarrow.float64())])
    with pyarrow.parquet.ParquetWriter(folder / "data.parquet", schema) as writer:
        for part in parts:
            flat = pyarrow.array(np.array(X[part]).ravel())
            rows = pyarrow.FixedSizeListArray.from_arrays(flat, X.shape[1])
            writer.write_table(pyarrow.table({"X": rows, "y": np.array(y[part])}, schema=schema))


def command(folder: Path, batch: int, checkpoint: Path) -> list[str]:
    """Return the words of the fit: to what is packed, if anything is."""
    data = [f"X={folder / 'X.npy'}", f"y={folder / 'y.npy'}"]
    data = [str(path) for path in sorted(folder.glob("data.*"))] or data
    options = ["--batch", str(batch), "--checkpoint", str(checkpoint)]
    options += ["--json", str(checkpoint.with_suffix(".json"))]
    return [sys.executable, *COMMAND, "infer", str(folder / "model.ppl"), *data, *options]


def begun(words: list[str]) -> subprocess.Popen[str]:
    """Start a fit."""
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, env=paths, stdout=subprocess.PIPE, text=True)


def status(process: int, name: str) -> float:
    """Return a figure of a process in MB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(s.split()[1]) / 1024 for s in lines if s.startswith(name)), 0.0)


def numbers_of(checkpoint: Path) -> str:
    """Return a hash of the last state."""
    with np.load(checkpoint, allow_pickle=False) as found:
        text = b"".join(found[n].tobytes() for n in sorted(found.files))
    return hashlib.sha256(text).hexdigest()[:16]


def fitted(folder: Path, batch: int) -> tuple[str, float]:
    """Fit once, and print the memory and the report; returns the hash and the seconds."""
    checkpoint = folder / "straight.checkpoint"
    checkpoint.unlink(missing_ok=True)
    began = time.perf_counter()
    running = begun(command(folder, batch, checkpoint))
    peaks = {"VmHWM": 0.0, "RssAnon": 0.0, "RssFile": 0.0}
    while running.poll() is None:
        peaks = {n: max(v, status(running.pid, n)) for n, v in peaks.items()}
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    report = running.stdout.read() if running.stdout else ""
    print(report)
    shown = ", ".join(f"{name} {value:.0f} MB" for name, value in peaks.items())
    print(f"whole fit: {seconds:.1f} s; peaks: {shown}")
    return numbers_of(checkpoint), seconds


def newton(folder: Path, rounds: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior's mode, and the inverse of its negative Hessian, by NumPy alone."""
    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    b = np.zeros(X.shape[1])
    for _ in range(rounds):
        slope, curvature = -b, np.eye(len(b))
        for start in range(0, len(X), ROWS):
            part = np.array(X[start : start + ROWS])
            chance = 1 / (1 + np.exp(-(part @ b)))
            slope = slope + (y[start : start + ROWS] - chance) @ part
            curvature += (part * (chance * (1 - chance))[:, None]).T @ part
        step = np.linalg.solve(curvature, slope)
        b = b + step
        if np.max(np.abs(step) * np.sqrt(np.diag(curvature))) < 1e-6:
            break
    return b, np.linalg.inv(curvature)


def compared(folder: Path) -> None:
    """Print how far the fit's means and sds are from Newton's."""
    mode, covariance = newton(folder)
    sd = np.sqrt(np.diag(covariance))
    found = json.loads((folder / "straight.json").read_text())["quantities"]["b"]
    off = np.abs(np.array(found["mean"]) - mode) / sd
    ratio = np.array(found["sd"]) / sd
    print(
        f"against Newton's mode and Hessian of all rows: means off by {off.max():.3f} sd at most "
        f"({off.mean():.3f} on average), sds {ratio.min():.3f} to {ratio.max():.3f} times its"
    )


def killed(folder: Path, batch: int, kills: int, seconds: float) -> str:
    """Fit with kills at random moments, and return the hash of the answer."""
    checkpoint = folder / "killed.checkpoint"
    checkpoint.unlink(missing_ok=True)
    chance = random.Random(1)
    words = command(folder, batch, checkpoint)
    done = 0
    for _ in range(kills):
        running = begun(words)
        try:
            running.wait(timeout=chance.uniform(0.2, 0.8) * seconds)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait()
            done += 1
    begun(words).communicate()
    print(f"killed {done} times, then run to the end")
    return numbers_of(checkpoint)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--form", choices=("npy", "parquet", "zarr"), default="npy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=3)
    asked = parser.parse_args()
    rows = int(asked.gigabytes * 1e9 / 8 / asked.columns)
    made(asked.folder, rows, asked.columns)
    print(f"{rows:,} rows of {asked.columns}, {rows * asked.columns * 8 / 1e9:.2f} GB")
    if asked.form == "npy":
        rates(asked.folder, asked.batch, asked.rounds)
    else:
        packed(asked.folder, asked.form)
    straight, seconds = fitted(asked.folder, asked.batch)
    compared(asked.folder)
    if asked.kills:
        again = killed(asked.folder, asked.batch, asked.kills, seconds)
        print("the same numbers" if straight == again else "OTHER numbers")


if __name__ == "__main__":
    main()
