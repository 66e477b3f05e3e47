"""What to write where an argument is outside the set that its distribution needs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ppl.constraints import Constraint
from ppl.graph.densities import parameters_of
from ppl.graph.graph import Graph
from ppl.graph.nodes import Constant, LogDensity, Node, Read, walk


def remedy(
    graph: Graph, density: LogDensity, parameter: str, needs: Constraint, argument: Node, text: str
) -> str | None:
    """Return how to bring an argument into its set, None where no advice is right in most cases."""
    if isinstance(argument, Constant):
        return None
    if needs.name == "simplex":
        return "write `softmax(...)`, or divide by the sum, or give it a `Dirichlet` distribution"
    low, high = needs.range.lower, needs.range.upper
    if needs.event_ndim or needs.range.integer:
        return None
    ways = []
    if (low, high) == (0, math.inf):
        learned = _learned(graph, argument)
        if learned:
            ways.append(f"declare `param {learned} > 0`")
        elif _is_random(graph, argument):
            ways.append("give it a positive distribution such as `HalfNormal`")
        ways.append(f"write `exp({text})`")
        ways.extend(_linked(density, parameter, "log", text))
    elif (low, high) == (0, 1):
        ways.append(f"write `sigmoid({text})`")
        ways.extend(_linked(density, parameter, "logit", text))
    return ", or ".join(ways) or None


def _linked(density: LogDensity, parameter: str, link: str, text: str) -> Iterable[str]:
    """Yield the call with the argument on the scale of its link, where there is such a call."""
    record = density.record
    for alternative in record.alternatives:
        if link in alternative.parameters and parameter not in alternative.parameters:
            rest = [
                f"{link} = {text}" if p == link else p if p in record.parameters else f"{p} = ..."
                for p in alternative.parameters
            ]
            yield f"`{record.name}({', '.join(rest)})`"


def _learned(graph: Graph, argument: Node) -> str | None:
    """Return a learned parameter that is declared nowhere and that the argument reads."""
    for node in walk(argument):
        if isinstance(node, Read):
            parameter = graph.variables[node.name].parameter
            if parameter is not None and not parameter.declared:
                return node.name
    return None


def _is_random(graph: Graph, argument: Node) -> bool:
    """Return whether an argument is a random variable itself."""
    return isinstance(argument, Read) and bool(graph.variables[argument.name].pieces)


def in_order(density: LogDensity, fits: list[list[bool]], texts: list[str]) -> str | None:
    """Return the call with two arguments exchanged, where all would then fit.

    Parameters
    ----------
    density
        The call.
    fits
        Whether argument i lies where parameter j needs it.
    texts
        The arguments' texts.
    """
    count = len(texts)
    record = density.record
    names = parameters_of(record, density.alternative)
    for i in range(count):
        for j in range(i + 1, count):
            order = list(range(count))
            order[i], order[j] = j, i
            if all(fits[a][p] for p, a in enumerate(order)):
                given = ", ".join(texts[a] for a in order)
                return f"the order is `{record.name}({', '.join(names)})`: write " + (
                    f"`{record.name}({given})`"
                )
    return None
