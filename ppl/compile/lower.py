"""From the bound graph to a program: latents get columns, densities become nodes.

Decides how each latent is parametrised, in which order things are computed, and what is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.compile.branches import guarded, where_present
from ppl.compile.densities import log_density, support_contains
from ppl.compile.eliminate import Chain, SumOut
from ppl.compile.factors import discrete_latents, factors
from ppl.compile.program import (
    Assemble,
    Column,
    Draw,
    Eliminate,
    Filter,
    Inside,
    Jacobian,
    Let,
    Part,
    Program,
    RowSum,
    Scan,
    Scanned,
    StateDraw,
    Step,
    Term,
    Transform,
    Unpack,
)
from ppl.compile.recurrences import (
    Group,
    Member,
    affine,
    group_of,
    groups,
    split,
    without_locals,
)
from ppl.constraints import Constraint, real
from ppl.distributions import real as real_distributions
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    LogDensity,
    Node,
    Position,
    Read,
    reads,
    rename,
    rewrite,
    subtract,
)
from ppl.graph.order import closure, parents, piece_reads, topological
from ppl.graph.ranges import standard_arguments, support_of
from ppl.graph.trace import Traced, trace
from ppl.graph.wrapped import with_bounds
from ppl.text import ModelError, Span

REPORT_AT_MOST = 500
"""Deterministic quantities with more numbers are not reported unless asked for."""


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


def lower(bound: BoundGraph, partly_centred: frozenset[str] = frozenset()) -> Program:
    """Lower a bound graph.

    Parameters
    ----------
    bound
        The graph.
    partly_centred
        Latents of location and scale whose degree of centring is data, ``NAME.centring``.

    Raises
    ------
    ModelError
        Where the model needs what this version does not carry.
    """
    bound = replace(bound, graph=without_densities(bound.graph))
    low = Lowering(bound, partly_centred=partly_centred)
    graph = bound.graph
    for name in graph.variables:
        low.shapes[name] = bound.shape(name)
    random = frozenset((*bound.latents, *bound.barren, *bound.parameters))
    uncertain = _uncertain(bound, random)
    low.uncertain = frozenset(uncertain)
    low.discrete = discrete_latents(bound)
    low.shadowed = frozenset(_descendants(bound, low.discrete))
    for name in bound.parameters:
        _parameter(low, name)
    partly = [n for n in bound.latents if n not in low.discrete and _is_partly_defined(graph, n)]
    computed = [
        name
        for name, variable in graph.variables.items()
        if any(isinstance(graph.pieces[k], Define) for k in variable.pieces)
        and name not in bound.latents
        and name not in bound.barren
    ]
    low.bound = bound = without_locals(bound, [*computed, *partly])
    recurrent = groups(bound, [*computed, *partly], definitions=True)
    low.leader |= {name: names[0] for names in recurrent for name in names}
    for name in bound.latents:
        if name not in low.discrete and name not in low.leader:
            _latent(low, name, uncertain)
    for names in recurrent:
        recurrence(low, names)
    for name in computed:
        if name not in low.leader:
            defined(low, name)
    _observations(low)
    drawn = _summed_out(low)
    order = in_order(low)
    steps = [*low.unpacked]
    needed = _needed(low)
    for name in order:
        if name in needed and name not in low.shadowed:
            steps.extend(low.values.get(name, ()))
            steps.extend(low.terms.get(name, ()))
    steps.extend(low.loose)
    after: list[Step] = [*drawn]
    for name in order:
        if name in bound.barren:
            after.extend(draws_of(low, name))
        elif name not in needed or name in low.shadowed:
            after.extend(low.values.get(name, ()))
    return Program(
        tuple(steps),
        _reported(low, uncertain),
        frozenset(_descendants(bound, (*low.discrete, *bound.barren))),
        tuple(after),
        tuple(low.columns),
        low.shapes,
        tuple(low.choices),
    )


def without_densities(graph: Graph) -> Graph:
    """Lower the densities inside expressions (``logp``), and make branches safe."""

    def one(node: Node) -> Node:
        return log_density(node, None, inside=False) if isinstance(node, LogDensity) else node

    def plain(node: Node) -> Node:
        return guarded(rewrite(node, one))

    def piece(old: Piece) -> Piece:
        match old:
            case Sample(density=density):
                arguments = tuple(map(plain, density.arguments))
                return replace(old, density=replace(density, arguments=arguments))
            case Define(value=value) | Factor(value=value):
                return replace(old, value=plain(value))

    return replace(graph, pieces=tuple(map(piece, graph.pieces)))


def _descendants(bound: BoundGraph, names: Iterable[str]) -> set[str]:
    """Return discrete latents and what is computed from them: known only draw by draw."""
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
        if name not in bound.data and pieces and all(isinstance(p, Define) for p in pieces):
            for parent in above:
                children.setdefault(parent, set()).add(name)
    return closure(names, children)


def _uncertain(bound: BoundGraph, random: Iterable[str]) -> set[str]:
    """Return the names whose values differ from draw to draw."""
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        if name not in bound.data:
            for parent in above:
                children.setdefault(parent, set()).add(name)
    return closure(random, children)


def _needed(low: Lowering) -> set[str]:
    """Return the names that the log joint needs."""
    bound = low.bound
    starts = set(bound.latents) | set(bound.parameters) | set(bound.data)
    for number, piece in enumerate(bound.graph.pieces):
        if isinstance(piece, Factor) or number in bound.observed:
            starts |= piece_reads(piece)
    edges = {n: p for n, p in parents(bound.graph).items() if n not in bound.barren}
    return closure(starts, edges)


def in_order(low: Lowering) -> list[str]:
    """Order all names so that each can be computed from those before it."""
    bound = low.bound
    edges = parents(bound.graph)
    for name in bound.data:
        if not bound.samples(name):
            edges[name] = set()
    edges = collapsed(edges, low.leader)
    order = topological(bound.graph.variables, edges)
    if not isinstance(order, set):
        return order
    free = {n for n in bound.latents if n not in low.noncentred}
    edges = {n: set() if n in free or n in bound.data else p for n, p in edges.items()}
    for name in [*free, *bound.data]:
        low.loose.extend(low.terms.pop(name, ()))
    again = topological(bound.graph.variables, edges)
    if not isinstance(again, set):
        return again
    spans = [bound.graph.variables[n].span for n in sorted(again)]
    names = ", ".join(f"`{bound.graph.variables[n].name}`" for n in sorted(again))
    raise ModelError((kinds.CYCLE(f"{names} depend on one another", spans[0]),), bound.graph.source)


def collapsed(edges: Mapping[str, set[str]], leaders: Mapping[str, str]) -> dict[str, set[str]]:
    """Return dependencies where each group of names is computed with its leader."""
    result = dict(edges)
    for name, leader in leaders.items():
        result[leader] = result[leader] | result[name]
    for name, leader in leaders.items():
        group = {n for n, other in leaders.items() if other == leader}
        result[name] = result[leader] - group if name == leader else {leader}
    return result


# ---------------------------------------------------------------------------------- parameters


def _parameter(low: Lowering, name: str) -> None:
    parameter = low.bound.graph.variables[name].parameter
    assert parameter is not None
    suffix = parameter.suffix
    constraint = real if suffix is None else suffix.constraint
    _block(low, name, constraint, "parameter", span=None)


def _block(low: Lowering, name: str, constraint: Constraint, kind: str, span: Span | None) -> None:
    """Give an array its columns."""
    bijection = constraint.bijection
    if bijection is None:
        raise unsupported(low, f"a discrete latent such as `{name}`", span)
    shape = low.shapes[name]
    split = len(shape) - constraint.event_ndim
    free = (*shape[:split], *bijection.event_sizes(shape[split:]))
    start = low.position
    stop = start + int(np.prod(free, dtype=int))
    low.columns.append(
        Column(name, start, stop, free, kind, False, constraint)  # type: ignore[arg-type]
    )
    plain = constraint is real
    key = name if plain else f"{name}.free"
    low.shapes[key] = free
    comment = f"{name}: {constraint.name}"
    low.unpacked.append(Unpack(key, start, stop, free, comment))
    if plain:
        return
    values = low.values.setdefault(name, [])
    if constraint.event_ndim:
        values.append(Transform(name, key, constraint))
        if kind == "latent":
            low.terms.setdefault(name, []).append(Jacobian(name, key, constraint))
        return
    indices = _indices(shape)
    u = Read(key, tuple(map(Position, indices)))
    values.append(Let(name, indices, trace(bijection.forward, (u,), ((),)).node, span))
    if kind == "latent":
        x = Read(name, tuple(map(Position, indices)))
        jacobian = trace(bijection.log_jacobian, (u, x), ((), ())).node
        low.terms.setdefault(name, []).append(Term("jacobian", jacobian, indices, span))


def _indices(shape: Sequence[int]) -> tuple[Index, ...]:
    return tuple(Index("i", "axis", Domain(Constant(0), Constant(n))) for n in shape)


def unsupported(low: Lowering, what: str, span: Span | None) -> ModelError:
    """Return an error about what this version does not carry."""
    return ModelError(
        (kinds.UNSUPPORTED(f"{what} is not supported yet", span),), low.bound.graph.source
    )


# ------------------------------------------------------------------------------------- latents


def _is_partly_defined(graph: Graph, name: str) -> bool:
    """Return whether ``=`` defines positions of a name."""
    return any(isinstance(graph.pieces[k], Define) for k in graph.variables[name].pieces)


def _latent(low: Lowering, name: str, uncertain: set[str]) -> None:
    bound = low.bound
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    samples = [p for p in pieces if isinstance(p, Sample)]
    if len(samples) < len(pieces):
        _assembled(low, name, uncertain)
        return
    if len(samples) == 1 and _is_location_scale(samples[0], uncertain, low):
        _noncentred(low, name, samples[0])
        return
    if len(samples) == 1 and _is_placed(samples[0], uncertain, low):
        _placed(low, name, samples[0])
        return
    supports = [support_of(s) for s in samples]
    if len({s.name for s in supports}) > 1 or any(
        isinstance(getattr(s, "lower", None), Traced) for s in supports
    ):
        _assembled(low, name, uncertain)
        return
    _free(low, name, samples[0], supports[0])
    for sample in samples:
        _prior(low, name, sample)


def _free(low: Lowering, name: str, sample: Sample, support: Constraint) -> None:
    """Give a centred latent its columns; bounds may be expressions over the latent's own axes."""
    bounds = sorted(
        {i for b in _bound_nodes(support, sample) for i in b.free}, key=lambda i: i.serial
    )
    if not bounds:
        _block(low, name, support, "latent", span=sample.span)
        return
    assert sample.target is not None
    key = f"{name}.free"
    shape = low.shapes[name]
    start = low.position
    stop = start + int(np.prod(shape, dtype=int))
    low.columns.append(Column(name, start, stop, shape, "latent", False, support))
    low.shapes[key] = shape
    low.unpacked.append(Unpack(key, start, stop, shape, f"{name}: {support.name}"))
    u = Read(key, sample.target.positions)
    bijection = support.bijection
    assert bijection is not None
    value = trace(bijection.forward, (u,), ((),)).node
    low.values.setdefault(name, []).append(Let(name, _axes_of(sample), value, sample.span))
    jacobian = trace(bijection.log_jacobian, (u, sample.target), ((), ())).node
    low.terms.setdefault(name, []).append(Term("jacobian", jacobian, sample.indices, sample.span))


