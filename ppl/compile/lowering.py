"""What has been decided so far while a bound graph is lowered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ppl.compile.numeric import evaluate
from ppl.compile.program import (
    Column,
    Part,
    Step,
)
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Define, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    subtract,
)
from ppl.text import ModelError, Span


@dataclass(slots=True)
class Lowering:
    """What has been decided so far."""

    bound: BoundGraph
    columns: list[Column] = field(default_factory=list)
    unpacked: list[Step] = field(default_factory=list)
    values: dict[str, list[Step]] = field(default_factory=dict)
    terms: dict[str, list[Step]] = field(default_factory=dict)
    loose: list[Step] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    noncentred: set[str] = field(default_factory=set)
    uncertain: frozenset[str] = frozenset()
    partly_centred: frozenset[str] = frozenset()
    discrete: tuple[str, ...] = ()
    shadowed: frozenset[str] = frozenset()
    leader: dict[str, str] = field(default_factory=dict)

    @property
    def certain(self) -> frozenset[str]:
        """Names that do not differ from draw to draw."""
        return frozenset(self.bound.graph.variables) - self.uncertain

    @property
    def position(self) -> int:
        """The next free column."""
        return self.columns[-1].stop if self.columns else 0


def unsupported(low: Lowering, what: str, span: Span | None) -> ModelError:
    """Return an error about what this version does not carry."""
    return ModelError(
        (kinds.UNSUPPORTED(f"{what} is not supported yet", span),), low.bound.graph.source
    )


def indices_over(shape: Sequence[int], dimensions: Sequence[str | None]) -> tuple[Index, ...]:
    """Return fresh indices over axes of these sizes, each the whole of a dimension or of none."""
    return tuple(
        Index("i", "axis", Domain(Constant(0), Constant(n), dimension))
        for n, dimension in zip(shape, dimensions, strict=True)
    )


def extents(low: Lowering, indices: Iterable[Index]) -> tuple[int, ...]:
    """Return the numbers of positions of indices."""
    bound = low.bound
    return tuple(
        integer(subtract(i.domain.stop, i.domain.start), bound.sizes, bound.data) for i in indices
    )


def part_of(low: Lowering, key: str, piece: Sample | Define) -> tuple[Part, tuple[Index, ...]]:
    """Find which positions of each axis a piece covers, and its own indices in axis order."""
    bound = low.bound
    starts: list[int] = []
    sizes: list[int] = []
    indices: list[Index] = []
    assert piece.target is not None
    for position in piece.target.positions:
        free = list(position.free)
        try:
            if not free:
                starts.append(integer(position, bound.sizes, bound.data))
                sizes.append(1)
                continue
            (index,) = (i for i in free if i not in indices)
            shift = integer(_shift(position, index), bound.sizes, bound.data)
            first = integer(index.domain.start, bound.sizes, bound.data)
            last = integer(index.domain.stop, bound.sizes, bound.data)
        except (NotANumber, ValueError):
            return _listed(low, key, piece)
        starts.append(first + shift)
        sizes.append(last - first)
        indices.append(index)
    return Part(key, tuple(starts), tuple(sizes)), tuple(indices)


def _listed(low: Lowering, key: str, piece: Sample | Define) -> tuple[Part, tuple[Index, ...]]:
    """Find the positions that a piece covers where they are not a range along each axis."""
    assert piece.target is not None
    indices: dict[Index, None] = {}
    for position in piece.target.positions:
        indices |= dict.fromkeys(sorted(position.free, key=lambda i: i.serial))
    over = tuple(indices)
    try:
        places = tuple(evaluate(p, over, low.bound).astype(np.intp) for p in piece.target.positions)
    except NotANumber:
        raise unsupported(low, "this position on the left", piece.span) from None
    return Part(key, (), places[0].shape, places), over


def _shift(position: Node, index: Index) -> Node:
    """Return c where a position is index + c."""
    match position:
        case Position():
            return Constant(0)
        case Apply(atom="add", arguments=(Position(index=i), c)) if i == index:
            return c
        case Apply(atom="subtract", arguments=(Position(index=i), c)) if i == index:
            return subtract(Constant(0), c)
        case _:
            raise NotANumber
