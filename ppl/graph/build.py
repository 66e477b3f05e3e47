"""From the syntax tree to the graph: names resolved, statements as pieces in index notation.

Data are not needed, except for their *outline*: which names they have, and with how many axes,
for names that the model itself says nothing of.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppl.constraints import SETS
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.cycles import check_cycles, ring_error
from ppl.graph.declare import Declarations, Entry, Site, declare, name_of, names_in, strip
from ppl.graph.definitions import check_definitions, check_not_empty
from ppl.graph.expressions import Reader, axis_of
from ppl.graph.graph import (
    Axis,
    Datum,
    Define,
    Dimension,
    Graph,
    Member,
    Parameter,
    Piece,
    Suffix,
    Variable,
)
from ppl.graph.learned import demanded
from ppl.graph.names import nearest
from ppl.graph.nodes import Constant, Index, Position, Read, Size, closed, subtract
from ppl.graph.scope import Scope, Stop
from ppl.graph.suffix import positions, suffix
from ppl.syntax import tree
from ppl.text import Diagnostic, Label, ModelError, Source, Span


@dataclass(frozen=True, slots=True)
class Outline:
    """What must be known of data before the model is read.

    Attributes
    ----------
    ranks
        Number of axes of every name in the data.
    tables
        For columns of a table, the table's name: they share their axis.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Names:
    """All names of a model while it is read."""

    source: Source
    declared: Declarations
    outline: Outline
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    known_axes: dict[str, tuple[Axis, ...]] = field(default_factory=dict)
    own_loops: dict[str, tuple[Index, ...]] = field(default_factory=dict)
    data: dict[str, Datum] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    learned: dict[str, Span] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    indices: dict[Span, Index] = field(default_factory=dict)
    pieces: list[tuple[str | None, Piece]] = field(default_factory=list)
    first_read: dict[str, Span] = field(default_factory=dict)
    inlining: list[str] = field(default_factory=list)
    claiming: set[str] = field(default_factory=set)
    members: list[Member] = field(default_factory=list)
    hidden: int = 0

    @property
    def functions(self) -> dict[str, tree.Function]:
        """The model's own functions."""
        return self.declared.functions

    def text(self, span: Span | None) -> str:
        """Return the text of a place, on one line."""
        return "" if span is None else " ".join(self.source.at(span).split())

    def lookup(self, name: str, scope: Scope) -> str | None:
        """Return the key of the variable that a name means at a place, None if it is none."""
        for block in reversed(scope.blocks):
            key = self.declared.local.get((block, name))
            if key is not None:
                return key
        entry = self.declared.entries.get(name)
        if entry is not None and entry.block is None and not self.is_size(entry):
            return name
        if name in self.outline.ranks and not self.is_data_size(name):
            return name
        return name if name in self.learned else None

    def is_size(self, entry: Entry) -> bool:
        """Return whether a name declared as a single datum is the size of a dimension."""
        return (
            entry.datum is not None
            and not entry.datum.axes
            and not entry.sites
            and entry.name in self.dimensions
        )

    def is_data_size(self, name: str) -> bool:
        """Return whether a number in the data is the size of a dimension."""
        return self.outline.ranks.get(name) == 0 and name in self.dimensions

    def known(self, scope: Scope) -> list[str]:
        """Return all names that can be meant at a place."""
        entries = [
            e.name
            for e in self.declared.entries.values()
            if e.block is None or e.block in scope.blocks
        ]
        return [*entries, *scope.loops, *scope.values, *self.dimensions, *self.outline.ranks]

    def is_random(self, key: str) -> bool:
        """Return whether a name has a distribution."""
        entry = self.declared.entries.get(key)
        return entry is not None and any(
            isinstance(s.statement, tree.Sample) for s, _ in entry.sites
        )

    def learn(self, name: tree.Name) -> None:
        """Take a name for a learned parameter."""
        self.learned.setdefault(name.id, name.span)
        self.known_axes.setdefault(name.id, ())

    def loops_of(self, key: str) -> tuple[Index, ...]:
        """Return the loop indices that the first axes of a loop's own name follow."""
        return self.own_loops.get(key, ())

    def axes(self, key: str, span: Span) -> tuple[Axis, ...]:
        """Return the axes of a variable that is read.

        Raises
        ------
        Stop
            If they are not known, since the variable is defined by itself.
        """
        if key in self.failed:
            raise Stop
        self.first_read.setdefault(key, span)
        if key not in self.known_axes:
            if key in self.outline.ranks:
                self.known_axes[key] = self.axes_of_data(key)
            else:
                raise Unknown(key, span)
        return self.known_axes[key]

    def axes_of_data(self, key: str) -> tuple[Axis, ...]:
        """Return nameless axes for data that the model does not declare."""
        table = self.outline.tables.get(key)
        names = [
            f"{table}.row" if table is not None and k == 0 else f"{key}.{k}"
            for k in range(self.outline.ranks[key])
        ]
        for name in names:
            self.dimensions.setdefault(name, Dimension(name, None, None, named=False))
        return tuple(Axis(None, Size(name)) for name in names)

    def auxiliary(
        self, value: Value, scope: Scope
    ) -> tuple[str, tuple[Axis, ...], tuple[Index, ...]]:
        """Give an expression a name of its own, so that it can be read at positions."""
        self.hidden += 1
        key = f"_e{self.hidden}"
        own = tuple(sorted(closed(value.node.free - set(value.axes)), key=lambda i: i.serial))
        axes = tuple(axis_of(i.domain) for i in (*own, *value.axes))
        start = [subtract(Position(i), i.domain.start) for i in (*own, *value.axes)]
        span = value.span or Span(0, 0)
        piece = Define(Read(key, tuple(start), span), (*own, *value.axes), value.node, span)
        self.pieces.append((key, piece))
        self.known_axes[key] = axes
        return key, axes[len(own) :], own


