"""Whole fits with forced guides, by minibatches and with networks, against closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import ppl
from ppl.text import PplError

RNG = np.random.default_rng(0)
W = RNG.normal(size=(5, 2))
X = RNG.normal(size=(240, 2)) @ W.T + 0.5 * RNG.normal(size=(240, 5))
ENCODED = """
data x[N, D]
dim K = 2
param W[D, K], s > 0
for n in N {
  z[n, K] ~ Normal(0, 1)
  m[n, D] = W @ z[n]
  x[n, D] ~ Normal(m[n], s)
}
guide { z[n] ~ amortized(x[n], hidden = [16]) }
"""
REGRESSION = """
data x[N, D], y[N]
b[D] ~ Normal(0, 2)
y ~ Normal(x @ b, 1)
"""
SCHOOLS = """
data y[J], sigma[J] > 0
mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)
y ~ Normal(theta, sigma)
"""
SCHOOL_DATA = {
    "y": [28.0, 8, -3, 7, -1, 1, 18, 12],
    "sigma": [15.0, 10, 16, 11, 9, 11, 10, 18],
}


def regression(count=300):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, 3)) @ np.array([[1, 0.7, 0], [0, 1, 0.4], [0, 0, 1]])
    y = x @ np.array([0.5, -1.0, 0.2]) + rng.normal(size=count)
    precision = x.T @ x + np.eye(3) / 4
    mean = np.linalg.solve(precision, x.T @ y)
    covariance = np.eye(count) + 4 * x @ x.T
    evidence = multivariate_normal(np.zeros(count), covariance).logpdf(y)
    return {"x": x, "y": y}, mean, np.linalg.inv(precision), evidence


@pytest.mark.parametrize("family", ["fullrank", "lowrank(3)", "structured"])
def test_a_family_that_holds_the_posterior_reaches_the_evidence(family):
    data, mean, covariance, evidence = regression()
    fit = ppl.Model(REGRESSION + f"guide {{ b ~ {family} }}").infer(**data)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(fit["b"].mean, mean, atol=0.1 * float(sd.min()))
    np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.1)
    assert fit.elbo.value == pytest.approx(evidence, abs=0.05)
    assert fit.elbo.value <= evidence + 0.01
    assert fit.verdict == "good"


def test_forced_mean_field_is_said_to_be_narrow():
    data, _, covariance, evidence = regression()
    fit = ppl.Model(REGRESSION + "guide { b ~ Normal }").infer(**data)
    narrow = 1 / np.sqrt(np.diag(np.linalg.inv(covariance)))
    np.testing.assert_allclose(fit["b"].sd, narrow, rtol=0.1)
    assert fit.elbo.value < evidence - 0.1
    assert fit.verdict in ("fair", "poor")


def test_forced_guide_that_is_wrong_about_what_is_reported_is_poor():
    """Off by more than 0.3 sd or 20 % of an sd of the user's own variables: not fair any more."""
    forced = ppl.Model(SCHOOLS).infer(**SCHOOL_DATA, guide="lowrank")
    right = ppl.Model(SCHOOLS).infer(**SCHOOL_DATA)["tau"]
    assert forced["tau"].sd < 0.8 * right.sd
    assert forced.verdict == "poor"


def test_groups_and_named_families_of_one_guide():
    """A gamma for the scale and a joint normal for the rest beat the plain mean field."""
    guide = "guide {\n  (mu, theta) ~ fullrank\n  tau ~ Gamma\n}"
    forced = ppl.Model(SCHOOLS + guide).infer(**SCHOOL_DATA)
    plain = ppl.Model(SCHOOLS).infer(**SCHOOL_DATA, guide="meanfield", method="vi")
    reference = ppl.Model(SCHOOLS).infer(**SCHOOL_DATA)
    assert forced.elbo.value > plain.elbo.value - 0.02
    assert reference.log_evidence is not None
    assert forced.elbo.value < reference.log_evidence.value
    assert float(forced["tau"].mean) == pytest.approx(float(reference["tau"].mean), rel=0.35)


def test_minibatches_find_the_whole_posterior():
    data, mean, covariance, _ = regression(1000)
    fit = ppl.Model(REGRESSION).infer(**data, batch=128)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(fit["b"].mean, mean, atol=0.1 * float(sd.min()))
    np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.1)
    assert "minibatches of 128 of 1,000 positions of `N`" in " ".join(fit.report().notes)


@pytest.fixture(scope="module")
def encoded():
    return ppl.Model(ENCODED).infer(x=X, seed=3)


def test_the_encoder_is_the_posterior(encoded):
    """Given W and s, z has the closed-form normal posterior of factor analysis."""
    w, s = encoded.parameters["W"], float(encoded.parameters["s"])
    new = np.random.default_rng(9).normal(size=(4, 2)) @ W.T
    precision = np.eye(2) + w.T @ w / s**2
    exact = np.linalg.solve(precision, w.T @ new.T / s**2).T
    sd = np.sqrt(1 / np.diag(precision))
    found = encoded.encode(x=new)
    np.testing.assert_allclose(found["z"].mean, exact, atol=0.35 * float(sd.max()))
    np.testing.assert_allclose(found["z"].sd[0], sd, rtol=0.2)
    law = multivariate_normal(np.zeros(5), w @ w.T + s**2 * np.eye(5))
    np.testing.assert_allclose(encoded.log_density(x=new, draws=400), law.logpdf(new), atol=0.05)
    assert found["m"].mean.shape == (4, 5)


