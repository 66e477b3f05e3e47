"""The posterior of one variable: moments, quantiles and draws in the variable's own shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ppl.inference.result import Moments
from ppl.text import UsageError
from ppl.text.usage import USAGE

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quantity:
    """The posterior of one of the model's variables, in its own space and shape.

    Attributes
    ----------
    name
        As in the model.
    values
        Draws (S, ...), to be weighted.
    weights
        Normalised weights (S,).
    source
        What hands out equally weighted draws (n, ...).
    chains
        How many Markov chains the values come from, one of each in turn; 0 for independent draws.
    moments
        Mean and standard deviation, where they are known exactly.
    states
        What hands out the probabilities of states of a discrete latent; None for all else.
    """

    name: str
    values: npt.NDArray[Any]
    weights: Array
    source: Callable[[], npt.NDArray[Any]]
    chains: int = 0
    moments: Moments | None = None
    states: Callable[[], Array] | None = None

    @cached_property
    def equal(self) -> npt.NDArray[Any]:
        """Equally weighted draws, (n, ...), made when they are first asked for."""
        return self.source()

    @property
    def probabilities(self) -> Array:
        """Posterior probabilities of the states of a discrete latent, (..., states).

        For each draw of all else they are exact, by the tables that summed the latent out; this is
        their mean over the draws, which varies less than the share of draws in a state.

        Raises
        ------
        UsageError
            If the variable is not a latent that was summed out.
        """
        if self.states is None:
            message = f"`{self.name}` is not a discrete latent that was summed out"
            raise UsageError((USAGE(message, help="its draws are in `fit[...].draws()`"),))
        return self.states()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the variable."""
        return tuple(self.values.shape[1:])

    @cached_property
    def mean(self) -> Array:
        """Posterior mean, in the variable's shape."""
        if self.moments is not None:
            return self.moments.mean
        first = self.values[0].astype(float)
        away = np.tensordot(self.weights, self.values - first, 1) / np.sum(self.weights)
        return np.asarray(first + away)

    @cached_property
    def sd(self) -> Array:
        """Posterior standard deviation, in the variable's shape."""
        if self.moments is not None:
            return self.moments.sd
        centred = self.values.astype(float) - self.mean
        variance = np.tensordot(self.weights, np.square(centred), 1) / np.sum(self.weights)
        return np.asarray(np.sqrt(variance))

    def quantile(self, probability: float) -> Array:
        """Return a posterior quantile, in the variable's shape."""
        ranked, mass = self._ranked
        result = np.array([np.interp(probability, m, r) for m, r in zip(mass, ranked, strict=True)])
        return result.reshape(self.shape)

    @cached_property
    def _ranked(self) -> tuple[Array, Array]:
        """Values in rising order, (numbers, S), and the weight up to the middle of each."""
        flat = np.ascontiguousarray(self.values.reshape(len(self.values), -1).T, dtype=float)
        order = np.argsort(flat, axis=1)
        weights = self.weights[order]
        return np.take_along_axis(flat, order, axis=1), np.cumsum(weights, axis=1) - 0.5 * weights

    def draws(self, count: int | None = None) -> npt.NDArray[Any]:
        """Return equally weighted draws, (count, ...); all of them if no count is given.

        Raises
        ------
        UsageError
            If more are asked for than were drawn.
        """
        if count is not None and count > len(self.equal):
            message = f"{count} draws of `{self.name}` are asked for, and {len(self.equal)} were"
            raise UsageError((USAGE(f"{message} made", help=f"fit with `draws={count}`"),))
        return self.equal[:count]

    @cached_property
    def mcse(self) -> Array:
        """Monte Carlo standard error of the mean, in the variable's shape; 0 if it is exact.

        Draws of Markov chains depend on each other, but the many chains do not: their own means
        show how far off the mean of all of them may be.
        """
        if self.moments is not None:
            return np.zeros(self.shape)
        if self.chains > 1:
            moves = self.values.reshape(-1, self.chains, *self.shape).astype(float)
            return np.asarray(moves.mean(axis=0).std(axis=0, ddof=1) / np.sqrt(self.chains))
        centred = self.values.astype(float) - self.mean
        return np.asarray(np.sqrt(np.tensordot(np.square(self.weights), np.square(centred), 1)))

    @cached_property
    def ess(self) -> Array:
        """Effective number of draws behind the mean, in the variable's shape.

        NaN where the mean is exact, or does not vary.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.square(self.sd / self.mcse)
        return np.where(self.mcse > 0, ratio, np.nan)
