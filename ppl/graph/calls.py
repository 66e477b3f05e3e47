"""Calls in expressions: the model's own functions, reductions, and the tables' functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ppl.distributions import distributions
from ppl.functions import FUNCTIONS
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value, dimension_of
from ppl.graph.expressions import Reader, axes_text, fresh, reduce_over
from ppl.graph.graph import OBSERVED
from ppl.graph.habits import ADVICE, DISTRIBUTIONS_ELSEWHERE, FUNCTIONS_ELSEWHERE
from ppl.graph.names import nearest
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    reduced,
    rewrite,
    subtract,
)
from ppl.graph.scope import Scope
from ppl.graph.trace import parse_signature, trace
from ppl.primitives.atoms import RECOGNISED
from ppl.syntax import tree
from ppl.text import Span

if TYPE_CHECKING:
    from ppl.graph.build import Names


def is_callable(name: str, names: Names) -> bool:
    """Return whether a name is a function or a distribution."""
    return (
        name in FUNCTIONS
        or name in distributions()
        or name in REDUCTIONS
        or name in SPECIAL
        or name in names.functions
    )


def call(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read a call."""
    name = expression.function.id
    if name in reader.names.functions:
        return inline(reader, reader.names.functions[name], expression, scope)
    if name in REDUCTIONS:
        return reduction(reader, expression, scope)
    if expression.loops:
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{name}` does not run over an index",
                expression.span,
                help="`for` stands in reductions such as `sum(x[k] for k in K)`",
            )
        )
    if name in SPECIAL:
        return SPECIAL[name](reader, expression, scope)
    if name in FUNCTIONS:
        return table_function(reader, expression, scope)
    raise unknown_function(reader, expression, scope)


def unknown_function(reader: Reader, expression: tree.Call, scope: Scope) -> Exception:
    """Report a call of what is not a function."""
    function = expression.function
    name = function.id
    if name in distributions():
        return reader.stop(
            kinds.NOT_A_VALUE(
                f"`{name}` is a distribution, not a number",
                function.span,
                help=f"write `x ~ {name}(...)`; its log density at x is `logp({name}(...), x)`",
            )
        )
    stem, _, ending = name.lower().rpartition("_")
    density = ending in ("lpdf", "lpmf")
    elsewhere = DISTRIBUTIONS_ELSEWHERE.get(stem if density else name.lower(), "")
    elsewhere = elsewhere.partition("(")[0]
    if density and not elsewhere:
        elsewhere = nearest(stem, distributions()) or ""
    if elsewhere:
        return reader.stop(
            kinds.NOT_A_VALUE(
                f"`{name}` is not a function here: the distribution is called `{elsewhere}`",
                function.span,
                help=f"write `x ~ {elsewhere}(...)`; its log density at x is "
                f"`logp({elsewhere}(...), x)`",
            )
        )
    if name.lower() in ADVICE:
        help = ADVICE[name.lower()]
        return reader.stop(
            kinds.UNKNOWN_FUNCTION(f"there is no function `{name}`", function.span, help=help)
        )
    if reader.names.lookup(name, scope) is not None:
        return reader.stop(
            kinds.UNKNOWN_FUNCTION(
                f"`{name}` is a quantity of the model, not a function",
                function.span,
                help=f"positions stand in square brackets, as in `{name}[0]`; a product needs `*`",
            )
        )
    known = [*FUNCTIONS, *REDUCTIONS, *SPECIAL, *reader.names.functions]
    meant = FUNCTIONS_ELSEWHERE.get(name.lower()) or nearest(name, known)
    return reader.stop(
        kinds.UNKNOWN_FUNCTION(
            f"there is no function `{name}`",
            function.span,
            f"did you mean `{meant}`?" if meant else "",
            help=f"write `{meant}`" if meant else f"define it: `fn {name}(...) = ...`",
        )
    )


# ------------------------------------------------------------------------- the model's functions


def inline(reader: Reader, function: tree.Function, expression: tree.Call, scope: Scope) -> Value:
    """Read a function's body with its arguments in place of its parameters."""
    name = function.name.id
    if name in reader.names.inlining:
        raise reader.stop(
            kinds.CYCLE(
                f"the function `{name}` calls itself",
                expression.span,
                help="functions are written out where they are called, so none may call itself",
            )
        )
    given: dict[str, Value] = {}
    parameters = [p.id for p in function.parameters]
    if len(expression.arguments) > len(parameters):
        raise wrong_count(reader, expression, len(parameters), len(expression.arguments))
    for parameter, argument in zip(parameters, expression.arguments, strict=False):
        given[parameter] = reader.read(argument, scope)
    for keyword in expression.keywords:
        if keyword.name.id not in parameters or keyword.name.id in given:
            raise reader.stop(
                kinds.ARGUMENTS(
                    no_argument(name, keyword.name.id, parameters),
                    keyword.name.span,
                    help=_call_text(reader, name),
                )
            )
        given[keyword.name.id] = reader.read(keyword.value, scope)
    if len(given) < len(parameters):
        raise wrong_count(reader, expression, len(parameters), len(given))
    return body_of(reader, function, given, expression.span)


def body_of(reader: Reader, function: tree.Function, given: dict[str, Value], span: Span) -> Value:
    """Read a function's body with values for its parameters."""
    inner = Scope(values=given)
    reader.names.inlining.append(function.name.id)
    try:
        for definition in function.definitions:
            value = reader.read(definition.value, inner)
            inner = inner.having({t.id: value for t in definition.targets})  # type: ignore[union-attr]
        return replace(reader.read(function.result, inner), span=span)
    finally:
        reader.names.inlining.pop()


def wrong_count(reader: Reader, expression: tree.Call, wanted: int, found: int) -> Exception:
    """Report a wrong number of arguments."""
    name = expression.function.id
    return reader.stop(
        kinds.ARGUMENTS(
            f"`{name}` takes {_how_many(wanted)}, and {given_text(found)}",
            expression.span,
            help=_call_text(reader, name),
        )
    )


def no_argument(name: str, keyword: str, known: Sequence[str]) -> str:
    """Return what is wrong with a keyword: there is none of that name, or it is given before."""
    if keyword in known:
        return f"the argument `{keyword}` of `{name}` is given twice"
    return f"`{name}` has no argument `{keyword}`"


def _how_many(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"


def given_text(count: int) -> str:
    """Return how many arguments are given, in words."""
    return "none is given" if count == 0 else "1 is given" if count == 1 else f"{count} are given"


def _call_text(reader: Reader, name: str) -> str | None:
    """Return how a function is called, where a table knows it."""
    if name in reader.names.functions:
        names = [p.id for p in reader.names.functions[name].parameters]
    elif name in FUNCTIONS:
        names = list(FUNCTIONS[name].parameters)
    elif name in REDUCTIONS:
        return f"write `{name}(x)`, or with an index `{name}(x[n] for n in N)`"
    else:
        return None
    return f"write `{name}({', '.join(names)})`"


# ------------------------------------------------------------------------------------ reductions


def reduction(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``sum(...)`` and its like, with an index or over everything."""
    name, span = expression.function.id, expression.span
    arguments = expression.arguments
    if expression.keywords:
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{name}` has no argument `{expression.keywords[0].name.id}`",
                expression.keywords[0].name.span,
                help=f"to keep an axis, name its index: `[{name}(x[n, d] for n in N) for d in D]`",
            )
        )
    if not expression.loops and len(arguments) == 2 and name in ("min", "max"):
        pair = [reader.read(a, scope) for a in arguments]
        return reader.elementwise(np.minimum if name == "min" else np.maximum, pair, span)
    if len(arguments) != 1:
        raise wrong_count(reader, expression, 1, len(arguments))
    if expression.loops:
        inner, indices = reader.loops(expression.loops, scope, "sum")
        value = reader.read(arguments[0], inner)
    else:
        directly = isinstance(arguments[0], tree.Index)
        value = reader.read(arguments[0], replace(scope, reduced=directly))
        indices = value.axes
    rest = tuple(i for i in value.axes if i not in indices)
    return REDUCTIONS[name](reader, value, indices, rest, span)


