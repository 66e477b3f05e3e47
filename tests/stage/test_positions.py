"""Positions that are all the same stay an array: the adjoint of reading them looks at each."""

import autograd.numpy as anp
import numpy as np
import pytest

from ppl.compile.stage import stage, tape


@pytest.mark.parametrize("positions", [[0, 0, 0], [2, 2], [1]])
def test_reading_one_place_repeatedly(positions):
    weights = np.arange(1.0, len(positions) + 1)

    def log_joint(z):
        return anp.sum(anp.sin(z[:, np.array(positions)]) * weights, axis=1)

    z = np.random.default_rng(0).normal(size=(5, 3))
    wanted = tape(log_joint).value_and_gradient(z)
    found = stage(log_joint, 3).value_and_gradient(z)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
