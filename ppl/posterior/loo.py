"""Leave-one-out cross-validation from the draws, by Pareto-smoothed importance sampling.

How well would the model have predicted each observation without seeing it? Source: A. Vehtari,
A. Gelman and J. Gabry (2017), "Practical Bayesian model evaluation using leave-one-out
cross-validation and WAIC", Statistics and Computing 27.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ppl.compile.pointwise import without_weight
from ppl.inference.pareto import smooth
from ppl.text import UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]
TRUSTED = 0.7
"""Pareto shapes above it say that an observation moves the posterior too much for this method."""
FEWEST = 100
"""Draws below which tails cannot be judged."""


@dataclass(frozen=True, eq=False)
class Loo:
    """The expected log predictive density for a new observation of each kind, in nats.

    Attributes
    ----------
    elpd, standard_error
        Sum over the observations, and its standard error.
    effective_parameters
        How much better the observations are predicted when they are seen.
    pointwise
        Each observation's part, (N,).
    khat
        Each observation's Pareto shape, (N,): above 0.7 its part cannot be trusted.
    """

    elpd: float
    standard_error: float
    effective_parameters: float
    pointwise: Array
    khat: Array

    @property
    def doubtful(self) -> int:
        """Number of observations whose part cannot be trusted."""
        return int(np.count_nonzero(self.khat > TRUSTED))

    def __str__(self) -> str:
        text = (
            f"elpd (LOO) {self.elpd:.1f} ± {self.standard_error:.1f}, effective parameters "
            f"{self.effective_parameters:.1f}, {len(self.pointwise)} observations"
        )
        if self.doubtful:
            text += f"; {self.doubtful} of them with k-hat above {TRUSTED}: not to be trusted"
        return text


def loo(fit: Fit) -> Loo:
    """Estimate leave-one-out predictive densities; see `Loo`.

    Missing observations, and those of weight 0, are none.

    Raises
    ------
    UsageError
        If nothing was observed, or the draws are too few.
    """
    missing, dropped = fit.joint.bound.missing, without_weight(fit.joint.bound)
    parts = []
    for name, part in fit.log_likelihood(pointwise=True).items():
        gone = [mask for masks in (missing, dropped) if (mask := masks.get(name)) is not None]
        parts.append(_seen(part, np.logical_or.reduce(gone) if gone else None))
    if not parts or not sum(part.shape[1] for part in parts):
        raise UsageError((USAGE("leave-one-out needs observations, and nothing was observed"),))
    table = np.concatenate(parts, axis=1)
    if len(table) < FEWEST:
        message = f"leave-one-out needs {FEWEST} draws, and the fit has {len(table)}"
        raise UsageError((USAGE(message, help=f"fit with `draws={FEWEST}` or more"),))
    return loo_of(table)


def _seen(part: npt.NDArray[Any], gone: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Return the log likelihoods of the observations that are not missing, side by side."""
    flat = part.reshape(len(part), -1)
    if gone is None:
        return flat
    lost = gone.any(axis=tuple(range(part.ndim - 1, gone.ndim))).ravel()
    return flat[:, ~lost] if len(lost) == flat.shape[1] else flat


def loo_of(table: Array) -> Loo:
    """Estimate it from log likelihoods (draws, observations)."""
    count = table.shape[1]
    pointwise, khat = np.empty(count), np.empty(count)
    for k in range(count):
        column = table[:, k]
        weights, khat[k] = smooth(-column)
        pointwise[k] = logsumexp(weights + column)
    seen = logsumexp(table, axis=0) - np.log(len(table))
    spread = float(np.sqrt(count * np.var(pointwise, ddof=1))) if count > 1 else float("nan")
    elpd = float(pointwise.sum())
    return Loo(elpd, spread, float(seen.sum()) - elpd, pointwise, khat)
