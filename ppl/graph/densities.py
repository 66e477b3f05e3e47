"""The right side of ``~``: a distribution, its parametrisation, its arguments, its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ppl.constraints import Constraint
from ppl.distributions import DISTRIBUTIONS, WRAPPERS, Law, distributions, record_of
from ppl.distributions.record import Distribution
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value, axis_text, size_text
from ppl.graph.calls import bind_events, given_text, no_argument
from ppl.graph.expressions import Reader, axes_text, fresh
from ppl.graph.habits import DISTRIBUTIONS_ELSEWHERE, PRECISIONS, keyword_meant
from ppl.graph.names import nearest
from ppl.graph.nodes import Constant, Index, LogDensity, Read, walk
from ppl.graph.scope import Scope
from ppl.graph.suspicions import suspect_scale
from ppl.graph.trace import Signature, parse_signature
from ppl.graph.wrapped import wrapped
from ppl.syntax import tree
from ppl.text import Label


def parameters_of(record: Distribution, alternative: int | None) -> Mapping[str, Constraint]:
    """Return the parameters of a parametrisation, in call order."""
    if alternative is None:
        return record.parameters
    return record.alternatives[alternative].parameters


def signature_of(record: Distribution, alternative: int | None) -> Signature:
    """Return the signature of a parametrisation."""
    text = record.signature
    if alternative is not None:
        other = record.alternatives[alternative].signature
        text = text if other is None else other
    return parse_signature(text, len(parameters_of(record, alternative)))


def find(reader: Reader, call: tree.Call) -> Distribution:
    """Look a distribution up."""
    name = call.function.id
    if name in DISTRIBUTIONS:
        return DISTRIBUTIONS[name]
    written = DISTRIBUTIONS_ELSEWHERE.get(name.lower(), "")
    meant = written.partition("(")[0]
    if meant not in DISTRIBUTIONS:
        meant, written = nearest(name, distributions()) or "", ""
    raise reader.stop(
        kinds.UNKNOWN_DISTRIBUTION(
            f"there is no distribution `{name}`",
            call.function.span,
            f"did you mean `{meant}`?" if meant else "",
            help=_written(name, meant, written)
            if meant
            else f"the distributions are {', '.join(distributions())}",
        )
    )


def _written(name: str, meant: str, written: str) -> str:
    """Return how to write a distribution that has another name elsewhere."""
    if meant in WRAPPERS:
        return f"write `{WRAPPERS[meant].signature_text}`"
    record = DISTRIBUTIONS[meant]
    help = f"write `{written if '(' in written else signature_text(record)}`"
    other = next((a for a in record.alternatives if "precision" in a.parameters), None)
    if name.lower() in PRECISIONS and other is not None:
        words = ", ".join("precision = tau" if p == "precision" else p for p in other.parameters)
        help += f"; for the precision of BUGS and JAGS, `{meant}({words})`"
    return help


def signature_text(record: Distribution) -> str:
    """Return how a distribution is called: ``Normal(mu, sigma)``."""
    return f"{record.name}({', '.join(record.parameters)})"


def _parametrisations(
    record: Distribution,
) -> Iterator[tuple[int | None, Mapping[str, Constraint]]]:
    yield None, record.parameters
    for number, alternative in enumerate(record.alternatives):
        yield number, alternative.parameters


def arguments(
    reader: Reader, record: Distribution, call: tree.Call, scope: Scope
) -> tuple[int | None, list[Value]]:
    """Choose the parametrisation that fits the keywords, and read its arguments."""
    keywords = {k.name.id: k for k in call.keywords}
    seen: set[str] = set()
    for keyword in call.keywords:
        if keyword.name.id in seen:
            raise reader.stop(
                kinds.ARGUMENTS(
                    no_argument(record.name, keyword.name.id, list(keywords)), keyword.name.span
                )
            )
        seen.add(keyword.name.id)
    for number, parameters in _parametrisations(record):
        if not set(keywords) <= set(parameters):
            continue
        free = [p for p in parameters if p not in keywords]
        places = free if number is None else [p for p in free if p in record.parameters]
        needed = [p for p in free if p not in record.defaults]
        count = len(call.arguments)
        if count > len(places) or not set(needed) <= set(places[:count]):
            continue
        given: dict[str, Value] = {}
        for place, argument in zip(places, call.arguments, strict=False):
            given[place] = reader.read(argument, scope)
        for name, keyword in keywords.items():
            given[name] = reader.read(keyword.value, scope)
        for name, default in record.defaults.items():
            if name in parameters and name not in given:
                given[name] = Value(Constant(default), (), call.span)
        return number, [given[p] for p in parameters]
    raise _do_not_fit(reader, record, call)


def _do_not_fit(reader: Reader, record: Distribution, call: tree.Call) -> Exception:
    ways = [signature_text(record)]
    for alternative in record.alternatives:
        words = [p if p in record.parameters else f"{p} = ..." for p in alternative.parameters]
        ways.append(f"{record.name}({', '.join(words)})")
    help = "write " + " or ".join(f"`{w}`" for w in ways)
    known = {p for _, parameters in _parametrisations(record) for p in parameters}
    strange = next((k.name for k in call.keywords if k.name.id not in known), None)
    if strange is not None:
        meant = keyword_meant(strange.id, known) or nearest(strange.id, known)
        found = f"did you mean `{meant}`?" if meant else ""
        if (record.name, strange.id) in INVERSE:
            found = f"the {INVERSE[record.name, strange.id]} is 1 / {strange.id}"
        message = no_argument(record.name, strange.id, ())
        return reader.stop(kinds.ARGUMENTS(message, strange.span, found, help=help))
    placed = list(record.parameters)[: len(call.arguments)]
    double = next((k.name for k in call.keywords if k.name.id in placed), None)
    count = len(call.arguments) + len(call.keywords)
    wanted = len(record.parameters) - len(record.defaults)
    if double is not None and count > wanted:
        message = f"`{double.id}` of `{record.name}` is given by its place and by its name"
        return reader.stop(kinds.ARGUMENTS(message, double.span, help=help))
    message = f"`{record.name}` takes {'1 argument' if wanted == 1 else f'{wanted} arguments'}"
    message += f", and {given_text(count)}"
    if count == wanted:
        message = f"these arguments of `{record.name}` do not go together"
    return reader.stop(kinds.ARGUMENTS(message, call.span, help=help))


INVERSE = {
    ("Exponential", "scale"): "rate",
    ("Exponential", "mean"): "rate",
    ("Exponential", "mu"): "rate",
    ("Gamma", "scale"): "rate `beta`",
    ("Gamma", "theta"): "rate `beta`",
}
"""Arguments of other languages that are the inverse of one here."""


def kernel_at_positions(reader: Reader, record: Distribution, call: tree.Call) -> tree.Call:
    """Return the call with its kernel at its positions: the covariance in their place."""
    names = ["kernel" if p == record.kernel else p for p in record.parameters] + ["x"]
    given = dict(zip(names, call.arguments, strict=False))
    given |= {k.name.id: k.value for k in call.keywords}
    kernel = given.get("kernel")
    if set(given) != set(names) or not isinstance(kernel, tree.Call):
        raise reader.stop(
            kinds.ARGUMENTS(
                f"`{record.name}` takes a mean, a kernel without its positions, and the positions",
                call.span,
                help=f"write `{record.name}(mu, exp_quad(alpha, rho), x)`",
            )
        )
    whole = replace(kernel, arguments=(given["x"], *kernel.arguments))
    inside = tuple(whole if n == "kernel" else given[n] for n in names[:-1])
    return replace(call, arguments=inside, keywords=())


def called(reader: Reader, call: tree.Call, scope: Scope) -> tuple[Law, list[Value]]:
    """Read which distribution is called, and its arguments."""
    if call.loops:
        raise reader.stop(
            kinds.ARGUMENTS(
                "a distribution takes no `for`",
                call.loops[0].span,
                help="repeat the statement: `for n in N { y[n] ~ ... }`",
            )
        )
    wrapper = WRAPPERS.get(call.function.id)
    if wrapper is not None:
        return wrapped(reader, wrapper, call, scope)
    record = find(reader, call)
    if record.kernel:
        call = kernel_at_positions(reader, record, call)
    alternative, given = arguments(reader, record, call, scope)
    for parameter, argument in zip(parameters_of(record, alternative), given, strict=True):
        suspect_scale(reader, record, parameter, argument)
    return Law(record.name, alternative), [fresh(g) for g in given]


def density(
    reader: Reader,
    call: tree.Call,
    value: Value | None,
    scope: Scope,
    *,
    spread: bool = False,
) -> tuple[LogDensity, tuple[Index, ...]]:
    """Read a distribution at a value.

    Returns the log density and the axes over which it is repeated. With no value, the axes come
    from the arguments, and the density's `value` is a placeholder to be replaced. With `spread`
    the value spreads over the arguments' axes; otherwise that is an error.
    """
    law, given = called(reader, call, scope)
    record, alternative = record_of(law), law.alternative
    signature = signature_of(record, alternative)
    if value is None:
        nodes, events, axes, sizes = bind_events(reader, given, signature.arguments, call)
        missing = [s for s in signature.result if s not in sizes]
        if missing:
            raise reader.stop(
                kinds.UNKNOWN_SIZE(
                    f"the size of this `{record.name}` is not known",
                    call.span,
                    help="name the axes on the left, as in `L[K, K] ~ ...`",
                )
            )
        event = tuple(sizes[s].like("axis") for s in signature.result)
        node = LogDensity(
            record.name,
            alternative,
            Constant(0),
            tuple(nodes),
            event,
            tuple(events),
            call.span,
            law.components,
        )
        return node, axes
    letters = [signature.result, *signature.arguments]
    split = len(value.axes) - len(signature.result)
    mine = set(value.axes[: max(split, 0)])
    given = [
        _spread(g, s, signature, value) for g, s in zip(given, signature.arguments, strict=True)
    ]
    nodes, events, axes, _ = bind_events(reader, [value, *given], letters, call)
    if not spread and set(axes) != mine:
        guilty = next(
            (g for g in given if len(g.axes) and not _fits(g, mine)), given[0] if given else value
        )
        raise too_many_axes(reader, guilty, value, call, scope)
    node = LogDensity(
        record.name,
        alternative,
        nodes[0],
        tuple(nodes[1:]),
        events[0],
        tuple(events[1:]),
        call.span,
        law.components,
    )
    return node, tuple(a for a in value.axes if a in axes) if not spread else axes


def event_axes(call: tree.Call) -> int:
    """Return how many axes one value of the distribution has that is called."""
    name = call.function.id
    if name in DISTRIBUTIONS:
        record = DISTRIBUTIONS[name]
        return len(parse_signature(record.signature, len(record.parameters)).result)
    if name not in WRAPPERS:
        return 0
    inside = [a for a in call.arguments if isinstance(a, tree.Call)]
    own = len(WRAPPERS[name].result)
    return own or max((event_axes(a) for a in inside), default=0)


def too_many_axes(
    reader: Reader, guilty: Value, value: Value, call: tree.Call, scope: Scope
) -> Exception:
    """Report an argument with an axis that the left side has not."""
    span = guilty.span or call.span
    text, left = reader.names.text(span), reader.names.text(value.span)
    mine = [axis_text(a) for a in value.axes]
    extra = [axis_text(a) for a in guilty.axes if axis_text(a) not in mine]
    lost = ", ".join(f"`{e}`" for e in extra)
    axis = f"the axis {lost}" if len(extra) == 1 else f"the axes {lost}"
    has = f"has {axes_text(value.axes)}" if mine else "is a single number"
    labels = (Label(value.span, f"`{left}` {has}"),) if value.span else ()
    return reader.stop(
        kinds.SHAPE(
            f"`{text}` has {axis}, and `{left}` has not"
            if extra
            else f"`{text}` has more axes than `{left}`",
            span,
            axes_text(guilty.axes),
            secondary=labels,
            help=_axes_help(reader, guilty, value, scope, extra),
        )
    )


def _axes_help(
    reader: Reader, guilty: Value, value: Value, scope: Scope, extra: list[str]
) -> str | None:
    """Return how to mend an argument with an axis too many."""
    names = reader.names
    text, left = names.text(guilty.span), names.text(value.span)
    if len(extra) != 1:
        return "a likelihood is never broadcast silently: name all axes on the left"
    (axis,) = extra
    if any(a.limits is not None for a in guilty.axes):
        return f"a range has many positions: reduce it, as in `sum({text})`"
    if not axis.isidentifier():
        return "take one position of it, or name all axes on the left"
    if f"[{axis}]" in text:
        return (
            f"a dimension's name in brackets is the whole axis: the last position is `{axis} - 1`"
        )
    reads = {n.name for n in walk(guilty.node) if isinstance(n, Read)}
    having = [
        n for n in sorted(reads) if axis in [a.dimension for a in names.known_axes.get(n, ())]
    ]
    name = having[0] if having else text
    for index in scope.loops.values():
        if index.domain.dimension == axis:
            return f"inside the loop write `{name}[{index.name}]`"
    for pointer, datum in names.data.items():
        if datum.positions == axis:
            return f"read it at positions: `{name}[{pointer}]`"
    if not value.axes:
        return f"to observe one value for each position, write `{left}[{axis}] ~ ...`"
    mine = ", ".join(size_text(a.domain) for a in value.axes)
    return (
        f"read it at positions, as in `data g[{mine}] in {axis}` and `{name}[g]`; or name both "
        "axes on the left"
    )


def _spread(argument: Value, letters: tuple[str, ...], signature: Signature, value: Value) -> Value:
    """Let a number stand for a vector of equal numbers, of the size that the value has."""
    if argument.axes or len(letters) != 1 or letters[0] not in signature.result:
        return argument
    count = len(signature.result)
    if len(value.axes) < count:
        return argument
    event = value.axes[len(value.axes) - count :]
    like = event[signature.result.index(letters[0])].like("axis")
    return Value(argument.node, (like,), argument.span)


def _fits(value: Value, axes: set[Index]) -> bool:
    names = {a.domain.dimension for a in axes}
    return all(a.domain.dimension in names for a in value.axes)


def at_value(density: LogDensity, value: Value) -> LogDensity:
    """Put the value in place of a placeholder; its last axes are the event."""
    count = len(density.event)
    event = value.axes[len(value.axes) - count :]
    return replace(density, value=value.node, event=event)