def _bound_nodes(support: Constraint, sample: Sample) -> list[Node]:
    """Return the nodes of bounds that are expressions."""
    nodes: list[Node] = []
    if sample.suffix is not None:
        nodes.extend(b for b in (sample.suffix.lower, sample.suffix.upper) if b is not None)
    record = sample.density.record
    if not isinstance(record.support, Constraint):
        nodes.extend(sample.density.arguments)
    return [n for n in nodes if n.free]


def _is_location_scale(sample: Sample, uncertain: set[str], low: Lowering) -> bool:
    """Return whether a latent is better standardised: its scale is uncertain itself."""
    record = sample.density.record
    density = sample.density
    if record.location_scale is None or sample.suffix is not None:
        return False
    if density.alternative is not None or density.event or sample.target is None:
        return False
    if not all(isinstance(p, Position) for p in sample.target.positions):
        return False
    if sample.target.name in reads(*density.arguments):
        return False
    if reads(*density.arguments) & low.shadowed:
        return False
    scale = density.arguments[list(record.parameters).index(record.location_scale[1])]
    return bool(reads(scale) & uncertain)


def _noncentred(low: Lowering, name: str, sample: Sample) -> None:
    """Write a latent as location + scale · z."""
    record = sample.density.record
    assert record.location_scale is not None
    assert sample.target is not None
    parameters = list(record.parameters)
    arguments = dict(zip(parameters, sample.density.arguments, strict=True))
    location, scale = record.location_scale
    standard = dict(arguments)
    standard[scale] = Constant(1)
    if location is not None:
        standard[location] = Constant(0)
    support = record.support
    assert isinstance(support, Constraint)
    key = f"{name}.standard"
    shape = low.shapes[name]
    start = low.position
    stop = start + int(np.prod(shape, dtype=int))
    low.columns.append(Column(name, start, stop, shape, "latent", True, support, support is real))
    low.shapes[key] = shape
    low.noncentred.add(name)
    z: Node = Read(key, sample.target.positions)
    if name in low.partly_centred:
        _partly_centred(
            low, name, sample, arguments[location] if location else None, arguments[scale]
        )
    elif support is real:
        low.unpacked.append(Unpack(key, start, stop, shape, f"{name}, standardised"))
    else:
        free = f"{name}.free"
        low.shapes[free] = shape
        low.unpacked.append(Unpack(free, start, stop, shape, f"{name}, standardised, free"))
        u = Read(free, sample.target.positions)
        bijection = support.bijection
        assert bijection is not None
        forward = trace(bijection.forward, (u,), ((),)).node
        low.values.setdefault(name, []).append(Let(key, _axes_of(sample), forward, sample.span))
        jacobian = trace(bijection.log_jacobian, (u, z), ((), ())).node
        low.terms.setdefault(name, []).append(
            Term("jacobian", jacobian, sample.indices, sample.span)
        )
    value = Apply("multiply", (arguments[scale], z))
    if location is not None:
        value = Apply("add", (arguments[location], value))
    low.values.setdefault(name, []).append(Let(name, _axes_of(sample), value, sample.span))
    density = trace(record.log_density, [z, *standard.values()], [()] * (1 + len(standard)))
    low.terms.setdefault(name, []).append(Term("prior", density.node, sample.indices, sample.span))
    how = "partly centred" if name in low.partly_centred else "non-centred"
    low.choices.append(f"{name} {how}")


