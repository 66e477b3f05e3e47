"""Reductions."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import series, square, x, y

CASES = [
    case(
        "a sum over two indices",
        """data M[J, K], y
a[J] ~ Normal(0, 1)
b[K] ~ Normal(0, 1)
y ~ Normal(sum(a[j] * M[j, k] * b[k] for j in J, k in K), 1)""",
        M=square,
        y=1.5,
    ),
    case(
        "sums inside sums",
        """data M[J, K], y[J]
b[K] ~ Normal(0, 1)
for j in J { y[j] ~ Normal(sum(b[k] * sum(M[i, k] for i in J) for k in K) - M[j, 0], 1) }""",
        M=square,
        y=[1, 2, 3, 4.0],
    ),
    case(
        "reductions of everything",
        """data M[J, K], y[J]
a[J] ~ Normal(0, 1)
y ~ Normal(a - mean(a) + sum(M) - max(M) * min(a) + sd(a) + var(M) + logsumexp(a) + prod(a), 1)""",
        M=square,
        y=[1, 2, 3, 4.0],
    ),
    case(
        "reductions along an index",
        """data M[J, K], y[J]
s ~ HalfNormal(1)
for j in J {
  y[j] ~ Normal(mean(M[j, k] for k in K) * s + max(M[j]) - sd(M[j, k] for k in K), s)
}""",
        M=square,
        y=[1, 2, 3, 4.0],
    ),
    case(
        "a sum of what does not depend on its index",
        """data y[N]
a ~ Normal(0, 1)
b[J] ~ Normal(0, 1)
dim J = 4
y ~ Normal(sum(a for j in J) + sum(b[j] * a for j in J, k in 0:3) + mean(a for j in J), 1)""",
        y=y,
    ),
    case(
        "sums over ranges",
        """data y[T]
z[T] ~ Normal(0, 1)
a ~ Normal(0, 1)
for t in 3:T { y[t] ~ Normal(a * sum(z[k] for k in 1:T - 1) + mean(z[2:5]), 1) }""",
        y=series,
    ),
    case(
        "counts and conditions",
        """data M[J, K], y
s ~ HalfNormal(1)
y ~ Normal(s * count(M > 0) + any(M > 9) + all(M < 9) + sum(M[j, 0] > 0 for j in J), s)""",
        M=square,
        y=1.5,
    ),
    case(
        "largest of two",
        """data x[N], y[N]
a ~ Normal(0, 1)
y ~ Normal(max(a * x, 0.1) - min(x, a), 1)""",
        x=x,
        y=y,
    ),
]
