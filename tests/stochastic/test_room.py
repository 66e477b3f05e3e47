"""What memory there is, what full passes need, and what is done where they do not fit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.inference import memory
from ppl.inference.settings import Settings
from ppl.inference.stochastic import room
from ppl.pipeline import bound_of

ROOT = Path(__file__).parents[2]
EFFECTS = "m ~ Normal(0, 2)\nt ~ HalfNormal(1)\nz[N] ~ Normal(m, t)\ny[N] ~ Poisson(log = z)\n"
CHAIN = "z[N] ~ RandomWalk(Normal(0, 1))\ny[N] ~ Poisson(log = z)\n"


def counts(rows):
    rng = np.random.default_rng(0)
    return rng.poisson(np.exp(rng.normal(0.5, 0.7, rows))).astype(float)


def bound(text, **data):
    return bound_of(ppl.Model(text)._request(data, {}, ())[0])[1]


# ------------------------------------------------------------------------------ what there is


def system(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


FREE = {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:  4000 kB\n"}
V2 = {
    "proc/self/cgroup": "0::/outer/inner\n",
    "sys/fs/cgroup/outer/memory.max": "3000000\n",
    "sys/fs/cgroup/outer/memory.current": "2500000\n",
    "sys/fs/cgroup/outer/memory.stat": "anon 5\ninactive_file 200000\n",
    "sys/fs/cgroup/outer/inner/memory.max": "max\n",
    "sys/fs/cgroup/outer/inner/memory.current": "100\n",
}
V1 = {
    "proc/self/cgroup": "5:cpu:/a\n4:memory:/a\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "77\n",
    "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000000\n",
    "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "400000\n",
    "sys/fs/cgroup/memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 100000\n",
}


@pytest.mark.parametrize(
    ("files", "left", "limit"),
    [
        (FREE, 4_096_000, "the machine's free memory"),
        (FREE | V2, 700_000, "the limit of the control group"),
        (FREE | V1, 700_000, "the limit of the control group"),
    ],
)
def test_the_least_of_what_the_system_leaves(tmp_path, files, left, limit):
    found = memory.room(system(tmp_path, files))
    assert found == memory.Room(left, limit)


def test_limits_of_the_process_count(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    limits = {resource.RLIMIT_AS: 5000 * 1024, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], limits[kind]))
    files = FREE | {"proc/self/status": "VmSize:\t 4000 kB\nVmData:\t 1 kB\n"}
    found = memory.room(system(tmp_path, files))
    assert found == memory.Room(1000 * 1024, "the limit of the process's address space")


def test_a_machine_without_these_files_is_asked(tmp_path):
    found = memory.room(tmp_path)
    assert found is None or found.bytes > 0


# ---------------------------------------------------------------------------------- the choice


def test_ordinary_models_need_no_trial(monkeypatch):
    monkeypatch.setattr(room, "needed", None)
    monkeypatch.setattr(memory, "room", lambda: memory.Room(10**6, "a limit"))
    assert room.short(bound(EFFECTS, y=counts(8000)), Settings()) is None
    monkeypatch.setattr(memory, "room", lambda: memory.Room(10**10, "a limit"))
    assert room.short(bound(EFFECTS, y=counts(50_000)), Settings()) is None
    monkeypatch.setattr(memory, "room", lambda: None)
    assert room.short(bound(EFFECTS, y=counts(50_000)), Settings()) is None


def test_what_does_not_fit_is_cut_unless_the_user_chose():
    model = bound(EFFECTS, y=counts(20_000))
    found = room.short(model, Settings(memory=0.2))
    assert found is not None
    assert found.plate == "N"
    assert found.needed > 2e8
    assert str(found).startswith("full passes over `N` need about ")
    assert str(found).endswith("beside the data, and the option `memory` leaves 200 MB")
    assert room.short(model, Settings(memory=20)) is None
    assert room.short(model, Settings(memory=0.2, method="is")) is None
    assert room.short(model, Settings(memory=0.2, batch=512)) is None
    guided = EFFECTS + "guide { z ~ structured }\n"
    assert room.short(bound(guided, y=counts(20_000)), Settings(memory=0.2)) is None


def test_a_file_that_is_read_by_blocks_counts_its_blocks(tmp_path):
    text = "data X[N, D]\nb[D] ~ Normal(0, 1)\ny[N] ~ Bernoulli(logit = X @ b)\n"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 30))
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = (rng.random(len(X)) < 0.5).astype(float)
    assert room.needed(bound(text, X=mapped, y=y), "N") < 0.5 * X.nbytes


def test_what_cannot_be_cut_is_refused_with_the_facts():
    with pytest.raises(ppl.PplError) as error:
        ppl.Model(CHAIN).infer(y=counts(9000), memory=0.001)
    told = str(error.value)
    assert "the model needs at least " in told
    assert "`memory` leaves 1 MB, and `N` cannot be cut into minibatches" in told


def test_the_option_is_checked():
    with pytest.raises(ppl.PplError, match="must be gigabytes above 0"):
        ppl.Model(EFFECTS).infer(y=counts(10), memory=-1)


# --------------------------------------------------------------------------- where it is short

SCRIPT = """
import resource, sys
from ppl.cli import main
import ppl.pipeline, ppl.inference.stochastic, ppl.posterior.checks, ppl.report.terminal

words = ["infer", *sys.argv[1:], "--quiet"]
sizes = dict(line.split(":") for line in open("/proc/self/status"))
most = 1024 * int(sizes["VmSize"].split()[0]) + 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
sys.exit(main(words))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
def test_what_would_die_is_answered(tmp_path):
    (tmp_path / "model.ppl").write_text(EFFECTS)
    np.save(tmp_path / "y.npy", counts(12_000))
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "model.ppl"), str(tmp_path / "y.npy")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [*words, *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for options in (["--memory", "100"], [])
    ]
    (_, died), (answer, complaint) = (process.communicate() for process in running)
    assert running[0].returncode == 1, died
    assert died.startswith("error[out-of-memory]: there is not enough memory")
    assert "Traceback" not in died
    assert running[1].returncode in (0, 3), complaint
    told = " ".join(answer.split())
    assert "the limit of the process's address space leaves" in told
    assert "so the fit is by minibatches" in told