def _partly_centred(
    low: Lowering, name: str, sample: Sample, location: Node | None, scale: Node
) -> None:
    """Give a latent columns x from which z = (x - c · location) / scale^c, c its centring.

    With c = 0 these are standardised, with c = 1 they are the latent itself (Gorinova, Moore &
    Hoffman 2020, "Automatic reparameterisation of probabilistic programs").
    """
    assert sample.target is not None
    column = low.columns[-1]
    key, between, degree = f"{name}.standard", f"{name}.between", f"{name}.centring"
    low.shapes[between] = low.shapes[degree] = column.shape
    low.unpacked.append(
        Unpack(between, column.start, column.stop, column.shape, f"{name}, partly centred")
    )
    x: Node = Read(between, sample.target.positions)
    c = Read(degree, sample.target.positions)
    if location is not None:
        x = Apply("subtract", (x, Apply("multiply", (c, location))))
    shrunk = Apply("multiply", (c, Apply("log", (scale,))))
    value = Apply("multiply", (x, Apply("exp", (Apply("negative", (shrunk,)),))))
    low.values.setdefault(name, []).append(Let(key, _axes_of(sample), value, sample.span))
    jacobian = Apply("negative", (shrunk,))
    low.terms.setdefault(name, []).append(Term("jacobian", jacobian, sample.indices, sample.span))