class Unknown(Exception):
    """A name is read whose axes are not known yet."""

    def __init__(self, key: str, span: Span) -> None:
        super().__init__(key)
        self.key, self.span = key, span


def build(source: Source, model: tree.SyntaxTree, outline: Outline | None = None) -> Graph:
    """Build the graph of a model.

    Parameters
    ----------
    source
        The text, for messages.
    model
        Its syntax tree.
    outline
        What is known of the data.

    Raises
    ------
    ModelError
        With all errors that are independent of one another.
    """
    from ppl.graph.statements import read_site

    names = Names(source, declare(model), outline or Outline())
    reader = Reader(names)
    reader.diagnostics.extend(check_definitions(names.declared))
    _dimensions(names)
    _declarations(names, reader)
    _sizes(names, reader)
    for site in _order(names):
        try:
            read_site(reader, site)
        except Stop:
            _fail(names, site)
        except Unknown as e:
            reader.diagnostics.append(_ring(names, site, e))
            _fail(names, site)
    _check_guide(names, reader)
    errors = tuple(dict.fromkeys(d for d in reader.diagnostics if d.severity == "error"))
    errors = errors or tuple(check_not_empty(names.declared))
    if errors:
        raise ModelError(errors, source)
    graph = _assemble(names, reader)
    cycles = check_cycles(graph)
    if cycles:
        raise ModelError(cycles, source)
    return _guided(graph, names.declared.guide)


def _guided(graph: Graph, block: tree.Guide | None) -> Graph:
    """Add the guide block."""
    if block is None:
        return graph
    from ppl.graph.guided import read_guide

    guide, wrong = read_guide(graph, block)
    if wrong:
        raise ModelError(wrong, graph.source)
    return replace(graph, guide=guide)


def _fail(names: Names, site: Site) -> None:
    for entry in names.declared.entries.values():
        if any(s is site for s, _ in entry.sites):
            names.failed.add(entry.key)


def _ring(names: Names, site: Site, unknown: Unknown) -> Diagnostic:
    """Report names that need one another, from the statement at which that was noticed."""
    entries = names.declared.entries
    mine = [e.key for e in entries.values() if any(s is site for s, _ in e.sites)]
    paths: list[list[tuple[str, Span]]] = [[(key, unknown.span)] for key in mine]
    keys = [unknown.key] * len(paths)
    seen: set[str] = set()
    while paths:
        path, key = paths.pop(0), keys.pop(0)
        if key == path[0][0]:
            return ring_error(
                [entries[k].name for k, _ in path],
                [span for _, span in path],
                names.text(unknown.span),
            )
        for other, _ in entries[key].sites if key not in seen else ():
            for name in _names_read(names, other):
                found = names.lookup(name.id, Scope(blocks=other.blocks))
                if found is not None:
                    paths.append([*path, (key, name.span)])
                    keys.append(found)
        seen.add(key)
    return kinds.CYCLE(f"`{entries[unknown.key].name}` depends on itself", unknown.span)


