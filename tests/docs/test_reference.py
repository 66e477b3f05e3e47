"""The reference is what the tables say, and the numbers in the README are true."""

import re

import pytest

from docs.generate import FOLDER, TEXTS
from ppl.distributions import distributions
from ppl.functions import FUNCTIONS
from ppl.reference import SPECIAL_SUMMARIES
from tests.docs.blocks import ROOT


@pytest.mark.parametrize("name", TEXTS)
def test_the_reference_is_fresh(name: str, request: pytest.FixtureRequest) -> None:
    text = TEXTS[name]()
    if request.config.getoption("--update-golden"):
        (FOLDER / name).write_text(text, encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == text, "run `python -m docs.generate`"


def test_what_the_compiler_carries_itself_is_described_once() -> None:
    assert not set(SPECIAL_SUMMARIES) & set(FUNCTIONS)


@pytest.mark.parametrize(
    ("document", "number"),
    [("distributions", len(distributions())), ("functions", len(FUNCTIONS))],
)
def test_the_readme_counts_right(
    document: str, number: int, request: pytest.FixtureRequest
) -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    counted = re.compile(rf"\[\d+\]\(docs/{document}\.md\)")
    if request.config.getoption("--update-golden"):
        text = counted.sub(f"[{number}](docs/{document}.md)", text)
        readme.write_text(text, encoding="utf-8")
    assert counted.findall(text) == [f"[{number}](docs/{document}.md)"]
