"""The proof that every argument of a distribution lies where the distribution needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from ppl import constraints
from ppl.constraints import Constraint, Range
from ppl.distributions import WRAPPERS
from ppl.graph import diagnostics as kinds
from ppl.graph.densities import parameters_of
from ppl.graph.graph import Define, Factor, Graph, Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    LogDensity,
    Node,
    Read,
    Reduce,
    Select,
    Size,
    Stack,
    walk,
)
from ppl.graph.order import closure, parents
from ppl.graph.ranges import Ranges, ranges_of
from ppl.graph.remedies import in_order, remedy
from ppl.graph.wrapped import simple_densities
from ppl.text import Diagnostic, Label, Span

Evaluate = Callable[[Node], Range | None]
"""Where the values of an expression lie, if data alone decide them."""


def check_supports(
    graph: Graph,
    data: Mapping[str, Range] | None = None,
    given: Iterable[str] = (),
    evaluate: Evaluate | None = None,
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
    evaluate
        What looks at the values of an expression of data, where rules cannot show it.
    """
    ranges = ranges_of(graph, data)
    uncertain = _uncertain(graph, set(given))
    found: list[Diagnostic] = []
    for piece in graph.pieces:
        for density in (s for d in _densities(piece) for s in simple_densities(d)):
            found.extend(
                _check(graph, ranges, density, uncertain, evaluate, bound=data is not None)
            )
        if isinstance(piece, Sample):
            found.extend(_empty_suffix(graph, piece))
        found.extend(_positions_not_whole(graph, ranges, piece, uncertain))
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
    graph: Graph,
    ranges: Ranges,
    density: LogDensity,
    uncertain: set[str],
    evaluate: Evaluate | None,
    *,
    bound: bool,
) -> Iterable[Diagnostic]:
    record = density.record
    parameters = parameters_of(record, density.alternative)
    found = []
    for argument, (name, needs) in zip(density.arguments, parameters.items(), strict=True):
        reads = {n.name for n in walk(argument) if isinstance(n, Read)}
        sized = any(isinstance(n, Size) for n in walk(argument))
        if not reads & uncertain and not bound and (reads or sized):
            continue
        if needs.event_ndim == 0:
            if ranges.of(argument).within(needs.range):
                continue
            seen = evaluate(argument) if evaluate and not reads & uncertain else None
            if seen is not None and seen.within(needs.range):
                continue
        elif not (reads & uncertain or _is_list(argument)) or _has_set(ranges, argument, needs):
            continue
        found.append(_outside(graph, ranges, density, name, needs, argument))
    if len(found) > 1 and len(parameters) == len(set(map(id, density.arguments))):
        swapped = _swapped(graph, ranges, density, list(parameters.values()))
        if swapped is not None:
            return [replace(found[0], help=swapped)]
    return found or _empty_support(graph, ranges, density) or _apart(density)


def _apart(density: LogDensity) -> list[Diagnostic]:
    """Report a number that does not fit the others: a mode outside of its triangle."""
    numbers = [a.value for a in density.arguments if isinstance(a, Constant)]
    if density.alternative is not None or density.record.name in WRAPPERS:
        return []
    if len(numbers) < len(density.arguments):
        return []
    for name, narrower in density.record.relations.items():
        needs = narrower(*map(float, numbers))
        value = numbers[list(density.record.parameters).index(name)]
        if needs.range.lower <= needs.range.upper and not needs.contains(value):
            argument = density.arguments[list(density.record.parameters).index(name)]
            return [
                kinds.SUPPORT(
                    f"`{value:g}` is where `{density.distribution}` needs {needs.phrase} "
                    f"(its `{name}`)",
                    argument.span or density.span or Span(0, 0),
                )
            ]
    return []


def _is_list(argument: Node) -> bool:
    """Return whether an argument is a list of numbers."""
    return isinstance(argument, Stack) and all(isinstance(i, Constant) for i in argument.items)


def _swapped(
    graph: Graph, ranges: Ranges, density: LogDensity, needs: list[Constraint]
) -> str | None:
    """Return how to write arguments that fit in another order."""
    if any(n.event_ndim for n in needs):
        return None
    fits = [[ranges.of(a).within(n.range) for n in needs] for a in density.arguments]
    texts = [_text(graph, a, density.span) for a in density.arguments]
    return in_order(density, fits, texts)


def _empty_support(graph: Graph, ranges: Ranges, density: LogDensity) -> list[Diagnostic]:
    """Report arguments between which no number lies: ``Uniform(1, 0)``."""
    record = density.record
    numbers = [a.value for a in density.arguments if isinstance(a, Constant)]
    if isinstance(record.support, Constraint) or density.alternative is not None:
        return []
    if record.name in WRAPPERS:
        return []  # bounds of a distribution that is built from others are read with it
    if len(numbers) < len(density.arguments):
        return []
    support = record.support(*map(float, numbers))
    if not isinstance(support, Constraint):
        return []
    lower, upper = support.range.lower, support.range.upper
    if lower < upper or (lower == upper and support.range.integer):
        return []
    any_order = [[True] * len(numbers)] * len(numbers)
    return [
        kinds.SUPPORT(
            f"no number lies between {lower:g} and {upper:g}",
            density.span or Span(0, 0),
            help=in_order(density, any_order, [f"{n:g}" for n in numbers])
            if len(numbers) == 2 and lower > upper
            else None,
        )
    ]


