"""Products with the Hessian of compiled models, fused terms and recurrences among them."""

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.compile.load import LogJoint
from ppl.compile.stage import stage_hvp
from tests.interpreter.models import CASES as INTERPRETED
from tests.rewrite.models import CASES as REWRITTEN
from tests.stages.models import MODELS as STAGED

LENGTH = 1e-3
SOME = (
    "gaussian process by hand",
    "a nonlinear recurrence",
    "a recurrence of vectors",
    "a loop's own names in a recurrence",
    "renewal window",
    "ragged two",
    "a hidden chain",
)
"""Of the interpreter's models, those with primitives that the other lists lack."""


def chosen() -> dict[str, tuple[str, Any]]:
    """Return texts and data by name."""
    found: dict[str, tuple[str, Any]] = dict(STAGED)
    for name, rewritten in REWRITTEN.items():
        found[name] = rewritten.text, rewritten.values(np.random.default_rng(3))
    found.update((c.name, (c.text, c.data)) for c in INTERPRETED if c.name in SOME)
    return found


MODELS = chosen()


def differences(joint: LogJoint, x: Any, v: Any) -> Any:
    """Return the Hessian times v by differences of gradients, of fourth order."""

    def at(step: float) -> Any:
        return joint.gradient.value_and_gradient(x + step * v)[1]

    near, far = at(LENGTH) - at(-LENGTH), at(2 * LENGTH) - at(-2 * LENGTH)
    return (8 * near - far) / (12 * LENGTH)


@pytest.mark.parametrize("name", MODELS)
def test_equals_differences_of_the_gradient(name: str) -> None:
    text, data = MODELS[name]
    joint = ppl.Model(text).compile(data)
    rng = np.random.default_rng(5)
    x, v = 0.3 * rng.normal(size=(2, 3, joint.simplified.dimension))
    hessian = stage_hvp(joint.log_joint, joint.simplified.dimension)
    gradient, product = hessian.gradient_and_product(x, v)
    expected = differences(joint, x, v)
    assert product == pytest.approx(expected, abs=1e-7 * max(1.0, np.max(np.abs(expected))))
    known = joint.gradient.value_and_gradient(x)[1]
    assert gradient == pytest.approx(known, rel=1e-9, abs=1e-9 * np.max(np.abs(known)))
