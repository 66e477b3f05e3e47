"""Linear recurrences against a plain loop."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from ppl.compile.stage import stage, tape
from ppl.primitives.recurrence import linear_recurrence, recurrence_backwards
from tests.primitives.differences import assert_gradients


def plain_loop(u, b, start):
    leading = np.broadcast_shapes(np.shape(u)[:-1], np.shape(b)[:-1], np.shape(start))
    length = np.shape(u)[-1]
    u = np.broadcast_to(u, (*leading, length))
    b = np.broadcast_to(b, (*leading, length))
    s, before = np.zeros(u.shape), np.broadcast_to(start, leading)
    for t in range(length):
        before = s[..., t] = u[..., t] + b[..., t] * before
    return s


def example(draws, length, varying, rng):
    b = rng.uniform(-0.95, 0.95, (draws, length if varying else 1))
    return rng.normal(size=(draws, length)), b, rng.normal(size=draws)


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("length", [1, 2, 33, 200, 10_000])
@pytest.mark.parametrize("draws", [1, 64, 512])
def test_equals_a_plain_loop(draws, length, varying):
    if draws * length > 1_000_000:
        draws = 70
    u, b, start = example(draws, length, varying, np.random.default_rng(length))
    given = u.copy(), b.copy()
    found = linear_recurrence(u, b, start)
    np.testing.assert_allclose(found, plain_loop(u, b, start), rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(u, given[0])
    np.testing.assert_array_equal(b, given[1])
    back = recurrence_backwards(u, b)
    shifted = np.roll(b, -1, -1)[:, ::-1] if varying else b
    expected = plain_loop(u[:, ::-1], shifted, 0.0)[:, ::-1]
    np.testing.assert_allclose(back, expected, rtol=1e-10, atol=1e-10)


def test_explosive_and_unit_roots_stay_exact():
    u = np.random.default_rng(0).normal(size=(3, 3000))
    np.testing.assert_allclose(
        linear_recurrence(u, np.ones((1, 1))), np.cumsum(u, -1), rtol=1e-9, atol=1e-9
    )
    b = np.array([[1.1], [0.0], [-1.05]])
    np.testing.assert_allclose(linear_recurrence(u, b), plain_loop(u, b, 0.0), rtol=1e-9)


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize(
    ("draws", "length"), [(1, 1), (1, 2), (3, 40), (64, 150), (1, 10_000), (4, 3000)]
)
def test_gradients(draws, length, varying):
    arguments = example(draws, length, varying, np.random.default_rng(draws))
    assert_gradients(linear_recurrence, arguments)
    assert_gradients(recurrence_backwards, arguments[:2])


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_gradients_of_what_all_draws_share(shared):
    rng = np.random.default_rng(1)
    arguments = list(example(5, 12, True, rng))
    arguments[shared] = arguments[shared][:1]
    assert_gradients(linear_recurrence, arguments)
    assert_gradients(lambda u, b: linear_recurrence(u, b, 0.3), arguments[:2])


def test_axes_between_draws_and_time():
    rng = np.random.default_rng(2)
    u, b, start = rng.normal(size=(4, 3, 9)), rng.uniform(size=(4, 1, 1)), rng.normal(size=(1, 3))
    np.testing.assert_allclose(linear_recurrence(u, b, start), plain_loop(u, b, start))
    assert_gradients(linear_recurrence, [u, b, start])


def test_second_derivatives():
    rng = np.random.default_rng(3)
    u, b, start = example(2, 6, True, rng)
    for given in (b, b[:, :1]):

        def gradient(u, b, start):
            return autograd.elementwise_grad(lambda b: linear_recurrence(u, b, start) ** 2)(b)

        assert_gradients(gradient, [u, given, start], tolerance=1e-6)


def garch(x):
    rng = np.random.default_rng(4)
    y = rng.normal(size=50)
    omega, alpha, beta, start = (anp.exp(x[:, i : i + 1] - 1) for i in range(4))
    squares = np.concatenate([[0.5], y[:-1] ** 2])
    variance = linear_recurrence(omega + alpha * squares, beta, start[:, 0])
    return -0.5 * anp.sum(anp.log(variance) + y**2 / variance, axis=-1)


@pytest.mark.parametrize("draws", [1, 8])
def test_stages(draws):
    x = np.random.default_rng(draws).uniform(0.1, 0.8, (draws, 4))
    staged = stage(garch, 4)
    for found, expected in zip(
        staged.value_and_gradient(x), tape(garch).value_and_gradient(x), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert staged.source.count("recurrence_backwards") == 1


def test_a_draw_that_overflows_spoils_no_other_and_nothing_before_it():
    u = np.random.default_rng(3).normal(size=(70, 150))
    b = np.full((70, 1), 0.5)
    u[3, 77], b[5], u[5] = np.inf, 1e40, 0.0
    u[5, 100] = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for found, flipped in (
            (linear_recurrence(u, b), u),
            (recurrence_backwards(u[:, ::-1], b)[:, ::-1], u),
        ):
            np.testing.assert_allclose(found, plain_loop(flipped, b, 0.0), rtol=1e-12)
