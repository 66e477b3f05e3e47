"""The log likelihood of each observation at the posterior draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.pointwise import pointwise
from ppl.graph.bound import shown

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

BLOCK = 512
"""Draws that are evaluated at once."""


def pointwise_log_likelihood(fit: Fit) -> dict[str, npt.NDArray[Any]]:
    """Return arrays (n, ...) by observed name, at the equally weighted draws."""
    program = pointwise(fit.joint)
    count = len(fit.inference.draws)
    parts = []
    for low in range(0, count, BLOCK):
        high = min(low + BLOCK, count)
        given = {}
        for name in program.needs:
            if name in fit.parameters:
                value = fit.parameters[name]
                given[name] = np.broadcast_to(value, (high - low, *np.shape(value)))
            else:
                given[name] = fit.values.equal[shown(name)][low:high]
        parts.append(program(given, high - low))
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
