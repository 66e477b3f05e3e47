"""Recurrences."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import series

pairs = np.stack([series, series[::-1]], axis=1)

CASES = [
    case(
        "a linear recurrence",
        """data y[T]
a ~ Uniform(0, 1)
m[0] = 0
for t in 1:T { m[t] = a * m[t - 1] + y[t - 1] }
y ~ Normal(m, 1)""",
        y=series,
    ),
    case(
        "a linear recurrence with a random start",
        """data y[T]
a ~ Uniform(0, 1)
m[0] ~ Normal(0, 1)
for t in 1:T { m[t] = a * m[t - 1] + 0.1 * t }
y ~ Normal(m, 1)""",
        y=series,
    ),
    case(
        "volatility that depends on itself",
        """data y[T]
a, b ~ Uniform(0, 0.5)
s2[0] ~ HalfNormal(1)
for t in 1:T { s2[t] = 0.1 + a * y[t - 1]^2 + b * s2[t - 1] }
y ~ Normal(0, exp(s2))""",
        y=series,
    ),
    case(
        "a nonlinear recurrence",
        """data y[T]
r ~ Normal(0, 1)
m[0] = 0.5
for t in 1:T { m[t] = m[t - 1] + r * m[t - 1] * (1 - m[t - 1]) / (1 + m[t - 1]^2) }
y ~ Normal(m, 1)""",
        y=series,
    ),
    case(
        "two coupled recurrences",
        """data y[T]
r, q ~ Normal(0, 0.3)
u[0] = 0.5
v[0] = 0.2
for t in 1:T { u[t] = tanh(u[t - 1] + r * v[t - 1]); v[t] = sin(v[t - 1] - q * u[t - 1]) }
y ~ Normal(u + v, 1)""",
        y=series,
    ),
    case(
        "a recurrence of second order with random starts",
        """data y[T]
r ~ Normal(0, 0.3)
u[0] ~ Gamma(2, 1)
u[1] ~ Normal(u[0], 1)
for t in 2:T { u[t] = u[t - 1] * r - u[t - 2] }
y ~ Normal(u, 1)""",
        y=series,
    ),
    case(
        "a recurrence of vectors",
        """data y[T, K]
A[K, K] ~ Normal(0, 0.3)
u[0, K] ~ Normal(0, 1)
for t in 1:T { u[t, K] = A @ u[t - 1] }
y ~ Normal(u, 1)""",
        y=pairs,
    ),
    case(
        "recurrences side by side",
        """data y[T, K]
a[K] ~ Normal(0, 0.3)
for k in K {
  u[0, k] = 0.5 * k
  for t in 1:T { u[t, k] = a[k] * u[t - 1, k] + y[t - 1, k] }
}
y ~ Normal(u, 1)""",
        y=pairs,
    ),
    case(
        "moving averages",
        """data y[T]
r ~ Normal(0, 0.3)
s ~ HalfNormal(1)
e[0] = y[0]
for t in 1:T { e[t] = y[t] - r * e[t - 1]; y[t] ~ Normal(r * e[t - 1], s) }""",
        y=series,
    ),
    case(
        "a loop's own names in a recurrence",
        """data y[T, K]
r ~ Normal(0, 0.3)
u[0, K] = 1
for t in 1:T {
  for k in K {
    w = r * u[t - 1, k]
    v = w + k * u[t - 1, 0]
    u[t, k] = tanh(w) + v * 0.1
    y[t, k] ~ Normal(u[t, k] + w, 1)
  }
}""",
        y=pairs,
    ),
]
