"""The nodes of the graph: expressions in index notation.

An expression has a set of *free indices* and no axes: ``W[d, k] * z[n, k]`` has {d, k, n}. Only
matrix functions name, in order, the indices they bind and those they return. Nodes are frozen and
may be shared: an expression is a directed acyclic graph, and every pass visits a node once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from ppl.distributions import Law, record_of
from ppl.distributions.record import Distribution
from ppl.text import Span

Role = Literal["plate", "sum", "axis", "state"]

_serial = count()


@dataclass(frozen=True, slots=True)
class Domain:
    """The positions that an index runs over: ``start`` up to, not including, ``stop``.

    `dimension` is the dimension's name when the positions are all of it, else None (a range, or an
    axis without a name); `within` names the dimension that a range is a part of, if that is known.
    """

    start: Node
    stop: Node
    dimension: str | None = None
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index: a loop, an axis, a summation. Identity is the serial number.

    Where the bounds of its range use other indices, `limits` are those bounds, and `domain` is the
    widest extent: from the smallest start to the largest stop.
    """

    name: str = field(compare=False)
    role: Role = field(compare=False)
    domain: Domain = field(compare=False)
    span: Span | None = field(compare=False, default=None)
    limits: tuple[Node, Node] | None = field(compare=False, default=None)
    serial: int = field(default_factory=lambda: next(_serial))

    def like(self, role: Role | None = None) -> Index:
        """Return a fresh index over the same domain."""
        return Index(self.name, role or self.role, self.domain, self.span, self.limits)


Indices = frozenset[Index]
_NONE: Indices = frozenset()


def _free_of(*nodes: Node) -> Indices:
    return frozenset().union(*(n.free for n in nodes)) if nodes else _NONE


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A number known when the model is compiled."""

    value: float | int
    span: Span | None = None

    @property
    def free(self) -> Indices:
        """No index."""
        return _NONE


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """The size of a dimension, a number once data are bound."""

    dimension: str
    span: Span | None = None

    @property
    def free(self) -> Indices:
        """No index."""
        return _NONE


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """An index used as a number."""

    index: Index
    span: Span | None = None

    @property
    def free(self) -> Indices:
        """The index itself."""
        return frozenset((self.index,))


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """The value of a name at positions, one node for each of its axes."""

    name: str
    positions: tuple[Node, ...]
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", _free_of(*self.positions))


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """An elementwise atom."""

    atom: str
    arguments: tuple[Node, ...]
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", _free_of(*self.arguments))


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """``if condition then yes else no``, elementwise."""

    condition: Node
    yes: Node
    no: Node
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", _free_of(self.condition, self.yes, self.no))


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """The bounds of an index that is reduced, where they use other indices."""

    index: Index
    start: Node
    stop: Node


@dataclass(frozen=True, slots=True, eq=False)
class Reduce:
    """A sum, product, minimum, maximum or logsumexp over indices, some of them within limits."""

    operation: Literal["sum", "prod", "min", "max", "logsumexp"]
    indices: tuple[Index, ...]
    body: Node
    span: Span | None = None
    limits: tuple[Limit, ...] = ()
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bounds = [n for limit in self.limits for n in (limit.start, limit.stop)]
        free = _free_of(self.body, *bounds) - frozenset(self.indices)
        object.__setattr__(self, "free", free)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """``[a, b, c]``: the items side by side along an index of their number."""

    index: Index
    items: tuple[Node, ...]
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", _free_of(*self.items) | {self.index})


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """An atom that acts on whole axes: it binds, for each argument, indices in order, and returns
    others in order."""

    atom: str
    arguments: tuple[Node, ...]
    bound: tuple[tuple[Index, ...], ...]
    out: tuple[Index, ...]
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner = [a.free - frozenset(b) for a, b in zip(self.arguments, self.bound, strict=True)]
        object.__setattr__(self, "free", frozenset(self.out).union(*inner))


@dataclass(frozen=True, slots=True, eq=False)
class LogDensity:
    """The log density of a distribution at a value, or another function of both.

    `event` are the indices of the value's event axes, `events` those of each argument, all bound.
    The arguments of a distribution built from others are its own, then those of its `components`.
    """

    distribution: str
    alternative: int | None
    value: Node
    arguments: tuple[Node, ...]
    event: tuple[Index, ...]
    events: tuple[tuple[Index, ...], ...]
    span: Span | None = None
    components: tuple[Law, ...] = ()
    quantity: Literal["log density", "cdf", "ccdf"] = "log density"
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner = [a.free - frozenset(e) for a, e in zip(self.arguments, self.events, strict=True)]
        free = (self.value.free - frozenset(self.event)).union(*inner)
        object.__setattr__(self, "free", free)

    @property
    def law(self) -> Law:
        """Which distribution it is."""
        return Law(self.distribution, self.alternative, self.components)

    @property
    def record(self) -> Distribution:
        """The distribution's record."""
        return record_of(self.law)


