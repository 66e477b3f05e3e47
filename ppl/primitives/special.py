"""Special functions as atoms: SciPy's, and some of ours where SciPy's derivative has traps.

Derivatives are zero, not NaN, where 0 · log 0 takes its limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.special as sp

from ppl.constraints import Range
from ppl.primitives import ranges
from ppl.primitives.atoms import Atom
from ppl.primitives.differentiation import elementwise
from ppl.primitives.operation import operation

Primitive = Callable[..., Any]

SQRT_PI = math.sqrt(math.pi)
SQRT_2PI = math.sqrt(2.0 * math.pi)
SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
SQRT_HALF = math.sqrt(0.5)


def _ratio(x: Any, y: Any) -> Any:
    """Return x / y, which is 0 where x or y is 0: a density has no slope at its edges."""
    if np.count_nonzero(y) == np.size(y):
        quotient = np.divide(x, y)
        if not math.isnan(np.add.reduce(quotient, axis=None)):
            return quotient
    edge = np.equal(x, 0) | np.equal(y, 0)
    return np.where(edge, 0.0, np.divide(x, np.where(edge, 1.0, y)))


ratio: Primitive = elementwise(
    _ratio,
    lambda ans, x, y: ratio(1.0, y),
    lambda ans, x, y: -ratio(ans, y),
)


def _log_or_zero(x: Any) -> Any:
    """Return log x, but 0 at 0."""
    return np.log(np.where(np.equal(x, 0), 1.0, x))


log_or_zero: Primitive = elementwise(
    _log_or_zero, lambda ans, x: ratio(anp.not_equal(x, 0) * 1.0, x)
)

_log_to_edge_primitive: Primitive = elementwise(np.log, lambda ans, x: ratio(1.0, x))
log_to_edge = operation(_log_to_edge_primitive)
"""The logarithm without slope at 0: where it is -inf, a sum over states has no use for it."""

hurwitz_zeta: Primitive = elementwise(
    sp.zeta, None, lambda ans, s, x: -s * hurwitz_zeta(s + 1.0, x)
)
digamma = elementwise(sp.digamma, lambda ans, x: hurwitz_zeta(2.0, x))
gammaln = elementwise(sp.gammaln, lambda ans, x: digamma(x))
betaln = elementwise(
    sp.betaln,
    lambda ans, a, b: digamma(a) - digamma(a + b),
    lambda ans, a, b: digamma(b) - digamma(a + b),
)
xlogy = elementwise(sp.xlogy, lambda ans, x, y: log_or_zero(y), lambda ans, x, y: ratio(x, y))
xlog1py = elementwise(
    sp.xlog1py,
    lambda ans, x, y: log_or_zero(1.0 + y),
    lambda ans, x, y: ratio(x, 1.0 + y),
)

expit: Primitive = elementwise(sp.expit, lambda ans, x: ans * expit(-x))
logit = elementwise(sp.logit, lambda ans, x: 1.0 / (x * (1.0 - x)))
log_expit = elementwise(sp.log_expit, lambda ans, x: expit(-x))

erfcx: Primitive = elementwise(sp.erfcx, lambda ans, x: 2.0 * x * ans - 2.0 / SQRT_PI)
erf = elementwise(sp.erf, lambda ans, x: (2.0 / SQRT_PI) * anp.exp(-anp.square(x)))
erfc = elementwise(sp.erfc, lambda ans, x: (-2.0 / SQRT_PI) * anp.exp(-anp.square(x)))
owens_t: Primitive = elementwise(
    sp.owens_t,
    lambda ans, h, a: (-0.5 / SQRT_2PI) * anp.exp(-0.5 * anp.square(h)) * erf(a * h * SQRT_HALF),
    lambda ans, h, a: (
        anp.exp(-0.5 * anp.square(h) * (1.0 + anp.square(a)))
        / (2.0 * math.pi * (1.0 + anp.square(a)))
    ),
)
erfinv = elementwise(sp.erfinv, lambda ans, x: (0.5 * SQRT_PI) * anp.exp(anp.square(ans)))
ndtr = elementwise(sp.ndtr, lambda ans, x: anp.exp(-0.5 * anp.square(x)) / SQRT_2PI)
ndtri = elementwise(sp.ndtri, lambda ans, p: SQRT_2PI * anp.exp(0.5 * anp.square(ans)))
log_ndtr = elementwise(sp.log_ndtr, lambda ans, x: SQRT_2_OVER_PI / erfcx(-SQRT_HALF * x))


def _i1e_slope(x: Any) -> Any:
    """Return i1e(x) / x, with its limit at 0."""
    tiny = np.abs(x) < 1e-8
    return np.where(tiny, 0.5, sp.i1e(x) / np.where(tiny, 1.0, x))


i1e_slope: Primitive = elementwise(
    _i1e_slope, lambda ans, x: ratio(i0e(x) - (2.0 + anp.abs(x)) * i1e_slope(x), x)
)
i1e: Primitive = elementwise(sp.i1e, lambda ans, x: i0e(x) - i1e_slope(x) - anp.sign(x) * ans)
i0e: Primitive = elementwise(sp.i0e, lambda ans, x: i1e(x) - anp.sign(x) * ans)


def slope_by_differences(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Return a derivative by differences of five points, where no closed form is known."""

    def derivative(ans: Any, *arguments: Any) -> Any:
        centre = 1.0 * arguments[position]
        step = 1e-3 * anp.minimum(anp.abs(centre), 1.0 + anp.sqrt(anp.abs(centre)))

        def at(multiple: float) -> Any:
            moved = list(arguments)
            moved[position] = centre + multiple * step
            return function(*moved)

        return (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)

    return derivative


