"""A plate cut down to some of its positions: one compiled model for every minibatch.

The log joint over a plate of N positions is a sum over them; over B of them, with the plate's terms
times N / B, it is an unbiased estimate of the whole. The model is lowered and emitted once, for B
positions; a batch runs only the lines of the data, and the staged gradient takes what they
computed as inputs. What depends on data alone and mixes positions of the plate (a mean over it,
say) is computed once from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import CellType, FunctionType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ppl.compile.emit import Emitted, Emitter, emit
from ppl.compile.load import loaded, run_on, run_source
from ppl.compile.lower import lower
from ppl.compile.program import Column, Eliminate, Jacobian, Program, RowSum, Step, Table, Term
from ppl.compile.stage import CannotStage, Staged, stage, tape
from ppl.data.mapped import is_mapped, rows_at
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Datum, Define, Factor, GuideLine, Piece, Sample
from ppl.graph.nodes import (
    Index,
    LogDensity,
    Matrix,
    Node,
    Ode,
    Position,
    Read,
    Reduce,
    Size,
    walk,
)
from ppl.text import ModelError, Span

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a plate cannot be cut down: a sentence, and where."""

    reason: str
    span: Span | None


# -------------------------------------------------------------------------------- which plates


def obstacle(bound: BoundGraph, plate: str) -> Obstacle | None:
    """Return why positions of a plate are not independent of one another; None if they are."""
    bound = _with_data_computed(bound, plate, look_only=True)
    for name, variable in bound.graph.variables.items():
        for axis in variable.axes:
            if axis.dimension != plate and _sizes(axis.size, plate):
                return Obstacle(
                    f"`{name}` has an axis whose length is computed from `{plate}`", variable.span
                )
        if [a.dimension for a in variable.axes].count(plate) > 1:
            return Obstacle(f"`{name}` has the axis `{plate}` twice", variable.span)
    for number, piece in enumerate(bound.graph.pieces):
        if not _is_dead(bound, number) and (found := _piece_obstacle(bound, piece, plate)):
            return found
    for name in bound.parameters:
        if any(a.dimension == plate for a in bound.graph.variables[name].axes):
            return Obstacle(
                f"the learned parameter `{name}` has a number for each of `{plate}`",
                bound.graph.variables[name].span,
            )
    if not _observed_over(bound, plate):
        return Obstacle(f"no observation runs over `{plate}`", None)
    return None


def plate_of(bound: BoundGraph) -> str | None:
    """Return the largest plate that can be cut down, if there is one."""
    for plate in sorted(bound.sizes, key=lambda name: -bound.sizes[name]):
        if obstacle(bound, plate) is None:
            return plate
    return None


def network_line(bound: BoundGraph) -> GuideLine | None:
    """Return the line of the guide that has a network, if there is one."""
    lines = bound.graph.guide.lines if bound.graph.guide is not None else ()
    return next((line for line in lines if line.family == "amortized"), None)


def check_networks(bound: BoundGraph) -> None:
    """Check that the plate of an amortized guide can be cut into minibatches.

    Raises
    ------
    ModelError
        If its positions depend on one another.
    """
    line = network_line(bound)
    if line is not None:
        plate = bound.graph.variables[line.names[0]].axes[0].dimension
        found = obstacle(bound, plate or "")
        if found is not None:
            raise cannot_batch(bound, plate or "", found)


def cannot_batch(bound: BoundGraph, plate: str, found: Obstacle) -> ModelError:
    """Return the error for a plate whose positions depend on one another."""
    diagnostic = kinds.CANNOT_BATCH(
        f"`{plate}` cannot be cut into minibatches: {found.reason}",
        found.span,
        help="fit the model to all data at once, without `batch`, `validation` and `amortized`",
    )
    return ModelError((diagnostic,), bound.graph.source)


def _observed_over(bound: BoundGraph, plate: str) -> bool:
    return any(
        any(i.domain.dimension == plate for i in bound.graph.pieces[k].indices)
        for k in bound.observed
    )


def _is_dead(bound: BoundGraph, number: int) -> bool:
    """Whether a statement defines only what is data by now."""
    piece = bound.graph.pieces[number]
    return (
        isinstance(piece, Define) and number not in bound.graph.variables[piece.target.name].pieces
    )


