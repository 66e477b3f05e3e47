"""Pictures by Matplotlib: what they draw, that they are labelled, and what they refuse."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

import ppl
from ppl import plots
from tests.posterior.models import clinics, line, schools

EVERY = pytest.mark.parametrize("make", [schools, clinics, line], ids=lambda f: f.__name__)


@EVERY
@pytest.mark.parametrize("kind", ["posterior", "predictive", "pairs", "elbo"])
def test_every_picture_is_drawn(make: Callable[[], ppl.Fit], kind: str) -> None:
    if kind == "elbo" and not make().inference.rungs:
        pytest.skip("an exact answer has no rungs")
    picture = make().plot(kind)
    assert picture._repr_png_().startswith(b"\x89PNG")
    for axes in picture.axes:
        words = (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel())
        assert any(words) or kind == "pairs"


def test_the_posterior_is_that_of_the_fit() -> None:
    fit = schools()
    picture = plots.posterior(fit, ["mu", "theta"])
    density, intervals = picture.axes
    assert density.get_title(loc="left") == "mu"
    x, y = density.lines[0].get_data()
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
    assert x[np.argmax(y)] == pytest.approx(float(fit["mu"].mean), abs=float(fit["mu"].sd))
    assert [t.get_text() for t in intervals.get_yticklabels()] == [f"theta[{j}]" for j in range(8)]
    middle = next(line for line in intervals.lines if line.get_marker() == "o").get_xdata()
    assert middle == pytest.approx(fit["theta"].quantile(0.5))


def test_labels_are_those_of_the_data() -> None:
    (axes,) = plots.posterior(clinics(), ["a"]).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a[north]", "a[south]", "a[west]"]


def test_the_check_shows_the_data() -> None:
    (axes,) = plots.predictive(clinics(), ["outcome"]).axes
    texts = [t.get_text() for t in axes.get_legend().get_texts()]
    assert set(texts) == {"replicates", "data"}
    fit = ppl.Model("mu ~ Gamma(2, 1)\ny ~ Poisson(mu)\n").infer(y=[1, 2, 0, 3, 1, 1], draws=200)
    (counts,) = plots.predictive(fit).axes
    points = next(line for line in counts.lines if line.get_label() == "data")
    assert points.get_ydata()[:4].tolist() == [1, 3, 1, 1]


def test_what_cannot_be_drawn_is_said() -> None:
    fit = schools()
    with pytest.raises(ppl.UsageError, match="there are posterior, predictive, pairs, elbo"):
        fit.plot("histogram")
    with pytest.raises(ppl.UsageError, match="did you mean `theta`"):
        fit.plot(names=["thet"])
    with pytest.raises(ppl.UsageError, match="belongs to the whole fit"):
        fit.plot("elbo", ["mu"])
    with pytest.raises(ppl.UsageError, match="nothing observed"):
        fit.plot("predictive", ["mu"])


def test_without_matplotlib_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ppl.UsageError, match=r"pip install 'ppl\[plots\]'"):
        schools().plot()
