"""Ranges of quantities that are computed from themselves, and of sizes."""

import pytest

from ppl.constraints import Range
from ppl.graph.build import build
from ppl.graph.ranges import ranges_of
from ppl.syntax.parse import parse
from ppl.text import Source

RECURRENCE = """
data x[T]
w ~ HalfNormal(1)
b ~ Uniform(0, 1)
v[0] = 1
for t in 1:T {{ v[t] = {step} }}
"""


def range_of(text: str, name: str) -> Range:
    source = Source("<model>", text)
    return ranges_of(build(source, parse(source))).names[name]


@pytest.mark.parametrize(
    ("step", "lower"),
    [
        ("w + b * v[t - 1]", 0.0),
        ("1 + b * v[t - 1] + x[t]^2", 1.0),
        ("x[t] + b * v[t - 1]", float("-inf")),
        ("v[t - 1] - w", float("-inf")),
    ],
)
def test_a_variance_computed_from_itself_is_not_negative(step: str, lower: float) -> None:
    assert range_of(RECURRENCE.format(step=step), "v").lower == lower


def test_a_size_can_stand_in_a_scale() -> None:
    found = range_of("data x[N]\ns = 1 / sqrt(N)\na ~ Normal(0, s)", "s")
    assert found.within(Range(0.0, lower_open=True))
