"""The right side of ``~``: a distribution, its parametrisation, its arguments, its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ppl.constraints import Constraint
from ppl.distributions import DISTRIBUTIONS
from ppl.distributions.record import Distribution
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.calls import bind_events
from ppl.graph.expressions import Reader, axes_text, fresh
from ppl.graph.names import HABITS, nearest
from ppl.graph.nodes import Constant, Index, LogDensity
from ppl.graph.scope import Scope
from ppl.graph.trace import Signature, parse_signature
from ppl.syntax import tree


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
    meant = HABITS.get(name.lower())
    if meant not in DISTRIBUTIONS:
        meant = nearest(name, DISTRIBUTIONS)
    raise reader.stop(
        kinds.UNKNOWN_DISTRIBUTION(
            f"there is no distribution `{name}`",
            call.function.span,
            f"did you mean `{meant}`?" if meant else "",
            help=f"write `{signature_text(DISTRIBUTIONS[meant])}`"
            if meant
            else "`ppl distributions` lists them",
        )
    )


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
    if len(keywords) < len(call.keywords):
        raise reader.stop(kinds.ARGUMENTS("a keyword stands twice", call.span))
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
        words = [p if p in record.parameters else f"{p} =" for p in alternative.parameters]
        ways.append(f"{record.name}({', '.join(words)})")
    known = {p for _, parameters in _parametrisations(record) for p in parameters}
    strange = next((k for k in call.keywords if k.name.id not in known), None)
    if strange is not None:
        message = f"`{record.name}` has no argument `{strange.name.id}`"
    else:
        count = len(call.arguments) + len(call.keywords)
        wanted = len(record.parameters) - len(record.defaults)
        message = f"`{record.name}` takes {wanted} arguments, and {count} are given"
        if count == wanted:
            message = f"these arguments of `{record.name}` do not go together"
        if wanted == 1:
            message = message.replace("1 arguments", "1 argument")
    return reader.stop(
        kinds.ARGUMENTS(
            message,
            strange.span if strange is not None else call.span,
            help="write " + " or ".join(f"`{w}`" for w in ways),
        )
    )


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
    record = find(reader, call)
    if call.loops:
        raise reader.stop(kinds.ARGUMENTS("a distribution takes no `for`", call.span))
    alternative, given = arguments(reader, record, call, scope)
    given = [fresh(g) for g in given]
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
            record.name, alternative, Constant(0), tuple(nodes), event, tuple(events), call.span
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
        raise reader.stop(
            kinds.SHAPE(
                "the distribution has more axes than what stands on the left",
                guilty.span or call.span,
                axes_text(guilty.axes),
                help="a likelihood is never broadcast silently: index the argument, or name all "
                "axes on the left",
            )
        )
    node = LogDensity(
        record.name,
        alternative,
        nodes[0],
        tuple(nodes[1:]),
        events[0],
        tuple(events[1:]),
        call.span,
    )
    return node, tuple(a for a in value.axes if a in axes) if not spread else axes


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
