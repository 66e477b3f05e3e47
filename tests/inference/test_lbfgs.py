"""The optimiser against SciPy's on standard functions, with bounds, edges and no minimum."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from ppl.inference import lbfgs


def unbounded(function, size):
    reach = np.full(size, np.inf)
    return lbfgs.Problem(function, -reach, reach, gradient_tolerance=1e-8, gain_tolerance=0.0)


@pytest.mark.parametrize("size", [2, 10, 50])
def test_rosenbrock(size):
    problem = unbounded(lambda x: (float(rosen(x)), rosen_der(x)), size)
    start = np.tile([-1.2, 1.0], size // 2)
    state = lbfgs.run(problem, start, 1000)
    assert state.outcome == "converged"
    reference = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"maxcor": 20})
    assert state.value <= reference.fun + 1e-12
    assert state.evaluations < 2 * reference.nfev


def test_bounds_hold_the_solution_of_scipy():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(30, 30))
    matrix, vector = root @ root.T + np.eye(30), rng.normal(size=30) * 10

    def function(x):
        return float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector

    low, high = np.full(30, -0.3), np.full(30, 0.4)
    problem = lbfgs.Problem(function, low, high, gradient_tolerance=1e-9, gain_tolerance=0.0)
    state = lbfgs.run(problem, np.zeros(30), 500)
    reference = minimize(
        function,
        np.zeros(30),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    assert state.outcome == "converged"
    np.testing.assert_allclose(state.position, reference.x, atol=1e-6)


def test_an_edge_beyond_which_the_function_is_infinite():
    def function(x):
        if np.any(x <= 0):
            return np.inf, np.zeros(2)
        return float(np.sum(x - 1e-3 * np.log(x))), 1 - 1e-3 / x

    state = lbfgs.run(unbounded(function, 2), np.array([5.0, 0.5]), 200)
    assert state.outcome == "converged"
    np.testing.assert_allclose(state.position, 1e-3, rtol=1e-3)


def test_no_minimum_is_not_called_converged():
    state = lbfgs.run(unbounded(lambda x: (float(x[0]), np.ones(1)), 1), np.zeros(1), 10)
    assert state.outcome == "iterations"


def test_an_undefined_start_says_so():
    state = lbfgs.run(unbounded(lambda x: (np.inf, np.zeros(1)), 1), np.zeros(1), 10)
    assert state.outcome == "no_descent"
