"""Minibatches of data that stay in their file: order, results, memory, and runs that are killed."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

import ppl
from ppl import threads
from ppl.data import mapped
from ppl.data.python import from_python
from ppl.inference.settings import Settings
from ppl.inference.stochastic import checkpoint, optimise, order, problem, sample
from ppl.inference.stochastic.infer import set_up
from ppl.pipeline import Request, bound_of
from ppl.text import Source

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
from ppl.inference.stochastic import optimise, sample
optimise.KEEP_EVERY = 0.1
sample.SAMPLED, sample.FOR_EACH = int(sys.argv[3]), 1
folder, checkpoint = sys.argv[1:3]
data = {n: np.load(f"{folder}/{n}.npy", mmap_mode="r") for n in ("X", "y")}
fit = ppl.Model(%r).infer(**data, batch=64, checkpoint=checkpoint)
print(fit["b"].mean.tobytes().hex())
"""


def run(folder, checkpoint, sampled):
    script = SCRIPT % MODEL
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), str(checkpoint), str(sampled)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        text=True,
    )


@pytest.mark.parametrize("sampled", [128, 10_000], ids=["sample", "epochs"])
def test_a_run_killed_at_some_moments_ends_as_one_that_was_not(tmp_path, sampled):
    written(tmp_path, 600)
    straight, _ = run(tmp_path, tmp_path / "one", sampled).communicate(timeout=120)
    checkpoint, kills = tmp_path / "two", 0
    for further in (0.0, 0.2):
        running = run(tmp_path, checkpoint, sampled)
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
    resumed, _ = run(tmp_path, checkpoint, sampled).communicate(timeout=120)
    assert kills >= 1
    assert straight.strip()
    assert resumed == straight


def test_any_state_that_was_kept_leads_to_the_same_end(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLED", 128)
    monkeypatch.setattr(sample, "FOR_EACH", 1)
    monkeypatch.setattr(optimise, "KEEP_EVERY", 0.0)
    data, file, states = written(tmp_path, 500), tmp_path / "state", []
    written_as = checkpoint.File.write

    def remembered(self, header, arrays):
        if header["place_of_pass"] or header["outcome"] != "running":
            states.append((self, header, arrays))

    monkeypatch.setattr(checkpoint.File, "write", remembered)
    straight = ppl.Model(MODEL).infer(**data, batch=64, checkpoint=file)["b"].mean
    assert {h["phase"] for _, h, _ in states} == {"fit", "pass"}
    assert any(h["place_of_pass"] for _, h, _ in states)
    ends = [k for k, (_, h, _) in enumerate(states) if h["phase"] == "fit"]
    inside = [k for k, (_, h, _) in enumerate(states) if h["place_of_pass"] == 3]
    for k in (ends[0], inside[0]):
        written_as(*states[k])
        again = ppl.Model(MODEL).infer(**data, batch=64, checkpoint=file)["b"].mean
        np.testing.assert_array_equal(again, straight)


@pytest.mark.parametrize("held_out", [0.0, 0.1])
def test_a_sample_that_passes_correct_finds_the_posterior_of_all(tmp_path, monkeypatch, held_out):
    monkeypatch.setattr(sample, "SAMPLED", 2048)
    data = written(tmp_path, 20_001)
    order_ = np.argsort(data["y"], kind="stable")
    sorted_ = {n: np.asarray(v)[order_] for n, v in data.items()}
    for name, values in sorted_.items():
        np.save(tmp_path / f"{name}.npy", values)
    data = {n: np.load(tmp_path / f"{n}.npy", mmap_mode="r") for n in data}
    fit = ppl.Model(MODEL).infer(**data, batch=256, validation=held_out)
    X, y = (np.asarray(data[n]) for n in ("X", "y"))
    if not held_out:
        precision = X.T @ X + np.eye(4)
        sd = np.sqrt(np.diag(np.linalg.inv(precision)))
        mean = np.linalg.solve(precision, X.T @ y)
        np.testing.assert_allclose(fit["b"].mean, mean, atol=0.1 * sd.min())
        np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.1)
    assert fit.inference.verdict.word == "good"
    assert any("passes over all of them" in note for note in fit.inference.notes)
    assert any("sd of the log" in note for note in fit.inference.notes)


