"""What an editor shows of the name under the pointer: meaning, shape, documentation."""

from __future__ import annotations

from collections.abc import Sequence

from ppl.constraints import SETS
from ppl.distributions import distributions
from ppl.distributions.wrappers import record_of
from ppl.graph.graph import Graph, Sample, Variable
from ppl.graph.show import node_text, numbered
from ppl.lsp.analysis import Analysis
from ppl.lsp.names import Occurrence
from ppl.reference import distribution_entry, function_entry, function_lines, values_of
from ppl.syntax import tree
from ppl.syntax.vocabulary import MEANINGS
from ppl.text import Source, Span

STATEMENTS = 3
"""How many of the statements on a name are shown."""


def hover(analysis: Analysis, offset: int) -> tuple[str, Span] | None:
    """Return what is to be said of a place, as Markdown, and the text that it is about."""
    found = None if analysis.names is None else analysis.names.at(offset)
    if found is None:
        return _word(analysis.source, offset)
    text = of_name(analysis, found)
    return (text, found.span) if text else None


def of_name(analysis: Analysis, found: Occurrence) -> str:
    """Return what is to be said of a name."""
    match found.meaning.sort:
        case "called":
            return called(found.name)
        case "set":
            return f"`{found.name}`: the set of {SETS[found.name].name} values."
        case "option":
            return ""
        case "index":
            return f"`{found.name}`: index of a loop, {_line(analysis.source, found.meaning.home)}"
        case "argument":
            return f"`{found.name}`: argument of the function."
        case "function":
            return f"```ppl\n{_line(analysis.source, found.meaning.home)}\n```"
        case "dimension":
            return _dimension(analysis, found)
        case "variable" | "learned":
            return _variable(analysis, found)


def called(name: str) -> str:
    """Return the reference of a distribution, a function or a word of the language."""
    if name in distributions():
        return distribution_entry(name).strip()
    if name in function_lines():
        return function_entry(name).strip()
    return f"`{name}`: {MEANINGS[name]}" if name in MEANINGS else ""


def shape(graph: Graph | None, key: str) -> str:
    """Return a variable with its axes, ``theta[J, 3]``; empty where they are not known."""
    variable = None if graph is None else graph.variables.get(key)
    if variable is None:
        return ""
    axes = ", ".join(a.dimension or node_text(a.size) for a in variable.axes)
    return numbered(variable.name + (f"[{axes}]" if axes else ""))


def role(graph: Graph | None, key: str, sort: str) -> str:
    """Return what a variable is, in a few words."""
    if sort == "learned":
        return "learned parameter, defined nowhere"
    variable = None if graph is None else graph.variables.get(key)
    if graph is None or variable is None:
        return ""
    if variable.parameter is not None:
        return "learned parameter"
    laws = _laws(graph, variable)
    if laws:
        data = "data" if variable.datum is not None else "random variable"
        return f"{data}, {', '.join(laws)}"
    if variable.datum is not None or not variable.pieces:
        return "data"
    return "computed"


def _laws(graph: Graph, variable: Variable) -> Sequence[str]:
    """Return the distributions of a variable with the values that they have."""
    found = []
    for number in variable.pieces:
        piece = graph.pieces[number]
        if isinstance(piece, Sample):
            law = piece.density.law
            found.append(f"{law.name}: {values_of(record_of(law))}")
    return tuple(dict.fromkeys(found))


def _variable(analysis: Analysis, found: Occurrence) -> str:
    key = found.meaning.key or found.name
    lines = list(statements_on(analysis, key))[:STATEMENTS]
    head = shape(analysis.graph, key) or found.name
    what = role(analysis.graph, key, found.meaning.sort)
    parts = [f"`{head}`{f': {what}' if what else ''}"]
    if lines:
        parts.append("```ppl\n" + "\n".join(lines) + "\n```")
    comment = _comment(analysis.source, found.meaning.home)
    if comment:
        parts.append(comment)
    return "\n\n".join(parts)


def statements_on(analysis: Analysis, key: str) -> Sequence[str]:
    """Return the statements that declare or define a variable, each on one line."""
    entry = None if analysis.names is None else analysis.names.declared.entries.get(key)
    if entry is None:
        return ()
    found = []
    if entry.datum is not None:
        found.append("data " + _text(analysis.source, entry.datum.span))
    if entry.parameter is not None:
        found.append("param " + _text(analysis.source, entry.parameter.span))
    for site, _ in entry.sites:
        loops = ", ".join(_text(analysis.source, loop.span) for loop in site.loops)
        text = _text(analysis.source, site.statement.span)
        found.append(f"for {loops} {{ {text} }}" if loops else text)
    return tuple(found)


def _dimension(analysis: Analysis, found: Occurrence) -> str:
    declared = None if analysis.names is None else analysis.names.declared.dimensions
    what = None if declared is None else declared.get(found.name)
    if isinstance(what, tree.Dimension) and what.size is not None:
        return f"`{found.name}`: dimension of size `{_text(analysis.source, what.size.span)}`"
    return f"`{found.name}`: dimension; its size comes from the data"


def _word(source: Source, offset: int) -> tuple[str, Span] | None:
    """Return what a keyword means, where one stands at a place."""
    start = stop = offset
    while start > 0 and source.text[start - 1].isalpha():
        start -= 1
    while stop < len(source.text) and source.text[stop].isalpha():
        stop += 1
    word = source.text[start:stop]
    line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    if "#" in line or line.count('"') % 2 or word not in MEANINGS:
        return None
    return f"`{word}`: {MEANINGS[word]}", Span(start, stop)


def _text(source: Source, span: Span) -> str:
    return " ".join(source.at(span).split())


def _line(source: Source, span: Span | None) -> str:
    return "" if span is None else source.line(source.position(span.start)[0]).strip()


def _comment(source: Source, span: Span | None) -> str:
    """Return the comment on the line of a definition, or on the lines above it."""
    if span is None or span.end > len(source.text):
        return ""
    number = source.position(span.start)[0]
    _, sign, behind = source.line(number).partition("#")
    if sign:
        return behind.strip()
    above: list[str] = []
    while number > 1 and source.line(number - 1).lstrip().startswith("#"):
        number -= 1
        above.insert(0, source.line(number).lstrip().lstrip("#").strip())
    return " ".join(above)
