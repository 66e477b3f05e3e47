"""Whole models, staged: right at any number of draws, small, and faster than the tape."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.compile.stage import stage, tape
from tests.stage.models import MODELS, eight_schools
from tests.stage.test_laws import assert_same
from tests.timing import ratio


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("draws", [1, 2, 33, 70])
def test_equals_the_tape(name, draws):
    log_joint, dimension = MODELS[name]
    x = 0.5 * np.random.default_rng(draws).normal(size=(draws, dimension))
    tolerance = 1e-9 if name == "gaussian process" else 1e-12
    found = stage(log_joint, dimension).value_and_gradient(x)
    assert_same(found, tape(log_joint).value_and_gradient(x), tolerance)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_gradient_equals_differences(name):
    log_joint, dimension = MODELS[name]
    rng = np.random.default_rng(8)
    x, direction = 0.5 * rng.normal(size=(4, dimension)), rng.normal(size=(4, dimension))
    h = 1e-4
    near = log_joint(x + h * direction) - log_joint(x - h * direction)
    far = log_joint(x + 2 * h * direction) - log_joint(x - 2 * h * direction)
    slope = np.sum(stage(log_joint, dimension).value_and_gradient(x)[1] * direction, 1)
    np.testing.assert_allclose(slope, (8 * near - far) / (12 * h), rtol=1e-7, atol=1e-6)


def test_a_draw_without_density_harms_no_other():
    log_joint, dimension = eight_schools()
    staged = stage(log_joint, dimension)
    x = np.random.default_rng(0).normal(size=(64, dimension))
    good = staged.value_and_gradient(x)
    bad = x.copy()
    bad[7, 1] = 1e4
    value, gradient = staged.value_and_gradient(bad)
    assert not np.isfinite(value[7])
    rest = np.arange(64) != 7
    assert value[rest].tobytes() == good[0][rest].tobytes()
    assert gradient[rest].tobytes() == good[1][rest].tobytes()


def test_eight_schools_is_short_and_fast():
    log_joint, dimension = eight_schools()
    staged, plain = stage(log_joint, dimension), tape(log_joint)
    x = np.random.default_rng(0).normal(size=(64, dimension))
    assert staged.source.count("\n    t") <= 50

    def calls(gradient):
        return lambda: [gradient.value_and_gradient(x) for _ in range(20)]

    assert ratio(calls(staged), calls(plain), bound=1 / 6) < 1 / 6