def _check_guide(names: Names, reader: Reader) -> None:
    """Report lines of the guide for names that are not random."""
    for entry in names.declared.guide.entries if names.declared.guide is not None else ():
        for target in entry.targets:
            _refuse_guided(names, reader, target)


def _refuse_guided(names: Names, reader: Reader, target: tree.Expression) -> None:
    """Report a line of the guide for a name that is not random."""
    plain = strip(target)
    if plain is None or name_of(plain).id == "default":
        return
    name = name_of(plain)
    entry = names.declared.entries.get(name.id)
    if entry is not None and any(isinstance(s.statement, tree.Sample) for s, _ in entry.sites):
        return
    meant = nearest(name.id, names.known(Scope()))
    reader.diagnostics.append(
        kinds.UNKNOWN_NAME(
            f"the guide speaks of `{name.id}`, which is not a random variable of the model",
            name.span,
            f"did you mean `{meant}`?" if meant else "",
        )
    )


def _dimensions(names: Names) -> None:
    """Find which names are dimensions."""
    found = names.declared.dimensions
    for name, what in found.items():
        span = what if isinstance(what, Span) else what.name.span
        entry = names.declared.entries.get(name)
        implicit = isinstance(what, Span)
        if implicit and entry is not None and (entry.sites or entry.parameter or entry.block):
            continue
        if implicit and entry is not None and entry.datum is not None and entry.datum.axes:
            continue
        if implicit and names.outline.ranks.get(name, 0) > 0:
            continue
        names.dimensions[name] = Dimension(name, None, span)


def _sizes(names: Names, reader: Reader) -> None:
    """Read the sizes that the model says; they may be expressions of declared data."""
    for name, what in names.declared.dimensions.items():
        if isinstance(what, tree.Dimension) and what.size is not None:
            try:
                size = reader.scalar(what.size, Scope())
            except Stop:
                continue
            except Unknown as e:
                reader.diagnostics.append(_not_yet_known(names, e, f"the size of `{name}`"))
                continue
            names.dimensions[name] = Dimension(name, size, what.name.span)


def _declarations(names: Names, reader: Reader) -> None:
    """Read what `data` and `param` say."""
    for entry in names.declared.entries.values():
        item = entry.datum or entry.parameter
        if item is None:
            continue
        try:
            names.known_axes[entry.key] = tuple(_axis(reader, a) for a in item.axes)
            pointed = positions(item.constraints)
            if entry.datum is not None:
                missing = entry.datum.missing
                code = reader.scalar(missing, Scope()) if missing is not None else None
                if pointed is not None:
                    names.dimensions.setdefault(pointed[0], Dimension(pointed[0], None, item.span))
                names.data[entry.key] = Datum(
                    None if pointed else suffix(reader, item.constraints, Scope()),
                    float(code.value) if isinstance(code, Constant) else None,
                    pointed[0] if pointed else None,
                    pointed[1] if pointed else 0,
                    entry.datum.span,
                )
            elif entry.parameter is not None:
                start = entry.parameter.start
                names.parameters[entry.key] = Parameter(
                    suffix(reader, item.constraints, Scope()),
                    reader.scalar(start, Scope()) if start is not None else None,
                    declared=True,
                )
            _refuse_pointed(names, reader, item)
        except Stop:
            names.failed.add(entry.key)
        except Unknown as e:
            reader.diagnostics.append(
                _not_yet_known(names, e, f"the declaration of `{entry.name}`")
            )
            names.failed.add(entry.key)


def _not_yet_known(names: Names, unknown: Unknown, what: str) -> Diagnostic:
    """Report a declaration that needs a quantity which the model defines."""
    entry = names.declared.entries[unknown.key]
    return kinds.UNKNOWN_SIZE(
        f"{what} depends on `{entry.name}`, which is not data",
        unknown.span,
        secondary=(Label(entry.span, f"`{entry.name}` is defined here"),),
        help="declarations are made of numbers, dimensions and data",
    )


