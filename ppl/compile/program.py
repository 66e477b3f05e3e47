"""The program that a bound graph becomes, still in index notation: what is computed, in order.

A step computes one array or one term of the log joint. The emitter writes a line for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ppl.compile.tables import Chain, Operation, SumOut
from ppl.constraints import Constraint
from ppl.distributions.record import Distribution
from ppl.graph.nodes import Index, Node
from ppl.text import Span


@dataclass(frozen=True, slots=True)
class Unpack:
    """The columns ``start`` to ``stop`` of the flat vector become an array."""

    key: str
    start: int
    stop: int
    shape: tuple[int, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Let:
    """An array over indices, in order."""

    key: str
    indices: tuple[Index, ...]
    node: Node
    span: Span | None


@dataclass(frozen=True, slots=True)
class Transform:
    """A vector or a matrix from free numbers, by a set's bijection."""

    key: str
    source: str
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an assembled array: its own array, and which positions of each axis it covers.

    Attributes
    ----------
    key
        Its own array.
    starts, sizes
        Along each axis, the first position that it covers, and how many.
    places
        If it covers anything else: the positions along each axis, row by row; `sizes` is then the
        shape of its own array.
    """

    key: str
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    places: tuple[NDArray[np.intp], ...] | None = field(default=None, compare=False)

    @property
    def window(self) -> tuple[slice | NDArray[np.intp], ...]:
        """What it covers, to index an array with."""
        if self.places is not None:
            return self.places
        return tuple(slice(a, a + n) for a, n in zip(self.starts, self.sizes, strict=True))


@dataclass(frozen=True, slots=True)
class Assemble:
    """An array put together from parts that cover it."""

    key: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """An array that is handed over with a draw axis, under a name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Patch:
    """An array whose first positions are those of another."""

    key: str
    drawn: str
    known: str


@dataclass(frozen=True, slots=True)
class Draw:
    """A random array over indices, from a distribution; vectors may be restricted to a set."""

    key: str
    indices: tuple[Index, ...]
    distribution: Distribution
    arguments: tuple[Node, ...]
    events: tuple[tuple[Index, ...], ...]
    event: tuple[Index, ...]
    span: Span | None
    members: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A linear recurrence ``s[t] = u[t] + b[t] s[t-1]`` over `time`, from a start value.

    The array has the axes `axes` in order, time among them. If `backward`, it reads ``s[t+1]``.
    """

    key: str
    axes: tuple[Index, ...]
    time: Index
    u: Node
    b: Node
    start: Node
    span: Span | None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """One member of a scan: its array's axes in order, and its value within the step."""

    key: str
    name: str
    axes: tuple[Index, ...]
    value: Node
    starts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """A general recurrence: a step function run in order over `time`.

    Attributes
    ----------
    key
        The name of the whole.
    members
        In the order of computation.
    time
        The index of the steps.
    inputs, constants
        Key → node: what the step reads besides, over time or not.
    backward
        Whether the steps go from the last position to the first.
    """

    key: str
    members: tuple[Scanned, ...]
    time: Index
    inputs: Mapping[str, Node]
    constants: Mapping[str, Node]
    span: Span | None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A factor's log potentials: rows of plates (one row for all if repeated), then states."""

    key: str
    node: Node
    plates: tuple[Index, ...]
    states: tuple[Index, ...]
    repeated: bool
    span: Span | None


@dataclass(frozen=True, slots=True)
class Eliminate:
    """One operation of the elimination of discrete latents."""

    operation: Operation

    @property
    def key(self) -> str:
        """The new factor."""
        return self.operation.key


@dataclass(frozen=True, slots=True)
class RowSum:
    """A factor without variables: its rows are terms of the log joint, times `scale`."""

    source: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class StateDraw:
    """The states of eliminated names: those of each operation given what was eliminated later."""

    names: tuple[str, ...]
    operations: tuple[SumOut | Chain, ...]
    shapes: tuple[tuple[int, ...], ...]


Kind = Literal["prior", "likelihood", "jacobian"]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the log joint, summed over indices; those that the node lacks multiply it.

    `piece` is the number of the statement that a term of the likelihood comes from; the sum is
    multiplied by `scale`.
    """

    kind: Kind
    node: Node
    indices: tuple[Index, ...]
    span: Span | None
    piece: int | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Fused:
    """A sum over rows of a function of a linear predictor, (draws,), by one primitive.

    Attributes
    ----------
    function
        The primitive, of `ppl.primitives.fused_rows`.
    rows
        The key of the rows' `Predictor`.
    coefficients
        Of the terms of the weights; none where the weights are data.
    vectors, tables
        Latents with their indices: the vector's parts one after the other, and each table.
    """

    key: str
    function: str
    rows: str
    coefficients: tuple[Node, ...]
    vectors: tuple[tuple[Node, tuple[Index, ...]], ...]
    tables: tuple[tuple[Node, tuple[Index, ...]], ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All that it reads."""
        return (*self.coefficients, *(n for n, _ in (*self.vectors, *self.tables)))


@dataclass(frozen=True, slots=True)
class Inside:
    """A check, when data are bound, that observed values lie in a support that data decide."""

    node: Node
    indices: tuple[Index, ...]
    name: str
    needs: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Jacobian:
    """The log-Jacobian of a `Transform`, times `scale`."""

    key: str
    source: str
    constraint: Constraint
    scale: float = 1.0


Step = (
    Unpack
    | Let
    | Transform
    | Assemble
    | Draw
    | Given
    | Patch
    | Term
    | Jacobian
    | Inside
    | Table
    | Eliminate
    | RowSum
    | StateDraw
    | Filter
    | Scan
    | Fused
)


@dataclass(frozen=True, slots=True)
class Column:
    """A block of the flat vector's columns.

    Attributes
    ----------
    key
        The variable.
    label
        How reports call the free numbers: ``log tau``, ``theta (non-centred)``.
    start, stop
        Columns.
    shape
        Of the free numbers.
    kind
        A latent, or a learned parameter.
    noncentred
        Whether the free numbers are standardised.
    constraint
        The set of the values, on numeric bounds.
    affine
        Whether the variable is a location plus a scale times its free numbers, one by one.
    """

    key: str
    start: int
    stop: int
    shape: tuple[int, ...]
    kind: Literal["latent", "parameter"]
    noncentred: bool
    constraint: Constraint
    affine: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A whole model, ready to be written as source.

    Attributes
    ----------
    steps
        Of the log joint, in order.
    reported
        Variables that the answer reports, latents first.
    after
        Steps that only the reported quantities and the predictions need.
    columns
        The layout of the flat vector.
    drawn
        Those of them that are drawn given the others: states of discrete latents, predictions, and
        what is computed from them.
    shapes
        For every array, its shape.
    choices
        What the compiler decided, one sentence each.
    present
        For states of discrete latents of which positions do not exist: which do.
    arrays
        What rewrites made of the data, by key.
    """

    steps: tuple[Step, ...]
    reported: tuple[str, ...]
    drawn: frozenset[str]
    after: tuple[Step, ...]
    columns: tuple[Column, ...]
    shapes: Mapping[str, tuple[int, ...]]
    choices: tuple[str, ...]
    present: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Number of columns."""
        return self.columns[-1].stop if self.columns else 0