def _positions_not_whole(
    graph: Graph, ranges: Ranges, piece: Sample | Define | Factor, uncertain: set[str]
) -> Iterable[Diagnostic]:
    """Report positions that real-valued unknowns decide."""
    root = piece.density if isinstance(piece, Sample) else piece.value
    for read in walk(root):
        for position in read.positions if isinstance(read, Read) else ():
            names = [n.name for n in walk(position) if isinstance(n, Read)]
            guilty = next((n for n in names if n in uncertain), None)
            if guilty is None or ranges.of(position).integer:
                continue
            text = _text(graph, position, piece.span)
            where = _words(ranges.names.get(guilty, Range()))
            of = graph.variables[guilty]
            yield kinds.BAD_POSITION(
                f"`{text}` is {_words(ranges.of(position))}, and positions are whole numbers",
                position.span or piece.span,
                secondary=(Label(of.span, f"`{of.name}` is {where}"),)
                if of.span != position.span
                else (),
                help="give it a discrete distribution such as `Categorical`",
            )


def _empty_suffix(graph: Graph, piece: Sample) -> Iterable[Diagnostic]:
    """Report bounds outside of the distribution's support: ``HalfNormal(1) < 0``."""
    support = piece.density.record.support
    if piece.suffix is None or not isinstance(support, Constraint) or support.event_ndim:
        return
    own, cut = support.range, piece.suffix.constraint.range
    low, high = max(own.lower, cut.lower), min(own.upper, cut.upper)
    open_end = (own if own.lower >= cut.lower else cut).lower_open or (
        own if own.upper <= cut.upper else cut
    ).upper_open
    if low > high or (low == high and open_end):
        text = " ".join(graph.source.at(piece.suffix.span).split())
        yield kinds.CONSTRAINT(
            f"`{piece.density.distribution}` has no values in `{text}`",
            piece.suffix.span,
            f"its values are {support.phrase}",
        )


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
        case Stack(items=items) if needs.event_ndim == 1 and _is_list(node):
            values = [float(i.value) for i in items if isinstance(i, Constant)]
            return bool(needs.contains(np.asarray(values)))
        case Select(yes=yes, no=no):
            return _has_set(ranges, yes, needs) and _has_set(ranges, no, needs)
        case Apply(atom="divide", arguments=(a, b)) if needs.name == "simplex":
            return _is_share(a, b)
        case _:
            from ppl.graph.nodes import Matrix

            if isinstance(node, Matrix):
                if node.atom == "diag_matrix" and needs.name in DIAGONAL:
                    return ranges.of(node.arguments[0]).within(constraints.positive.range)
                return (needs.name, node.atom) in MADE
            return needs.name != "simplex"


IMPLIED = {
    (constraints.covariance.name, constraints.correlation.name),
    (constraints.cov_cholesky.name, constraints.corr_cholesky.name),
    (constraints.ordered.name, constraints.positive_ordered.name),
}
"""What is needed, and a set that lies in it."""
MADE = {("simplex", "softmax")}
DIAGONAL = {constraints.covariance.name, constraints.cov_cholesky.name}
"""Sets of matrices that hold those with a positive diagonal and zeros elsewhere."""


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
    density: LogDensity,
    parameter: str,
    needs: Constraint,
    argument: Node,
) -> Diagnostic:
    at = argument.span or density.span or Span(0, 0)
    text = _text(graph, argument, density.span)
    constant = isinstance(argument, Constant)
    known = needs.event_ndim == 0 and not constant and not isinstance(argument, Read)
    secondary: dict[Label, None] = {}
    for node in walk(argument):
        if isinstance(node, Read) and node.name in graph.variables:
            variable = graph.variables[node.name]
            elsewhere = variable.span.end <= at.start or variable.span.start >= at.end
            if variable.span.end > variable.span.start and elsewhere:
                where = ranges.names.get(node.name, Range())
                secondary[Label(variable.span, f"`{variable.name}` is {_words(where)}")] = None
    return kinds.SUPPORT(
        f"`{text}` {'is' if constant else 'stands'} where `{density.distribution}` needs "
        f"{needs.phrase} (its `{parameter}`)",
        at,
        f"it can be {_words(ranges.of(argument))}" if known else "",
        secondary=tuple(secondary)[:3],
        help=remedy(graph, density, parameter, needs, argument, text),
    )


def _text(graph: Graph, node: Node, otherwise: Span | None) -> str:
    return " ".join(graph.source.at(node.span or otherwise or Span(0, 0)).split())


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
