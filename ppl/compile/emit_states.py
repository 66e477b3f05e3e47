"""Source for the elimination of discrete latents: tables, sums over states, states drawn."""

from __future__ import annotations

from math import prod

import numpy as np

from ppl.compile.code import Code
from ppl.compile.eliminate import Chain, Input, Merge, Places, SumOut
from ppl.compile.names import Namer
from ppl.compile.nodes import Known, Writer
from ppl.compile.numeric import extent_of
from ppl.compile.program import Eliminate, StateDraw, Table
from ppl.graph.bound import BoundGraph


class StateWriter:
    """Writes the lines of an elimination; arrays have the axes (draw, row, states ...)."""

    def __init__(self, writer: Writer, namer: Namer, bound: BoundGraph) -> None:
        self.writer = writer
        self.namer = namer
        self.bound = bound
        self.repeated: set[str] = set()
        self.flat: dict[str, str] = {}

    def name(self, key: str) -> str:
        """Return the name of an array in source."""
        return self.namer.of(key, key.replace(".", "_").replace(" ", "_"))

    def let(self, key: str, text: str, *, drawn: bool) -> None:
        """Write an array: a line, or a constant where data alone decide it."""
        if drawn:
            name = self.name(key)
            self.writer.lines.append(f"{name} = {text}")
            self.writer.known[key] = Known(name, drawn=True)
        else:
            code = self.writer.hoist(Code(text, ()))
            self.writer.known[key] = Known(code.text, drawn=False)

    def places(self, places: Places) -> str:
        """Return positions as a constant of the source."""
        return self.writer.array(np.asarray(places))

    # ----------------------------------------------------------------------------- tables

    def table(self, step: Table, code: Code) -> None:
        """Write a factor's table."""
        axes = (*(() if step.repeated else step.plates), *step.states)
        code = self.writer.spread(code, axes)
        sizes = [extent_of(i, self.bound)[1] for i in step.states]
        rows = 1 if step.repeated else prod(extent_of(i, self.bound)[1] for i in step.plates)
        if code.drawn and len(axes) == len(sizes) + 1:
            text = code.text
        elif code.drawn and step.repeated:
            text = f"{code.operand(0)}[:, None]"
        else:
            text = f"np.reshape({code.text}, {(-1 if code.drawn else 1, rows, *sizes)})"
        if step.repeated:
            self.repeated.add(step.key)
        self.let(step.key, text, drawn=code.drawn)

    def eliminate(self, step: Eliminate) -> None:
        """Write one operation."""
        match step.operation:
            case Merge() as merge:
                self._merge(merge)
            case SumOut() as out:
                self._sum_out(out)
            case Chain() as chain:
                self._chain(chain)

    def _merge(self, merge: Merge) -> None:
        known = self.writer.known[merge.source]
        if merge.counts is not None:
            states = merge.counts.reshape((1, -1, *(1,) * merge.axes))
            text = f"{known.text} * {self.writer.array(states)}"
        else:
            text = f"segment_sum({known.text}, {self.places(merge.into)}, 1, {merge.rows})"
        self.let(merge.key, text, drawn=known.drawn)

    def _sum_out(self, out: SumOut) -> None:
        inputs = [self._input(i, len(out.sizes)) for i in out.inputs]
        drawn = any(d for _, d in inputs)
        full = " + ".join(t for t, _ in inputs)
        if not any(i.rows is not None or self._has_rows(i, out) for i in out.inputs):
            shape = (1, len(out.places), *(1,) * len(out.sizes))
            full += f" + {self.writer.hoist(Code(f'np.zeros({shape})', ())).text}"
        self.let(f"{out.key}.full", full, drawn=drawn)
        known = self.writer.known[f"{out.key}.full"]
        self.let(out.key, f"logsumexp({known.text}, -1)", drawn=drawn)

    def _has_rows(self, given: Input, out: SumOut) -> bool:
        """Return whether a factor's array has a row for each position."""
        return given.source not in self.repeated or len(out.places) == 1

    def _input(self, given: Input, count: int) -> tuple[str, bool]:
        """Return a factor laid along the axes (draw, row, scope ..., own states)."""
        known = self.writer.known[given.source]
        text = known.text
        if given.rows is not None:
            call = "gather" if known.drawn else "np.take"
            text = f"{call}({text}, {self.places(given.rows)}, 1)"
        order = sorted(range(len(given.axes)), key=lambda k: given.axes[k])
        if order != list(range(len(order))):
            text = f"np.transpose({text}, {(0, 1, *(k + 2 for k in order))})"
        marks = [":" if k in given.axes else "None" for k in range(count)]
        if "None" in marks:
            text = f"{text}[:, :, {', '.join(marks)}]"
        if not known.drawn:
            text = self.writer.hoist(Code(text, ())).text
        return text, known.drawn

    def _chain(self, chain: Chain) -> None:
        count, length = chain.places.shape
        unary = [self._unary(s, r, count, length, chain.states) for s, r in chain.unary]
        drawn = any(d for _, d in unary) or any(
            self.writer.known[s].drawn for s, _, _ in chain.pairs
        )
        text = " + ".join(t for t, _ in unary)
        if drawn:
            text += " + 0.0 * x[:, :1, None, None]"
        shape = (1, count, length, chain.states)
        text += f" + {self.writer.hoist(Code(f'np.zeros({shape})', ())).text}"
        self.let(f"{chain.key}.unary", text, drawn=drawn)
        pairs = [self._pair(s, r, f, count, length, chain.states) for s, r, f in chain.pairs]
        together = (
            " + ".join(pairs) if pairs else f"np.zeros((1, 1, 1, {chain.states}, {chain.states}))"
        )
        pair_drawn = any(self.writer.known[s].drawn for s, _, _ in chain.pairs)
        self.let(f"{chain.key}.pair", together, drawn=pair_drawn)
        one = self.writer.known[f"{chain.key}.unary"].text
        two = self.writer.known[f"{chain.key}.pair"].text
        self.let(chain.key, f"sum_over_paths({one}, {two})", drawn=drawn)

    def _unary(
        self, source: str, rows: Places | None, count: int, length: int, states: int
    ) -> tuple[str, bool]:
        known = self.writer.known[source]
        assert rows is not None
        flat = rows.reshape(-1)
        shape = (-1, count, length, states)
        if source in self.repeated and (flat == 0).all():
            return f"{known.text}[:, :, None]", known.drawn
        if np.array_equal(flat, np.arange(len(flat))):
            return f"np.reshape({known.text}, {shape})", known.drawn
        call = "gather" if known.drawn else "np.take"
        taken = f"{call}({known.text}, {self.places(np.maximum(flat, 0))}, 1)"
        text = f"np.reshape({taken}, {shape})"
        if (flat < 0).any():
            text = f"where({self._mask(rows)}[None, :, :, None], {text}, 0.0)"
        return text, known.drawn

    def _mask(self, rows: Places) -> str:
        return self.writer.array(rows >= 0)

    def _pair(
        self, source: str, rows: Places | None, forward: bool, count: int, length: int, states: int
    ) -> str:
        known = self.writer.known[source]
        text = known.text
        if not forward:
            text = f"np.swapaxes({text}, -1, -2)"
        if rows is None:
            return f"{text}[:, :, None]"
        flat = rows.reshape(-1)
        shape = (-1, count, length - 1, states, states)
        if not np.array_equal(flat, np.arange(len(flat))):
            call = "gather" if known.drawn else "np.take"
            text = f"{call}({text}, {self.places(np.maximum(flat, 0))}, 1)"
        text = f"np.reshape({text}, {shape})"
        if (flat < 0).any():
            text = f"where({self._mask(rows)}[None, :, :, None, None], {text}, 0.0)"
        return text

    # ------------------------------------------------------------------------------ states

    def draw(self, step: StateDraw) -> None:
        """Write the lines that draw the states of a name."""
        size = int(np.prod(step.shape, dtype=int))
        flat = self.namer.fresh("states")
        self.writer.lines.append(f"{flat} = np.zeros((draws, {size}), int)")
        for operation in step.operations:
            match operation:
                case SumOut(key=key, places=places, scope=scope):
                    table = self.writer.known[f"{key}.full"].text
                    inside = "".join(
                        f"{self.flat[name]}[:, {self.places(where)}], " for name, where in scope
                    )
                    text = f"draw_states(rng, {table}, ({inside}), draws)"
                    where = self.places(places)
                case Chain(key=key, places=places):
                    one = self.writer.known[f"{key}.unary"].text
                    two = self.writer.known[f"{key}.pair"].text
                    text = f"draw_chains(rng, {one}, {two}, draws)"
                    where = self.places(places.reshape(-1))
            self.writer.lines.append(f"{flat}[:, {where}] = {text}")
        self.flat[step.key] = flat
        shape = ", ".join(["draws", *map(str, step.shape)])
        self.let(step.key, f"np.reshape({flat}, ({shape},))", drawn=True)
