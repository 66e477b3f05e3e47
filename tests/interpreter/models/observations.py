"""Missing values, weights, left sides."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    NAN,
    N,
    counts,
    g,
    positive,
    square,
    trials,
    x,
    y,
)

CASES = [
    case(
        "missing values",
        "data x[N], y[N]\na ~ Normal(0, 1)\ny ~ Normal(a * x, 1)",
        x=x,
        y=np.where(np.arange(N) % 3 == 1, NAN, y),
    ),
    case(
        "a covariate with missing values",
        """data x[N], y[N]
m ~ Normal(0, 1)
s ~ HalfNormal(1)
b ~ Normal(0, 1)
for n in N {
  x[n] ~ Normal(m, s)
  y[n] ~ Normal(b * x[n], 0.7)
}""",
        x=np.where(np.arange(N) % 3 == 1, NAN, x),
        y=np.where(np.arange(N) == 2, NAN, y),
    ),
    case(
        "a bounded covariate with missing values",
        """data x[J, K], y[J]
s ~ HalfNormal(1)
for j in J {
  for k in K { x[j, k] ~ Gamma(2, s) > 0.1 }
  y[j] ~ Normal(sum(log(x[j])), 0.7)
}""",
        x=np.where(square > 0.5, NAN, np.exp(square)),
        y=y[:4],
    ),
    case(
        "a series with gaps",
        """data y[T]
a ~ Normal(0, 1)
s ~ HalfNormal(1)
y[:2] ~ Normal(0, 2)
for t in 2:T { y[t] ~ Normal(a * y[t - 1] - 0.2 * y[t - 2], s) }""",
        y=np.where(np.isin(np.arange(N), [1, 3, 4, N - 1]), NAN, y),
    ),
    case(
        "a missing series that something else reads",
        """data y[T], z[T]
a ~ Normal(0, 1)
y[0] ~ Normal(0, 2)
for t in 1:T {
  m = a * y[t - 1]
  y[t] ~ StudentT(4, m, 1)
}
z ~ Normal(cumsum(y), 1)""",
        y=np.where(np.isin(np.arange(N), [0, 3]), NAN, y),
        z=x,
    ),
    case(
        "a vector of which others read a missing part",
        """data v[J, K], y[J]
b[K] ~ Normal(0, 1)
for j in J {
  v[j] ~ MultivariateNormal([0, 1], cov = [[1, 0.5], [0.5, 2]])
  y[j] ~ Normal(v[j] @ b, 1)
}""",
        v=np.where(square > 0.5, NAN, square),
        y=y[:4],
    ),
    case(
        "missing values by a code",
        "data y[N] missing -1, M[J, K]\na ~ Normal(0, 1)\nfor n in N { y[n] ~ Poisson(exp(a)) }\n"
        "for k in K { M[J, k] ~ Normal(a * k, 1) }",
        y=[1, -1, 3, -1, 0, 2, -1],
        M=np.where(square > 0.5, NAN, square),
    ),
    case(
        "weights",
        """data y[N], w[N]
a ~ Normal(0, 1)
y ~ Normal(a, 1) weight w""",
        y=y,
        w=np.arange(N) * 1.0,
    ),
    case(
        "weights in a loop",
        """data y[N], w[N], g[N] in J
a[J] ~ Normal(0, 1)
for n in N { y[n] ~ Normal(a[g[n]], 1) weight 2 * w[n] }""",
        y=y,
        w=np.arange(N) * 1.0,
        g=g,
    ),
    case(
        "one weight for all",
        """data y[N]
a ~ Normal(0, 1)
y ~ Normal(a, 1) weight 0.5""",
        y=y,
    ),
    case("logarithm on the left", "data y[N]\na ~ Normal(0, 1)\nlog(y) ~ Normal(a, 1)", y=positive),
    case(
        "computed data on the left",
        """data count[N] in Count
r = count - 1
m ~ Gamma(2, 1)
r ~ Poisson(m)""",
        count=counts + 1,
    ),
    case(
        "the same data for each index",
        """data k[N] in Count, n[N] in Count
dim R = 2
p[R] ~ Beta(2, 2)
for r in R { (k[0]) ~ Binomial(n[0], p[r]) }
for r in R { 0 ~ Binomial(3, p[r]) }""",
        k=counts,
        n=trials,
    ),
    case(
        "two lines for the same data",
        """data y[N], z[N]
a, b ~ Normal(0, 1)
y, z ~ Normal(a + b, exp(b))""",
        y=y,
        z=x,
    ),
    case(
        "missing values with weights",
        """data y[N], w[N]
a ~ Normal(0, 1)
y ~ Normal(a, 1) weight w""",
        y=np.where(np.arange(N) == 2, NAN, y),
        w=np.arange(N) * 1.0,
    ),
    case(
        "missing values with a latent each",
        """data y[N]
a ~ Normal(0, 1)
b[N] ~ Normal(a, 1)
y ~ Normal(b, 1)""",
        y=np.where(np.arange(N) == 2, NAN, y),
    ),
    case(
        "a number that is data",
        """data y[N], c
a ~ Normal(c, 1)
y ~ Normal(a * c, 1)
2 * y + 1 ~ Normal(a, d)""",
        y=y,
        c=2.5,
        d=1.5,
    ),
    case(
        "missing values where any other would be impossible",
        """data y[N], z[N], u[N], hi[N], low[N], q[N]
a ~ HalfNormal(1)
y ~ Uniform(-a - 9, hi)
z ~ Bernoulli(if q > 0 then 1 else sigmoid(a))
u ~ Normal(a, 1) > low""",
        y=[0, NAN, 4, 6, 8, 10, 12],
        hi=[9, -3, 9, 9, 9, 19, 19],
        z=[0, NAN, 0, 0, 0, 1, 0],
        q=[0, 1, 0, 0, 0, 0, 0],
        u=[0, NAN, 2, 3, 4, 5, 6],
        low=[-1, 9, 0, 0, 0, 0, 0],
    ),
    case(
        "missing values of a name in pieces",
        """data y[T]
a ~ Normal(0, 1)
b ~ Gamma(2, 1)
y[0:4] ~ Normal(a, 1)
for t in 4:T { y[t] ~ Poisson(b) }""",
        y=[-1.5, 0.2, NAN, 0.3, NAN, 1, 2, 3, 4],
    ),
]
