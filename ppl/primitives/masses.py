"""Distribution functions of counts that are sums of masses, and that of a difference of counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.special as sp

from ppl.constraints import Range
from ppl.primitives import ranges
from ppl.primitives.atoms import Atom
from ppl.primitives.bessel import log_mass_of_difference
from ppl.primitives.differentiation import elementwise
from ppl.primitives.operation import operation
from ppl.primitives.special import slope_by_differences

BLOCK = 2**16
"""So many masses are in memory at once."""

BEYOND = 12.0
"""So many standard deviations from its mean a Poisson number has no mass worth summing."""


def summed(log_mass: Callable[..., Any], least: Any, most: Any, arguments: Sequence[Any]) -> Any:
    """Return the sum of ``exp(log_mass(k, *arguments))`` for k from `least` to `most`."""
    least, most, *arrays = np.broadcast_arrays(least, most, *arguments)
    length = int(np.max(most - least, initial=-1.0)) + 1
    block = max(1, BLOCK // max(least.size, 1))
    total = np.zeros(least.shape)
    for start in range(0, length, block):
        k = least[..., None] + np.arange(start, min(start + block, length))
        counted = k <= most[..., None]
        k = np.where(counted, k, least[..., None])
        with np.errstate(all="ignore"):
            mass = np.exp(log_mass(k, *(a[..., None] for a in arrays)))
        total += np.sum(np.where(counted, mass, 0.0), axis=-1)
    return total


def _log_choose(n: Any, k: Any) -> Any:
    return sp.gammaln(n + 1.0) - sp.gammaln(k + 1.0) - sp.gammaln(n - k + 1.0)


def _shares(x: Any, least: Any, most: Any, log_mass: Callable[..., Any], arguments: Any) -> Any:
    """Return the mass from `least` to x; 0 below, 1 from `most` on, NaN where there is no law."""
    x, least, most, *arrays = np.broadcast_arrays(np.floor(x), least, most, *arguments)
    proper = (least <= most) & np.isfinite(least + most)
    within = proper & (x >= least) & (x < most)
    end = np.where(within, x, -1.0)
    start = np.where(within, least, 0.0)
    found = np.minimum(summed(log_mass, start, end, arrays), 1.0)
    outside = np.where(x < least, 0.0, np.where(x >= most, 1.0, math.nan))
    return np.where(within, found, np.where(proper, outside, math.nan))


def _beta_binomial(x: Any, n: Any, alpha: Any, beta: Any) -> Any:
    def log_mass(k: Any, n: Any, alpha: Any, beta: Any) -> Any:
        return _log_choose(n, k) + sp.betaln(k + alpha, n - k + beta) - sp.betaln(alpha, beta)

    n = np.asarray(n, dtype=float)
    defined = (np.asarray(alpha) > 0) & (np.asarray(beta) > 0)
    most = np.where(defined, np.floor(n), -1.0)
    return _shares(x, 0.0, most, log_mass, (n, alpha, beta))


def _nothing(ans: Any, *arguments: Any) -> Any:
    return 0.0 * ans


_beta_binomial_primitive: Any = elementwise(
    _beta_binomial,
    _nothing,
    _nothing,
    lambda ans, x, n, a, b: slope_by_differences(_beta_binomial_primitive, 2)(ans, x, n, a, b),
    lambda ans, x, n, a, b: slope_by_differences(_beta_binomial_primitive, 3)(ans, x, n, a, b),
)
beta_binomial_cdf = operation(_beta_binomial_primitive)


def _hypergeometric(x: Any, whole: Any, marked: Any, taken: Any) -> Any:
    def log_mass(k: Any, whole: Any, marked: Any, taken: Any) -> Any:
        rest = _log_choose(whole - marked, taken - k)
        return _log_choose(marked, k) + rest - _log_choose(whole, taken)

    whole, marked, taken = (np.floor(a) for a in (whole, marked, taken))
    least = np.maximum(taken + marked - whole, 0.0)
    defined = (marked >= 0) & (taken >= 0) & (marked <= whole) & (taken <= whole)
    most = np.where(defined, np.minimum(taken, marked), -1.0)
    return _shares(x, least, most, log_mass, (whole, marked, taken))


_hypergeometric_primitive = elementwise(_hypergeometric, _nothing, _nothing, _nothing, _nothing)
hypergeometric_cdf = operation(_hypergeometric_primitive)


def _difference(x: Any, first: Any, second: Any) -> Any:
    """Return P(A - B <= x) of Poisson numbers: the sum over B of P(B) P(A <= x + B)."""

    def log_mass(k: Any, x: Any, first: Any, second: Any) -> Any:
        below = np.log(sp.gammaincc(x + k + 1.0, first))
        return sp.xlogy(k, second) - second - sp.gammaln(k + 1.0) + below

    x, first, second = np.broadcast_arrays(np.floor(x), first, second)
    proper = np.isfinite(x) & (first >= 0) & (second >= 0)
    at, a, b = (np.where(proper, v, 0.0) for v in (x, first, second))
    least = np.maximum(np.maximum(-at, np.floor(b - BEYOND * np.sqrt(b) - 20.0)), 0.0)
    centre = np.maximum(least, b)
    most = np.floor(centre + BEYOND * np.sqrt(centre) + 40.0)
    found = np.minimum(summed(log_mass, least, most, (at, a, b)), 1.0)
    return np.where(proper, found, np.where(np.isinf(x), 1.0 * (x > 0), math.nan))


_difference_primitive: Any = elementwise(
    _difference,
    _nothing,
    lambda ans, x, first, second: -anp.exp(log_mass_of_difference(anp.floor(x), first, second)),
    lambda ans, x, first, second: anp.exp(log_mass_of_difference(anp.floor(x) + 1, first, second)),
)
skellam_cdf = operation(_difference_primitive)

for _name, _function, _primitive, _count in (
    ("beta_binomial_cdf", beta_binomial_cdf, _beta_binomial_primitive, 4),
    ("hypergeometric_cdf", hypergeometric_cdf, _hypergeometric_primitive, 4),
    ("skellam_cdf", skellam_cdf, _difference_primitive, 3),
):
    Atom(
        name=_name,
        function=_function,
        differentiable=_primitive,
        text=f"{_name}({', '.join(f'{{{k}}}' for k in range(_count))})",
        range=ranges.always(Range(0.0, 1.0)),
    )
