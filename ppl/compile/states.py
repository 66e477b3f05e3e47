"""The program of the states of discrete latents: their probabilities, and the most probable ones.

It has the steps of the log joint that sum discrete latents out, and does two things with them:

- `tilted(x, tilt)` is the log of the sums with log potentials `tilt` added to every state at every
  position. Its gradient by them, at 0, is the exact probability of each state given the draw;
- `best(x)` takes maxima in the place of sums, and goes back through the tables for the states that
  are the most probable together. Potentials are averaged over the draws first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.emit import INDENT, Emitted, Emitter, keys_of, needed_by
from ppl.compile.load import LogJoint, run_source
from ppl.compile.nodes import Known
from ppl.compile.program import RowSum, StateDraw
from ppl.compile.tables import TILT, Chain, SumOut

Floats = NDArray[np.float64]
ENTRIES = 2**24
"""Draws are taken so many at once that their tables have at most so many entries."""


@dataclass(frozen=True)
class States:
    """What is known of the states of discrete latents, given draws of all else.

    Attributes
    ----------
    source
        Readable NumPy source.
    counts
        Number of states by name, counted from 0.
    shapes
        Shape of each name.
    entries
        Of all tables together, for one draw.
    """

    source: str
    counts: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    entries: int
    tilted: Callable[..., Any]
    best: Callable[..., Mapping[str, Any]]

    def probabilities(self, positions: Floats) -> dict[str, Floats]:
        """Return the mean over draws of each state's probability, (..., states) by name.

        Parameters
        ----------
        positions : (draws, columns)
            Of the flat vector; equally weighted.
        """
        from autograd import grad

        sizes = {n: (int(np.prod(self.shapes[n], dtype=int)), k) for n, k in self.counts.items()}
        total = {n: np.zeros(size) for n, size in sizes.items()}

        def normaliser(tilt: Any, x: Floats) -> Any:
            return self.tilted(x, tilt).sum()

        for k in range(0, len(positions), self._block):
            x = positions[k : k + self._block]
            with np.errstate(all="ignore"):
                found = grad(normaliser)({n: np.zeros((1, *s)) for n, s in sizes.items()}, x)
            for name in total:
                total[name] += found[name][0]
        return {
            n: (t / len(positions)).reshape(*self.shapes[n], self.counts[n])
            for n, t in total.items()
        }

    def most_probable(self, positions: Floats) -> dict[str, NDArray[np.intp]]:
        """Return the states that together have the largest log joint, averaged over draws."""
        with np.errstate(all="ignore"):
            found = self.best(positions[: self._block])
        return {name: np.asarray(found[name][0]) for name in self.counts}

    @property
    def _block(self) -> int:
        return max(1, min(512, ENTRIES // max(self.entries, 1)))


def states(joint: LogJoint) -> States | None:
    """Write the program of a compiled model; None where it has no discrete latents."""
    program, bound = joint.program, joint.bound
    draws = [s for s in program.after if isinstance(s, StateDraw)]
    if not draws or not draws[0].operations:
        return None
    operations = draws[0].operations
    counts: dict[str, int] = {}
    entries = 0
    for operation in operations:
        match operation:
            case SumOut(name=name, places=places, sizes=sizes):
                counts[name] = sizes[-1]
                entries += len(places) * int(np.prod(sizes))
            case Chain(slots=slots, places=places, sizes=sizes, scope_sizes=scope):
                counts.update(zip(slots, sizes, strict=True))
                table = operation.states * int(np.prod(scope, dtype=int))
                varying = any(k.pair and k.rows is not None for k in operation.links)
                entries += places.shape[0] * places.shape[1] * table
                entries += places.shape[0] * places.shape[1] * table * operation.states * varying
    ordered = {n: counts.get(n, 1) for n in draws[0].names}
    shapes = dict(zip(draws[0].names, draws[0].shapes, strict=True))
    emitted = _Emitter(joint, draws[0]).run()
    sets = {c.constraint.name: c.constraint for c in program.columns}
    degrees = {f"{n}.centring": d for n, d in joint.centring.items()}
    tilted, best = run_source(emitted, bound, sets, degrees)
    return States(emitted.text, ordered, shapes, entries, tilted, best)


class _Emitter(Emitter):
    """Writes the two functions."""

    def __init__(self, joint: LogJoint, draw: StateDraw) -> None:
        super().__init__(joint.program, joint.bound)
        self.draw = draw

    def run(self) -> Emitted:
        """Write the whole source."""
        functions = [self._tilted(), self._best()]
        return self.whole(functions, "tilted, best")

    def _write(self, keys: list[str]) -> None:
        needed = needed_by(self.program.steps, keys, ())
        for step in self.program.steps:
            if not isinstance(step, RowSum) and needed.intersection(keys_of(step)):
                self.value(step)

    def _tilted(self) -> list[str]:
        self.writer.lines = lines = []
        self.states.tilted = True
        for name, shape in zip(self.draw.names, self.draw.shapes, strict=True):
            key = f"{name}{TILT}"
            self.states.rows[key] = int(np.prod(shape, dtype=int))
            lines.append(f"{self.states.name(key)} = tilt[{name!r}] + np.zeros((x.shape[0], 1, 1))")
            self.writer.known[key] = Known(self.states.name(key), drawn=True)
        rest = [s.source for s in self.program.steps if isinstance(s, RowSum)]
        self._write(rest)
        total = " + ".join(f"np.sum({self.writer.known[key].text}, axis=1)" for key in rest)
        lines.append(f"return {total}")
        return [f"{INDENT}def tilted(x, tilt):", *(2 * INDENT + line for line in lines)]

    def _best(self) -> list[str]:
        self.writer.lines = lines = ["draws = 1"]
        self.states.tilted, self.states.best = False, True
        self._write([o.key for o in self.draw.operations])
        self.states.draw(self.draw)
        lines.append("return {")
        known = self.writer.known
        lines.extend(f"{INDENT}{name!r}: {known[name].text}," for name in self.draw.names)
        lines.append("}")
        return [f"{INDENT}def best(x):", *(2 * INDENT + line for line in lines)]
