"""Rays that never fall are found, and heavy but proper tails are not mistaken for them."""

import autograd.numpy as anp
import numpy as np

from ppl.guide import MeanField
from ppl.inference import tails

from . import targets
from .targets import Model, latent


def unbounded(log_prior, size, mean=0.0):
    model = Model((latent("a", 0, 1), latent("b", 1, size - 1)), log_prior)
    guide = MeanField(np.full(size, mean), np.zeros(size), np.zeros(size, dtype=bool))
    return tails.unbounded(model, guide)


def test_proper_tails_are_left_alone():
    assert unbounded(lambda x: -0.5 * anp.sum(x**2, axis=1), 3) == ()
    assert unbounded(lambda x: -anp.sum(anp.log1p(x**2), axis=1), 2) == ()
    assert unbounded(lambda x: anp.sum(x - anp.exp(x), axis=1), 2) == ()


def test_a_flat_column_is_named():
    assert unbounded(lambda x: -0.5 * anp.sum(x[:, 1:] ** 2, axis=1), 3) == ("a",)


def test_a_ray_through_the_mean_is_followed():
    def together(x):
        across = (x[:, 0] - x[:, 1]) ** 2
        return -across - anp.log1p(anp.exp(-anp.minimum(50.0, x[:, 0] + x[:, 1])))

    assert unbounded(together, 2, mean=30.0) == ("a", "b")


def test_targets_of_the_other_tests_are_proper():
    funnel = targets.funnel()
    size = funnel.dimension
    guide = MeanField(np.zeros(size), np.zeros(size), np.zeros(size, dtype=bool))
    assert tails.unbounded(funnel, guide) == ()
