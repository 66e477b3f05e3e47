"""Make `x.npy`: 500 points in 8 dimensions along one hidden direction, with noise of sd 0.5."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(5)
W = np.array([1.5, -1.0, 0.8, 0.5, 0.0, -0.3, 1.2, -0.7])
b = np.array([0.0, 1.0, -2.0, 0.5, 3.0, 0.0, -1.0, 2.0])
z = rng.standard_normal(500)
x = z[:, None] * W + b + 0.5 * rng.standard_normal((500, 8))
np.save(Path(__file__).with_name("x.npy"), np.round(x, 4))
