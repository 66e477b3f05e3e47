"""The proof that every argument of a distribution lies where the distribution needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ppl.constraints import Constraint, Range
from ppl.distributions import DISTRIBUTIONS
from ppl.graph import diagnostics as kinds
from ppl.graph.densities import parameters_of
from ppl.graph.graph import Define, Factor, Graph, Sample
from ppl.graph.nodes import Apply, Constant, LogDensity, Node, Read, Reduce, Stack, walk
from ppl.graph.order import closure, parents
from ppl.graph.ranges import Ranges, ranges_of
from ppl.text import Diagnostic, Label, Span


def check_supports(
    graph: Graph, data: Mapping[str, Range] | None = None, given: Iterable[str] = ()
) -> tuple[Diagnostic, ...]:
    """Return an error for every argument whose support cannot be shown to hold.

    Parameters
    ----------
    graph
        The graph.
    data
        Where the values of bound data lie; None if no data are bound.
    given
        Names that the data give.
    """
    ranges = ranges_of(graph, data)
    uncertain = _uncertain(graph, set(given))
    found: list[Diagnostic] = []
    for piece in graph.pieces:
        for density in _densities(piece):
            found.extend(_check(graph, ranges, density, uncertain, bound=data is not None))
    return tuple(found)


def _uncertain(graph: Graph, given: set[str]) -> set[str]:
    """Return the names that depend on a random variable or a learned parameter."""
    starts = {
        name
        for name, v in graph.variables.items()
        if name not in given
        and (v.parameter is not None or any(isinstance(graph.pieces[k], Sample) for k in v.pieces))
        and v.datum is None
    }
    children: dict[str, set[str]] = {}
    for name, above in parents(graph).items():
        if name in given:
            continue
        for parent in above:
            children.setdefault(parent, set()).add(name)
    return closure(starts, children)


def _densities(piece: Sample | Define | Factor) -> Iterable[LogDensity]:
    match piece:
        case Sample(density=density):
            yield density
            roots: tuple[Node, ...] = density.arguments
        case Define(value=value) | Factor(value=value):
            roots = (value,)
    for node in walk(*roots):
        if isinstance(node, LogDensity):
            yield node


def _check(
    graph: Graph, ranges: Ranges, density: LogDensity, uncertain: set[str], *, bound: bool
) -> Iterable[Diagnostic]:
    record = DISTRIBUTIONS[density.distribution]
    parameters = parameters_of(record, density.alternative)
    for argument, (name, needs) in zip(density.arguments, parameters.items(), strict=True):
        reads = {n.name for n in walk(argument) if isinstance(n, Read)}
        if not reads & uncertain and not bound and reads:
            continue
        if needs.event_ndim == 0:
            have = ranges.of(argument)
            if have.within(needs.range):
                continue
        elif not reads & uncertain or _has_set(ranges, argument, needs):
            continue
        yield _outside(graph, ranges, record.name, name, needs, argument, density.span)


def _has_set(ranges: Ranges, node: Node, needs: Constraint) -> bool:
    """Return whether a vector or matrix is shown to be in a set."""
    if needs.range == Range() and needs.event_ndim == 0:
        return True
    match node:
        case Read(name=name):
            known = ranges.sets.get(name)
            if known is None:
                return _has_defined_set(ranges, name, needs)
            return known.name == needs.name or (needs.name, known.name) in IMPLIED
        case Stack(items=items) if needs.name == "simplex":
            return _sums_to_one(items)
        case Apply(atom="divide", arguments=(a, b)) if needs.name == "simplex":
            return _is_share(a, b)
        case _:
            from ppl.graph.nodes import Matrix

            if isinstance(node, Matrix):
                return (needs.name, node.atom) in MADE
            return needs.name != "simplex"


IMPLIED = {
    ("covariance", "correlation"),
    ("cov cholesky", "corr cholesky"),
    ("ordered", "positive ordered"),
}
MADE = {("simplex", "softmax")}


def _has_defined_set(ranges: Ranges, name: str, needs: Constraint) -> bool:
    variable = ranges.graph.variables.get(name)
    if variable is None:
        return False
    pieces = [ranges.graph.pieces[k] for k in variable.pieces]
    return bool(pieces) and all(
        isinstance(p, Define) and _has_set(ranges, p.value, needs) for p in pieces
    )


def _is_share(a: Node, b: Node) -> bool:
    """Return whether a / b is ``p / sum(p)``."""
    return isinstance(b, Reduce) and b.operation == "sum" and same(a, b.body)


def same(a: Node, b: Node) -> bool:
    """Return whether two nodes read the same thing, whatever their indices are called."""
    match a, b:
        case Read(name=m), Read(name=n):
            return m == n and len(a.positions) == len(b.positions)
        case _:
            return a is b


def _sums_to_one(items: tuple[Node, ...]) -> bool:
    """Return whether the items are numbers that sum to 1, or p and 1 - p."""
    if all(isinstance(i, Constant) for i in items):
        total = sum(float(i.value) for i in items if isinstance(i, Constant))
        return abs(total - 1) < 1e-9
    if len(items) != 2:
        return False
    for p, rest in (items, items[::-1]):
        match rest:
            case Apply(atom="subtract", arguments=(Constant(value=1), q)) if same(p, q):
                return True
            case _:
                continue
    return False


def _outside(
    graph: Graph,
    ranges: Ranges,
    distribution: str,
    parameter: str,
    needs: Constraint,
    argument: Node,
    span: Span | None,
) -> Diagnostic:
    at = argument.span or span or Span(0, 0)
    text = " ".join(graph.source.at(at).split())
    have = ranges.of(argument)
    known = f"it can be {_words(have)}" if needs.event_ndim == 0 else ""
    secondary = []
    for node in walk(argument):
        if isinstance(node, Read) and node.name in graph.variables:
            variable = graph.variables[node.name]
            if variable.span.end > variable.span.start and variable.pieces:
                where = ranges.names.get(node.name, Range())
                secondary.append(Label(variable.span, f"`{variable.name}` is {_words(where)}"))
    return kinds.SUPPORT(
        f"`{text}` stands where `{distribution}` needs {needs.phrase} (its `{parameter}`)",
        at,
        known,
        secondary=tuple(secondary[:3]),
        help=_remedy(needs, text),
    )


def _words(range: Range) -> str:
    kind = "integer" if range.integer else "number"
    low, high = range.lower > float("-inf"), range.upper < float("inf")
    if low and range.lower == range.upper:
        return f"{range.lower:g}"
    left = ("> " if range.lower_open else ">= ") + f"{range.lower:g}"
    right = ("< " if range.upper_open else "<= ") + f"{range.upper:g}"
    if low and high:
        return f"{'an' if range.integer else 'a'} {kind} {left} and {right}"
    if low or high:
        return f"any {kind} {left if low else right}"
    return f"any {kind}"


def _remedy(needs: Constraint, text: str) -> str | None:
    if needs.name == "simplex":
        return "write `softmax(...)`, or divide by the sum; or give it a `Dirichlet` distribution"
    if needs.range.lower == 0 and needs.range.upper == float("inf") and not needs.range.integer:
        return f"give it a positive distribution such as `HalfNormal`, or write `exp({text})`"
    if (needs.range.lower, needs.range.upper) == (0, 1):
        return f"write `sigmoid({text})`, or use the distribution's `logit =`"
    return None
