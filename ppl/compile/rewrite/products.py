"""A term as a sum of products, each of factors of data alone and factors of latents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from ppl.compile.rewrite.rows import Rows, leaves, size_of
from ppl.compile.rewrite.scope import Scope, fresh_index
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    map_children,
)

MOST = 64
"""More products than this are not made of one term."""


class TooMany(Exception):
    """The term has too many products."""


@dataclass(frozen=True, slots=True)
class Product:
    """Factors of data, times factors that differ from draw to draw, summed over `sums`."""

    data: tuple[Node, ...] = ()
    latent: tuple[Node, ...] = ()
    sums: tuple[Index, ...] = ()

    def __mul__(self, other: Product) -> Product:
        return Product(self.data + other.data, self.latent + other.latent, self.sums + other.sums)

    @property
    def free(self) -> frozenset[Index]:
        """Indices of its factors, those summed over included."""
        return frozenset().union(*(n.free for n in (*self.data, *self.latent)))

    def over_rows(self, rows: Rows) -> tuple[Node, ...]:
        """Return the factors of latents that differ by row."""
        return tuple(n for n in self.latent if n.free & rows.set)

    def alike(self, rows: Rows) -> tuple[Node, ...]:
        """Return the factors of latents that all rows share."""
        return tuple(n for n in self.latent if not n.free & rows.set)


Products = tuple[Product, ...]
MINUS = Product((Constant(-1.0),))


def expand(node: Node, rows: Rows, scope: Scope) -> Products:
    """Return an expression as a sum of products.

    Raises
    ------
    TooMany
        If there would be more than `MOST`.
    """
    return _Expansion(rows, scope).of(node)


class _Expansion:
    def __init__(self, rows: Rows, scope: Scope) -> None:
        self.rows, self.scope = rows, scope
        self._done: dict[int, tuple[Node, Products]] = {}

    def of(self, node: Node) -> Products:
        found = self._done.get(id(node))
        if found is None:
            products = self._of(node)
            if len(products) > MOST:
                raise TooMany
            found = self._done[id(node)] = node, products
        return found[1]

    def _of(self, node: Node) -> Products:
        if not self.scope.drawn(node):
            return (Product((node,)),)
        if not node.free & self.rows.set:
            return (Product(latent=(node,)),)
        match node:
            case Apply(atom="add", arguments=(a, b)):
                return self.of(a) + self.of(b)
            case Apply(atom="subtract", arguments=(a, b)):
                return self.of(a) + self._negative(b)
            case Apply(atom="negative", arguments=(a,)):
                return self._negative(a)
            case Apply(atom="multiply", arguments=(a, b)):
                return self._times(a, b)
            case Apply(atom="divide", arguments=(a, b)):
                return self._times(a, Apply("divide", (Constant(1.0), b)), whole=b)
            case (
                Apply(atom="square", arguments=(a,))
                | Apply(atom="power", arguments=(a, Constant(value=2)))
            ):
                inner = self.of(a)
                if len(inner) == 1 and not inner[0].sums:
                    return (inner[0] * inner[0],)
                return (Product(latent=(Apply("square", (a,)),)),)
            case Apply(atom="log" | "xlogy" | "xlog1py" | "log1p" | "log_to_edge"):
                return self._logarithm(node)
            case Reduce(operation="sum", indices=indices, body=body):
                return self._sum(node, indices, body)
            case _:
                return (Product(latent=(node,)),)

    def _negative(self, node: Node) -> Products:
        return tuple(MINUS * p for p in self.of(node))

    def _times(self, a: Node, b: Node, whole: Node | None = None) -> Products:
        """Multiply; `whole` is a denominator, which is not taken apart."""
        left = self.of(a)
        right = self.of(b) if whole is None else (self._reciprocal(whole, b),)
        if len(left) > 1 and len(right) > 1:
            return (Product(latent=(Apply("multiply", (a, b)),)),)
        if left == right and a is b and len(left) > 1:
            return (Product(latent=(Apply("square", (a,)),)),)
        return tuple(p * q for p in left for q in right)

    def _reciprocal(self, below: Node, reciprocal: Node) -> Product:
        if self.scope.drawn(below):
            return Product(latent=(reciprocal,))
        return Product((reciprocal,))

    def _sum(self, node: Node, indices: tuple[Index, ...], body: Node) -> Products:
        result = []
        for product in self.of(body):
            varying = product.over_rows(self.rows)
            if varying and not all(isinstance(n, Read) for n in varying):
                return (Product(latent=(node,)),)
            inside = tuple(i for i in indices if i in product.free)
            counts = tuple(size_of(i) for i in indices if i not in product.free)
            result.append(replace(product, data=product.data + counts, sums=product.sums + inside))
        return tuple(result)

    def _logarithm(self, node: Apply) -> Products:
        """Take logarithms of exponentials, and of probabilities that are given by their logits."""
        *coefficient, inside = node.arguments
        data = tuple(coefficient)
        if any(self.scope.drawn(n) for n in data):
            return (Product(latent=(node,)),)
        complement = node.atom in ("log1p", "xlog1py")
        if complement:
            inside = _negated(inside)
        match inside:
            case Apply(atom="exp", arguments=(e,)) if not complement:
                return tuple(Product(data) * p for p in self.of(e))
            case Apply(atom="expit", arguments=(e,)):
                softplus = Product(
                    (*data, Constant(-1.0)), (Apply("logaddexp", (Constant(0.0), e)),)
                )
                if complement:
                    return (softplus,)
                return (*(Product(data) * p for p in self.of(e)), softplus)
            case _:
                if not data:
                    return (Product(latent=(node,)),)
                one = Apply(node.atom, (Constant(1.0), node.arguments[1]))
                return (Product(data, (one,)),)


def _negated(node: Node) -> Node:
    """Return -node where that takes a sign away; else a node that matches nothing."""
    match node:
        case Apply(atom="negative", arguments=(a,)):
            return a
        case Apply(atom="multiply", arguments=(Constant(value=-1.0), a)):
            return a
        case _:
            return Constant(0.0)


# -------------------------------------------------------------------------------- putting together


def times(*nodes: Node) -> Node:
    """Return a product; numbers are multiplied at once."""
    value = 1.0
    rest: list[Node] = []
    for node in nodes:
        if isinstance(node, Constant):
            value *= node.value
        else:
            rest.append(node)
    if not rest:
        return Constant(value)
    product = reduce(_multiply, rest)
    return product if value == 1.0 else _multiply(Constant(value), product)


def _multiply(a: Node, b: Node) -> Node:
    """Multiply; x · log(y) is 0 where x is 0."""
    for one, other in ((a, b), (b, a)):
        match one:
            case Apply(atom="xlogy" | "xlog1py" as atom, arguments=(Constant(value=1.0), inside)):
                return Apply(atom, (other, inside))
            case _:
                pass
    return Apply("multiply", (a, b))


def plus(nodes: list[Node]) -> Node:
    """Return a sum."""
    return reduce(lambda a, b: Apply("add", (a, b)), nodes) if nodes else Constant(0.0)


def summed(indices: tuple[Index, ...], node: Node) -> Node:
    """Return a sum over indices."""
    return Reduce("sum", indices, node) if indices else node


# ------------------------------------------------------------------------------------------ gathers


@dataclass(frozen=True, slots=True)
class Gather:
    """Latents read at one position that data give for each row.

    Attributes
    ----------
    position
        The position, of data alone.
    index
        Runs over the positions instead.
    latent
        The factors, over that index.
    """

    position: Node
    index: Index
    latent: tuple[Node, ...]


def gather(product: Product, rows: Rows, scope: Scope) -> Gather | None:
    """Return how the latents of a product are read by row, if it is at one axis only."""
    varying = product.over_rows(rows)
    found = leaves(Apply("stack", varying), rows, scope)
    if len(found) != 1:
        return None
    number = scope.number(found[0])
    size: int | None = None
    seen: set[int] = set()
    stack = list(varying)
    while stack:
        one = stack.pop()
        if id(one) in seen or not one.free & rows.set:
            continue
        seen.add(id(one))
        match one:
            case Read(name=name, positions=positions) if scope.drawn(one):
                for axis, position in enumerate(positions):
                    if not position.free & rows.set:
                        continue
                    if scope.number(position) != number:
                        return None
                    here = _size_of_axis(name, axis, scope)
                    if here is None or size not in (None, here):
                        return None
                    size = here
            case Apply(arguments=arguments) if scope.drawn(one):
                stack.extend(arguments)
            case _:
                return None
    if size is None:
        return None
    index = fresh_index("g", size)
    return Gather(
        found[0],
        index,
        tuple(replaced(n, {number: Position(index)}, scope) for n in varying),
    )


def _size_of_axis(name: str, axis: int, scope: Scope) -> int | None:
    shape = scope.shapes.get(name)
    return shape[axis] if shape is not None else None


def replaced(node: Node, by: dict[int, Node], scope: Scope) -> Node:
    """Return a node with others in the place of some parts, which are given by their numbers."""
    done: dict[int, Node] = {}

    def one(n: Node) -> Node:
        if id(n) not in done:
            new = by.get(scope.number(n))
            done[id(n)] = map_children(n, one) if new is None else new
        return done[id(n)]

    return one(node)
