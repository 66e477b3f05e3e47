"""Families of guides that are asked for beside the model, as lines of its guide block are."""

import numpy as np
import pytest

import ppl
from tests.stochastic.test_fits import (
    ENCODED,
    REGRESSION,
    SCHOOL_DATA,
    SCHOOLS,
    X,
    regression,
)

BARE = ENCODED[: ENCODED.index("guide")]


@pytest.mark.parametrize(
    ("family", "line"), [("lowrank", "lowrank(10)"), ("structured", "structured")]
)
def test_a_family_is_the_default_of_the_block(family, line):
    asked = ppl.Model(SCHOOLS).infer(SCHOOL_DATA, guide=family)
    written = ppl.Model(SCHOOLS + f"guide {{ default ~ {line} }}").infer(SCHOOL_DATA)
    assert [rung.name for rung in asked.inference.rungs] == ["guide"]
    np.testing.assert_array_equal(asked["mu"].draws(), written["mu"].draws())


def test_low_rank_is_close_to_the_closed_form():
    data, mean, covariance, _ = regression()
    fit = ppl.Model(REGRESSION).infer(**data, guide="lowrank")
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(fit["b"].mean, mean, atol=0.1 * float(sd.min()))
    np.testing.assert_allclose(fit["b"].sd, sd, rtol=0.1)
    assert fit.verdict == "good"


def test_a_family_takes_the_place_of_the_blocks_default_and_leaves_its_lines():
    text = SCHOOLS + "guide {\n  tau ~ Gamma\n  default ~ meanfield\n}"
    written = text.replace("meanfield", "fullrank")
    asked = ppl.Model(text).infer(SCHOOL_DATA, guide="fullrank")
    expected = ppl.Model(written).infer(SCHOOL_DATA)
    np.testing.assert_array_equal(asked["theta"].draws(), expected["theta"].draws())


def test_amortized_reads_all_data_of_the_plate_and_is_kept_in_files(tmp_path):
    fit = ppl.Model(BARE).infer(x=X[:60], guide="amortized")
    assert [str(n) for n in fit.inference.guide.inputs] == ["x"]
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    new = X[60:64]
    np.testing.assert_array_equal(again.encode(x=new)["z"].mean, fit.encode(x=new)["z"].mean)


def test_positions_in_other_dimensions_are_not_read():
    text = (
        "data g[N] in G, y[N]\na[G] ~ Normal(0, 1)\n"
        "for n in N {\n  z[n] ~ Normal(a[g[n]], 1)\n  y[n] ~ Normal(z[n], 1)\n}"
    )
    fit = ppl.Model(text).infer(g=[0, 1, 0, 1], y=[1.0, 2, 0, 3], guide="amortized")
    assert [str(n) for n in fit.inference.guide.inputs] == ["y"]


@pytest.mark.parametrize(
    ("text", "family", "reason"),
    [
        (
            "m ~ Normal(0, 1)\ny[N] ~ Normal(m, 1)",
            "amortized",
            "no latent of the model has",
        ),
        ("dim K = 2\nm[K] ~ Normal(0, 1)\ny[N] ~ Normal(m[0], 1)", "amortized", "no data run over"),
        ("y[N] ~ Normal(m, 1)", "lowrank", "no continuous latent"),
        ("z[N] ~ Bernoulli(0.3)\ny[N] ~ Normal(z, 1)", "structured", "no continuous latent"),
        (
            "data y[N]\nfor n in N { z[n] ~ Normal(0, 1); y[n] ~ Normal(z[n], 1) }\n"
            "guide { z[n] ~ amortized(y[n]) }",
            "amortized",
            "has an amortized line",
        ),
    ],
)
def test_a_family_that_does_not_fit_is_refused_with_the_reason(text, family, reason):
    with pytest.raises(ppl.UsageError, match=reason):
        ppl.Model(text).infer(y=[1.0, 2.0], guide=family)


def test_a_chain_has_no_encoder():
    text = (
        "data y[T]\nz[0] ~ Normal(0, 1)\nfor t in 1:T { z[t] ~ Normal(z[t - 1], 1) }\n"
        "y ~ Normal(z, 1)"
    )
    with pytest.raises(ppl.ModelError, match="cannot be cut into minibatches"):
        ppl.Model(text).infer(y=[1.0, 2.0], guide="amortized")


def test_rungs_that_a_forced_guide_does_not_climb_are_refused():
    with pytest.raises(ppl.UsageError, match="does not climb"):
        ppl.Model(SCHOOLS).infer(SCHOOL_DATA, guide="lowrank", method="hmc")


def test_a_block_of_mean_field_lines_is_forced_too():
    fit = ppl.Model(REGRESSION + "guide { b ~ meanfield }").infer(**regression()[0])
    assert [rung.name for rung in fit.inference.rungs] == ["guide"]
