"""Axes without names."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    N,
    X,
    square,
    x,
    y,
)

_rng = np.random.default_rng(7)

CASES = [
    case(
        "axes without names",
        """data C[N, 4], y[N]
b[:2] ~ Normal(0, 1)
y ~ Normal(C[N, :2] @ b, 1)""",
        C=_rng.normal(size=(N, 4)),
        y=y,
    ),
    case(
        "a row of numbers",
        """dim K = 2
data M[J, K]
b[K] ~ Normal(0, 1)
M ~ Normal(b + [0.5, 3], [1, 2])""",
        M=square,
    ),
    case(
        "a row of numbers keeps the name that it meets",
        """dim K = 2
data M[K, N]
b[K] ~ Normal(0, 1)
M ~ Normal([0.5, 3] * b + M0, 1)
data M0[K, N]""",
        M=_rng.normal(size=(2, 2)),
        M0=_rng.normal(size=(2, 2)),
    ),
    case(
        "columns of a table by number",
        """data C[N, 4], y[N]
a ~ Normal(0, 1)
y ~ Normal(a * C[:, 1] + C[N, 3], 1)""",
        C=_rng.normal(size=(N, 4)),
        y=y,
    ),
    case(
        "vectors of latents by hand",
        """data y[N], x[N]
a, b ~ Normal(0, 1)
v = [a, b, a * b]
y ~ Normal(v[0] + v[1] * x + v[2], 1)""",
        x=x,
        y=y,
    ),
    case(
        "a matrix by hand",
        """dim P = 2
data x[N, P]
a, b ~ HalfNormal(1)
x ~ MultivariateNormal([a, b], chol = [[a + 0.1, 0], [b, 1]])""",
        x=X[:, :2],
    ),
    case(
        "comprehensions",
        """data M[J, K]
a[J] ~ Normal(0, 1)
m = [a[j] * (k + 1) for j in J, k in K]
M ~ Normal(m, 1)
w = [k^2 for k in 1:4]
factor sum(w) * a[0]""",
        M=square,
    ),
    case(
        "an index of an expression",
        """data X[N, D], y[N]
b[D] ~ Normal(0, 1)
y ~ Normal((X @ b)[0] + exp(b)[2], 1)""",
        X=X,
        y=y,
    ),
    case(
        "comprehensions of comprehensions",
        """data y[K, J]
a[J] ~ Normal(0, 1)
y ~ Normal([[a[j] * k for j in J] for k in K] + [a[j] for j in J, k in K], 1)""",
        y=square.T,
    ),
    case(
        "a number spread over an axis",
        """data y[N], x[N]
a ~ Normal(0, 1)
y ~ Normal(a, 1)
factor -([x, 0.5][1])^2
factor a * sum([x, 0.5][1] * 2)""",
        x=x,
        y=y,
    ),
]
