"""The graph and the data while missing values are taken apart, and what is added to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.data.coverage import window_of
from ppl.data.dataset import Array
from ppl.data.naming import Naming
from ppl.data.rows import Known, places
from ppl.graph import diagnostics as graph_kinds
from ppl.graph.graph import Axis, Define, Factor, Graph, Piece, Sample, Variable
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Select,
    rewrite,
)
from ppl.text import Diagnostic, ModelError


@dataclass(slots=True)
class Split:
    """The graph and the data while missing values are taken apart.

    Attributes
    ----------
    graph, data
        As they become.
    naming
        How messages call values of the data.
    masked
        Observed names → where their likelihood is left out.
    states
        Names of discrete data that have become latents of which some states are known.
    notes
        What is said of the missing values.
    """

    graph: Graph
    sizes: Mapping[str, int]
    data: dict[str, Array]
    naming: Naming
    masked: dict[str, Array] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)

    def add(self, piece: Piece) -> int:
        """Add a statement, and return its number."""
        self.graph = replace(self.graph, pieces=(*self.graph.pieces, piece))
        return len(self.graph.pieces) - 1

    def declare(
        self, key: str, of: str, axes: Sequence[Axis], pieces: Sequence[int] = (), *, local: bool
    ) -> None:
        """Add a name; messages call it as users call what it is part of."""
        span = self.graph.variables[of].span
        variable = Variable(key, of, tuple(axes), None, None, tuple(pieces), span, local)
        self.graph = replace(self.graph, variables={**self.graph.variables, key: variable})


def owners_of(work: Split, name: str, samples: Sequence[int]) -> Array:
    """Return the number of the statement ``~`` that each position has, -1 where there is none."""
    owners = np.full(work.data[name].shape, -1)
    for number in samples:
        piece = work.graph.pieces[number]
        assert isinstance(piece, Sample)
        assert piece.target is not None
        window: Any = window_of(piece.target, work.sizes, work.data)
        if window is None:
            window = places(Known(work.graph, work.sizes, work.data), piece.target)
        if window is None:
            raise ModelError(
                (graph_kinds.UNSUPPORTED("missing values here are not supported", piece.span),),
                work.graph.source,
            )
        owners[window] = number
    return owners


def places_of(work: Split, name: str, places: Array) -> None:
    """Add the positions of missing entries as data: one array for each axis."""
    count = len(places)
    for axis in range(places.shape[1]):
        key = f"{name}.at.{axis}"
        work.data[key] = np.ascontiguousarray(places[:, axis])
        work.declare(key, name, [Axis(None, Constant(count))], local=True)


def mask_of(work: Split, name: str, gone: Array) -> None:
    """Add as data where values are present: 1 there, 0 elsewhere."""
    key = f"{name}.present"
    work.data[key] = (~gone).astype(float)
    work.declare(key, name, work.graph.variables[name].axes, local=True)


def completed(work: Split, name: str, places: Array, gone: Array) -> str:
    """Add the whole array, known or not; returns its name."""
    slots = np.zeros(gone.shape, dtype=np.int64)
    slots[tuple(places.T)] = np.arange(len(places))
    axes = work.graph.variables[name].axes
    work.data[f"{name}.slot"] = slots
    work.declare(f"{name}.slot", name, axes, local=True)
    indices = tuple(over(a) for a in axes)
    here = tuple(map(Position, indices))
    known = Apply("greater", (Read(f"{name}.present", here), Constant(0)))
    other = Read(f"{name}.missing", (Read(f"{name}.slot", here),))
    full = f"{name}.full"
    value = Select(known, Read(name, here), other)
    number = work.add(Define(Read(full, here), indices, value, work.graph.variables[name].span))
    work.declare(full, name, axes, [number], local=True)
    return full


def over(axis: Axis) -> Index:
    """Return a fresh index over an axis."""
    return Index("i", "axis", Domain(Constant(0), axis.size, axis.dimension))


def reading(work: Split, old: str, new: str, *, values_of: Sequence[int] = ()) -> None:
    """Let what reads a name read another; the statements `values_of` for their value, too."""

    def one(node: Node) -> Node:
        return replace(node, name=new) if isinstance(node, Read) and node.name == old else node

    def plain(node: Node) -> Node:
        return rewrite(node, one)

    pieces: list[Piece] = []
    for number, piece in enumerate(work.graph.pieces):
        match piece:
            case Sample(density=density, target=target):
                own = target is not None and number not in values_of
                value = density.value if own else plain(density.value)
                arguments = tuple(map(plain, density.arguments))
                density = replace(density, value=value, arguments=arguments)
                pieces.append(with_ends(replace(piece, density=density), plain))
            case Define(target=target) if target.name == new:
                pieces.append(piece)
            case Define(value=value) | Factor(value=value):
                pieces.append(replace(piece, value=plain(value)))
    work.graph = replace(work.graph, pieces=tuple(pieces))


def with_ends(piece: Sample, change: Callable[[Node], Node]) -> Sample:
    """Return a statement with the bounds of its suffix, and its weight, changed."""
    suffix, weight = piece.suffix, piece.weight
    if suffix is not None:
        lower = None if suffix.lower is None else change(suffix.lower)
        upper = None if suffix.upper is None else change(suffix.upper)
        suffix = replace(suffix, lower=lower, upper=upper)
    return replace(piece, suffix=suffix, weight=None if weight is None else change(weight))


def pick(work: Split, name: str, whole: str, places: Array) -> None:
    """Define the missing entries as those of a whole array."""
    places_of(work, name, places)
    index = Index("missing", "plate", Domain(Constant(0), Constant(len(places))))
    here = Position(index)
    at = tuple(Read(f"{name}.at.{k}", (here,)) for k in range(places.shape[1]))
    target = Read(f"{name}.missing", (here,))
    span = work.graph.variables[name].span
    added = work.add(Define(target, (index,), Read(whole, at), span))
    axes = [Axis(None, Constant(len(places)))]
    work.declare(f"{name}.missing", name, axes, [added], local=False)
