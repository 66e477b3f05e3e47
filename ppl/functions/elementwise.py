"""Functions of single numbers, elementwise over arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

from ppl.constraints import (
    Constraint,
    at_least,
    greater_than,
    interval,
    less_than,
    nonnegative,
    positive,
    probability,
    real,
)
from ppl.functions.record import Function
from ppl.primitives.special import log1m_exp

DEGREE = math.pi / 180.0


def _of_x(
    name: str,
    summary: str,
    expression: Callable[..., Any],
    domain: Constraint = real,
    reference: Callable[..., Any] | None = None,
) -> None:
    Function(
        name=name,
        summary=summary,
        parameters={"x": domain},
        expression=expression,
        reference=reference,
    )


def _of_two(
    name: str,
    summary: str,
    expression: Callable[..., Any],
    reference: Callable[..., Any] | None = None,
    **parameters: Constraint,
) -> None:
    Function(
        name=name,
        summary=summary,
        parameters=parameters or {"a": real, "b": real},
        expression=expression,
        reference=reference,
    )


def _vectorised(function: Callable[..., float]) -> Callable[..., Any]:
    """Return a reference on arrays from a function of Python's numbers."""
    return np.vectorize(function, otypes=[float])


_of_x("exp", "e to the power x.", np.exp, reference=_vectorised(math.exp))
_of_x("exp2", "2 to the power x.", np.exp2, reference=_vectorised(lambda x: 2.0**x))
_of_x("expm1", "exp(x) - 1, exact near 0.", np.expm1, reference=_vectorised(math.expm1))
_of_x("log", "Natural logarithm.", np.log, nonnegative, _vectorised(math.log))
_of_x("log2", "Logarithm to base 2.", np.log2, nonnegative, _vectorised(math.log2))
_of_x("log10", "Logarithm to base 10.", np.log10, nonnegative, _vectorised(math.log10))
_of_x("log1p", "log(1 + x), exact near 0.", np.log1p, at_least(-1.0), _vectorised(math.log1p))
_of_x(
    "log1m",
    "log(1 - x), exact near 0.",
    lambda x: np.log1p(-x),
    less_than(1.0),
    _vectorised(lambda x: math.log1p(-x)),
)
_of_x(
    "log1m_exp",
    "log(1 - exp(x)) for x < 0.",
    log1m_exp,
    less_than(0.0),
    _vectorised(lambda x: math.log(-math.expm1(x))),
)
_of_x(
    "log1p_exp",
    "log(1 + exp(x)).",
    lambda x: np.logaddexp(0.0, x),
    reference=_vectorised(lambda x: math.log1p(math.exp(x))),
)
_of_x(
    "softplus",
    "log(1 + exp(x)): a smooth maximum of 0 and x.",
    lambda x: np.logaddexp(0.0, x),
    reference=_vectorised(lambda x: math.log1p(math.exp(x))),
)
_of_x("sqrt", "Square root.", np.sqrt, nonnegative, _vectorised(math.sqrt))
_of_x("cbrt", "Cube root.", np.cbrt, reference=_vectorised(math.cbrt))
_of_x("square", "x times x.", np.square, reference=_vectorised(lambda x: x * x))
_of_x("inverse", "1 / x.", np.reciprocal, reference=_vectorised(lambda x: 1.0 / x))
_of_x("abs", "Absolute value.", np.absolute, reference=_vectorised(abs))
_of_x(
    "sign",
    "-1, 0 or 1.",
    np.sign,
    reference=_vectorised(lambda x: (x > 0) - (x < 0)),
)
_of_x("floor", "The integer at or below x.", np.floor, reference=_vectorised(math.floor))
_of_x("ceil", "The integer at or above x.", np.ceil, reference=_vectorised(math.ceil))
_of_x(
    "round", "The nearest integer; halves to the even one.", np.rint, reference=_vectorised(round)
)
_of_x("trunc", "x without its fraction.", np.trunc, reference=_vectorised(math.trunc))

_of_x("sin", "Sine of radians.", np.sin, reference=_vectorised(math.sin))
_of_x("cos", "Cosine of radians.", np.cos, reference=_vectorised(math.cos))
_of_x("tan", "Tangent of radians.", np.tan, reference=_vectorised(math.tan))
_of_x(
    "arcsin",
    "Angle whose sine is x.",
    np.arcsin,
    interval(-1.0, 1.0, "both"),
    _vectorised(math.asin),
)
_of_x(
    "arccos",
    "Angle whose cosine is x.",
    np.arccos,
    interval(-1.0, 1.0, "both"),
    _vectorised(math.acos),
)
_of_x("arctan", "Angle whose tangent is x.", np.arctan, reference=_vectorised(math.atan))
_of_x("sinh", "Hyperbolic sine.", np.sinh, reference=_vectorised(math.sinh))
_of_x("cosh", "Hyperbolic cosine.", np.cosh, reference=_vectorised(math.cosh))
_of_x("tanh", "Hyperbolic tangent.", np.tanh, reference=_vectorised(math.tanh))
_of_x("arcsinh", "Inverse of sinh.", np.arcsinh, reference=_vectorised(math.asinh))
_of_x("arccosh", "Inverse of cosh.", np.arccosh, at_least(1.0), _vectorised(math.acosh))
_of_x("arctanh", "Inverse of tanh.", np.arctanh, interval(-1.0, 1.0), _vectorised(math.atanh))
_of_x(
    "radians",
    "Degrees in radians.",
    lambda x: x * DEGREE,
    reference=_vectorised(math.radians),
)
_of_x(
    "degrees",
    "Radians in degrees.",
    lambda x: x / DEGREE,
    reference=_vectorised(math.degrees),
)