def _placing(density: LogDensity) -> Callable[..., Any] | None:
    """Return the function that makes a draw of a vector from standard normals, if there is one."""
    record = density.record
    if density.alternative is None:
        return record.place
    return record.alternatives[density.alternative].place


def _is_placed(sample: Sample, uncertain: set[str], low: Lowering) -> bool:
    """Return whether a vector is better made from normals: its covariance is uncertain itself."""
    density = sample.density
    if _placing(density) is None or sample.suffix is not None or sample.target is None:
        return False
    positions = sample.target.positions
    if not all(isinstance(p, Position) for p in positions) or len(density.event) != 1:
        return False
    found = reads(*density.arguments)
    if sample.target.name in found or found & low.shadowed:
        return False
    return bool(reads(*density.arguments[1:]) & uncertain)


def _placed(low: Lowering, name: str, sample: Sample) -> None:
    """Write a vector as location + factor · z."""
    density = sample.density
    place = _placing(density)
    assert place is not None
    assert sample.target is not None
    key = f"{name}.standard"
    shape = low.shapes[name]
    start = low.position
    stop = start + int(np.prod(shape, dtype=int))
    low.columns.append(Column(name, start, stop, shape, "latent", True, real))
    low.shapes[key] = shape
    low.noncentred.add(name)
    low.unpacked.append(Unpack(key, start, stop, shape, f"{name}, standardised"))
    z = Read(key, sample.target.positions)
    (last,) = density.event
    value = trace(place, (z, *density.arguments), (density.event, *density.events))
    axis = last.like()
    node = rename(value.node, {value.event[0]: axis})
    axes = tuple(axis if i == last else i for i in _axes_of(sample))
    low.values.setdefault(name, []).append(Let(name, axes, node, sample.span))
    normal = real_distributions.Normal.log_density
    prior = trace(lambda z: normal(z, 0.0, 1.0), (z,), ((),)).node
    indices = (*(i for i in sample.indices if i != last), last)
    low.terms.setdefault(name, []).append(Term("prior", prior, indices, sample.span))
    low.choices.append(f"{name} non-centred")


