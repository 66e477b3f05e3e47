"""Hard constraints, constants from the data, positions of a dimension."""

from tests.interpreter.models.case import case

CASES = [
    case(
        "an order between latents",
        """a, b ~ Normal(0, 1)
require a > b
y ~ Normal(a - b, 1)""",
        y=[1.0, 2.0],
    ),
    case(
        "a chain of orders",
        """a, b, c ~ Normal(0, 1)
require a < b < c
y ~ Normal(a - b + c, 1)""",
        y=[1.0, 2.0],
    ),
    case(
        "an order for each of a plate",
        """dim K = 3
a[K] ~ Gamma(2, 1)
b[K] ~ Exponential(1)
for k in K { require a[k] > 2 * b[k] + 0.5 }
y ~ Normal(sum(a) - sum(b), 1)""",
        y=[1.0, 2.0],
    ),
    case(
        "a sum with a bound, one latent with bounds of its own",
        """a ~ Normal(0, 1) > 0.5
b ~ Normal(0, 1)
require a - b / 2 < 1 and b < 3
y ~ Normal(a + b, 1)""",
        y=[1.0, 2.0],
    ),
    case(
        "what no bound can keep",
        """a, b ~ Normal(0, 1)
require a^2 + b^2 < 30
y ~ Normal(a + b, 1)""",
        y=[1.0, 2.0],
    ),
    case(
        "a prior that looks at the data",
        """m ~ Normal(mean(observed(y)), sd(observed(y)))
y ~ Normal(m, 1)""",
        y=[1.0, 2.0, 4.0],
    ),
    case(
        "a prior that looks at one datum",
        """data y[N]
m[N] ~ Normal(observed(y), 1)
k ~ Normal(observed(y[0]), 1)
for n in N { y[n] ~ Normal(m[n] + k, 1) }""",
        y=[1.0, 2.0, 4.0],
    ),
    case(
        "a position of a dimension",
        """data g[N] in J from 1
data y[N]
a, b ~ Normal(0, 1)
y ~ Normal(if g == J[1] then a else b, 1)""",
        g=[1, 2, 3, 2],
        y=[1.0, 2.0, 4.0, 3.0],
    ),
]
