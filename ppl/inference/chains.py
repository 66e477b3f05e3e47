"""What many chains say of convergence: R-hat, and standard errors from between the chains.

Source: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter and P.-C. Bürkner (2021),
"Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ppl.inference.pareto import tail_shapes

Array = npt.NDArray[np.float64]

COLUMNS_AT_ONCE = 64


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
    """

    rhat: float
    error: float
    tail: float

    def join(self, other: Diagnosis) -> Diagnosis:
        """Return the worst of both."""
        return Diagnosis(
            max(self.rhat, other.rhat), max(self.error, other.error), max(self.tail, other.tail)
        )


def diagnose(values: Array) -> Diagnosis:
    """Diagnose the columns of draws (moves N, chains C, quantities Q)."""
    worst = Diagnosis(1.0, 0.0, -np.inf)
    for low in range(0, values.shape[2], COLUMNS_AT_ONCE):
        part = values[:, :, low : low + COLUMNS_AT_ONCE]
        if not np.isfinite(part).all():
            return Diagnosis(np.inf, np.inf, np.inf)
        spread = part.std(axis=(0, 1)) > 1e-12 * np.maximum(1e-300, np.abs(part).max(axis=(0, 1)))
        if spread.any():
            part = part[:, :, spread]
            rhat = float(max(np.max(split_rhat(part)), np.max(split_rhat(_folded(part)))))
            worst = worst.join(Diagnosis(rhat, _error(part), _tail(part)))
    return worst


def split_rhat(values: Array) -> Array:
    """Return rank-normalised split R-hat of draws (N, C, Q), (Q,)."""
    half = len(values) // 2
    halves = np.concatenate([values[:half], values[half : 2 * half]], axis=1)
    moves, chains, count = halves.shape
    flat = halves.reshape(-1, count)
    scores = ndtri((np.arange(1, len(flat) + 1) - 0.375) / (len(flat) + 0.25))
    normal = np.empty_like(flat)
    np.put_along_axis(normal, np.argsort(flat, axis=0), scores[:, None], axis=0)
    normal = normal.reshape(moves, chains, count)
    within = normal.var(axis=0, ddof=1).mean(axis=0)
    between = normal.mean(axis=0).var(axis=0, ddof=1)
    rhat: Array = np.sqrt((moves - 1) / moves + between / within)
    return rhat


def _folded(values: Array) -> Array:
    return np.abs(values - np.median(values, axis=(0, 1)))


def _error(values: Array) -> float:
    chains = values.shape[1]
    mean, sd = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
    of_mean = values.mean(axis=0).std(axis=0, ddof=1) / sd
    squares = ((values - mean) ** 2).mean(axis=0)
    of_sd = squares.std(axis=0, ddof=1) / (2 * sd**2)
    return float(max(np.max(of_mean), np.max(of_sd))) / float(np.sqrt(chains))


def _tail(values: Array) -> float:
    deviations = (values - values.mean(axis=(0, 1))) ** 2
    return float(np.max(tail_shapes(deviations.reshape(-1, values.shape[2]))))
