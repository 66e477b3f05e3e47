"""The graph of a model: its dimensions, its names, and its statements in index notation.

A statement is a *piece*: a target, the indices it is repeated over, and a right side. Dependencies
are between pieces; a name is the assembly of its pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ppl.constraints import Constraint
from ppl.graph.nodes import Domain, Index, LogDensity, Node, Read
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
    """``factor value``, summed over `indices`."""

    indices: tuple[Index, ...]
    value: Node
    span: Span


Piece = Sample | Define | Factor


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
    names
        The latents of the factor; none for the default.
    each
        Whether every position of the first axis has a factor of its own (``z[n] ~ ...``).
    rank, distribution, inputs, hidden
        What ``lowrank(rank)``, a named family and ``amortized(inputs, hidden = ...)`` take.
    """

    family: Literal["meanfield", "fullrank", "lowrank", "structured", "amortized", "named"]
    span: Span
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
    span: Span


@dataclass(frozen=True, slots=True)
class SameSize:
    """Two domains that meet on one axis and must have the same size; checked with the data."""

    left: Domain
    right: Domain
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
