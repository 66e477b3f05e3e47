"""Log densities as elementwise nodes: parametrisation, bounds, the edges of supports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

import numpy as np

from ppl.constraints import Constraint, real
from ppl.distributions.component import Component, Part
from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Sample
from ppl.graph.nodes import (
    Constant,
    LogDensity,
    Matrix,
    Node,
    Position,
    Read,
    Select,
    Stack,
    reads,
    rewrite,
)
from ppl.graph.ranges import standard_arguments, support_of
from ppl.graph.trace import Traced, trace
from ppl.graph.wrapped import with_bounds
from ppl.text import ModelError


def support_contains(density: LogDensity, sample: Sample | None) -> tuple[Node, str] | None:
    """Return whether the value is in its set, as a node; None where it is there for certain.

    The binding compares data with sets of known numbers. What is left are supports and bounds that
    depend on something, and values that are not data: states of a discrete latent that bounds
    leave out, and the arguments of ``logp``.
    """
    support = density.record.support
    if sample is not None:
        if isinstance(support, Constraint) and not _cuts(density, sample):
            return None
        support = support_of(replace(sample, density=density))
    elif not isinstance(support, Constraint):
        support = support(*standard_arguments(density))
    elif support is real or support.event_ndim:
        return None
    if support is real and density.event:
        return None
    contained = support.contains(Traced(density.value, density.event))
    return contained.node, support.phrase


def _cuts(density: LogDensity, sample: Sample) -> bool:
    """Return whether bounds must be looked at, though the distribution's own support need not."""
    suffix = sample.suffix
    if suffix is None or suffix.constraint.event_ndim:
        return False
    bounds = [b for b in (suffix.lower, suffix.upper) if b is not None]
    return density.record.discrete or any(not isinstance(b, Constant) for b in bounds)


def _at_known_positions(node: Node, data: frozenset[str]) -> Node:
    """Read an array at a position that data give: then it is a gather."""
    match node:
        case Matrix(
            atom="at", arguments=(Stack() as stack, Constant(value=k)), bound=((event,), ())
        ) if stack.index == event:
            return stack.items[int(k)]
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
    node = _quantity(density if sample is None else _with_bounds(density, sample))
    if density.quantity != "log density":
        return rewrite(node, lambda n: _at_known_positions(n, data))
    found = None if inside else support_contains(density, sample)
    if found is not None and (sample is None or _differs(found[0], data)):
        node = Select(found[0], node, Constant(-np.inf))
    node = rewrite(node, lambda n: _at_known_positions(n, data))
    return node


def _differs(node: Node, data: frozenset[str]) -> bool:
    """Return whether a node's value differs from draw to draw or from state to state."""
    return bool(reads(node) - data) or any(i.role == "state" for i in node.free)


def _with_bounds(density: LogDensity, sample: Sample) -> LogDensity:
    """Return a density truncated by the bounds that a suffix states."""
    bounded = with_bounds(density, sample.suffix)
    if bounded.distribution == "Truncated" and density.record.cdf is None:
        raise ModelError(
            (
                kinds.UNSUPPORTED(
                    f"`{density.distribution}` cannot be truncated: its distribution function is "
                    "not known",
                    sample.suffix.span if sample.suffix else sample.span,
                ),
            )
        )
    return bounded


def _quantity(density: LogDensity) -> Node:
    """Return the log density, or a distribution function, as elementwise nodes."""
    values = [density.value, *density.arguments]
    events = [density.event, *density.events]
    part = Part(density.record, density.alternative)

    def expression(x: Any, *given: Any) -> Any:
        component = Component(part, given)
        match density.quantity:
            case "log density":
                return component.log_density(x)
            case "cdf":
                return component.cdf(x)
            case "ccdf":
                return component.ccdf(x)
            case _:
                assert_never(density.quantity)

    return trace(expression, values, events).node
