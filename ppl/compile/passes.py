"""Passes over many rows, block by block: a log joint whose temporaries do not grow with the data.

Where a likelihood over a large plate is left as array operations, each of its temporaries has a
number for every draw and row. The model compiled for a block of positions gives the same sums
piece by piece: the prior, which every block has whole, counts by the blocks' shares, which add up
to one; the plate's terms, scaled up to all positions, by the same shares, which undoes the scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.load import FEW, LogJoint
from ppl.compile.plates import Batch, Subsampled, is_plated, obstacle, subsampled
from ppl.compile.program import RowSum, Term
from ppl.compile.rewrite.scope import Scope
from ppl.graph.bound import BoundGraph

Floats = NDArray[np.float64]

BLOCK = 1 << 12
"""Positions of a block,"""
ENTRIES = 1 << 18
"""and numbers, draws times positions, that a log joint has at once."""


def by_blocks(joint: LogJoint) -> LogJoint:
    """Return the log joint that passes over its largest plate in blocks, if that is of use."""
    plate = _plate(joint)
    if plate is None:
        return joint
    passes = Passes(joint.bound, plate, joint)
    if passes.model(BLOCK).columns != joint.program.columns:
        return joint
    return replace(
        joint,
        log_joint=passes.log_joint,
        log_likelihood=passes.log_likelihood,
        _differentiate=lambda: passes,
    )


def _plate(joint: LogJoint) -> str | None:
    """Return the plate that terms of the likelihood run over as arrays."""
    bound, program = joint.bound, joint.simplified
    large = {name for name, size in bound.sizes.items() if size > FEW}
    if joint.backend != "autograd" or not large:
        return None
    scope = Scope.of(program, bound)
    found = {
        index.domain.dimension
        for step in program.steps
        if isinstance(step, Term) and scope.drawn(step.node)
        for index in step.indices
    }
    if any(isinstance(step, RowSum) for step in program.steps):
        found |= large
    plates = sorted(large & found, key=lambda name: -bound.sizes[name])
    for plate in plates:
        local = any(is_plated(bound, column.key, plate) for column in program.columns)
        if not local and obstacle(bound, plate) is None:
            return plate
    return None


@dataclass(frozen=True, eq=False)
class Passes:
    """A log joint and its gradient, added up over blocks of a plate."""

    bound: BoundGraph
    plate: str
    whole: LogJoint

    @property
    def total(self) -> int:
        """Positions of the plate."""
        return self.bound.sizes[self.plate]

    @cached_property
    def _models(self) -> dict[int, Subsampled]:
        return {}

    def model(self, size: int) -> Subsampled:
        """Return the model of blocks of a size."""
        if size not in self._models:
            self._models[size] = subsampled(
                self.bound, self.plate, size, centring=self.whole.centring
            )
        return self._models[size]

    def blocks(self) -> Iterator[tuple[Batch, float]]:
        """Yield the blocks, with their shares of the positions."""
        for start in range(0, self.total, BLOCK):
            positions = np.arange(start, min(start + BLOCK, self.total))
            size = len(positions)
            yield self.model(size).batch(positions), size / self.total

    def value_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the value, (S,), and its gradient, (S, D), at draws x, (S, D)."""
        value, gradient = np.zeros(len(x)), np.zeros(x.shape)
        for block, share in self.blocks():
            more, slope = block.value_and_gradient(x)
            value += share * more
            gradient += share * slope
        return value, gradient

    def log_joint(self, x: Floats) -> Floats:
        """Return the log joint, (S,)."""
        return self._added(x, Batch.log_joint)

    def log_likelihood(self, x: Floats) -> Floats:
        """Return the observations' part of it, (S,)."""
        return self._added(x, Batch.log_likelihood)

    def _added(self, x: Floats, function: Callable[[Batch, Floats], Any]) -> Floats:
        value = np.zeros(len(x))
        few = max(1, ENTRIES // BLOCK)
        for block, share in self.blocks():
            for start in range(0, len(x), few):
                part = slice(start, start + few)
                value[part] += share * function(block, x[part])
        return value