def _piece_obstacle(bound: BoundGraph, piece: Piece, plate: str) -> Obstacle | None:
    over = [i for i in piece.indices if i.domain.dimension == plate]
    if len(over) > 1:
        return Obstacle(f"a statement runs over `{plate}` twice", piece.span)
    for index in piece.indices:
        if _ranges_over(index, plate):
            return Obstacle(f"a statement runs over a part of `{plate}`", piece.span)
    mine = set(over)
    bare = {id(p) for n in _nodes(piece) if isinstance(n, Read) for p in n.positions}
    for node in _nodes(piece):
        span = getattr(node, "span", None) or piece.span
        match node:
            case Read(name=name, positions=positions):
                axes = bound.graph.variables[name].axes if name in bound.graph.variables else ()
                for axis, position in zip(axes, positions, strict=False):
                    plain = isinstance(position, Position) and position.index in mine
                    if axis.dimension == plate and not plain:
                        return Obstacle(
                            f"`{name}` is read at other positions of `{plate}` than its own", span
                        )
            case Size(dimension=d) if d == plate:
                return Obstacle(f"the size of `{plate}` is used as a number", span)
            case Position(index=index) if index in mine and id(node) not in bare:
                return Obstacle(f"a position of `{plate}` is used as a number", span)
            case Position(index=index) if index.domain.dimension == plate and index not in mine:
                return Obstacle(f"`{plate}` is run over inside an expression", span)
            case Reduce(indices=indices) if any(runs_over(i, plate) for i in indices):
                return Obstacle(f"an expression adds up over `{plate}`", span)
            case Matrix(bound=taken) if any(runs_over(i, plate) for b in taken for i in b):
                return Obstacle(f"a matrix has the axis `{plate}`", span)
            case LogDensity(event=event, events=events) if any(
                runs_over(i, plate) for e in (event, *events) for i in e
            ):
                return Obstacle(f"a vector along `{plate}` has a joint distribution", span)
            case Ode(captured_axes=taken) if any(runs_over(i, plate) for e in taken for i in e):
                return Obstacle(f"a differential equation uses all of `{plate}`", span)
    return None


def runs_over(index: Index, plate: str) -> bool:
    """Return whether an index runs over a plate, or a range that its size decides."""
    return index.domain.dimension == plate or _ranges_over(index, plate)


def _ranges_over(index: Index, plate: str) -> bool:
    domain = index.domain
    if domain.dimension is not None:
        return False
    return domain.within == plate or _sizes(domain.start, plate) or _sizes(domain.stop, plate)


def _sizes(node: Node, plate: str) -> bool:
    return any(isinstance(n, Size) and n.dimension == plate for n in walk(node))


def _nodes(piece: Piece) -> Iterator[Node]:
    match piece:
        case Sample(density=density, target=target, weight=weight, suffix=suffix):
            yield from walk(density)
            bounds = (suffix.lower, suffix.upper) if suffix is not None else ()
            for part in (target, weight, *bounds):
                if part is not None:
                    yield from walk(part)
        case Define(target=target, value=value):
            yield from walk(target, value)
        case Factor(value=value):
            yield from walk(value)


# -------------------------------------------------------------- what is computed from data alone


def _with_data_computed(bound: BoundGraph, plate: str, *, look_only: bool = False) -> BoundGraph:
    """Make data of the names that are defined from data alone and have the plate's axis."""
    from ppl.graph.order import piece_reads

    bound = _without_barren(bound)
    known = set(bound.data)
    names: list[str] = []
    more = True
    while more:
        more = False
        for name, variable in bound.graph.variables.items():
            pieces = [bound.graph.pieces[k] for k in variable.pieces]
            if name in known or not pieces or not all(isinstance(p, Define) for p in pieces):
                continue
            if all(piece_reads(p) <= known for p in pieces):
                known.add(name)
                names.append(name)
                more = True
    names = [n for n in names if _touches(bound, n, plate)]
    if not names:
        return bound
    values = {n: np.zeros(()) for n in names} if look_only else _evaluated(bound, names)
    variables = dict(bound.graph.variables)
    for name in names:
        old = variables[name]
        datum = Datum(None, None, None, 0, old.span)
        variables[name] = replace(old, datum=datum, pieces=())
    graph = replace(bound.graph, variables=variables)
    return replace(bound, graph=graph, data={**bound.data, **values})


def _without_barren(bound: BoundGraph) -> BoundGraph:
    """Leave out what the data do not speak of, and what is computed from it."""
    from ppl.graph.order import closure, parents

    if not bound.barren:
        return bound
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        for parent in above:
            children.setdefault(parent, set()).add(name)
    gone = closure(frozenset(bound.barren), children)
    kept = {n: v for n, v in bound.graph.variables.items() if n not in gone}
    dead = {k for n in gone for k in bound.graph.variables[n].pieces}
    places = [k for k in range(len(bound.graph.pieces)) if k not in dead]
    new = {old: place for place, old in enumerate(places)}
    variables = {n: replace(v, pieces=tuple(new[k] for k in v.pieces)) for n, v in kept.items()}
    pieces = tuple(bound.graph.pieces[k] for k in places)
    return replace(
        bound,
        graph=replace(bound.graph, variables=variables, pieces=pieces),
        observed=frozenset(new[k] for k in bound.observed),
        barren=(),
    )


