"""Expressions become nodes: names are resolved, whole arrays become indices.

`Reader` turns an expression of the syntax tree into a `Value`. It is the place where positions,
alignment and shapes are decided, without data; what it cannot decide it records for the binding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ppl.distributions import distributions
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Misaligned, Value, align, axis_text, dimension_of, size_text
from ppl.graph.evaluate import is_whole
from ppl.graph.graph import Axis, Member, SameSize
from ppl.graph.names import nearest
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Select,
    Size,
    Stack,
    add,
    closed,
    extent,
    reduced,
    rename,
    same,
    subtract,
)
from ppl.graph.scope import Scope, Stop
from ppl.graph.substitute import NotPlain, substitute
from ppl.graph.trace import plain_number
from ppl.primitives.atoms import RECOGNISED
from ppl.syntax import tree
from ppl.text import Diagnostic, Label, Span

if TYPE_CHECKING:
    from ppl.graph.build import Names

BINARY: Mapping[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "^": np.power,
    "and": np.logical_and,
    "or": np.logical_or,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

CONSTANTS = {"pi": math.pi, "inf": math.inf}


@dataclass(slots=True)
class Reader:
    """Reads expressions; `names` knows the model's names.

    Attributes
    ----------
    names
        The names of the model and what is known of them.
    diagnostics
        Errors and notes found so far.
    same_sizes
        Domains that met, to be compared when data are bound.
    """

    names: Names
    diagnostics: list[Diagnostic] = field(default_factory=list)
    same_sizes: list[SameSize] = field(default_factory=list)

    # ------------------------------------------------------------------------------- errors

    def stop(self, diagnostic: Diagnostic) -> Stop:
        """Record an error; raise what is returned."""
        self.diagnostics.append(diagnostic)
        return Stop()

    def unsupported(self, what: str, span: Span, help: str | None = None) -> Stop:
        """Record that the compiler does not carry this yet; raise what is returned."""
        return self.stop(kinds.UNSUPPORTED(f"{what} is not supported yet", span, help=help))

    # ---------------------------------------------------------------------------- alignment

    def together(
        self, values: Sequence[Value], span: Span, what: str | None = None
    ) -> tuple[tuple[Node, ...], tuple[Index, ...]]:
        """Give values common axes, or stop with a shape error."""
        try:
            aligned, axes, sizes = align(values, span)
        except Misaligned as e:
            raise self.shape_error(values[e.left], values[e.right], e.reason, span, what) from None
        self.same_sizes.extend(sizes)
        return tuple(v.node for v in aligned), axes

    def shape_error(
        self,
        left: Value,
        right: Value,
        reason: str,
        span: Span,
        what: str | None = None,
        help: str | None = None,
    ) -> Stop:
        """Report two values whose axes do not fit."""
        what = what or self.names.text(span)
        labels = [self.axes_label(v) for v in (left, right) if v.span is not None]
        return self.stop(
            kinds.SHAPE(
                f"`{what}` combines shapes that do not fit",
                span,
                reason,
                secondary=tuple(dict.fromkeys(labels)),
                help=help,
            )
        )

    def axes_label(self, value: Value) -> Label:
        """Say which axes a value has: where its name is defined, or else where it stands."""
        span = value.span or Span(0, 0)
        text = self.names.text(span)
        label = f"`{text}` has {axes_text(value.axes)}"
        entry = self.names.declared.entries.get(text)
        return Label(span if entry is None else entry.span, label)

    def elementwise(self, function: Any, values: Sequence[Value], span: Span) -> Value:
        """Apply a ufunc to values."""
        nodes, axes = self.together(values, span)
        if all(isinstance(n, Constant) for n in nodes):
            with np.errstate(all="ignore"):
                number = function(*(n.value for n in nodes))  # type: ignore[union-attr]
            return Value(Constant(plain_number(number), span), axes, span)
        return Value(Apply(RECOGNISED[function].name, nodes, span), axes, span)

    # -------------------------------------------------------------------------- expressions

    def read(self, expression: tree.Expression, scope: Scope) -> Value:
        """Turn an expression into a value."""
        span = expression.span
        match expression:
            case tree.Number(value=literal):
                number = int(literal) if expression.is_integer else literal
                return Value(Constant(number, span), (), span)
            case tree.Name():
                return self.name(expression, scope)
            case tree.Parenthesis(body=body):
                return replace(self.read(body, scope), span=span)
            case tree.Unary(operator="+", operand=operand):
                return self.read(operand, scope)
            case tree.Unary(operator=operator, operand=operand):
                function = np.negative if operator == "-" else np.logical_not
                return self.elementwise(function, (self.read(operand, scope),), span)
            case tree.Binary():
                return self.binary(expression, scope)
            case tree.Comparison():
                return self.comparison(expression, scope)
            case tree.Conditional(condition=condition, yes=yes, no=no):
                values = [self.read(e, scope) for e in (condition, yes, no)]
                (c, a, b), axes = self.together(values, span)
                return Value(Select(c, a, b, span), axes, span)
            case tree.Array(items=items):
                return self.array([self.read(i, scope) for i in items], span)
            case tree.Comprehension(body=body, loops=loops):
                inner, indices = self.loops(loops, scope, "axis")
                value = self.read(body, inner)
                return Value(value.node, (*indices, *value.axes), span)
            case tree.Index():
                return self.index(expression, scope)
            case tree.Call():
                from ppl.graph.calls import call

                return call(self, expression, scope)
            case tree.String():
                raise self.stop(
                    kinds.NOT_A_VALUE('a string is only an option, as in `method = "rk45"`', span)
                )

    def binary(self, expression: tree.Binary, scope: Scope) -> Value:
        """Read a chain of binary operators without recursion on its left side."""
        chain: list[tree.Binary] = []
        left: tree.Expression = expression
        while isinstance(left, tree.Binary):
            chain.append(left)
            left = left.left
        value = self.read(left, scope)
        for step in reversed(chain):
            right = self.read(step.right, scope)
            value = self.operate(step.operator, value, right, step.span)
        return value

    def operate(self, operator: str, left: Value, right: Value, span: Span) -> Value:
        """Apply one binary operator."""
        if operator == "@":
            return self.matmul(left, right, span)
        if operator == "^" and isinstance(right.node, Constant):
            special = {2: np.square, 0.5: np.sqrt, 1: np.positive}.get(right.node.value)
            if special is np.positive:
                return left
            if special is not None:
                return self.elementwise(special, (left,), span)
        return self.elementwise(BINARY[operator], (left, right), span)

    def comparison(self, expression: tree.Comparison, scope: Scope) -> Value:
        """Read ``a < b < c`` as ``a < b and b < c``."""
        operands = [self.read(o, scope) for o in expression.operands]
        result: Value | None = None
        for k, operator in enumerate(expression.operators):
            self.refuse_label(expression.operands[k : k + 2], operands[k : k + 2])
            pair = self.elementwise(BINARY[operator], operands[k : k + 2], expression.span)
            result = (
                pair
                if result is None
                else self.elementwise(np.logical_and, (result, pair), expression.span)
            )
        assert result is not None
        return result

    def refuse_label(self, texts: Sequence[tree.Expression], values: Sequence[Value]) -> None:
        """Report positions that data count from 1, compared with a number."""
        for one, other in (0, 1), (1, 0):
            node, number = values[one].node, texts[other]
            while isinstance(number, tree.Parenthesis):
                number = number.body
            if not isinstance(node, Read) or not isinstance(number, tree.Number):
                continue
            datum = self.names.data.get(node.name)
            if datum is None or datum.positions is None or not datum.origin:
                continue
            text, label = (self.names.text(t.span) for t in (texts[one], number))
            below = f"{datum.positions}[{number.value - datum.origin:g}]"
            raise self.stop(
                kinds.LABEL(
                    f"`{text}` is a position in `{datum.positions}`, and the data count from "
                    f"{datum.origin}: is {label} a label or a position?",
                    number.span,
                    help=f"for the label {label} write `{below}`, for the position "
                    f"`{datum.positions}[{label}]`",
                    secondary=(Label(datum.span, f"counts from {datum.origin}"),),
                )
            )

    def array(self, items: Sequence[Value], span: Span) -> Value:
        """Stack items along a new first axis without a name."""
        nodes, axes = self.together(items, span)
        index = Index("i", "axis", Domain(Constant(0), Constant(len(nodes))), span)
        return Value(Stack(index, nodes, span), (index, *axes), span)

    def matmul(self, left: Value, right: Value, span: Span) -> Value:
        """Sum the products along left's last axis and right's first (of two: its first)."""
        if not left.axes or not right.axes:
            empty = left if not left.axes else right
            other = right if empty is left else left
            number = self.names.text(empty.span)
            raise self.shape_error(
                empty,
                other,
                f"`{number}` is a single number",
                span,
                help="write `*` to multiply by a number",
            )
        right = fresh(right)
        a, b = left.axes[-1], right.axes[0]
        one, two = dimension_of(a), dimension_of(b)
        if one is not None and two is not None and one != two:
            turned = dimension_of(left.axes[0]) == dimension_of(right.axes[-1]) is not None
            texts = self.names.text(right.span), self.names.text(left.span)
            help = f"write `{texts[0]} @ {texts[1]}`" if turned else None
            raise self.shape_error(left, right, f"{one} meets {two}", span, help=help)
        self.same(a.domain, b.domain, span)
        summed = a.like("sum")
        x = rename(left.node, {a: summed})
        y = rename(right.node, {b: summed})
        product = Apply(RECOGNISED[np.multiply].name, (x, y), span)
        node = reduced("sum", (summed,), product, span)
        return Value(node, (*left.axes[:-1], *right.axes[1:]), span)

    def same(self, left: Domain, right: Domain, span: Span) -> None:
        """Record that two domains must have the same size."""
        if left is right or (left.dimension is not None and left.dimension == right.dimension):
            return
        self.same_sizes.append(SameSize(left, right, span))

    # -------------------------------------------------------------------------------- names

    def name(self, name: tree.Name, scope: Scope) -> Value:
        """Resolve a name: the nearest meaning wins."""
        span = name.span
        if name.id in scope.values:
            return replace(scope.values[name.id], span=span)
        if name.id in scope.loops:
            return Value(Position(scope.loops[name.id], span), (), span)
        key = self.names.lookup(name.id, scope)
        if key is not None:
            axes = self.axes(key, span)
            return self.whole(key, axes, scope, span)
        if name.id in self.names.dimensions:
            return Value(Size(name.id, span), (), span)
        if name.id in CONSTANTS:
            return Value(Constant(CONSTANTS[name.id], span), (), span)
        return self.unknown(name, scope)

    def axes(self, key: str, span: Span) -> tuple[Axis, ...]:
        """Return the axes of a variable that is read, perhaps before its own statement."""
        entry = self.names.declared.entries.get(key)
        known = key in self.names.known_axes or key in self.names.outline.ranks
        new = not known and key not in self.names.claiming
        if new and entry is not None and any(isinstance(t, tree.Index) for _, t in entry.sites):
            from ppl.graph.statements import all_claims

            all_claims(self, key)
        return self.names.axes(key, span)

    def unknown(self, name: tree.Name, scope: Scope) -> Value:
        """Take an unknown name for a learned parameter, unless it is a slip of the pen."""
        self.refuse_inner(name)
        meant = nearest(name.id, self.names.known(scope))
        if meant is not None:
            raise self.stop(
                kinds.UNKNOWN_NAME(
                    f"`{name.id}` is defined nowhere",
                    name.span,
                    f"did you mean `{meant}`?",
                    help=f"write `{meant}`; if `{name.id}` is meant to be learned, declare it: "
                    f"`param {name.id}`",
                )
            )
        from ppl.graph.calls import is_callable

        if is_callable(name.id, self.names):
            raise self.stop(
                kinds.NOT_A_VALUE(
                    f"`{name.id}` is a "
                    + ("distribution" if name.id in distributions() else "function")
                    + ", not a number",
                    name.span,
                    help=f"write `{name.id}(...)`" if name.id not in distributions() else None,
                )
            )
        self.names.learn(name)
        return Value(Read(name.id, (), name.span), (), name.span)

    def refuse_inner(self, name: tree.Name) -> None:
        """Report a name that has a meaning, but inside a loop only."""
        for site in self.names.declared.sites:
            for loop in site.loops:
                if loop.index.id == name.id:
                    raise self.stop(
                        kinds.UNKNOWN_NAME(
                            f"`{name.id}` is the index of a loop, and stands outside of it",
                            name.span,
                            secondary=(Label(loop.index.span, "the index"),),
                            help="write the statement inside the loop, or its own `for`",
                        )
                    )
        for entry in self.names.declared.entries.values():
            if entry.block is not None and entry.name == name.id:
                raise self.stop(
                    kinds.UNKNOWN_NAME(
                        f"`{name.id}` belongs to a loop, and is not known outside of it",
                        name.span,
                        secondary=(Label(entry.span, "defined inside the loop, without brackets"),),
                        help=f"define it with the loop's index in brackets: `{name.id}[...] = ...`",
                    )
                )

    def whole(self, key: str, axes: tuple[Axis, ...], scope: Scope, span: Span) -> Value:
        """Read all of a name; the axes of a loop's own name follow the loop."""
        own = self.names.loops_of(key)
        positions = [subtract(Position(i), i.domain.start) for i in own]
        indices = [whole_axis(a, span) for a in axes[len(own) :]]
        node = Read(key, (*positions, *(Position(i) for i in indices)), span)
        return Value(node, tuple(indices), span)

    # ---------------------------------------------------------------------------- positions

    def loops(
        self, loops: Sequence[tree.Loop], scope: Scope, role: Any
    ) -> tuple[Scope, tuple[Index, ...]]:
        """Enter loops; returns the scope inside and the new indices."""
        indices: dict[str, Index] = {}
        for loop in loops:
            inner = scope.inside(indices)
            name = loop.index.id
            clash = self.names.lookup(name, scope) or (
                name if name in self.names.dimensions else None
            )
            if clash is not None and name not in scope.values:
                entry = self.names.declared.entries.get(clash)
                what = "dimension" if name in self.names.dimensions else "variable"
                label = Label(entry.span, f"the {what}") if entry is not None else None
                raise self.stop(
                    kinds.NAME_CLASH(
                        f"the index `{name}` bears the name of a {what}",
                        loop.index.span,
                        secondary=() if label is None else (label,),
                        help="give the index another name",
                    )
                )
            domain, limits = self.domain(loop.domain, inner)
            indices[name] = Index(name, role, domain, loop.span, limits)
        return scope.inside(indices), tuple(indices.values())

    def domain(
        self, domain: tree.Expression | tree.Slice, scope: Scope
    ) -> tuple[Domain, tuple[Node, Node] | None]:
        """Read what stands after ``in``: the positions, and their limits if others decide them."""
        match domain:
            case tree.Slice(start=start, stop=stop):
                if stop is None:
                    raise self.stop(
                        kinds.BAD_POSITION("a range after `in` needs its end", domain.span)
                    )
                first = Constant(0) if start is None else self.scalar(start, scope)
                last = self.scalar(stop, scope)
                return ranged(first, last, last.dimension if isinstance(last, Size) else None)
            case tree.Name(id=name) if name in self.names.dimensions:
                return Domain(Constant(0), Size(name, domain.span), name), None
            case _:
                raise self.stop(
                    kinds.BAD_POSITION(
                        "after `in` stands a dimension or a range such as `1:T`",
                        domain.span,
                        help=self.domain_help(domain),
                    )
                )

    def domain_help(self, domain: tree.Expression) -> str:
        """Return how to write what stands after ``in``."""
        inside = domain.arguments if isinstance(domain, tree.Call) else ()
        text = self.names.text(inside[-1].span if inside else domain.span)
        if inside and isinstance(inside[-1], tree.Name):
            return f"write `in {text}` for all positions of `{text}`"
        return f"for the positions from 0 to {text} - 1 write `0:{text}`"

    def domain_of_size(self, size: tree.Expression, scope: Scope) -> Domain:
        """Read an argument that is the size of an axis: a dimension or a number."""
        if isinstance(size, tree.Name) and self.is_dimension(size.id, scope):
            return Domain(Constant(0), Size(size.id, size.span), size.id)
        return Domain(Constant(0), self.scalar(size, scope))

    def no_limits(self, axes: Sequence[Index], span: Span) -> None:
        """Refuse axes whose length differs from one position of another index to the next."""
        guilty = next((a for a in axes if a.limits is not None), None)
        if guilty is not None:
            raise self.stop(
                kinds.RAGGED(
                    f"`{self.names.text(span)}` has another length for each position of "
                    + ", ".join(
                        f"`{i.name}`"
                        for i in sorted(closed((guilty,)) - {guilty}, key=lambda i: i.serial)
                    ),
                    span,
                    help="a range whose bounds use an index stands in a loop, on the left, or in a "
                    "reduction: `sum(x[s] for s in 0:t)`",
                )
            )

    def scalar(self, expression: tree.Expression, scope: Scope) -> Node:
        """Read an expression that must be a single number."""
        value = self.read(expression, scope)
        if value.axes:
            raise self.stop(
                kinds.SHAPE(
                    f"`{self.names.text(expression.span)}` must be a single number",
                    expression.span,
                    axes_text(value.axes),
                )
            )
        return value.node

    def index(self, expression: tree.Index, scope: Scope) -> Value:
        """Read ``base[positions]``."""
        base, span = expression.base, expression.span
        if isinstance(base, tree.Name) and self.is_dimension(base.id, scope):
            return self.member(base, expression, scope)
        if isinstance(base, tree.Name) and base.id not in scope.values:
            key = self.names.lookup(base.id, scope)
            if key is None:
                raise self.unknown_indexed(expression, base, scope)
            axes = self.axes(key, base.span)
            own = self.names.loops_of(key)
            start = [subtract(Position(i), i.domain.start) for i in own]
            return self.at(key, axes[len(own) :], tuple(start), expression, scope)
        value = self.read(base, scope)
        if len(expression.positions) > len(value.axes):
            raise self.too_many(expression, len(value.axes))
        nodes, out = self.places([axis_of(i.domain) for i in value.axes], expression, scope)
        moved = zip(value.axes, nodes, strict=True)
        try:
            at = substitute(value.node, {i: add(n, i.domain.start) for i, n in moved})
            return Value(at, out, span)
        except NotPlain:
            pass
        key, axes, own = self.names.auxiliary(value, scope)
        start = [subtract(Position(i), i.domain.start) for i in own]
        return replace(self.at(key, axes, tuple(start), expression, scope), span=span)

    def member(self, base: tree.Name, expression: tree.Index, scope: Scope) -> Value:
        """Read ``J[1]``: a position in J."""
        if len(expression.positions) > 1:
            raise self.too_many(expression, 1)
        (position,) = expression.positions
        value = self.position(Axis(base.id, Size(base.id)), position, scope)
        self.names.members.append(Member(base.id, value.node, expression.span))
        return replace(value, span=expression.span)

    def unknown_indexed(self, whole: tree.Index, base: tree.Name, scope: Scope) -> Stop:
        """Report brackets after a name that is not known."""
        try:
            self.refuse_inner(base)
        except Stop as stop:
            return stop
        meant = nearest(base.id, self.names.known(scope))
        if meant is not None:
            return self.stop(
                kinds.UNKNOWN_NAME(
                    f"`{base.id}` is defined nowhere",
                    base.span,
                    f"did you mean `{meant}`?",
                    help=f"write `{meant}`",
                )
            )
        axes = ", ".join(self.axis_written(p, scope) for p in whole.positions)
        named = f"{base.id}[{axes}]"
        return self.stop(
            kinds.UNKNOWN_INDEXED(
                f"`{base.id}` is defined nowhere, and its axes are not known",
                base.span,
                help=f"declare it: `data {named}` if it is given, `param {named}` if it is to be "
                f"learned, or write `{named} ~ ...`",
            )
        )

    def axis_written(self, position: tree.Expression | tree.Slice, scope: Scope) -> str:
        """Return what a declaration would have in its brackets for a position."""
        match position:
            case tree.Name(id=name) if name in scope.loops:
                return size_text(scope.loops[name].domain)
            case tree.Name(id=name) if self.is_dimension(name, scope):
                return name
            case _:
                return "..."

    def too_many(self, expression: tree.Index, rank: int) -> Stop:
        """Report more positions than axes."""
        base = self.names.text(expression.base.span)
        axes = "no axis" if rank == 0 else "1 axis" if rank == 1 else f"{rank} axes"
        count = len(expression.positions)
        stand = "1 position stands" if count == 1 else f"{count} positions stand"
        extra = expression.positions[rank].span.to(expression.positions[-1].span)
        entry = self.names.declared.entries.get(base)
        return self.stop(
            kinds.TOO_MANY_POSITIONS(
                f"`{base}` has {axes}, but {stand} in brackets",
                extra,
                secondary=() if entry is None else (Label(entry.span, f"`{base}` has {axes}"),),
                help=f"write `{base}`, a single number" if rank == 0 else None,
            )
        )

    def at(
        self,
        key: str,
        axes: tuple[Axis, ...],
        start: tuple[Node, ...],
        expression: tree.Index,
        scope: Scope,
    ) -> Value:
        """Read a name at positions."""
        nodes, out = self.places(axes, expression, scope)
        return Value(Read(key, (*start, *nodes), expression.span), out, expression.span)

    def places(
        self, axes: Sequence[Axis], expression: tree.Index, scope: Scope
    ) -> tuple[tuple[Node, ...], tuple[Index, ...]]:
        """Read what stands in brackets: a node for each axis, and the axes that stay."""
        given = expression.positions
        if len(given) > len(axes):
            raise self.too_many(expression, len(axes))
        values: list[Value] = []
        for axis, position in zip(axes, given, strict=False):
            values.append(self.position(axis, position, scope))
        arrays = [k for k, v in enumerate(values) if v.axes and not is_slice(v)]
        if len(arrays) > 1:
            nodes, together = self.together([values[k] for k in arrays], expression.span)
            for place, (k, node) in enumerate(zip(arrays, nodes, strict=True)):
                values[k] = Value(node, together if place == 0 else (), values[k].span)
        rest = [whole_axis(a, expression.span) for a in axes[len(given) :]]
        every = (*(v.node for v in values), *(Position(i) for i in rest))
        return every, (*(i for v in values for i in v.axes), *rest)

    def position(self, axis: Axis, position: tree.Expression | tree.Slice, scope: Scope) -> Value:
        """Read one position in brackets."""
        span = position.span
        if isinstance(position, tree.Slice):
            return self.slice(axis, position, scope)
        if isinstance(position, tree.Name) and self.is_dimension(position.id, scope):
            index = Index(
                position.id.lower(), "axis", Domain(Constant(0), Size(position.id), position.id)
            )
            if axis.dimension is not None and axis.dimension != position.id:
                raise self.stop(
                    kinds.SHAPE(
                        f"`{position.id}` stands where the axis is `{axis.dimension}`",
                        span,
                        help=f"a dimension's name in brackets is the whole axis: write "
                        f"`{axis.dimension}`, or positions in it",
                    )
                )
            if axis.dimension is None:
                self.same_sizes.append(SameSize(Domain(Constant(0), axis.size), index.domain, span))
            return Value(Position(index, span), (index,), span)
        value = self.read(position, scope)
        if isinstance(value.node, Constant):
            number = value.node.value
            if not is_whole(number) or number < 0:
                raise self.stop(
                    kinds.BAD_POSITION(
                        f"{number:g} is not a position: they are whole numbers from 0",
                        span,
                        help=self.from_the_end(axis, number),
                    )
                )
        return value

    def from_the_end(self, axis: Axis, number: float) -> str | None:
        """Return how to count from the end, where a negative position means that."""
        if number >= 0 or not is_whole(number):
            return None
        size = axis.dimension if axis.dimension and "." not in axis.dimension else "N"
        return (
            f"positions never wrap: count from the end with the size, as in `{size} - {-number:g}`"
        )

    def is_dimension(self, name: str, scope: Scope) -> bool:
        """Return whether a name in brackets stands for a whole axis."""
        return (
            name not in scope.values
            and name not in scope.loops
            and self.names.lookup(name, scope) is None
            and name in self.names.dimensions
        )

    def slice(self, axis: Axis, position: tree.Slice, scope: Scope) -> Value:
        """Read ``a:b`` in brackets."""
        if position.start is None and position.stop is None:
            index = whole_axis(axis, position.span)
            return Value(Position(index, position.span), (index,), position.span)
        start = Constant(0) if position.start is None else self.scalar(position.start, scope)
        stop = axis.size if position.stop is None else self.scalar(position.stop, scope)
        for bound in (start, stop):
            if isinstance(bound, Constant) and bound.value < 0:
                raise self.stop(
                    kinds.BAD_POSITION(
                        f"{bound.value:g} is not a position: they are whole numbers from 0",
                        bound.span or position.span,
                        help=self.from_the_end(axis, bound.value),
                    )
                )
        width = _width(start, stop)
        if width is not None and start.free and not scope.reduced:
            index = Index("i", "axis", Domain(Constant(0), Constant(width)), position.span)
            return Value(add(start, Position(index)), (index,), position.span)
        domain, limits = ranged(start, stop, axis.dimension)
        index = Index("i", "axis", domain, position.span, limits)
        return Value(Position(index, position.span), (index,), position.span)


