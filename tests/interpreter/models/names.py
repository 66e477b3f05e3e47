"""Names of loops, in any order; sizes."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import X, Y, series, square, x, y

CASES = [
    case(
        "a loop's own names",
        """data M[J, K], c[J]
a[J] ~ Normal(0, 1)
b[K] ~ Normal(0, 1)
for j in J {
  u = a[j] * c[j]
  for k in K {
    v = u + b[k]
    M[j, k] ~ Normal(v, exp(u))
  }
}""",
        M=square,
        c=[1, 2, 0.5, 0.1],
    ),
    case(
        "the same name in two loops",
        """data y[N], z[J]
a ~ Normal(0, 1)
for n in N { m = a * n; y[n] ~ Normal(m, 1) }
for j in J { m = a + j; z[j] ~ Normal(m, 1) }""",
        y=y,
        z=[1, 2, 3, 4.0],
    ),
    case(
        "a loop's own array",
        """data Y[N, D], x[N]
a[D] ~ Normal(0, 1)
for n in N { m = a * x[n]; Y[n, D] ~ Normal(m - mean(m), 1) }""",
        Y=Y,
        x=x,
    ),
    case(
        "a name with brackets, whole",
        """data y[N]
theta[N] ~ Normal(0, 1)
for n in N { y[n] ~ Normal(theta[n] - mean(theta), 1) }""",
        y=y,
    ),
    case(
        "computed in a loop over a range",
        """data y[T]
a ~ Normal(0, 1)
for t in 1:T { m[t] = a * y[t - 1]; y[t] ~ Normal(m[t], 1) }""",
        y=series,
    ),
    case(
        "a loop's own names over a range",
        """data y[T]
a ~ Normal(0, 1)
for t in 1:T { m = a * y[t - 1] + t; y[t] ~ Normal(m, 1) }""",
        y=series,
    ),
    case(
        "a loop's own random names over a range",
        """data y[T]
for t in 2:T { e ~ Normal(y[t - 1], 1); y[t] ~ Normal(e + t, 1) }""",
        y=series,
    ),
    case(
        "rows of an array computed",
        """data X[N, D], Y[N, D]
s ~ Normal(0, 1)
for n in N { mu[n] = s * X[n] }
Y ~ Normal(mu, 1)""",
        X=X,
        Y=Y,
    ),
    case(
        "names in any order",
        """y ~ Normal(m, s)
m = a + b
b = a^2
a ~ Normal(c, 1)
c ~ Normal(0, 1)
s ~ Exponential(r)
r ~ Exponential(1)
data y[N]""",
        y=y,
    ),
    case(
        "sizes as numbers",
        """data X[N, D], y[N]
dim K = D - 1
a[K] ~ Normal(0, 1)
y ~ Normal(sum(a) / log(N) + K * size(a) + D, 1)""",
        X=X,
        y=y,
    ),
    case(
        "a size from the data",
        """dim B = sum(m)
data m[J] in Count, y
z[B] ~ Normal(0, 1)
y ~ Normal(sum(z), 1)""",
        m=[1, 2, 0, 2],
        y=1.0,
    ),
]