@dataclass(frozen=True, slots=True, eq=False)
class Ode:
    """The solution of an ordinary differential equation, over times and states.

    The right side is an expression of its own, `body`, over placeholders: reads of ``key.t`` (the
    time), ``key.y`` (the state) and ``key.0``, ``key.1``, ... for what it takes from the model,
    which are the nodes `captured`, each with the indices that the body binds, in order.

    Attributes
    ----------
    key
        Unique.
    start, times, state
        The initial time, the times asked for, and the initial state.
    body, body_axis
        The slopes, and the index of their states.
    bound
        The indices of `times` and of `state`.
    out
        The indices of the result: times, states.
    """

    key: str
    start: Node
    times: Node
    state: Node
    captured: tuple[Node, ...]
    captured_axes: tuple[tuple[Index, ...], ...]
    body: Node
    body_axis: Index
    bound: tuple[Index, Index]
    out: tuple[Index, Index]
    method: str
    rtol: float
    atol: float
    span: Span | None = None
    free: Indices = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner = [
            n.free - frozenset(axes)
            for n, axes in zip(self.captured, self.captured_axes, strict=True)
        ]
        inner += [self.start.free, self.times.free - {self.bound[0]}]
        inner.append(self.state.free - {self.bound[1]})
        object.__setattr__(self, "free", frozenset(self.out).union(*inner))


