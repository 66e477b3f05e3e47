"""The staged gradient as callers use it: source chosen by size, workspaces, blocks of draws."""

from __future__ import annotations

import linecache
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import count, pairwise
from typing import Any

import numpy as np

from ppl.compile.stage.build import Builder
from ppl.compile.stage.emit import Emitted, content, emit
from ppl.compile.stage.fuse import fuse
from ppl.compile.stage.ir import (
    CannotStage,
    Draws,
    Node,
    Program,
    Shape,
    bytes_per_draw,
    reachable,
)
from ppl.compile.stage.lower import lower
from ppl.compile.stage.record import LogJoint, record
from ppl.compile.stage.sums import regroup
from ppl.compile.stage.unify import unify

Array = np.ndarray[Any, np.dtype[np.float64]]

Run = Callable[..., tuple[Array, Array]]

PRIMES = (17, 19)
POOLED = 8192
"""Results of so many bytes and more live in a workspace."""
CACHE = 1 << 22
"""Temporaries of one block of draws should not exceed so many bytes: measured, not the L2 size."""
STEPWISE = 1 << 28
"""The same where a function goes step by step in Python: every block would go all the steps."""
BUFFER = 1024
"""NumPy's buffers, in numbers: where a row or a number is repeated, rows shorter than a buffer are
copied to it first, which takes two or three times as long as the operation."""
FEWEST = 16
"""A block has no fewer draws: matrix products want rows."""
_KEPT = 4
_serial = count()


