"""General recurrences against the same steps on autograd's tape, and finite differences."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from ppl.compile.stage import stage, tape
from ppl.primitives.scans import scan
from tests.primitives.differences import assert_gradients
from tests.timing import ratio


def garch(carry, inputs, constants):
    (variance,), (square,), (w, a, b) = carry, inputs, constants
    return (w + a * square + b * variance,)


def pendulum(carry, inputs, constants):
    (angle, speed), (push,), (length, matrix) = carry, inputs, constants
    force = anp.einsum("ij,sj->si", matrix[0], push)
    speed = 0.95 * speed - 0.1 * anp.sin(angle) / length + force
    return angle + 0.1 * speed * anp.sum(push, axis=1, keepdims=True), speed


def network(carry, inputs, constants):
    (state, level), (push,), (weights,) = carry, inputs, constants
    state = anp.tanh(anp.matmul(state[:, None, :], weights)[:, 0, :] + push)
    return state, 0.5 * level + anp.sum(state**2, axis=1)


def garch_case(rng, draws, length):
    start = (rng.uniform(0.5, 2, draws),)
    inputs = (rng.uniform(0, 2, (1, length)),)
    constants = tuple(rng.uniform(0.1, 0.5, n) for n in (draws, 1, draws))
    return garch, start, inputs, constants, length


def pendulum_case(rng, draws, length):
    start = rng.normal(size=(1, 2)), rng.normal(size=(draws, 2))
    inputs = (rng.normal(size=(draws, length, 2)),)
    constants = rng.uniform(1, 2, (draws, 1)), rng.normal(size=(1, 2, 2))
    return pendulum, start, inputs, constants, length


def network_case(rng, draws, length):
    start = rng.normal(size=(draws, 9)), rng.normal(size=draws)
    inputs = (rng.normal(size=(1, length, 9)),)
    return network, start, inputs, (0.4 * rng.normal(size=(draws, 9, 9)),), length


def joined(carry, inputs, constants):
    """A step that puts a constant beside the carry, which asks for all rows."""
    (state,), (push,), (level,) = carry, inputs, constants
    both = anp.concatenate([state[:, :1], level], axis=1)
    return (0.5 * both + 0.1 * anp.sin(state[:, ::-1]) * push[:, None],)


def joined_case(rng, draws, length):
    inputs = (rng.normal(size=(1, length)),)
    return joined, (rng.normal(size=(1, 2)),), inputs, (rng.normal(size=(draws, 1)),), length


CASES = [garch_case, pendulum_case, network_case, joined_case]


def taped(step, start, inputs, constants, length):
    """Every step on the tape."""
    draws = max(len(a) for a in (*start, *inputs, *constants))
    carry = tuple(anp.zeros((draws, *a.shape[1:])) + a for a in start)
    every = []
    for t in range(length):
        carry = step(carry, tuple(x[:, t] for x in inputs), constants)
        every.append(carry)
    return tuple(anp.stack(values, axis=1) for values in zip(*every, strict=True))


def flat(function, case, **options):
    step, *groups, length = case
    first, second = len(groups[0]), len(groups[0]) + len(groups[1])

    def run(*arrays):
        start, inputs, constants = arrays[:first], arrays[first:second], arrays[second:]
        return tuple(function(step, start, inputs, constants, length, **options))

    return run, [a for group in groups for a in group]


def gradients(function, arrays):
    def total(*arrays):
        values = function(*arrays)
        return sum(anp.sum(anp.sin(v + k)) for k, v in enumerate(values))

    return autograd.grad(total, tuple(range(len(arrays))))(*arrays)


@pytest.mark.parametrize("length", [1, 2, 30])
@pytest.mark.parametrize("draws", [1, 7])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_tape(case, draws, length):
    given = case(np.random.default_rng(draws), draws, length)
    ours, arrays = flat(scan, given)
    theirs, _ = flat(taped, given)
    for found, expected in zip(ours(*arrays), theirs(*arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    for found, expected in zip(gradients(ours, arrays), gradients(theirs, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_gradients_by_differences(case):
    assert_gradients(*flat(scan, case(np.random.default_rng(3), 4, 12)), tolerance=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_parts_of_the_times_make_no_difference(case, monkeypatch):
    run, arrays = flat(scan, case(np.random.default_rng(4), 3, 23))
    whole = gradients(run, arrays)
    monkeypatch.setattr("ppl.primitives.scans.BATCH", 40)
    for found, expected in zip(gradients(run, arrays), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def garch_reverse(carry, inputs, constants, cotangents):
    (variance,), (square,), (_, a, b), (g,) = carry, inputs, constants, cotangents
    by_a = np.sum(g * square, keepdims=True) if len(a) == 1 else g * square
    return (g * b,), (g * a,), (g, by_a, g * variance)


def test_a_reverse_step_from_outside():
    case = garch_case(np.random.default_rng(5), 6, 20)
    ours, arrays = flat(scan, case, vjp=garch_reverse)
    theirs, _ = flat(taped, case)
    for found, expected in zip(gradients(ours, arrays), gradients(theirs, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_no_steps_at_all():
    step, start, inputs, constants, _ = garch_case(np.random.default_rng(6), 5, 0)
    (found,) = scan(step, start, inputs, constants, 0)
    assert found.shape == (5, 0)


def test_a_draw_that_diverges_leaves_the_others_alone():
    step, start, inputs, constants, length = garch_case(np.random.default_rng(7), 3, 400)
    constants = (*constants[:2], np.array([0.5, 50.0, 0.4]))

    def total(start):
        (v,) = scan(step, (start,), inputs, constants, length)
        return anp.sum(anp.log(v), axis=1)

    value = total(start[0])
    gradient = autograd.elementwise_grad(total)(start[0])
    assert not np.isfinite(value[1])
    assert np.all(np.isfinite(value[[0, 2]]))
    assert np.all(np.isfinite(gradient[[0, 2]]))


def log_joint(length):
    y = np.random.default_rng(8).normal(size=length)

    def function(x):
        w, a, b, start = (anp.exp(x[:, i] - 1.5) for i in range(4))
        (v,) = scan(garch, (start,), (y[None] ** 2,), (w, a, b), length)
        return -0.5 * anp.sum(anp.log(v) + y**2 / v, axis=-1)

    return function


@pytest.mark.parametrize("draws", [1, 8])
def test_stages(draws):
    x = np.random.default_rng(draws).uniform(0.1, 0.8, (draws, 4))
    staged = stage(log_joint(40), 4)
    for found, expected in zip(
        staged.value_and_gradient(x), tape(log_joint(40)).value_and_gradient(x), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert staged.source.count("_scan(") == staged.source.count("_scan_reverse(") == 1


def test_time_is_linear_in_length():
    x = np.random.default_rng(9).uniform(0.1, 0.8, (16, 4))
    short, long = tape(log_joint(400)), tape(log_joint(4000))
    found = ratio(
        lambda: long.value_and_gradient(x), lambda: short.value_and_gradient(x), bound=30, rounds=3
    )
    assert found < 30
