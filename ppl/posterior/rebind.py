"""Binding a fitted model again: to its own data, or to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ppl.compile.load import LogJoint, compile_bound
from ppl.data.bind import bind
from ppl.data.select import Selection
from ppl.graph.bound import BoundGraph
from ppl.graph.build import Outline, build
from ppl.graph.forced import with_family
from ppl.posterior.invert import inverted
from ppl.syntax.parse import parse
from ppl.text import Source

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit


def bound_again(
    source: Source, selection: Selection, sizes: Mapping[str, int], outline: Outline | None = None
) -> BoundGraph:
    """Bind a text to data that are already chosen.

    `outline` stands in where names have the axes of data that are not bound this time.
    """
    graph = build(source, parse(source), outline or selection.outline)
    return bind(inverted(graph, selection.variables), selection, sizes)


def compiled_again(fit: Fit) -> LogJoint:
    """Compile a loaded fit's model with the data that the file has."""
    bound = bound_again(fit.source, fit.selection, fit.sizes)
    return compile_bound(with_family(bound, fit.settings.guide), fit.centring)
