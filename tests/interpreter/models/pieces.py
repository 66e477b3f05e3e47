"""Names in pieces."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import J, N, g, square, y

CASES = [
    case(
        "a corner set to zero",
        """dim K = 4
alpha[0] = 0; alpha[1:K] ~ Normal(0, 2)
data g[N] in K, y[N]
y ~ Normal(alpha[g], 1)""",
        g=g,
        y=y,
    ),
    case(
        "pieces of a matrix",
        """data M[J, K]
dim K = 2
b[J, 0] ~ Normal(0, 1)
b[0:1, 1] = 2
for j in 1:J { b[j, 1] ~ Normal(b[j, 0], 0.5) }
M ~ Normal(b, 1)""",
        M=square,
    ),
    case(
        "pieces of different supports",
        """data y[N]
p[0] ~ Normal(0, 1)
p[1] ~ HalfNormal(1)
p[2:4] ~ Gamma(2, 2)
y ~ Normal(p[0] + p[3], exp(p[1] - p[2]))""",
        y=y,
    ),
    case(
        "pieces computed",
        """data y[3]
a ~ Normal(0, 1)
m[0] = a
m[1] = a^2
m[2] = exp(a)
y ~ Normal(m, 1)""",
        y=y[:3],
    ),
    case(
        "pieces without positions",
        """dim K = 1
alpha[0] = 0; alpha[1:K] ~ Normal(0, 2)
b[J, 0] = 0
b[J, 1:K] ~ Normal(0, 1)
data g[N] in K, y[N], M[J, K]
y ~ Normal(alpha[g], 1)
M ~ Normal(b, 1)""",
        y=y,
        g=[0] * N,
        M=np.ones((J, 1)),
    ),
]
