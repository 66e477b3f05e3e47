"""Time: shifts, ranges, walks."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    T,
    series,
)

CASES = [
    case(
        "AR(1), loop",
        """data y[T]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
s ~ HalfNormal(2)
for t in 1:T { y[t] ~ Normal(a + b * y[t - 1], s) }""",
        y=series,
    ),
    case(
        "AR(1), arrays",
        """data y[T]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y[1:] ~ Normal(a + b * y[:T - 1], 1)""",
        y=series,
    ),
    case(
        "AR(K)",
        """data y[T]
dim K = 3
a ~ Normal(0, 1)
b[K] ~ Normal(0, 1)
s ~ HalfCauchy(2.5)
for t in K:T { y[t] ~ Normal(a + sum(b[k] * y[t - k - 1] for k in K), s) }""",
        y=series,
    ),
    case(
        "random walk",
        """data y[T]
z[0] ~ Normal(0, 1)
for t in 1:T { z[t] ~ Normal(z[t - 1], s) }
s ~ HalfNormal(1)
y ~ Normal(z, 1)""",
        y=series,
    ),
    case(
        "second order random walk",
        """data y[T]
z[:2] ~ Normal(0, 2)
for t in 2:T { z[t] ~ Normal(2 * z[t - 1] - z[t - 2], 0.5) }
y ~ Normal(z, 1)""",
        y=series,
    ),
    case(
        "random walk by steps",
        """data y[T]
e[T] ~ Normal(0, s)
s ~ HalfNormal(1)
y ~ Normal(cumsum(e), 1)""",
        y=series,
    ),
    case(
        "volatility",
        """data y[T]
phi ~ Uniform(-1, 1)
sigma ~ HalfNormal(1)
h[0] ~ Normal(0, sigma / sqrt(1 - phi^2))
for t in 1:T { h[t] ~ Normal(phi * h[t - 1], sigma) }
for t in T { y[t] ~ Normal(0, exp(h[t] / 2)) }""",
        y=series,
    ),
    case(
        "shifts forward",
        """data y[T]
z[T] ~ Normal(0, 1)
for t in 0:T - 1 { y[t] ~ Normal(z[t + 1] - z[t], 1) }""",
        y=series,
    ),
    case(
        "one entry more",
        """data t[T + 1], y[T]
b ~ Normal(0, 1)
for i in T { y[i] ~ Normal(b * (t[i + 1] - t[i]), 1) }""",
        y=series,
        t=np.arange(T + 1) ** 1.5,
    ),
    case(
        "one entry more, as arrays",
        """data t[T + 1], y[T]
b ~ Normal(0, 1)
y ~ Normal(b * (t[1:] - t[:T]), 1)""",
        y=series,
        t=np.arange(T + 1) ** 1.5,
    ),
    case(
        "the index as a number",
        """data y[T]
a, b ~ Normal(0, 1)
for t in 2:T { y[t] ~ Normal(a + b * t / T + sin(2 * pi * t), 1) }""",
        y=series,
    ),
    case(
        "differences of a latent",
        """data y[T]
z[T] ~ Normal(0, 1)
d = z[1:T] - z[0:T - 1]
factor -sum(d^2)
y ~ Normal(z, 1)""",
        y=series,
    ),
    case(
        "a range from the data",
        """data y[T], first
a ~ Normal(0, 1)
for t in first:T { y[t] ~ Normal(a, 1) }""",
        y=series,
        first=2,
    ),
    case(
        "a range from data that are not declared",
        """data y[T]
a ~ Normal(0, 1)
for t in first:T { y[t] ~ Normal(a * sum(y[:first]), 1) }""",
        y=series,
        first=2,
    ),
    case(
        "two ranges",
        """data y[T]
z[0:3] ~ Normal(0, 1)
z[3:T] ~ Normal(1, 2)
y ~ Normal(z, 1)""",
        y=series,
    ),
    case(
        "seasons",
        """data y[T]
dim J = 3
a[J] ~ Normal(0, 1)
for t in T { y[t] ~ Normal(a[t % 3] + floor(t / 2), 1) }""",
        y=series,
    ),
]
