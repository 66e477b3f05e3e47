"""The report page in a real browser: laid out, clicked through, on a phone and on a desktop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import DESKTOP, PHONE, PROGRAM, Browser, browser
from tests.posterior.models import clinics, schools

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
TABLE = "[...document.querySelectorAll('#table thead tr, #table tbody tr')].map(r => r.innerText)"
LINKS = "[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))"
SMALL = """[...document.querySelectorAll('svg')].map(s => [s.closest('details'), s])
    .filter(([folded, _]) => folded === null || folded.open)
    .map(([_, s]) => s.getBoundingClientRect()).filter(b => b.width < 60 || b.height < 40).length"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "schools.html"
    path.write_text(schools().to_html(), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_can_be_clicked_through(size: tuple[int, int], tab: Browser, page: Path) -> None:
    tab.size(*size)
    tab.open(page)
    assert tab.run("document.documentElement.scrollWidth") <= size[0], "the page runs off the side"
    assert tab.run("document.querySelector('.verdict b').innerText") == schools().verdict
    links = tab.run(LINKS)
    assert {"#table", "#plots", "#model", "#method", "#reproduce", "#cite"} <= set(links)
    for link in links:
        tab.click(f'nav a[href="{link}"]')
        assert tab.run("location.hash") == link
        place = tab.run(f"document.querySelector('{link} h2').getBoundingClientRect().top")
        assert -1 <= place < size[1], f"{link} is not in sight"
    assert tab.run(SMALL) == 0
    assert not tab.run("document.querySelector('details').open")
    tab.click("details summary")
    assert tab.run("document.querySelector('details').open")
    assert tab.run("document.querySelector('details svg').getBoundingClientRect().width") > 100
    assert tab.errors == []
    assert set(tab.requests) <= {page.as_uri()}, "the page wants something from outside"
    assert len(tab.picture()) > 20_000


def test_it_shows_the_numbers_of_the_fit(tab: Browser, page: Path) -> None:
    tab.size(*DESKTOP)
    tab.open(page)
    head, *rows = (row.split("\t") for row in tab.run(TABLE))
    assert head[1:3] == ["mean", "sd"]
    shown = {cells[0]: float(cells[1]) for cells in rows}
    assert set(shown) == {"mu", "tau", *(f"theta[{j}]" for j in range(8))}
    assert shown["mu"] == pytest.approx(float(schools()["mu"].mean), abs=0.06)
    text = tab.run("document.body.innerText")
    assert "theta[J] ~ Normal(mu, tau)" in text
    assert "ppl infer" in text
    assert "@software{ppl" in text
    labels = tab.run("[...document.querySelectorAll('#model svg text')].map(t => t.textContent)")
    assert {"theta", "mu", "tau", "y", "J = 8"} <= set(labels)


def test_labels_of_data_come_through(tab: Browser, tmp_path: Path) -> None:
    path = tmp_path / "clinics.html"
    path.write_text(clinics().to_html(), encoding="utf-8")
    tab.size(*PHONE)
    tab.open(path)
    assert "a[north]" in tab.run("document.body.innerText")
    assert tab.run("document.documentElement.scrollWidth") <= PHONE[0]
