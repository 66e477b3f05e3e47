"""Sets, bounds, truncation."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import counts, positive, y

CASES = [
    case(
        "ordered mixture",
        """dim K = 2
mu[K] ~ Normal(0, 2) in Ordered
sig[K] ~ HalfNormal(2)
data y[N]
th ~ Beta(5, 5)
for n in N {
  factor log_mix(th, logp(Normal(mu[0], sig[0]), y[n]), logp(Normal(mu[1], sig[1]), y[n]))
}""",
        y=y,
    ),
    case(
        "mixture by logsumexp",
        """dim K = 3
data y[N]
w[K] ~ Dirichlet([1, 2, 3])
mu[K] ~ Normal(0, 2)
for n in N { factor logsumexp(log(w[k]) + logp(Normal(mu[k], 1), y[n]) for k in K) }""",
        y=y,
    ),
    case(
        "truncated priors",
        """data y[N]
a ~ Normal(0, 2) > 1
b ~ Normal(1, 2) in (-1, 2)
c ~ Cauchy(0, 5) > 0
d ~ StudentT(4, 0, 1) < 2
e ~ Exponential(1) < 3
y ~ Normal(a * b + d + e, c)""",
        y=y,
    ),
    case(
        "truncation at a latent",
        """data y[N]
a ~ Normal(0, 1)
b ~ Normal(0, 2) > a
y ~ Normal(b, 1)""",
        y=y,
    ),
    case(
        "truncated data",
        """data y[N], k[N]
m ~ Normal(0, 1)
y ~ Normal(m, 1) > -4
r ~ Gamma(2, 1)
k ~ Poisson(r) > 0""",
        y=y,
        k=counts + 1,
    ),
    case(
        "truncated data, closed",
        """data k[N]
r ~ Gamma(2, 1)
k ~ Poisson(r) >= 1""",
        k=counts + 1,
    ),
    case(
        "truncated data in a closed interval",
        """data k[N]
r ~ Gamma(2, 1)
k ~ Poisson(r) in [1, 20]""",
        k=counts + 1,
    ),
    case(
        "truncated data in an open interval",
        """data k[N]
r ~ Gamma(2, 1)
k ~ Poisson(r) in (0, 12)""",
        k=counts + 1,
    ),
    case(
        "bounds of data",
        """data y[N], low[N]
m ~ Normal(0, 1)
for n in N { y[n] ~ Normal(m, 1) > low[n] }""",
        y=y,
        low=y - positive,
    ),
    case(
        "bounds that depend on latents",
        """a ~ Uniform(0, 3)
b ~ Flat() in (0, 4 - a)
c ~ Cauchy(0, 5) > 0
y ~ Normal(a * b, c)""",
        y=y,
    ),
    case(
        "bounds that depend on the position",
        """data low[J], y[J]
z[J] ~ Normal(0, 1) > low
y ~ Normal(z, 1)""",
        low=[0, 1, -1, 0.5],
        y=[0, 1, 2, 3.0],
    ),
    case(
        "a uniform between latents",
        """data y[N]
a ~ Normal(-3, 1)
w ~ HalfNormal(1)
u ~ Uniform(a, a + w)
y ~ Normal(u, 1)""",
        y=y,
    ),
    case(
        "flat priors",
        """data y[N]
a ~ Flat()
s ~ Flat() > 0
v[K] ~ Flat() in Ordered
dim K = 2
y ~ Normal(a + v[1] - v[0], s)""",
        y=y,
    ),
    case(
        "named sets",
        """data y[N]
a ~ Normal(0, 1) in Positive
dim K = 3
b[K] ~ Normal(0, 1) in PositiveOrdered
c ~ Normal(0, 1) in [0, 1]
y ~ Normal(b[2] + c, a + b[0])""",
        y=y,
    ),
    case(
        "vectors with sum 0",
        """dim K = 3
data y[J]
a[J, K] ~ Normal(0, 1) in ZeroSum
for j in J { y[j] ~ Normal(a[j, 0] - a[j, 2], 1) }""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "vectors of length 1",
        """dim K = 3
data y[J]
a[K] ~ Flat() in UnitVector
b[J, K] ~ Normal(1, 1) in UnitVector
for j in J { y[j] ~ Normal(a[0] + b[j, 2], 1) }""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "fields over a graph",
        """data y[N], edges[E, 2] in N
s ~ HalfNormal(1)
rho ~ Uniform(-0.5, 1)
f[N] ~ ICAR(edges, s)
h[N] ~ CAR(edges, rho, s)
y ~ Normal(f + h, 1)""",
        y=[1, 2, 3, 4.0],
        edges=np.array([[0, 1], [1, 2], [3, 1], [2, 3]]),
    ),
    case(
        "ordered rows",
        """dim K = 3
data y[J]
a[J, K] ~ Normal(0, 1) in Ordered
for j in J { y[j] ~ Normal(a[j, 2], 1) }""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "data between latents",
        """data y[N]
a ~ Normal(-5, 1)
y ~ Normal(0, 1) > a - 9
(y) ~ Uniform(a - 9, a + 20)""",
        y=y,
    ),
    case(
        "densities outside their support",
        """data y[N]
a ~ Normal(0, 1)
y ~ Normal(a, 1)
factor logaddexp(logp(HalfNormal(1), a), logp(Exponential(2), -a))
factor logsumexp([logp(Poisson(exp(a)), k - 0.5 * k) for k in 0:5])""",
        y=y,
    ),
    case(
        "truncation in a far tail",
        """data y[N]
m ~ Normal(0, 1)
y ~ Normal(m - 40, 1) > 0
(y) ~ Normal(m - 20, 1) in (0, 10)
a ~ Normal(m - 20, 1) > 1
b ~ Normal(m + 20, 1) < 1
c ~ Logistic(m + 60, 1) < 1
d ~ Logistic(m - 60, 1) > 1
e ~ Exponential(1) > 40
f ~ Laplace(0, 1) > 50
g ~ Gamma(2, 1) > 50
h ~ StudentT(4, 0, 1) > 1000
(y) ~ Normal(a + b + c + d + e + f + g + h - 1140, 1)""",
        y=positive,
    ),
    case(
        "truncation beyond the support",
        """data y[N]
m ~ Normal(0, 1)
y ~ Exponential(1) > m - 9
(y) ~ Uniform(0, 20) < m + 30
(y) ~ Gamma(2, 1) in (m - 9, 50)
u ~ Uniform(0, 1) < 3
(y) ~ Normal(u, 1)""",
        y=positive,
    ),
    case(
        "sets of one",
        """dim K = 1
data y[J]
p[K] ~ Dirichlet(1)
q[J, K] ~ Dirichlet(1)
L[K, K] ~ LKJCholesky(1)
m[K] ~ Normal(0, 1) in Ordered
y ~ Normal(p[0] + q[J, 0] + L[0, 0] + m[0], 1)""",
        y=[1, 2, 3, 4.0],
    ),
    case(
        "factors of matrices for each row",
        """dim K = 3
data y[J]
for j in J { L[j, K, K] ~ LKJCholesky(1); y[j] ~ Normal(L[j, 2, 0], 1) }""",
        y=[1, 2, 3, 4.0],
    ),
]