class _Workspaces(threading.local):
    """The arrays of one thread, by variant of the source and number of draws."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], tuple[Array, ...]] = {}


class _Variant:
    """One emitted source, compiled."""

    def __init__(self, emitted: Emitted) -> None:
        self.emitted = emitted
        name = f"<staged gradient {next(_serial)}>"
        scope = dict(emitted.constants)
        exec(compile(emitted.source, name, "exec"), scope)
        lines = emitted.source.splitlines(keepends=True)
        linecache.cache[name] = (len(emitted.source), None, lines, name)
        self.run: Run = scope["program"]

    def arrays(self, draws: int) -> tuple[Array, ...]:
        """Return new workspace arrays for a number of draws."""
        memory: dict[int, Array] = {}
        views = []
        for slot, shape, dtype in self.emitted.workspace:
            lengths = _concrete(shape, draws)
            if slot not in memory:
                memory[slot] = np.empty(int(np.prod(lengths)), dtype)
            views.append(memory[slot].reshape(lengths))
        return tuple(views)


def _concrete(shape: Shape, draws: int) -> tuple[int, ...]:
    return tuple(n.times * draws if isinstance(n, Draws) else n for n in shape)


class Staged:
    """A log joint's value and gradient as straight-line NumPy.

    Safe to call from several threads. Results are new arrays; arrays that the function captured
    are snapshots, unless they are read-only, in which case they are shared.
    """

    def __init__(self, program: Program, names: Mapping[str, Any] | None = None) -> None:
        self._program = program
        self._takes_data = any(n.op == "input" and n.attr is not None for n in program.nodes)
        self._names = {content(array): name for name, array in (names or {}).items()}
        sizes = [bytes_per_draw(n) for n in program.nodes if n.op not in ("input", "constant")]
        self._sizes = sorted(set(filter(None, sizes)))
        self._variants: dict[int, _Variant] = {}
        self._workspaces = _Workspaces()
        self._plain: dict[int, Run] = {}
        self._block: int | None = None
        self._alone: Staged | None = None

    @property
    def source(self) -> str:
        """The source for few draws, which uses no workspace."""
        return self._variant(1).emitted.source

    @property
    def constants(self) -> dict[str, Any]:
        """What the source refers to, by name, besides NumPy itself."""
        return {k: v for k, v in self._variant(1).emitted.constants.items() if k != "np"}

    @property
    def block(self) -> int:
        """The most draws that are processed at once."""
        if self._block is None:
            self._block = self._largest_block()
        return self._block

    def value_and_gradient(self, x: Array, data: tuple[Any, ...] = ()) -> tuple[Array, Array]:
        """Return the value, shape (S,), and its gradient, shape (S, D), at draws x, (S, D).

        `data` are the arrays that take the place of those it was staged with, in order.
        """
        x = np.asarray(x, dtype=np.float64)
        draws, given = x.shape[0], (data,) if self._takes_data else ()
        with np.errstate(all="ignore"):
            plain = self._plain.get(draws)
            if plain is not None:
                return plain(x, None, *given)
            np.setbufsize(BUFFER)  # until the end of `errstate`
            if draws <= self.block:
                return self._run(x, given)
            value, gradient = np.empty(draws), np.empty(x.shape)
            blocks = -(-draws // self.block)
            for start, stop in pairwise(draws * i // blocks for i in range(blocks + 1)):
                value[start:stop], gradient[start:stop] = self._run(x[start:stop], given)
            return value, gradient

    def gradient(self, x: Array, data: tuple[Any, ...] = ()) -> Array:
        """Return the gradient alone, (S, D): what only the value needs is not computed."""
        if self._alone is None:
            wanted = self._program.outputs[1]
            self._alone = Staged(reachable(self._program.input, (wanted, wanted)))
        most = self._alone.block
        parts = [x[k : k + most] for k in range(0, max(1, len(x)), most)]
        found = [self._alone.value_and_gradient(part, data)[1] for part in parts]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _run(self, x: Array, given: tuple[Any, ...]) -> tuple[Array, Array]:
        draws = x.shape[0]
        which = bisect_right(self._sizes, (POOLED - 1) // draws if draws else POOLED)
        variant = self._variant_of(which)
        if not variant.emitted.workspace:
            self._plain[draws] = variant.run
            return variant.run(x, None, *given)
        known = self._workspaces.known
        arrays = known.get((which, draws))
        if arrays is None:
            if len(known) >= _KEPT:
                known.pop(next(iter(known)))
            arrays = known[which, draws] = variant.arrays(draws)
        return variant.run(x, arrays, *given)

    def _variant(self, draws: int) -> _Variant:
        return self._variant_of(bisect_right(self._sizes, (POOLED - 1) // draws))

    def _variant_of(self, which: int) -> _Variant:
        """Return the source in which results of the sizes from `which` on are pooled."""
        if which not in self._variants:
            pooled = self._sizes[which] if which < len(self._sizes) else 1 << 62
            self._variants[which] = _Variant(emit(self._program, pooled, self._names))
        return self._variants[which]

    def _largest_block(self) -> int:
        """Choose the block so that the arrays of a block fit the cache."""
        slots: dict[int, int] = {}
        for slot, shape, dtype in emit(self._program, 1, self._names).workspace:
            slots[slot] = int(np.prod(_concrete(shape, 1))) * dtype.itemsize
        total = sum(slots.values()) + sum(map(_bytes_of_call, self._program.nodes))
        bytes_at_once = STEPWISE if any(map(_is_stepwise, self._program.nodes)) else CACHE
        return max(FEWEST, bytes_at_once // total) if total else 1 << 62


def _bytes_of_call(node: Node) -> int:
    """Return the bytes per draw of an array that a called function makes."""
    called = node.op == "call" or (node.op == "item" and node.args[0].op == "call")
    return bytes_per_draw(node) if called else 0


def _is_stepwise(node: Node) -> bool:
    """Tell whether a node is a call of a function that says so by an attribute ``stepwise``."""
    return node.op == "call" and bool(getattr(node.attr[0].value, "stepwise", False))


def stage(
    function: LogJoint,
    dimension: int,
    *,
    names: Mapping[str, Any] | None = None,
    data: tuple[Any, ...] = (),
) -> Staged:
    """Turn a log joint into NumPy source for its value and gradient.

    Parameters
    ----------
    function
        From draws, shape (S, D), to log densities, shape (S,), each from its own draw alone;
        written in autograd.numpy and autograd primitives, without branches on values.
    dimension
        D.
    names
        Names for captured arrays, to make the source readable.
    data
        Arrays that the function takes after the draws, to be given anew at every run: others of
        the same shapes and types.

    Raises
    ------
    CannotStage
        When the function cannot be recorded, or not for every S at once.
    """
    points = [_point(draws, dimension) for draws in PRIMES]
    first, second = (record(function, x, data) for x in points)
    builder, program = lower(unify(first, second, PRIMES))
    return Staged(_finished(builder, program), names)


def _point(draws: int, dimension: int) -> Array:
    """Return draws where most functions are regular; different ones for each number of draws."""
    return np.random.default_rng(draws).uniform(0.05, 0.95, (draws, dimension))


def _finished(builder: Builder, program: Program) -> Program:
    for node in program.outputs:
        if node.shape is None:
            raise CannotStage("The function returns a tuple.")
    return fuse(builder, regroup(builder, program))
