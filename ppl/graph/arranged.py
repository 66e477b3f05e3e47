"""Functions that arrange numbers anew: in index notation, reads at other positions.

None of them computes anything: ``diff(x)`` is two shifted slices, ``concat`` and ``repeat`` are
gathers at positions that the sizes decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.calls import arguments_of, wrong_count
from ppl.graph.expressions import Reader, axes_text, fresh
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Matrix,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    add,
    extent,
    subtract,
)
from ppl.graph.scope import Scope
from ppl.graph.substitute import NotPlain, substitute
from ppl.syntax import tree
from ppl.text import Span

LARGEST_DEGREE = 9


def _over(size: Node, span: Span) -> Index:
    return Index("i", "axis", Domain(Constant(0), size), span)


def _moved(reader: Reader, value: Value, places: Mapping[int, Node], scope: Scope) -> Node:
    """Return a value's node with some of its axes read at positions, counted from 0."""
    axes = value.axes
    try:
        return substitute(
            value.node, {axes[k]: add(n, axes[k].domain.start) for k, n in places.items()}
        )
    except NotPlain:
        pass
    key, _, own = reader.names.auxiliary(value, scope)
    start = [subtract(Position(i), i.domain.start) for i in own]
    here = [places.get(k, subtract(Position(i), i.domain.start)) for k, i in enumerate(value.axes)]
    return Read(key, (*start, *here), value.span)


def _vector(reader: Reader, value: Value, expression: tree.Call) -> Value:
    if not value.axes:
        raise reader.stop(
            kinds.SHAPE(
                f"`{expression.function.id}` needs a vector here", value.span or expression.span
            )
        )
    return fresh(value)


def _several(reader: Reader, expression: tree.Call, scope: Scope) -> list[Value]:
    if not expression.arguments or expression.keywords:
        raise wrong_count(reader, expression, 2, len(expression.arguments))
    return [reader.read(a, scope) for a in expression.arguments]


