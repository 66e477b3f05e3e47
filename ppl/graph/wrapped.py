"""Calls of distributions that are built from others: ``Mixture(w, Normal(0, 1), Normal(3, 1))``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ppl.constraints import Constraint
from ppl.distributions import Law, distributions, record_of
from ppl.distributions.component import Part
from ppl.distributions.wrappers import Wrapper
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.calls import given_text, no_argument
from ppl.graph.expressions import Reader, axes_text, fresh
from ppl.graph.graph import Suffix
from ppl.graph.nodes import Constant, Domain, LogDensity, extent
from ppl.graph.scope import Scope
from ppl.graph.trace import Traced
from ppl.syntax import tree


def wrapped(
    reader: Reader, wrapper: Wrapper, call: tree.Call, scope: Scope
) -> tuple[Law, list[Value]]:
    """Read a call of a wrapper.

    Returns what is built, and the values of its own arguments followed by those of the components.
    """
    from ppl.graph.densities import called

    own, inside = _placed(reader, wrapper, call)
    for name, argument in own.items():
        if isinstance(argument, tree.Call) and argument.function.id in distributions():
            raise reader.stop(
                kinds.ARGUMENTS(
                    f"`{reader.names.text(argument.span)}` stands where `{wrapper.name}` needs "
                    f"numbers (its `{name}`)",
                    argument.span,
                    help=f"the order is `{wrapper.signature_text}`",
                )
            )
    values = [
        reader.read(own[p], scope) if p in own else Value(Constant(wrapper.defaults[p]), (), None)
        for p in wrapper.parameters
    ]
    values = [fresh(v) for v in values]
    laws: list[Law] = []
    for expression in inside:
        if not isinstance(expression, tree.Call):
            raise reader.stop(
                kinds.ARGUMENTS(
                    f"`{reader.names.text(expression.span)}` stands where `{wrapper.name}` needs a "
                    "distribution",
                    expression.span,
                    help=f"write `{wrapper.signature_text}`, with a distribution such as "
                    "`Normal(0, 1)` for each d",
                )
            )
        law, given = called(reader, expression, scope)
        _check_component(reader, wrapper, law, expression)
        laws.append(law)
        values.extend(given)
    _check_together(reader, wrapper, laws, inside)
    _check_counts(reader, wrapper, values, len(laws), call)
    _check_bounds(reader, wrapper, laws, values, call)
    return Law(wrapper.name, None, tuple(laws)), values


def _placed(
    reader: Reader, wrapper: Wrapper, call: tree.Call
) -> tuple[dict[str, tree.Expression], list[tree.Expression]]:
    """Return the wrapper's own arguments by name, and its components."""
    names = list(wrapper.order)
    extra = len(call.arguments) - len(names)
    if wrapper.several and extra > 0:
        names += [names[-1]] * extra
    own: dict[str, tree.Expression] = {}
    inside: list[tree.Expression] = []
    for name, argument in zip(names, call.arguments, strict=False):
        if name in wrapper.parameters:
            own[name] = argument
        else:
            inside.append(argument)
    for keyword in call.keywords:
        name = keyword.name.id
        if name not in wrapper.parameters or name in own:
            raise reader.stop(
                kinds.ARGUMENTS(
                    no_argument(wrapper.name, name, list(own)),
                    keyword.name.span,
                    help=f"write `{wrapper.signature_text}`",
                )
            )
        own[name] = keyword.value
    components = sum(n not in wrapper.parameters for n in wrapper.order) + wrapper.several
    lacking = [p for p in wrapper.parameters if p not in own and p not in wrapper.defaults]
    if lacking or len(inside) < components or len(call.arguments) > len(names):
        count = len(call.arguments) + len(call.keywords)
        few = len(wrapper.parameters) - len(wrapper.defaults) + components
        least = f"{few} or more" if wrapper.several else str(few)
        most = len(wrapper.parameters) + components
        takes = least if wrapper.several or most == few else f"{few} to {most}"
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{wrapper.name}` takes {takes} arguments, and {given_text(count)}",
                call.span,
                help=f"write `{wrapper.signature_text}`",
            )
        )
    return own, inside


def _check_component(reader: Reader, wrapper: Wrapper, law: Law, at: tree.Call) -> None:
    """Refuse a component that the wrapper cannot be built around."""
    record = record_of(law)
    message, help = "", None
    if Part(record, law.alternative).event_ndim and not wrapper.several:
        message = f"`{wrapper.name}` takes a distribution over numbers, and `{law.name}` is one "
        message += "over vectors"
    elif wrapper.needs_cdf and not record.normalised:
        message = f"`{law.name}` is not normalised, so its probability between bounds is not known"
        help = "write `Restricted`, which leaves the density as it is"
    if message:
        raise reader.stop(kinds.ARGUMENTS(message, at.span, help=help))


def _check_together(
    reader: Reader, wrapper: Wrapper, laws: Sequence[Law], at: Sequence[tree.Expression]
) -> None:
    """Refuse components that differ in what kind of values they have."""
    records = [record_of(law) for law in laws]
    for law, record, expression in zip(laws[1:], records[1:], at[1:], strict=True):
        shapes = [
            Part(r, x.alternative).event_ndim for r, x in ((records[0], laws[0]), (record, law))
        ]
        if record.discrete == records[0].discrete and shapes[0] == shapes[1]:
            continue
        kind = {True: "integers", False: "real numbers"}
        first, second = kind[records[0].discrete], kind[record.discrete]
        if shapes[0] != shapes[1]:
            first, second = ("vectors" if s else "numbers" for s in shapes)
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{laws[0].name}` is over {first}, and `{law.name}` over {second}",
                expression.span,
                help=f"the distributions in a `{wrapper.name}` are over the same kind of values",
            )
        )