Reduction = Callable[[Reader, Value, Sequence[Index], tuple[Index, ...], Span], Value]


def _plain(operation: Any) -> Reduction:
    def reduce(
        reader: Reader, value: Value, indices: Sequence[Index], rest: tuple[Index, ...], span: Span
    ) -> Value:
        limited = any(i.limits is not None for i in indices)
        missing = [] if limited else [i for i in indices if i not in value.node.free]
        node, _ = reduce_over(operation, value, indices, span)
        if operation in ("sum", "prod") and missing:
            inner = reduced(
                operation, tuple(i for i in indices if i not in missing), value.node, span
            )
            body = inner if inner.indices else value.node
            _, count = reduce_over(operation, value, missing, span)
            ufunc = np.multiply if operation == "sum" else np.power
            return reader.elementwise(ufunc, (Value(body, rest), Value(count())), span)
        return Value(node, rest, span)

    return reduce


def _mean(
    reader: Reader, value: Value, indices: Sequence[Index], rest: tuple[Index, ...], span: Span
) -> Value:
    total = _plain("sum")(reader, value, indices, rest, span)
    _, count = reduce_over("sum", value, indices, span)
    return reader.elementwise(np.divide, (total, Value(count())), span)


def _variance(
    reader: Reader, value: Value, indices: Sequence[Index], rest: tuple[Index, ...], span: Span
) -> Value:
    mean = _mean(reader, value, indices, rest, span)
    centred = Apply(RECOGNISED[np.subtract].name, (value.node, mean.node), span)
    square = Value(Apply(RECOGNISED[np.square].name, (centred,), span), value.axes)
    total = _plain("sum")(reader, square, indices, rest, span)
    _, count = reduce_over("sum", value, indices, span)
    freedom = Value(subtract(count(), Constant(1)))
    return reader.elementwise(np.divide, (total, freedom), span)


