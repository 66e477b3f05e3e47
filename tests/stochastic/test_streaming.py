"""Minibatches of data that stay in their file: order, results, memory, and runs that are killed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ppl
from ppl.data import mapped
from ppl.inference.stochastic import order

MODEL = """
data X[N, D], y[N]
b[D] ~ Normal(0, 1)
y ~ Normal(X @ b, 1)
"""


def written(folder, rows, columns=4, dtype=np.float64):
    """Write a regression's data in files, and return them mapped."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).astype(dtype)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", X @ np.linspace(-1, 1, columns) + rng.normal(size=rows))
    return {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ("X", "y")}


@pytest.mark.parametrize("first", [0, 3])
def test_an_epoch_has_every_row_once_and_reads_blocks(tmp_path, monkeypatch, first):
    monkeypatch.setattr(order, "BUFFER", 2**13)
    data = written(tmp_path, 1001)
    whole = list(order.shuffled(1, 0, order.Every(1001), 64, (data["X"],)))
    assert [len(b) for b in whole] == [64] * 15 + [41]
    np.testing.assert_array_equal(np.sort(np.concatenate(whole)), np.arange(1001))
    assert np.ptp(np.concatenate(whole[:4])) > 500
    near = np.diff(np.sort(np.concatenate(whole[:3])))
    assert np.median(near) <= 2
    rest = list(order.shuffled(1, 0, order.Every(1001), 64, (data["X"],), first))
    for one, two in zip(whole[first:], rest, strict=True):
        np.testing.assert_array_equal(one, two)
    other = list(order.shuffled(1, 1, order.Every(1001), 64, (data["X"],)))
    assert not np.array_equal(whole[0], other[0])


def test_binding_and_batches_keep_the_map(tmp_path, monkeypatch):
    data = written(tmp_path, 2000)
    monkeypatch.setattr(mapped, "BLOCK", 2**12)
    fit = ppl.Model(MODEL).infer(**data, batch=128)
    X, y = np.asarray(data["X"]), np.asarray(data["y"])
    precision = X.T @ X + np.eye(4)
    sd = np.sqrt(np.diag(np.linalg.inv(precision)))
    np.testing.assert_allclose(fit["b"].mean, np.linalg.solve(precision, X.T @ y), atol=0.1 * sd[0])
    np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.1)
    assert fit.joint.bound.sizes["N"] == 1000
    assert any("stay in their file" in note for note in fit.inference.notes)


def test_what_is_wrong_in_a_file_is_found_at_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "BLOCK", 2**10)
    z = np.zeros(5000)
    z[4321] = 2
    np.save(tmp_path / "z.npy", z)
    z = np.load(tmp_path / "z.npy", mmap_mode="r")
    with pytest.raises(ppl.PplError, match=r"z\[4321\]` is 2"):
        ppl.Model("data z[N] in {0, 1}\np ~ Beta(1, 1)\nz ~ Bernoulli(p)").infer(z=z, batch=10)


SCRIPT = """
import sys
import numpy as np
import ppl
from ppl.inference.stochastic import optimise
optimise.KEEP_EVERY = 0.02
folder, checkpoint = sys.argv[1:]
data = {n: np.load(f"{folder}/{n}.npy", mmap_mode="r") for n in ("X", "y")}
fit = ppl.Model(%r).infer(**data, batch=64, checkpoint=checkpoint)
print(fit["b"].mean.tobytes().hex())
"""


def run(folder, checkpoint):
    script = SCRIPT % MODEL
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), str(checkpoint)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        text=True,
    )


def test_a_run_killed_at_some_moments_ends_as_one_that_was_not(tmp_path):
    written(tmp_path, 600)
    straight, _ = run(tmp_path, tmp_path / "one").communicate(timeout=120)
    checkpoint, kills = tmp_path / "two", 0
    for further in (0.0, 0.1, 0.3):
        running = run(tmp_path, checkpoint)
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while running.poll() is None and (
            not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before
        ):
            time.sleep(0.005)
        time.sleep(further)
        if running.poll() is None:
            running.send_signal(signal.SIGKILL)
            kills += 1
        running.communicate()
    resumed, _ = run(tmp_path, checkpoint).communicate(timeout=120)
    assert kills >= 1
    assert straight.strip()
    assert resumed == straight


MEASURED = """
import resource, sys
import numpy as np
import ppl
import scipy.linalg, scipy.special
def status(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
limit = status("VmData") * 1024 + 100 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
folder = sys.argv[1]
data = {n: np.load(f"{folder}/{n}.npy", mmap_mode="r") for n in ("X", "y")}
from ppl.inference.stochastic import optimise
import dataclasses
whole = optimise.run
def once(plan, state, keep=None):
    return whole(dataclasses.replace(plan, max_steps=1), state, keep)
optimise.run = once
fit = ppl.Model(%r).infer(**data, batch=8192)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from /proc")
def test_memory_of_its_own_is_a_fraction_of_the_file(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, (600_000, 40))
    rng = np.random.default_rng(0)
    y = np.empty(len(X))
    for start in range(0, len(X), 50_000):
        part = rng.standard_normal((50_000, 40))
        X[start : start + 50_000] = part
        y[start : start + 50_000] = part.sum(axis=1) + rng.standard_normal(50_000)
    X.flush()
    np.save(tmp_path / "y.npy", y)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED % MODEL, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
