"""Hessian-vector products against the tape of the tape and against differences of gradients."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppl.compile.stage import CannotStage, stage_hvp, tape
from ppl.primitives.fused import fused
from tests.stage.models import MODELS
from tests.stage.programs import DIMENSION, points, programs
from tests.stage.test_laws import LEAST, assert_same


def reference(function, x, v):
    gradient = autograd.grad(lambda z: anp.sum(function(z)))
    return gradient(x), autograd.grad(lambda z: anp.sum(gradient(z) * v))(x)


@LEAST
@given(programs(most=5), st.integers(0, 99))
def test_equals_the_tape_of_the_tape(program, seed):
    def curved(z):
        return program(z) - 0.5 * anp.sum(z**4, axis=1)

    x, v = points(4, seed), points(4, seed + 1)
    found = stage_hvp(curved, DIMENSION).gradient_and_product(x, v)
    assert_same(found, reference(curved, x, v), 1e-10)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_equals_differences_of_gradients(name):
    log_joint, dimension = MODELS[name]
    rng = np.random.default_rng(6)
    x, v = 0.3 * rng.normal(size=(2, dimension)), rng.normal(size=(2, dimension))
    h = 1e-4
    gradient = tape(log_joint).value_and_gradient

    def difference(step):
        return gradient(x + step * v)[1] - gradient(x - step * v)[1]

    expected = (8 * difference(h) - difference(2 * h)) / (12 * h)
    found = stage_hvp(log_joint, dimension).gradient_and_product(x, v)
    assert_same(found, (gradient(x)[1], expected), 1e-6)


def test_fused_functions_are_refused():
    cube = fused(lambda x: (x**3, 3 * x**2), 1)
    with pytest.raises(CannotStage, match="No derivative"):
        stage_hvp(lambda x: anp.sum(cube(x), 1), 2)
