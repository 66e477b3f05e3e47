"""The site: built as CI builds it, strictly and without network, with every page in its place."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from docs.pages import FOLDER, filled
from tests.browser import DESKTOP, PROGRAM, browser
from tests.docs.blocks import ROOT

OUTSIDE = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//[^>]*>""")
ALLOWED = 'rel="canonical"'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    blocked = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "-d", folder],
        cwd=ROOT,
        env={**os.environ, **blocked, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(nav: list[object]) -> set[str]:
    found: set[str] = set()
    for item in nav:
        for inside in item.values() if isinstance(item, dict) else [item]:
            found |= pages(inside) if isinstance(inside, list) else {inside}
    return found


def test_every_document_has_a_place_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = pages(filled(yaml.safe_load(text)["nav"]))
    written = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.md")}
    assert written <= named


def test_pages_want_nothing_from_outside(site: Path) -> None:
    found = list(site.rglob("*.html"))
    assert len(found) > 10
    for page in found:
        text = page.read_text(encoding="utf-8")
        wanted = [tag for tag in OUTSIDE.findall(text) if ALLOWED not in tag]
        assert wanted == [], page.name
    style = "".join(p.read_text(encoding="utf-8") for p in site.rglob("*.css"))
    assert "fonts.googleapis" not in style


def test_models_have_colours(site: Path) -> None:
    text = (site / "first-model.html").read_text(encoding="utf-8")
    assert '<span class="kd">data</span>' in text
    assert '<span class="nc">Normal</span>' in text
    assert '<span class="o">~</span>' in text


def test_the_interface_is_there(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    for name in ("Model", "Fit", "predict", "to_arviz", "UsageError"):
        assert name in text
    assert "Of all randomness" in text or "of all randomness" in text


TYPE = """(() => {
    const query = document.querySelector("[data-md-component=search-query]")
    query.focus()
    query.value = "funnel"
    query.dispatchEvent(new Event("keyup", { bubbles: true }))
})()"""
FOUND = "[...document.querySelectorAll('.md-search-result__link')].map(a => a.href)"


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
def test_pages_opened_as_files_can_be_searched(site: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as tab:
        tab.size(*DESKTOP)
        tab.open(site / "coming" / "stan.html")
        tab.run(TYPE)
        end = time.monotonic() + 30
        while not (found := tab.run(FOUND)) and time.monotonic() < end:
            time.sleep(0.2)
        assert any(link.startswith((site / "inference.html").as_uri()) for link in found)
        assert tab.errors == []
