"""What a fit says of the states of discrete latents, before it is saved and after."""

import json

import numpy as np
import pytest

import ppl

MODEL = """
data y[T]
dim K = 2, J = 2
mu[K] ~ Normal(0, 3) in Ordered
A[K, J] ~ Dirichlet(2)
z[0] ~ Categorical([0.5, 0.5])
for t in 1:T { z[t] ~ Categorical(A[z[t - 1]]) }
for t in T { y[t] ~ Normal(mu[z[t]], 1) }
"""
Y = np.array([-2.1, -1.6, -2.4, 1.9, 2.2, 2.0, 0.1, 1.4])


@pytest.fixture(scope="module")
def fit():
    return ppl.Model(MODEL).infer(y=Y, draws=500)


def test_probabilities_agree_with_the_share_of_draws(fit):
    found = fit["z"].probabilities
    assert found.shape == (8, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    share = (fit["z"].draws() == 1).mean(axis=0)
    error = np.sqrt(found[:, 1] * found[:, 0] / len(fit["z"].draws()))
    assert np.all(np.abs(share - found[:, 1]) < 5 * error + 1e-3)


def test_the_most_probable_path_is_the_states_that_made_the_data(fit):
    np.testing.assert_array_equal(fit.most_probable()["z"], [0, 0, 0, 1, 1, 1, 1, 1])


def test_reports_have_the_probabilities(fit):
    np.testing.assert_array_equal(
        fit.to_json()["quantities"]["z"]["probabilities"], fit["z"].probabilities
    )
    assert "probabilities" not in fit.to_json()["quantities"]["mu"]
    json.dumps(fit.to_json(), allow_nan=False)
    assert "probability of state" in str(fit)


def test_a_saved_fit_has_them(fit, tmp_path):
    fit.save(tmp_path / "states.fit")
    again = ppl.load(tmp_path / "states.fit")
    np.testing.assert_array_equal(again["z"].probabilities, fit["z"].probabilities)
    np.testing.assert_array_equal(again.most_probable()["z"], fit.most_probable()["z"])
    assert str(again) == str(fit)


def test_what_has_no_states_is_answered(fit):
    with pytest.raises(ppl.UsageError, match="not a discrete latent"):
        _ = fit["mu"].probabilities
    other = ppl.Model("mu ~ Normal(0, 1)\ny ~ Normal(mu, 1)").infer(y=1.0)
    with pytest.raises(ppl.UsageError, match="no discrete latents"):
        other.most_probable()
