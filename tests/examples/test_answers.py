"""The examples' answers, against closed forms and other packages."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ppl.cli import main

FOLDER = Path(__file__).parents[2] / "examples"


def fitted(capsys: pytest.CaptureFixture[str], example: str, data: str) -> dict[str, Any]:
    folder = FOLDER / example
    main(["infer", str(folder / "model.ppl"), str(folder / data), "--json", "-"])
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_one_line_is_the_normal_log_likelihood(capsys: pytest.CaptureFixture[str]) -> None:
    """At the maximum W z is the mean; integrating z out costs what the formula says."""
    fit = fitted(capsys, "one-line", "x.npy")
    x = np.load(FOLDER / "one-line" / "x.npy")
    w, s = fit["parameters"]["W"]["value"], fit["parameters"]["s"]["value"]
    covariance = w**2 + s**2 * np.eye(len(x))
    value = -0.5 * (len(x) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1])
    evidence = value - 0.5 * x @ np.linalg.solve(covariance, x)
    assert fit["elbo"]["value"] == pytest.approx(evidence, abs=1e-6)
    z = fit["quantities"]["z"]
    precision = 1 + len(x) * w**2 / s**2
    assert z["mean"] == pytest.approx(w * x.sum() / s**2 / precision, abs=0.005)
    assert z["sd"] == pytest.approx(precision**-0.5, rel=0.05)


def test_factor_analysis_is_probabilistic_pca(capsys: pytest.CaptureFixture[str]) -> None:
    """Tipping and Bishop (1999), equations 7 and 8."""
    fit = fitted(capsys, "factor-analysis", "x.npy")
    x = np.load(FOLDER / "factor-analysis" / "x.npy")
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    noise = values[:-1].mean()
    loading = vectors[:, -1] * np.sqrt(values[-1] - noise)
    learned = {name: np.array(p["value"]) for name, p in fit["parameters"].items()}
    assert learned["s"] == pytest.approx(np.sqrt(noise), rel=1e-2)
    sign = np.sign(learned["W"] @ loading)
    np.testing.assert_allclose(sign * learned["W"], loading, atol=0.02)
    covariance = np.outer(loading, loading) + noise * np.eye(x.shape[1])
    n, d = x.shape
    log_likelihood = -0.5 * n * (d * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + d)
    assert fit["elbo"]["value"] == pytest.approx(log_likelihood, abs=0.5)
    assert fit["elbo"]["value"] <= log_likelihood + 1e-5


def test_the_regression_is_least_squares(capsys: pytest.CaptureFixture[str]) -> None:
    fit = fitted(capsys, "regression-raw-units", "engel.csv")
    table = pd.read_csv(FOLDER / "regression-raw-units" / "engel.csv")
    centred = table["income"] - table["income"].mean()
    slope = centred @ table["food"] / (centred @ centred)
    a, b = fit["quantities"]["a"], fit["quantities"]["b"]
    assert a["mean"] == pytest.approx(table["food"].mean(), abs=0.1 * a["sd"])
    assert b["mean"] == pytest.approx(slope, abs=0.1 * b["sd"])
    residual = table["food"] - table["food"].mean() - slope * centred
    sd = np.sqrt(residual @ residual / (len(table) - 2))
    assert a["sd"] == pytest.approx(sd / np.sqrt(len(table)), rel=0.1)
    assert b["sd"] == pytest.approx(sd / np.sqrt(centred @ centred), rel=0.1)


def test_the_logistic_regression_is_near_maximum_likelihood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fit = fitted(capsys, "logistic", "votes.csv")
    table = pd.read_csv(FOLDER / "logistic" / "votes.csv")
    columns = {
        "a": np.ones(len(table)),
        "b_right": table["right"] - 4,
        "b_age": (table["age"] - 47) / 10,
        "b_education": table["education"] - 4,
        "b_income": table["income"] - 16,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statsmodels as it is imported
        import statsmodels.api as sm
    best = sm.Logit(table["dole"], pd.DataFrame(columns)).fit(disp=0)
    for name in columns:
        quantity = fit["quantities"][name]
        assert quantity["mean"] == pytest.approx(best.params[name], abs=0.25 * quantity["sd"])
        assert quantity["sd"] == pytest.approx(best.bse[name], rel=0.1)


def test_eight_schools_as_published(capsys: pytest.CaptureFixture[str]) -> None:
    """The posteriordb reference for `eight_schools_noncentered`, to the digits it is known."""
    fit = fitted(capsys, "eight-schools", "schools.json")
    mean = {"mu": 4.4, "tau": 3.6}
    sd = {"mu": 3.3, "tau": 3.2}
    for name in mean:
        quantity = fit["quantities"][name]
        assert quantity["mean"] == pytest.approx(mean[name], abs=0.1 * sd[name])
        assert quantity["sd"] == pytest.approx(sd[name], rel=0.15)


def test_the_hierarchy_recovers_what_made_it(capsys: pytest.CaptureFixture[str]) -> None:
    fit = fitted(capsys, "hierarchy", "patients.csv")
    truth = {"mu": 8.4, "tau": 2.0, "b": -0.8, "s": 1.5}
    for name, value in truth.items():
        assert fit["quantities"][name]["mean"] == pytest.approx(value, rel=0.07)
