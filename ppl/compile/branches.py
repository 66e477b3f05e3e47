"""Branches that are not taken stay finite: `if x > 0 then sqrt(x) else 0` has a gradient anywhere.

Both branches of a conditional are computed, and what the one not taken says is dropped; but a
derivative that is not finite there would still spoil the gradient, since 0 · inf is NaN. So inside
a branch, what can leave its domain gets a harmless argument wherever the branch is not taken.
"""

from __future__ import annotations

from dataclasses import replace

from ppl.graph.graph import Sample
from ppl.graph.nodes import Apply, Constant, Node, Read, Reduce, Select, rewrite

HARMLESS: dict[str, tuple[float | None, ...]] = {
    "arccos": (0.0,),
    "arccosh": (2.0,),
    "arcsin": (0.0,),
    "arctanh": (0.0,),
    "betaln": (1.0, 1.0),
    "cbrt": (1.0,),
    "digamma": (1.0,),
    "divide": (None, 1.0),
    "erfinv": (0.0,),
    "exp": (0.0,),
    "exp2": (0.0,),
    "expm1": (0.0,),
    "gammaln": (1.0,),
    "hypot": (1.0, None),
    "log": (1.0,),
    "log10": (1.0,),
    "log1m_exp": (-1.0,),
    "log1p": (0.0,),
    "log2": (1.0,),
    "log_to_edge": (1.0,),
    "logit": (0.5,),
    "ndtri": (0.5,),
    "power": (1.0, None),
    "reciprocal": (1.0,),
    "remainder": (None, 1.0),
    "sqrt": (1.0,),
    "xlog1py": (None, 0.0),
    "xlogy": (None, 1.0),
}
"""Arguments at which these atoms and their derivatives are finite; None where any is."""


def guarded(root: Node) -> Node:
    """Return an expression whose conditionals hold harmless values in the branch not taken.

    Conditionals without a place in the text are a density's own, which see to it themselves.
    """

    def one(node: Node) -> Node:
        match node:
            case Select(condition=condition, yes=yes, no=no) if node.span is not None:
                return replace(
                    node, yes=_guarded(yes, condition, True), no=_guarded(no, condition, False)
                )
            case _:
                return node

    return rewrite(root, one)


def where_present(piece: Sample, density: Node) -> Node:
    """Return a log density that is 0 where its value is missing, whatever stands in its place."""
    condition = Apply("greater", (present_at(piece), Constant(0)))
    return Select(condition, _guarded(density, condition, True), Constant(0.0))


def weighted(weight: Node, density: Node) -> Node:
    """Return a weight times a log density, 0 where the weight is 0, whatever the density there."""
    if isinstance(weight, Constant):
        return Apply("multiply", (weight, density)) if weight.value else Constant(0.0)
    counts = Apply("not_equal", (weight, Constant(0)))
    product = Apply("multiply", (weight, _guarded(density, counts, True)))
    return Select(counts, product, Constant(0.0))


def present_at(piece: Sample) -> Node:
    """Return 1 where the value that a statement observes is there, 0 where it is missing."""
    assert piece.target is not None
    present: Node = Read(f"{piece.target.name}.present", piece.target.positions)
    event = piece.density.event
    return Reduce("min", event, present) if event else present


def _guarded(branch: Node, condition: Node, taken: bool) -> Node:
    def safe(argument: Node, value: float | None) -> Node:
        if value is None or isinstance(argument, Constant):
            return argument
        yes, no = (argument, Constant(value)) if taken else (Constant(value), argument)
        return Select(condition, yes, no)

    def one(node: Node) -> Node:
        match node:
            case Apply(atom=atom, arguments=arguments) if atom in HARMLESS:
                return replace(node, arguments=tuple(map(safe, arguments, HARMLESS[atom])))
            case _:
                return node

    return rewrite(branch, one)