def _gamma_density(a: Any, x: Any) -> Any:
    return anp.exp(xlogy(a - 1.0, x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return anp.exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b))


def _student_density(nu: Any, t: Any) -> Any:
    log_normaliser = betaln(0.5 * nu, 0.5) + 0.5 * anp.log(nu)
    return anp.exp(-0.5 * (nu + 1.0) * anp.log1p(anp.square(t) / nu) - log_normaliser)


gammainc: Primitive = elementwise(
    sp.gammainc,
    lambda ans, a, x: slope_by_differences(gammainc, 0)(ans, a, x),
    lambda ans, a, x: _gamma_density(a, x),
)
gammaincc: Primitive = elementwise(
    sp.gammaincc,
    lambda ans, a, x: slope_by_differences(gammaincc, 0)(ans, a, x),
    lambda ans, a, x: -_gamma_density(a, x),
)
betainc: Primitive = elementwise(
    sp.betainc,
    lambda ans, a, b, x: slope_by_differences(betainc, 0)(ans, a, b, x),
    lambda ans, a, b, x: slope_by_differences(betainc, 1)(ans, a, b, x),
    lambda ans, a, b, x: _beta_density(a, b, x),
)
student_cdf: Primitive = elementwise(
    sp.stdtr,
    lambda ans, nu, t: slope_by_differences(student_cdf, 0)(ans, nu, t),
    lambda ans, nu, t: _student_density(nu, t),
)


