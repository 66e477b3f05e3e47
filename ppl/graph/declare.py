"""First look at a model: which names there are, before any expression is read.

Collects the dimensions, the declarations, and for every name the statements that define it with
the loops around them. Nothing is resolved here, so the order of statements does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ppl.syntax import tree
from ppl.text import Span


@dataclass(frozen=True, slots=True)
class Site:
    """A statement with the loops around it, from outside in; `blocks` number their `for`s."""

    number: int
    statement: tree.Sample | tree.Define | tree.Factor | tree.Require
    loops: tuple[tree.Loop, ...]
    blocks: tuple[int, ...]


@dataclass(slots=True)
class Entry:
    """What the text says of one name."""

    key: str
    name: str
    span: Span
    datum: tree.Datum | None = None
    parameter: tree.Parameter | None = None
    sites: list[tuple[Site, tree.Name | tree.Index]] = field(default_factory=list)
    block: int | None = None


@dataclass(slots=True)
class Declarations:
    """All that the first look finds."""

    sites: list[Site] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    local: dict[tuple[int, str], str] = field(default_factory=dict)
    dimensions: dict[str, tree.Dimension | Span] = field(default_factory=dict)
    functions: dict[str, tree.Function] = field(default_factory=dict)
    guide: tree.Guide | None = None
    twice: list[tuple[str, Span, Span]] = field(default_factory=list)


def strip(target: tree.Expression) -> tree.Name | tree.Index | None:
    """Return a target that is a name, with or without brackets; None for an expression."""
    match target:
        case tree.Name():
            return target
        case tree.Index(base=tree.Name()):
            return target
        case _:
            return None


def name_of(target: tree.Name | tree.Index) -> tree.Name:
    """Return the name of a target."""
    if isinstance(target, tree.Name):
        return target
    assert isinstance(target.base, tree.Name)
    return target.base


def declare(model: tree.SyntaxTree) -> Declarations:
    """Take the first look."""
    found = Declarations()
    _explicit_dimensions(found, model.statements)
    _statements(found, model.statements, (), (), [0])
    return found


def _explicit_dimensions(found: Declarations, statements: tuple[tree.Statement, ...]) -> None:
    for statement in statements:
        if isinstance(statement, tree.Dimensions):
            for item in statement.items:
                old = found.dimensions.get(item.name.id)
                if old is not None:
                    first = old if isinstance(old, Span) else old.name.span
                    found.twice.append((item.name.id, first, item.name.span))
                found.dimensions[item.name.id] = item


def _statements(
    found: Declarations,
    statements: tuple[tree.Statement, ...],
    loops: tuple[tree.Loop, ...],
    blocks: tuple[int, ...],
    counter: list[int],
) -> None:
    for statement in statements:
        match statement:
            case tree.Dimensions():
                pass
            case tree.Data(items=items):
                for datum in items:
                    entry = _entry(found, datum.name)
                    if entry.datum or entry.parameter:
                        found.twice.append((entry.name, entry.span, datum.name.span))
                    entry.datum = datum
                    _axes(found, datum.axes)
            case tree.Parameters(items=params):
                for param in params:
                    entry = _entry(found, param.name)
                    if entry.datum or entry.parameter:
                        found.twice.append((entry.name, entry.span, param.name.span))
                    entry.parameter = param
                    _axes(found, param.axes)
            case tree.For(loops=inner, body=body):
                around = {loop.index.id for loop in (*loops, *inner)}
                for loop in inner:
                    stop = loop.domain.stop if isinstance(loop.domain, tree.Slice) else loop.domain
                    for name in _size_names(stop):
                        if name.id not in around:
                            _dimension(found, name)
                counter[0] += 1
                _statements(found, body, (*loops, *inner), (*blocks, counter[0]), counter)
            case tree.Function(name=name):
                if name.id in found.functions:
                    found.twice.append((name.id, found.functions[name.id].name.span, name.span))
                found.functions[name.id] = statement
            case tree.Guide():
                found.guide = statement
            case tree.Sample() | tree.Define() | tree.Factor() | tree.Require():
                site = Site(len(found.sites), statement, loops, blocks)
                found.sites.append(site)
                _targets(found, site)


def _targets(found: Declarations, site: Site) -> None:
    if not isinstance(site.statement, tree.Sample | tree.Define):
        return
    for target in site.statement.targets:
        plain = strip(target)
        if plain is None:
            continue
        name = name_of(plain)
        if any(loop.index.id == name.id for loop in site.loops):
            continue
        declared = name.id in found.entries and found.entries[name.id].block is None
        if isinstance(plain, tree.Name) and site.blocks and not declared:
            entry = _local(found, name, site.blocks[-1])
        else:
            entry = _entry(found, name)
        entry.sites.append((site, plain))
        if isinstance(plain, tree.Index):
            loops = {loop.index.id for loop in site.loops}
            for position in plain.positions:
                if isinstance(position, tree.Name) and position.id not in loops:
                    _dimension(found, position)


def _entry(found: Declarations, name: tree.Name) -> Entry:
    if name.id not in found.entries:
        found.entries[name.id] = Entry(name.id, name.id, name.span)
    return found.entries[name.id]


def _local(found: Declarations, name: tree.Name, block: int) -> Entry:
    key = found.local.get((block, name.id))
    if key is None:
        key, number = name.id, 1
        while key in found.entries:
            number += 1
            key = f"{name.id}@{number}"
        found.local[block, name.id] = key
        found.entries[key] = Entry(key, name.id, name.span, block=block)
    return found.entries[key]


def _axes(found: Declarations, axes: tuple[tree.Expression, ...]) -> None:
    for axis in axes:
        for name in _size_names(axis):
            _dimension(found, name)


def _size_names(size: tree.Expression | None) -> Iterator[tree.Name]:
    """Yield the names that a size is made of."""
    match size:
        case tree.Name():
            yield size
        case tree.Binary(left=left, right=right):
            yield from _size_names(left)
            yield from _size_names(right)
        case _:
            return


def _dimension(found: Declarations, name: tree.Name) -> None:
    found.dimensions.setdefault(name.id, name.span)


def names_in(expression: object) -> Iterator[tree.Name]:
    """Yield every name that stands anywhere in an expression, function names excepted.

    What ``observed(y)`` reads are the data of y, not y: of it only the positions count.
    """
    stack: list[object] = [expression]
    while stack:
        node = stack.pop()
        match node:
            case tree.Name():
                yield node
            case tree.Call(function=tree.Name(id="observed"), arguments=(argument,)):
                stack.extend(argument.positions if isinstance(argument, tree.Index) else ())
            case tree.Call(arguments=arguments, keywords=keywords, loops=loops):
                stack.extend((*arguments, *(k.value for k in keywords)))
                stack.extend(loop.domain for loop in loops)
            case tree.Unary(operand=a) | tree.Parenthesis(body=a):
                stack.append(a)
            case tree.Binary(left=a, right=b):
                stack.extend((a, b))
            case tree.Comparison(operands=many) | tree.Array(items=many):
                stack.extend(many)
            case tree.Conditional(condition=a, yes=b, no=c):
                stack.extend((a, b, c))
            case tree.Index(base=a, positions=positions):
                stack.extend((a, *positions))
            case tree.Slice(start=a, stop=b):
                stack.extend(x for x in (a, b) if x is not None)
            case tree.Comprehension(body=a, loops=loops):
                stack.extend((a, *(loop.domain for loop in loops)))
            case _:
                pass
