"""Texts in the language, for the tests of this folder."""

EIGHT_SCHOOLS = """\
# Eight schools, Rubin (1981)
data y[J]                          # J is a dimension; its size comes from the data
data sigma[J] > 0

mu       ~ Normal(0, 5)
tau      ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)         # an independent draw for each j in J

y ~ Normal(theta, sigma)           # y is bound to data: this is the likelihood
"""

STATEMENTS = (
    "z ~ Normal(0,1); x ~ Normal(W*z, s)",
    "for n in N {\n  z[n] ~ Normal(0, 1)\n  x[n] ~ Normal(W * z[n] + b, s)\n}",
    "dim K = 3, C = K - 1, N",
    "dim B = sum(m)",
    "data x[N, D], y[N] in {0, 1}, g[N] in J from 1",
    "data t[T + 1]",
    "data grade[N] missing -1",
    "data weight[N] > 0, missing[N] missing -1, from[N] in J from 1",
    "data u[N] >= 0 <= 1, v[N] in (0, 1), w[N] in [0, 1,]",
    "data p[N, 3] in Simplex",
    "param W[D, K]",
    "param s > 0 = 1.0, W[D, K]",
    "param L[K, K] in CorrCholesky",
    "a, b ~ Normal(0, 1)",
    "log(y) ~ Normal(mu, s)",
    "r = count - 1; r ~ Poisson(m)",
    "0 ~ Binomial(K, p[i])\n(0) ~ Binomial(K, p)",
    "(rc[k]) ~ Binomial(n, p)",
    "y[n] ~ Normal(mu, s) weight w[n]",
    "tau ~ Cauchy(0, 5) > 0",
    "b ~ Flat() in (0, 1 - a)",
    "b ~ Restricted(d, a, b) in Ordered weight 2 * w",
    "for t in 1:T { for i in I, j in J { y[t, i, j] ~ Normal(0, 1) } }",
    "for k in :3 { m[k] = k }",
    "factor logp(Normal(m, s), x)",
    "require a > b",
    "require 0 < a <= b",
    "fn f(a, b) = a + b",
    "fn f(a) { t = a^2; t + 1 }",
    "fn rhs(t, y) = [y[1], -k * y[0],]",
    "fn constant() = 3",
    "beta[K] ~ Normal(0, 1)",
    "w[:3] = x[1:T]",
    "y[2:] = x[:, 0]",
    "x[0] = X[n, :]",
    "x = f(x)[i] + M[g, h] + alpha[g]",
    "s = sum(y[j, s] for s in 0:t) + sum(z[t-11:t])",
    "x = [e^k for k in K, j in 1:k]",
    "mu = if flag == 1 then a else if flag == 2 then b else c",
    "x = not a and b or c",
    "x = a @ b * c / d % e - +f",
    "x = -2^2 + 2^-1^3 + (-2)^2",
    "x = inf + 1 + .5 + 1. + 2e-3 + 1.E+5 + pi",
    'x = ode(rhs, y0, t0, ts, method = "rk45", rtol = 1e-6,)',
    "x = a[0]\n[1, 2] ~ D()",
    "t = a;\n-t ~ Normal(0, 1)",
    "guide {\n  (mu, tau) ~ fullrank\n  z[n] ~ amortized(x[n], hidden = [64])\n"
    "  w ~ LogNormal\n  a, b ~ lowrank(10)\n  default ~ meanfield\n}",
    "guide { }",
    "σ² = μ + θ₁",
)

NAMES_THAT_ARE_WORDS = (
    "dim = 3",
    "data ~ Normal(0, 1)",
    "data[n] = weight",
    "weight, missing = from",
    "fn = fn + 1",
    "guide = 3",
    "guide ~ Normal(0, 1)",
    "fn data(data) { t = 1; data and t }",
    "y ~ Normal(0, 1) weight weight[weight]",
    "inside = information + order + android + nothing + iffy + format",
    "x = sum(factor * require for param in dim)",
    "data data[data] in data from 1 missing missing",
)