def _axes_of(sample: Sample) -> tuple[Index, ...]:
    """Return the indices of a latent that covers all of its axes, in their order."""
    assert sample.target is not None
    found = []
    for position in sample.target.positions:
        (index,) = position.free
        found.append(index)
    return tuple(found)


def _prior(low: Lowering, name: str, sample: Sample) -> None:
    if piece_reads(sample) & low.shadowed:
        return
    node = log_density(sample.density, sample, inside=True)
    low.terms.setdefault(name, []).append(Term("prior", node, sample.indices, sample.span))


def _assembled(low: Lowering, name: str, uncertain: set[str]) -> None:
    """Give each piece of a latent an array of its own and put them together."""
    bound = low.bound
    parts: list[Part] = []
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        key = f"{name}.{number}"
        part, indices = _part(low, key, piece)
        parts.append(part)
        low.shapes[key] = _extents(low, indices)
        if isinstance(piece, Define):
            low.values.setdefault(name, []).append(Let(key, indices, piece.value, piece.span))
            continue
        support = support_of(piece)
        _block(low, key, support, "latent", span=piece.span)
        low.values.setdefault(name, []).extend(low.values.pop(key, ()))
        low.terms.setdefault(name, []).extend(low.terms.pop(key, ()))
        _prior(low, name, piece)
    low.values.setdefault(name, []).append(Assemble(name, low.shapes[name], tuple(parts)))


