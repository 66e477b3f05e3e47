"""The staged derivatives of a right side against autograd's."""

import autograd.numpy as anp
import numpy as np
import pytest

from ppl.compile.slopes import MOST_COLUMNS, gradient_of
from ppl.primitives.ode.rightside import RightSide


def predators(t, y, rates, shift):
    grow = (rates[:, 0] - rates[:, 1] * y[:, 1]) * y[:, 0] + anp.sin(t) * shift
    fall = (y[:, 0] * rates[:, 1] - 0.5) * y[:, 1]
    return anp.stack([grow, fall], axis=1)


def many(t, y, table):
    return y * anp.sum(table, axis=1)[:, None]


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("shared", [False, True])
def test_gradients_are_those_of_the_chain_rule(rows, shared):
    rng = np.random.default_rng(rows)
    t, y, cotangent = rng.random(rows), rng.random((rows, 2)), rng.normal(size=(rows, 2))
    arguments = (rng.random((rows, 2)), rng.random(1 if shared else rows))
    by_y, by_arguments = gradient_of(predators)(t, y, arguments, cotangent)
    expected, others = RightSide(predators, None, arguments).reverse(t, y, cotangent, (0, 1))
    np.testing.assert_allclose(by_y, expected, rtol=1e-12)
    for found, other in zip(by_arguments, others, strict=True):
        assert found.shape == other.shape
        np.testing.assert_allclose(found, other, rtol=1e-12)


def test_arguments_too_large_to_copy_are_left_to_autograd():
    rng = np.random.default_rng(0)
    arguments = (rng.random((1, 2 * MOST_COLUMNS)),)
    y, cotangent = rng.random((5, 2)), rng.normal(size=(5, 2))
    by_y, (by_table,) = gradient_of(many)(np.zeros(5), y, arguments, cotangent)
    np.testing.assert_allclose(by_y, cotangent * arguments[0].sum())
    np.testing.assert_allclose(by_table[0], np.sum(cotangent * y))
