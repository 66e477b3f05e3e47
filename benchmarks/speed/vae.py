"""A variational autoencoder: whole fits on both backends, beside NumPyro's.

    python -m benchmarks.speed.vae --environments FOLDER [--case digits] [--seeds 0 1 2]

FOLDER keeps an environment with NumPyro, made when it is not there. Both sides have the same
networks, batches, data and held-out rows, take two draws for each step and start on a fresh
process's first call, compilation included; ours ends by its own rule, in 64 bits. NumPyro takes as
many epochs, with two learning rates of Adam, in 64 bits and in 32. Batches divide the rows, so that
both take the same steps. Printed are seconds by the clock and of processors from the first call on,
and those of the whole process by the clock, imports included (ours imports JAX when it is first
needed, within the call), and the held-out ELBO for each datum; for NumPyro also the seconds until
it first had our ELBO less 0.05, which is what it takes to draw level. Its evaluations on the way
are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.peers.environments import interpreter

Array = Any
MODEL = """
data x[N, D] in {0, 1}
dim K = %d
dim H = %d
param W1[H, K], b1[H], W2[D, H], b2[D]
for n in N {
  z[n, K] ~ Normal(0, 1)
  h[n, H] = tanh(W1 @ z[n] + b1)
  x[n, D] ~ Bernoulli(logit = W2 @ h[n] + b2)
}
guide { z[n] ~ amortized(x[n], hidden = [%d]) }
"""
CASES = {
    "digits": {"latents": 6, "hidden": 64, "batch": 200, "part": 0.1096},
    "synthetic": {"latents": 10, "hidden": 128, "batch": 250, "part": 0.05},
}
RATES, BITS, LEVEL = (0.003, 0.01), (64, 32), 0.05
OURS = """
import json, sys, time
import numpy as np
import ppl
text, path, options = open(sys.argv[1]).read(), sys.argv[2], json.loads(sys.argv[3])
x = np.load(path)
began, busy = time.perf_counter(), time.process_time()
fit = ppl.Model(text).infer(x=x, draws=200, **options)
seconds, busy = time.perf_counter() - began, time.process_time() - busy
print(json.dumps({"seconds": seconds, "busy": busy, "notes": fit.report().notes,
    "held_out": fit.held_out.elbo.value, "weighted": fit.held_out.importance_weighted.value}))
"""


def digits() -> Array:
    """Return scikit-learn's digits, pixels on or off."""
    from sklearn.datasets import load_digits

    return (load_digits().data > 7).astype(np.int8)


def synthetic() -> Array:
    """Make 20,000 rows of 200 bits, from a network with five latents."""
    rng = np.random.default_rng(0)
    hidden = np.tanh(rng.normal(size=(20_000, 5)) @ rng.normal(size=(5, 40)))
    logits = 2 * hidden @ rng.normal(size=(40, 200)) / np.sqrt(8)
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int8)


def ours(folder: Path, backend: str, case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Fit once, in a process of its own."""
    (folder / "ours.py").write_text(OURS)
    options = {"batch": case["batch"], "validation": case["part"], "seed": seed}
    options["backend"] = backend
    names = ["ours.py", "model.ppl", "x.npy"]
    command = [sys.executable, *(str(folder / n) for n in names), json.dumps(options)]
    found = answered(command)
    words = " ".join(found["notes"])
    found["epochs"] = int(words.split(" epochs")[0].split()[-1].replace(",", ""))
    return found


def split(x: Array, part: float, seed: int) -> tuple[Array, Array]:
    """Return the rows that a fit learns from, and those that it holds out."""
    import ppl
    from ppl.inference.settings import Settings
    from ppl.inference.stochastic.infer import set_up

    joint = ppl.Model("data x[N, D]\nb[D] ~ Normal(0, 1)\nx ~ Normal(b, 1)").compile({"x": x})
    problem = set_up(joint.bound, Settings(seed=seed, validation=part, batch=10)).problem
    return x[problem.training], x[problem.held_out]


def numpyro(python: Path, folder: Path, choices: dict[str, Any]) -> dict[str, Any]:
    """Fit once with NumPyro."""
    script = Path(__file__).parent / "peers" / "vae_numpyro.py"
    command = [str(python), str(script), str(folder / "split.npz"), json.dumps(choices)]
    return answered(command)


def answered(command: list[str]) -> dict[str, Any]:
    """Run a process, and return what it prints, with the seconds that it took."""
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    taken = time.perf_counter() - began
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"whole": taken - found.get("away", 0.0)}


def _seconds(found: dict[str, Any]) -> str:
    return (
        f"{found['seconds']:6.1f} s ({found['busy']:.1f} of processors, "
        f"{found['whole']:.1f} s the process)"
    )


def compare(name: str, python: Path, seed: int) -> None:
    """Fit with each, and print a line for each."""
    case = CASES[name]
    x = {"digits": digits, "synthetic": synthetic}[name]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "model.ppl").write_text(MODEL % (case["latents"], *[case["hidden"]] * 2))
        np.save(folder / "x.npy", x)
        training, held_out = split(x, case["part"], seed)
        np.savez(folder / "split.npz", train=training, held_out=held_out)
        print(f"{name}, seed {seed}: {len(training):,} x {x.shape[1]}, {len(held_out):,} held out")
        epochs, level = 1, np.inf
        for backend in ("autograd", "jax"):
            found = ours(folder, backend, case, seed)
            epochs, level = max(epochs, found["epochs"]), min(level, found["held_out"])
            print(
                f"  ppl, {backend:8}           {_seconds(found)}  "
                f"{found['epochs']:4} epochs  held-out ELBO {found['held_out']:.3f}",
                flush=True,
            )
        for bits in BITS:
            for rate in RATES:
                keys = ("latents", "hidden", "batch")
                choices = {k: case[k] for k in keys} | {"epochs": epochs, "rate": rate}
                found = numpyro(python, folder, choices | {"bits": bits, "seed": seed})
                reached = [s for _, s, e in found["trace"] if e >= level - LEVEL]
                when = f"level after {reached[0]:.1f} s" if reached else "never level"
                print(
                    f"  NumPyro, {bits} bits, rate {rate:<5} {_seconds(found)}  "
                    f"{epochs:4} epochs  held-out ELBO {found['held_out']:.3f}  {when}",
                    flush=True,
                )


def main() -> None:
    """Compare the chosen cases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--case", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    arguments = parser.parse_args()
    python = interpreter("numpyro", arguments.environments)
    for name in arguments.case:
        for seed in arguments.seeds:
            compare(name, python, seed)


if __name__ == "__main__":
    main()
