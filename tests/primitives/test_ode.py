"""Differential equations against SciPy, closed forms and sensitivity equations."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.linalg
from scipy.integrate import RK45, solve_ivp

from ppl.compile.stage import stage, tape
from ppl.primitives.ode import METHODS, _solution, odeint
from ppl.primitives.ode.tableaus import DORMAND_PRINCE
from tests.primitives.equations import (
    diffusion,
    explosive,
    forced,
    linear,
    lotka_volterra,
    robertson,
    van_der_pol,
)

TIMES = np.linspace(0.5, 8.0, 15)


def predation(draws, seed=0):
    rng = np.random.default_rng(seed)
    spread = np.exp(0.1 * rng.normal(size=(draws, 6)))
    y0 = np.array([33.0, 6.0]) * spread[:, :2]
    return y0, (np.array([0.55, 0.8]) * spread[:, 2:4], np.array([0.028, 0.024]) * spread[:, 4:])


def reference(rhs, y0, ts, arguments, draw, method="DOP853", rtol=1e-11, atol=1e-12):
    own = [a[draw : draw + 1] if len(a) > 1 else a for a in arguments]

    def one(t, y):
        return np.asarray(rhs(np.array([t]), y[None], *own))[0]

    start = y0[draw if len(y0) > 1 else 0]
    found = solve_ivp(one, (0.0, max(ts)), start, method, ts, rtol=rtol, atol=atol)
    assert found.success
    return found.y.T


@pytest.mark.parametrize("name", sorted(METHODS))
def test_conditions_of_order(name):
    method = METHODS[name]
    a, c, b = method.a, method.c, method.a[-1]
    np.testing.assert_allclose(a.sum(1), c, atol=1e-14)
    for weights, order in ((b, method.order), (b - method.error, method.estimate)):
        for power in range(order):
            assert weights @ c**power == pytest.approx(1 / (power + 1), abs=1e-14)
        assert weights @ a @ c == pytest.approx(1 / 6, abs=1e-14)
    assert b @ (c * (a @ c)) == pytest.approx(1 / 8, abs=1e-14)
    assert b @ a @ a @ c == pytest.approx(1 / 24, abs=1e-14)
    assert b @ a @ c**2 == pytest.approx(1 / 12, abs=1e-14)
    np.testing.assert_allclose(method.weights(np.array(1.0)), b, atol=1e-12)
    part = np.array([0.3, 0.8])
    for power in range(method.dense.shape[1]):
        found = (c**power) @ method.weights(part)
        np.testing.assert_allclose(found, part ** (power + 1) / (power + 1), atol=1e-13)


def test_coefficients_are_those_of_scipy():
    np.testing.assert_allclose(DORMAND_PRINCE.a[1:6, :5], RK45.A[1:], atol=1e-15)
    np.testing.assert_allclose(DORMAND_PRINCE.a[6, :6], RK45.B, atol=1e-15)
    np.testing.assert_allclose(np.abs(DORMAND_PRINCE.error), np.abs(RK45.E), atol=1e-15)
    np.testing.assert_allclose(DORMAND_PRINCE.dense, RK45.P, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("method", "rtol"), [("rk45", 1e-10), ("bdf", 1e-7)])
def test_lotka_volterra_equals_scipy(method, rtol):
    y0, arguments = predation(5)
    found = odeint(lotka_volterra, y0, 0.0, TIMES, arguments, method, rtol, 1e-10)
    for draw in range(5):
        expected = reference(lotka_volterra, y0, TIMES, arguments, draw)
        np.testing.assert_allclose(found[draw], expected, rtol=200 * rtol)


@pytest.mark.parametrize(("method", "rtol"), [("rk45", 1e-10), ("bdf", 1e-8)])
def test_linear_systems_equal_the_matrix_exponential(method, rtol):
    rng = np.random.default_rng(1)
    matrix, y0 = rng.normal(size=(4, 3, 3)) - 1.5 * np.eye(3), rng.normal(size=(1, 3))
    ts = np.array([0.0, 0.3, 2.0])
    found = odeint(linear, y0, 0.0, ts, (matrix,), method, rtol, 1e-12)
    for draw in range(4):
        for k, t in enumerate(ts):
            expected = scipy.linalg.expm(t * matrix[draw]) @ y0[0]
            np.testing.assert_allclose(found[draw, k], expected, rtol=100 * rtol, atol=1e-9)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_harmonic_oscillator_and_its_gradient(method):
    w = np.array([0.5, 1.0, 3.0])

    def solution(w):
        zero = 0.0 * w
        rows = [anp.stack([zero, zero + 1], axis=1), anp.stack([-(w**2), zero], axis=1)]
        y0 = np.array([[1.0, 0.0]])
        return odeint(linear, y0, 0.0, TIMES[:9], (anp.stack(rows, axis=1),), method, 1e-7, 1e-9)

    angle = w[:, None] * TIMES[:9]
    np.testing.assert_allclose(solution(w)[:, :, 0], np.cos(angle), atol=1e-4)
    for k in (3, 8):
        found = autograd.elementwise_grad(lambda w, k=k: solution(w)[:, k, 0])(w)
        np.testing.assert_allclose(found, -TIMES[k] * np.sin(angle[:, k]), atol=1e-3)


def test_times_are_those_of_each_draw():
    w = np.array([1.0, 4.0, 0.2])
    found = odeint(forced, np.zeros((1, 1)), 0.0, TIMES, (w,), "rk45", 1e-9, 1e-10)[:, :, 0]
    np.testing.assert_allclose(found, np.sin(w[:, None] * TIMES) / w[:, None], atol=1e-7)


def test_errors_follow_the_tolerance():
    y0, arguments = predation(1)
    expected = reference(lotka_volterra, y0, TIMES, arguments, 0)
    for method in METHODS:
        errors = []
        for rtol in (1e-4, 1e-6, 1e-8):
            found = odeint(lotka_volterra, y0, 0.0, TIMES, arguments, method, rtol, 1e-12)
            errors.append(np.max(np.abs(found[0] - expected) / expected))
            assert errors[-1] < 500 * rtol
        assert errors[0] > 5 * errors[1] > 25 * errors[2]


def test_gradients_equal_sensitivity_equations():
    y0, (rates, interaction) = predation(1)
    theta = np.concatenate([rates[0], interaction[0]])
    jacobian_y = autograd.jacobian(
        lambda y, p: lotka_volterra(0.0, y[None], p[None, :2], p[None, 2:])[0], 0
    )
    jacobian_p = autograd.jacobian(
        lambda y, p: lotka_volterra(0.0, y[None], p[None, :2], p[None, 2:])[0], 1
    )

    def augmented(t, state):
        y, s = state[:2], state[2:].reshape(2, 6)
        by_y, by_p = jacobian_y(y, theta), jacobian_p(y, theta)
        slope = lotka_volterra(t, y[None], theta[None, :2], theta[None, 2:])[0]
        change = by_y @ s + np.concatenate([np.zeros((2, 2)), by_p], axis=1)
        return np.concatenate([slope, change.ravel()])

    start = np.concatenate([y0[0], np.eye(2, 6).ravel()])
    end = solve_ivp(augmented, (0, 5.0), start, rtol=1e-8, atol=1e-8).y[2:, -1].reshape(2, 6)
    for method, rtol in (("rk45", 1e-9), ("bdf", 1e-7)):
        for m in range(2):

            def final(y, r, i, m=m, method=method, rtol=rtol):
                found = odeint(lotka_volterra, y, 0.0, [5.0], (r, i), method, rtol, 1e-10)
                return anp.sum(found[:, 0, m])

            found = autograd.grad(final, (0, 1, 2))(y0, rates, interaction)
            np.testing.assert_allclose(
                np.concatenate(found, axis=1)[0], end[m], rtol=1e-4 if method == "bdf" else 1e-6
            )


@pytest.mark.parametrize("method", sorted(METHODS))
def test_draws_do_not_see_each_other(method):
    y0, arguments = predation(6)
    arguments[0][2] *= 4.0
    weights, ts = np.random.default_rng(2).normal(size=(4, 2)), TIMES[:4]

    def total(y0, *arguments):
        found = odeint(lotka_volterra, y0, 0.0, ts, arguments, method)
        return anp.sum(weights * found, axis=(1, 2))

    def both(*given):
        value = total(*given)
        by = autograd.grad(lambda *given: anp.sum(total(*given)), (0, 1, 2))(*given)
        return value, np.concatenate(by, axis=1)

    together = both(y0, *arguments)
    again = both(y0, *arguments)
    np.testing.assert_array_equal(together[0], again[0])
    np.testing.assert_array_equal(together[1], again[1])
    for draw in (2, 5):
        alone = both(*(a[draw : draw + 1] for a in (y0, *arguments)))
        np.testing.assert_allclose(alone[0][0], together[0][draw], rtol=1e-9)
        np.testing.assert_allclose(alone[1][0], together[1][draw], rtol=1e-8, atol=1e-8)


def test_times_in_any_order_and_at_the_start():
    y0, arguments = predation(3)
    ts = np.array([3.0, 0.0, 1.0, 3.0, 2.0])
    found = odeint(lotka_volterra, y0, 0.0, ts, arguments)
    np.testing.assert_array_equal(found[:, 1], y0)
    np.testing.assert_array_equal(found[:, 0], found[:, 3])
    straight = odeint(lotka_volterra, y0, 0.0, np.sort(ts), arguments)
    np.testing.assert_array_equal(found[:, [1, 2, 4, 0, 3]], straight)
    np.testing.assert_array_equal(odeint(lotka_volterra, y0, 0.0, [0.0], arguments)[:, 0], y0)
    gradient = autograd.grad(lambda y: anp.sum(odeint(lotka_volterra, y, 0.0, [0.0], arguments)))
    np.testing.assert_array_equal(gradient(y0), np.ones((3, 2)))
    assert odeint(lotka_volterra, y0, 0.0, [], arguments).shape == (3, 0, 2)
    with pytest.raises(ValueError, match="before"):
        odeint(lotka_volterra, y0, 1.0, ts, arguments)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_draw_that_blows_up_is_nan_alone(method):
    rate, y0 = np.array([0.1, 1.0, 0.5]), np.ones((3, 1))
    ts, rtol = np.array([0.5, 1.5]), 1e-5

    def total(rate):
        return anp.sum(odeint(explosive, y0, 0.0, ts, (rate,), method, rtol), axis=(1, 2))

    found = odeint(explosive, y0, 0.0, ts, (rate,), method, rtol)[:, :, 0]
    expected = 1 / (1 - rate[:, None] * ts)
    expected[1, 1] = np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    gradient = autograd.elementwise_grad(total)(rate)
    slope = np.sum(ts / (1 - rate[:, None] * ts) ** 2, axis=1)
    np.testing.assert_allclose(gradient[[0, 2]], slope[[0, 2]], rtol=3e-3)
    assert np.isnan(gradient[1])
    first = autograd.elementwise_grad(
        lambda r: odeint(explosive, y0, 0.0, ts, (r,), method, rtol)[:, 0, 0]
    )(rate)
    np.testing.assert_allclose(first, 0.5 / (1 - 0.5 * rate) ** 2, rtol=3e-3)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_bad_numbers_end_in_nan(method, bad):
    y0, (rates, interaction) = predation(3)
    rates[1] = bad

    def total(rates):
        return anp.sum(odeint(lotka_volterra, y0, 0.0, TIMES, (rates, interaction), method))

    found = odeint(lotka_volterra, y0, 0.0, TIMES, (rates, interaction), method)
    assert np.all(np.isnan(found[1]))
    assert np.all(np.isfinite(found[[0, 2]]))
    gradient = autograd.grad(total)(rates)
    assert np.all(np.isnan(gradient[1]))
    assert np.all(np.isfinite(gradient[[0, 2]]))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_number_of_steps_is_bounded(method):
    y0, arguments = predation(2)
    found = odeint(lotka_volterra, y0, 0.0, TIMES, arguments, method, max_steps=20)
    whole = odeint(lotka_volterra, y0, 0.0, TIMES, arguments, method)
    reached = np.isfinite(found[:, :, 0])
    assert np.all(reached[:, 0])
    assert not np.any(reached[:, -1])
    np.testing.assert_allclose(found[reached], whole[reached], rtol=1e-12)


@pytest.mark.parametrize(
    ("rhs", "y0", "argument", "ts", "tolerance"),
    [
        (van_der_pol, [2.0, 0.0], [100.0, 90.0], np.linspace(10, 120, 12), 1e-4),
        (robertson, [1.0, 0.0, 0.0], [[0.04, 3e7, 1e4]], np.array([0.4, 40.0, 4e4]), 1e-3),
    ],
)
def test_stiff_equations(rhs, y0, argument, ts, tolerance):
    y0, argument = np.array([y0]), np.array(argument)
    found, path = _solution((rhs, None, "bdf", 0.0, 1e-6, 1e-9, 10_000), y0, ts, argument)
    expected = reference(rhs, y0, ts, (argument,), 0, "Radau", 1e-8, 1e-11)
    np.testing.assert_allclose(found[0], expected, rtol=tolerance)
    assert len(path.sizes) < 400
    explicit = odeint(rhs, y0, 0.0, ts, (argument,), "rk45", max_steps=1000)
    assert np.isnan(explicit[0, -1, 0])


def test_gradient_of_a_stiff_equation():
    y0, rates = np.array([[1.0, 0.0, 0.0]]), np.array([0.04, 3e7, 1e4])
    ts = np.array([40.0, 4e3])

    def solution(log_rates):
        arguments = (anp.exp(log_rates)[None] * rates,)
        return odeint(robertson, y0, 0.0, ts, arguments, "bdf", 1e-6, 1e-10)[0, :, 2]

    found = autograd.jacobian(solution)(np.zeros(3))
    for i, direction in enumerate(np.eye(3)):
        expected = (solution(1e-2 * direction) - solution(-1e-2 * direction)) / 2e-2
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-3)


def log_joint(method, vjp=None):
    def function(x):
        scales = anp.exp(0.1 * x)
        rates, interaction = scales[:, 2:4] * [0.55, 0.8], scales[:, 4:] * [0.028, 0.024]
        y0 = scales[:, :2] * [33.0, 6.0]
        arguments = (rates, interaction)
        found = odeint(lotka_volterra, y0, 0.0, TIMES, arguments, method, vjp=vjp)
        return -anp.sum((anp.log(found) - 2.0) ** 2, axis=(1, 2))

    return function


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("draws", [1, 8])
def test_stages(method, draws):
    x = np.random.default_rng(draws).normal(size=(draws, 6))
    staged = stage(log_joint(method), 6)
    for found, expected in zip(
        staged.value_and_gradient(x), tape(log_joint(method)).value_and_gradient(x), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    assert staged.source.count("_solution(") == staged.source.count("_reversed(") == 1


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("draws", [1, 5])
def test_a_staged_reverse_of_the_right_side(draws, method):
    """What a compiler hands in: the reverse of the right side, staged itself."""

    def contracted(x):
        slopes = lotka_volterra(0.0, x[:, :2], x[:, 2:4], x[:, 4:6])
        return anp.sum(x[:, 6:] * slopes, axis=1)

    staged = stage(contracted, 8)

    def vjp(t, y, arguments, cotangent):
        _, g = staged.value_and_gradient(np.concatenate([y, *arguments, cotangent], axis=1))
        return g[:, :2], (g[:, 2:4], g[:, 4:6])

    x = np.random.default_rng(3).normal(size=(draws, 6))
    found = tape(log_joint(method, vjp)).value_and_gradient(x)
    expected = tape(log_joint(method)).value_and_gradient(x)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-10)


def test_large_states_go_stage_by_stage(monkeypatch):
    rng = np.random.default_rng(4)
    y0, speed = rng.normal(size=(3, 20)), rng.uniform(0.5, 1.0, 3)

    def total(y0, speed):
        return anp.sum(anp.sin(odeint(diffusion, y0, 0.0, [0.4, 1.0], (speed,))))

    wide = autograd.grad(total, (0, 1))(y0, speed)
    monkeypatch.setattr("ppl.primitives.ode.adjoint.WIDE", 1000)
    for found, expected in zip(autograd.grad(total, (0, 1))(y0, speed), wide, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
