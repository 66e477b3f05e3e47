"""The third program of a model: the log likelihood of each observation, at given latents.

It has the steps of the log joint, but reads the latents on the user's own scale, and keeps the
terms of the likelihood apart. Where discrete latents were summed out, an entry is what remains
after the sum: a row of a mixture, a chain of a hidden Markov model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.emit import INDENT, Emitted, Emitter, keys_of, needed_by, roots_of
from ppl.compile.load import LogJoint, run_source
from ppl.compile.numeric import evaluate, extent_of
from ppl.compile.program import Eliminate, Given, Program, RowSum, Step, Term
from ppl.compile.tables import TILT, Chain, Merge, Operation, SumOut, sources
from ppl.data.coverage import span_of_position
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber
from ppl.graph.graph import Sample
from ppl.graph.nodes import LogDensity, Read, reads, walk


@dataclass(frozen=True, slots=True)
class Block:
    """The entries of one term.

    Attributes
    ----------
    name
        What is observed, or what was summed out.
    places
        Flat positions of the entries within an array of `shape`; None where they have no place.
    shape
        Shape of what is observed.
    """

    name: str
    places: NDArray[np.intp] | None
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Pointwise:
    """The log likelihood of each observation.

    Attributes
    ----------
    source
        Readable NumPy source.
    needs
        The names that it is to be given.
    """

    source: str
    needs: tuple[str, ...]
    blocks: tuple[Block, ...]
    run: Callable[..., tuple[Any, ...]]

    def __call__(self, given: Mapping[str, NDArray[Any]], draws: int) -> dict[str, NDArray[Any]]:
        """Return arrays (draws, ...) by observed name."""
        with np.errstate(all="ignore"):
            parts = self.run(given, draws)
        found: dict[str, list[tuple[Block, NDArray[Any]]]] = {}
        for block, part in zip(self.blocks, parts, strict=True):
            flat = np.broadcast_to(part, (draws, *np.shape(part)[1:])).reshape(draws, -1)
            found.setdefault(block.name, []).append((block, flat))
        return {name: _joined(pairs) for name, pairs in found.items()}


def _joined(pairs: list[tuple[Block, NDArray[Any]]]) -> NDArray[Any]:
    """Put the entries of one name into its shape if they fill it, else side by side."""
    shape = pairs[0][0].shape
    size = int(np.prod(shape, dtype=int))
    places = [block.places for block, _ in pairs]
    flat = np.concatenate([part for _, part in pairs], axis=1)
    if any(p is None for p in places):
        return flat
    where = np.concatenate([p for p in places if p is not None])
    if len(where) != flat.shape[1] or not np.array_equal(np.sort(where), np.arange(size)):
        return flat
    result = np.empty_like(flat)
    result[:, where] = flat
    return result.reshape(len(flat), *shape)


def pointwise(joint: LogJoint) -> Pointwise:
    """Write the program of a compiled model."""
    return _written(joint, arguments=False)


def predictors(joint: LogJoint) -> Pointwise:
    """Write the same with what each observation's distribution is told, where that are numbers.

    These are its arguments: means, scales, probabilities. Where they are vectors, or discrete
    latents were summed out, it is the log likelihood still.
    """
    return _written(joint, arguments=True)


def _written(joint: LogJoint, *, arguments: bool) -> Pointwise:
    program, bound = joint.program, joint.bound
    names = [n for n in (*bound.latents, *bound.parameters) if _is_value(program, n)]
    steps = tuple(_given(step, names) for step in program.steps)
    terms = [s for s in steps if isinstance(s, RowSum) or _is_likelihood(s)]
    blocks = tuple(_block(bound, steps, term) for term in terms)
    read = needed_by(steps, [r for t in terms for r in roots_of(t)], ())
    needs = tuple(n for n in names if n in read)
    emitter = _Emitter(replace(program, steps=steps, after=()), bound, terms, arguments)
    emitted = emitter.run()
    if arguments:
        blocks = tuple(Block("", None, ()) for _ in range(emitter.entries))
    sets = {c.constraint.name: c.constraint for c in program.columns}
    run = run_source(emitted, bound, sets, {f"{n}.centring": d for n, d in joint.centring.items()})
    return Pointwise(emitted.text, needs, blocks, run)


def without_weight(bound: BoundGraph) -> dict[str, NDArray[np.bool_]]:
    """Return, for observed names whose statements have weights, where these are 0."""
    found: dict[str, NDArray[np.bool_]] = {}
    for number in sorted(bound.observed):
        piece = bound.graph.pieces[number]
        if not isinstance(piece, Sample) or piece.weight is None:
            continue
        try:
            if piece.target is None:
                weights = evaluate(piece.weight, piece.indices, bound)
                found[_left_name(bound, piece)] = weights == 0
                continue
            name = piece.target.name
            indices = sorted(piece.target.free, key=lambda i: i.serial)
            places = [evaluate(p, indices, bound).astype(np.intp) for p in piece.target.positions]
            mask = found.setdefault(name, np.zeros(bound.shape(name), dtype=np.bool_))
            mask[tuple(places)] = evaluate(piece.weight, indices, bound) == 0
        except NotANumber:
            continue
    return found


def _left_name(bound: BoundGraph, piece: Sample) -> str:
    """Return the name of what an expression of data on the left observes."""
    value = piece.density.value
    text = bound.graph.source.at(value.span).split() if value.span else ["observed"]
    return value.name if isinstance(value, Read) else " ".join(text)


def _is_value(program: Program, name: str) -> bool:
    """Return whether the steps compute a name: states that are summed out are not."""
    return any(getattr(s, "key", None) == name for s in program.steps)


def _given(step: Step, names: list[str]) -> Step:
    key = getattr(step, "key", None)
    return Given(key, key) if key in names else step


def _is_likelihood(step: Step) -> bool:
    return isinstance(step, Term) and step.kind == "likelihood"


# --------------------------------------------------------------------------------------- places


def _block(bound: BoundGraph, steps: tuple[Step, ...], term: Step) -> Block:
    if isinstance(term, Term):
        return _of_term(bound, term)
    assert isinstance(term, RowSum)
    return _of_rows(bound, steps, term)


def _of_term(bound: BoundGraph, term: Term) -> Block:
    sizes = tuple(extent_of(i, bound)[1] for i in term.indices)
    piece = bound.graph.pieces[term.piece] if term.piece is not None else None
    if not isinstance(piece, Sample):
        return Block("factor", None, sizes)
    if piece.target is None:
        return Block(_left_name(bound, piece), np.arange(int(np.prod(sizes, dtype=int))), sizes)
    return Block(piece.target.name, *_places(bound, piece, term))


def _places(
    bound: BoundGraph, piece: Sample, term: Term
) -> tuple[NDArray[np.intp] | None, tuple[int, ...]]:
    """Return where the entries of a statement stand in the array that it observes."""
    assert piece.target is not None
    shape = bound.shape(piece.target.name)
    event = set(piece.density.event)
    axes = [k for k, p in enumerate(piece.target.positions) if not p.free & event]
    outer = tuple(shape[k] for k in axes)
    grids = []
    order = [i for k in axes for i in piece.target.positions[k].free]
    if set(order) != set(term.indices) or len(order) != len(term.indices):
        return None, outer
    for k in axes:
        reach = span_of_position(piece.target.positions[k], bound.sizes, bound.data)
        if reach is None:
            return None, outer
        grids.append(np.arange(reach[0], reach[1] + 1))
    flat = np.ravel_multi_index(np.meshgrid(*grids, indexing="ij"), outer) if grids else np.zeros(1)
    laid = np.asarray(flat, np.intp)
    mine = [k for k in axes if piece.target.positions[k].free]
    if mine:
        sizes = tuple(len(g) for g in grids)
        own = [order.index(i) for i in term.indices]
        laid = laid.reshape([n for n, k in zip(sizes, axes, strict=True) if k in mine])
        laid = laid.transpose(own)
    return laid.reshape(-1), outer


def _of_rows(bound: BoundGraph, steps: tuple[Step, ...], term: RowSum) -> Block:
    made: dict[str, Operation] = {
        s.operation.key: s.operation for s in steps if isinstance(s, Eliminate)
    }
    tables: set[str] = set()
    stack = [term.source]
    while stack:
        key = stack.pop()
        if key in made:
            stack.extend(sources(made[key]))
        elif not key.endswith(TILT):
            tables.add(key)
    factors = (t.removeprefix("factor.") for t in tables if t.startswith("factor."))
    seen = {int(t.split(".")[0]) for t in factors}
    observed = {
        p.target.name
        for k in sorted(seen & bound.observed)
        if isinstance(p := bound.graph.pieces[k], Sample) and p.target is not None
    }
    last = made.get(term.source)
    while isinstance(last, Merge):
        last = made.get(last.source)
    summed = last.names[0] if isinstance(last, SumOut | Chain) else "factor"
    name = next(iter(observed)) if len(observed) == 1 else summed
    places = last.places if isinstance(last, SumOut) else None
    if name in bound.graph.variables and isinstance(last, SumOut):
        size = int(np.prod(bound.shape(summed), dtype=int))
        if bound.shape(name) == bound.shape(summed):
            return Block(name, places, bound.shape(name))
        return Block(name, None, (size,))
    return Block(name, None, ())


# --------------------------------------------------------------------------------------- writing


class _Emitter(Emitter):
    """Writes the one function of a pointwise program."""

    def __init__(
        self, program: Program, bound: BoundGraph, terms: list[Step], arguments: bool
    ) -> None:
        super().__init__(program, bound)
        self.terms = terms
        self.arguments = arguments
        self.entries = 0

    def run(self) -> Emitted:
        """Write the whole source."""
        self.writer.lines = lines = ["x = np.zeros((draws, 1))"]
        needed = needed_by(self.program.steps, [r for t in self.terms for r in roots_of(t)], ())
        texts = []
        for step in self.program.steps:
            if any(step is t for t in self.terms):
                texts.extend(self._arguments(step) or [self._entries(step)])
            elif needed.intersection(keys_of(step)):
                self.value(step)
        self.entries = len(texts)
        lines.append(f"return ({''.join(f'{t}, ' for t in texts)})")
        head = f"{INDENT}def pointwise(given, draws):"
        return self.whole([[head, *(2 * INDENT + line for line in lines)]], "pointwise")

    def _entries(self, step: Step) -> str:
        """Return a term's entries, the draw axis first."""
        if isinstance(step, RowSum):
            return self.writer.known[step.source].text
        assert isinstance(step, Term)
        code = self.writer.spread(self.node(step.node, step.indices), step.indices)
        return code.text if code.drawn else f"{code.operand(0)}[None]"

    def _arguments(self, step: Step) -> list[str]:
        """Return what the distribution of an observation is told, if that is asked for."""
        if not self.arguments or not isinstance(step, Term) or step.piece is None:
            return []
        piece = self.bound.graph.pieces[step.piece]
        if not isinstance(piece, Sample):
            return []
        texts = []
        for argument, event in zip(piece.density.arguments, piece.density.events, strict=True):
            read = set(reads(argument))
            densities = any(isinstance(node, LogDensity) for node in walk(argument))
            if event or densities or not argument.free <= set(step.indices):
                return []
            if not read <= set(self.writer.known):
                return []
            if not any(self.writer.known[key].drawn for key in read):
                continue
            axes = tuple(i for i in step.indices if i in argument.free)
            texts.append(self.writer.spread(self.node(argument, axes), axes).text)
        return texts
