"""Log sums of exponentials over one of several axes, in parts that fit the cache."""

import numpy as np
import pytest
from autograd import grad, jacobian
from scipy.special import logsumexp, softmax

from ppl.primitives import vectors


@pytest.mark.parametrize("axis", [-2, 1, -1, (1, 2)])
@pytest.mark.parametrize("at_once", [10, 10**6])
def test_parts_do_not_matter(axis, at_once, monkeypatch):
    monkeypatch.setattr(vectors, "AT_ONCE", at_once)
    x = 30 * np.random.default_rng(0).standard_normal((7, 3, 5))
    x[0], x[1, 0] = -np.inf, -np.inf
    found = vectors.logsumexp_over(x, axis)
    np.testing.assert_allclose(found, logsumexp(x, axis), rtol=1e-13)
    with np.errstate(invalid="ignore"):
        shares = np.where(np.isinf(logsumexp(x, axis, keepdims=True)), 0.0, softmax(x, axis))
    slope = grad(lambda x: vectors.logsumexp_over(x, axis).sum())(x)
    np.testing.assert_allclose(slope, shares, rtol=1e-12, atol=1e-300)


def test_no_rows_and_one_number():
    assert vectors.logsumexp_over(np.zeros((0, 3)), -1).shape == (0,)
    assert vectors.logsumexp_over(np.array([-1.5])) == -1.5
    assert vectors.logsumexp_over(np.array([0.0, 0.0])) == pytest.approx(np.log(2))


@pytest.mark.parametrize("level", [-2000.0, -700.0, -640.0, 0.0, 700.0, 2000.0])
def test_level_does_not_matter(level):
    x = np.random.default_rng(1).standard_normal((4, 2, 6))
    at_zero = vectors.logsumexp_over(x, -2)
    np.testing.assert_allclose(vectors.logsumexp_over(x + level, -2), at_zero + level, rtol=1e-13)
    slope = grad(lambda x: vectors.logsumexp_over(x, -2).sum())
    np.testing.assert_allclose(slope(x + level), softmax(x, -2), rtol=1e-11)


def test_second_derivatives():
    x = np.random.default_rng(2).standard_normal(4)
    share = softmax(x)
    found = jacobian(grad(vectors.logsumexp_over))(x)
    np.testing.assert_allclose(found, np.diag(share) - np.outer(share, share), rtol=1e-12)
