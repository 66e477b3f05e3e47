"""Random models: the compiler agrees with the interpreter, and with itself on other writings."""

from random import Random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ppl
from ppl.compile.load import LogJoint
from tests.interpreter.compare import Floats, check, points
from tests.interpreter.random_models import Generator
from tests.interpreter.writing import RandomModel

seeds = st.integers(0, 2**32 - 1)
models = seeds.map(lambda seed: Generator(Random(seed)).model())


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(models, seeds)
def test_the_writing_does_not_matter(model: RandomModel, seed: int) -> None:
    random = Random(seed)
    text = model.write(random)
    joint = check(text, model.data, count=1)
    names = _new_names(model)
    again = model.write(random, names)
    other = ppl.Model(again).compile({names[k]: v for k, v in model.data.items()})
    x = points(joint, seed, 3)
    with np.errstate(all="ignore"):
        first, second = joint.log_joint(x), other.log_joint(_moved(joint, other, x, names))
    assert np.allclose(first, second, 1e-10, 1e-10, equal_nan=True), again


def _new_names(model: RandomModel) -> dict[str, str]:
    """Rename everything; undeclared names must not look like others with a slip of the pen."""
    every = [*(s.name for s in model.statements if s.name), *model.learned, *model.data]
    return {n: "omega" * int(n[1:]) if n in model.learned else f"{n}_renamed" for n in every}


def _moved(joint: LogJoint, other: LogJoint, x: Floats, names: dict[str, str]) -> Floats:
    """Return points of one log joint in the columns of another, whose names differ."""
    columns = {names[c.key]: c for c in joint.program.columns}
    result = np.empty((len(x), other.program.dimension))
    for column in other.program.columns:
        first = columns[column.key]
        assert (column.shape, column.noncentred) == (first.shape, first.noncentred)
        result[:, column.start : column.stop] = x[:, first.start : first.stop]
    return result