def test_the_elbo_is_below_the_evidence_and_near(encoded):
    w, s = encoded.parameters["W"], float(encoded.parameters["s"])
    law = multivariate_normal(np.zeros(5), w @ w.T + s**2 * np.eye(5))
    evidence = float(np.sum(law.logpdf(X)))
    assert evidence - 0.05 * len(X) < encoded.elbo.value < evidence + 0.5
    assert any("amortisation gap" in note for note in encoded.report().notes)


def test_decode_and_reconstruct(encoded):
    w = encoded.parameters["W"]
    z = np.array([[0.0, 1.0], [2.0, 0.0]])
    decoded = encoded.decode(z=z)
    np.testing.assert_allclose(decoded["m"][0], z @ w.T, rtol=1e-9)
    assert decoded["x"].shape == (100, 2, 5)
    again = encoded.reconstruct(x=X[:6])
    assert again["x"].shape == (100, 6, 5)
    assert np.mean(np.abs(again["m"].mean(axis=0) - X[:6])) < 0.8
    assert encoded.simulate()["x"].shape[1:] == X.shape
    with pytest.raises(PplError, match="latents of `N`"):
        encoded.decode(u=z)


def test_a_loaded_fit_encodes_the_same(encoded, tmp_path):
    encoded.save(tmp_path / "fit.nc")
    loaded = ppl.load(tmp_path / "fit.nc")
    new = X[:3]
    np.testing.assert_array_equal(loaded.encode(x=new)["z"].mean, encoded.encode(x=new)["z"].mean)


def test_a_fit_without_a_network_has_no_encoder():
    data, *_ = regression(50)
    fit = ppl.Model(REGRESSION).infer(**data)
    with pytest.raises(PplError, match="no encoder"):
        fit.encode(y=[1.0])


def test_a_killed_run_goes_on_to_the_same_end(tmp_path, monkeypatch):
    from ppl.inference.stochastic import checkpoint

    data, *_ = regression(300)
    model, file = ppl.Model(REGRESSION), tmp_path / "state"
    straight = model.infer(**data, batch=64)
    kept = checkpoint.File.write
    count = 0

    def killed(self, header, arrays):
        nonlocal count
        kept(self, header, arrays)
        count += 1
        if count == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.File, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        model.infer(**data, batch=64, checkpoint=file)
    monkeypatch.setattr(checkpoint.File, "write", kept)
    resumed = model.infer(**data, batch=64, checkpoint=file)
    np.testing.assert_array_equal(resumed["b"].mean, straight["b"].mean)
    with pytest.raises(PplError, match="other options"):
        model.infer(**data, batch=32, checkpoint=file)


def test_the_same_seed_gives_the_same_bytes():
    data, *_ = regression(200)
    one, two = (ppl.Model(REGRESSION).infer(**data, batch=64, seed=5) for _ in range(2))
    assert one["b"].mean.tobytes() == two["b"].mean.tobytes()


def test_rows_that_are_held_out():
    """The bounds lie in order, below the log likelihood at the learned parameters."""
    fit = ppl.Model(ENCODED).infer(x=X[:120], validation=0.2, draws=100)
    held = fit.held_out
    assert held is not None
    assert held.positions == 24
    assert held.elbo.value < held.importance_weighted.value
    w, s = fit.parameters["W"], float(fit.parameters["s"])
    law = multivariate_normal(np.zeros(5), w @ w.T + s**2 * np.eye(5))
    rows = np.sort(np.random.default_rng([0, 7]).choice(120, 24, replace=False))
    likelihood = float(np.mean(law.logpdf(X[rows])))
    assert held.importance_weighted.value == pytest.approx(likelihood, abs=0.02)
    assert likelihood - 0.2 < held.elbo.value < likelihood + 0.01
    told = fit.to_json()["held_out"]
    assert told["elbo"]["value"] == held.elbo.value


def test_a_linear_encoder_reaches_the_closed_form_of_factor_analysis():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 1)) * rng.normal(size=6) + rng.normal(0.5, 0.6, (1500, 6))
    text = """
data x[N, D]
param W[D], b[D], s > 0
for n in N {
  z[n] ~ Normal(0, 1)
  x[n, D] ~ Normal(W * z[n] + b, s)
}
guide { z[n] ~ amortized(x[n], hidden = 0) }
"""
    fit = ppl.Model(text).infer(x=x)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    noise = values[:-1].mean()
    log_determinant = 5 * np.log(noise) + np.log(values[-1])
    best = -0.5 * (6 * np.log(2 * np.pi) + log_determinant + 6)
    assert best - 0.01 < fit.elbo.value / 1500 < best + 1e-3
