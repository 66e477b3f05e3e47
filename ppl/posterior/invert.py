"""Expressions on the left of ``~`` whose data are not bound: ``log(y) ~ Normal(m, s)`` makes a y.

Where the left side is a one-to-one function of one name, the expression becomes a hidden random
variable, and the name is computed from it by the inverse.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ppl.graph.graph import Define, Graph, Sample
from ppl.graph.nodes import Apply, Constant, Node, Read, reads

INVERSES = {
    "log": "exp",
    "exp": "log",
    "log1p": "expm1",
    "expm1": "log1p",
    "sqrt": "square",
    "logit": "expit",
    "expit": "logit",
    "negative": "negative",
    "tanh": "arctanh",
    "arctanh": "tanh",
}
HIDDEN = "_left "
"""Before a name: the expression of it that has a distribution."""


def inverted(graph: Graph, given: Collection[str]) -> Graph:
    """Return the graph where names that are not given are computed from what stands for them."""
    pieces = list(graph.pieces)
    variables = dict(graph.variables)
    for number, piece in enumerate(graph.pieces):
        if not isinstance(piece, Sample) or piece.target is not None:
            continue
        name = _only_unknown(graph, piece.density.value, given)
        key = f"{HIDDEN}{name}"
        if name is None or variables[name].pieces or key in variables:
            continue
        read = _read_of(piece.density.value, name)
        hidden = None if read is None else Read(key, read.positions, read.span)
        value = None if hidden is None else _solved(piece.density.value, name, hidden)
        if read is None or hidden is None or value is None:
            continue
        density = replace(piece.density, value=hidden)
        pieces[number] = replace(piece, target=hidden, density=density)
        pieces.append(Define(read, piece.indices, value, piece.span))
        old = variables[name]
        variables[name] = replace(old, datum=None, pieces=(len(pieces) - 1,))
        variables[key] = replace(old, key=key, name=key, datum=None, pieces=(number,))
    return replace(graph, pieces=tuple(pieces), variables=variables)


def _only_unknown(graph: Graph, node: Node, given: Collection[str]) -> str | None:
    """Return the only name without a value that an expression of data reads."""
    unknown = [n for n in reads(node) if n not in given and graph.variables[n].datum is not None]
    return unknown[0] if len(unknown) == 1 else None


def _read_of(node: Node, name: str) -> Read | None:
    """Return the only read of a name on the way down to it."""
    while not isinstance(node, Read):
        below = [a for a in node.arguments if name in reads(a)] if isinstance(node, Apply) else []
        if len(below) != 1:
            return None
        node = below[0]
    return node if node.name == name else None


def _solved(node: Node, name: str, value: Node) -> Node | None:
    """Return a name, given the value of an expression of it; None if that is not one-to-one."""
    while not isinstance(node, Read):
        assert isinstance(node, Apply)
        match node:
            case Apply(atom=atom, arguments=(inner,)) if atom in INVERSES:
                value, node = Apply(INVERSES[atom], (value,)), inner
            case Apply(atom="log10", arguments=(inner,)):
                value, node = Apply("power", (Constant(10.0), value)), inner
            case Apply(atom="add", arguments=(a, b)):
                inner, other = (a, b) if name in reads(a) else (b, a)
                value, node = Apply("subtract", (value, other)), inner
            case Apply(atom="subtract", arguments=(a, b)) if name in reads(a):
                value, node = Apply("add", (value, b)), a
            case Apply(atom="subtract", arguments=(a, b)):
                value, node = Apply("subtract", (a, value)), b
            case Apply(atom="multiply", arguments=(a, b)):
                inner, other = (a, b) if name in reads(a) else (b, a)
                value, node = Apply("divide", (value, other)), inner
            case Apply(atom="divide", arguments=(a, b)) if name in reads(a):
                value, node = Apply("multiply", (value, b)), a
            case Apply(atom="divide", arguments=(a, b)):
                value, node = Apply("divide", (a, value)), b
            case _:
                return None
    return value