def is_slice(value: Value) -> bool:
    """Return whether a position is a whole axis or a range."""
    return isinstance(value.node, Position) and value.axes == (value.node.index,)


def ranged(
    start: Node, stop: Node, within: str | None = None
) -> tuple[Domain, tuple[Node, Node] | None]:
    """Return the positions of a range, and its bounds if they use other indices.

    The positions are then all that any values of those indices give.
    """
    if not start.free and not stop.free:
        return Domain(start, stop, within=within), None
    first, last = _extreme("min", start), largest(stop)
    last = Apply(RECOGNISED[np.maximum].name, (last, first), stop.span)
    return Domain(first, last, within=within), (start, stop)


def _width(start: Node, stop: Node) -> int | None:
    """Return the number of positions of a range, where it is the same for all indices."""
    (a, low), (b, high) = _apart(start), _apart(stop)
    width = high - low
    return int(width) if same(a, b) and is_whole(width) and width > 0 else None


def _apart(node: Node) -> tuple[Node, float]:
    match node:
        case Apply(atom="add", arguments=(a, Constant(value=c))):
            return a, c
        case Apply(atom="subtract", arguments=(a, Constant(value=c))):
            return a, -c
        case _:
            return node, 0


def largest(position: Node) -> Node:
    """Return the largest value of a position over all that the indices around it give."""
    match position:
        case Position(index=index):
            return subtract(index.domain.stop, Constant(1))
        case Apply(atom="add" | "subtract" as atom, arguments=(Position(index=i), c)) if not c.free:
            last = subtract(i.domain.stop, Constant(1))
            return add(last, c) if atom == "add" else subtract(last, c)
        case _:
            return _extreme("max", position)


