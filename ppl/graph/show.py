"""The graph as text, for ``ppl show --stage graph`` and for messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ppl.distributions import Law, record_of
from ppl.distributions.component import Part
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Define, Factor, Graph, Piece, Sample, Variable
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
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
)

INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "^",
    "remainder": "%",
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "logical_and": "and",
    "logical_or": "or",
}


AXIS = re.compile(r"(\w+)'(\d+)")


def index_name(index: Index) -> str:
    """Return the name of an index, with its serial number where it is an axis."""
    return index.name if index.role == "plate" else f"{index.name}'{index.serial}"


def numbered(text: str) -> str:
    """Number the axes of a whole text in the order in which they appear, each name by itself."""
    numbers: dict[tuple[str, str], int] = {}

    def one(found: re.Match[str]) -> str:
        name, serial = found.groups()
        if (name, serial) not in numbers:
            numbers[name, serial] = 1 + sum(n == name for n, _ in numbers)
        return f"{name}'{numbers[name, serial]}"

    return AXIS.sub(one, text)


def domain_text(index: Index) -> str:
    """Return what an index runs over."""
    domain = index.domain
    if domain.dimension is not None:
        return domain.dimension
    return f"{node_text(domain.start)}:{node_text(domain.stop)}"


def indices_text(indices: Sequence[Index]) -> str:
    """Return indices with their domains: ``n in N, k in 0:3``."""
    return ", ".join(f"{index_name(i)} in {domain_text(i)}" for i in indices)


def node_text(node: Node) -> str:
    """Return a node as one line of the language, near enough."""
    match node:
        case Constant(value=value):
            return f"{value:g}" if isinstance(value, float) else str(value)
        case Size(dimension=name):
            return name
        case Position(index=index):
            return index_name(index)
        case Read(name=name, positions=positions):
            return name + (f"[{', '.join(map(node_text, positions))}]" if positions else "")
        case Apply(atom=atom, arguments=(a, b)) if atom in INFIX:
            return f"({node_text(a)} {INFIX[atom]} {node_text(b)})"
        case Apply(atom="negative", arguments=(a,)):
            return f"-{node_text(a)}"
        case Apply(atom=atom, arguments=arguments):
            return f"{atom}({', '.join(map(node_text, arguments))})"
        case Select(condition=c, yes=a, no=b):
            return f"(if {node_text(c)} then {node_text(a)} else {node_text(b)})"
        case Reduce(operation=operation, indices=indices, body=body):
            return f"{operation}({node_text(body)} for {indices_text(indices)})"
        case Stack(index=index, items=items):
            return f"[{', '.join(map(node_text, items))}]({index_name(index)})"
        case Matrix(atom=atom, arguments=arguments, bound=bound, out=out):
            inside = [
                node_text(a) + (f" over {', '.join(map(index_name, b))}" if b else "")
                for a, b in zip(arguments, bound, strict=True)
            ]
            return f"{atom}({'; '.join(inside)})({', '.join(map(index_name, out))})"
        case Ode(body=body, start=start, times=times, state=state, method=method):
            given = ", ".join(map(node_text, (state, start, times)))
            return f"ode({node_text(body)}; {given}; {method})"
        case LogDensity(value=value, quantity=quantity):
            function = "logp" if quantity == "log density" else quantity
            return f"{function}({density_text(node)}, {bare_text(value)})"


def density_text(density: LogDensity) -> str:
    """Return a distribution with its arguments; those of another parametrisation by name."""
    rest = list(density.arguments)

    def one(law: Law) -> str:
        record = record_of(replace(law, components=())) if law.components else record_of(law)
        words = []
        for name in Part(record, law.alternative).parameters:
            text = bare_text(rest.pop(0))
            words.append(text if name in record.parameters else f"{name} = {text}")
        return f"{law.name}({', '.join([*words, *map(one, law.components)])})"

    return one(density.law)


def bare_text(node: Node) -> str:
    """Return a node without the parentheses around all of it."""
    text = node_text(node)
    outer = isinstance(node, Select) or (isinstance(node, Apply) and node.atom in INFIX)
    return text[1:-1] if outer and text.startswith("(") else text


def variable_text(graph: Graph, variable: Variable) -> str:
    """Return a variable with its axes and what it is."""
    axes = ", ".join(a.dimension or node_text(a.size) for a in variable.axes)
    what = "data" if variable.datum else "param" if variable.parameter else ""
    if not what:
        random = any(isinstance(graph.pieces[k], Sample) for k in variable.pieces)
        what = "random" if random else "defined" if variable.pieces else "data"
    return f"{variable.name}{f'[{axes}]' if axes else ''}  {what}"


def piece_text(piece: Piece) -> str:
    """Return a piece as a line in index notation."""
    match piece:
        case Sample(target=target, density=d, weight=weight, suffix=suffix):
            left = node_text(target) if target is not None else f"({node_text(d.value)})"
            text = f"{left} ~ {density_text(d)}"
            if suffix is not None:
                text += f" {suffix.constraint.name}"
            if weight is not None:
                text += f" weight {node_text(weight)}"
        case Define(target=target, value=value):
            text = f"{node_text(target)} = {bare_text(value)}"
        case Factor(value=value):
            text = f"factor {bare_text(value)}"
    return text + (f"    for {indices_text(piece.indices)}" if piece.indices else "")


def graph_text(graph: Graph) -> str:
    """Return a whole graph."""
    lines = ["dimensions"]
    for dimension in graph.dimensions.values():
        if dimension.named:
            size = f" = {node_text(dimension.size)}" if dimension.size is not None else ""
            lines.append(f"  {dimension.name}{size}")
    lines.append("names")
    lines.extend(f"  {variable_text(graph, v)}" for v in graph.variables.values())
    lines.append("statements")
    lines.extend(f"  {piece_text(p)}" for p in graph.pieces)
    return numbered("\n".join(lines) + "\n")


def bound_text(bound: BoundGraph) -> str:
    """Return a bound graph: sizes, roles, and which statements are the likelihood."""
    lines = ["sizes", *(f"  {name} = {size}" for name, size in bound.sizes.items()), "roles"]
    for role, names in (
        ("observed or constant", tuple(bound.data)),
        ("latent", bound.latents),
        ("learned", bound.parameters),
        ("drawn afterwards", bound.barren),
        ("unused", bound.unused),
    ):
        if names:
            lines.append(f"  {role}: {', '.join(names)}")
    lines.append("statements")
    for number, piece in enumerate(bound.graph.pieces):
        mark = "likelihood" if number in bound.observed else "          "
        lines.append(f"  {mark}  {piece_text(piece)}")
    return numbered("\n".join(lines) + "\n")
