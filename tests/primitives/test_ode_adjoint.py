"""The adjoint against differences of the same discretisation, replayed with its steps fixed."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from ppl.primitives.ode import METHODS, _solution, odeint
from tests.primitives.equations import forced, linear, lotka_volterra, van_der_pol

TIMES = np.array([0.0, 0.4, 1.1, 2.0, 2.5])


def replayed(rhs, method, path, ts, y, *arguments):
    """Repeat the accepted steps with a plain loop; implicit stages by Newton to round-off."""
    tableau = METHODS[method]
    values = np.full((len(ts), *y.shape), np.nan)
    values[ts == 0.0] = y
    for n, size in enumerate(path.sizes):
        t, h, slopes = path.times[n], size[:, None], []
        for i in range(tableau.stages):
            when = t + tableau.c[i] * size
            base = y + h * sum(tableau.a[i, j] * k for j, k in enumerate(slopes))
            own = h * tableau.a[i, i]
            stage = base
            if tableau.a[i, i]:
                stage = solved(lambda y, when=when: rhs(when, y, *arguments), base, own)
            slopes.append(rhs(when, stage, *arguments))
        for k, s in np.argwhere((t < ts[:, None]) & (ts[:, None] <= path.times[n + 1])):
            weights = tableau.weights((ts[k] - t[s]) / size[s])
            values[k, s] = y[s] + size[s] * sum(
                w * f[s] for w, f in zip(weights, slopes, strict=True)
            )
        y = y + h * sum(tableau.a[-1, j] * k for j, k in enumerate(slopes))
    return values.transpose(1, 0, 2)


def solved(slope, base, own):
    """Return y with ``y = base + own * slope(y)``."""
    y, size = base, base.shape[1]
    columns = [(slope(y + 1e-6 * e) - slope(y - 1e-6 * e)) / 2e-6 for e in np.eye(size)]
    matrices = np.eye(size) - own[:, :, None] * np.stack(columns, axis=2)
    for _ in range(12):
        miss = base + own * slope(y) - y
        y = y + np.linalg.solve(matrices, miss[:, :, None])[:, :, 0]
    return y


def predation(rng):
    scale = np.exp(0.1 * rng.normal(size=(3, 2)))
    return lotka_volterra, np.array([[3.0, 1.0]]) * scale, (scale, np.array([[1.0, 0.5]]))


def decay(rng):
    return linear, rng.normal(size=(1, 3)), (rng.normal(size=(3, 3, 3)) - np.eye(3),)


def waves(rng):
    return forced, rng.normal(size=(3, 1)), (np.array([1.0, 5.0, 2.0]),)


def oscillator(rng):
    return van_der_pol, rng.normal(size=(3, 2)), (np.array([1.0, 2.0, 4.0]),)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("case", [predation, decay, waves, oscillator])
def test_equals_differences_of_the_replay(case, method):
    rng = np.random.default_rng(6)
    rhs, y0, arguments = case(rng)
    rtol = 1e-4 if method == "rk45" else 1e-6
    plan = (rhs, None, method, 0.0, rtol, rtol, 1000)
    values, path = _solution(plan, y0, TIMES, *arguments)
    given, start = [y0, *arguments], np.broadcast_to(y0, (3, y0.shape[1]))
    expected = replayed(rhs, method, path, TIMES, start, *arguments)
    np.testing.assert_allclose(values, expected, rtol=1e-7, atol=1e-9)
    weights = rng.normal(size=values.shape)

    def total(y0, *arguments):
        found = odeint(rhs, y0, 0.0, TIMES, arguments, method, rtol, rtol)
        return anp.sum(weights * found)

    def moved(i, change):
        y0, *arguments = [a + change if j == i else a for j, a in enumerate(given)]
        start = np.broadcast_to(y0, (3, y0.shape[1]))
        return np.sum(weights * replayed(rhs, method, path, TIMES, start, *arguments))

    gradients = autograd.grad(total, tuple(range(len(given))))(*given)
    for i, gradient in enumerate(gradients):
        direction = rng.normal(size=np.shape(given[i]))
        expected = (moved(i, 1e-5 * direction) - moved(i, -1e-5 * direction)) / 2e-5
        assert np.sum(gradient * direction) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_blocks_of_rounds_make_no_difference(monkeypatch):
    rhs, y0, arguments = predation(np.random.default_rng(7))
    for method in METHODS:

        def total(y0, *arguments, method=method):
            return anp.sum(odeint(rhs, y0, 0.0, TIMES, arguments, method) ** 2)

        whole = autograd.grad(total, (0, 1, 2))(y0, *arguments)
        with monkeypatch.context() as patch:
            patch.setattr("ppl.primitives.ode.adjoint.BATCH", 300)
            parts = autograd.grad(total, (0, 1, 2))(y0, *arguments)
        for found, expected in zip(parts, whole, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10)
