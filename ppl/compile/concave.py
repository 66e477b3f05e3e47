"""Whether the log joint is proved to be concave: it has one mode then, and no other is sought.

The rules of disciplined convex programming (Grant, Boyd & Ye 2006) on the graph: what data decide
is constant, latents are affine, and each operation says what it makes of constants, affine, convex
and concave arguments. Linear and the common generalised linear models with known scales pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ppl.compile.densities import log_density
from ppl.compile.factors import discrete_latents
from ppl.compile.lower import uncertain_names, without_densities
from ppl.constraints import Constraint, Range, real
from ppl.data.mapped import blocks
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Define, Factor, Graph, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    LogDensity,
    Matrix,
    Node,
    Ode,
    Position,
    Read,
    Reduce,
    Select,
    Size,
    Stack,
    reads,
    walk,
)
from ppl.graph.ranges import Ranges


class Shape(Enum):
    """What is known of an expression as a function of the latents."""

    CONSTANT = "constant"
    AFFINE = "affine"
    CONVEX = "convex"
    CONCAVE = "concave"
    ANY = "any"


FLAT = (Shape.CONSTANT, Shape.AFFINE)
TURNED = {Shape.CONVEX: Shape.CONCAVE, Shape.CONCAVE: Shape.CONVEX}


def is_concave(bound: BoundGraph, supports: Mapping[str, Constraint]) -> bool:
    """Whether the log joint is proved to be concave in the unconstrained latents.

    Parameters
    ----------
    bound
        The model with its data.
    supports
        The set of each latent's values.
    """
    if bound.parameters or discrete_latents(bound) or set(supports) != set(bound.latents):
        return False
    if any(support is not real for support in supports.values()):
        return False
    graph = without_densities(bound.graph)
    certain = frozenset(graph.variables) - uncertain_names(bound)
    reader = _Reader(bound, graph, frozenset(supports), certain, _ranges(bound, graph))
    for number, piece in enumerate(graph.pieces):
        match piece:
            case Sample(target=target):
                own = target is not None and target.name in supports
                if not own and number not in bound.observed:
                    continue
                node = log_density(piece.density, piece, inside=own, data=certain)
                if piece.weight is not None:
                    node = Apply("multiply", (piece.weight, node))
            case Factor(value=value):
                node = value
            case Define(target=target):
                if target.name in supports:
                    return False
                continue
        if reader.shape(node) not in (*FLAT, Shape.CONCAVE):
            return False
    return True


def _ranges(bound: BoundGraph, graph: Graph) -> Ranges:
    """Return where the data lie."""
    names = {}
    for name, values in bound.data.items():
        array = np.asarray(values)
        if array.size and array.dtype.kind in "iufb":
            ends = [(float(np.min(part)), float(np.max(part))) for _, part in blocks(values)]
            names[name] = Range(min(low for low, _ in ends), max(high for _, high in ends))
    return Ranges(graph, names)


@dataclass(slots=True)
class _Reader:
    """Finds the shape of nodes; each node and each definition is read once."""

    bound: BoundGraph
    graph: Graph
    latents: frozenset[str]
    certain: frozenset[str]
    ranges: Ranges
    done: dict[int, Shape] = field(default_factory=dict)
    defined: dict[str, Shape] = field(default_factory=dict)
    kept: list[Node] = field(default_factory=list)

    def shape(self, root: Node) -> Shape:
        """Return the shape of a node."""
        self.kept.append(root)
        for node in walk(root):
            if id(node) not in self.done:
                self.done[id(node)] = self._one(node)
        return self.done[id(root)]

    def _one(self, node: Node) -> Shape:
        match node:
            case Constant() | Size() | Position():
                return Shape.CONSTANT
            case Read():
                return self._read(node)
            case Apply(atom=atom, arguments=arguments):
                return self._apply(atom, arguments)
            case Select(condition=condition, yes=yes, no=no):
                return _sum(self._of(yes), self._of(no)) if self._known(condition) else Shape.ANY
            case Reduce(operation="sum", body=body):
                return self._of(body)
            case Stack(items=items):
                return _sum(*map(self._of, items))
            case Reduce(body=body):
                return Shape.CONSTANT if self._known(body) else Shape.ANY
            case Matrix(atom=atom, arguments=arguments):
                return self._matrix(atom, arguments)
            case LogDensity() | Ode():
                return Shape.ANY

    def _of(self, node: Node) -> Shape:
        return self.done[id(node)]

    def _known(self, *nodes: Node) -> bool:
        return all(self._of(n) is Shape.CONSTANT for n in nodes)

    def _read(self, node: Read) -> Shape:
        if not reads(*node.positions) <= self.certain:
            return Shape.ANY
        if node.name in self.certain or node.name in self.bound.data:
            return Shape.CONSTANT
        if node.name in self.latents:
            return Shape.AFFINE
        if node.name not in self.defined:
            self.defined[node.name] = Shape.ANY
            pieces = [self.graph.pieces[k] for k in self.bound.graph.variables[node.name].pieces]
            values = [p.value for p in pieces if isinstance(p, Define)]
            if values and len(values) == len(pieces):
                self.defined[node.name] = _sum(*map(self.shape, values))
        return self.defined[node.name]

    def _apply(self, atom: str, arguments: tuple[Node, ...]) -> Shape:
        shapes = [self._of(a) for a in arguments]
        if all(s is Shape.CONSTANT for s in shapes):
            return Shape.CONSTANT
        match atom:
            case "add":
                return _sum(*shapes)
            case "subtract":
                return _sum(shapes[0], _turned(shapes[1]))
            case "negative":
                return _turned(shapes[0])
            case "multiply" if shapes[0] is Shape.CONSTANT:
                return self._scaled(arguments[0], shapes[1])
            case "multiply" | "divide" if shapes[1] is Shape.CONSTANT:
                return self._scaled(arguments[1], shapes[0])
            case "square" | "exp" | "absolute" if shapes[0] in FLAT:
                return Shape.CONVEX
            case "exp" if shapes[0] is Shape.CONVEX:
                return Shape.CONVEX
            case "logaddexp" | "maximum" if all(s in (*FLAT, Shape.CONVEX) for s in shapes):
                return Shape.CONVEX
            case "log_expit" | "log_ndtr" if shapes[0] in FLAT:
                return Shape.CONCAVE
            case "minimum" if all(s in (*FLAT, Shape.CONCAVE) for s in shapes):
                return Shape.CONCAVE
            case _:
                return Shape.ANY

    def _scaled(self, factor: Node, shape: Shape) -> Shape:
        """Return the shape of something times, or over, what data decide."""
        if shape is Shape.AFFINE:
            return shape
        values = self.ranges.of(factor)
        if values.lower >= 0:
            return shape
        return _turned(shape) if values.upper <= 0 else Shape.ANY

    def _matrix(self, atom: str, arguments: tuple[Node, ...]) -> Shape:
        shapes = [self._of(a) for a in arguments]
        if all(s is Shape.CONSTANT for s in shapes):
            return Shape.CONSTANT
        if atom == "sum":
            return shapes[0]
        linear = atom in ("matvec", "matmul") and sum(s is Shape.CONSTANT for s in shapes) == 1
        if linear or atom in ("cumsum", "increments", "transposed", "diag", "diag_matrix"):
            return Shape.AFFINE if all(s in FLAT for s in shapes) else Shape.ANY
        return Shape.ANY


def _sum(*shapes: Shape) -> Shape:
    """Return the shape of a sum, or of any one of several."""
    bent = {s for s in shapes if s not in FLAT}
    if not bent:
        return Shape.AFFINE if Shape.AFFINE in shapes else Shape.CONSTANT
    return bent.pop() if len(bent) == 1 else Shape.ANY


def _turned(shape: Shape) -> Shape:
    return TURNED.get(shape, shape)