def _sd(
    reader: Reader, value: Value, indices: Sequence[Index], rest: tuple[Index, ...], span: Span
) -> Value:
    return reader.elementwise(np.sqrt, (_variance(reader, value, indices, rest, span),), span)


def _of_truth(operation: Any) -> Reduction:
    def reduce(
        reader: Reader, value: Value, indices: Sequence[Index], rest: tuple[Index, ...], span: Span
    ) -> Value:
        truth = reader.elementwise(np.not_equal, (value, Value(Constant(0))), span)
        return _plain(operation)(reader, replace(truth, axes=value.axes), indices, rest, span)

    return reduce


REDUCTIONS: Mapping[str, Reduction] = {
    "sum": _plain("sum"),
    "prod": _plain("prod"),
    "min": _plain("min"),
    "max": _plain("max"),
    "logsumexp": _plain("logsumexp"),
    "mean": _mean,
    "var": _variance,
    "sd": _sd,
    "any": _of_truth("max"),
    "all": _of_truth("min"),
    "count": _of_truth("sum"),
}

# --------------------------------------------------------------------------- the tables' functions


def bind_events(
    reader: Reader,
    values: Sequence[Value],
    letters: Sequence[tuple[str, ...]],
    expression: tree.Call,
) -> tuple[list[Node], list[tuple[Index, ...]], tuple[Index, ...], dict[str, Index]]:
    """Split each value's axes into shared ones and event axes.

    Returns the nodes over common shared axes, each one's event axes, the shared axes, and for each
    letter of the signature an index of its size.
    """
    shared: list[Value] = []
    events: list[tuple[Index, ...]] = []
    sizes: dict[str, Index] = {}
    for value, group in zip(values, letters, strict=True):
        if len(value.axes) < len(group):
            raise reader.stop(
                kinds.SHAPE(
                    f"`{expression.function.id}` needs "
                    + ("a vector" if len(group) == 1 else "a matrix")
                    + " here",
                    value.span or expression.span,
                    axes_text(value.axes),
                )
            )
        split = len(value.axes) - len(group)
        event = value.axes[split:]
        reader.no_limits(event, value.span or expression.span)
        for letter, index in zip(group, event, strict=True):
            if letter in sizes:
                one, two = dimension_of(sizes[letter]), dimension_of(index)
                if one is not None and two is not None and one != two:
                    raise reader.stop(
                        kinds.SHAPE(
                            f"`{expression.function.id}` combines shapes that do not fit",
                            value.span or expression.span,
                            f"{two} meets {one}",
                        )
                    )
                reader.same(sizes[letter].domain, index.domain, expression.span)
            else:
                sizes[letter] = index
        shared.append(Value(value.node, value.axes[:split], value.span))
        events.append(event)
    nodes, axes = reader.together(shared, expression.span)
    return list(nodes), events, axes, sizes


