"""Which latents of a bound graph have a posterior in closed form: what can be proved of its form.

The log joint, over the latents themselves, becomes a sum of products of their powers and logarithms
(`ppl.compile.monomials`). Latents that no product joins are independent given the data.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from ppl.compile.densities import log_density
from ppl.compile.factors import discrete_latents
from ppl.compile.lower import uncertain_names, without_densities
from ppl.compile.monomials import (
    Form,
    Monomial,
    NoForm,
    added,
    constant,
    latent,
    logarithm,
    multiplied,
    names,
    placed,
    raised,
)
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

Product = tuple[tuple[str, str, float], ...]
"""Latent, part and exponent, in order."""


@dataclass(frozen=True, slots=True)
class Component:
    """Latents that are independent of all others given the data.

    Attributes
    ----------
    names
        The latents.
    products
        The products in the log joint, without the places.
    """

    names: frozenset[str]
    products: frozenset[Product]


def components(
    bound: BoundGraph, supports: Mapping[str, Constraint]
) -> tuple[Component, ...] | None:
    """Return the independent parts of the posterior, None where its form cannot be proved.

    Parameters
    ----------
    bound
        The model with its data.
    supports
        The set of each latent's values.
    """
    if bound.parameters or discrete_latents(bound) or set(supports) != set(bound.latents):
        return None
    try:
        joint = _log_joint(bound, supports)
    except NoForm:
        return None
    return tuple(_component(group, joint) for group in _groups(bound.latents, joint))


def _log_joint(bound: BoundGraph, supports: Mapping[str, Constraint]) -> set[Monomial]:
    graph = without_densities(bound.graph)
    certain = frozenset(graph.variables) - uncertain_names(bound)
    reader = _Reader(bound, graph.pieces, supports, certain)
    found: set[Monomial] = set()
    for number, piece in enumerate(graph.pieces):
        match piece:
            case Sample(target=target):
                own = target is not None and target.name in supports
                if not own and number not in bound.observed:
                    continue
                node = log_density(piece.density, piece, inside=own, data=certain)
                form = reader.form(node)
                if piece.weight is not None:
                    form = multiplied(reader.form(piece.weight), form)
            case Factor(value=value):
                form = reader.form(value)
            case Define(target=target):
                if target.name in supports:
                    raise NoForm
                continue
        found |= form.terms.keys()
    return found


def _groups(latents: tuple[str, ...], monomials: set[Monomial]) -> list[set[str]]:
    groups = [{name} for name in latents]
    for monomial in monomials:
        joined = names((monomial,))
        touched = [g for g in groups if g & joined]
        if len(touched) > 1:
            groups = [g for g in groups if not g & joined] + [set().union(*touched)]
    return groups


def _component(group: set[str], monomials: set[Monomial]) -> Component:
    products = {
        tuple(sorted((name, part, exponent) for (name, part, _), exponent in monomial))
        for monomial in monomials
        if names((monomial,)) & group
    }
    return Component(frozenset(group), frozenset(products))


@dataclass(slots=True)
class _Reader:
    """Finds the form of nodes; each node and each definition is read once."""

    bound: BoundGraph
    pieces: tuple[Piece, ...]
    supports: Mapping[str, Constraint]
    certain: frozenset[str]
    done: dict[int, Form] = field(default_factory=dict)
    defined: dict[str, Form | None] = field(default_factory=dict)
    kept: list[Node] = field(default_factory=list)

    def form(self, root: Node) -> Form:
        """Return the form of a node."""
        self.kept.append(root)
        for node in walk(root):
            if id(node) not in self.done:
                self.done[id(node)] = self._one(node)
        return self.done[id(root)]

    def _one(self, node: Node) -> Form:
        below = [self.done[id(a)] for a in _arguments(node)]
        match node:
            case Constant(value=value):
                return constant(float(value))
            case Size() | Position():
                return constant(None)
            case Read():
                return self._read(node)
            case LogDensity() | Ode():
                raise NoForm
            case Matrix(atom="size" | "positions"):
                return constant(None)
            case _ if all(f.known for f in below):
                return constant(None)
            case Apply(atom=atom) if atom in ELEMENTWISE:
                return ELEMENTWISE[atom](*below)
            case Select():
                return _chosen(*below)
            case Reduce(operation="sum"):
                return placed(below[0], node.indices[0].serial, several=True)
            case Stack():
                return placed(added(*below), node.index.serial, several=True)
            case Matrix(atom=atom) if atom in WHOLE:
                return placed(WHOLE[atom](*below), id(node), several=True)
            case Apply() | Reduce() | Matrix():
                raise NoForm

    def _read(self, node: Read) -> Form:
        if not reads(*node.positions) <= self.certain:
            raise NoForm
        if node.name in self.certain or node.name in self.bound.data:
            return constant(None)
        place = tuple(map(_place, node.positions))
        if node.name in self.supports:
            return latent(node.name, None if self.supports[node.name] is real else (place,))
        definition = self._definition(node.name)
        return placed(definition, place) if place else definition

    def _definition(self, name: str) -> Form:
        if name not in self.defined:
            self.defined[name] = None
            pieces = [self.pieces[k] for k in self.bound.graph.variables[name].pieces]
            forms = [self.form(p.value) for p in pieces if isinstance(p, Define)]
            if len(forms) < len(pieces) or not forms:
                raise NoForm
            whole = added(*forms)
            self.defined[name] = placed(whole, name, several=True) if len(forms) > 1 else whole
        found = self.defined[name]
        if found is None:
            raise NoForm
        return found


def _arguments(node: Node) -> tuple[Node, ...]:
    match node:
        case Apply() | Matrix():
            return node.arguments
        case Select():
            return node.condition, node.yes, node.no
        case Reduce():
            return (node.body,)
        case Stack():
            return node.items
        case Constant() | Size() | Position() | Read() | LogDensity() | Ode():
            return ()


def _place(position: Node) -> Hashable:
    """Return a key that two positions share only if they are the same."""
    match position:
        case Constant(value=value):
            return value
        case Size(dimension=name):
            return "size", name
        case Position(index=index):
            return "index", index.serial
        case Read(name=name, positions=positions):
            return name, *map(_place, positions)
        case Apply(atom=atom, arguments=arguments):
            return atom, *map(_place, arguments)
        case _:
            return "node", id(position)


def _chosen(condition: Form, yes: Form, no: Form) -> Form:
    if not condition.known:
        raise NoForm
    return placed(added(yes, no), "chosen", several=True)


def _power(base: Form, exponent: Form) -> Form:
    if exponent.product is None or not exponent.known or exponent.product[1] is None:
        raise NoForm
    return raised(base, exponent.product[1])


def _times_logarithm(factor: Form, form: Form) -> Form:
    return multiplied(factor, constant(None) if form.known else logarithm(form))


def _logarithm_of_one_more(form: Form) -> Form:
    return logarithm(added(constant(1.0), form))


def _times_logarithm_of_one_more(factor: Form, form: Form) -> Form:
    return multiplied(factor, constant(None) if form.known else _logarithm_of_one_more(form))


def _solved(matrix: Form, vector: Form) -> Form:
    if not matrix.known:
        raise NoForm
    return vector


def _square_by(away: Form, covariance: Form) -> Form:
    if not covariance.known:
        raise NoForm
    return added(constant(None), raised(away, 2.0))


def _negated(form: Form) -> Form:
    return multiplied(constant(-1.0), form)


ELEMENTWISE: Mapping[str, Callable[..., Form]] = {
    "add": added,
    "subtract": lambda a, b: added(a, _negated(b)),
    "multiply": multiplied,
    "divide": lambda a, b: multiplied(a, raised(b, -1.0)),
    "negative": _negated,
    "square": lambda a: raised(a, 2.0),
    "sqrt": lambda a: raised(a, 0.5),
    "reciprocal": lambda a: raised(a, -1.0),
    "power": _power,
    "log": logarithm,
    "log_to_edge": logarithm,
    "log1p": _logarithm_of_one_more,
    "xlogy": _times_logarithm,
    "xlog1py": _times_logarithm_of_one_more,
    "where": _chosen,
}
"""What elementwise atoms do with forms."""

WHOLE: Mapping[str, Callable[..., Form]] = {
    "sum": added,
    "cumsum": added,
    "increments": added,
    "transposed": added,
    "matvec": multiplied,
    "matmul": multiplied,
    "outer": multiplied,
    "solve": _solved,
    "solve_triangular": _solved,
    "at": lambda array, where: _solved(where, array),
    "normal_of_covariance": _square_by,
}
"""What atoms on whole axes do with forms, where that is a sum of products of what is not data."""
