"""Log densities by SciPy, one number, vector or matrix at a time, under the language's names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import binom, expit, gammaln, log_expit, softmax

Arguments = Mapping[str, Any]

ORDER: dict[str, tuple[str, ...]] = {
    "Normal": ("mu", "sigma"),
    "StudentT": ("nu", "mu", "sigma"),
    "Cauchy": ("mu", "sigma"),
    "Laplace": ("mu", "b"),
    "Logistic": ("mu", "s"),
    "Gumbel": ("mu", "beta"),
    "Flat": (),
    "HalfNormal": ("sigma",),
    "HalfCauchy": ("sigma",),
    "HalfStudentT": ("nu", "sigma"),
    "Exponential": ("rate",),
    "Gamma": ("alpha", "beta"),
    "InverseGamma": ("alpha", "beta"),
    "LogNormal": ("mu", "sigma"),
    "Weibull": ("alpha", "sigma"),
    "Uniform": ("a", "b"),
    "Beta": ("alpha", "beta"),
    "Bernoulli": ("p",),
    "Binomial": ("n", "p"),
    "Poisson": ("mu",),
    "NegativeBinomial": ("mu", "phi"),
    "Geometric": ("p",),
    "DiscreteUniform": ("a", "b"),
    "Categorical": ("p",),
    "MultivariateNormal": ("mu", "cov"),
    "Dirichlet": ("alpha",),
    "LKJCholesky": ("eta",),
    "ICAR": ("edges", "sigma"),
    "CAR": ("edges", "rho", "sigma"),
}
"""The arguments given by position; keywords replace the first that they stand for."""

EVENT = {"MultivariateNormal": 1, "Dirichlet": 1, "LKJCholesky": 2, "ICAR": 1, "CAR": 1}
"""How many of a value's last axes are one draw."""

VECTORS: dict[str, dict[str, int]] = {
    "MultivariateNormal": {"mu": 1, "cov": 2, "chol": 2, "precision": 2},
    "Dirichlet": {"alpha": 1},
    "Categorical": {"p": 1, "logit": 1},
    "ICAR": {"edges": 2},
    "CAR": {"edges": 2},
}
"""How many of an argument's last axes belong together."""

DISCRETE = {"Bernoulli", "Binomial", "Categorical", "DiscreteUniform", "Geometric", "Poisson"}
DISCRETE |= {"NegativeBinomial"}


def _gamma(a: Arguments) -> Any:
    alpha, beta = a.get("alpha"), a.get("beta")
    if "mu" in a:
        alpha, beta = a["mu"] ** 2 / a["sigma"] ** 2, a["mu"] / a["sigma"] ** 2
    return stats.gamma(alpha, scale=1 / beta)


def _beta(a: Arguments) -> Any:
    if "mu" in a:
        return stats.beta(a["mu"] * a["kappa"], (1 - a["mu"]) * a["kappa"])
    return stats.beta(a["alpha"], a["beta"])


def _negative_binomial(a: Arguments) -> Any:
    mu = math.exp(a["log"]) if "log" in a else a["mu"]
    return stats.nbinom(a["phi"], a["phi"] / (mu + a["phi"]))


def _probability(a: Arguments) -> float:
    return float(expit(a["logit"])) if "logit" in a else a["p"]


SCALAR: dict[str, Callable[[Arguments], Any]] = {
    "Normal": lambda a: stats.norm(
        a["mu"], a["precision"] ** -0.5 if "precision" in a else a["sigma"]
    ),
    "StudentT": lambda a: stats.t(a["nu"], a["mu"], a["sigma"]),
    "Cauchy": lambda a: stats.cauchy(a["mu"], a["sigma"]),
    "Laplace": lambda a: stats.laplace(a["mu"], a["b"]),
    "Logistic": lambda a: stats.logistic(a["mu"], a["s"]),
    "Gumbel": lambda a: stats.gumbel_r(a["mu"], a["beta"]),
    "HalfNormal": lambda a: stats.halfnorm(scale=a["sigma"]),
    "HalfCauchy": lambda a: stats.halfcauchy(scale=a["sigma"]),
    "HalfStudentT": lambda a: stats.t(a["nu"], scale=a["sigma"]),
    "Exponential": lambda a: stats.expon(scale=1 / a["rate"]),
    "Gamma": _gamma,
    "InverseGamma": lambda a: stats.invgamma(a["alpha"], scale=a["beta"]),
    "LogNormal": lambda a: stats.lognorm(a["sigma"], scale=math.exp(a["mu"])),
    "Weibull": lambda a: stats.weibull_min(a["alpha"], scale=a["sigma"]),
    "Uniform": lambda a: stats.uniform(a["a"], a["b"] - a["a"]),
    "Beta": _beta,
    "Bernoulli": lambda a: stats.bernoulli(_probability(a)),
    "Binomial": lambda a: stats.binom(a["n"], _probability(a)),
    "Poisson": lambda a: stats.poisson(math.exp(a["log"]) if "log" in a else a["mu"]),
    "NegativeBinomial": _negative_binomial,
    "Geometric": lambda a: stats.geom(a["p"], loc=-1),
    "DiscreteUniform": lambda a: stats.randint(a["a"], a["b"] + 1),
}


