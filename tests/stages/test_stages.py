"""What each phase makes of a model, as text: a changed compiler is a visible difference."""

from collections.abc import Callable
from typing import get_args

import pytest

from ppl import pipeline
from ppl.data.python import from_python
from ppl.text import Source
from tests.stages.models import MODELS

SHOWN: tuple[pipeline.Stage, ...] = ("graph", "bound", "simplify", "source")


def request(name: str) -> pipeline.Request:
    text, data = MODELS[name]
    return pipeline.Request(Source("model.ppl", text), (from_python(data),))


def shown(name: str) -> str:
    """Return a model with its stages, as Markdown."""
    parts = [f"# {name}", f"```ppl\n{MODELS[name][0]}\n```"]
    for stage in SHOWN:
        text = pipeline.show(request(name), stage).rstrip("\n")
        parts.append(f"## {stage}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


@pytest.mark.parametrize("name", MODELS)
def test_stages(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"stages/{name}.md", shown(name))


@pytest.mark.parametrize("name", MODELS)
def test_a_stage_is_the_same_whatever_was_compiled_before(name: str) -> None:
    assert shown(name) == shown(name)


def test_every_stage_that_is_named_can_be_shown() -> None:
    for stage in get_args(pipeline.Stage):
        assert pipeline.show(request("eight_schools"), stage)
