"""What a user may choose about inference; all else is a constant beside the code that uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ppl.text import UsageError
from ppl.text.usage import USAGE

Method = Literal["auto", "vi", "is"]
GuideFamily = Literal["auto", "meanfield"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of one run.

    Attributes
    ----------
    seed
        Of all randomness: the same seed, data and BLAS give the same bytes.
    method
        How far to go: ``vi`` hands out the guide's own draws; ``is`` and ``auto`` correct them by
        importance weights where these can be trusted.
    guide
        The family of guide; ``auto`` chooses.
    draws
        How many draws to hand out (fewer when they would take more than 128 MB).
    starts
        How many starts to fit when the model has learned parameters.
    """

    seed: int = 0
    method: Method = "auto"
    guide: GuideFamily = "auto"
    draws: int = 4000
    starts: int = 3


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
    ):
        if value not in known:
            raise UsageError(
                (USAGE(f"`{option}` is {value!r}", help=f"it is one of {', '.join(known)}"),)
            )
    for option, number in (("draws", settings.draws), ("starts", settings.starts)):
        if not isinstance(number, int) or number < 1:
            raise UsageError((USAGE(f"`{option}` is {number!r}, and must be a number from 1"),))
    return settings
