"""What many chains say of convergence: R-hat, and standard errors from between the chains.

Source: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter and P.-C. Bürkner (2021),
"Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ppl.inference.pareto import tail_shapes

Array = npt.NDArray[np.float64]

COLUMNS_AT_ONCE = 64
MANY_TIES = 0.5
"""Above this share of equal neighbours ranks are averaged; fewer are moves that were rejected."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The worst of each diagnostic over all quantities.

    Attributes
    ----------
    rhat
        The larger of bulk and folded rank-normalised split R-hat.
    error
        Between-chain standard error of mean or sd, in units of the sd.
    tail
        Pareto shape of the pooled (c - m)^2; infinite variance of it from 0.5, of c from 1.
    slowest, least_known, heaviest
        Whose R-hat, error and tail these are; empty for the unconstrained numbers.
    """

    rhat: float
    error: float
    tail: float
    slowest: str = ""
    least_known: str = ""
    heaviest: str = ""

    def join(self, other: Diagnosis) -> Diagnosis:
        """Return the worst of both; where they are equal, the other's."""
        by_rhat = max(other, self, key=lambda d: d.rhat)
        by_error = max(other, self, key=lambda d: d.error)
        by_tail = max(other, self, key=lambda d: d.tail)
        return Diagnosis(
            by_rhat.rhat,
            by_error.error,
            by_tail.tail,
            by_rhat.slowest,
            by_error.least_known,
            by_tail.heaviest,
        )

    def of(self, name: str) -> Diagnosis:
        """Return the same as the diagnosis of a quantity."""
        return replace(self, slowest=name, least_known=name, heaviest=name)


def diagnose(values: Array) -> Diagnosis:
    """Diagnose the columns of draws (moves N, chains C, quantities Q).

    Of a quantity with two values, such as ``a > b``, the mean says everything: only its error
    counts.
    """
    worst = Diagnosis(1.0, 0.0, -np.inf)
    for low in range(0, values.shape[2], COLUMNS_AT_ONCE):
        part = values[:, :, low : low + COLUMNS_AT_ONCE]
        if not np.isfinite(part).all():
            return Diagnosis(np.inf, np.inf, np.inf)
        spread = part.std(axis=(0, 1)) > 1e-12 * np.maximum(1e-300, np.abs(part).max(axis=(0, 1)))
        if spread.any():
            part = part[:, :, spread]
            worst = worst.join(Diagnosis(float(np.max(split_rhat(part))), _error(part), -np.inf))
            part = part[:, :, ~has_two_values(part)]
            if part.shape[2]:
                rhat = float(np.max(split_rhat(_folded(part))))
                worst = worst.join(Diagnosis(rhat, _error_of_sd(part), _tail(part)))
    return worst


def has_two_values(values: Array) -> npt.NDArray[np.bool_]:
    """Return which columns along the last axis take two values at most."""
    along = tuple(range(values.ndim - 1))
    two: npt.NDArray[np.bool_] = np.all(
        (values == values.min(axis=along)) | (values == values.max(axis=along)), axis=along
    )
    return two


def split_rhat(values: Array) -> Array:
    """Return rank-normalised split R-hat of draws (N, C, Q), (Q,)."""
    half = len(values) // 2
    halves = np.concatenate([values[:half], values[half : 2 * half]], axis=1)
    moves, chains, count = halves.shape
    flat = halves.reshape(-1, count)
    scores = ndtri((np.arange(1, len(flat) + 1) - 0.375) / (len(flat) + 0.25))
    order = np.argsort(flat, axis=0)
    normal = np.empty_like(flat)
    np.put_along_axis(normal, order, scores[:, None], axis=0)
    ranked = np.take_along_axis(flat, order, axis=0)
    for column in np.flatnonzero(np.mean(ranked[1:] == ranked[:-1], axis=0) > MANY_TIES):
        _, group, sizes = np.unique(flat[:, column], return_inverse=True, return_counts=True)
        last = np.cumsum(sizes)
        middle = last - 0.5 * (sizes - 1)
        normal[:, column] = ndtri((middle[group] - 0.375) / (len(flat) + 0.25))
    normal = normal.reshape(moves, chains, count)
    within = normal.var(axis=0, ddof=1).mean(axis=0)
    between = normal.mean(axis=0).var(axis=0, ddof=1)
    rhat: Array = np.sqrt((moves - 1) / moves + between / within)
    return rhat


def _folded(values: Array) -> Array:
    return np.abs(values - np.median(values, axis=(0, 1)))


def _error(values: Array) -> float:
    """Return the largest error of a mean, in units of the sd."""
    sd = values.std(axis=(0, 1))
    of_mean = values.mean(axis=0).std(axis=0, ddof=1) / sd
    return float(np.max(of_mean)) / float(np.sqrt(values.shape[1]))


def _error_of_sd(values: Array) -> float:
    """Return the largest error of a standard deviation, in units of it."""
    mean, sd = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
    squares = ((values - mean) ** 2).mean(axis=0)
    of_sd = squares.std(axis=0, ddof=1) / (2 * sd**2)
    return float(np.max(of_sd)) / float(np.sqrt(values.shape[1]))


def _tail(values: Array) -> float:
    deviations = (values - values.mean(axis=(0, 1))) ** 2
    return float(np.max(tail_shapes(deviations.reshape(-1, values.shape[2]))))
