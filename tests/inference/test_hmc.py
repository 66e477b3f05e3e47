"""The integrator's own laws, and the step size's adaptation."""

from dataclasses import replace

import numpy as np
import pytest

from ppl.guide import MeanField
from ppl.inference import hmc
from ppl.inference.target import evaluate

from . import targets


@pytest.fixture
def chains():
    target = targets.eight_schools()
    frame = MeanField(np.zeros(10), np.full(10, -0.2), np.zeros(10, dtype=bool))
    rng = np.random.default_rng(0)
    normals, momentum = rng.standard_normal((2, 20, 10))
    values, gradients = evaluate(target, frame.place(normals))
    step = hmc.StepSize(0.0, 0.0, 0.0)
    return target, hmc.State(frame, normals, values, frame.pull(gradients), step), momentum


def test_leapfrog_is_reversible(chains):
    target, state, momentum = chains
    steps = np.full((20, 1), 0.2)
    normals, end, values, slopes = hmc.leapfrog(target, state, momentum, steps, 7)
    moved = replace(state, normals=normals, log_joints=values, slopes=slopes)
    back, returned, _, _ = hmc.leapfrog(target, moved, -end, steps, 7)
    np.testing.assert_allclose(back, state.normals, atol=1e-10)
    np.testing.assert_allclose(-returned, momentum, atol=1e-10)


def test_energy_error_falls_with_the_square_of_the_step(chains):
    target, state, momentum = chains

    def error(count):
        steps = np.full((20, 1), 0.4 / count)
        _, end, values, _ = hmc.leapfrog(target, state, momentum, steps, count)
        kinetic = 0.5 * (np.sum(end**2, axis=1) - np.sum(momentum**2, axis=1))
        return np.sqrt(np.mean((values - state.log_joints - kinetic) ** 2))

    assert error(8) / error(16) == pytest.approx(4.0, rel=0.2)


def test_dual_averaging_settles_at_the_asked_acceptance():
    size = hmc.StepSize(np.log(1.2), 0.0, 0.0)
    for _ in range(300):
        size = size.update(float(np.exp(-np.exp(size.log_step))), 0.8)
    assert np.exp(-np.exp(size.averaged)) == pytest.approx(0.8, abs=0.03)
