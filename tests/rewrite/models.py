"""Models whose likelihoods rules take apart, with data made at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

N, D, J, K = 640, 3, 7, 4
COEFFICIENTS = "b[D] ~ Normal(0, 1)\na ~ Normal(0, 1)\n"
GROUPS = "dim J = 7\ndata g[N] in J\nu[J] ~ Normal(0, 1)\n"
SCALE = "s ~ Exponential(1)\n"


@dataclass(frozen=True)
class Case:
    """A model, the data that it takes, and the names of the rules that are to fire."""

    text: str
    data: str
    fires: frozenset[str]

    def values(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return data."""
        return {name: made(rng) for name, made in DATA.items() if name in self.data.split()}


def _missing(values: Any, step: int) -> Any:
    values = np.array(values, float)
    values[::step] = np.nan
    return values


def _integers(low: int, high: int) -> Callable[[np.random.Generator], Any]:
    return lambda rng: rng.integers(low, high, N)


DATA: Mapping[str, Callable[[np.random.Generator], Any]] = {
    "X": lambda rng: rng.normal(size=(N, D)),
    "x": _integers(0, 2),
    "z": lambda rng: rng.normal(size=N),
    "g": _integers(0, J),
    "w": _integers(1, 4),
    "e": lambda rng: rng.normal(size=N),
    "n": _integers(5, 9),
    "real": lambda rng: rng.normal(3, 1, N),
    "gaps": lambda rng: _missing(rng.normal(3, 1, N), 7),
    "rows": lambda rng: rng.normal(size=(N, K)),
    "flag": _integers(0, 2),
    "holes": lambda rng: _missing(rng.integers(0, 2, N), 3),
    "flags": lambda rng: rng.integers(0, 2, (N, K)),
    "count": lambda rng: rng.poisson(3, N),
    "some": _integers(0, 5),
    "size": lambda rng: rng.gamma(2, 1, N),
    "share": lambda rng: rng.uniform(size=N),
}

SUMS, FACTOR, EQUAL, FUSED = (
    "sufficient statistics",
    "triangular factor",
    "equal rows",
    "fused rows",
)


def _case(data: str, text: str, *fires: str) -> Case:
    return Case(text, data, frozenset(fires))


