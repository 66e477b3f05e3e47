"""The graph of a model: its dimensions, its names, and its statements in index notation.

A statement is a *piece*: a target, the indices it is repeated over, and a right side. Dependencies
are between pieces; a name is the assembly of its pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ppl.constraints import Constraint, bounded
from ppl.graph.nodes import Constant, Domain, Index, LogDensity, Node, Read
from ppl.text import Diagnostic, Source, Span


@dataclass(frozen=True, slots=True)
class Dimension:
    """A set of positions 0, 1, ..., size - 1.

    `size` is what the model says of it, or None; `named` is False for an axis that data have and
    the model does not name.
    """

    name: str
    size: Node | None
    span: Span | None
    named: bool = True


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a name: a dimension, or a size only; `extra` is added (``data t[T + 1]``)."""

    dimension: str | None
    size: Node


@dataclass(frozen=True, slots=True)
class Datum:
    """What the model declares of data.

    `positions` is the dimension that its values point into, counted from `origin`.
    """

    suffix: Suffix | None
    missing: float | None
    positions: str | None
    origin: int
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A learned parameter; `declared` is False for a name that is defined nowhere."""

    suffix: Suffix | None
    start: Node | None
    declared: bool


@dataclass(frozen=True, slots=True)
class Suffix:
    """A constraint: bounds on numbers, which may be expressions, or a named set.

    `constraint` is the set, built on the bounds where they are known numbers.
    """

    lower: Node | None
    upper: Node | None
    open: tuple[bool, bool]
    constraint: Constraint
    span: Span

    def mapped(self, f: Callable[[Node], Node]) -> Suffix:
        """Return the constraint with `f` of its bounds."""
        from ppl.graph.trace import Traced

        bounds = [None if b is None else f(b) for b in (self.lower, self.upper)]
        if bounds[0] is self.lower and bounds[1] is self.upper:
            return self
        ends = [
            otherwise if b is None else float(b.value) if isinstance(b, Constant) else Traced(b)
            for b, otherwise in zip(bounds, (-math.inf, math.inf), strict=True)
        ]
        constraint = bounded(ends[0], ends[1], self.open)
        return replace(self, lower=bounds[0], upper=bounds[1], constraint=constraint)


@dataclass(frozen=True, slots=True)
class Sample:
    """``target ~ distribution``, repeated over `indices`.

    `target` is None where an expression of data stands on the left; the density has it as value.
    """

    target: Read | None
    indices: tuple[Index, ...]
    density: LogDensity
    suffix: Suffix | None
    weight: Node | None
    span: Span


@dataclass(frozen=True, slots=True)
class Define:
    """``target = value``, repeated over `indices`."""

    target: Read
    indices: tuple[Index, ...]
    value: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Factor:
    """``factor value``, summed over `indices`; or ``require value``, for all of them."""

    indices: tuple[Index, ...]
    value: Node
    span: Span
    required: bool = False


Piece = Sample | Define | Factor

OBSERVED = ".observed"
"""After a name: its data as a constant, ``observed(y)``."""


def map_nodes(piece: Piece, f: Callable[[Node], Node]) -> Piece:
    """Return a piece with `f` of each of its expressions, its left side among them."""
    match piece:
        case Sample(target=target, density=density, suffix=suffix, weight=weight):
            if suffix is not None:
                suffix = suffix.mapped(f)
            return replace(
                piece,
                target=None if target is None else f(target),  # type: ignore[arg-type]
                density=f(density),  # type: ignore[arg-type]
                suffix=suffix,
                weight=None if weight is None else f(weight),
            )
        case Define(target=target, value=value):
            return replace(piece, target=f(target), value=f(value))  # type: ignore[arg-type]
        case Factor(value=value):
            return replace(piece, value=f(value))


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of the model.

    Attributes
    ----------
    key
        Unique: two loops may each have a name of their own that is spelt the same.
    name
        As users write it.
    axes
        In order.
    datum, parameter
        What is declared of it.
    pieces
        Positions in the graph's tuple of the pieces that define it.
    span
        Where it is first defined or declared.
    local
        Whether it belongs to a loop.
    """

    key: str
    name: str
    axes: tuple[Axis, ...]
    datum: Datum | None
    parameter: Parameter | None
    pieces: tuple[int, ...]
    span: Span
    local: bool = False


@dataclass(frozen=True, slots=True)
class GuideLine:
    """A line of the guide: a family for one factor of the approximate posterior.

    Attributes
    ----------
    family
        ``named`` for a distribution, whose arguments are learned.
    span
        In the text; None for what is asked for beside it.
    names
        The latents of the factor; none for the default.
    each
        Whether every position of the first axis has a factor of its own (``z[n] ~ ...``).
    rank, distribution, inputs, hidden
        What ``lowrank(rank)``, a named family and ``amortized(inputs, hidden = ...)`` take.
    """

    family: Literal["meanfield", "fullrank", "lowrank", "structured", "amortized", "named"]
    span: Span | None
    names: tuple[str, ...] = ()
    each: bool = False
    rank: int = 0
    distribution: str = ""
    inputs: tuple[str, ...] = ()
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GuideBlock:
    """``guide { ... }``: its lines, and the family of the latents that none names."""

    lines: tuple[GuideLine, ...]
    default: GuideLine | None
    span: Span | None


@dataclass(frozen=True, slots=True)
class SameSize:
    """Two domains that meet on one axis and must have the same size; checked with the data."""

    left: Domain
    right: Domain
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """A position that the model says of a dimension: ``J[1]``; checked with the data."""

    dimension: str
    position: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Graph:
    """A model in index notation."""

    source: Source
    dimensions: Mapping[str, Dimension]
    variables: Mapping[str, Variable]
    pieces: tuple[Piece, ...]
    same_sizes: tuple[SameSize, ...]
    guide: GuideBlock | None
    notes: tuple[Diagnostic, ...] = field(default=())
    members: tuple[Member, ...] = field(default=())
