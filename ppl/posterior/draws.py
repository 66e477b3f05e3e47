"""The user's variables at the posterior draws: computed when first asked for, or read from a file.

Both kinds of draws have the same attributes; all else works on either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.graph.bound import shown
from ppl.inference.result import Inference

Array = npt.NDArray[np.float64]
Values = Mapping[str, npt.NDArray[Any]]
BLOCK = 512
"""Draws that are evaluated at once."""


class Draws(Protocol):
    """The variables by name, each with the draw axis first."""

    @property
    def weighted(self) -> Values:
        """Draws to be weighted, (S, ...) each: the best for moments."""

    @property
    def weights(self) -> Array:
        """Their normalised weights, (S,)."""

    @property
    def equal(self) -> Values:
        """Equally weighted draws, (n, ...) each."""

    @property
    def parameters(self) -> Values:
        """Learned parameters, in their own shapes."""


@dataclass(frozen=True, eq=False)
class Computed:
    """Draws computed from the unconstrained ones by the compiled model."""

    joint: LogJoint
    inference: Inference
    seed: int

    @cached_property
    def weighted(self) -> dict[str, npt.NDArray[Any]]:
        """Draws to be weighted, (S, ...) each."""
        rng = np.random.default_rng([self.seed, 1])
        return _in_blocks(self.joint, self.inference.weighted.positions, rng)

    @cached_property
    def weights(self) -> Array:
        """Their normalised weights, (S,)."""
        return np.exp(self.inference.weighted.log_weights)

    @cached_property
    def equal(self) -> dict[str, npt.NDArray[Any]]:
        """Equally weighted draws, (n, ...) each."""
        rng = np.random.default_rng([self.seed, 2])
        return _in_blocks(self.joint, self.inference.draws, rng)

    @cached_property
    def parameters(self) -> dict[str, npt.NDArray[Any]]:
        """Learned parameters, in their own shapes."""
        first = self.inference.weighted.positions[:1]
        values = self.joint.quantities(first, np.random.default_rng(0))
        return {n: np.asarray(values[n][0], float) for n in self.joint.bound.parameters}


@dataclass(frozen=True, eq=False)
class Kept:
    """Draws as a file has them."""

    weighted: Values
    weights: Array
    equal: Values
    parameters: Values


def _in_blocks(
    joint: LogJoint, positions: Array, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Return the user's variables at all positions, block by block."""
    hidden = set(joint.bound.parameters)
    parts = [
        joint.quantities(positions[k : k + BLOCK], rng) for k in range(0, len(positions), BLOCK)
    ]
    return {shown(n): np.concatenate([p[n] for p in parts]) for n in parts[0] if n not in hidden}
