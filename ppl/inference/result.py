"""What inference hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.inference.objective import Elbo
from ppl.inference.target import Target
from ppl.inference.verdict import Verdict

Array = npt.NDArray[np.float64]
Source = Literal["guide", "importance", "hmc", "exact"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its Monte Carlo standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The bounds of positions that were held out, in nats for each of them.

    Standard errors are those of the mean over positions.

    Attributes
    ----------
    positions
        How many were held out.
    elbo
        The evidence lower bound at the learned parameters.
    importance_weighted
        The importance-weighted bound with so many `draws`: above the ELBO, below the log
        likelihood.
    """

    positions: int
    elbo: Estimate
    importance_weighted: Estimate
    draws: int


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and standard deviation of a latent, known exactly, in its own shape."""

    mean: Array
    sd: Array


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder.

    Attributes
    ----------
    name, elbo, seconds
        Its name, the ELBO it reached in nats, and the time it took.
    trace
        The ELBO after every iteration of its optimiser, on the draws that it optimises on; `elbo`
        is from fresh ones. Empty where nothing is optimised.
    """

    name: str
    elbo: float
    seconds: float
    trace: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class WeightedDraws:
    """Draws (S, D) in the unconstrained space with normalised log weights (S,).

    Draws of Markov chains depend on each other: there `chains` says how many chains take turns, one
    draw each; it is 0 for independent draws.
    """

    positions: Array
    log_weights: Array
    chains: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """The answer.

    Attributes
    ----------
    target
        The model in whose coordinates positions are: the one that was given, or the same one
        with some latents centred by degrees. None where the answer was read from a file.
    guide
        The fitted guide; learned parameters are its points.
    draws
        Equally weighted draws of the posterior, (n, D), unconstrained.
    weighted
        The draws from which means, sds and quantiles are best computed.
    elbo
        The guide's evidence lower bound and its parts, in nats.
    log_evidence
        Estimate from the importance weights, in nats, at the learned parameters; None where the
        weights cannot be trusted.
    khat, khat_quantity, ess
        Diagnostics of the importance weights; None where none were drawn.
    rhat
        Of Markov chains; None where none were run.
    gradients
        Evaluations of the batched gradient by the optimisers.
    verdict
        How far to trust it.
    source
        The rung that the draws come from: ``guide``, ``importance``, ``hmc`` or ``exact``.
    rungs
        What was tried, in order.
    notes
        Further sentences for the user.
    interrupted
        Whether the user stopped it before its end.
    moments
        Of latents whose posterior is known in closed form.
    held_out
        Bounds of held-out positions, where these have latents of their own and all else is learned.
    modes
        How many separate modes of the posterior were found.
    """

    target: Target | None
    guide: Guide
    draws: Array
    weighted: WeightedDraws
    elbo: Elbo
    log_evidence: Estimate | None
    khat: float | None
    khat_quantity: float | None
    ess: float | None
    rhat: float | None
    gradients: int
    verdict: Verdict
    source: Source
    rungs: tuple[Rung, ...]
    notes: tuple[str, ...]
    interrupted: bool = False
    moments: Mapping[str, Moments] = field(default_factory=dict)
    held_out: HeldOut | None = None
    modes: int = 1