def _extreme(operation: Literal["min", "max"], bound: Node) -> Node:
    if not bound.free:
        return bound
    indices = sorted(closed(bound.free), key=lambda i: i.serial)
    return reduced(operation, indices, bound, bound.span)


def axis_of(domain: Domain) -> Axis:
    """Return the axis that an index over this domain makes."""
    return Axis(domain.dimension, extent(domain))


def whole_axis(axis: Axis, span: Span | None = None) -> Index:
    """Return a fresh index over all of an axis."""
    name = axis.dimension.lower() if axis.dimension else "i"
    return Index(name, "axis", Domain(Constant(0), axis.size, axis.dimension), span)


def fresh(value: Value) -> Value:
    """Return the value with fresh axes, so that it can stand beside itself."""
    return value.renamed({i: i.like() for i in value.axes})


def axes_text(axes: Sequence[Index]) -> str:
    """Return axes in words: ``axes [N, D]``, ``no axes``."""
    if not axes:
        return "no axes: it is a single number"
    names = ", ".join(map(axis_text, axes))
    return f"{'axis' if len(axes) == 1 else 'axes'} [{names}]"


def reduce_over(
    operation: Any, value: Value, indices: Sequence[Index], span: Span
) -> tuple[Node, Callable[[], Node]]:
    """Reduce a node over indices; also returns a function that counts the positions reduced."""

    def count() -> Node:
        if any(i.limits is not None for i in indices):
            return reduced("sum", indices, Constant(1), span)
        total: Node = Constant(1)
        for index in indices:
            size = extent(index.domain)
            if isinstance(total, Constant) and total.value == 1:
                total = size
            else:
                total = Apply(RECOGNISED[np.multiply].name, (total, size), span)
        return total

    node = reduced(operation, indices, value.node, span) if indices else value.node
    return node, count
