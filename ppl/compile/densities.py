"""Log densities as elementwise nodes: parametrisation, bounds, the edges of supports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

import numpy as np

from ppl.constraints import Constraint
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
    """Return whether the value is in a support that depends on the arguments, as a node."""
    support = density.record.support
    suffix = sample.suffix if sample is not None else None
    bounds = (suffix.lower, suffix.upper) if suffix is not None else ()
    if isinstance(support, Constraint) and all(
        b is None or isinstance(b, Constant) for b in bounds
    ):
        return None
    if sample is not None:
        support = support_of(replace(sample, density=density))
    elif not isinstance(support, Constraint):
        support = support(*standard_arguments(density))
    contained = support.contains(Traced(density.value, density.event))
    return contained.node, support.phrase


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

    With `inside`, the value is in the support by construction; otherwise, where the support
    depends on more than `data`, values outside it get −inf.
    """
    node = _quantity(density if sample is None else _with_bounds(density, sample))
    if density.quantity != "log density":
        return rewrite(node, lambda n: _at_known_positions(n, data))
    found = None if inside else support_contains(density, sample)
    if found is not None and reads(found[0]) - data:
        node = Select(found[0], node, Constant(-np.inf))
    node = rewrite(node, lambda n: _at_known_positions(n, data))
    return node


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
