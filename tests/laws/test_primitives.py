"""What no law of the tables covers: gathers, recurrences, edges, failing matrices, axes."""

from __future__ import annotations

import warnings

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.special

from ppl.distributions import DISTRIBUTIONS
from ppl.primitives import gathers, matrices, special, vectors
from ppl.primitives.triangular import inverse_lower, solve_lower

from .evaluation import evaluated


def one_hot_sum(g, index, axis, size):
    """Return the segment sum by a dense product."""
    index = np.asarray(index)
    flat = np.reshape(g, (*g.shape[:axis], index.size, *g.shape[axis + index.ndim :]))
    dense = (index.ravel()[:, None] == np.arange(size)).astype(float)
    return np.moveaxis(np.tensordot(flat, dense, (axis, 0)), -1, axis)


@pytest.mark.parametrize("batch", [(), (1,), (3,), (20,), (2, 5)])
@pytest.mark.parametrize("after", [(), (4,)])
@pytest.mark.parametrize("kind", ["unsorted", "sorted", "sorted with gaps", "matrix"])
def test_gather_and_its_gradient(batch, after, kind):
    rng = np.random.default_rng(0)
    index = {
        "unsorted": np.array([3, 0, 3, 1, 2, 4]),
        "sorted": np.array([0, 0, 1, 2, 3, 3, 4]),
        "sorted with gaps": np.array([1, 1, 3]),
        "matrix": np.array([[0, 4], [2, 2], [1, 0]]),
    }[kind]
    x = rng.normal(size=(*batch, 5, *after))
    axis = len(batch)
    y = gathers.gather(x, index, axis)
    np.testing.assert_array_equal(y, np.take(x, index, axis))
    g = rng.normal(size=y.shape)
    found = autograd.grad(lambda x: anp.sum(g * gathers.gather(x, index, axis)))(x)
    np.testing.assert_allclose(found, one_hot_sum(g, index, axis, 5), atol=1e-13)
    if not after:
        last = autograd.grad(lambda x: anp.sum(g * gathers.gather(x, index, -1)))(x)
        np.testing.assert_allclose(last, found)


def test_gather_twice():
    x, index = np.array([0.3, -0.2, 0.9]), np.array([2, 0, 0, 1])

    def value(x):
        return anp.sum(anp.sin(gathers.gather(x, index)) * gathers.gather(x, index))

    hessian = autograd.hessian(value)(x)
    counts = np.bincount(index)
    np.testing.assert_allclose(hessian, np.diag(counts * (2 * np.cos(x) - x * np.sin(x))))


def test_pick_broadcasts():
    rng = np.random.default_rng(1)
    p, x = rng.normal(size=(3, 1, 4)), np.array([0, 3, 3, 1, 2])
    y = gathers.pick(p, x)
    np.testing.assert_array_equal(y, [[p[s, 0, k] for k in x] for s in range(3)])
    g = rng.normal(size=y.shape)
    found = autograd.grad(lambda p: anp.sum(g * gathers.pick(p, x)))(p)
    wanted = np.zeros_like(p)
    for s in range(3):
        for n, k in enumerate(x):
            wanted[s, 0, k] += g[s, n]
    np.testing.assert_allclose(found, wanted)


def test_products_with_zeros_have_gradients():
    x = np.array([2.0, 0.0, 3.0, 0.0])
    found = autograd.jacobian(vectors.cumprod)(x)
    wanted = [[1, 0, 0, 0], [0, 2, 0, 0], [0, 6, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, wanted)


def test_zero_times_log_zero():
    for function, at in ((special.xlogy, 0.0), (special.xlog1py, -1.0)):
        assert function(0.0, at) == 0.0
        gradient = autograd.grad(lambda x, y, function=function: function(x, y), (0, 1))
        assert gradient(0.0, at) == (0.0, 0.0)
        assert np.isfinite(autograd.grad(lambda y, f=function: f(0.0, y))(0.5))


def test_logsumexp_of_nothing_possible():
    x = np.array([[-np.inf, -np.inf], [0.0, -np.inf]])
    np.testing.assert_array_equal(vectors.logsumexp(x), [-np.inf, 0.0])
    gradient = autograd.grad(lambda x: anp.sum(vectors.logsumexp_over(x)[1]))(x)
    np.testing.assert_array_equal(gradient, [[0.0, 0.0], [1.0, 0.0]])
    alone = autograd.elementwise_grad(vectors.logsumexp_over)(x[:1])
    np.testing.assert_array_equal(alone, [[0.0, 0.0]])


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1)])
def test_logsumexp_over_axes(axis):
    x = np.random.default_rng(3).normal(size=(3, 4))
    np.testing.assert_allclose(
        vectors.logsumexp_over(x, axis), np.log(np.sum(np.exp(x), axis=axis))
    )
    found = autograd.grad(lambda x: anp.sum(anp.sin(vectors.logsumexp_over(x, axis))))(x)
    wanted = autograd.grad(lambda x: anp.sum(anp.sin(anp.log(anp.sum(anp.exp(x), axis=axis)))))(x)
    np.testing.assert_allclose(found, wanted)


