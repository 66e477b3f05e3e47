"""Source for the elimination of discrete latents: tables, sums over states, states drawn."""

from __future__ import annotations

from math import prod

import numpy as np

from ppl.compile.code import Code
from ppl.compile.names import Namer
from ppl.compile.nodes import Known, Writer
from ppl.compile.numeric import extent_of
from ppl.compile.program import Eliminate, StateDraw, Table
from ppl.compile.tables import TILT, Chain, Diagonal, Input, Link, Merge, Places, SumOut
from ppl.graph.bound import BoundGraph


class StateWriter:
    """Writes the lines of an elimination; arrays have the axes (draw, row, states ...)."""

    def __init__(self, writer: Writer, namer: Namer, bound: BoundGraph) -> None:
        self.writer = writer
        self.namer = namer
        self.bound = bound
        self.repeated: set[str] = set()
        self.rows: dict[str, int] = {}
        self.tilted = False
        self.best = False

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
        self.rows[step.key] = rows
        if self.best and code.drawn:
            text = f"np.mean({text}, axis=0, keepdims=True)"
        self.let(step.key, text, drawn=code.drawn)

    def eliminate(self, step: Eliminate) -> None:
        """Write one operation."""
        match step.operation:
            case Merge() as merge:
                self._merge(merge)
            case Diagonal() as diagonal:
                self._diagonal(diagonal)
            case SumOut() as out:
                self._sum_out(out)
            case Chain() as chain:
                self._chain(chain)

    def _taken(self, source: str, rows: Places | None) -> str:
        """Return an array at some rows."""
        known = self.writer.known[source]
        if rows is None:
            return known.text
        call = "gather" if known.drawn else "np.take"
        return f"{call}({known.text}, {self.places(rows)}, 1)"

    def _merge(self, merge: Merge) -> None:
        known = self.writer.known[merge.source]
        if merge.counts is not None:
            states = merge.counts.reshape((1, -1, *(1,) * merge.axes))
            text = f"{known.text} * {self.writer.array(states)}"
        else:
            taken = self._taken(merge.source, merge.taken)
            text = f"segment_sum({taken}, {self.places(merge.into)}, 1, {merge.rows})"
        self.rows[merge.key] = merge.rows
        self.let(merge.key, text, drawn=known.drawn)

    def _diagonal(self, diagonal: Diagonal) -> None:
        """Write a table whose equal axes are one: read flat, at the places where they agree."""
        known = self.writer.known[diagonal.source]
        kept = [diagonal.sizes[diagonal.axes.index(k)] for k in range(max(diagonal.axes) + 1)]
        states = np.indices(kept)
        flat = np.ravel_multi_index(tuple(states[k] for k in diagonal.axes), diagonal.sizes)
        taken = self._taken(diagonal.source, diagonal.rows)
        laid = f"np.reshape({taken}, (-1, {self._rows(diagonal)}, {prod(diagonal.sizes)}))"
        call = "gather" if known.drawn else "np.take"
        text = f"{call}({laid}, {self.places(flat)}, 2)"
        if diagonal.rows is None:
            self.repeated.add(diagonal.key)
        self.rows[diagonal.key] = self._rows(diagonal)
        self.let(diagonal.key, text, drawn=known.drawn)

    def _rows(self, diagonal: Diagonal) -> int:
        return 1 if diagonal.rows is None else len(diagonal.rows)

    def _sum_out(self, out: SumOut) -> None:
        given = [i for i in out.inputs if self.tilted or not i.source.endswith(TILT)]
        inputs = [self._input(i, len(out.sizes)) for i in given]
        drawn = any(d for _, d in inputs)
        full = " + ".join(t for t, _ in inputs)
        if not any(i.rows is not None or self._has_rows(i, out) for i in given):
            shape = (1, len(out.places), *(1,) * len(out.sizes))
            full += f" + {self.writer.hoist(Code(f'np.zeros({shape})', ())).text}"
        self.let(f"{out.key}.full", full, drawn=drawn)
        known = self.writer.known[f"{out.key}.full"]
        reduced = f"logsumexp({known.text}, -1)"
        if self.best:
            reduced = f"np.max({known.text}, axis=-1)"
        self.rows[out.key] = len(out.places)
        self.let(out.key, reduced, drawn=drawn)

    def _has_rows(self, given: Input, out: SumOut) -> bool:
        """Return whether a factor's array has a row for each position."""
        return given.source not in self.repeated or len(out.places) == 1

    def _input(self, given: Input, count: int) -> tuple[str, bool]:
        """Return a factor laid along the axes (draw, row, scope ..., own states)."""
        known = self.writer.known[given.source]
        text = self._laid(self._taken(given.source, given.rows), given.axes, count, 2)
        if not known.drawn:
            text = self.writer.hoist(Code(text, ())).text
        return text, known.drawn

    def _laid(self, text: str, axes: tuple[int, ...], count: int, leading: int) -> str:
        """Lay axes of states, behind some leading ones, along `count` axes."""
        order = sorted(range(len(axes)), key=lambda k: axes[k])
        if order != list(range(len(order))):
            first = range(leading)
            text = f"np.transpose({text}, {(*first, *(k + leading for k in order))})"
        marks = [":" if k in axes else "None" for k in range(count)]
        if "None" in marks:
            text = f"{text}[{', '.join([':'] * leading + marks)}]"
        return text

    # ----------------------------------------------------------------------------- chains

    def _chain(self, chain: Chain) -> None:
        """Write the potentials of a chain's levels, (draw, chain, level, state), and its sum."""
        links = [k for k in chain.links if self.tilted or not k.source.endswith(TILT)]
        unary = [self._link(k, chain) for k in links if not k.pair]
        pairs = [self._link(k, chain) for k in links if k.pair]
        empty = (chain.places < 0).any(axis=(0, 1))
        if empty.any():
            unary.append((self._pinned(chain), False))
        pair_drawn = any(d for _, d in pairs)
        drawn = pair_drawn or any(d for _, d in unary)
        count, length, _ = chain.places.shape
        ones = (1,) * len(chain.scope)
        scope = chain.scope_sizes
        wide = (1, count, *scope, length, *chain.sizes)
        text = self._total(unary, links, wide, pair=False, whole=True)
        if drawn and not self.best and not any(d for _, d in unary):
            text += f" + 0.0 * x{self._spread(len(wide))}"
        if len(wide) > 4:
            text = f"np.reshape({text}, (-1, {count * prod(scope)}, {length}, {chain.states}))"
        self.let(f"{chain.key}.unary", text, drawn=drawn)
        varying = any(k.pair and k.rows is not None for k in links)
        scoped = any(a < len(scope) for k in links if k.pair for a in k.axes)
        moves = max(length - 1, 1) if varying else 1
        many = count if varying or scoped else 1
        beside = scope if scoped or varying else ones
        shape = (1, many, *beside, moves, *chain.sizes, *chain.sizes)
        together = self._total(pairs, links, shape, pair=True, whole=varying or scoped)
        if len(shape) > 5:
            square = ", ".join(map(str, (moves, chain.states, chain.states)))
            together = f"np.reshape({together}, (-1, {many * prod(beside)}, {square}))"
        self.let(f"{chain.key}.pair", together, drawn=pair_drawn)
        one = self.writer.known[f"{chain.key}.unary"].text
        two = self.writer.known[f"{chain.key}.pair"].text
        call = "best_over_paths" if self.best else "sum_over_paths"
        text = f"{call}({one}, {two})"
        if scope:
            text = f"np.reshape({text}, (-1, {count}, {', '.join(map(str, scope))}))"
        self.rows[chain.key] = count
        self.let(chain.key, text, drawn=drawn)

    def _total(
        self,
        texts: list[tuple[str, bool]],
        links: list[Link],
        shape: tuple[int, ...],
        *,
        pair: bool,
        whole: bool,
    ) -> str:
        """Add potentials up, with zeros that spread them over a shape unless one fills it."""
        fills = [k for k in links if k.pair == pair and (k.rows is not None or not whole)]
        axes = len(shape) - 3
        parts = [text for text, _ in texts]
        if not any(len(k.axes) == axes for k in fills):
            parts.append(self._zeros(shape))
        return " + ".join(parts)

    def _zeros(self, shape: tuple[int, ...]) -> str:
        return self.writer.hoist(Code(f"np.zeros({shape})", ())).text

    def _spread(self, rank: int) -> str:
        """Return the index that gives ``x`` one column and then axes of length 1."""
        return f"[:, :1{', None' * (rank - 2)}]"

    def _pinned(self, chain: Chain) -> str:
        """Return potentials that keep the empty slots in their first state."""
        shape = chain.places.shape
        total = np.zeros((1, *shape[:2], *chain.sizes))
        for slot, states in enumerate(chain.sizes):
            ones = [1] * len(chain.sizes)
            ones[slot] = states
            rest = np.where(np.arange(states) > 0, -np.inf, 0.0).reshape(ones)
            lacking = (chain.places[..., slot] < 0).reshape((*shape[:2], *(1,) * len(ones)))
            total = total + np.where(lacking, rest, 0.0)
        total = total.reshape((1, shape[0], *(1,) * len(chain.scope), shape[1], *chain.sizes))
        return self.writer.array(total)

    def _link(self, link: Link, chain: Chain) -> tuple[str, bool]:
        """Return a factor along (draw, chain, scope ..., level, states of the slots ...)."""
        known = self.writer.known[link.source]
        count, length, slots = chain.places.shape
        width = len(chain.scope)
        names = (*chain.scope_sizes, *chain.sizes, *chain.sizes)
        sizes = tuple(names[a] for a in link.axes)
        text, levels = known.text, length - 1 if link.pair else length
        if link.rows is None:
            text = f"{text}[:, :, None]"
        else:
            flat = link.rows.reshape(-1)
            if source_is_whole(flat, self.rows.get(link.source)):
                taken = text
            else:
                taken = self._taken(link.source, np.maximum(flat, 0))
            text = f"np.reshape({taken}, {(-1, count, levels, *sizes)})"
            if (flat < 0).any():
                mask = self.writer.array(
                    (link.rows >= 0).reshape((1, count, levels, *(1,) * len(sizes)))
                )
                text = f"where({mask}, {text}, 0.0)"
        scoped = sorted(a for a in link.axes if a < width)
        inner = sorted(a for a in link.axes if a >= width)
        wanted = (*scoped, -1, *inner)
        order = tuple(2 if a < 0 else 3 + link.axes.index(a) for a in wanted)
        if order != tuple(range(2, 2 + len(order))):
            text = f"np.transpose({text}, {(0, 1, *order)})"
        last = width + slots * (2 if link.pair else 1)
        marks = [":" if a in link.axes else "None" for a in range(last)]
        marks.insert(width, ":")
        if "None" in marks:
            text = f"{text}[:, :, {', '.join(marks)}]"
        if not known.drawn:
            text = self.writer.hoist(Code(text, ())).text
        return text, known.drawn

    # ------------------------------------------------------------------------------ states

    def draw(self, step: StateDraw) -> None:
        """Write the lines that draw the states of all names, or find the best ones."""
        flat: dict[str, str] = {}
        for name, shape in zip(step.names, step.shapes, strict=True):
            flat[name] = self.namer.fresh("states")
            size = int(np.prod(shape, dtype=int))
            self.writer.lines.append(f"{flat[name]} = np.zeros((draws, {size}), int)")
        call = "best" if self.best else "draw"
        rng = "" if self.best else "rng, "
        for operation in step.operations:
            inside = "".join(
                f"{flat[name]}[:, {self.places(where)}], " for name, where in operation.scope
            )
            match operation:
                case SumOut(key=key, name=name, places=places):
                    table = self.writer.known[f"{key}.full"].text
                    text = f"{call}_states({rng}{table}, ({inside}), draws)"
                    self.writer.lines.append(f"{flat[name]}[:, {self.places(places)}] = {text}")
                case Chain(key=key, places=places):
                    one = self.writer.known[f"{key}.unary"].text
                    two = self.writer.known[f"{key}.pair"].text
                    shape = (len(places), *operation.scope_sizes)
                    text = f"{call}_chains({rng}{one}, {two}, ({inside}), {shape}, draws)"
                    path = self.namer.fresh("path")
                    self.writer.lines.append(f"{path} = {text}")
                    self._decoded(operation, flat, path)
        for name, shape in zip(step.names, step.shapes, strict=True):
            sizes = ", ".join(["draws", *map(str, shape)])
            self.let(name, f"np.reshape({flat[name]}, ({sizes},))", drawn=True)

    def _decoded(self, chain: Chain, flat: dict[str, str], path: str) -> None:
        """Write the states of each slot, which the states of levels stand for."""
        below = chain.states
        for slot, (name, states) in enumerate(zip(chain.slots, chain.sizes, strict=True)):
            below //= states
            where = chain.places[..., slot].reshape(-1)
            rows = np.flatnonzero(where >= 0)
            part = path if len(rows) == len(where) else f"{path}[:, {self.places(rows)}]"
            if len(chain.slots) > 1:
                part = f"{part} // {below} % {states}"
            line = f"{flat[name]}[:, {self.places(where[rows])}] = {part}"
            self.writer.lines.append(line)


def source_is_whole(rows: Places, count: int | None) -> bool:
    """Return whether rows are all rows of an array, in order."""
    return count == len(rows) and np.array_equal(rows, np.arange(len(rows)))
