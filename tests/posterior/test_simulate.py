"""Replicates and the prior predictive, against what is known of them."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import ppl
from ppl.cli import main
from tests.posterior.models import CLINICS, clinics, schools

AUTOREGRESSION = """
data y[T]
a ~ Uniform(-1, 1)
for t in 1:T { y[t] ~ Normal(a * y[t - 1], 0.5) }
"""


def test_replicates_look_like_the_data() -> None:
    fit = clinics()
    got = fit.simulate()
    y = fit.selection.variables["outcome"].values
    assert list(got) == ["outcome"]
    assert got["outcome"].shape == (1000, 36)
    rank = (got["outcome"] < y).mean(axis=0)
    assert stats.kstest(rank, "uniform").pvalue > 0.01
    assert got["outcome"].mean(axis=0) == pytest.approx(fit["m"].mean, abs=0.1)


def test_replicates_of_a_series_start_where_the_data_do() -> None:
    y = np.array([3.0, 2.0, 1.5, 1.0, 0.2, -0.3])
    fit = ppl.Model(AUTOREGRESSION).infer(y=y, draws=4000)
    got = fit.simulate()["y"]
    assert (got[:, 0] == 3.0).all()
    a = fit["a"].draws()
    assert ((got[:, 1] - a * 3) / 0.5).std() == pytest.approx(1, rel=0.05)
    assert ((got[:, 4] - a * got[:, 3]) / 0.5).std() == pytest.approx(1, rel=0.05)


def test_replicates_of_an_expression() -> None:
    text = "data x[N] > 0\nm ~ Normal(0, 5)\nlog(x) ~ Normal(m, 0.1)\n"
    fit = ppl.Model(text).infer(x=np.exp([1.0, 1.1, 0.9]), draws=400)
    assert fit.simulate()["log(x)"].mean() == pytest.approx(1.0, abs=0.05)


def test_the_prior_predictive_has_the_prior_moments() -> None:
    got = ppl.Model(CLINICS).simulate({"clinic": ["n", "s"], "dose": [0.0, 2.0]}, draws=20_000)
    assert set(got) == {"mu", "tau", "a", "b", "s", "outcome", "m"}
    assert got["mu"].std() == pytest.approx(5, rel=0.03)
    # Var m[1] = Var mu + E tau^2 + 4 Var b
    assert got["m"][:, 1].var() == pytest.approx(25 + 4 + 16, rel=0.05)
    assert np.corrcoef(got["m"].T)[0, 1] == pytest.approx(25 / np.sqrt(29 * 45), abs=0.03)


def test_outcomes_that_are_given_only_say_the_size() -> None:
    text = "mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\n"
    got = ppl.Model(text).simulate(y=[100.0, 100.0], draws=500)
    assert got["y"].shape == (500, 2)
    assert abs(got["y"].mean()) < 1
    fixed = ppl.Model(text).simulate(mu=7.0, N=3, draws=500)
    assert fixed["y"].mean() == pytest.approx(7, abs=0.2)
    assert "mu" not in fixed


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("Cauchy(0, 2) > 0", stats.halfcauchy(0, 2)),
        ("Normal(0, 1) > 3", stats.truncnorm(3, np.inf)),
        ("Normal(1, 2) in (0, 1)", stats.truncnorm(-0.5, 0, 1, 2)),
        ("Exponential(2) < 0.5", stats.truncexpon(1.0, 0, 0.5)),
        ("Normal(0, 1) > 30", stats.truncnorm(30, np.inf)),
        ("Flat() in (2, 5)", stats.uniform(2, 3)),
    ],
)
def test_bounds_truncate(statement: str, law: object) -> None:
    draws = ppl.Model(f"a ~ {statement}\n").simulate(draws=2000)["a"]
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3  # type: ignore[attr-defined]


def test_ordered_vectors_are_order_statistics() -> None:
    got = ppl.Model("dim K = 3\nm[K] ~ Normal(0, 1) in Ordered\n").simulate(draws=4000)["m"]
    assert (np.diff(got, axis=1) > 0).all()
    assert got.mean(axis=0) == pytest.approx([-0.846, 0, 0.846], abs=0.05)


def test_mixtures_draw_their_kinds() -> None:
    text = """dim K = 2
share[K] ~ Dirichlet(5)
m[K] = [0.0, 10.0]
for n in N { k[n] ~ Categorical(share); x[n] ~ Normal(m[k[n]], 0.1) }
"""
    got = ppl.Model(text).simulate(N=4, draws=1000)
    assert np.array_equal(got["x"] > 5, got["k"] == 1)
    assert got["k"].mean() == pytest.approx(0.5, abs=0.05)


def test_drawn_positions_on_two_axes() -> None:
    text = """dim K = 2
M[K, K] = [[1.0, 2.0], [3.0, 4.0]]
for n in N { a[n] ~ Bernoulli(0.5); b[n] ~ Bernoulli(0.5); x[n] ~ Normal(M[a[n], b[n]], 0.01) }
"""
    got = ppl.Model(text).simulate(N=3, draws=200)
    assert got["x"] == pytest.approx(1 + 2 * got["a"] + got["b"], abs=0.1)


def test_recurrences_with_chance_in_them() -> None:
    text = """dim T = 40
w ~ Uniform(0.1, 0.2)
h[0] = 0.0
e[0] ~ Normal(0, 1)
for t in 1:T {
  h[t] = w + 0.5 * tanh(e[t - 1]) + 0.3 * h[t - 1]
  e[t] ~ Normal(0, exp(h[t]))
}
"""
    got = ppl.Model(text).simulate(draws=300)
    h, e, w = got["h"], got["e"], got["w"]
    expected = w[:, None] + 0.5 * np.tanh(e[:, :-1]) + 0.3 * h[:, :-1]
    assert h[:, 1:] == pytest.approx(expected)
    assert (e / np.exp(h)).std() == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("y ~ Normal(W, s)\n", "are learned and have no distribution"),
        ("a ~ Flat()\ny ~ Normal(a, 1)\n", "is improper"),
        (
            "dim T = 5\nz[0] ~ Poisson(3)\nfor t in 1:T { z[t] ~ Poisson(1 + z[t - 1]) }\n",
            "not supported yet for Poisson",
        ),
        ("dim K = 9\nm[K] ~ Normal([9, 8, 7, 6, 5, 4, 3, 2, 1], 0.1) in Ordered\n", "next to no"),
    ],
)
def test_what_cannot_be_drawn_is_said(text: str, says: str) -> None:
    with pytest.raises(ppl.PplError, match=says):
        ppl.Model(text).simulate(draws=50)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.ppl"
    model.write_text("mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\n")
    out = tmp_path / "d.json"
    assert main(["simulate", str(model), "--set", "N=3", "--out", str(out)]) == 0
    assert "y[2]" in capsys.readouterr().out
    fit = tmp_path / "a.fit"
    schools().save(fit)
    assert main(["simulate", "--fit", str(fit)]) == 0
    assert "y[7]" in capsys.readouterr().out