def _touches(bound: BoundGraph, name: str, plate: str) -> bool:
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    indices = {i for p in pieces for i in p.indices}
    for piece in pieces:
        for node in _nodes(piece):
            indices |= {n.index for n in walk(node) if isinstance(n, Position)}
            if isinstance(node, Size) and node.dimension == plate:
                return True
            if isinstance(node, Reduce):
                indices |= set(node.indices)
    return any(runs_over(i, plate) for i in indices)


def _evaluated(bound: BoundGraph, names: list[str]) -> dict[str, NDArray[Any]]:
    """Compute names that depend on data alone."""
    emitter = Emitter(lower(bound), bound)
    lines = emitter.answering((*emitter.program.steps, *emitter.program.after), names, "draws = 1")
    function = ["    def computed(x):", *("        " + line for line in lines)]
    emitted = emitter.whole([function], "computed")
    found = run_source(emitted, bound, {}, {})(np.zeros((1, 0)))
    return {name: np.array(value[0]) for name, value in found.items()}


# ----------------------------------------------------------------------------------- the program


@dataclass(frozen=True)
class Subsampled:
    """A model compiled for `size` positions of a plate.

    Attributes
    ----------
    bound
        The model with all its data.
    plate, total, size
        The plate, how many of its positions a batch stands for, and how many it has.
    program, source
        For one batch.
    degrees
        How far latents of location and scale are centred.
    """

    bound: BoundGraph
    plate: str
    total: int
    size: int
    program: Program
    emitted: Emitted
    function: Callable[[Any], Any]
    degrees: Mapping[str, Floats]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The layout of a batch's vector."""
        return self.program.columns

    @property
    def source(self) -> str:
        """Readable NumPy source for one batch."""
        return self.emitted.text

    def is_local(self, column: Column) -> bool:
        """Whether columns belong to single positions of the plate."""
        return is_plated(self.bound, column.key, self.plate)

    def batch(self, positions: Positions) -> Batch:
        """Return the log joint for some positions of the plate, (size,)."""
        part = batch_data(self.bound, self.plate, positions)
        return Batch(self, run_on(self.function, self.emitted, part, self.degrees))

    @cached_property
    def bytes(self) -> int:
        """Bytes of data in a batch."""
        axes = {n: v.axes for n, v in self.bound.graph.variables.items()}
        plated = [
            n for n in self.bound.data if any(a.dimension == self.plate for a in axes.get(n, ()))
        ]
        return (
            sum(self.bound.data[n].nbytes for n in plated)
            * self.size
            // self.bound.sizes[self.plate]
        )

    @property
    def threads(self) -> bool:
        """Whether several threads may work on batches at once: a tape is one thread's."""
        return self.staged is not None

    @cached_property
    def staged(self) -> Staged | None:
        """The staged gradient; None where the model cannot be staged."""
        first = self.batch(np.arange(self.size) % self.bound.sizes[self.plate])
        arrays = _arrays(first.functions[0])
        data = tuple(arrays.values())

        def function(x: Any, *values: Any) -> Any:
            return _with(first.functions[0], dict(zip(arrays, values, strict=True)))(x)

        try:
            return stage(function, self.program.dimension, data=data)
        except CannotStage:
            return None


@dataclass(frozen=True)
class Batch:
    """A log joint whose plate has only some positions, its terms scaled up."""

    model: Subsampled
    functions: tuple[Any, ...]

    def value_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the estimated log joint, (S,), and its gradient, (S, D)."""
        staged = self.model.staged
        if staged is None:
            return tape(self.functions[0]).value_and_gradient(x)
        return staged.value_and_gradient(x, tuple(_arrays(self.functions[0]).values()))

    def gradient(self, x: Floats) -> Floats:
        """Return the gradient alone, (S, D)."""
        staged = self.model.staged
        if staged is None:
            return tape(self.functions[0]).value_and_gradient(x)[1]
        return staged.gradient(x, tuple(_arrays(self.functions[0]).values()))

    def log_joint(self, x: Floats) -> Floats:
        """Return the estimated log joint, (S,)."""
        return _rows(self.functions[0], x)

    def log_likelihood(self, x: Floats) -> Floats:
        """Return the observations' part of it, (S,)."""
        return _rows(self.functions[1], x)


def _rows(function: Callable[[Floats], Any], x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(function(x), float), (len(x),))


