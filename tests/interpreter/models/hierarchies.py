"""Groups, levels, gathers."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    N,
    X,
    Y,
    g,
    h,
    x,
    y,
)

CASES = [
    case(
        "hierarchy, arrays",
        """data g[N] in J, y[N]
mu ~ Normal(0, 5)
tau ~ HalfNormal(2)
a[J] ~ Normal(mu, tau)
s ~ HalfNormal(2)
y ~ Normal(a[g], s)""",
        g=g,
        y=y,
    ),
    case(
        "hierarchy, loops",
        """data g[N] in J from 1, y[N]
mu ~ Normal(0, 5)
tau ~ HalfNormal(2)
for j in J { a[j] ~ Normal(mu, tau) }
s ~ HalfNormal(2)
for n in N { y[n] ~ Normal(a[g[n]], s) }""",
        g=g + 1,
        y=y,
    ),
    case(
        "two levels above",
        """data g[N] in J, up[J] in K, y[N]
m[K] ~ Normal(0, 1)
t[K] ~ HalfNormal(1)
a[J] ~ Normal(m[up], t[up])
y ~ Normal(a[g], 1)""",
        g=g,
        up=[0, 1, 1, 0],
        y=y,
    ),
    case(
        "position of a position",
        """data g[N] in J, up[J] in K, y[N]
m[K] ~ Normal(0, 1)
y ~ Normal(m[up[g]], 1)""",
        g=g,
        up=[0, 1, 1, 0],
        y=y,
    ),
    case(
        "varying slopes, loop",
        """data g[N] in J, y[N], x[N]
tau[K] ~ HalfNormal(2)
dim K = 2
b[J, K] ~ Normal(0, tau)
s ~ HalfNormal(2)
for n in N { y[n] ~ Normal(b[g[n], 0] + b[g[n], 1] * x[n], s) }""",
        g=g,
        y=y,
        x=x,
    ),
    case(
        "varying slopes, arrays",
        """data g[N] in J, y[N], x[N]
dim K = 2
mu[K] ~ Normal(0, 1)
b[J, K] ~ Normal(mu, 1)
y ~ Normal(b[g, 0] + b[g, 1] * x, 1)""",
        g=g,
        y=y,
        x=x,
    ),
    case(
        "varying vectors of slopes",
        """data g[N] in J, y[N], X[N, D]
mu[D] ~ Normal(0, 1)
tau[D] ~ HalfNormal(1)
b[J, D] ~ Normal(mu, tau)
for n in N { y[n] ~ Normal(dot(X[n], b[g[n]]), 1) }""",
        g=g,
        y=y,
        X=X,
    ),
    case(
        "rows of a gathered matrix",
        """data g[N] in J, Y[N, D]
b[J, D] ~ Normal(0, 1)
Y ~ Normal(b[g], 1)""",
        g=g,
        Y=Y,
    ),
    case(
        "two gathers go together",
        """data g[N] in J, h[N] in K, y[N]
M[J, K] ~ Normal(0, 1)
y ~ Normal(M[g, h], 1)""",
        g=g,
        h=h,
        y=y,
    ),
    case(
        "crossed effects",
        """data g[N] in J, h[N] in K, y[N]
s ~ HalfNormal(1)
a[J] ~ Normal(0, s)
b[K] ~ Normal(0, s)
y ~ Normal(a[g] + b[h], s)""",
        g=g,
        h=h,
        y=y,
    ),
    case(
        "correlated slopes",
        """data g[N] in J, y[N], x[N]
dim K = 2
L[K, K] ~ LKJCholesky(2)
tau[K] ~ HalfNormal(1)
mu[K] ~ Normal(0, 1)
for j in J {
  b[j, K] ~ MultivariateNormal(mu, chol = [[tau[i] * L[i, k] for k in K] for i in K])
}
for n in N { y[n] ~ Normal(b[g[n], 0] + b[g[n], 1] * x[n], 1) }""",
        g=g,
        y=y,
        x=x,
    ),
    case(
        "standardised by hand",
        """data g[N] in J, y[N]
dim K = 2
L[K, K] ~ LKJCholesky(1)
z[J, K] ~ Normal(0, 1)
b[J, K] = z @ transpose(L)
y ~ Normal(b[g, 0] - b[g, 1], 1)""",
        g=g,
        y=y,
    ),
    case(
        "every standardised law",
        """data y[J]
t ~ HalfNormal(1)
a[J] ~ StudentT(4, 1, t)
b[J] ~ Laplace(a, t)
c[J] ~ HalfNormal(t)
d[J] ~ Exponential(t)
e[J] ~ Weibull(2, t)
f[J] ~ Logistic(d, t)
g[J] ~ Gumbel(0, t)
h[J] ~ Cauchy(0, t)
y ~ Normal(a + b + c + d + e + f + g + h, 1)""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "a latent for each datum below one for each group",
        """data g[N] in J, y[N]
t ~ HalfNormal(1)
a[J] ~ Normal(0, t)
b[N] ~ Normal(a[g], t)
y ~ Normal(b, 1)""",
        g=g,
        y=y,
    ),
    case(
        "all in one group",
        """data g[N] in J, y[N]
dim J = 2
a[J] ~ Normal(0, 1)
y ~ Normal(a[g], 1)""",
        g=[0] * N,
        y=y,
    ),
    case(
        "positions in two axes",
        """data P[N, D] in J, Y[N, D]
a[J] ~ Normal(0, 1)
Y ~ Normal(a[P], 1)""",
        P=[[0, 1, 2], [3, 3, 3], [0, 0, 1], [2, 1, 0], [1, 1, 1], [3, 0, 3], [2, 2, 0]],
        Y=Y,
    ),
    case(
        "columns of a matrix by positions",
        """data h[N] in K, M[N, J]
W[J, K] ~ Normal(0, 1)
M ~ Normal(W[:, h], 1)""",
        h=h,
        M=np.outer(y, [1, 2, 3, 4]),
    ),
    case(
        "columns of a matrix by position in a loop",
        """data h[N] in K, M[N, J]
W[J, K] ~ Normal(0, 1)
for n in N { M[n] ~ Normal(W[:, h[n]], 1) }""",
        h=h,
        M=np.outer(y, [1, 2, 3, 4]),
    ),
]
