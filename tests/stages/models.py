"""Models whose every stage is a golden file, with small data."""

from typing import Any

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "one_line": (
        "z ~ Normal(0,1); x ~ Normal(W*z, s)",
        {"x": [0.5, -1.0, 2.0]},
    ),
    "eight_schools": (
        "data y[J]\ndata sigma[J] > 0\n\nmu ~ Normal(0, 5)\ntau ~ HalfCauchy(5)\n"
        "theta[J] ~ Normal(mu, tau)\ny ~ Normal(theta, sigma)",
        {
            "y": [28, 8, -3, 7, -1, 1, 18, 12],
            "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
        },
    ),
    "regression": (
        "data x[N], y[N]\na ~ Normal(0, 10)\nb ~ Normal(0, 10)\ns ~ HalfNormal(5)\n"
        "mu = a + b * (x - mean(x))\ny ~ Normal(mu, s)",
        {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.1, 3.9, 6.2, 7.8]},
    ),
    "logistic": (
        "data X[N, D], y[N] in {0, 1}\na ~ Normal(0, 5)\nb[D] ~ Normal(0, 2)\n"
        "y ~ Bernoulli(logit = a + X @ b)",
        {"X": [[1.0, 2.0], [0.5, 0.1], [2.0, 1.0]], "y": [0, 1, 1]},
    ),
    "factor_analysis": (
        "dim K = 2\nparam W[D, K], b[D], s > 0\nfor n in N {\n  z[n, K] ~ Normal(0, 1)\n"
        "  for d in D { x[n, d] ~ Normal(b[d] + sum(W[d, k] * z[n, k] for k in K), s) }\n}",
        {"x": [[1.0, 2.0, 0.0], [0.5, 0.1, 1.0]]},
    ),
    "hierarchy": (
        "data g[N] in J from 1, y[N]\nmu ~ Normal(0, 10)\ntau ~ HalfNormal(2)\ns ~ HalfNormal(2)\n"
        "a[J] ~ Normal(mu, tau)\ny ~ Normal(a[g], s)",
        {"g": [1, 1, 2, 3, 3], "y": [0.1, 0.4, 1.2, -0.3, 0.2]},
    ),
    "autoregression": (
        "data y[T]\nrho ~ Uniform(-1, 1)\ns ~ HalfNormal(1)\ny[0] ~ Normal(0, 1)\n"
        "for t in 1:T { y[t] ~ Normal(rho * y[t - 1], s) }",
        {"y": [0.3, 0.1, -0.4, 0.2]},
    ),
    "pieces": (
        "dim K = 4\nalpha[0] = 0\nalpha[1:K] ~ Normal(0, 2)\ndata k[N] in K\n"
        "data y[N] in Count\ny ~ Poisson(log = alpha[k])",
        {"k": [0, 1, 2, 3, 3], "y": [1, 0, 4, 2, 3]},
    ),
    "mixture": (
        "dim K = 2\np[K] ~ Dirichlet(1)\nmu[K] ~ Normal(0, 5) in Ordered\n"
        "for n in N {\n  z[n] ~ Categorical(p)\n  y[n] ~ Normal(mu[z[n]], 1)\n}",
        {"y": [-1.0, 2.0, 1.5]},
    ),
}
