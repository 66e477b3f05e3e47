"""Small models, written by hand, that between them use all of the language's basic features."""

from tests.interpreter.models import (
    discrete,
    functions,
    hierarchies,
    latents,
    names,
    observations,
    pieces,
    ragged,
    ranges,
    recurrences,
    reductions,
    regressions,
    required,
    roles,
    series,
    sets,
    unnamed,
    vectors,
)
from tests.interpreter.models.case import Case

CASES: list[Case] = [
    *regressions.CASES,
    *latents.CASES,
    *hierarchies.CASES,
    *series.CASES,
    *vectors.CASES,
    *unnamed.CASES,
    *pieces.CASES,
    *sets.CASES,
    *observations.CASES,
    *functions.CASES,
    *reductions.CASES,
    *recurrences.CASES,
    *names.CASES,
    *roles.CASES,
    *ragged.CASES,
    *ranges.CASES,
    *required.CASES,
    *discrete.CASES,
]

__all__ = ["CASES", "Case"]
