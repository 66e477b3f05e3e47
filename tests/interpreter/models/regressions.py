"""Regressions, as arrays and as loops."""

from tests.interpreter.models.case import case
from tests.interpreter.models.data import X, binary, counts, positive, trials, x, y

CASES = [
    case(
        "eight schools",
        """data y[J]
data sigma[J] > 0
mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)
y ~ Normal(theta, sigma)""",
        y=[28, 8, -3, 7, -1, 1, 18, 12.0],
        sigma=[15, 10, 16, 11, 9, 11, 10, 18.0],
    ),
    case("one line", "z ~ Normal(0,1); x ~ Normal(W*z, s)", x=y),
    case(
        "regression, arrays",
        """data X[N, D], y[N]
alpha ~ Normal(0, 10)
beta[D] ~ Normal(0, 5)
s ~ HalfNormal(5)
y ~ Normal(alpha + X @ beta, s)""",
        X=X,
        y=y,
    ),
    case(
        "regression, loop",
        """for n in N {
  mu = alpha + sum(X[n, d] * beta[d] for d in D)
  y[n] ~ Normal(mu, s)
}
alpha ~ Normal(0, 10)
beta[D] ~ Normal(0, 5)
s ~ HalfNormal(5)
data X[N, D], y[N]""",
        X=X,
        y=y,
    ),
    case(
        "regression, row of a matrix",
        """data X[N, D], y[N]
beta[D] ~ Normal(0, 5)
for n in N { y[n] ~ Normal(X[n] @ beta, 1) }""",
        X=X,
        y=y,
    ),
    case(
        "undeclared columns of a table",
        "alpha ~ Normal(0, 10)\nb ~ Normal(0, 5)\ny ~ Normal(alpha + b * x, s)",
        table=True,
        x=x,
        y=y,
    ),
    case(
        "undeclared arrays",
        "alpha ~ Normal(0, 10)\nb ~ Normal(0, 5)\ny ~ Normal(alpha + b * x, s)",
        x=x,
        y=y,
    ),
    case(
        "undeclared arrays in a loop",
        "b ~ Normal(0, 5)\nfor n in N { y[n] ~ Normal(b * x[n], s) }",
        x=x,
        y=y,
    ),
    case(
        "logistic",
        "data X[N, D], y[N] in {0, 1}\nbeta[D] ~ Normal(0, 5)\ny ~ Bernoulli(logit = X @ beta)",
        X=X,
        y=binary,
    ),
    case(
        "poisson with exposure",
        """data k[N] in Count, e[N] > 0, x[N]
a, b ~ Normal(0, 1)
k ~ Poisson(log = a + b * x + log(e))""",
        k=counts,
        e=positive,
        x=x,
    ),
    case(
        "negative binomial",
        """data k[N] in Count, x[N]
a ~ Normal(0, 1)
phi ~ Gamma(2, 1)
k ~ NegativeBinomial(log = a * x, phi = phi)""",
        k=counts,
        x=x,
    ),
    case(
        "binomial",
        """data k[N] in Count, n[N] in Count
p ~ Beta(2, 3)
k ~ Binomial(n, p)""",
        k=counts,
        n=trials,
    ),
    case(
        "binomial of logits in a loop",
        """data k[N] in Count, m[N] in Count, x[N]
a ~ Normal(0, 1)
for i in N { k[i] ~ Binomial(m[i], logit = a * x[i]) }""",
        k=counts,
        m=trials,
        x=x,
    ),
    case(
        "robust regression",
        """data x[N], y[N]
a ~ Cauchy(0, 2)
b ~ Laplace(0, 1)
nu ~ Gamma(2, 0.1)
s ~ InverseGamma(3, 2)
y ~ StudentT(nu + 1, a + b * x, s)""",
        x=x,
        y=y,
    ),
    case(
        "positive outcomes",
        """data y[N] > 0, x[N]
a ~ Logistic(0, 1)
b ~ Gumbel(0, 1)
shape ~ Exponential(1)
y ~ Gamma(shape + 0.5, exp(a + b * x))""",
        y=positive,
        x=x,
    ),
    case(
        "other positive outcomes",
        """data y[N] > 0
a ~ LogNormal(0, 1)
b ~ Weibull(2, 1)
y ~ Weibull(a, b)
c ~ HalfStudentT(3, 2)
z[N] ~ InverseGamma(2, c)
factor logp(LogNormal(0, 1), z)""",
        y=positive,
    ),
    case(
        "other parametrisations",
        """data y[N] > 0, p[N] in (0, 1), r[N]
m ~ Gamma(mu = 2, sigma = 1)
y ~ Gamma(mu = m, sigma = 0.5)
q ~ Beta(mu = 0.3, kappa = 4)
p ~ Beta(mu = q, kappa = 3)
tau ~ Gamma(2, 2)
r ~ Normal(0, precision = tau)""",
        y=positive,
        p=1 / (1 + positive),
        r=y,
    ),
    case(
        "uniform and geometric",
        """data k[N] in Count
p ~ Uniform(0, 1)
k ~ Geometric(p)
u ~ Uniform(-2, 3)
v[N] ~ Normal(u, 1)
factor logp(Normal(1, 2), v)""",
        k=counts,
    ),
]
