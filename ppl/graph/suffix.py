"""Constraint suffixes: ``> a``, ``in (a, b)``, ``in {0, 1}``, ``in Simplex``, ``in J from 1``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ppl import constraints
from ppl.constraints import SETS, Constraint, bounded
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.expressions import Reader, axes_text
from ppl.graph.graph import Suffix
from ppl.graph.names import nearest
from ppl.graph.nodes import Constant, Node
from ppl.graph.scope import Scope
from ppl.graph.trace import Traced
from ppl.syntax import tree
from ppl.text import Span


def positions(given: Sequence[tree.Constraint]) -> tuple[str, int] | None:
    """Return the dimension and the origin of ``in J from 1``, if that is what is given."""
    for one in given:
        if isinstance(one, tree.Named) and one.name.id not in SETS:
            return one.name.id, int(one.origin.value) if one.origin else 0
    return None


def suffix(
    reader: Reader,
    given: Sequence[tree.Constraint],
    scope: Scope,
    place: Value | None = None,
) -> Suffix | None:
    """Read the constraints behind a name or a distribution.

    Bounds are single numbers, or run over axes of the `place` that they bound.
    """
    if not given:
        return None
    span = given[0].span.to(given[-1].span)
    lower: Node | None = None
    upper: Node | None = None
    low_open = high_open = False
    for one in given:
        match one:
            case tree.Bound(operator=operator, value=value):
                node = _bound(reader, value, scope, place)
                if operator.startswith(">"):
                    lower, low_open = node, operator == ">"
                else:
                    upper, high_open = node, operator == "<"
            case tree.Interval(lower=a, upper=b, closed=closed):
                lower, upper = (_bound(reader, e, scope, place) for e in (a, b))
                low_open = high_open = not closed
            case tree.Finite(values=values):
                numbers = [reader.scalar(v, scope) for v in values]
                if not all(isinstance(n, Constant) for n in numbers):
                    raise reader.stop(
                        kinds.CONSTRAINT("the members of a finite set are numbers", one.span)
                    )
                members = [n.value for n in numbers if isinstance(n, Constant)]
                return Suffix(None, None, (False, False), constraints.one_of(members), span)
            case tree.Named(name=name):
                return _of_set(_named(reader, name), span)
    constraint = bounded(_number(lower, -math.inf), _number(upper, math.inf), (low_open, high_open))
    if (
        isinstance(lower, Constant)
        and isinstance(upper, Constant)
        and not lower.value < upper.value
    ):
        raise reader.stop(
            kinds.CONSTRAINT(f"no number lies between {lower.value:g} and {upper.value:g}", span)
        )
    return Suffix(lower, upper, (low_open, high_open), constraint, span)


def _of_set(constraint: Constraint, span: Span) -> Suffix:
    """Return a named set as a suffix: by its bounds, where it is all the numbers between bounds."""
    if constraint.event_ndim or constraint.bijection is None:
        return Suffix(None, None, (False, False), constraint, span)
    lower, upper = (Constant(end) if math.isfinite(end) else None for end in constraint.ends)
    opened = (constraint.range.lower_open, constraint.range.upper_open)
    return Suffix(lower, upper, opened, constraint, span)


def _bound(reader: Reader, expression: tree.Expression, scope: Scope, place: Value | None) -> Node:
    """Read a bound, over axes of the place that it bounds."""
    if place is None:
        return reader.scalar(expression, scope)
    value = reader.read(expression, scope)
    nodes, axes = reader.together([place, value], expression.span)
    if set(axes) != set(place.axes):
        raise reader.stop(
            kinds.SHAPE(
                "the bound has more axes than what it bounds",
                expression.span,
                axes_text(value.axes),
            )
        )
    return nodes[1]


def _named(reader: Reader, name: tree.Name) -> Constraint:
    if name.id in SETS:
        return SETS[name.id]
    meant = nearest(name.id, SETS)
    raise reader.stop(
        kinds.CONSTRAINT(
            f"there is no set `{name.id}`",
            name.span,
            f"did you mean `{meant}`?" if meant else "",
            help=f"the sets are {', '.join(SETS)}; a set of numbers is written `in (0, 1)`",
        )
    )


def _number(node: Node | None, otherwise: float) -> float | Traced:
    if isinstance(node, Constant):
        return float(node.value)
    return otherwise if node is None else Traced(node)
