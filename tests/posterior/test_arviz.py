"""The fit for ArviZ, whichever version is installed."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ppl
from tests.posterior.models import Y, clinics, learned, schools

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    az = pytest.importorskip("arviz")

pytestmark = pytest.mark.filterwarnings("ignore")


def test_groups_dimensions_and_labels() -> None:
    tree: Any = clinics().to_arviz()
    posterior = tree["posterior"]
    assert posterior["a"].dims == ("chain", "draw", "G")
    assert posterior["a"].coords["G"].values.tolist() == ["north", "south", "west"]
    assert posterior["a"].shape == (1, 1000, 3)
    assert np.array_equal(posterior["a"].values[0], clinics()["a"].draws())
    for group in ("posterior_predictive", "log_likelihood"):
        assert tree[group]["outcome"].dims == ("chain", "draw", "N")
    assert tree["observed_data"]["outcome"].dims == ("N",)
    assert tree["constant_data"]["dose"].shape == (36,)


def test_the_summary_agrees() -> None:
    table: Any = az.summary(schools().to_arviz(), var_names=["mu", "theta"], round_to="none")
    assert float(table["mean"].iloc[0]) == pytest.approx(schools()["mu"].draws().mean())
    assert len(table) == 9


@pytest.mark.parametrize("make", [clinics, schools, learned], ids=lambda f: f.__name__)
def test_leave_one_out_agrees(make: Any) -> None:
    fit = make()
    theirs: Any = az.loo(fit.to_arviz(), pointwise=True)
    ours = fit.loo()
    elpd = getattr(theirs, "elpd_loo", None) or theirs.elpd
    assert ours.elpd == pytest.approx(float(elpd), abs=0.05)
    p = getattr(theirs, "p_loo", None) or theirs.p
    assert ours.effective_parameters == pytest.approx(float(p), abs=0.05)
    n = len(ours.pointwise)  # ArviZ 0.x divides by n, later ones by n - 1
    scale = 1.0 if int(az.__version__[0]) else np.sqrt(n / (n - 1))
    assert ours.standard_error == pytest.approx(scale * float(theirs.se), rel=1e-2)
    khat = np.ravel(theirs.pareto_k)
    assert ours.khat[khat > 0.2] == pytest.approx(khat[khat > 0.2], abs=0.05)


def test_plots_take_it() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    az.plot_forest(schools().to_arviz())


def test_rows_keep_their_names() -> None:
    frame = pd.DataFrame({"name": ["Ada", "Bo", "Cy"], "y": [1.0, 2.0, 3.0]})
    text = "data y[J]\nt[J] ~ Normal(0, 1)\ny ~ Normal(t, 1)\n"
    tree: Any = ppl.Model(text).infer(frame, draws=100, method="vi").to_arviz()
    assert tree["posterior"]["t"].coords["J"].values.tolist() == ["Ada", "Bo", "Cy"]
    assert tree["posterior"]["t"].sel(J="Bo").shape == (1, 100)
    assert tree["observed_data"]["y"].coords["J"].values.tolist() == ["Ada", "Bo", "Cy"]


def test_a_dimension_that_is_a_name() -> None:
    fit = ppl.Model("data N\ndata y[N]\nm ~ Normal(0, 1)\ny ~ Normal(m, 1)\n").infer(
        N=8, y=Y, draws=50, method="vi"
    )
    tree: Any = fit.to_arviz()
    assert tree["observed_data"]["y"].shape == (8,)
