"""Random variables that depend on their own earlier values, as recurrences driven by noise.

``z[t] ~ Normal(a * z[t - 1], s)`` is drawn as ``z[t] = a * z[t - 1] + s * noise[t]``: the noise is
drawn at once, and the recurrence is run as any other. A state, ``z[t] ~ Categorical(A[z[t - 1]])``,
is found from a uniform number. What is known of the first positions (a
series that goes on after the data end, the values before the first statement) is read, not drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppl.compile.program import Draw, Step
from ppl.compile.recurrences import groups
from ppl.distributions import Law, record_of
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber, integer
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Matrix,
    Node,
    Position,
    Read,
    Reduce,
    extent,
    reads,
    rewrite,
    subtract,
)
from ppl.graph.ranges import standard_arguments
from ppl.graph.trace import Traced
from ppl.text import ModelError

FITTED = "fitted "
"""Before a name: the values that are known of its first positions."""


@dataclass(slots=True)
class Driven:
    """A graph without random variables that depend on themselves.

    Attributes
    ----------
    graph
        Their statements are definitions now.
    names
        Which they were.
    draws
        The noise of each, to be drawn before.
    shapes
        Of the arrays of noise.
    """

    graph: Graph
    names: set[str] = field(default_factory=set)
    draws: dict[str, list[Step]] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def driven(
    bound: BoundGraph, random: Sequence[str], parts: Mapping[str, tuple[int, ...]]
) -> Driven:
    """Rewrite the random variables that depend on their own earlier values.

    Parameters
    ----------
    bound
        The model with its data.
    random
        Names to be drawn.
    parts
        Shapes of what is known of the first positions of some of them.

    Raises
    ------
    ModelError
        If such a variable is not a location plus a scale times noise.
    """
    result = Driven(bound.graph)
    computed = [
        n
        for n, v in bound.graph.variables.items()
        if n not in bound.data and v.pieces and not bound.samples(n)
    ]
    for ring in groups(bound, [*random, *computed]):
        for name in ring:
            if name in random:
                _drive(bound, result, name, set(ring), parts.get(name))
    return result


def _drive(
    bound: BoundGraph,
    result: Driven,
    name: str,
    ring: Collection[str],
    known: tuple[int, ...] | None,
) -> None:
    graph = result.graph
    pieces = list(graph.pieces)
    variable = graph.variables[name]
    numbers: list[int] = []
    result.names.add(name)
    result.draws[name] = []
    first = _first_unknown(bound, name, known)
    if first is not None:
        axis, place = first
        numbers.append(len(pieces))
        pieces.append(_known_piece(bound, name, axis, place))
        result.shapes[FITTED + name] = known or ()
    for number in variable.pieces:
        piece = pieces[number]
        if isinstance(piece, Factor):
            continue
        if first is not None:
            cut = _from(bound, piece, *first)
            if cut is None:
                continue
            piece = cut
        if isinstance(piece, Sample):
            piece = _definition(bound, result, name, number, piece, ring)
        numbers.append(number)
        pieces[number] = piece
    variables = {**graph.variables, name: replace(variable, pieces=tuple(numbers))}
    result.graph = replace(graph, pieces=tuple(pieces), variables=variables)


def _definition(
    bound: BoundGraph,
    result: Driven,
    name: str,
    number: int,
    piece: Sample,
    ring: Collection[str],
) -> Define:
    """Return a statement ``~`` as a definition, with its noise."""
    assert piece.target is not None
    key = f"noise {name}.{number}"
    indices = tuple(i for p in piece.target.positions for i in p.free)
    noise = Read(key, tuple(subtract(Position(i), i.domain.start) for i in indices))
    result.shapes[key] = tuple(integer(extent(i.domain), bound.sizes, bound.data) for i in indices)
    density = piece.density
    record = density.record
    arguments, events = density.arguments, density.events
    if density.alternative is not None:
        lifted = [
            c if isinstance(c, Traced) else Traced(Constant(float(str(c))))
            for c in standard_arguments(density)
        ]
        arguments, events = tuple(t.node for t in lifted), tuple(t.event for t in lifted)
    value: Node = noise
    if reads(*arguments) & set(ring) and record.name in ("Bernoulli", "Categorical"):
        if piece.suffix is not None:
            raise _cannot(bound, name, piece)
        value = _state(arguments[0], events[0], noise)
        record, arguments, events = (
            record_of(Law("Uniform")),
            (Constant(0.0), Constant(1.0)),
            ((), ()),
        )
    elif reads(*arguments) & set(ring):
        if record.location_scale is None or piece.suffix is not None or density.event:
            raise _cannot(bound, name, piece)
        by_name = dict(zip(record.parameters, arguments, strict=True))
        location, scale = record.location_scale
        value = Apply("multiply", (by_name[scale], noise))
        by_name[scale] = Constant(1.0)
        if location is not None:
            value = Apply("add", (by_name[location], value))
            by_name[location] = Constant(0.0)
        arguments = tuple(by_name.values())
        if reads(*arguments) & set(ring):
            raise _cannot(bound, name, piece)
    elif piece.suffix is not None:
        raise _cannot(bound, name, piece)
    result.draws[name].append(
        Draw(key, indices, record, arguments, events, density.event, piece.span)
    )
    return Define(piece.target, piece.indices, value, piece.span)


def _state(p: Node, event: tuple[Index, ...], level: Node) -> Node:
    """Return the state that a uniform number stands for: how many sums of probabilities it passes.

    Without an event axis, `p` is the probability of state 1.
    """
    if not event:
        return Apply("less", (level, p))
    (index,) = event
    after = index.like()
    sums = Matrix("cumsum", (p,), ((index,),), (after,))
    passed = Reduce("sum", (after,), Apply("less_equal", (sums, level)))
    return Apply("minimum", (passed, subtract(extent(index.domain), Constant(1))))


def _cannot(bound: BoundGraph, name: str, piece: Sample) -> ModelError:
    shown = bound.graph.variables[name].name
    return ModelError(
        (
            kinds.UNSUPPORTED(
                f"drawing `{shown}`, which depends on its own earlier values, is not supported "
                f"yet for {piece.density.distribution} here",
                piece.span,
            ),
        ),
        bound.graph.source,
    )


# -------------------------------------------------------------------------------- what is known


def _first_unknown(
    bound: BoundGraph, name: str, known: tuple[int, ...] | None
) -> tuple[int, int] | None:
    """Return the axis along which values are known, and the first position where they are not."""
    if known is None:
        return None
    shape = bound.shape(name)
    axes = [k for k, (a, b) in enumerate(zip(known, shape, strict=True)) if a < b]
    if len(axes) != 1:
        variable = bound.graph.variables[name]
        message = f"`{variable.name}` depends on itself and has new positions on several axes"
        raise ModelError((kinds.UNSUPPORTED(message, variable.span),), bound.graph.source)
    return axes[0], known[axes[0]]


def _known_piece(bound: BoundGraph, name: str, axis: int, first: int) -> Define:
    """Return the statement that reads the known positions."""
    shape = bound.shape(name)
    indices = tuple(
        Index("i", "axis", Domain(Constant(0), Constant(first if k == axis else n)))
        for k, n in enumerate(shape)
    )
    positions = tuple(map(Position, indices))
    span = bound.graph.variables[name].span
    return Define(Read(name, positions), indices, Read(FITTED + name, positions), span)


def _from(
    bound: BoundGraph, piece: Sample | Define, axis: int, first: int
) -> Sample | Define | None:
    """Return what is left of a statement from a position on; None if nothing is."""
    assert piece.target is not None
    position = piece.target.positions[axis]
    free = list(position.free)
    try:
        if not free:
            return piece if integer(position, bound.sizes, bound.data) >= first else None
        (index,) = free
        start = integer(index.domain.start, bound.sizes, bound.data)
        stop = integer(index.domain.stop, bound.sizes, bound.data)
        zero = rewrite(position, lambda n: Constant(0) if isinstance(n, Position) else n)
        shift = integer(zero, bound.sizes, bound.data)
    except (NotANumber, ValueError):
        raise _cannot_start(bound, piece) from None
    if start + shift >= first:
        return piece
    if stop + shift <= first:
        return None
    later = replace(index, domain=Domain(Constant(first - shift), index.domain.stop)).like()
    return _over(piece, index, later)


def _cannot_start(bound: BoundGraph, piece: Piece) -> ModelError:
    message = "this statement cannot be continued after known values yet"
    return ModelError((kinds.UNSUPPORTED(message, piece.span),), bound.graph.source)


def _over(piece: Sample | Define, old: Index, new: Index) -> Sample | Define:
    """Let a statement run over another index: its positions stay what they are."""

    def swap(root: Node) -> Node:
        def one(node: Node) -> Node:
            return Position(new, node.span) if _is(node, old) else node

        return rewrite(root, one)

    target = swap(piece.target) if piece.target is not None else None
    assert isinstance(target, Read)
    indices = tuple(new if i == old else i for i in piece.indices)
    if isinstance(piece, Define):
        return replace(piece, target=target, indices=indices, value=swap(piece.value))
    density = swap(piece.density)
    return replace(piece, target=target, indices=indices, density=density)  # type: ignore[arg-type]


def _is(node: Node, index: Index) -> bool:
    return isinstance(node, Position) and node.index == index
