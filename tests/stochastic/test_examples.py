"""The examples with guides of their own, in reduced size, against what made their data."""

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.data.read import read

FOLDER = Path(__file__).parents[2] / "examples"
LINEAR = """
data x[N, D] in {0, 1}
dim K = 4
param W[D, K], b[D]
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Bernoulli(logit = W @ z[n] + b)
}
guide { z[n] ~ amortized(x[n], hidden = [32]) }
"""


def table(example: str, file: str) -> dict[str, np.ndarray]:
    return {n: v.values for n, v in read([str(FOLDER / example / file)])[0].items()}


def held_out(fit: ppl.Fit) -> float:
    assert fit.held_out is not None
    return fit.held_out.elbo.value


def test_the_autoencoder_beats_factor_analysis_of_digits() -> None:
    x = np.load(FOLDER / "digits" / "x.npy")[:500]
    model = ppl.Model.read(str(FOLDER / "digits" / "model.ppl"))
    deep = model.infer(x=x, validation=0.2, K=4, draws=200)
    linear = ppl.Model(LINEAR).infer(x=x, validation=0.2, draws=200)
    assert held_out(deep) > held_out(linear) + 0.3
    again = deep.reconstruct(x=x[:50], draws=50)["x"].mean(axis=0)
    assert np.mean((again > 0.5) == x[:50]) > 0.85


def test_the_bayesian_network_finds_the_curve() -> None:
    data = table("neural-network", "curve.csv")
    fit = ppl.Model.read(str(FOLDER / "neural-network" / "model.ppl")).infer(data, draws=500)
    new = np.array([-1.5, -1.0, 1.0, 1.5])
    drawn = fit.predict(x=new, new=["N"])["y"]
    truth = np.sin(2 * new) + 0.3 * new
    assert np.max(np.abs(drawn.mean(axis=0) - truth)) < 0.2
    assert 0.05 < float(fit["s"].mean) < 0.2


def test_matrix_factorisation_finds_ratings_that_were_not_given() -> None:
    data = table("matrix-factorisation", "ratings.csv")
    model = ppl.Model.read(str(FOLDER / "matrix-factorisation" / "model.ppl"))
    fit = model.infer(data, draws=500)
    rng = np.random.default_rng(8)
    taste, trait = rng.standard_normal((60, 2)), rng.standard_normal((40, 2))
    found = np.einsum("suk,sik->ui", fit["taste"].draws(500), fit["trait"].draws(500)) / 500
    seen = np.zeros((60, 40), dtype=bool)
    seen[data["user"].astype(int), data["item"].astype(int)] = True
    error = (found - taste @ trait.T)[~seen]
    assert np.sqrt(np.mean(error**2)) < 0.5
    assert float(fit["s"].mean) == pytest.approx(0.3, abs=0.05)


def test_topics_are_found() -> None:
    data = table("topics", "words.csv")
    fit = ppl.Model.read(str(FOLDER / "topics" / "model.ppl")).infer(data, draws=300)
    topic = np.asarray(fit["topic"].mean)
    mass = topic.reshape(3, 3, 4).sum(axis=2)
    assert sorted(mass.argmax(axis=1)) == [0, 1, 2]
    assert np.all(mass.max(axis=1) > 0.7)
