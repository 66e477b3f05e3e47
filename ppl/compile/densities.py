"""Log densities as elementwise nodes: parametrisation, bounds, the edges of supports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.constraints import Constraint, real
from ppl.distributions import DISTRIBUTIONS
from ppl.distributions.record import Distribution
from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Sample
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    LogDensity,
    Matrix,
    Node,
    Position,
    Read,
    Select,
    reads,
    rewrite,
)
from ppl.graph.ranges import standard_arguments, support_of
from ppl.graph.trace import Traced, trace
from ppl.text import ModelError


def support_contains(density: LogDensity, sample: Sample | None) -> tuple[Node, str] | None:
    """Return whether the value is in its set, as a node; None where it is there for certain.

    The binding compares data with sets of known numbers. What is left are supports and bounds that
    depend on something, and values that are not data: states of a discrete latent that bounds
    leave out, and the arguments of ``logp``.
    """
    record = DISTRIBUTIONS[density.distribution]
    if sample is not None:
        if isinstance(record.support, Constraint) and not _cuts(record, sample):
            return None
        support = support_of(sample)
    elif isinstance(record.support, Constraint):
        support = record.support
        if support is real or support.event_ndim:
            return None
    else:
        support = record.support(*standard_arguments(density))
    contained = support.contains(Traced(density.value, density.event))
    return contained.node, support.phrase


def _cuts(record: Distribution, sample: Sample) -> bool:
    """Return whether bounds must be looked at, though the distribution's own support need not."""
    suffix = sample.suffix
    if suffix is None or suffix.constraint.event_ndim:
        return False
    bounds = [b for b in (suffix.lower, suffix.upper) if b is not None]
    return record.discrete or any(not isinstance(b, Constant) for b in bounds)


def _at_known_positions(node: Node, data: frozenset[str]) -> Node:
    """Read an array at a position that data give: then it is a gather."""
    match node:
        case Matrix(atom="at", arguments=(Read() as array, x), bound=((event,), ())) if not (
            reads(x) - data
        ):
            return rewrite(
                array,
                lambda n: (
                    replace(
                        n,
                        positions=tuple(
                            x if isinstance(p, Position) and p.index == event else p
                            for p in n.positions
                        ),
                    )
                    if isinstance(n, Read)
                    else n
                ),
            )
        case _:
            return node


def log_density(
    density: LogDensity,
    sample: Sample | None,
    *,
    inside: bool,
    data: frozenset[str] = frozenset(),
) -> Node:
    """Return a density as elementwise nodes.

    With `inside`, the value is in the support by construction; otherwise, where the value or the
    support depends on more than `data`, values outside it get −inf.
    """
    record = DISTRIBUTIONS[density.distribution]
    values = [density.value, *density.arguments]
    events = [density.event, *density.events]
    node = _traced(record, density.alternative, values, events)
    if sample is not None and sample.suffix is not None:
        node = _truncated(record, density, sample, node)
    found = None if inside else support_contains(density, sample)
    if found is not None and (sample is None or _differs(found[0], data)):
        node = Select(found[0], node, Constant(-np.inf))
    node = rewrite(node, lambda n: _at_known_positions(n, data))
    return node


def _differs(node: Node, data: frozenset[str]) -> bool:
    """Return whether a node's value differs from draw to draw or from state to state."""
    return bool(reads(node) - data) or any(i.role == "state" for i in node.free)


def _traced(
    record: Distribution,
    alternative: int | None,
    values: Sequence[Node],
    events: Sequence[tuple[Index, ...]],
) -> Node:
    if alternative is None:
        return trace(record.log_density, values, events).node
    other = record.alternatives[alternative]
    if other.log_density is not None:
        return trace(other.log_density, values, events).node
    return trace(
        lambda x, *given: record.log_density(x, *other.convert(*given)), values, events
    ).node


def _truncated(record: Distribution, density: LogDensity, sample: Sample, node: Node) -> Node:
    """Divide by the probability of the bounds that a suffix states."""
    suffix = sample.suffix
    assert suffix is not None
    if not record.normalised or suffix.constraint.event_ndim:
        return node
    own = record.support.range if isinstance(record.support, Constraint) else None
    lower, upper = suffix.lower, suffix.upper
    cuts_edge = [record.discrete and is_open for is_open in suffix.open]
    if own is not None and isinstance(lower, Constant):
        lower = None if _is_idle(lower.value, own.lower, cuts_edge[0]) else lower
    if own is not None and isinstance(upper, Constant):
        upper = None if _is_idle(-upper.value, -own.upper, cuts_edge[1]) else upper
    if lower is None and upper is None:
        return node
    if record.cdf is None:
        raise ModelError(
            (kinds.UNSUPPORTED(f"bounds on `{record.name}` are not supported yet", suffix.span),)
        )
    arguments = standard_arguments(density)
    low = high = None
    if lower is not None:
        low = _edge(record, lower, record.discrete and not suffix.open[0])
    if upper is not None:
        high = _edge(record, upper, record.discrete and suffix.open[1])
    total = _log(_probability(record, low, high, arguments))
    return trace(lambda density: density - total, (node,), ((),)).node


def _is_idle(bound: float, edge: float, cuts_edge: bool) -> bool:
    """Return whether a lower bound leaves out nothing of a support that begins at an edge.

    An open bound at the edge of integers leaves out the edge itself.
    """
    return bound < edge or (bound == edge and not cuts_edge)


def _edge(record: Distribution, bound: Node, before: bool) -> Any:
    """Return where the distribution function is taken: at a bound, or at the integer before it.

    A bound that the data or latents say may lie outside the support, where no formula need hold.
    """
    if isinstance(bound, Constant):
        return float(np.ceil(bound.value) - 1.0) if before else float(bound.value)
    edge: Any = np.ceil(Traced(bound)) - 1.0 if before else Traced(bound)
    if isinstance(record.support, Constraint) and not record.discrete:
        own = record.support.range
        edge = np.maximum(edge, own.lower) if np.isfinite(own.lower) else edge
        edge = np.minimum(edge, own.upper) if np.isfinite(own.upper) else edge
    return edge


def _probability(record: Distribution, low: Any, high: Any, arguments: Sequence[Any]) -> Any:
    """Return the probability between two edges, from the tail that keeps its digits."""
    cdf: Callable[..., Any] | None = record.cdf
    assert cdf is not None
    plain = cdf
    survival = record.survival or (lambda x, *given: 1.0 - plain(x, *given))
    if not isinstance(record.support, Constraint):
        cdf, survival = _clipped(cdf), _clipped(survival)
    if high is None:
        return survival(low, *arguments)
    if low is None:
        return cdf(high, *arguments)
    begin = cdf(low, *arguments)
    inside = cdf(high, *arguments) - begin
    if record.survival is None:
        return inside
    return np.where(begin > 0.5, survival(low, *arguments) - survival(high, *arguments), inside)


def _clipped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a distribution function that is right outside the support too."""
    return lambda *given: np.minimum(np.maximum(function(*given), 0.0), 1.0)


def _log(probability: Any) -> Any:
    """Return the logarithm, which of some functions is one that does not underflow."""
    match probability:
        case Traced(node=Apply(atom="exp", arguments=(z,))):
            return Traced(z)
        case Traced(node=Apply(atom="ndtr", arguments=(z,))):
            return Traced(Apply("log_ndtr", (z,)))
        case Traced(node=Apply(atom="expit", arguments=(z,))):
            return Traced(Apply("log_expit", (z,)))
        case _:
            return np.log(probability)