CASES = {
    "linear": _case(
        "X real",
        f"data X[N, D]\n{COEFFICIENTS}{SCALE}mu = X @ b + a\nreal[N] ~ Normal(mu, s)",
        SUMS,
        FACTOR,
    ),
    "linear, weighted": _case(
        "X w real",
        f"data X[N, D], w[N]\n{COEFFICIENTS}{SCALE}"
        "for n in N { real[n] ~ Normal(X[n] @ b + a, s) weight w[n] }",
        SUMS,
        FACTOR,
    ),
    "linear, missing": _case(
        "X gaps",
        f"data X[N, D]\n{COEFFICIENTS}{SCALE}gaps[N] ~ Normal(X @ b + a, s)",
        SUMS,
        FACTOR,
    ),
    "linear in columns": _case(
        "x z real",
        f"data x[N], z[N]\na ~ Normal(0, 1)\nb ~ Normal(0, 1)\nc ~ Normal(0, 1)\n{SCALE}"
        "real[N] ~ Normal(a + b * x + c * z + b * c * x * z + 0.3 * z, s)",
        SUMS,
        FACTOR,
    ),
    "linear with groups": _case(
        "X g real",
        f"data X[N, D]\n{COEFFICIENTS}{GROUPS}{SCALE}"
        "for n in N { real[n] ~ Normal(X[n] @ b + a + u[g[n]], s) }",
        SUMS,
        FACTOR,
    ),
    "slopes by group": _case(
        "X g real",
        f"data X[N, D]\ndim J = 7\ndata g[N] in J\nB[J, D] ~ Normal(0, 1)\n{SCALE}"
        "for n in N { real[n] ~ Normal(sum(X[n, d] * B[g[n], d] for d in D), s) }",
        SUMS,
        FACTOR,
    ),
    "several outcomes": _case(
        "X rows",
        "data X[N, D]\nB[D, K] ~ Normal(0, 1)\ns[K] ~ Exponential(1)\n"
        "for n in N, k in K { rows[n, k] ~ Normal(sum(X[n, d] * B[d, k] for d in D), s[k]) }",
        SUMS,
        FACTOR,
    ),
    "one Gaussian": _case("real", f"m ~ Normal(0, 1)\n{SCALE}real[N] ~ Normal(m, s)", SUMS, FACTOR),
    "hierarchy": _case(
        "x g real",
        f"data x[N]\ndim J = 7\ndata g[N] in J\nu[J] ~ Normal(m, t)\nm ~ Normal(0, 1)\n"
        f"t ~ Exponential(1)\nb ~ Normal(0, 1)\n{SCALE}"
        "for n in N { real[n] ~ Normal(u[g[n]] + b * x[n], s) }",
        SUMS,
        FACTOR,
    ),
    "some groups": _case(
        "X g real",
        "data X[N, D]\ndim J = 9\ndata g[N] in J\nu[J] ~ Normal(0, t)\nt ~ Exponential(1)\n"
        f"v[J] ~ Normal(0, 1)\n{COEFFICIENTS}{SCALE}"
        "for n in N { real[n] ~ Normal(X[n] @ b + a + u[g[n]] + v[g[n]] * X[n, 0], s) }",
        SUMS,
        FACTOR,
    ),
    "crossed groups": _case(
        "x g some real",
        "data x[N]\ndim J = 7\ndim L = 5\ndata g[N] in J, some[N] in L\nu[J] ~ Normal(0, 1)\n"
        f"v[L] ~ Normal(0, 1)\nb ~ Normal(0, 1)\n{SCALE}"
        "for n in N { real[n] ~ Normal(u[g[n]] + v[some[n]] + b * x[n], s) }",
        SUMS,
        EQUAL,
    ),
    "not linear, equal rows": _case(
        "x real",
        f"data x[N]\nb ~ Normal(0, 1)\n{SCALE}real[N] ~ Normal(exp(b * x), s)",
        SUMS,
        EQUAL,
    ),
    "factor": _case(
        "X real",
        f"data X[N, D]\n{COEFFICIENTS}factor -0.5 * sum((X[n] @ b)^2 for n in N)\n"
        "real[N] ~ Normal(a, 1)",
        SUMS,
        FACTOR,
    ),
    "Poisson": _case("count", "m ~ Gamma(2, 1)\ncount[N] ~ Poisson(m)", SUMS),
    "Bernoulli": _case("flag", "p ~ Beta(2, 1)\nflag[N] ~ Bernoulli(p)", SUMS),
    "Bernoulli, missing": _case("holes", "p ~ Beta(2, 1)\nholes[N] ~ Bernoulli(p)", SUMS),
    "Binomial": _case("n some", "data n[N]\np ~ Beta(2, 1)\nsome[N] ~ Binomial(n, p)", SUMS),
    "Exponential": _case("size", "m ~ Gamma(2, 1)\nsize[N] ~ Exponential(m)", SUMS),
    "Gamma": _case("size", "m ~ Gamma(2, 1)\nq ~ Gamma(2, 1)\nsize[N] ~ Gamma(m, q)", SUMS),
    "Beta": _case("share", "m ~ Gamma(2, 1)\nq ~ Gamma(2, 1)\nshare[N] ~ Beta(m, q)", SUMS),
    "negative binomial": _case(
        "count", "m ~ Gamma(2, 1)\nq ~ Gamma(2, 1)\ncount[N] ~ NegativeBinomial(m, q)", SUMS, EQUAL
    ),
    "Poisson by group": _case(
        "g count",
        "dim J = 9\ndata g[N] in J\nm[J] ~ Gamma(2, 1)\nfor n in N { count[n] ~ Poisson(m[g[n]]) }",
        SUMS,
        EQUAL,
    ),
    "logistic": _case(
        "X flag",
        f"data X[N, D]\n{COEFFICIENTS}flag[N] ~ Bernoulli(logit = X @ b + a)",
        SUMS,
        FUSED,
    ),
    "logistic by probability": _case(
        "X flag",
        f"data X[N, D]\n{COEFFICIENTS}p = sigmoid(X @ b + a)\nflag[N] ~ Bernoulli(p)",
        SUMS,
        FUSED,
    ),
    "logistic, weighted": _case(
        "X w flag",
        f"data X[N, D], w[N]\n{COEFFICIENTS}"
        "for n in N { flag[n] ~ Bernoulli(logit = X[n] @ b + a) weight w[n] }",
        SUMS,
        FUSED,
    ),
    "logistic, missing": _case(
        "X holes",
        f"data X[N, D]\n{COEFFICIENTS}holes[N] ~ Bernoulli(logit = X @ b + a)",
        SUMS,
    ),
    "logistic with groups": _case(
        "X g flag",
        f"data X[N, D]\n{COEFFICIENTS}{GROUPS}v[J, D] ~ Normal(0, 1)\n"
        "for n in N {\n  flag[n] ~ Bernoulli(logit = X[n] @ b + a + 2 * u[g[n]]"
        " + sum(X[n, d] * v[g[n], d] for d in D))\n}",
        SUMS,
        FUSED,
    ),
    "binomial regression": _case(
        "X n some",
        f"data X[N, D], n[N]\n{COEFFICIENTS}some[N] ~ Binomial(n, logit = X @ b + a)",
        SUMS,
        FUSED,
    ),
    "Poisson regression": _case(
        "X e count",
        f"data X[N, D], e[N]\n{COEFFICIENTS}mu = exp(X @ b + a + e)\ncount[N] ~ Poisson(mu)",
        SUMS,
        FUSED,
    ),
    "negative binomial regression": _case(
        "X count",
        f"data X[N, D]\n{COEFFICIENTS}phi ~ Gamma(2, 1)\n"
        "count[N] ~ NegativeBinomial(log = X @ b + a, phi = phi)",
        SUMS,
        FUSED,
        EQUAL,
    ),
    "logistic, equal rows": _case(
        "x g flag",
        f"data x[N]\n{GROUPS}b ~ Normal(0, 1)\n"
        "for n in N { flag[n] ~ Bernoulli(logit = u[g[n]] + b * x[n]) }",
        SUMS,
        EQUAL,
    ),
    "two plates, equal rows": _case(
        "x flags",
        "data x[N]\nb[K] ~ Normal(0, 1)\n"
        "for n in N, k in K { flags[n, k] ~ Bernoulli(logit = b[k] * x[n]) }",
        SUMS,
        EQUAL,
    ),
    "scale by row": _case(
        "X x real",
        f"data X[N, D], x[N]\n{COEFFICIENTS}c ~ Normal(0, 1)\n"
        "real[N] ~ Normal(X @ b + a, exp(c * x))",
        SUMS,
    ),
    "heavy tails": _case(
        "X real", f"data X[N, D]\n{COEFFICIENTS}{SCALE}real[N] ~ StudentT(4, X @ b + a, s)"
    ),
    "latents of rows": _case("real", f"z[N] ~ Normal(0, 1)\n{SCALE}real[N] ~ Normal(z, s)"),
}