def table_function(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read a call of a function of the table."""
    record = FUNCTIONS[expression.function.id]
    values = arguments_of(reader, expression, list(record.parameters), scope)
    if record.of_vector and len(values[0].axes) == 1:
        record = FUNCTIONS[record.of_vector]
    signature = parse_signature(record.signature, len(values))
    if not record.signature:
        nodes, axes = reader.together(values, expression.span)
        result = trace(record.expression, nodes, [()] * len(nodes))
        return Value(located(result.node, expression.span), axes, expression.span)
    values = [fresh(v) for v in values]
    bound, events, axes, _ = bind_events(reader, values, signature.arguments, expression)
    result = trace(record.expression, bound, events)
    node = located(result.node, expression.span)
    return Value(node, (*axes, *result.event), expression.span)


def located(node: Node, span: Span) -> Node:
    """Return a node with its place in the text, if it has none."""
    return replace(node, span=span) if node.span is None else node


def arguments_of(
    reader: Reader, expression: tree.Call, parameters: Sequence[str], scope: Scope
) -> list[Value]:
    """Read the arguments of a call in the order of the parameters."""
    name = expression.function.id
    if len(expression.arguments) > len(parameters):
        raise wrong_count(reader, expression, len(parameters), len(expression.arguments))
    given = dict(zip(parameters, expression.arguments, strict=False))
    for keyword in expression.keywords:
        key = keyword.name.id
        if key not in parameters or key in given:
            raise reader.stop(
                kinds.ARGUMENTS(
                    no_argument(name, key, parameters),
                    keyword.name.span,
                    help=_call_text(reader, name),
                )
            )
        given[key] = keyword.value
    if len(given) < len(parameters):
        raise wrong_count(reader, expression, len(parameters), len(given))
    return [reader.read(given[p], scope) for p in parameters]


# ---------------------------------------------------------------- functions of the compiler's own


def _dot(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    left, right = arguments_of(reader, expression, ["a", "b"], scope)
    product = reader.elementwise(np.multiply, (left, right), expression.span)
    if not product.axes:
        raise reader.shape_error(left, right, "`dot` needs vectors", expression.span)
    last = product.axes[-1]
    return Value(
        reduced("sum", (last,), product.node, expression.span), product.axes[:-1], expression.span
    )


def _transpose(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    (value,) = arguments_of(reader, expression, ["x"], scope)
    return Value(value.node, value.axes[::-1], expression.span)


def _where(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    a, b, c = expression.arguments if len(expression.arguments) == 3 else (None, None, None)
    if a is None or b is None or c is None or expression.keywords:
        raise wrong_count(reader, expression, 3, len(expression.arguments))
    return reader.read(tree.Conditional(a, b, c, expression.span), scope)


def _size(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    if len(expression.arguments) == 1:
        argument = expression.arguments[0]
        value = reader.read(argument, scope)
        if not value.axes:
            return replace(value, span=expression.span)
        _, count = reduce_over("sum", value, value.axes, expression.span)
        return Value(count(), (), expression.span)
    raise wrong_count(reader, expression, 1, len(expression.arguments))


def _of_distribution(
    quantity: Literal["log density", "cdf", "ccdf"],
) -> Callable[[Reader, tree.Call, Scope], Value]:
    """Return how ``logp(d, x)`` and its like are read."""

    def read(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
        from ppl.graph.densities import density

        name = expression.function.id
        inside = expression.arguments[0] if len(expression.arguments) == 2 else None
        if not isinstance(inside, tree.Call) or expression.keywords:
            raise reader.stop(
                kinds.ARGUMENTS(
                    f"`{name}` takes a distribution and a value",
                    expression.span,
                    help=f"write `{name}(Normal(mu, sigma), x)`",
                )
            )
        value = reader.read(expression.arguments[1], scope)
        node, axes = density(reader, inside, value, scope, spread=True)
        if quantity != "log density" and node.record.cdf is None:
            message = f"the distribution function of `{node.distribution}` is not known"
            raise reader.stop(kinds.ARGUMENTS(message, inside.span))
        return Value(replace(node, quantity=quantity), axes, expression.span)

    return read


def _observed(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    """Read ``observed(y)``: the data of y, on which nothing depends as on y itself."""
    from ppl.graph.build import Unknown

    if len(expression.arguments) != 1 or expression.keywords:
        raise wrong_count(reader, expression, 1, len(expression.arguments))
    (argument,) = expression.arguments
    base = argument.base if isinstance(argument, tree.Index) else argument
    key = reader.names.lookup(base.id, scope) if isinstance(base, tree.Name) else None
    if key is None or key in reader.names.learned or not reader.names.is_random(key):
        raise reader.stop(
            kinds.NOT_OBSERVED(
                f"`{reader.names.text(argument.span)}` is not a variable with data and a "
                "distribution",
                argument.span,
                help="`observed(y)` is the data of a `y ~ ...` as a constant; write data without "
                "a distribution as they are",
            )
        )
    try:
        value = reader.read(argument, scope)
    except Unknown:
        name = reader.names.text(base.span)
        raise reader.stop(
            kinds.NOT_OBSERVED(
                f"`observed({name})` needs data for `{name}`, which is not observed",
                argument.span,
                help=f"give `{name}` in the data, and declare it: `data {name}[...]`",
            )
        ) from None
    reader.names.known_axes[f"{key}{OBSERVED}"] = reader.names.known_axes[key]
    reader.names.first_read.setdefault(f"{key}{OBSERVED}", argument.span)

    def one(node: Node) -> Node:
        if isinstance(node, Read) and node.name == key:
            return replace(node, name=f"{key}{OBSERVED}")
        return node

    return Value(rewrite(value.node, one), value.axes, expression.span)


def _eye(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    if len(expression.arguments) != 1 or expression.keywords:
        raise wrong_count(reader, expression, 1, len(expression.arguments))
    domain = reader.domain_of_size(expression.arguments[0], scope)
    i, j = (Index("i", "axis", domain, expression.span) for _ in range(2))
    node = Apply(RECOGNISED[np.equal].name, (Position(i), Position(j)), expression.span)
    return Value(node, (i, j), expression.span)


def _ode(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
    from ppl.graph.odes import ode

    return ode(reader, expression, scope)


def _arranged(name: str) -> Callable[[Reader, tree.Call, Scope], Value]:
    """Return how a function that arranges numbers anew is read."""

    def read(reader: Reader, expression: tree.Call, scope: Scope) -> Value:
        from ppl.graph.arranged import ARRANGED

        return ARRANGED[name](reader, expression, scope)

    return read


ARRANGING = ("diff", "concat", "stack", "repeat", "reshape", "onehot", "convolve", "spline")

SPECIAL: Mapping[str, Callable[[Reader, tree.Call, Scope], Value]] = {
    "dot": _dot,
    "transpose": _transpose,
    "where": _where,
    "size": _size,
    "logp": _of_distribution("log density"),
    "cdf": _of_distribution("cdf"),
    "ccdf": _of_distribution("ccdf"),
    "observed": _observed,
    "eye": _eye,
    "ode": _ode,
    **{name: _arranged(name) for name in ARRANGING},
}
