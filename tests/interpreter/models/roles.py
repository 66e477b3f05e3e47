"""Parameters, factors, predictions."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    X,
    x,
    y,
)

CASES = [
    case(
        "parameters",
        """data X[N, D], y[N]
param W[D], s > 0 = 1.0, r in (0, 1)
z ~ Normal(0, 1)
y ~ Normal(X @ W + r * z, s)""",
        X=X,
        y=y,
    ),
    case(
        "factors",
        """data y[N]
a ~ Normal(0, 1)
v[K] ~ Normal(0, 1)
dim K = 3
y ~ Normal(a, 1)
factor -a^4
for k in K { factor -abs(v[k]) * k }
factor -v^2""",
        y=y,
    ),
    case(
        "densities in expressions",
        """data y[N]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
factor logp(Normal(a, 1), b)
for n in N { factor log(0.3 * exp(logp(Cauchy(a, 1), y[n])) + 0.7 * exp(logp(Normal(b, 1), y[n]))) }
factor sum(logp(Normal(a, 2), y))""",
        y=y,
    ),
    case(
        "predictions",
        """data x[N], y[N], xn[M]
a ~ Normal(0, 1)
y ~ Normal(a * x, 1)
yn[M] ~ Normal(a * xn, 1)
m[M] = a * xn
top = max(yn)""",
        x=x,
        y=y,
        xn=np.arange(4.0),
    ),
    case(
        "data not given",
        """data x[N], y[N], z[N]
a ~ Normal(0, 1)
z ~ Normal(x, 1)
y ~ Normal(a * z, 1)""",
        x=x,
        y=y,
    ),
    case(
        "names that other languages take",
        """data data[N], weight[N], factor_[N]
lambda ~ Exponential(1)
class ~ Normal(0, 1)
x ~ Normal(0, 1)
np ~ Normal(0, 1)
exp ~ Normal(0, 1)
data ~ Normal(lambda * class * x + np * weight - exp * exp(factor_), 1)""",
        data=y,
        weight=x,
        factor_=x / 2,
    ),
    case(
        "all axes from the loops",
        """for n in N, d in D { x[n, d] ~ Normal(m[d], 1) }
m[D] ~ Normal(0, 1)""",
        x=X,
    ),
    case(
        "names for names",
        """data y[N]
a ~ Normal(0, 1)
b = a
c, d = b * 2
y ~ Normal(c + d, 1)""",
        y=y,
    ),
]