def _part(low: Lowering, key: str, piece: Sample | Define) -> tuple[Part, tuple[Index, ...]]:
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
            (index,) = free
            shift = integer(_shift(position, index), bound.sizes, bound.data)
            first = integer(index.domain.start, bound.sizes, bound.data)
            last = integer(index.domain.stop, bound.sizes, bound.data)
        except (NotANumber, ValueError):
            raise unsupported(low, "this position on the left", piece.span) from None
        starts.append(first + shift)
        sizes.append(last - first)
        indices.append(index)
    return Part(key, tuple(starts), tuple(sizes)), tuple(indices)


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


# -------------------------------------------------------------------------------- deterministic


def defined(low: Lowering, name: str) -> None:
    """Compute a deterministic quantity, piece by piece if it has several."""
    bound = low.bound
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    single = pieces[0]
    if len(pieces) == 1 and isinstance(single, Define):
        part, indices = _part(low, name, single)
        if part.sizes == low.shapes[name]:
            low.values[name] = [Let(name, indices, single.value, single.span)]
            return
    _assembled(low, name, set())


def recurrence(low: Lowering, names: tuple[str, ...]) -> None:
    """Compute names that depend on their own earlier positions."""
    bound = low.bound
    group = group_of(bound, names)
    leader = names[0]
    low.leader |= dict.fromkeys(names, leader)
    steps: list[Step] = []
    parts: dict[str, list[tuple[Part, Define | Sample]]] = {}
    for member in group.members:
        parts[member.name] = []
        for number in bound.graph.variables[member.name].pieces:
            piece = bound.graph.pieces[number]
            assert isinstance(piece, Define | Sample)
            if isinstance(piece, Define) and piece_reads(piece) & set(names):
                continue
            key = f"{member.name}.{number}"
            part, indices = _part(low, key, piece)
            low.shapes[key] = _extents(low, indices)
            parts[member.name].append((part, piece))
            if isinstance(piece, Define):
                steps.append(Let(key, indices, piece.value, piece.span))
                continue
            _block(low, key, support_of(piece), "latent", span=piece.span)
            steps.extend(low.values.pop(key, ()))
            low.terms.setdefault(member.name, []).extend(low.terms.pop(key, ()))
            _prior(low, member.name, piece)
    steps.append(_steps(low, group, parts))
    for member in group.members:
        key = f"{member.name}.steps"
        shape = low.shapes[member.name]
        place = member.place
        starts = tuple(group.start if k == place else 0 for k in range(len(shape)))
        sizes = tuple(group.length if k == place else n for k, n in enumerate(shape))
        low.shapes[key] = sizes
        every = (*(p for p, _ in parts[member.name]), Part(key, starts, sizes))
        steps.append(Assemble(member.name, shape, every))
    low.values[leader] = steps


def _extents(low: Lowering, indices: Iterable[Index]) -> tuple[int, ...]:
    bound = low.bound
    return tuple(
        integer(subtract(i.domain.stop, i.domain.start), bound.sizes, bound.data) for i in indices
    )


def _steps(
    low: Lowering, group: Group, parts: Mapping[str, Sequence[tuple[Part, Define | Sample]]]
) -> Step:
    """Return a group's steps: a filter if they are affine, else a scan."""
    bound = low.bound
    (first, *others) = group.members
    if not others and first.lags == 1:
        found = affine(first.piece.value, first.name)
        if found is not None:
            low.choices.append(f"{first.name} as a linear filter")
            (start,) = _starts(low, group, first, parts)
            axes = _member_axes(group, first)
            return Filter(f"{first.name}.steps", axes, group.time, *found, start, first.piece.span)
    step = split(bound, group)
    members = tuple(
        Scanned(
            f"{m.name}.steps",
            m.name,
            _member_axes(group, m),
            value,
            _starts(low, group, m, parts),
        )
        for m, value in zip(group.members, step.values, strict=True)
    )
    low.choices.append(f"{', '.join(m.name for m in group.members)} by a scan")
    return Scan(
        f"{first.name}.scan", members, group.time, step.inputs, step.constants, first.piece.span
    )