def _lkj_cholesky(x: np.ndarray[Any, Any], eta: float) -> float:
    """Return the density of the factor, normalised by the vine's product of beta functions.

    Lewandowski, Kurowicka and Joe (2009), equation (16): the integral of det(R)^(eta - 1).
    """
    n = len(x)
    log_constant = 0.0
    for k in range(1, n):
        power = 2 * eta - 2 + n - k
        shape = eta + (n - k - 1) / 2
        log_beta = 2 * gammaln(shape) - gammaln(2 * shape)
        log_constant += power * (n - k) * math.log(2) + (n - k) * log_beta
    log_determinant = 2 * float(np.sum(np.log(np.diag(x))))
    log_of_matrix = (eta - 1) * log_determinant - log_constant
    log_jacobian = sum((n - 1 - i) * math.log(x[i, i]) for i in range(n))
    return log_of_matrix + log_jacobian


def _field(x: Any, edges: Any, rho: float | None, sigma: float) -> float:
    """Return the density of a field over a graph by its dense precision matrix.

    Without `rho` it is that of vectors with sum 0, along which the matrix is singular.
    """
    neighbours = np.zeros((len(x), len(x)))
    for a, b in edges.astype(int):
        neighbours[a, b] = neighbours[b, a] = 1.0
    weight = 1.0 if rho is None else rho
    precision = (np.diag(neighbours.sum(0)) - weight * neighbours) / sigma**2
    values = np.linalg.eigvalsh(precision)
    values = values[1:] if rho is None else values
    return float(np.sum(np.log(values / (2 * np.pi))) - x @ precision @ x) / 2


def log_density(name: str, x: Any, arguments: Arguments) -> float:
    """Return the log density or log mass at one value."""
    if name == "Flat":
        return 0.0
    if name in ("Bernoulli", "Binomial") and "logit" in arguments:
        n, logit = arguments.get("n", 1), arguments["logit"]
        ways = math.log(binom(n, x))
        return ways + x * float(log_expit(logit)) + (n - x) * float(log_expit(-logit))
    if name == "Categorical":
        p = softmax(arguments["logit"]) if "logit" in arguments else arguments["p"]
        return math.log(p[int(x)]) if p[int(x)] > 0 else -math.inf
    if name == "MultivariateNormal":
        if "chol" in arguments:
            covariance = arguments["chol"] @ arguments["chol"].T
        elif "precision" in arguments:
            covariance = np.linalg.inv(arguments["precision"])
        else:
            covariance = arguments["cov"]
        return float(stats.multivariate_normal(arguments["mu"], covariance).logpdf(x))
    if name == "Dirichlet":
        head = x[:-1]
        return float(stats.dirichlet(arguments["alpha"]).logpdf([*head, 1 - math.fsum(head)]))
    if name in ("ICAR", "CAR"):
        return _field(x, arguments["edges"], arguments.get("rho"), arguments["sigma"])
    if name == "LKJCholesky":
        return _lkj_cholesky(x, arguments["eta"])
    law = SCALAR[name](arguments)
    if name in DISCRETE:
        return float(law.logpmf(x))
    if name == "HalfStudentT":
        return math.log(2) + float(law.logpdf(x)) if x >= 0 else -math.inf
    return float(law.logpdf(x))


def log_probability(name: str, arguments: Arguments, inside: list[tuple[str, float]]) -> float:
    """Return the log probability that a number meets all of some comparisons with bounds.

    What lies below the mass of a Half... is nothing; a bound there is moved to 0.
    """
    law = SCALAR[name](arguments)
    low, high = -math.inf, math.inf
    for operator, bound in inside:
        edge = math.ceil(bound) - 1 if name in DISCRETE and operator in (">=", "<") else bound
        if operator in (">", ">="):
            low = max(low, edge)
        else:
            high = min(high, edge)
    doubled = 0.0
    if name == "HalfStudentT":
        low, doubled = max(low, 0.0), math.log(2)
    if high == math.inf:
        return float(law.logsf(low)) + doubled
    if low == -math.inf:
        return float(law.logcdf(high)) + doubled
    if law.cdf(low) > 0.5:
        return math.log(law.sf(low) - law.sf(high)) + doubled
    return math.log(law.cdf(high) - law.cdf(low)) + doubled