def test_a_sample_is_spread_over_all_positions_and_has_none_twice():
    rng = np.random.default_rng(0)
    for total, count in ((1000, 999), (1000, 100), (100_003, 6400), (64, 63)):
        found = order_of(total, rng, count)
        assert len(found) == len(set(found)) == count
        assert np.all(np.diff(found) > 0)
        assert found[-1] < total
        assert np.histogram(found, 4, (0, total))[0].min() >= count // 5


def order_of(total, rng, count):
    return sample.spread(rng, order.Every(total), count)


def test_memory_of_its_own_is_a_fraction_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLED", 2048)
    monkeypatch.setattr(mapped, "BLOCK", 2**18)
    monkeypatch.setattr(order, "BUFFER", 2**18)
    rows = 100_000
    data = written(tmp_path, rows, 20)

    def passed(data):
        request = Request(Source("model", MODEL), (from_python(data),))
        _, bound = bound_of(request)
        setting = set_up(bound, Settings(batch=1024))
        assert setting.sample is not None
        return sample.gradient_over_all(setting.problem, np.zeros(20))

    passed({n: v[:4096] for n, v in data.items()})
    tracemalloc.start()
    found = passed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    X, y = (np.asarray(v) for v in data.values())
    np.testing.assert_allclose(found, X.T @ y, rtol=1e-9)
    assert peak < 0.4 * (rows * 21 * 8)


def test_a_checkpoint_of_other_data_or_options_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "BLOCK", 2**10)
    data, file = written(tmp_path, 300), tmp_path / "state"
    model = ppl.Model(MODEL)
    model.infer(**data, batch=64, checkpoint=file)
    X = np.load(tmp_path / "X.npy")
    X[200, 1] += 1e-12
    np.save(tmp_path / "X.npy", X)
    with pytest.raises(ppl.PplError, match=r"is of other data \(`X`\)\n"):
        ppl.Model(MODEL).infer(**written_again(tmp_path), batch=64, checkpoint=file)
    with pytest.raises(ppl.PplError, match=r"other data \(`X`\) and other options \(`batch`\)"):
        ppl.Model(MODEL).infer(**written_again(tmp_path), batch=32, checkpoint=file)


def written_again(folder):
    return {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ("X", "y")}


def test_blocks_of_files_are_hashed_as_those_of_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "BLOCK", 2**10)
    for name, values in written(tmp_path, 300).items():
        assert checkpoint.digest(values) == checkpoint.digest(np.array(values)), name
        assert checkpoint.digest(values) != checkpoint.digest(np.array(values)[::-1]), name


def test_a_file_that_is_replaced_is_read_as_it_was_mapped(tmp_path):
    data = written(tmp_path, 300)
    before = mapped.read(data["X"], 0, 300)
    np.save(tmp_path / "other.npy", np.zeros((300, 4)))
    os.replace(tmp_path / "other.npy", tmp_path / "X.npy")
    np.testing.assert_array_equal(mapped.read(data["X"], 0, 300), before)


def test_threads_do_not_change_the_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLED", 512)
    monkeypatch.setattr(problem, "WORTH", 1)
    monkeypatch.setattr(threads, "wanted", lambda: 3)
    data = written(tmp_path, 3001)
    many = ppl.Model(MODEL).infer(**data, batch=64)
    monkeypatch.setattr(threads, "wanted", lambda: 1)
    one = ppl.Model(MODEL).infer(**data, batch=64)
    np.testing.assert_array_equal(many["b"].mean, one["b"].mean)
    assert many.inference.elbo == one.inference.elbo