def _member_axes(group: Group, member: Member) -> tuple[Index, ...]:
    axes = list(member.axes)
    axes.insert(member.place, group.time)
    return tuple(axes)


def _starts(
    low: Lowering,
    group: Group,
    member: Member,
    parts: Mapping[str, Sequence[tuple[Part, Define | Sample]]],
) -> tuple[Node, ...]:
    """Return a member's values before the first step: one step before it, two before it, ..."""
    found = []
    for lag in range(1, member.lags + 1):
        position = group.start - lag
        node = None
        for part, piece in parts[member.name]:
            begin = part.starts[member.place]
            if begin <= position < begin + part.sizes[member.place]:
                node = _at(low, member, part, piece, position - begin)
        if node is None:
            raise ModelError(
                (
                    kinds.PARTLY_DEFINED(
                        f"`{member.name}` needs a value at position {position} to start from",
                        member.piece.span,
                        help=f"define it: `{member.name}[{max(position, 0)}] = ...`",
                    ),
                ),
                low.bound.graph.source,
            )
        found.append(node)
    return tuple(found)


def _at(low: Lowering, member: Member, part: Part, piece: Define | Sample, step: int) -> Node:
    """Read an initial part at a step, over the member's other axes."""
    positions: list[Node] = []
    others = iter(member.axes)
    assert piece.target is not None
    for k, position in enumerate(piece.target.positions):
        if k == member.place:
            if position.free:
                positions.append(Constant(step))
            continue
        index = next(others)
        if position.free:
            positions.append(subtract(Position(index), index.domain.start))
    return Read(part.key, tuple(positions))


# --------------------------------------------------------------------------------- observations


def _summed_out(low: Lowering) -> list[Step]:
    """Add the elimination of the discrete latents; returns the steps that draw their states."""
    if not low.discrete:
        return []
    tables, found = factors(low.bound, low.discrete, low.shadowed, low.certain)
    low.loose.extend(tables)
    low.loose.extend(map(Eliminate, found.operations))
    low.loose.extend(RowSum(f.key) for f in found.rest)
    low.choices.extend(f"{name} summed out" for name in low.discrete)
    draws: dict[str, list[SumOut | Chain]] = {}
    for operation in reversed(found.operations):
        if isinstance(operation, SumOut | Chain):
            draws.setdefault(operation.name, []).append(operation)
    return [StateDraw(n, tuple(ops), low.shapes[n]) for n, ops in draws.items()]


def _observations(low: Lowering) -> None:
    bound = low.bound
    for number, piece in enumerate(bound.graph.pieces):
        if piece_reads(piece) & low.shadowed:
            continue
        if isinstance(piece, Factor):
            low.loose.append(Term("likelihood", piece.value, piece.indices, piece.span, number))
        elif number in bound.observed:
            assert isinstance(piece, Sample)
            node = log_density(piece.density, piece, inside=False, data=low.certain)
            low.loose.extend(_checks(low, piece))
            name = piece.target.name if piece.target is not None else None
            if name in bound.missing and piece.target is not None:
                present = Read(f"{name}.present", piece.target.positions)
                node = where_present(present, node)
            if piece.weight is not None:
                node = Apply("multiply", (piece.weight, node))
            term = Term("likelihood", node, piece.indices, piece.span, number)
            if name is None:
                low.loose.append(term)
            else:
                low.terms.setdefault(name, []).append(term)