_of_x(
    "sigmoid",
    "1 / (1 + exp(-x)): from a log odds to a probability.",
    sp.expit,
    reference=_vectorised(lambda x: 1.0 / (1.0 + math.exp(-x))),
)
_of_x(
    "inv_logit",
    "The same as sigmoid.",
    sp.expit,
    reference=_vectorised(lambda x: 1.0 / (1.0 + math.exp(-x))),
)
_of_x(
    "log_sigmoid",
    "Logarithm of the sigmoid.",
    sp.log_expit,
    reference=_vectorised(lambda x: -math.log1p(math.exp(-x))),
)
_of_x(
    "logit",
    "log(x / (1 - x)): from a probability to a log odds.",
    sp.logit,
    probability,
    _vectorised(lambda x: math.log(x) - math.log1p(-x)),
)
_of_x(
    "Phi",
    "Probability that a standard normal is at most x.",
    sp.ndtr,
    reference=_vectorised(lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0))),
)
_of_x(
    "inv_probit",
    "The same as Phi.",
    sp.ndtr,
    reference=_vectorised(lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0))),
)
_of_x(
    "log_Phi",
    "Logarithm of Phi, exact in the tail.",
    sp.log_ndtr,
    reference=_vectorised(lambda x: math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))),
)
_of_x(
    "probit", "Inverse of Phi.", sp.ndtri, probability, lambda x: -math.sqrt(2) * sp.erfcinv(2 * x)
)
_of_x(
    "inv_Phi",
    "The same as probit.",
    sp.ndtri,
    probability,
    lambda x: -math.sqrt(2) * sp.erfcinv(2 * x),
)
_of_x("erf", "Error function.", sp.erf, reference=_vectorised(math.erf))
_of_x("erfc", "1 - erf(x), exact in the tail.", sp.erfc, reference=_vectorised(math.erfc))
_of_x("gammaln", "Logarithm of the gamma function.", sp.gammaln, positive, _vectorised(math.lgamma))
_of_x("lgamma", "The same as gammaln.", sp.gammaln, positive, _vectorised(math.lgamma))
_of_x(
    "log_factorial",
    "log(x!).",
    lambda x: sp.gammaln(x + 1.0),
    greater_than(-1.0),
    _vectorised(lambda x: math.lgamma(x + 1.0)),
)
_of_x("digamma", "Derivative of gammaln.", sp.digamma, positive, lambda x: sp.polygamma(0, x))

_of_two("pow", "a to the power b.", np.power, np.float_power, a=nonnegative, b=real)
_of_two("mod", "What is left of a after whole multiples of b.", np.remainder, np.mod)
_of_two(
    "atan2", "Angle of the point with height a and width b.", np.arctan2, _vectorised(math.atan2)
)
_of_two("hypot", "sqrt(a^2 + b^2).", np.hypot, _vectorised(math.hypot))
_of_two(
    "logaddexp",
    "log(exp(a) + exp(b)).",
    np.logaddexp,
    _vectorised(lambda a, b: math.log(math.exp(a) + math.exp(b))),
)
_of_two(
    "log_diff_exp",
    "log(exp(a) - exp(b)) for a > b.",
    lambda a, b: a + log1m_exp(b - a),
    _vectorised(lambda a, b: math.log(math.exp(a) - math.exp(b)) if a > b else math.nan),
)
_of_two(
    "betaln",
    "Logarithm of the beta function.",
    sp.betaln,
    _vectorised(lambda a, b: math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)),
    a=positive,
    b=positive,
)
_of_two(
    "log_choose",
    "Logarithm of n over k.",
    lambda n, k: sp.gammaln(n + 1.0) - sp.gammaln(k + 1.0) - sp.gammaln(n - k + 1.0),
    lambda n, k: np.log(sp.binom(n, k)),
    n=nonnegative,
    k=nonnegative,
)
_of_two(
    "xlogy",
    "x log y, with 0 log 0 = 0.",
    sp.xlogy,
    _vectorised(lambda x, y: x * math.log(y) if x else 0.0),
    x=real,
    y=nonnegative,
)
_of_two(
    "xlog1py",
    "x log(1 + y), with 0 log 0 = 0.",
    sp.xlog1py,
    _vectorised(lambda x, y: x * math.log1p(y) if x else 0.0),
    x=real,
    y=at_least(-1.0),
)

Function(
    name="log_mix",
    summary="log(p exp(a) + (1 - p) exp(b)): a mixture of two log densities.",
    parameters={"p": probability, "a": real, "b": real},
    expression=lambda p, a, b: np.logaddexp(np.log(p) + a, np.log1p(-p) + b),
    reference=lambda p, a, b: np.log(p * np.exp(a) + (1.0 - p) * np.exp(b)),
)
Function(
    name="clip",
    summary="x, held between two bounds.",
    parameters={"x": real, "lower": real, "upper": real},
    expression=lambda x, lower, upper: np.minimum(np.maximum(x, lower), upper),
    reference=np.clip,
)
