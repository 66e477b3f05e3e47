"""Every place where a name stands, with what it means there.

Walks the syntax tree with the scopes of loops and functions, so that it works on a model that does
not hold together yet.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ppl.constraints import SETS
from ppl.distributions import DISTRIBUTIONS
from ppl.graph.declare import Declarations, declare, name_of, strip
from ppl.syntax import tree
from ppl.text import Span

Sort = Literal[
    "variable", "dimension", "index", "function", "argument", "learned", "called", "set", "option"
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for: its sort, where it is defined, and the variable's key if it is one.

    `home` is None for what the language itself brings.
    """

    sort: Sort
    home: Span | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name at a place of the text."""

    name: str
    span: Span
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Names:
    """All names of a model."""

    declared: Declarations
    occurrences: tuple[Occurrence, ...]

    def at(self, offset: int) -> Occurrence | None:
        """Return the name that holds a place, or ends there."""
        for found in self.occurrences:
            if found.span.start <= offset <= found.span.end:
                return found
        return None

    def same(self, occurrence: Occurrence) -> tuple[Occurrence, ...]:
        """Return all places that mean the same as this one."""
        if occurrence.meaning.home is None:
            return ()
        return tuple(o for o in self.occurrences if o.meaning == occurrence.meaning)


Scope = Mapping[str, Meaning]


def names_of(model: tree.SyntaxTree) -> Names:
    """Find all names of a model."""
    declared = declare(model)
    walker = _Walker(declared)
    found = list(walker.statements(model.statements, {}))
    return Names(declared, tuple(sorted(found, key=lambda o: o.span)))


class _Walker:
    """Goes through the statements in the order in which `declare` numbers their loops."""

    def __init__(self, declared: Declarations) -> None:
        self.declared = declared
        self.blocks = 0
        self.first: dict[str, Span] = {}
        self.known: dict[str, Meaning] = {}
        for name, what in declared.dimensions.items():
            home = what if isinstance(what, Span) else what.name.span
            self.known[name] = Meaning("dimension", home)
        for entry in declared.entries.values():
            if entry.block is None:
                self.known[entry.name] = Meaning("variable", entry.span, entry.key)

    def name(self, name: tree.Name, scope: Scope) -> Occurrence:
        """Return what a name means in a scope."""
        meaning = scope.get(name.id) or self.known.get(name.id)
        if meaning is None and name.id == "pi":
            meaning = Meaning("called", None)
        if meaning is None:
            meaning = Meaning("learned", self.first.setdefault(name.id, name.span))
        return Occurrence(name.id, name.span, meaning)

    def function(self, name: tree.Name) -> Occurrence:
        """Return what the name of a call means."""
        own = self.declared.functions.get(name.id)
        meaning = Meaning("called", None) if own is None else Meaning("function", own.name.span)
        return Occurrence(name.id, name.span, meaning)

    def statements(
        self, statements: Iterable[tree.Statement], scope: Scope
    ) -> Iterator[Occurrence]:
        for statement in statements:
            yield from self.statement(statement, scope)

    def statement(self, statement: tree.Statement, scope: Scope) -> Iterator[Occurrence]:
        match statement:
            case tree.Dimensions(items=items):
                for item in items:
                    yield self.name(item.name, scope)
                    yield from self.each((item.size,), scope)
            case tree.Data(items=data):
                for datum in data:
                    yield self.name(datum.name, scope)
                    yield from self.each((*datum.axes, *datum.constraints, datum.missing), scope)
            case tree.Parameters(items=params):
                for param in params:
                    yield self.name(param.name, scope)
                    yield from self.each((*param.axes, *param.constraints, param.start), scope)
            case tree.Sample(targets=targets, distribution=law, constraints=sets, weight=weight):
                yield from self.each((*targets, law, *sets, weight), scope)
            case tree.Define(targets=targets, value=value):
                yield from self.each((*targets, value), scope)
            case tree.For(loops=loops, body=body):
                inner = yield from self.loops(loops, scope)
                self.blocks += 1
                yield from self.statements(body, self.block(inner))
            case tree.Factor(value=value) | tree.Require(condition=value):
                yield from self.each((value,), scope)
            case tree.Function():
                yield from self.definition(statement, scope)
            case tree.Guide(entries=entries):
                for entry in entries:
                    yield from self.guided(entry, scope)

    def guided(self, entry: tree.GuideEntry, scope: Scope) -> Iterator[Occurrence]:
        """Yield the names in a line of the guide, whose left side brings the indices."""
        inner = {**scope}
        for target in entry.targets:
            positions = target.positions if isinstance(target, tree.Index) else ()
            for position in positions:
                if isinstance(position, tree.Name) and position.id not in self.known:
                    inner.setdefault(position.id, Meaning("index", position.span))
        yield from self.each((t for t in entry.targets if _word(t) != "default"), inner)
        family = entry.family
        name = family.function if isinstance(family, tree.Call) else family
        if name.id in DISTRIBUTIONS:
            yield Occurrence(name.id, name.span, Meaning("called", None))
        if isinstance(family, tree.Call):
            yield from self.each((*family.arguments, *family.keywords), inner)

    def block(self, scope: Scope) -> Scope:
        """Return the scope inside a loop: names that are defined there without brackets."""
        own = {
            name: Meaning("variable", self.declared.entries[key].span, key)
            for (block, name), key in self.declared.local.items()
            if block == self.blocks
        }
        return {**scope, **own}

    def definition(self, function: tree.Function, scope: Scope) -> Iterator[Occurrence]:
        yield self.function(function.name)
        inner = {**scope}
        for parameter in function.parameters:
            inner[parameter.id] = Meaning("argument", parameter.span)
            yield self.name(parameter, inner)
        for define in function.definitions:
            yield from self.each((define.value,), inner)
            for target in define.targets:
                plain = strip(target)
                if plain is not None:
                    name = name_of(plain)
                    inner[name.id] = Meaning("argument", name.span)
            yield from self.each(define.targets, inner)
        yield from self.each((function.result,), inner)

    def loops(
        self, loops: tuple[tree.Loop, ...], scope: Scope
    ) -> Generator[Occurrence, None, Scope]:
        """Yield the names in loops; return the scope inside them."""
        inner = {**scope}
        for loop in loops:
            yield from self.each((loop.domain,), inner)
            inner[loop.index.id] = Meaning("index", loop.index.span)
            yield self.name(loop.index, inner)
        return inner

    def each(self, nodes: Iterable[object], scope: Scope) -> Iterator[Occurrence]:
        for node in nodes:
            yield from self.node(node, scope)

    def node(self, node: object, scope: Scope) -> Iterator[Occurrence]:
        """Yield the names in an expression or a constraint."""
        match node:
            case tree.Name():
                yield self.name(node, scope)
            case tree.Call(function=function, arguments=arguments, keywords=options, loops=loops):
                yield self.function(function)
                inner = yield from self.loops(loops, scope)
                yield from self.each(arguments, inner)
                yield from self.each(options, inner)
            case tree.Keyword(name=name, value=value):
                yield Occurrence(name.id, name.span, Meaning("option", None))
                yield from self.node(value, scope)
            case tree.Comprehension(body=body, loops=loops):
                inner = yield from self.loops(loops, scope)
                yield from self.node(body, inner)
            case tree.Unary(operand=a) | tree.Parenthesis(body=a) | tree.Bound(value=a):
                yield from self.node(a, scope)
            case tree.Binary(left=a, right=b) | tree.Interval(lower=a, upper=b):
                yield from self.each((a, b), scope)
            case tree.Comparison(operands=many) | tree.Array(items=many) | tree.Finite(values=many):
                yield from self.each(many, scope)
            case tree.Conditional(condition=a, yes=b, no=c):
                yield from self.each((a, b, c), scope)
            case tree.Index(base=a, positions=positions):
                yield from self.each((a, *positions), scope)
            case tree.Slice(start=a, stop=b):
                yield from self.each((a, b), scope)
            case tree.Named(name=name) if name.id in SETS:
                yield Occurrence(name.id, name.span, Meaning("set", None))
            case tree.Named(name=name):
                yield self.name(name, scope)
            case _:
                return


def _word(target: tree.Expression) -> str:
    return target.id if isinstance(target, tree.Name) else ""