def _check_counts(
    reader: Reader, wrapper: Wrapper, values: Sequence[Value], count: int, call: tree.Call
) -> None:
    """Demand of a vector of weights that it has one for each component."""
    for value, letters in zip(values, map(wrapper.letters.get, wrapper.parameters), strict=False):
        if not letters or not wrapper.several:
            continue
        if not value.axes:
            continue
        domain = value.axes[-1].domain
        size = extent(domain)
        if isinstance(size, Constant) and size.value != count:
            raise reader.stop(
                kinds.SHAPE(
                    f"`{wrapper.name}` has {count} distributions and {size.value} weights",
                    value.span or call.span,
                    axes_text(value.axes),
                )
            )
        reader.same(domain, Domain(Constant(0), Constant(count)), value.span or call.span)


def _check_bounds(
    reader: Reader,
    wrapper: Wrapper,
    laws: Sequence[Law],
    values: Sequence[Value],
    call: tree.Call,
) -> None:
    """Refuse bounds that are numbers in the wrong order."""
    if wrapper.bounds is None:
        return
    names = list(wrapper.parameters)
    low, high = (values[names.index(b)].node for b in wrapper.bounds)
    if isinstance(low, Constant) and isinstance(high, Constant):
        swapped = low.value > high.value
        one = not swapped and all(record_of(law).discrete for law in laws)
        if low.value < high.value or one:
            return
        raise reader.stop(
            kinds.CONSTRAINT(
                f"no number lies between {low.value:g} and {high.value:g}",
                call.span,
                help=f"the order is `{wrapper.signature_text}`: exchange the bounds"
                if swapped
                else None,
            )
        )


def simple_densities(density: LogDensity) -> Iterator[LogDensity]:
    """Yield a density and those that it is built from, each with its own arguments alone."""
    if not density.components:
        yield density
        return
    start = len(record_of(replace(density.law, components=())).parameters)
    yield replace(
        density,
        arguments=density.arguments[:start],
        events=density.events[:start],
        components=(),
    )
    for law in density.components:
        stop = start + len(Part(record_of(law), law.alternative).parameters)
        inner = replace(
            density,
            distribution=law.name,
            alternative=law.alternative,
            components=law.components,
            arguments=density.arguments[start:stop],
            events=density.events[start:stop],
        )
        yield from simple_densities(inner)
        start = stop


def with_bounds(density: LogDensity, suffix: Suffix | None) -> LogDensity:
    """Return a density with the bounds of a suffix: ``Normal(0, 1) > 0`` is truncated.

    Bounds that leave nothing out of the support leave the density as it is. A density that is not
    normalised is restricted.
    """
    if suffix is None or (suffix.lower is None and suffix.upper is None):
        return density
    record = density.record
    lower, upper = suffix.lower, suffix.upper
    if isinstance(record.support, Constraint):
        own = record.support.range
        cuts_edge = [record.discrete and is_open for is_open in suffix.open]
        if isinstance(lower, Constant) and _is_idle(lower.value, own.lower, cuts_edge[0]):
            lower = None
        if isinstance(upper, Constant) and _is_idle(-upper.value, -own.upper, cuts_edge[1]):
            upper = None
    if lower is None and upper is None:
        return density
    if record.discrete and lower is not None and suffix.open[0]:
        lower = (np.floor(Traced(lower)) + 1.0).node
    if record.discrete and upper is not None and suffix.open[1]:
        upper = (np.ceil(Traced(upper)) - 1.0).node
    return replace(
        density,
        distribution="Truncated" if record.normalised else "Restricted",
        alternative=None,
        components=(density.law,),
        arguments=(
            Constant(-math.inf) if lower is None else lower,
            Constant(math.inf) if upper is None else upper,
            *density.arguments,
        ),
        events=((), (), *density.events),
    )


def _is_idle(bound: float, edge: float, cuts_edge: bool) -> bool:
    """Return whether a lower bound leaves out nothing of a support that begins at an edge.

    An open bound at the edge of integers leaves out the edge itself.
    """
    return bound < edge or (bound == edge and not cuts_edge)
