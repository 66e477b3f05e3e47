"""Latents and learned parameters get columns of the flat vector: how each is parametrised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.compile.densities import log_density
from ppl.compile.lowering import Lowering, extents, indices_over, part_of, unsupported
from ppl.compile.program import (
    Assemble,
    Column,
    Jacobian,
    Let,
    Part,
    Term,
    Transform,
    Unpack,
)
from ppl.constraints import Constraint, real
from ppl.distributions import real as real_distributions
from ppl.graph.bound import LOST
from ppl.graph.graph import Define, Factor, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    LogDensity,
    Node,
    Position,
    Read,
    reads,
    rename,
    subtract,
)
from ppl.graph.order import closure, parents, piece_reads
from ppl.graph.ranges import support_of
from ppl.graph.trace import Traced, trace
from ppl.text import Span


def add_parameter(low: Lowering, name: str) -> None:
    """Give a learned parameter its columns."""
    parameter = low.bound.graph.variables[name].parameter
    assert parameter is not None
    suffix = parameter.suffix
    constraint = real if suffix is None else suffix.constraint
    add_block(low, name, constraint, "parameter", span=None)


def add_block(
    low: Lowering, name: str, constraint: Constraint, kind: str, span: Span | None
) -> None:
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
    indices = indices_over(shape, _dimensions(low, name, shape))
    u = Read(key, tuple(map(Position, indices)))
    values.append(Let(name, indices, trace(bijection.forward, (u,), ((),)).node, span))
    if kind == "latent":
        x = Read(name, tuple(map(Position, indices)))
        jacobian = trace(bijection.log_jacobian, (u, x), ((), ())).node
        low.terms.setdefault(name, []).append(Term("jacobian", jacobian, indices, span))


def _dimensions(low: Lowering, name: str, shape: tuple[int, ...]) -> tuple[str | None, ...]:
    """Return which dimension of the model each axis of a block is the whole of, if any."""
    variables = low.bound.graph.variables
    known = variables.get(name) or variables.get(name.split(".")[0])
    axes = [a.dimension for a in known.axes] if known is not None else []
    if len(axes) != len(shape):
        return (None,) * len(shape)
    sizes = low.bound.sizes
    return tuple(d if d and sizes[d] == n else None for d, n in zip(axes, shape, strict=True))


def add_latent(low: Lowering, name: str, uncertain: set[str]) -> None:
    """Give a latent its columns, its value, and its terms of the log joint."""
    bound = low.bound
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    samples = [p for p in pieces if isinstance(p, Sample)]
    if len(samples) < len(pieces) or not _covers_all(low, name, samples):
        assembled(low, name, uncertain)
        return
    if len(samples) == 1 and _is_location_scale(samples[0], uncertain, low):
        _noncentred(low, name, samples[0])
        return
    if len(samples) == 1 and _is_scaled_vector(samples[0], uncertain, low):
        _scaled_vector(low, name, samples[0])
        return
    if len(samples) == 1 and _is_placed(samples[0], uncertain, low):
        _placed(low, name, samples[0])
        return
    supports = [support_of(s) for s in samples]
    if len({s.name for s in supports}) > 1 or any(
        isinstance(getattr(s, "lower", None), Traced) for s in supports
    ):
        assembled(low, name, uncertain)
        return
    _free(low, name, samples[0], supports[0])
    for sample in samples:
        add_prior(low, name, sample)


def _covers_all(low: Lowering, name: str, samples: Sequence[Sample]) -> bool:
    """Return whether statements cover all positions of their name, as ranges of each axis."""
    parts = [part_of(low, name, s)[0] for s in samples]
    covered = sum(int(np.prod(p.sizes, dtype=int)) for p in parts)
    whole = int(np.prod(low.shapes[name], dtype=int))
    return covered == whole and all(p.places is None for p in parts)


def _free(low: Lowering, name: str, sample: Sample, support: Constraint) -> None:
    """Give a centred latent its columns; bounds may be expressions over the latent's own axes."""
    bounds = sorted(
        {i for b in _bound_nodes(support, sample) for i in b.free}, key=lambda i: i.serial
    )
    if not bounds:
        add_block(low, name, support, "latent", span=sample.span)
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


def _is_location_scale(
    sample: Sample, uncertain: set[str], low: Lowering, name: str | None = None
) -> bool:
    """Return whether a latent is better standardised: its scale is uncertain itself.

    `name` is the latent's, where the statement is of a part of it.
    """
    record = sample.density.record
    density = sample.density
    if record.location_scale is None or sample.suffix is not None:
        return False
    if density.alternative is not None or density.event or sample.target is None:
        return False
    if name is None and not all(isinstance(p, Position) for p in sample.target.positions):
        return False
    if _reads_itself(low, sample, name):
        return False
    if reads(*density.arguments) & low.shadowed:
        return False
    scale = density.arguments[list(record.parameters).index(record.location_scale[1])]
    return bool(reads(scale) & uncertain)