Node = (
    Constant | Size | Position | Read | Apply | Select | Reduce | Stack | Matrix | LogDensity | Ode
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below, positions of a read included."""
    match node:
        case Constant() | Size() | Position():
            return ()
        case Read():
            return node.positions
        case Apply() | Matrix():
            return node.arguments
        case Select():
            return node.condition, node.yes, node.no
        case Reduce():
            return (node.body, *(n for limit in node.limits for n in (limit.start, limit.stop)))
        case Stack():
            return node.items
        case LogDensity():
            return node.value, *node.arguments
        case Ode():
            return node.start, node.times, node.state, *node.captured


def map_children(node: Node, f: Callable[[Node], Node]) -> Node:
    """Return the node with `f` of each child in its place; the node itself if none changed."""
    old = children(node)
    new = tuple(f(c) for c in old)
    if all(a is b for a, b in zip(old, new, strict=True)):
        return node
    match node:
        case Constant() | Size() | Position():
            return node
        case Read():
            return replace(node, positions=new)
        case Apply() | Matrix():
            return replace(node, arguments=new)
        case Select():
            return replace(node, condition=new[0], yes=new[1], no=new[2])
        case Reduce():
            limits = tuple(
                replace(limit, start=a, stop=b)
                for limit, a, b in zip(node.limits, new[1::2], new[2::2], strict=True)
            )
            return replace(node, body=new[0], limits=limits)
        case Stack():
            return replace(node, items=new)
        case LogDensity():
            return replace(node, value=new[0], arguments=new[1:])
        case Ode():
            return replace(node, start=new[0], times=new[1], state=new[2], captured=new[3:])


def walk(*roots: Node) -> Iterator[Node]:
    """Yield every node below the roots once, children before parents."""
    seen: set[int] = set()
    stack: list[Node | None] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # behind the one whose children are all done
            done = stack.pop()
            assert done is not None
            yield done
        elif id(node) not in seen:
            seen.add(id(node))
            below = children(node)
            if below:
                stack += (node, None)
                stack.extend(below[::-1])
            else:
                yield node


def rewrite(root: Node, f: Callable[[Node], Node]) -> Node:
    """Return the root with `f` applied to every node below, children first; sharing is kept."""
    done: dict[int, Node] = {}
    for node in walk(root):
        done[id(node)] = f(map_children(node, lambda c: done[id(c)]))
    return done[id(root)]


def add(a: Node, b: Node) -> Node:
    """Return a + b, folded where both are known and where one is 0."""
    match a, b:
        case Constant(), Constant():
            return Constant(a.value + b.value)
        case _, Constant(value=0):
            return a
        case Constant(value=0), _:
            return b
        case Apply(atom="subtract", arguments=(c, Constant() as d)), Constant():
            return add(c, Constant(b.value - d.value))
        case Apply(atom="add", arguments=(c, Constant() as d)), Constant():
            return add(c, Constant(b.value + d.value))
        case _, Constant() if b.value < 0:
            return Apply("subtract", (a, Constant(-b.value)))
    return Apply("add", (a, b))


def subtract(a: Node, b: Node) -> Node:
    """Return a - b, folded where both are known or the same."""
    if isinstance(b, Constant):
        return add(a, Constant(-b.value))
    if a is b or (isinstance(a, Size) and isinstance(b, Size) and a.dimension == b.dimension):
        return Constant(0)
    return Apply("subtract", (a, b))


def extent(domain: Domain) -> Node:
    """Return the number of positions of a domain."""
    return subtract(domain.stop, domain.start)


def reduced(
    operation: Literal["sum", "prod", "min", "max", "logsumexp"],
    indices: Sequence[Index],
    body: Node,
    span: Span | None = None,
) -> Reduce:
    """Return a reduction that keeps to the limits of its indices."""
    limits = tuple(Limit(i, *i.limits) for i in indices if i.limits is not None)
    return Reduce(operation, tuple(indices), body, span, limits)


def over(node: Reduce, swap: Callable[[Index], Index]) -> Reduce:
    """Return a reduction with its indices replaced."""
    limits = tuple(replace(limit, index=swap(limit.index)) for limit in node.limits)
    return replace(node, indices=tuple(map(swap, node.indices)), limits=limits)


def closed(indices: Iterable[Index]) -> set[Index]:
    """Return indices with those that their limits use."""
    found: set[Index] = set()
    stack = list(indices)
    while stack:
        index = stack.pop()
        if index not in found:
            found.add(index)
            if index.limits is not None:
                stack.extend(index.limits[0].free | index.limits[1].free)
    return found


def rename(root: Node, names: Mapping[Index, Index]) -> Node:
    """Return the root with indices replaced by others, free and bound alike.

    The old index and the new run side by side: where their domains start at different positions,
    the old one as a number becomes the new one, shifted.
    """
    if not names:
        return root

    def swap(index: Index) -> Index:
        return names.get(index, index)

    def one(node: Node) -> Node:
        match node:
            case Position(index=i) if i in names:
                shift = subtract(i.domain.start, names[i].domain.start)
                return add(Position(names[i], node.span), shift)
            case Reduce(indices=many) if any(i in names for i in many):
                return over(node, swap)
            case Stack(index=i) if i in names:
                return replace(node, index=names[i])
            case Matrix(bound=bound, out=out):
                return replace(
                    node,
                    bound=tuple(tuple(map(swap, b)) for b in bound),
                    out=tuple(map(swap, out)),
                )
            case LogDensity(event=event, events=events):
                return replace(
                    node,
                    event=tuple(map(swap, event)),
                    events=tuple(tuple(map(swap, e)) for e in events),
                )
            case Ode(bound=(a, b), out=(c, d), captured_axes=axes):
                return replace(
                    node,
                    bound=(swap(a), swap(b)),
                    out=(swap(c), swap(d)),
                    captured_axes=tuple(tuple(map(swap, e)) for e in axes),
                )
            case _:
                return node

    return rewrite(root, one)


def same(a: Node, b: Node) -> bool:
    """Return whether two nodes are written alike: the same operations on the same reads."""
    match a, b:
        case Constant(), Constant():
            alike = a.value == b.value
        case Size(), Size():
            alike = a.dimension == b.dimension
        case Position(), Position():
            alike = a.index == b.index
        case Read(), Read():
            alike = a.name == b.name
        case Apply(), Apply():
            alike = a.atom == b.atom
        case _:
            return a is b
    below = children(a), children(b)
    return alike and len(below[0]) == len(below[1]) and all(map(same, *below))


def reads(*roots: Node) -> set[str]:
    """Return the names that are read anywhere below."""
    return {n.name for n in walk(*roots) if isinstance(n, Read)}
