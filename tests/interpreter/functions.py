"""The language's functions, on single numbers, vectors and matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from scipy.stats import norm


def _log(x: float) -> float:
    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)


def _divide(a: float, b: float) -> float:
    return a / b if b else math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)


def _power(a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.float_power(a, b))


OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * math.floor(a / b),
    "^": _power,
    "and": lambda a, b: float(a != 0 and b != 0),
    "or": lambda a, b: float(a != 0 or b != 0),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
}

ELEMENTWISE: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": _log,
    "log10": lambda x: _log(x) / math.log(10),
    "log2": lambda x: _log(x) / math.log(2),
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": math.sqrt,
    "square": lambda x: x * x,
    "abs": abs,
    "sign": lambda x: float((x > 0) - (x < 0)),
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "arctan": math.atan,
    "sigmoid": special.expit,
    "inv_logit": special.expit,
    "logit": special.logit,
    "log_sigmoid": special.log_expit,
    "Phi": norm.cdf,
    "inv_probit": norm.cdf,
    "probit": norm.ppf,
    "erf": math.erf,
    "softplus": lambda x: float(np.logaddexp(0.0, x)),
    "log1m": lambda x: math.log1p(-x),
    "log1m_exp": lambda x: math.log1p(-math.exp(x)),
    "log1p_exp": lambda x: float(np.logaddexp(0.0, x)),
    "gammaln": math.lgamma,
    "lgamma": math.lgamma,
    "log_factorial": lambda x: math.lgamma(x + 1),
    "digamma": special.digamma,
    "pow": _power,
    "mod": OPERATORS["%"],
    "hypot": math.hypot,
    "atan2": math.atan2,
    "logaddexp": lambda a, b: float(np.logaddexp(a, b)),
    "betaln": special.betaln,
    "log_choose": lambda n, k: _log(special.binom(n, k)),
    "xlogy": lambda x, y: 0.0 if x == 0 else x * _log(y),
    "xlog1py": lambda x, y: 0.0 if x == 0 else x * math.log1p(y),
    "log_mix": lambda p, a, b: float(special.logsumexp([a, b], b=[p, 1 - p])),
    "clip": lambda x, a, b: min(max(x, a), b),
}


def total(function: Callable[..., float]) -> Callable[..., float]:
    """Return NaN outside the domain: a branch not taken may stand there."""

    def value(*numbers: float) -> float:
        try:
            return function(*numbers)
        except (ValueError, OverflowError):
            return math.nan

    return value


REDUCTIONS: dict[str, Callable[[Any], float]] = {
    "sum": math.fsum,
    "prod": math.prod,
    "min": min,
    "max": max,
    "mean": lambda x: math.fsum(x) / len(x),
    "var": lambda x: float(np.var(x, ddof=1)),
    "sd": lambda x: float(np.std(x, ddof=1)),
    "logsumexp": lambda x: float(special.logsumexp(x)),
    "any": lambda x: float(any(v != 0 for v in x)),
    "all": lambda x: float(all(v != 0 for v in x)),
    "count": lambda x: float(sum(v != 0 for v in x)),
}


def _kernel(shape: Callable[[float], float]) -> Callable[..., Any]:
    def matrix(x: Any, alpha: Any, rho: Any) -> Any:
        return np.array([[alpha**2 * shape(abs(a - b) / rho) for b in x] for a in x])

    return matrix


Axes = tuple[tuple[int, ...], str]
"""How many last axes each argument gives, and which of them the result has.

A letter and a digit name an argument and one of its own axes; ``s`` is a new axis without a name.
"""

OF_ARRAYS: dict[str, tuple[Axes, Callable[..., Any]]] = {
    "softmax": (((1,), "a0"), special.softmax),
    "log_softmax": (((1,), "a0"), special.log_softmax),
    "cumsum": (((1,), "a0"), np.cumsum),
    "cumprod": (((1,), "a0"), np.cumprod),
    "diff": (((1,), "s"), np.diff),
    "sort": (((1,), "a0"), np.sort),
    "standardize": (((1,), "a0"), lambda x: (x - x.mean()) / x.std(ddof=1)),
    "outer": (((1, 1), "a0 b0"), np.outer),
    "diag": (((2,), "a0"), np.diag),
    "diag_matrix": (((1,), "a0 a0"), np.diag),
    "trace": (((2,), ""), np.trace),
    "inv": (((2,), "a0 a1"), np.linalg.inv),
    "logdet": (((2,), ""), lambda a: np.linalg.slogdet(a)[1]),
    "cholesky": (((2,), "a0 a1"), np.linalg.cholesky),
    "quad_form": (((2, 1), ""), lambda a, b: b @ a @ b),
    "solve": (((2, 1), "b0"), np.linalg.solve),
    "solve_triangular": (((2, 1), "b0"), lambda a, b: np.linalg.solve(np.tril(a), b)),
    "exp_quad": (((1, 0, 0), "a0 a0"), _kernel(lambda d: math.exp(-d * d / 2))),
    "matern32": (
        ((1, 0, 0), "a0 a0"),
        _kernel(lambda d: (1 + math.sqrt(3) * d) * math.exp(-math.sqrt(3) * d)),
    ),
    "matern52": (
        ((1, 0, 0), "a0 a0"),
        _kernel(lambda d: (1 + math.sqrt(5) * d + 5 * d * d / 3) * math.exp(-math.sqrt(5) * d)),
    ),
    "linear": (((1, 0), "a0 a0"), lambda x, alpha: alpha**2 * np.outer(x, x)),
}
