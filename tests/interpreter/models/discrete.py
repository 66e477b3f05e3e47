"""Discrete latents."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import counts, y

CASES = [
    case(
        "a mixture",
        """data y[N]
dim K = 2
w[K] ~ Dirichlet(1)
mu[K] ~ Normal(0, 2) in Ordered
z[N] ~ Categorical(w)
y ~ Normal(mu[z], 1)""",
        y=y[:4],
    ),
    case(
        "a mixture in a loop",
        """data y[N]
dim K = 3
w[K] ~ Dirichlet(1)
mu[K] ~ Normal(0, 2)
for n in N { z ~ Categorical(w); y[n] ~ Normal(mu[z], 1 + z) }""",
        y=y[:3],
    ),
    case(
        "zero inflation",
        """data k[N]
p ~ Beta(1, 1)
r ~ Gamma(2, 1)
for n in N { z ~ Bernoulli(p); k[n] ~ Poisson(if z == 1 then r else 0.001) }""",
        k=counts[:4],
    ),
    case(
        "a hidden chain",
        """data y[T]
dim K = 2
A[K, K] ~ Dirichlet(1)
mu[K] ~ Normal(0, 2) in Ordered
z[0] ~ Categorical([0.4, 0.6])
for t in 1:T { z[t] ~ Categorical(A[z[t - 1]]) }
y ~ Normal(mu[z], 1)""",
        y=y[:5],
    ),
    case(
        "coupled states",
        """data y[N], g[N] in J
a[J] ~ Bernoulli(0.4)
b[J] ~ Binomial(2, 0.3)
m ~ Normal(0, 1)
y ~ Normal(m * a[g] + b[g], 1)""",
        y=y[:4],
        g=[0, 1, 1, 0],
    ),
    case(
        "a change point",
        """data k[T]
tau ~ DiscreteUniform(1, 4)
a, b ~ Gamma(2, 1)
for t in T { k[t] ~ Poisson(if t < tau then a else b) }""",
        k=counts,
    ),
    case(
        "states that bounds leave out",
        """data y[N]
k ~ Binomial(5, 0.3) > 0
y ~ Normal(k, 1)""",
        y=y,
    ),
    case(
        "supports that states decide",
        """data y[N]
z ~ Bernoulli(0.3)
hi = [1.0, 3.0]
y ~ Uniform(-9, hi[z])""",
        y=y,
    ),
    case(
        "functions of states",
        """data y[J]
a ~ Normal(0, 1)
z[J] ~ Bernoulli(0.3)
m[J] = 2 * z - 1
y ~ Normal(a * m, 1 + z)""",
        y=y[:3],
    ),
]
