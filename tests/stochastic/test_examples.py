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
    """Where data are, the mean is near the curve; not so the width in the gap, so it is poor."""
    data = table("neural-network", "curve.csv")
    fit = ppl.Model.read(str(FOLDER / "neural-network" / "model.ppl")).infer(data, draws=500)
    new = np.concatenate([np.linspace(-1.9, -0.6, 10), np.linspace(0.6, 1.9, 10)])
    drawn = fit.predict(x=new, new=["N"])["y"]
    truth = np.sin(2 * new) + 0.3 * new
    assert np.max(np.abs(drawn.mean(axis=0) - truth)) < 0.2
    fresh = truth + 0.1 * np.random.default_rng(0).standard_normal((200, len(new)))
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    assert 0.8 < np.mean((low < fresh) & (fresh < high)) < 0.99
    assert 0.05 < float(fit["s"].mean) < 0.2
    assert fit.verdict == "poor"
    assert "the 8 positions of `H` are exchanged or change sign in `w1`, `b1` and `w2`" in fit.why


def test_matrix_factorisation_finds_ratings_that_were_not_given() -> None:
    """Alternating least squares has an error of 0.18 at its best penalty, the mean alone 1.5."""
    data = table("matrix-factorisation", "ratings.csv")
    model = ppl.Model.read(str(FOLDER / "matrix-factorisation" / "model.ppl"))
    fit = model.infer(data, draws=500)
    rng = np.random.default_rng(8)
    taste, trait = rng.standard_normal((60, 2)), rng.standard_normal((40, 2))
    each = np.einsum("suk,sik->sui", fit["taste"].draws(500), fit["trait"].draws(500))
    each = each + fit["m"].draws(500)[:, None, None]
    truth = 3 + taste @ trait.T
    seen = np.zeros((60, 40), dtype=bool)
    seen[data["user"].astype(int), data["item"].astype(int)] = True
    error = (each.mean(axis=0) - truth)[~seen]
    assert np.sqrt(np.mean(error**2)) < 0.2
    low, high = np.quantile(each, [0.05, 0.95], axis=0)
    assert np.mean(((low < truth) & (truth < high))[~seen]) > 0.8
    assert float(fit["s"].mean) == pytest.approx(0.3, abs=0.05)
    assert fit.verdict == "fair"
    assert "`taste` and `trait` are turned together along `K`" in fit.why
    assert "other starts confirm the rest" in fit.why


def test_topics_are_found() -> None:
    """A fifth of the words is left out, and told better than by how frequent each word is."""
    data = table("topics", "words.csv")
    times = data["times"].astype(int)
    held = np.random.default_rng(1).binomial(times, 0.2)
    kept = times > held
    data = {"doc": data["doc"], "word": data["word"], "times": times - held}
    fit = ppl.Model.read(str(FOLDER / "topics" / "model.ppl")).infer(
        {name: values[kept] for name, values in data.items()}, draws=300, time_limit=1.0
    )
    topic = np.asarray(fit["topic"].mean)
    truth = np.kron(np.eye(3), np.full(4, 0.19)) + 0.02
    truth /= truth.sum(axis=1, keepdims=True)
    cosine = (
        topic @ truth.T / np.linalg.norm(topic, axis=1)[:, None] / np.linalg.norm(truth, axis=1)
    )
    assert sorted(cosine.argmax(axis=1)) == [0, 1, 2]
    assert np.all(cosine.max(axis=1) > 0.99)
    doc, word = data["doc"].astype(int), data["word"].astype(int)
    mixed = np.einsum("sdk,skv->dv", fit["share"].draws(300), fit["topic"].draws(300)) / 300
    frequency = np.bincount(word, weights=times - held) / (times - held).sum()
    assert perplexity(mixed[doc, word], held) < 0.85 * perplexity(frequency[word], held)
    assert "the 3 positions of `K` are exchanged in `topic` and `share`" in fit.why


def perplexity(probability: np.ndarray, times: np.ndarray) -> float:
    return float(np.exp(-np.sum(times * np.log(probability)) / times.sum()))
