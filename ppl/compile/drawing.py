"""Drawing vectors and matrices that are restricted to a set: what `sample` alone cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ppl.constraints import Constraint
from ppl.distributions.record import Distribution

TRIES = 5000
"""Rounds of drawing again."""


class CannotDraw(Exception):
    """A distribution gives next to no values in the set; the message says which."""


def draw_inside(
    rng: np.random.Generator,
    law: Distribution,
    size: tuple[int, ...],
    arguments: Sequence[Any],
    members: Constraint,
) -> Any:
    """Draw vectors or matrices in a set, by drawing again until they lie there.

    Independent numbers of one law are put in order by sorting, which gives the same distribution.

    Raises
    ------
    CannotDraw
        If next to no draws lie in the set.
    """
    values = np.array(law.sample(rng, size, *arguments), dtype=float)
    alike = not law.signature and all(np.ndim(a) == 0 or np.shape(a)[-1] == 1 for a in arguments)
    if members.name in ("ordered", "positive ordered") and alike:
        values = np.sort(values, axis=-1)
    for _ in range(TRIES):
        outside = ~np.asarray(members.contains(values), dtype=bool)
        if not outside.any():
            return values
        again = law.sample(rng, size, *arguments)
        if members.name in ("ordered", "positive ordered") and alike:
            again = np.sort(again, axis=-1)
        outside = outside.reshape((*outside.shape, *(1,) * members.event_ndim))
        values = np.where(outside, again, values)
    raise CannotDraw(f"{law.name} gives next to no {members.phrase}")
