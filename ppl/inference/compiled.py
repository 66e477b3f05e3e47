"""A compiled model as inference sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ppl.compile.closed import Component, components
from ppl.compile.concave import is_concave
from ppl.compile.load import LogJoint, compile_bound
from ppl.compile.program import Assemble, Column
from ppl.compile.quadratic import Quadratic, quadratic
from ppl.constraints import Constraint
from ppl.graph.evaluate import NotANumber, number
from ppl.guide.layout import Block

Array = npt.NDArray[np.float64]

FEW = 2**14
"""Where no data have as many numbers, work is not counted."""


@dataclass(frozen=True)
class CompiledTarget:
    """A `ppl.inference.target.Target` over a `LogJoint`.

    Barren variables take no part here: they are drawn from the posterior draws afterwards.
    """

    model: LogJoint

    @property
    def dimension(self) -> int:
        """Number of columns."""
        return self.model.program.dimension

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Which columns belong to which variable."""
        return tuple(map(_block, self.model.program.columns))

    @cached_property
    def start(self) -> Array:
        """Zero, or where the user lets a learned parameter start."""
        start = np.zeros(self.dimension)
        bound = self.model.bound
        for column in self.model.program.columns:
            variable = bound.graph.variables.get(column.key)
            if variable is None or variable.parameter is None or variable.parameter.start is None:
                continue
            try:
                value = number(variable.parameter.start, bound.sizes, bound.data)
            except NotANumber:
                continue
            shape = bound.shape(column.key)
            bijection = column.constraint.bijection
            assert bijection is not None
            free = bijection.inverse(np.full(shape, float(value)))
            start[column.start : column.stop] = np.ravel(free)
        return start

    @cached_property
    def work(self) -> float:
        """About how many operations the log joint takes at one position; 0 if data are few."""
        bound = self.model.bound
        if max((np.size(values) for values in bound.data.values()), default=0) < FEW:
            return 0.0
        from ppl.compile.rewrite.work import work_of_program

        return work_of_program(self.model.simplified, bound)

    def value_and_gradient(self, positions: Array) -> tuple[Array, Array]:
        """Return log joint (S,) and gradient (S, D)."""
        if self.dimension == 0:
            return self.log_joint(positions), positions
        return self.model.gradient.value_and_gradient(positions)

    def log_joint(self, positions: Array) -> Array:
        """Return the log joint (S,)."""
        values = np.asarray(self.model.log_joint(positions), float)
        return np.broadcast_to(values, (len(positions),))

    def log_likelihood(self, positions: Array) -> Array:
        """Return the observations' part, (S,)."""
        return np.broadcast_to(
            np.asarray(self.model.log_likelihood(positions), float), (len(positions),)
        )

    def quantities(self, positions: Array) -> dict[str, Array]:
        """Return latents and what is computed from them, each (S, ...).

        States of discrete latents, which are drawn given the rest, are left out.
        """
        every = self.model.determined(positions)
        return {name: _existing(v) for name, v in every.items() if name not in self.skipped}

    def by_block(self, positions: Array) -> dict[str, Array]:
        """Return latents by the names of their blocks, each (S, ...).

        A latent whose statements give it piece by piece has a block for each random piece.
        """
        every = self.model.determined(positions)
        return {
            block.name: every[name][:, *where] if where else every[name]
            for block in self.blocks
            for name, where in [self._pieces.get(block.name, (block.name, ()))]
            if name in every
        }

    @cached_property
    def _pieces(self) -> dict[str, tuple[str, tuple[slice | npt.NDArray[np.intp], ...]]]:
        """Of each piece of a variable, the variable and where in it the piece stands."""
        return {
            part.key: (step.key, part.window)
            for step in self.model.program.steps
            if isinstance(step, Assemble)
            for part in step.parts
        }

    def recentred(self, degrees: Mapping[str, Array]) -> CompiledTarget:
        """Return the same model where these latents are centred by degrees."""
        return CompiledTarget(compile_bound(self.model.bound, degrees, self.model.backend))

    @cached_property
    def supports(self) -> dict[str, Constraint]:
        """The set of each latent's values."""
        columns = self.model.program.columns
        return {c.key: c.constraint for c in columns if c.kind == "latent"}

    @cached_property
    def components(self) -> tuple[Component, ...] | None:
        """Independent parts of the posterior, where its form can be proved."""
        return components(self.model.bound, self.supports)

    def quadratic(self, most_scales: int) -> Quadratic | None:
        """Return which latents are normal given the others, where that can be proved."""
        return quadratic(self.model.bound, self.supports, most_scales)

    @cached_property
    def log_concave(self) -> bool:
        """Whether the log joint is proved to be concave."""
        return is_concave(self.model.bound, self.supports)

    @cached_property
    def skipped(self) -> frozenset[str]:
        """Learned parameters: they do not differ from draw to draw."""
        return frozenset(self.model.bound.parameters)


def _existing(values: Array) -> Array:
    """Leave out positions that do not exist: those that no statement defines."""
    absent = np.isnan(values).all(axis=0)
    return values[:, ~absent] if absent.any() else values


def _block(column: Column) -> Block:
    return Block(
        column.key,
        column.start,
        column.stop,
        column.shape,
        column.kind,
        plate=column.shape[0] if column.shape else 1,
        location_scale=column.noncentred and column.affine,
    )