def diff(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``diff(x)``: each value less the one before it."""
    (x,) = arguments_of(reader, expression, ["x"], scope)
    x = _vector(reader, x, expression)
    last, span = len(x.axes) - 1, expression.span
    index = _over(subtract(extent(x.axes[-1].domain), Constant(1)), span)
    before = _moved(reader, x, {last: Position(index)}, scope)
    after = _moved(reader, x, {last: add(Position(index), Constant(1))}, scope)
    return Value(Apply("subtract", (after, before), span), (*x.axes[:-1], index), span)


def concat(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``concat(a, b, ...)``: one after the other, along the first axis."""
    span = expression.span
    given = [_vector(reader, v, expression) for v in _several(reader, expression, scope)]
    sizes = [extent(v.axes[0].domain) for v in given]
    index = _over(reduce(add, sizes), span)
    start: Node = Constant(0)
    starts, parts = [], []
    for value, size in zip(given, sizes, strict=True):
        here = subtract(Position(index), start)
        last = subtract(size, Constant(1))
        inside = Apply("minimum", (Apply("maximum", (here, Constant(0))), last))
        parts.append(Value(_moved(reader, value, {0: inside}, scope), value.axes[1:], value.span))
        starts.append(start)
        start = add(start, size)
    ranks = {len(p.axes) for p in parts}
    if len(ranks) > 1:
        low = min(given, key=lambda v: len(v.axes))
        raise reader.stop(
            kinds.SHAPE(
                "`concat` puts arrays with as many axes after one another",
                low.span or span,
                axes_text(low.axes),
            )
        )
    nodes, axes = reader.together(parts, span)
    node = nodes[0]
    for begin, part in zip(starts[1:], nodes[1:], strict=True):
        node = Select(Apply("less", (Position(index), begin)), node, part)
    return Value(node, (index, *axes), span)


def stack(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``stack(a, b, ...)``: side by side along a new first axis, as ``[a, b, ...]``."""
    return reader.array(_several(reader, expression, scope), expression.span)


def repeat(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``repeat(x, counts)``: each value as often as its count says, along the first axis."""
    x, counts = arguments_of(reader, expression, ["x", "counts"], scope)
    x, span = _vector(reader, x, expression), expression.span
    if len(counts.axes) > 1:
        raise reader.stop(
            kinds.SHAPE("`repeat` needs a vector of counts", counts.span, axes_text(counts.axes))
        )
    if not counts.axes:
        index = _over(Apply("multiply", (extent(x.axes[0].domain), counts.node)), span)
        place: Node = Apply("floor", (Apply("divide", (Position(index), counts.node)),))
    else:
        counts = fresh(counts)
        (own,) = counts.axes
        reader.same(x.axes[0].domain, own.domain, span)
        index = _over(Reduce("sum", (own,), counts.node), span)
        out, several = own.like("axis"), fresh(counts)
        ends = Matrix("cumsum", (several.node,), (several.axes,), (out,))
        passed = Apply("greater_equal", (Position(index), ends))
        place = Reduce("sum", (out,), passed)
    return Value(_moved(reader, x, {0: place}, scope), (index, *x.axes[1:]), span)


def reshape(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``reshape(x, n, ...)``: the same numbers, row by row, in other axes."""
    span = expression.span
    if len(expression.arguments) < 2 or expression.keywords:
        raise wrong_count(reader, expression, 2, len(expression.arguments))
    x = _vector(reader, reader.read(expression.arguments[0], scope), expression)
    domains = [reader.domain_of_size(a, scope) for a in expression.arguments[1:]]
    axes = tuple(Index("i", "axis", d, span) for d in domains)
    flat: Node = Constant(0)
    for index in axes:
        flat = add(_times(flat, extent(index.domain)), Position(index))
    old = [extent(i.domain) for i in x.axes]
    whole = [
        Domain(Constant(0), reduce(_times, sizes)) for sizes in (old, list(map(extent, domains)))
    ]
    reader.same(whole[0], whole[1], span)
    places: dict[int, Node] = {}
    for k in range(len(old) - 1, -1, -1):
        places[k] = Apply("remainder", (flat, old[k])) if k else flat
        flat = Apply("floor", (Apply("divide", (flat, old[k])),))
    return Value(_moved(reader, x, places, scope), axes, span)


def _times(a: Node, b: Node) -> Node:
    match a, b:
        case Constant(), Constant():
            return Constant(a.value * b.value)
        case (Constant(value=1), other) | (other, Constant(value=1)):
            return other
        case (Constant(value=0), _) | (_, Constant(value=0)):
            return Constant(0)
        case _:
            return Apply("multiply", (a, b))


def onehot(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``onehot(x, K)``: 1 at position x of a new last axis, else 0."""
    if len(expression.arguments) != 2 or expression.keywords:
        raise wrong_count(reader, expression, 2, len(expression.arguments))
    x = reader.read(expression.arguments[0], scope)
    index = Index(
        "i", "axis", reader.domain_of_size(expression.arguments[1], scope), expression.span
    )
    node = Apply("equal", (x.node, Position(index)), expression.span)
    return Value(node, (*x.axes, index), expression.span)


def convolve(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``convolve(a, b)``: sums of ``a[i] b[j]`` with the same i + j, all of them."""
    given = arguments_of(reader, expression, ["a", "b"], scope)
    a, b = (_vector(reader, v, expression) for v in given)
    if len(a.axes) > 1 or len(b.axes) > 1:
        wrong = a if len(a.axes) > 1 else b
        raise reader.stop(
            kinds.SHAPE(
                "`convolve` needs vectors", wrong.span or expression.span, axes_text(wrong.axes)
            )
        )
    size = subtract(add(extent(a.axes[0].domain), extent(b.axes[0].domain)), Constant(1))
    index = _over(size, expression.span)
    node = Matrix("convolve", (a.node, b.node), (a.axes, b.axes), (index,), expression.span)
    return Value(node, (index,), expression.span)


def spline(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``spline(x, knots, degree)``: the B-splines at x, along a new last axis."""
    x, knots, degree = arguments_of(reader, expression, ["x", "knots", "degree"], scope)
    knots, span = _vector(reader, knots, expression), expression.span
    known = degree.node.value if isinstance(degree.node, Constant) else None
    if known is None or known not in range(LARGEST_DEGREE + 1):
        raise reader.stop(
            kinds.ARGUMENTS(
                f"the degree of a `spline` is a number from 0 to {LARGEST_DEGREE}",
                degree.span or span,
                help="3 is usual: `spline(x, knots, 3)`",
            )
        )
    if len(knots.axes) > 1:
        raise reader.stop(
            kinds.SHAPE("`spline` needs a vector of knots", knots.span, axes_text(knots.axes))
        )
    count = add(extent(knots.axes[0].domain), Constant(int(known) - 1))
    index = _over(count, span)
    node = Matrix("spline", (x.node, knots.node, degree.node), ((), knots.axes, ()), (index,), span)
    return Value(node, (*x.axes, index), span)


ARRANGED: Mapping[str, Callable[[Reader, tree.Call, Scope], Value]] = {
    "diff": diff,
    "concat": concat,
    "stack": stack,
    "repeat": repeat,
    "reshape": reshape,
    "onehot": onehot,
    "convolve": convolve,
    "spline": spline,
}
"""By name."""
