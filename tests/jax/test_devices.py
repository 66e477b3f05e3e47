"""Rows over two devices, and over two processes: the same value and gradient as on one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ppl

pytest.importorskip("jax", reason="the extra `jax` is not installed")

ROOT = Path(__file__).parents[2]
TEXT = """
data X[N, D], g[N] in J, y[N] in {0, 1}
tau ~ HalfNormal(1)
a[J] ~ Normal(0, tau)
b[D] ~ Normal(0, 2)
y ~ Bernoulli(logit = a[g] + X @ b)
"""
WORK = f"""
import os, sys
import numpy as np
import jax
if len(sys.argv) > 2:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(sys.argv[2], 2, int(sys.argv[3]), initialization_timeout=60)
import ppl
from ppl.compile.load import compile_bound
from tests.jax.test_devices import data
assert jax.device_count() == 2
joint = compile_bound(ppl.Model('''{TEXT}''').compile(data()).bound, backend="jax")
x = np.random.default_rng(1).normal(size=(5, joint.program.dimension))
value, gradient = joint.gradient.value_and_gradient(x)
spread = joint.gradient._data["X"].sharding
assert not spread.is_fully_replicated, spread
fit = ppl.Model('''{TEXT}''').infer(data(), backend="jax", guide="meanfield", method="vi")
np.savez(sys.argv[1], value=value, gradient=gradient, elbo=fit.elbo.value)
"""


def data():
    rng = np.random.default_rng(0)
    return {
        "X": rng.normal(size=(40, 3)),
        "g": rng.integers(0, 4, 40),
        "y": rng.integers(0, 2, 40),
    }


def expected():
    joint = ppl.Model(TEXT).compile(data())
    x = np.random.default_rng(1).normal(size=(5, joint.program.dimension))
    fit = ppl.Model(TEXT).infer(data(), guide="meanfield", method="vi")
    return (*joint.gradient.value_and_gradient(x), fit.elbo.value)


def start(path, *words, **settings):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **settings}
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(path), *words],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_found(path):
    found = np.load(path)
    value, gradient, elbo = expected()
    np.testing.assert_allclose(found["value"], value, rtol=1e-10)
    np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-8, atol=1e-10)
    assert float(found["elbo"]) == pytest.approx(elbo, abs=1e-6)


def ended(process):
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def test_two_devices(tmp_path):
    path = tmp_path / "two.npz"
    ended(start(path, XLA_FLAGS="--xla_force_host_platform_device_count=2"))
    assert_found(path)


def test_two_processes(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    paths = [tmp_path / f"{k}.npz" for k in range(2)]
    processes = [start(path, address, str(k)) for k, path in enumerate(paths)]
    for process in processes:
        ended(process)
    for path in paths:
        assert_found(path)
