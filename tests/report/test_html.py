"""The page: it stands alone, says what the table says, and its links reach."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

import ppl
from ppl.cli import main
from ppl.report import plots
from ppl.report.html import fragment
from tests.posterior.models import clinics, learned, line, schools
from tests.report.sample import unusual, usual

VOID = {"meta", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Checks that tags are closed in order; collects ids, links and outside addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name == "href" and value:
                self.links.add(value)
            if name in ("src", "href", "action") and value and not value.startswith("#"):
                self.outside.append(value)
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("make", [clinics, schools, learned, line], ids=lambda f: f.__name__)
def test_the_page_stands_alone(make: Any) -> None:
    text = make().to_html()
    reader = read(text)
    assert reader.outside == []
    assert "url(http" not in text
    assert "@import" not in text
    assert {link.removeprefix("#") for link in reader.links} <= reader.ids
    assert {"table", "plots", "checks", "model", "method", "reproduce", "cite"} <= reader.ids
    assert make().verdict in text
    assert re.search(r"SHA-256 [0-9a-f]{12}", text)


def test_labels_are_escaped() -> None:
    text = "data g[N] in G\ndata y[N]\na[G] ~ Normal(0, 1)\ny ~ Normal(a[g], 1)\n"
    fit = ppl.Model(text, "<b>.ppl").infer(
        g=["<i>", "&", "<i>"], y=[0.0, 1.0, 2.0], draws=200, method="vi"
    )
    page = fit.to_html()
    read(page)
    assert "<i>" not in page
    assert "<b>.ppl" not in page
    assert "a[&lt;i&gt;]" in page


def test_the_notebook_shows_verdict_and_table() -> None:
    for summary in (usual(), unusual()):
        text = fragment(summary)
        read(text)
        assert summary.verdict in text
    assert "theta[7]" in schools()._repr_html_()
    assert "<html" not in schools()._repr_html_()


def test_the_same_fit_gives_the_same_page(tmp_path: Path) -> None:
    schools().save(tmp_path / "a.fit")
    assert ppl.load(tmp_path / "a.fit").to_html() == schools().to_html()


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schools().save(tmp_path / "a.fit")
    assert main(["report", str(tmp_path / "a.fit")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a.html'}: written\n"
    read((tmp_path / "a.html").read_text())
    assert main(["report", str(tmp_path / "b.fit")]) == 2
    assert main(["report", str(tmp_path / "a.fit"), "--out", "/none/a.html"]) == 2
    assert "there is no folder" in capsys.readouterr().err
    model = tmp_path / "m.ppl"
    model.write_text("a ~ Normal(0, 1)\ny ~ Normal(a, 1)\n")
    np.save(tmp_path / "y.npy", np.array([0.5, 1.0]))
    page = tmp_path / "m.html"
    assert main(["infer", str(model), str(tmp_path / "y.npy"), "--report", str(page)]) == 0
    read(page.read_text())


def test_densities_are_smooth_estimates() -> None:
    rng = np.random.default_rng(0)
    grid = np.linspace(-4, 6, 200)
    values = rng.normal(1, 1, 20_000)
    even = np.full(values.size, 1 / values.size)
    got = plots.smoothed(values, even, grid)
    assert got == pytest.approx(stats.norm.pdf(grid, 1, 1), abs=0.02)
    positive = np.abs(rng.normal(0, 1, 20_000))
    got = plots.smoothed(positive, even, np.linspace(-0.5, 3, 200), mirrored=True)
    assert got.max() == pytest.approx(2 * stats.norm.pdf(0), rel=0.1)
    weights = stats.norm.pdf(values, 0, 0.7) / stats.norm.pdf(values, 1, 1)
    got = plots.smoothed(values, weights / weights.sum(), grid)
    assert got == pytest.approx(stats.norm.pdf(grid, 0, 0.7), abs=0.06)


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, np.pi], [1e-9, 2e-9], [1e12, 2e12]])
def test_plots_of_anything_are_xml(values: list[float]) -> None:
    array = np.array(values)
    even = np.array([0.5, 0.5])
    ElementTree.fromstring(plots.density("a < b", array, even, (array[0], array[1])))
    ElementTree.fromstring(plots.intervals("t", ["x", "y"], array, array, array))
    ElementTree.fromstring(plots.predictive("t", array, np.array([values, values])))


def test_ticks_are_round() -> None:
    assert plots.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert plots.ticks(-0.31, 0.2) == pytest.approx([-0.2, 0.0, 0.2])
    assert plots.ticks(3, 3) == []
