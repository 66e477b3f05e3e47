"""Make `x.npy`: 200 numbers that are one common level, drawn once, and noise of sd 0.7."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(1)
level = 1.3
x = level + 0.7 * rng.standard_normal(200)
np.save(Path(__file__).with_name("x.npy"), x)