def _checks(low: Lowering, piece: Sample) -> list[Step]:
    """Return a check of observed values where the data decide their support."""
    found = support_contains(piece.density, piece)
    if found is None or reads(found[0]) - low.certain:
        return []
    inside, target = found[0], piece.target
    if target is not None and target.name in low.bound.missing:
        present = Read(f"{target.name}.present", target.positions)
        inside = Apply("logical_or", (inside, Apply("logical_not", (present,))))
    name = target.name if target is not None else "the left side"
    return [Inside(inside, piece.indices, name, found[1], piece.span)]


# ----------------------------------------------------------------------------------------- after


def draws_of(low: Lowering, name: str) -> list[Step]:
    """Return the steps that draw a barren variable."""
    bound = low.bound
    steps: list[Step] = []
    parts: list[Part] = []
    pieces = bound.graph.variables[name].pieces
    for number in pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        if name in piece_reads(piece):
            raise unsupported(low, f"drawing `{name}`, which depends on itself,", piece.span)
        key = f"{name}.{number}"
        part, indices = _part(low, key, piece)
        whole = len(pieces) == 1 and part.sizes == low.shapes[name]
        if whole:
            key = name
        low.shapes.setdefault(key, part.sizes)
        if isinstance(piece, Define):
            steps.append(Let(key, indices, piece.value, piece.span))
        else:
            if not (piece.density.record.normalised or _has_ends(piece)):
                raise _no_draws(low, name, piece)
            steps.append(draw_of(key, indices, piece))
        parts.append(part)
    if parts and parts[0].key == name:
        return steps
    if len(pieces) == 1 and steps:
        return steps
    return [*steps, Assemble(name, low.shapes[name], tuple(parts))]


def _no_draws(low: Lowering, name: str, piece: Sample) -> ModelError:
    improper = kinds.IMPROPER(
        f"`{name}` cannot be drawn: `{piece.density.distribution}` is improper, and nothing "
        "observed depends on it",
        piece.span,
        help="give it a proper distribution, or data for what depends on it",
    )
    return ModelError((improper,), low.bound.graph.source)


def _has_ends(piece: Sample) -> bool:
    """Return whether bounds make a proper distribution even of a constant density."""
    suffix = piece.suffix
    return suffix is not None and suffix.lower is not None and suffix.upper is not None


def draw_of(key: str, indices: tuple[Index, ...], piece: Sample) -> Draw:
    """Return the step that draws a statement's left side, in the first parametrisation."""
    density = with_bounds(piece.density, piece.suffix)
    suffix = piece.suffix
    members = suffix.constraint if suffix is not None and suffix.constraint.event_ndim else None
    if not piece.density.record.normalised and suffix is not None:
        ends = tuple(b for b in (suffix.lower, suffix.upper) if b is not None)
        density = LogDensity("Uniform", None, density.value, ends, (), ((), ()), density.span)
    arguments, events = density.arguments, density.events
    if density.alternative is not None:
        converted = standard_arguments(density)
        lifted = [c if isinstance(c, Traced) else Traced(Constant(float(c))) for c in converted]  # type: ignore[arg-type]
        arguments = tuple(t.node for t in lifted)
        events = tuple(t.event for t in lifted)
    return Draw(key, indices, density.record, arguments, events, density.event, piece.span, members)


def _reported(low: Lowering, uncertain: set[str]) -> tuple[str, ...]:
    """Return what the answer shows: latents, then what is computed from them, then draws."""
    bound = low.bound
    found = list(bound.latents)
    for name, variable in bound.graph.variables.items():
        hidden = variable.local or name.startswith("_")
        size = int(np.prod(low.shapes[name], dtype=int))
        computed = (
            (name in low.values or name in low.leader)
            and name not in bound.latents
            and name not in bound.data
        )
        if (
            computed
            and name in uncertain
            and not hidden
            and name not in bound.parameters
            and size <= REPORT_AT_MOST
        ):
            found.append(name)
    found.extend(bound.barren)
    return tuple(found)
