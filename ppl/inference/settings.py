"""What a user may choose about inference; all else is a constant beside the code that uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ppl.text import UsageError
from ppl.text.usage import USAGE

Method = Literal["auto", "vi", "is", "hmc"]
GuideFamily = Literal["auto", "meanfield", "fullrank", "lowrank", "structured", "amortized"]
Backend = Literal["autograd", "jax"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of one run.

    Attributes
    ----------
    seed
        Of all randomness: the same seed, data and BLAS give the same bytes.
    method
        ``auto`` climbs until an answer passes; ``vi`` hands out the guide's own draws, ``is``
        stops at importance weights, ``hmc`` goes on to Markov chains in any case.
    guide
        The family of guide; ``auto`` takes the full-rank one where it is affordable. Families that
        the ladder has not are the default of the model's guide block.
    draws
        How many draws to hand out (fewer when they would take more than 128 MB).
    starts
        How many starts to fit when the model has learned parameters.
    time_limit
        Seconds after which Markov chains end with what they have. Each stands for 600 batched
        gradients too, after which they end on any machine, so that runs can be repeated.
    batch
        Positions of the largest plate in a minibatch; 0 to decide by the guide and the memory.
    validation
        The part of the positions that is held out, to stop by and to report.
    checkpoint
        A file where stochastic optimisation keeps its state, and from which it goes on; empty for
        none.
    memory
        Gigabytes that the fit may take beside its data; 0 for what limits and machine leave. Where
        full passes over the data need more, minibatches are taken.
    backend
        What computes gradients: ``autograd`` (NumPy), or ``jax`` (an extra) on its devices.
    """

    seed: int = 0
    method: Method = "auto"
    guide: GuideFamily = "auto"
    draws: int = 4000
    starts: int = 3
    time_limit: float = 20.0
    batch: int = 0
    validation: float = 0.0
    checkpoint: str = ""
    memory: float = 0.0
    backend: Backend = "autograd"


def checked(settings: Settings) -> Settings:
    """Return the settings.

    Raises
    ------
    UsageError
        If a choice is not one that there is.
    """
    for option, value, known in (
        ("method", settings.method, get_args(Method)),
        ("guide", settings.guide, get_args(GuideFamily)),
        ("backend", settings.backend, get_args(Backend)),
    ):
        if value not in known:
            raise UsageError(
                (USAGE(f"`{option}` is {value!r}", help=f"it is one of {', '.join(known)}"),)
            )
    for option, number in (("draws", settings.draws), ("starts", settings.starts)):
        if not isinstance(number, int) or number < 1:
            raise UsageError((USAGE(f"`{option}` is {number!r}, and must be a number from 1"),))
    if not isinstance(settings.batch, int) or settings.batch < 0:
        raise UsageError((USAGE(f"`batch` is {settings.batch!r}, and must be a number from 1"),))
    if not 0 <= settings.validation < 1:
        raise UsageError(
            (USAGE(f"`validation` is {settings.validation!r}, and must be a part below 1"),)
        )
    room = settings.memory
    if not isinstance(room, int | float) or not 0 <= room < float("inf"):
        raise UsageError((USAGE(f"`memory` is {room!r}, and must be gigabytes above 0"),))
    limit = settings.time_limit
    if not isinstance(limit, int | float) or not 0 < limit < float("inf"):
        raise UsageError((USAGE(f"`time_limit` is {limit!r}, and must be seconds above 0"),))
    return settings
