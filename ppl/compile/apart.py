"""What each position of a plate adds to the log joint, kept apart: one row of a batch, one number.

Positions without `ppl.compile.plates.obstacle` are independent of one another given the rest, so
that rows may as well be many draws of one position's latents: they share all products with what
does not differ from draw to draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.code import DRAW, aligned
from ppl.compile.emit import INDENT, Emitted, Emitter, keys_of, needed_by, roots_of
from ppl.compile.load import loaded, run_on
from ppl.compile.plates import Subsampled, batch_data, plated_terms, runs_over, subsampled
from ppl.compile.program import Jacobian, Program, Step, Term
from ppl.graph.bound import BoundGraph

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """The terms of a plate, compiled for a number of rows.

    Attributes
    ----------
    model
        The layout of a vector, for so many rows; its terms are not scaled.
    """

    model: Subsampled
    emitted: Emitted
    function: Callable[[Any], Any]

    def rows(self, positions: Positions, each: int) -> Callable[[Floats], Floats]:
        """Return (draws (S, D)) → what each row adds, (S, size); a position has `each` rows.

        Rows behind the last position's are of any position.
        """
        model = self.model
        few = batch_data(model.bound, model.plate, positions)
        repeated = np.resize(np.repeat(np.arange(len(positions)), each), model.size)
        many = batch_data(few, model.plate, repeated)
        function = run_on(self.function, self.emitted, many, {})

        def rows(x: Floats) -> Floats:
            with np.errstate(all="ignore"):
                found = np.asarray(function(x), float)
            return np.broadcast_to(found, (len(x), model.size))

        return rows


def apart(bound: BoundGraph, plate: str, size: int) -> Apart | None:
    """Compile the terms of a plate for `size` rows; None if rows of sums over states are not
    those of the plate."""
    model = subsampled(bound, plate, size, size)
    plated = plated_terms(model.program, model.bound, plate)
    terms = [s for k, s in enumerate(model.program.steps) if k in plated]
    if not all(isinstance(s, Term | Jacobian) for s in terms):
        return None
    program = replace(model.program, after=())
    small = batch_data(model.bound, plate, np.arange(size) % model.bound.sizes[plate])
    emitted = _Emitter(program, small, plate, terms).run()
    sets = {c.constraint.name: c.constraint for c in program.columns}
    return Apart(model, emitted, loaded(emitted, sets))


class _Emitter(Emitter):
    """Writes the one function of the terms that are kept apart."""

    def __init__(self, program: Program, bound: BoundGraph, plate: str, terms: list[Step]) -> None:
        super().__init__(program, bound)
        self.plate = plate
        self.terms = terms

    def run(self) -> Emitted:
        """Write the whole source."""
        self.writer.lines = lines = []
        steps = self.program.steps
        needed = needed_by(steps, [r for t in self.terms for r in roots_of(t)], ())
        texts = []
        for step in steps:
            if any(step is t for t in self.terms):
                texts.append(self._rows(step))
            elif needed.intersection(keys_of(step)):
                self.value(step)
        lines.append(f"return {' + '.join(texts) or 'np.zeros((1, 1))'}")
        head = f"{INDENT}def rows(x):"
        return self.whole([[head, *(2 * INDENT + line for line in lines)]], "rows")

    def _rows(self, step: Step) -> str:
        """Write a term, a number for each draw and row, and return its name."""
        if isinstance(step, Jacobian):
            text = self.log_jacobian(step)
            rank = len(self.program.shapes[step.key]) - step.constraint.event_ndim
            if rank > 1:
                text = f"np.sum({text}, axis={tuple(range(2, rank + 1))})"
        else:
            assert isinstance(step, Term)
            (row,) = (i for i in step.indices if runs_over(i, self.plate))
            rest = tuple(i for i in step.indices if i is not row)
            code = self.summed(self.node(step.node, step.indices), rest)
            code = aligned(code, (DRAW, row))
            text = code.text if code.axes else f"{code.operand(0)} * np.ones((1, 1))"
        name = self.namer.fresh("term")
        self.writer.lines.append(f"{name} = {text}")
        return name
