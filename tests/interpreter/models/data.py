"""Data that the models share."""

import numpy as np

N, D, J, K, T = 7, 3, 4, 2, 9

_rng = np.random.default_rng(20240)
X = _rng.normal(size=(N, D))
y = _rng.normal(size=N)
x = _rng.normal(size=N)
Y = _rng.normal(size=(N, D))
g = np.array([0, 3, 1, 1, 2, 0, 3])
h = np.array([1, 0, 1, 1, 0, 0, 1])
positive = np.exp(y)
binary = (y > 0).astype(int)
counts = _rng.poisson(3, size=N)
series = _rng.normal(size=T)
trials = counts + 2
square = _rng.normal(size=(J, K))
cube = _rng.normal(size=(J, K, D))
NAN = float("nan")