def test_one_bad_matrix_spoils_its_draw_only():
    good = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = np.stack([good, -good, good])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        factor = matrices.cholesky(x)
        np.testing.assert_array_equal(np.isnan(factor).any(axis=(1, 2)), [False, True, False])
        gradient = autograd.grad(lambda x: anp.sum(matrices.cholesky(x)[0]))(x)
        np.testing.assert_array_equal(np.isnan(gradient[[0, 2]]), False)
        singular = np.stack([good, np.zeros((2, 2))])
        assert np.isfinite(matrices.inv(singular)[0]).all()
        assert np.isnan(matrices.inv(singular)[1]).all()
        b = np.ones((2, 2))
        solved = matrices.solve(singular, b)
        np.testing.assert_allclose(solved[0], np.linalg.solve(good, b[0]))
        assert not np.isfinite(solved[1]).any()


@pytest.mark.parametrize(
    ("matrix", "vector"), [((), ()), ((), (7,)), ((1,), (7,)), ((3, 1), (3, 7)), ((7,), (7,))]
)
def test_many_vectors_share_a_matrix(matrix, vector):
    rng = np.random.default_rng(4)
    x = np.tril(rng.normal(size=(*matrix, 3, 3))) + 3.0 * np.eye(3)
    b = rng.normal(size=(*vector, 3))
    found = matrices.solve_triangular(x, b)
    wanted = np.matmul(np.linalg.inv(x), b[..., None])[..., 0]
    np.testing.assert_allclose(found, wanted)
    weights = rng.normal(size=wanted.shape)

    def value(x, b):
        return anp.sum(weights * matrices.solve_triangular(x, b))

    vx, vb = rng.normal(size=x.shape), rng.normal(size=b.shape)
    gx, gb = autograd.grad(value, (0, 1))(x, b)
    h = 1e-5
    slope = (value(x + h * vx, b + h * vb) - value(x - h * vx, b - h * vb)) / (2 * h)
    np.testing.assert_allclose(np.sum(gx * vx) + np.sum(gb * vb), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [3, 20])
@pytest.mark.parametrize("transposed", [False, True])
def test_triangular_solvers(size, transposed):
    """Small and large ones go different ways; both have both derivatives."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 1, size, size)) / size + 2.0 * np.eye(size)
    b = rng.normal(size=(3, size, 2))
    lower = np.tril(x)
    wanted = np.matmul(np.linalg.inv(np.swapaxes(lower, -1, -2) if transposed else lower), b)
    np.testing.assert_allclose(solve_lower(x, b, transposed), wanted, atol=1e-12)
    np.testing.assert_allclose(inverse_lower(x), np.linalg.inv(lower), atol=1e-12)
    weights = rng.normal(size=wanted.shape)

    def value(x, b):
        solved = anp.sum(weights * anp.sin(solve_lower(x, b, transposed)))
        return solved + anp.sum(anp.sin(inverse_lower(x)))

    def slopes(x, b):
        gx, gb = autograd.grad(value, (0, 1))(x, b)
        return anp.sum(gx * vx) + anp.sum(gb * vb)

    vx, vb = rng.normal(size=x.shape), rng.normal(size=b.shape)
    for function, along in ((value, slopes(x, b)), (slopes, None)):
        h = 1e-5
        ahead, behind = (function(x + k * vx, b + k * vb) for k in (h, -h))
        if along is None:
            gx, gb = autograd.grad(slopes, (0, 1))(x, b)
            along = np.sum(gx * vx) + np.sum(gb * vb)
        np.testing.assert_allclose(along, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [3, 20])
def test_a_zero_on_the_diagonal_spoils_its_draw_only(size):
    x = np.stack([np.eye(size), np.diag(np.arange(float(size)))])
    with np.errstate(all="ignore"):
        for found in (inverse_lower(x), solve_lower(x, np.ones((size, 1)))):
            assert np.isfinite(found[0]).all()
            assert np.isnan(found[1]).all()


@pytest.mark.parametrize("name", ["OrderedLogistic", "OrderedProbit"])
def test_infinite_cutpoints(name):
    record = DISTRIBUTIONS[name]
    cutpoints = np.array([-np.inf, 0.3, np.inf])
    eta = np.array([0.4, -2.0])

    def value(x):
        return lambda eta: anp.sum(
            evaluated(record.log_density, [np.full(2, x), eta, cutpoints], [0, 0, 1])
        )

    middle = [value(x)(eta) for x in (1.0, 2.0)]
    plain = np.array([0.3])
    wanted = [
        sum(float(evaluated(record.log_density, [x, e, plain], [0, 0, 1])) for e in eta)
        for x in (0.0, 1.0)
    ]
    np.testing.assert_allclose(middle, wanted)
    for x in (1.0, 2.0):
        assert np.all(np.isfinite(autograd.grad(value(x))(eta)))


@pytest.mark.parametrize("name", ["OrderedLogistic", "OrderedProbit"])
@pytest.mark.parametrize("eta", [-30.0, 30.0])
def test_far_categories_keep_their_digits(name, eta):
    record = DISTRIBUTIONS[name]
    cutpoints = np.array([-1.0, 0.5])
    tail = {"OrderedLogistic": scipy.special.expit, "OrderedProbit": scipy.special.ndtr}[name]
    near, far = (0.5 - eta, -1.0 - eta) if eta > 0 else (1.0 + eta, -0.5 + eta)
    found = evaluated(record.log_density, [1.0, eta, cutpoints], [0, 0, 1])
    np.testing.assert_allclose(found, np.log(tail(near) - tail(far)), rtol=1e-13)
