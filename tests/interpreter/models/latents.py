"""A latent for each datum."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import X, counts, square, y

CASES = [
    case(
        "factor analysis",
        """dim K = 2
param W[D, K], b[D], s > 0
for n in N {
  z[n, K] ~ Normal(0, 1)
  x[n, D] ~ Normal(W @ z[n] + b, s)
}
data x[N, D]""",
        x=X,
    ),
    case(
        "factor analysis, one factor",
        "for n in N {\n  z[n] ~ Normal(0, 1)\n  x[n] ~ Normal(W * z[n] + b, s)\n}",
        x=y,
    ),
    case(
        "factor analysis, arrays",
        """dim K = 2
param W[K, D], s > 0
data x[N, D]
z[N, K] ~ Normal(0, 1)
x ~ Normal(z @ W, s)""",
        x=X,
    ),
    case(
        "factor analysis, own number of factors",
        """dim K = 2
param W[K, D], s > 0
data x[N, D]
z[N, K] ~ Normal(0, 1)
x ~ Normal(z @ W, s)""",
        sizes={"K": 3},
        x=X,
    ),
    case(
        "overdispersion",
        """data k[N] in Count
s ~ HalfNormal(1)
mu ~ Normal(0, 1)
for n in N {
  e ~ Normal(0, s)
  k[n] ~ Poisson(log = mu + e)
}""",
        k=counts,
    ),
    case(
        "a loop's own random vector",
        """data M[J, K]
c[K] ~ Normal(0, 1)
for j in J { e ~ Normal(c, 1); M[j] ~ Normal(e, 1) }""",
        M=square,
    ),
    case(
        "a loop's own random vector, jointly normal",
        """data M[J, K]
c[K] ~ Normal(0, 1)
for j in J { e ~ MultivariateNormal(c, cov = eye(K)); M[j] ~ Normal(e, 1) }""",
        M=square,
    ),
    case(
        "random names in loops inside loops",
        """data M[J, K]
for j in J {
  e ~ Normal(0, 1)
  for k in K { f ~ Normal(e, 1); M[j, k] ~ Normal(f, 1) }
}""",
        M=square,
    ),
    case(
        "the same random name in two loops",
        """data y[N], z[J]
for n in N { e ~ Normal(0, 1); y[n] ~ Normal(e, 1) }
for j in J { e ~ Normal(1, 2); z[j] ~ Normal(e, 1) }""",
        y=y,
        z=[1, 2, 3, 4.0],
    ),
]
