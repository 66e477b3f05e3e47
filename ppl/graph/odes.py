"""``ode(rhs, y0, t0, ts)``: the right side becomes an expression of its own."""

from __future__ import annotations

from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.calls import body_of
from ppl.graph.expressions import Reader, axes_text
from ppl.graph.nodes import (
    Constant,
    Index,
    Node,
    Ode,
    Position,
    Read,
    children,
    map_children,
    subtract,
    walk,
)
from ppl.graph.scope import Scope
from ppl.syntax import tree

METHODS = ("rk45", "bdf")
HELP = (
    'write `ode(rhs, y0, t0, ts)` with `fn rhs(t, y) = [...]`; options are `method = "bdf"`, '
    "`rtol =`, `atol =`"
)


def ode(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read a call of ``ode``."""
    span = expression.span
    function = _function(reader, expression)
    method, rtol, atol = _options(reader, expression)
    _, first, second, third = expression.arguments
    state = _vector(reader, first, scope, "the initial state")
    start = reader.scalar(second, scope)
    times = _vector(reader, third, scope, "the times")
    reader.names.hidden += 1
    key = f"ode{reader.names.hidden}"
    axis = state.axes[0].like("axis")
    y = Read(f"{key}.y", (subtract(Position(axis), axis.domain.start),), span)
    time, position = (p.id for p in function.parameters)
    given = {time: Value(Read(f"{key}.t", (), span)), position: Value(y, (axis,))}
    slopes = body_of(reader, function, given, span)
    if len(slopes.axes) != 1:
        raise reader.stop(
            kinds.SHAPE(
                f"`{function.name.id}` must return one slope for each state",
                function.result.span,
                axes_text(slopes.axes),
            )
        )
    reader.same(slopes.axes[0].domain, axis.domain, function.result.span)
    body, captured, axes = _set_apart(slopes.node, key)
    bound = (times.axes[0], state.axes[0])
    node = Ode(
        key,
        start,
        times.node,
        state.node,
        captured,
        axes,
        body,
        slopes.axes[0],
        bound,
        (bound[0].like("axis"), bound[1].like("axis")),
        method,
        rtol,
        atol,
        span,
    )
    if node.free != frozenset(node.out):
        raise reader.unsupported("`ode` inside a loop", span)
    return Value(node, node.out, span)


def _function(reader: Reader, expression: tree.Call) -> tree.Function:
    arguments = expression.arguments
    if len(arguments) != 4 or not isinstance(arguments[0], tree.Name):
        raise reader.stop(
            kinds.ARGUMENTS("`ode` takes a function and three values", expression.span, help=HELP)
        )
    name = arguments[0]
    function = reader.names.functions.get(name.id)
    if function is None or len(function.parameters) != 2:
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{name.id}` is not a function of the time and the state", name.span, help=HELP
            )
        )
    return function


def _vector(reader: Reader, expression: tree.Expression, scope: Scope, what: str) -> Value:
    value = reader.read(expression, scope)
    if len(value.axes) != 1:
        raise reader.stop(
            kinds.SHAPE(f"{what} must be a vector", expression.span, axes_text(value.axes))
        )
    return value


def _options(reader: Reader, expression: tree.Call) -> tuple[str, float, float]:
    method, numbers = "rk45", {"rtol": 1e-6, "atol": 1e-8}
    for keyword in expression.keywords:
        name, value = keyword.name.id, keyword.value
        if name == "method" and isinstance(value, tree.String) and value.value in METHODS:
            method = value.value
        elif name in numbers and isinstance(value, tree.Number) and value.value > 0:
            numbers[name] = value.value
        else:
            known = ", ".join(f'"{m}"' for m in METHODS)
            raise reader.stop(
                kinds.ARGUMENTS(
                    f"`{name}` is not an option of `ode` with this value",
                    keyword.span,
                    help=f"`method` is one of {known}; `rtol` and `atol` are positive numbers",
                )
            )
    return method, numbers["rtol"], numbers["atol"]


def _set_apart(
    root: Node, key: str
) -> tuple[Node, tuple[Node, ...], tuple[tuple[Index, ...], ...]]:
    """Put placeholders for the largest parts of a right side that time and state do not touch."""
    own = (f"{key}.t", f"{key}.y")
    touched: set[int] = set()
    for node in walk(root):
        mine = isinstance(node, Read) and node.name in own
        if mine or any(id(c) in touched for c in children(node)):
            touched.add(id(node))
    captured: list[Node] = []
    axes: list[tuple[Index, ...]] = []

    def placeholder(node: Node) -> Node:
        if isinstance(node, Constant | Position) or not _takes_from_model(node):
            return node
        place = next((k for k, n in enumerate(captured) if n is node), None)
        if place is None:
            place = len(captured)
            captured.append(node)
            axes.append(tuple(sorted(node.free, key=lambda i: i.serial)))
        positions = tuple(subtract(Position(i), i.domain.start) for i in axes[place])
        return Read(f"{key}.{place}", positions, node.span)

    if id(root) not in touched:
        return placeholder(root), tuple(captured), tuple(axes)
    done: dict[int, Node] = {}
    for node in walk(root):
        if id(node) not in touched:
            continue
        if isinstance(node, Read):
            done[id(node)] = node
            continue
        new = {id(c): done[id(c)] if id(c) in touched else placeholder(c) for c in children(node)}
        done[id(node)] = map_children(node, lambda c, new=new: new[id(c)])  # type: ignore[misc]
    return done[id(root)], tuple(captured), tuple(axes)


def _takes_from_model(node: Node) -> bool:
    return any(isinstance(n, Read) for n in walk(node))