def _log1m_exp(x: Any) -> Any:
    """Return log(1 - exp(x)) for x < 0, by the branch of Mächler (2012) that keeps digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > -math.log(2.0), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _log1p_ratio(x: Any) -> Any:
    """Return log(1 + x) / x, which is 1 at 0."""
    small = np.abs(x) < 1e-5
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log1p(x) / np.where(small, 1.0, x)
    return np.where(small, 1.0 - x / 2.0 + np.square(x) / 3.0, ratio)


def _log1p_ratio_slope(x: Any) -> Any:
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (1.0 / (1.0 + safe) - np.log1p(safe) / safe) / safe
    return np.where(small, -0.5 + 2.0 * x / 3.0 - 0.75 * np.square(x), slope)


def _log1p_ratio_bend(x: Any) -> Any:
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = (-1.0 / np.square(1.0 + safe) - 2.0 * _log1p_ratio_slope(safe)) / safe
    return np.where(small, 2.0 / 3.0 - 1.5 * x + 2.4 * np.square(x), bend)


_log1p_ratio_bend_primitive = elementwise(_log1p_ratio_bend)
_log1p_ratio_slope_primitive = elementwise(
    _log1p_ratio_slope, lambda ans, x: _log1p_ratio_bend_primitive(x)
)
_log1p_ratio_primitive = elementwise(_log1p_ratio, lambda ans, x: _log1p_ratio_slope_primitive(x))
log1p_ratio = operation(_log1p_ratio_primitive)

_log1m_exp_primitive = elementwise(_log1m_exp, lambda ans, x: anp.exp(x) / anp.expm1(x))

log1m_exp = operation(_log1m_exp_primitive)


def _atom(
    name: str,
    function: Callable[..., Any],
    differentiable: Callable[..., Any],
    rule: Callable[..., Range],
    arguments: int = 1,
) -> None:
    places = ", ".join(f"{{{position}}}" for position in range(arguments))
    Atom(
        name=name,
        function=function,
        differentiable=differentiable,
        text=f"{name}({places})",
        range=rule,
    )


def _gammaln_rule(r: Range) -> Range:
    return Range(-0.1214862905358497) if r.lower >= 0 else ranges.ANYWHERE


def _digamma_rule(r: Range) -> Range:
    return ranges.increasing(sp.digamma, 0.0)(r) if r.lower > 0 else ranges.ANYWHERE


_unit = Range(0.0, 1.0)

_atom("gammaln", sp.gammaln, gammaln, _gammaln_rule)
_atom("digamma", sp.digamma, digamma, _digamma_rule)
_atom("betaln", sp.betaln, betaln, ranges.anywhere, 2)
_atom("log_to_edge", log_to_edge, _log_to_edge_primitive, ranges.increasing(np.log, 0.0))
_atom("xlogy", sp.xlogy, xlogy, ranges.anywhere, 2)
_atom("xlog1py", sp.xlog1py, xlog1py, ranges.anywhere, 2)
_atom("expit", sp.expit, expit, ranges.increasing(sp.expit))
_atom("logit", sp.logit, logit, ranges.increasing(sp.logit, 0.0, 1.0))
_atom("log_expit", sp.log_expit, log_expit, ranges.increasing(sp.log_expit))
_atom("erf", sp.erf, erf, ranges.increasing(sp.erf))
_atom("erfc", sp.erfc, erfc, ranges.decreasing(sp.erfc))
_atom("erfcx", sp.erfcx, erfcx, ranges.always(ranges.POSITIVE))
_atom("erfinv", sp.erfinv, erfinv, ranges.increasing(sp.erfinv, -1.0, 1.0))
_atom("ndtr", sp.ndtr, ndtr, ranges.increasing(sp.ndtr))
_atom("ndtri", sp.ndtri, ndtri, ranges.increasing(sp.ndtri, 0.0, 1.0))
_atom("owens_t", sp.owens_t, owens_t, ranges.always(Range(-0.25, 0.25)), 2)
_atom("log_ndtr", sp.log_ndtr, log_ndtr, ranges.increasing(sp.log_ndtr))
_atom("i0e", sp.i0e, i0e, ranges.always(Range(0.0, 1.0, lower_open=True)))
_atom("i1e", sp.i1e, i1e, ranges.always(Range(-1.0, 1.0, True, True)))
_atom("gammainc", sp.gammainc, gammainc, ranges.always(_unit), 2)
_atom("gammaincc", sp.gammaincc, gammaincc, ranges.always(_unit), 2)
_atom("betainc", sp.betainc, betainc, ranges.always(_unit), 3)
_atom("student_cdf", sp.stdtr, student_cdf, ranges.always(_unit), 2)
_atom(
    "log1m_exp",
    log1m_exp,
    _log1m_exp_primitive,
    lambda r: Range(upper=0.0, upper_open=r.lower > -math.inf),
)
_atom(
    "log1p_ratio",
    log1p_ratio,
    _log1p_ratio_primitive,
    ranges.decreasing(_log1p_ratio, -1.0),
)
