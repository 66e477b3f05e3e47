"""One text, as far as the compiler gets with it: what is wrong, and what is known all the same.

While somebody writes, most texts are broken somewhere. Statements at fault are then left out, so
that the others still have their names and, from the last text that held together, their shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppl import pipeline
from ppl.graph.check import check_supports
from ppl.graph.graph import Graph
from ppl.lsp.names import Names, names_of
from ppl.syntax.parse import parse
from ppl.syntax.tree import SyntaxTree
from ppl.text import Diagnostic, ModelError, PplError, Source

ATTEMPTS = 8
"""How often statements are left out of a broken text before it is given up."""

UNFINISHED = tuple("~=(,[+-*/%^@<>")
"""A line that ends so goes on in the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What is known of a text.

    Attributes
    ----------
    source
        The text.
    diagnostics
        All that is wrong with it, and notes.
    names
        Of the statements that can be read; None where none can.
    graph
        Of this text, or of the last one before it that had a graph.
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    names: Names | None
    graph: Graph | None


def analyse(source: Source, before: Analysis | None = None) -> Analysis:
    """Go the road as far as it goes; `before` is the analysis of an earlier state of the text."""
    last = None if before is None else before.graph
    try:
        tree = parse(source)
    except ModelError as error:
        mended = _mended(source, error.diagnostics)
        earlier = None if before is None else before.names
        readable = earlier if mended is None else names_of(mended)
        return Analysis(source, error.diagnostics, readable, last)
    names = names_of(tree)
    try:
        _, _, graph = pipeline.graph_of(pipeline.Request(source))
    except PplError as error:
        return Analysis(source, error.diagnostics, names, last)
    return Analysis(source, (*check_supports(graph), *graph.notes), names, graph)


def _mended(source: Source, wrong: tuple[Diagnostic, ...]) -> SyntaxTree | None:
    """Parse a text without the lines at fault; places stay where they are."""
    text = source.text
    for _ in range(ATTEMPTS):
        for diagnostic in wrong:
            if diagnostic.primary is not None:
                text = _blanked(text, diagnostic.primary.span.start)
        try:
            return parse(Source(source.name, text))
        except ModelError as error:
            wrong = error.diagnostics
    return None


def _blanked(text: str, offset: int) -> str:
    """Return a text with the line at fault empty: where it goes on from an unfinished one, that."""
    offset = min(offset, len(text.rstrip()))
    start = text.rfind("\n", 0, offset) + 1
    before = text[:start].rstrip()
    if before.endswith(UNFINISHED):
        start = before.rfind("\n") + 1
    stop = text.find("\n", start)
    stop = len(text) if stop < 0 else stop
    return text[:start] + " " * (stop - start) + text[stop:]
