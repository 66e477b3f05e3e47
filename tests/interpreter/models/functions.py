"""Functions and branches."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import series, x, y

CASES = [
    case(
        "a function",
        "fn f(a, b) { t = a^2; t + b }\ndata y[N]\nm ~ Normal(0, 1)\ny ~ Normal(f(m, 1), 1)",
        y=y,
    ),
    case(
        "functions read the model and call each other",
        """fn scaled(v) = v * s
data y[N], x[N]
m ~ Normal(0, 1)
s ~ HalfNormal(1)
y ~ Normal(twice(x) + m, 1)
fn twice(m) = 2 * scaled(m)""",
        x=x,
        y=y,
    ),
    case(
        "a function of arrays",
        """fn centred(v) { m = mean(v); v - m }
data y[J]
a[J] ~ Normal(0, 1)
y ~ Normal(centred(a), 1)""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "a function hides an index",
        """fn f(n) = n^2 + 1
data y[N]
a ~ Normal(0, 1)
for n in N { y[n] ~ Normal(f(a + n), 1) }""",
        y=y,
    ),
    case(
        "comparisons",
        """data x[N], y[N]
a, b ~ Normal(0, 1)
y ~ Normal(a * (x > 0) + b * (-1 < x <= 0.5) + (x == 0 or not x > 1 and x < 2), 1)""",
        x=x,
        y=y,
    ),
    case(
        "branches by data",
        """data x[N], y[N]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y ~ Normal(if x > 0 then a * sqrt(x) else b * sqrt(-x), 1)""",
        x=x,
        y=y,
    ),
    case(
        "branches by latents",
        """data x[N], y[N]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
for n in N { y[n] ~ Normal(if a > b then x[n] * a else where(x[n] > 0, b, a), 1) }""",
        x=x,
        y=y,
    ),
    case(
        "a branch by position",
        """data y[T]
z[T] ~ Normal(0, 1)
for t in T { y[t] ~ Normal(if t == 0 then z[0] else z[t] + z[t - 1], 1) }""",
        y=series,
    ),
    case(
        "a branch that excludes positions of data",
        """data y[N], before[N], last[N]
z[N] ~ Normal(0, 1)
y ~ Normal(if before >= 0 then z[before] else if last < 7 then z[last] else 0, 1)""",
        y=y,
        before=[-1, 0, 1, -1, 3, -1, 2],
        last=[9, 9, 9, 1, 9, 7, 9],
    ),
    case(
        "a condition on one number of data",
        """data y[N], flag
a ~ Normal(0, 1)
y ~ Normal(if flag == 1 then a else log(-1) * a, 1)""",
        y=y,
        flag=1,
    ),
]