def _above(low: Lowering, nodes: Iterable[Node]) -> set[str]:
    """Return the names that nodes read, and those that these are computed from."""
    graph = low.bound.graph
    edges: dict[str, set[str]] = {}
    for name, variable in graph.variables.items():
        pieces = [graph.pieces[k] for k in variable.pieces]
        if name not in low.bound.data:
            edges[name] = set().union(*(piece_reads(p) for p in pieces if isinstance(p, Define)))
    return closure(reads(*nodes), edges)


def _reads_itself(low: Lowering, sample: Sample, name: str | None = None) -> bool:
    """Return whether a latent's arguments depend on it, as missing values of a series do."""
    assert sample.target is not None
    own = name or sample.target.name
    if own.endswith(LOST):
        return own in closure(reads(*sample.density.arguments), parents(low.bound.graph))
    return own in _above(low, sample.density.arguments)


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


def _is_scaled_vector(sample: Sample, uncertain: set[str], low: Lowering) -> bool:
    """Return whether a vector is a scale, uncertain itself, times one of scale 1."""
    record, density = sample.density.record, sample.density
    if record.location_scale is None or record.location_scale[0] is not None or not density.event:
        return False
    if sample.suffix is not None or density.alternative is not None or sample.target is None:
        return False
    found = reads(*density.arguments)
    if not all(isinstance(p, Position) for p in sample.target.positions):
        return False
    if found & low.shadowed or _reads_itself(low, sample):
        return False
    return bool(found & uncertain)


def _scaled_vector(low: Lowering, name: str, sample: Sample) -> None:
    """Write a vector as scale · z, where z has its law with scale 1."""
    density, record = sample.density, sample.density.record
    assert record.location_scale is not None
    assert isinstance(record.support, Constraint)
    assert sample.target is not None
    place = list(record.parameters).index(record.location_scale[1])
    key = f"{name}.standard"
    low.shapes[key] = low.shapes[name]
    add_block(low, key, record.support, "latent", span=sample.span)
    low.columns[-1] = replace(low.columns[-1], key=name, noncentred=True)
    low.noncentred.add(name)
    values = low.values.setdefault(name, [])
    values.extend(low.values.pop(key, ()))
    terms = low.terms.setdefault(name, [])
    terms.extend(low.terms.pop(key, ()))
    z = Read(key, sample.target.positions)
    values.append(
        Let(
            name,
            _axes_of(sample),
            Apply("multiply", (density.arguments[place], z)),
            sample.span,
        )
    )
    standard = list(density.arguments)
    standard[place] = Constant(1)
    prior = trace(record.log_density, (z, *standard), (density.event, *density.events))
    terms.append(Term("prior", prior.node, sample.indices, sample.span))
    low.choices.append(f"{name} non-centred")


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
    if sample.target.name in _above(low, density.arguments) or found & low.shadowed:
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


def add_prior(low: Lowering, name: str, sample: Sample) -> None:
    """Add a latent's own log density."""
    if piece_reads(sample) & low.shadowed:
        return
    node = log_density(sample.density, sample, inside=True)
    low.terms.setdefault(name, []).append(Term("prior", node, sample.indices, sample.span))


def assembled(low: Lowering, name: str, uncertain: set[str]) -> None:
    """Give each piece of a latent an array of its own and put them together."""
    bound = low.bound
    parts: list[Part] = []
    values = low.values.setdefault(name, [])
    terms = low.terms.setdefault(name, [])
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        key = f"{name}.{number}"
        part, indices = part_of(low, key, piece)
        parts.append(part)
        low.shapes[key] = extents(low, indices)
        if isinstance(piece, Define):
            values.append(Let(key, indices, piece.value, piece.span))
            continue
        own = _own(piece, key, indices)
        if _is_location_scale(own, uncertain, low, name):
            _noncentred(low, key, own)
            low.noncentred.add(name)
        else:
            _free(low, key, own, support_of(own))
            add_prior(low, key, own)
        values.extend(low.values.pop(key, ()))
        terms.extend(low.terms.pop(key, ()))
    values.append(Assemble(name, low.shapes[name], tuple(parts)))


def _own(piece: Sample, key: str, indices: tuple[Index, ...]) -> Sample:
    """Return a piece of a name as a statement of its own array, over all of its indices."""
    positions = tuple(subtract(Position(i), i.domain.start) for i in indices)
    target = Read(key, positions, piece.target.span if piece.target is not None else None)
    return replace(piece, target=target, density=replace(piece.density, value=target))
