"""The distribution function of an angle: the integral of the von Mises density from its mode."""

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
from ppl.primitives.special import i0e, i1e, slope_by_differences

NARROW = 100.0
"""From this concentration on, the expansion around a Normal is exact to round-off."""

WAVES = 120
"""Terms of the Fourier series below that."""

ORDERS = 10
"""Terms of the expansion."""


def _of_waves(y: Any, kappa: Any) -> tuple[Any, Any]:
    """Return the integral from 0 to y, -π <= y <= π, and its slope in kappa, by Fourier's series.

    ``y / 2π + sum(I_n / I_0 sin(n y) / n) / π``, summed from the last term by the continued
    fraction of the ratios of Bessel functions (Hill 1977).
    """
    ratio = ratio_slope = total = total_slope = np.zeros(np.broadcast_shapes(y.shape, kappa.shape))
    for n in range(WAVES, 0, -1):
        below = 2.0 * n + kappa * ratio
        ratio_slope = (2.0 * n - np.square(kappa) * ratio_slope) / np.square(below)
        ratio = kappa / below
        term = np.sin(n * y) / n + total
        total_slope = ratio_slope * term + ratio * total_slope
        total = ratio * term
    return y / (2.0 * math.pi) + total / math.pi, total_slope / math.pi


def _of_expansion(y: Any, kappa: Any) -> tuple[Any, Any]:
    """Return the same for a narrow density, with ``z = 2 √kappa sin(y / 2)`` nearly Normal.

    The density of z is a Normal one times ``(1 - z² / 4 kappa)^(-1/2)``, whose powers of z are
    integrated one by one.
    """
    z = 2.0 * np.sqrt(kappa) * np.sin(0.5 * y)
    normal = np.exp(-0.5 * np.square(z)) / math.sqrt(2.0 * math.pi)
    moment, power = sp.ndtr(z) - 0.5, z
    total, slope, coefficient = moment, normal * z / (2.0 * kappa), 1.0
    for m in range(1, ORDERS):
        moment = (2.0 * m - 1.0) * moment - power * normal
        power = power * np.square(z)
        coefficient = coefficient * (m - 0.5) / m
        share = coefficient / (4.0 * kappa) ** m
        total = total + share * moment
        slope = slope + share * (power * normal / (2.0 * kappa) - m * moment / kappa)
    scale = 1.0 / (np.sqrt(2.0 * math.pi * kappa) * sp.i0e(kappa))
    scale_slope = scale * (1.0 - sp.i1e(kappa) / sp.i0e(kappa) - 0.5 / kappa)
    return scale * total, scale * slope + scale_slope * total


def _within_turn(y: Any, kappa: Any) -> tuple[Any, Any, Any]:
    """Return the number of whole turns, and integral and slope for what is left."""
    y, kappa = np.broadcast_arrays(np.asarray(y, float), np.asarray(kappa, float))
    turns = np.round(y / (2.0 * math.pi))
    rest = y - 2.0 * math.pi * turns
    with np.errstate(all="ignore"):
        wide = _of_waves(rest, np.minimum(kappa, NARROW))
        if not np.any(kappa > NARROW):
            return turns, *wide
        narrow = _of_expansion(rest, np.maximum(kappa, NARROW))
    far = kappa > NARROW
    return turns, *(np.where(far, n, w) for n, w in zip(narrow, wide, strict=True))


def _integral(y: Any, kappa: Any) -> Any:
    turns, value, _ = _within_turn(y, kappa)
    return np.where(np.asarray(kappa) >= 0, turns + value, math.nan)


def _integral_slope(y: Any, kappa: Any) -> Any:
    return _within_turn(y, kappa)[2]


def _density(y: Any, kappa: Any) -> Any:
    away = anp.square(anp.sin(0.5 * y))
    return anp.exp(-2.0 * kappa * away) / (2.0 * math.pi * i0e(kappa))


_slope_in_kappa: Any = elementwise(
    _integral_slope,
    lambda ans, y, kappa: (anp.cos(y) - i1e(kappa) / i0e(kappa)) * _density(y, kappa),
    lambda ans, y, kappa: slope_by_differences(_slope_in_kappa, 1)(ans, y, kappa),
)
_integral_primitive = elementwise(
    _integral,
    lambda ans, y, kappa: _density(y, kappa),
    lambda ans, y, kappa: _slope_in_kappa(y, kappa),
)
von_mises_integral = operation(_integral_primitive)
"""``von_mises_integral(y, kappa)``: the density around 0 from 0 to y; a whole turn adds 1."""

Atom(
    name="von_mises_integral",
    function=von_mises_integral,
    differentiable=_integral_primitive,
    text="von_mises_integral({0}, {1})",
    range=ranges.anywhere,
)
