"""Factor analysis of 10,000 x 20 numbers with 3 factors, against its closed form and NumPyro.

    python -m benchmarks.speed.factor_analysis FOLDER

The folder keeps an environment with NumPyro, made when it is not there. The encoder is linear, as
the exact posterior's mean is. Printed are seconds, the ELBO for each datum, its distance from the
greatest log likelihood, and the error of W W' (Tipping & Bishop 1999).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import ppl
from benchmarks.speed.peers.environments import interpreter

Array = Any
ROWS, COLUMNS, RANK, STEPS = 10_000, 20, 3, 3_000
MODEL = """
data x[N, D]
dim K = 3
param W[D, K], b[D], s > 0
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Normal(W @ z[n] + b, s)
}
guide { z[n] ~ amortized(x[n], hidden = 0) }
"""


def data() -> Array:
    """Make the data."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(COLUMNS, RANK))
    z, b = rng.normal(size=(ROWS, RANK)), rng.normal(size=COLUMNS)
    return z @ w.T + b + 0.7 * rng.normal(size=(ROWS, COLUMNS))


def closed_form(x: Array) -> tuple[float, Array]:
    """Return the greatest log likelihood for each datum, and W W' there."""
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    noise = values[:-RANK].mean()
    top = vectors[:, -RANK:]
    square = top * (values[-RANK:] - noise) @ top.T
    covariance = square + noise * np.eye(COLUMNS)
    log_determinant = np.linalg.slogdet(covariance)[1]
    return -0.5 * (COLUMNS * np.log(2 * np.pi) + log_determinant + COLUMNS), square


def say(name: str, seconds: float, elbo: float, w: Array, best: tuple[float, Array]) -> None:
    """Print a line."""
    error = np.linalg.norm(w @ w.T - best[1]) / np.linalg.norm(best[1])
    print(f"{name:10} {seconds:7.1f} s  ELBO {elbo:.4f}  short {best[0] - elbo:.4f}  W {error:.1%}")


def main(folder: str) -> None:
    """Run both."""
    x = data()
    best = closed_form(x)
    began = time.perf_counter()
    fit = ppl.Model(MODEL).infer(x=x, batch=500, draws=200)
    seconds = time.perf_counter() - began
    say("ppl", seconds, fit.elbo.value / ROWS, fit.parameters["W"], best)
    script = Path(__file__).parent / "peers" / "factor_analysis_numpyro.py"
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "x.npy"
        np.save(path, x)
        command = [str(interpreter("numpyro", Path(folder))), str(script), str(path), str(STEPS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    say("NumPyro", found["seconds"], found["elbo"] / ROWS, np.array(found["W"]), best)


if __name__ == "__main__":
    main(sys.argv[1])
