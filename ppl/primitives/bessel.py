"""Bessel functions as the law of a difference of counts needs them, smooth down to rates of 0."""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.special as sp

from ppl.primitives import ranges
from ppl.primitives.atoms import Atom
from ppl.primitives.differentiation import elementwise
from ppl.primitives.operation import operation
from ppl.primitives.special import xlogy

HIGH = 100.0
"""From this order on, the expansion for high orders is exact to round-off."""

DEBYE: tuple[tuple[float, ...], ...] = (
    (3 / 24, -5 / 24),
    (81 / 1152, -462 / 1152, 385 / 1152),
    (30375 / 414720, -369603 / 414720, 765765 / 414720, -425425 / 414720),
    (
        4465125 / 39813120,
        -94121676 / 39813120,
        349922430 / 39813120,
        -446185740 / 39813120,
        185910725 / 39813120,
    ),
)
"""Polynomials u1 ... u4 of Debye's expansion (Digital Library of Mathematical Functions, 10.41):
coefficients of p^k, p^(k + 2), ..."""


def _log_series(order: Any, z: Any) -> Any:
    """Return ``log(sum(z^m / (m! (m + order)!)))``, which is ``log(I(order, 2 √z) / z^(order/2))``.

    By SciPy's scaled Bessel function; where that is 0, by the first terms of the series; for high
    orders by Debye's expansion.
    """
    order, z = np.asarray(order, dtype=float), np.asarray(z, dtype=float)
    with np.errstate(all="ignore"):
        twice = 2.0 * np.sqrt(z)
        direct = np.log(sp.ive(order, twice)) + twice - 0.5 * sp.xlogy(order, z)
        first = z / (order + 1.0)
        near = np.log1p(first * (1.0 + 0.5 * z / (order + 2.0))) - sp.gammaln(order + 1.0)
        small = np.where(np.isfinite(direct), direct, near)
        high = _of_high_order(np.maximum(order, HIGH), twice)
    return np.where(z < 0, math.nan, np.where(order < HIGH, small, high))


def _of_high_order(order: Any, twice: Any) -> Any:
    root = np.sqrt(1.0 + np.square(twice / order))
    p = 1.0 / root
    correction = 0.0
    for k, coefficients in enumerate(DEBYE, start=1):
        polynomial = sum(c * p ** (k + 2 * i) for i, c in enumerate(coefficients))
        correction = correction + polynomial / order**k
    exponent = order * (root + math.log(2.0) - np.log(order) - np.log1p(root))
    return exponent - 0.5 * np.log(2.0 * math.pi * order * root) + np.log1p(correction)


_log_series_primitive: Any = elementwise(
    _log_series,
    lambda ans, order, z: 0.0 * ans,
    lambda ans, order, z: anp.exp(_log_series_primitive(order + 1.0, z) - ans),
)
log_bessel_series = operation(_log_series_primitive)

Atom(
    name="log_bessel_series",
    function=log_bessel_series,
    differentiable=_log_series_primitive,
    text="log_bessel_series({0}, {1})",
    range=ranges.anywhere,
)


def log_mass_of_difference(x: Any, first: Any, second: Any) -> Any:
    """Return the log mass of a Poisson(first) less a Poisson(second), for autograd's boxes too."""
    up, down = anp.maximum(x, 0.0), anp.maximum(-x, 0.0)
    powers = xlogy(up, first) + xlogy(down, second)
    return powers + _log_series_primitive(anp.abs(x), first * second) - first - second