def _refuse_pointed(names: Names, reader: Reader, item: tree.Datum | tree.Parameter) -> None:
    """Report values in a set that is a variable."""
    for constraint in item.constraints:
        if isinstance(constraint, tree.Named) and constraint.name.id not in SETS:
            entry = names.declared.entries.get(constraint.name.id)
            if entry is not None and not names.is_size(entry):
                raise reader.stop(
                    kinds.CONSTRAINT(
                        f"`{entry.name}` is neither a set nor a dimension",
                        constraint.name.span,
                        secondary=(Label(entry.span, "a quantity of the model"),),
                    )
                )


def _axis(reader: Reader, axis: tree.Expression) -> Axis:
    if isinstance(axis, tree.Name) and axis.id in reader.names.dimensions:
        return Axis(axis.id, Size(axis.id, axis.span))
    return Axis(None, reader.scalar(axis, Scope()))


def _order(names: Names) -> Sequence[Site]:
    """Order the statements so that names are defined before they are read, where that can be."""
    sites = names.declared.sites
    defines: dict[str, list[int]] = {}
    for entry in names.declared.entries.values():
        for site, _ in entry.sites:
            defines.setdefault(entry.key, []).append(site.number)
    waits: dict[int, set[int]] = {}
    blocks: dict[int, list[int]] = {}
    for site in sites:
        scope = Scope(blocks=site.blocks)
        needed: set[int] = set()
        for name in _names_read(names, site):
            key = names.lookup(name.id, scope)
            if key is not None:
                needed.update(n for n in defines.get(key, ()) if n != site.number)
        waits[site.number] = needed
        for n in needed:
            blocks.setdefault(n, []).append(site.number)
    ready = [n for n, needed in waits.items() if not needed]
    heapq.heapify(ready)
    done: list[Site] = []
    left = set(waits)
    while left:
        number = heapq.heappop(ready) if ready else min(left)
        if number not in left:
            continue
        left.discard(number)
        done.append(sites[number])
        for other in blocks.get(number, ()):
            waits[other].discard(number)
            if not waits[other] and other in left:
                heapq.heappush(ready, other)
    return done


def _names_read(names: Names, site: Site) -> list[tree.Name]:
    """Return the names that a statement reads, each place of the text once."""
    statement = site.statement
    match statement:
        case tree.Sample(distribution=d, constraints=constraints, weight=weight):
            roots: list[object] = [d, weight, *statement.targets]
            for c in constraints:
                if isinstance(c, tree.Bound):
                    roots.append(c.value)
                elif isinstance(c, tree.Interval):
                    roots.extend((c.lower, c.upper))
        case tree.Define(value=value):
            roots = [value]
        case tree.Factor(value=value):
            roots = [value]
        case tree.Require(condition=condition):
            roots = [condition]
    found = [n for root in roots for n in names_in(root)]
    for function in _functions_called(names, roots):
        found.extend(n for d in function.definitions for n in names_in(d.value))
        found.extend(names_in(function.result))
    return found


def _functions_called(names: Names, roots: Sequence[object]) -> list[tree.Function]:
    """Return the model's functions, all of them if there are any: they may call one another."""
    return list(names.functions.values()) if names.functions else []


def _assemble(names: Names, reader: Reader) -> Graph:
    pieces = tuple(piece for _, piece in names.pieces)
    sets = demanded(pieces, names.learned)
    variables: dict[str, Variable] = {}
    of: dict[str, list[int]] = {}
    for number, (key, _) in enumerate(names.pieces):
        if key is not None:
            of.setdefault(key, []).append(number)
    for key, axes in names.known_axes.items():
        entry = names.declared.entries.get(key)
        if entry is not None:
            span, name = entry.span, entry.name
        else:
            read = names.first_read.get(key, Span(0, 0))
            span, name = names.learned.get(key, read), key
        parameter = names.parameters.get(key)
        if key in names.learned:
            constraint = Suffix(None, None, (False, False), sets[key], span)
            parameter = Parameter(constraint, None, declared=False)
        datum = names.data.get(key)
        if entry is not None and names.is_size(entry):
            continue
        variables[key] = Variable(
            key,
            name,
            axes,
            datum,
            parameter,
            tuple(of.get(key, ())),
            span,
            local=bool(entry and entry.block is not None) or key.startswith("_e"),
        )
    notes = tuple(dict.fromkeys(d for d in reader.diagnostics if d.severity != "error"))
    return Graph(
        names.source,
        names.dimensions,
        variables,
        pieces,
        tuple(reader.same_sizes),
        None,
        notes,
        tuple(names.members),
    )
