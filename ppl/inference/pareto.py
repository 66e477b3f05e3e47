"""Pareto tails: how heavy the tail of some values is, and importance weights smoothed by it.

Sources: J. Zhang and M. Stephens (2009), "A new and efficient estimation method for the
generalized Pareto distribution", Technometrics 51; A. Vehtari, D. Simpson, A. Gelman, Y. Yao and
J. Gabry (2024), "Pareto smoothed importance sampling", JMLR 25.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

PRIOR_DRAWS = 10
"""Weight, in draws, of the weak prior that pulls a shape towards 1/2."""
SMALLEST_TAIL = 5
NO_TAIL = -1.0
"""The shape reported where all values are the same; that of a uniform distribution."""
EQUAL = 1e-9
"""Weights that differ by less, relative to the largest, are equal but for rounding."""


def tail_size(count: int) -> int:
    """Return how many of `count` values make up the tail."""
    return int(min(0.2 * count, 3 * sqrt(count)))


def fit_pareto(exceedances: Array) -> tuple[Array, Array]:
    """Fit generalised Pareto distributions by Zhang & Stephens' empirical Bayes estimate.

    Parameters
    ----------
    exceedances
        Values above a threshold, sorted upwards along the last axis, (Q, n).

    Returns
    -------
    shape, scale
        k and sigma of each row, (Q,); the moment of order m is infinite when k >= 1/m.
    """
    n = exceedances.shape[1]
    grid = 30 + int(sqrt(n))
    quartile, largest = exceedances[:, int(n / 4 + 0.5) - 1], exceedances[:, -1]
    spread = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    slope = 1 / largest[:, None] + spread / (3 * quartile[:, None])
    shape = np.empty_like(slope)
    for column in range(grid):
        shape[:, column] = np.log1p(-slope[:, column, None] * exceedances).mean(axis=1)
    likelihood = n * (np.log(-slope / shape) - shape - 1)
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    mean_slope = (slope * weight).sum(axis=1) / weight.sum(axis=1)
    fitted = np.log1p(-mean_slope[:, None] * exceedances).mean(axis=1)
    scale = -fitted / mean_slope
    return (n * fitted + PRIOR_DRAWS * 0.5) / (n + PRIOR_DRAWS), scale


def tail_shapes(values: Array) -> Array:
    """Return the Pareto shape of the upper tail of each column of positive values (S, Q), (Q,).

    Columns whose tail is constant have the shape `NO_TAIL`.
    """
    size = tail_size(len(values))
    if size < SMALLEST_TAIL:
        return np.full(values.shape[1], np.inf)
    top = np.sort(np.partition(values, -size - 1, axis=0)[-size - 1 :], axis=0).T
    return _shapes(top)


def _shapes(top: Array) -> Array:
    largest = top[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scaled = top / largest
        exceedances = scaled[:, 1:] - scaled[:, :1]
        usable = (exceedances[:, -1] > EQUAL) & np.isfinite(scaled).all(axis=1)
        usable &= exceedances[:, int((exceedances.shape[1]) / 4 + 0.5) - 1] > 0
        shapes = np.full(len(top), NO_TAIL)
        shapes[~np.isfinite(largest[:, 0])] = np.inf
        if usable.any():
            shapes[usable], _ = fit_pareto(exceedances[usable])
    return shapes


def smooth(log_weights: Array) -> tuple[Array, float]:
    """Pareto-smooth importance weights.

    Parameters
    ----------
    log_weights
        Unnormalised, (S,); -inf for draws of no weight.

    Returns
    -------
    log_weights, khat
        Smoothed and normalised log weights, (S,), and the Pareto shape of the raw ones: below 0.7
        the estimates are reliable.
    """
    top = float(np.max(log_weights))
    if not np.isfinite(top):
        return np.full(log_weights.size, -np.log(log_weights.size)), np.inf
    relative = log_weights - top
    size = tail_size(relative.size)
    order = np.argsort(relative, kind="stable")
    tail, cutoff = order[-size:], relative[order[-size - 1]] if size < relative.size else -np.inf
    khat = NO_TAIL
    exceedances = np.exp(relative[tail]) - np.exp(cutoff)
    if (
        size >= SMALLEST_TAIL
        and exceedances[-1] > EQUAL
        and exceedances[int(size / 4 + 0.5) - 1] > 0
    ):
        shape, scale = fit_pareto(exceedances[None])
        khat = float(shape[0])
        if np.isfinite(khat):
            levels = (np.arange(size) + 0.5) / size
            smoothed = _quantile(levels, khat, float(scale[0])) + np.exp(cutoff)
            relative = relative.copy()
            relative[tail] = np.minimum(np.log(smoothed), 0.0)
    elif size >= SMALLEST_TAIL and exceedances[-1] > EQUAL:
        khat = np.inf
    return relative - _log_sum(relative), khat


def _quantile(levels: Array, shape: float, scale: float) -> Array:
    if abs(shape) < 1e-12:
        return -scale * np.log1p(-levels)
    return scale * np.expm1(-shape * np.log1p(-levels)) / shape


def _log_sum(values: Array) -> float:
    top = float(np.max(values))
    return top + float(np.log(np.sum(np.exp(values - top))))