def subsampled(
    bound: BoundGraph,
    plate: str,
    size: int,
    total: int | None = None,
    centring: Mapping[str, Floats] | None = None,
) -> Subsampled:
    """Compile a model for batches of `size` positions of a plate without `obstacle`.

    `total` is how many positions a batch stands for; all of the plate if None. `centring` is as
    for `compile_bound`.
    """
    whole = _with_data_computed(bound, plate)
    total = total or whole.sizes[plate]
    small = batch_data(whole, plate, np.arange(size) % whole.sizes[plate])
    centring = centring or {}
    program = lower(small, frozenset(centring))
    steps = _scaled(program, whole, plate, total / size)
    program = replace(program, steps=steps)
    emitted = emit(program, small)
    sets = {c.constraint.name: c.constraint for c in program.columns}
    degrees = {f"{name}.centring": degree for name, degree in centring.items()}
    return Subsampled(whole, plate, total, size, program, emitted, loaded(emitted, sets), degrees)


def excerpt(bound: BoundGraph, plate: str, positions: Positions) -> BoundGraph:
    """Return the model bound to the data of some positions of a plate.

    What data alone decide and mixes positions is as all of them decide it.
    """
    return batch_data(_with_data_computed(bound, plate), plate, positions)


def has_locals(bound: BoundGraph, plate: str) -> bool:
    """Return whether some latent has a value for each position of a plate."""
    return any(is_plated(bound, name, plate) for name in bound.latents)


def mapped_over(bound: BoundGraph, plate: str) -> tuple[NDArray[Any], ...]:
    """Return the data with a row for each position of a plate that lie in files."""
    return tuple(
        values
        for name, values in bound.data.items()
        if name in bound.graph.variables
        and is_mapped(values)
        and bound.graph.variables[name].axes[0].dimension == plate
    )


def batch_data(bound: BoundGraph, plate: str, positions: Positions) -> BoundGraph:
    """Return the model bound to the data of some positions of a plate."""

    def part(name: str, values: NDArray[Any]) -> NDArray[Any]:
        for axis, about in enumerate(bound.graph.variables[name].axes):
            if about.dimension == plate:
                rows = rows_at(values, positions) if axis == 0 else np.take(values, positions, axis)
                return np.asarray(rows, dtype=_kind(values))
        return values

    return replace(
        bound,
        sizes={**bound.sizes, plate: len(positions)},
        data={n: part(n, v) if n in bound.graph.variables else v for n, v in bound.data.items()},
        missing={n: part(n, v) for n, v in bound.missing.items()},
    )


def _kind(values: NDArray[Any]) -> Any:
    return np.float64 if values.dtype.kind == "f" else values.dtype


def _scaled(program: Program, bound: BoundGraph, plate: str, scale: float) -> tuple[Step, ...]:
    """Multiply the terms that run over the plate."""
    plated = plated_terms(program, bound, plate)
    return tuple(
        replace(step, scale=scale)
        if k in plated and isinstance(step, Term | RowSum | Jacobian)
        else step
        for k, step in enumerate(program.steps)
    )


def plated_terms(program: Program, bound: BoundGraph, plate: str) -> set[int]:
    """Return which steps are terms that run over the plate."""
    plated = _plated_factors(program, plate)
    found: set[int] = set()
    for k, step in enumerate(program.steps):
        match step:
            case Term(indices=indices) if any(runs_over(i, plate) for i in indices):
                found.add(k)
            case RowSum(source=source) if source in plated:
                found.add(k)
            case Jacobian(key=key) if is_plated(bound, key, plate):
                found.add(k)
    return found


def is_plated(bound: BoundGraph, key: str, plate: str) -> bool:
    """Whether the first axis of a variable, or of a piece of one, is the plate."""
    variables = bound.graph.variables
    known = variables.get(key) or variables[key.split(".")[0]]
    return bool(known.axes) and known.axes[0].dimension == plate


def _plated_factors(program: Program, plate: str) -> set[str]:
    """Return the factors whose rows are positions of the plate."""
    from ppl.compile.tables import sources

    found: set[str] = set()
    for step in program.steps:
        match step:
            case Table(key=key, plates=plates) if any(runs_over(i, plate) for i in plates):
                found.add(key)
            case Eliminate(operation=operation) if found & set(sources(operation)):
                found.add(operation.key)
    return found


# -------------------------------------------------------------------------- data of a closure


def _arrays(function: Any) -> dict[str, Any]:
    """Return the arrays that a function of the emitted source has captured, by name."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {
        name: cell.cell_contents
        for name, cell in cells
        if isinstance(cell.cell_contents, np.ndarray | np.generic)
    }


def _with(function: Any, values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function of the emitted source with other arrays captured."""
    names = function.__code__.co_freevars
    cells = tuple(
        CellType(values.get(name, cell.cell_contents))
        for name, cell in zip(names, function.__closure__ or (), strict=True)
    )
    made: Any = FunctionType(function.__code__, function.__globals__, function.__name__, (), cells)
    return cast(Callable[[Any], Any], made)
