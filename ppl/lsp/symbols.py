"""The outline of a model, where names are defined and used, and what renaming one changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppl.graph.declare import Entry
from ppl.lsp.analysis import Analysis
from ppl.lsp.hover import shape
from ppl.syntax import tree
from ppl.syntax.vocabulary import is_name
from ppl.text import Span


@dataclass(frozen=True, slots=True)
class Symbol:
    """An entry of the outline: `span` is the whole statement, `name_span` the name in it."""

    name: str
    detail: str
    sort: str
    span: Span
    name_span: Span


def outline(analysis: Analysis) -> list[Symbol]:
    """Return dimensions, functions and variables in the order of the text."""
    if analysis.names is None:
        return []
    return sorted(_symbols(analysis), key=lambda s: s.name_span)


def _symbols(analysis: Analysis) -> Iterator[Symbol]:
    assert analysis.names is not None
    declared = analysis.names.declared
    for name, what in declared.dimensions.items():
        if isinstance(what, tree.Dimension):
            yield Symbol(name, "dimension", "dimension", what.span, what.name.span)
    for name, function in declared.functions.items():
        yield Symbol(name, "function", "function", function.span, function.name.span)
    for entry in declared.entries.values():
        detail = shape(analysis.graph, entry.key).removeprefix(entry.name)
        yield Symbol(entry.name, detail, _sort(entry), _statement(entry), entry.span)


def _sort(entry: Entry) -> str:
    if entry.datum is not None:
        return "data"
    if entry.parameter is not None:
        return "parameter"
    random = any(isinstance(site.statement, tree.Sample) for site, _ in entry.sites)
    return "random" if random else "computed"


def _statement(entry: Entry) -> Span:
    for item in (entry.datum, entry.parameter, *(s.statement for s, _ in entry.sites)):
        if item is not None and item.span.start <= entry.span.start < item.span.end:
            return item.span
    return entry.span


def definition(analysis: Analysis, offset: int) -> Span | None:
    """Return where the name at a place is defined."""
    found = None if analysis.names is None else analysis.names.at(offset)
    return None if found is None else found.meaning.home


def uses(analysis: Analysis, offset: int) -> list[Span]:
    """Return all places of the name at a place, its definition among them."""
    found = None if analysis.names is None else analysis.names.at(offset)
    if found is None or analysis.names is None:
        return []
    return [o.span for o in analysis.names.same(found)]


def refusal(analysis: Analysis, offset: int, new: str) -> str:
    """Return why the name at a place cannot be called `new`; empty where it can."""
    if not uses(analysis, offset):
        return "this is not a name of the model"
    if not is_name(new):
        return f"`{new}` cannot be a name"
    assert analysis.names is not None
    if any(o.name == new for o in analysis.names.occurrences):
        return f"`{new}` is taken"
    return ""
