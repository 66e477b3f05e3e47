"""Weights of few draws, calibrated by what is known of the guide: its moments.

Under the guide, the mean and the variance of every column are known. Where the posterior is close
to the guide, what weighted draws say of the difference of both has far smaller errors than what
they say of the posterior: the guide serves as a control variate. The weights are then moved as
little as possible (in relative entropy) so that the draws' moments are those of the guide plus the
difference (Deville & Särndal 1992, "Calibration estimators in survey sampling").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide, log_density

Array = npt.NDArray[np.float64]

DRAWS_PER_COLUMN = 8
"""A column has two moments, and each takes so many draws, halved."""
ITERATIONS, MET = 20, 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """Functions of draws whose means under the guide are zero.

    Attributes
    ----------
    values
        Standardised columns, and their squares less 1, (S, 2 d).
    shares
        What the draws' weights would be if the guide were the posterior, (S,); they sum to about 1.
    weights
        What they are, (S,); they sum to 1.
    """

    values: Array
    shares: Array
    weights: Array

    @property
    def distance(self) -> float:
        """How far the posterior is from the guide: the variance of the ratio of both, about."""
        return float(len(self.weights) * np.sum((self.weights - self.shares) ** 2))

    def calibrated(self) -> Array | None:
        """Return log weights (S,) with which the draws have the moments; None if none are found."""
        aim = (self.weights - self.shares) @ self.values
        with np.errstate(divide="ignore"):
            start = np.log(self.weights)
        tilt = np.zeros(self.values.shape[1])
        for _ in range(ITERATIONS):
            moved = start + self.values @ tilt
            moved -= np.max(moved)
            moved -= np.log(np.sum(np.exp(moved)))
            weights = np.exp(moved)
            away = aim - weights @ self.values
            if not np.isfinite(away).all():
                return None
            if np.max(np.abs(away)) < MET:
                return moved
            try:
                tilt = tilt + np.linalg.solve(_covariance(self.values, weights), away)
            except np.linalg.LinAlgError:
                return None
        return None

    def errors(self, values: Array, mean: Array) -> Array:
        """Return standard errors of calibrated means of the columns of (S, Q), (Q,).

        By the delta method a draw moves the mean of c by w (c - m) - s b'g, where w and s are its
        weight and share, and b'g the regression of c on the controls g. The number of coefficients
        counts twice: the residuals are smaller for it, and the mean's own error is larger.
        """
        centred = self.values - self.weights @ self.values
        slopes = self.weights[:, None] * (values - mean)
        fitted = np.linalg.lstsq(
            _covariance(self.values, self.weights), centred.T @ slopes, rcond=None
        )[0]
        moves = slopes - self.shares[:, None] * (self.values @ fitted)
        count, coefficients = self.values.shape
        found: Array = np.sqrt(np.sum(moves**2, axis=0)) * count / (count - coefficients)
        return found


def controls(guide: Guide, positions: Array, log_proposal: Array, weights: Array) -> Controls:
    """Return the controls of draws (S, D).

    Parameters
    ----------
    guide
        The guide that the draws' proposal is made of.
    log_proposal
        The proposal's log density at the draws, (S,).
    weights
        The draws' weights, (S,), which sum to 1.
    """
    free = ~guide.points
    standard = (positions[:, free] - guide.mean[free]) / guide.scale[free]
    shares = np.exp(log_density(guide, positions) - log_proposal) / len(positions)
    return Controls(np.concatenate([standard, standard**2 - 1], axis=1), shares, weights)


def _covariance(values: Array, weights: Array) -> Array:
    centred = values - weights @ values
    found: Array = (centred * weights[:, None]).T @ centred
    return found
