"""Which latents of a bound graph are jointly normal given the others: what is proved of its form.

The log joint is a polynomial of degree two in them, whose coefficients may depend on the others in
any way: a degree is found for each node of the graph, and no square may meet another factor. So
regressions whose noise has any prior, levels of groups under unknown scales, random walks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ppl.compile.densities import log_density
from ppl.compile.factors import discrete_latents
from ppl.compile.lower import uncertain_names, without_densities
from ppl.constraints import Constraint, real
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Define, Factor, Piece, Sample
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


@dataclass(frozen=True, slots=True)
class Quadratic:
    """A partition of the latents.

    Attributes
    ----------
    normals
        Jointly normal given the scales.
    scales
        The others.
    affine
        Latents and computed variables that are affine in the normals given the scales.
    """

    normals: frozenset[str]
    scales: frozenset[str]
    affine: frozenset[str]


class NotQuadratic(Exception):
    """The log joint is no such polynomial.

    Attributes
    ----------
    logarithms
        Names that would have to be among the scales, where only an exponential is to blame.
    """

    def __init__(self, logarithms: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.logarithms = logarithms


def quadratic(
    bound: BoundGraph, supports: Mapping[str, Constraint], most_scales: int
) -> Quadratic | None:
    """Return which latents are jointly normal given the others; None where that is not proved.

    Parameters
    ----------
    bound
        The model with its data.
    supports
        The set of each latent's values.
    most_scales
        With more names among the others it is given up.
    """
    latents = frozenset(map(_whole, supports))
    if bound.parameters or discrete_latents(bound) or latents != set(bound.latents):
        return None
    scales = frozenset(_whole(name) for name, support in supports.items() if support is not real)
    while scales < latents and len(scales) <= most_scales:
        try:
            affine = _affine(bound, latents - scales)
        except NotQuadratic as failure:
            if not failure.logarithms:
                return None
            scales |= failure.logarithms
        else:
            return Quadratic(latents - scales, scales, affine) if scales else None
    return None


def _whole(name: str) -> str:
    """Return the variable of which a random piece, as ``level.3``, is a part."""
    return name.partition(".")[0]


def _affine(bound: BoundGraph, normals: frozenset[str]) -> frozenset[str]:
    """Prove that the log joint is quadratic, and return which names are affine.

    Raises
    ------
    NotQuadratic
        If it cannot be proved.
    """
    graph = without_densities(bound.graph)
    certain = frozenset(graph.variables) - uncertain_names(bound)
    reader = _Reader(bound, graph.pieces, normals, certain)
    for number, piece in enumerate(graph.pieces):
        match piece:
            case Sample(target=target):
                own = target is not None and target.name in bound.latents
                if not own and number not in bound.observed:
                    continue
                node = log_density(piece.density, piece, inside=own, data=certain)
                if piece.weight is not None:
                    node = Apply("multiply", (piece.weight, node))
            case Factor(value=value):
                node = value
            case Define(target=target, value=value):
                if target.name in bound.latents:
                    most = 1 if target.name in normals else 0
                    if reader.degree(value) > most:
                        raise NotQuadratic
                continue
        reader.degree(node)
    return frozenset(bound.latents) | reader.affine()


@dataclass(slots=True)
class _Reader:
    """Finds the degree of nodes in the normals; each node and each definition is read once."""

    bound: BoundGraph
    pieces: tuple[Piece, ...]
    normals: frozenset[str]
    certain: frozenset[str]
    done: dict[int, int] = field(default_factory=dict)
    defined: dict[str, int] = field(default_factory=dict)
    kept: list[Node] = field(default_factory=list)

    def degree(self, root: Node) -> int:
        """Return the degree of a node, 0 to 2."""
        self.kept.append(root)
        for node in walk(root):
            if id(node) not in self.done:
                degree = self._one(node)
                if degree > 2:
                    raise NotQuadratic
                self.done[id(node)] = degree
        return self.done[id(root)]

    def affine(self) -> frozenset[str]:
        """Return the computed variables whose degree is at most 1."""
        found = set()
        for name, variable in self.bound.graph.variables.items():
            pieces = [self.pieces[k] for k in variable.pieces]
            if name in self.certain or not any(isinstance(p, Define) for p in pieces):
                continue
            try:
                if self._definition(name) <= 1:
                    found.add(name)
            except NotQuadratic:
                continue
        return frozenset(found)

    def _one(self, node: Node) -> int:
        match node:
            case Constant() | Size() | Position():
                return 0
            case Read():
                return self._read(node)
            case Apply(atom=atom, arguments=arguments):
                return self._apply(atom, arguments)
            case Matrix(atom=atom, arguments=arguments):
                return self._matrix(atom, arguments)
            case Select(condition=condition, yes=yes, no=no):
                self._fixed(condition)
                return max(self._of(yes), self._of(no))
            case Reduce(operation="sum", body=body):
                return self._of(body)
            case Stack(items=items):
                return max(map(self._of, items), default=0)
            case Reduce(body=body):
                return self._fixed(body)
            case LogDensity() | Ode():
                raise NotQuadratic

    def _of(self, node: Node) -> int:
        return self.done[id(node)]

    def _fixed(self, *nodes: Node) -> int:
        """Return degree 0, which these must have."""
        if any(map(self._of, nodes)):
            raise NotQuadratic
        return 0

    def _read(self, node: Read) -> int:
        if not reads(*node.positions) <= self.certain:
            raise NotQuadratic
        if node.name in self.certain or node.name in self.bound.data:
            return 0
        if node.name in self.normals:
            return 1
        if node.name in self.bound.latents:
            return 0
        return self._definition(node.name)

    def _definition(self, name: str) -> int:
        if name not in self.defined:
            self.defined[name] = 3
            pieces = [self.pieces[k] for k in self.bound.graph.variables[name].pieces]
            values = [p.value for p in pieces if isinstance(p, Define)]
            if not values or len(values) < len(pieces):
                raise NotQuadratic
            self.defined[name] = max(map(self.degree, values))
        return self.defined[name]

    def _apply(self, atom: str, arguments: tuple[Node, ...]) -> int:
        degrees = [self._of(a) for a in arguments]
        if not any(degrees):
            return 0
        match atom:
            case "add" | "subtract" | "negative":
                return max(degrees)
            case "multiply":
                return sum(degrees)
            case "divide" if degrees[1] == 0:
                return degrees[0]
            case "square":
                return 2 * degrees[0]
            case "power":
                return self._power(degrees[0], arguments[1])
            case "where" if degrees[0] == 0:
                return max(degrees[1:])
            case "exp":
                raise NotQuadratic(self._only_names(arguments[0]))
            case _:
                raise NotQuadratic

    @staticmethod
    def _power(degree: int, exponent: Node) -> int:
        match exponent:
            case Constant(value=value) if value in (1.0, 2.0):
                return int(value) * degree
            case _:
                raise NotQuadratic

    def _only_names(self, node: Node) -> frozenset[str]:
        """Return the normals that a node is made of, through definitions."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            for name in reads(waiting.pop()) - self.certain - seen:
                seen.add(name)
                if name in self.normals:
                    found.add(name)
                elif name in self.bound.graph.variables:
                    pieces = [self.pieces[k] for k in self.bound.graph.variables[name].pieces]
                    waiting += [p.value for p in pieces if isinstance(p, Define)]
        return frozenset(found)

    def _matrix(self, atom: str, arguments: tuple[Node, ...]) -> int:
        degrees = [self._of(a) for a in arguments]
        if not any(degrees):
            return 0
        match atom:
            case _ if atom in LINEAR and not any(degrees[1:]):
                return degrees[0]
            case "matvec" | "matmul" | "outer":
                return sum(degrees)
            case "solve" | "solve_triangular" | "solve_matrix" | "solve_triangular_matrix" if (
                degrees[0] == 0
            ):
                return degrees[1]
            case "at" if degrees[1] == 0:
                return degrees[0]
            case "normal_of_covariance" if degrees[1] == 0:
                return 2 * degrees[0]
            case _:
                raise NotQuadratic


LINEAR = frozenset(
    {
        "sum",
        "cumsum",
        "increments",
        "transposed",
        "diag",
        "diag_matrix",
        "lagged",
        "prefix_sums",
        "suffix_sums",
        "window_sums",
    }
)
"""Atoms on whole axes that are linear in their array."""
