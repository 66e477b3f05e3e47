"""Values of names and of expressions, position by position."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ppl.syntax import tree
from tests.interpreter.functions import ELEMENTWISE, OF_ARRAYS, OPERATORS, REDUCTIONS, total
from tests.interpreter.outline import Site
from tests.interpreter.space import Place, Scope, Space
from tests.interpreter.tables import (
    Axis,
    Cell,
    Misfit,
    Table,
    cells_of,
    each,
    from_array,
    meet,
    rows,
    scalar,
    spread,
    tabulate,
)


class Expressions(Space):
    """A model whose names have values: data, what ``=`` computes, what is given for the rest."""

    def prepare(self) -> None:
        self.values: Mapping[str, Any] = {}
        self.evaluated: dict[Any, Table] = {}
        self.covered: dict[str, dict[Cell, tuple[Site, Scope, Place, Cell]]] = {}
        self.prepared: dict[str, Any] = {}

    def _cover(self, name: str) -> dict[Cell, tuple[Site, Scope, Place, Cell]]:
        """Return for each position that ``=`` defines, where it is defined."""
        if name not in self.covered:
            self.covered[name] = {}
            for site, target in self.targets.get(name, ()):
                if isinstance(site.statement, tree.Define):
                    for scope in self._scopes(site):
                        place = self._place(site, target, scope)
                        for inner in cells_of(place.axes):
                            cell = place.cell(inner)
                            if cell in self.covered[name]:
                                raise Misfit(f"{name}{cell} is defined twice")
                            self.covered[name][cell] = site, scope, place, inner
        return self.covered[name]

    def cell(self, name: str, cell: Cell) -> float:
        """Return a name's value at one position."""
        if name in self.data:
            return float(self._given(name)[cell])
        defined = self._cover(name).get(cell)
        if defined is None:
            return float(np.asarray(self.values[name])[cell])
        site, scope, place, inner = defined
        key = site.number, tuple(scope.indices.items()), name
        if key not in self.evaluated:
            assert isinstance(site.statement, tree.Define)
            value = self.read(site.statement.value, scope)
            self.evaluated[key] = spread(value, place.axes)
        return self.evaluated[key].cells[inner]

    def _given(self, name: str) -> Any:
        """Return data as the model counts them: positions from 0, NaN where missing."""
        if name not in self.prepared:
            values = self.data[name]
            item = self.declared.get(name)
            if isinstance(item, tree.Datum):
                if item.missing is not None:
                    code = self.read(item.missing, Scope()).number
                    values = np.where(values == code, np.nan, values)
                for one in item.constraints:
                    if isinstance(one, tree.Named) and one.origin is not None:
                        values = values - one.origin.value
            self.prepared[name] = values
        return self.prepared[name]

    def value(self, name: str) -> Table:
        """Return a whole name."""
        return tabulate(self.axes(name), lambda cell: self.cell(name, cell))

    def _local_site(self, name: str, scope: Scope) -> Site | None:
        for block in reversed(scope.blocks):
            if (block, name) in self.local:
                return self.local[block, name]
        return None

    def _local_value(self, name: str, site: Site, scope: Scope) -> Table:
        """Return a loop's own name, at the loop's present position."""
        own = {loop.index.id: scope.plates[loop.index.id] for loop in site.loops}
        inside = Scope(own, own, {}, site.blocks)
        match site.statement:
            case tree.Define(value=value):
                return self.read(value, inside)
            case tree.Sample(distribution=call):
                starts = [self._domain(loop.domain, inside)[1] for loop in site.loops]
                cell = tuple(n - first for n, first in zip(own.values(), starts, strict=True))
                given = np.asarray(self.values[self.keys[site.blocks[-1], name]])[cell]
                return from_array(self.own_axes(call, inside), given)
        raise AssertionError

    def _name(self, name: str, scope: Scope) -> Table:
        if name in scope.arguments:
            return scope.arguments[name]
        if name in scope.indices:
            return scalar(scope.indices[name])
        site = self._local_site(name, scope)
        if site is not None:
            return self._local_value(name, site, scope)
        if name in self.declared or name in self.targets:
            return self.value(name)
        if name in self.dimensions:
            return scalar(self.sizes[name])
        if name in self.data:
            return self.value(name)
        if name in ("pi", "inf"):
            return scalar(getattr(math, name))
        return scalar(self.values[name])

    # -------------------------------------------------------------------------------- expressions

    def read(self, expression: tree.Expression, scope: Scope) -> Table:
        """Return the value of an expression."""
        match expression:
            case tree.Number(value=value):
                return scalar(value)
            case tree.Name(id=name):
                return self._name(name, scope)
            case tree.Parenthesis(body=body):
                return self.read(body, scope)
            case tree.Unary(operator="-", operand=operand):
                return each(lambda a: -a, self.read(operand, scope))
            case tree.Unary(operator="not", operand=operand):
                return each(lambda a: float(a == 0), self.read(operand, scope))
            case tree.Unary(operand=operand):
                return self.read(operand, scope)
            case tree.Binary(operator="@", left=left, right=right):
                return _product(self.read(left, scope), self.read(right, scope))
            case tree.Binary(operator=operator, left=left, right=right):
                return each(OPERATORS[operator], self.read(left, scope), self.read(right, scope))
            case tree.Comparison(operands=operands, operators=operators):
                many = [self.read(o, scope) for o in operands]
                result = each(OPERATORS[operators[0]], many[0], many[1])
                for k, operator in enumerate(operators[1:], start=1):
                    further = each(OPERATORS[operator], many[k], many[k + 1])
                    result = each(OPERATORS["and"], result, further)
                return result
            case tree.Conditional(condition=condition, yes=yes, no=no):
                return self._choice(condition, yes, no, scope)
            case tree.Array(items=items):
                return _stack([self.read(i, scope) for i in items])
            case tree.Comprehension(body=body, loops=loops):
                return self._comprehension(body, loops, scope)
            case tree.Index():
                return self._index(expression, scope)
            case tree.Call():
                return self._call(expression, scope)
        raise Misfit(f"{expression} is not a value")

    def _choice(self, condition: tree.Expression, yes: Any, no: Any, scope: Scope) -> Table:
        """Choose; where the condition is one number, the other branch is not even looked at."""
        chosen = self.read(condition, scope)
        if not chosen.axes:
            inside = replace(scope, in_branch=True)
            other = self.read(no if chosen.number else yes, inside).axes
            own = self.read(yes if chosen.number else no, scope)
            return each(lambda a, _: a, own, tabulate(other, lambda _: 0.0))
        inside = replace(scope, in_branch=True)
        branches = self.read(yes, inside), self.read(no, inside)
        return each(lambda c, a, b: a if c else b, chosen, *branches)

    def _turns(
        self, loops: tuple[tree.Loop, ...], scope: Scope
    ) -> tuple[list[Axis], list[tuple[Cell, Scope]]]:
        """Return the axes of loops in an expression, and a scope for each of their turns."""
        axes: list[Axis] = []
        turns: list[tuple[Cell, Scope]] = [((), scope)]
        for loop in loops:
            following = []
            for cell, inner in turns:
                axis, first = self._domain(loop.domain, inner)
                following += [
                    ((*cell, k), inner.with_index(loop.index.id, first + k))
                    for k in range(axis.size)
                ]
            turns = following
            axes.append(axis)
        return axes, turns

    def _comprehension(
        self, body: tree.Expression, loops: tuple[tree.Loop, ...], scope: Scope
    ) -> Table:
        axes, turns = self._turns(loops, scope)
        tables = {cell: self.read(body, inner) for cell, inner in turns}
        last = next(iter(tables.values())).axes
        return tabulate(
            (*axes, *last), lambda cell: tables[cell[: len(axes)]].cells[cell[len(axes) :]]
        )

    def _index(self, expression: tree.Index, scope: Scope) -> Table:
        base = expression.base
        if (
            isinstance(base, tree.Name)
            and base.id in self.dimensions
            and base.id not in self.targets
        ):
            return self.read(expression.positions[0], scope)
        direct = (
            isinstance(base, tree.Name)
            and base.id not in scope.arguments
            and self._local_site(base.id, scope) is None
        )
        if direct:
            assert isinstance(base, tree.Name)
            axes = self.axes(base.id)
            return self._positions(expression, axes, lambda cell: self.cell(base.id, cell), scope)
        table = self.read(base, scope)
        return self._positions(expression, table.axes, lambda cell: table.cells[cell], scope)

    def _positions(
        self, expression: tree.Index, axes: tuple[Axis, ...], entry: Any, scope: Scope
    ) -> Table:
        """Read at positions; those that are arrays go together, where the first of them stands."""
        given = expression.positions
        if len(given) > len(axes):
            raise Misfit("more positions than axes")
        parts: list[Any] = [self._position(p, a, scope) for p, a in zip(given, axes, strict=False)]
        parts.extend((a, 0) for a in axes[len(given) :])
        arrays = [p for p in parts if isinstance(p, Table)]
        together, places = meet([t.axes for t in arrays])
        out: list[Axis] = []
        at: dict[int, int] = {}
        begun: int | None = None
        for k, part in enumerate(parts):
            if isinstance(part, int):
                continue
            if isinstance(part, Table):
                if begun is None:
                    begun = len(out)
                    out.extend(together)
                continue
            at[k] = len(out)
            out.append(part[0])

        def value(cell: Cell) -> float:
            source = []
            number = 0
            for k, part in enumerate(parts):
                if isinstance(part, int):
                    source.append(part)
                elif isinstance(part, Table):
                    assert begun is not None
                    inner = tuple(cell[begun + p] for p in places[number])
                    number += 1
                    source.append(int(part.cells[inner]))
                else:
                    source.append(part[1] + cell[at[k]])
            if not all(0 <= k < a.size for k, a in zip(source, axes, strict=True)):
                return math.nan
            return float(entry(tuple(source)))

        return tabulate(out, value)

    # ------------------------------------------------------------------------------------- calls

    @abstractmethod
    def densities(
        self, call: tree.Call, value: Table, scope: Scope, *, exact: bool = False
    ) -> Table:
        """Return the log densities of a distribution at values."""

    def _call(self, call: tree.Call, scope: Scope) -> Table:
        name = call.function.id
        if name in self.functions:
            return self._user_function(self.functions[name], call, scope)
        if name in ("min", "max") and len(call.arguments) == 2:
            chosen = min if name == "min" else max
            return each(chosen, *(self.read(a, scope) for a in call.arguments))
        if name in REDUCTIONS:
            return self._reduction(name, call, scope)
        if name == "logp":
            assert isinstance(call.arguments[0], tree.Call)
            value = self.read(call.arguments[1], scope)
            return self.densities(call.arguments[0], value, scope)
        if name == "observed":
            return self.read(call.arguments[0], scope)
        if name == "where":
            return self._choice(*call.arguments, scope)
        if name == "ode":
            return self._ode(call, scope)
        tables = [self.read(a, scope) for a in call.arguments]
        tables += [self.read(k.value, scope) for k in call.keywords]
        if name == "transpose":
            (table,) = tables
            return tabulate(table.axes[::-1], lambda cell: table.cells[cell[::-1]])
        if name == "dot":
            a, b = tables
            return each(lambda x: x, _product(a, b))
        if name == "size":
            (table,) = tables
            return table if not table.axes else scalar(len(table.cells))
        if name == "eye":
            (argument,) = call.arguments
            axis = self._declared_axis(argument)
            return tabulate((axis, axis), lambda cell: float(cell[0] == cell[1]))
        if name in ELEMENTWISE:
            return each(total(ELEMENTWISE[name]), *tables)
        return _of_arrays(name, tables)

    def _ode(self, call: tree.Call, scope: Scope) -> Table:
        """Return the solution at times by SciPy's method of order 8, next to exactly."""
        right, *others = call.arguments
        assert isinstance(right, tree.Name)
        state, start, times = (self.read(a, scope) for a in others)
        names = [p.id for p in self.functions[right.id].parameters]

        def slopes(t: float, y: Any) -> Any:
            now = tabulate(state.axes, lambda cell: y[cell])
            given = dict(zip(names, (scalar(t), now), strict=True))
            return self._result(self.functions[right.id], given).array()

        found = solve_ivp(
            slopes,
            (start.number, times.array()[-1]),
            state.array(),
            "DOP853",
            times.array(),
            rtol=1e-12,
            atol=1e-12,
        )
        return tabulate((*times.axes, *state.axes), lambda cell: found.y[cell[1], cell[0]])

    def _user_function(self, function: tree.Function, call: tree.Call, scope: Scope) -> Table:
        names = [p.id for p in function.parameters]
        given = {n: self.read(a, scope) for n, a in zip(names, call.arguments, strict=False)}
        given |= {k.name.id: self.read(k.value, scope) for k in call.keywords}
        return self._result(function, given)

    def _result(self, function: tree.Function, given: Mapping[str, Table]) -> Table:
        inside = Scope(arguments=dict(given))
        for definition in function.definitions:
            value = self.read(definition.value, inside)
            own = {t.id: value for t in definition.targets}  # type: ignore[union-attr]
            inside = replace(inside, arguments={**inside.arguments, **own})
        return self.read(function.result, inside)

    def _reduction(self, name: str, call: tree.Call, scope: Scope) -> Table:
        function = REDUCTIONS[name]
        (body,) = call.arguments
        if not call.loops:
            return scalar(function(list(self.read(body, scope).cells.values())))
        _, turns = self._turns(call.loops, scope)
        tables = [self.read(body, inner) for _, inner in turns]
        if not tables:
            return scalar(function([]))
        return tabulate(tables[0].axes, lambda cell: function([t.cells[cell] for t in tables]))


def _stack(items: list[Table]) -> Table:
    """Return items as one table with a new first axis without a name."""
    axes, places = meet([t.axes for t in items])
    first = Axis(None, len(items))
    return tabulate(
        (first, *axes),
        lambda cell: items[cell[0]].cells[tuple(cell[1 + p] for p in places[cell[0]])],
    )


def _product(a: Table, b: Table) -> Table:
    """Sum products over the last axis of one and the first of the other."""
    if not a.axes or not b.axes:
        raise Misfit("`@` needs axes on both sides")
    if len(b.axes) > 2:
        raise Misfit("`@` has a vector or a matrix on its right")
    left, right = a.axes[-1], b.axes[0]
    if left.size != right.size or (left.name and right.name and left.name != right.name):
        raise Misfit(f"{left} meets {right}")
    rest = (*a.axes[:-1], *b.axes[1:])
    split = len(a.axes) - 1
    return tabulate(
        rest,
        lambda cell: math.fsum(
            a.cells[(*cell[:split], k)] * b.cells[(k, *cell[split:])] for k in range(left.size)
        ),
    )


def _of_arrays(name: str, tables: list[Table]) -> Table:
    """Apply a function of vectors or matrices to each vector or matrix of the other axes."""
    (depths, result), function = OF_ARRAYS[name]
    split = [len(t.axes) - d for t, d in zip(tables, depths, strict=True)]
    if min(split) < 0:
        raise Misfit(f"{name} needs a vector or a matrix")
    axes, places = meet([t.axes[:s] for t, s in zip(tables, split, strict=True)])
    parts = [rows(t, d) for t, d in zip(tables, depths, strict=True)]
    found = {
        cell: np.asarray(
            function(
                *(
                    part[tuple(cell[p] for p in place)]
                    for part, place in zip(parts, places, strict=True)
                )
            )
        )
        for cell in cells_of(axes)
    }
    shape = next(iter(found.values())).shape
    last = []
    for k, word in enumerate(result.split()):
        if word == "s":
            last.append(Axis(None, shape[k]))
        else:
            number = ord(word[0]) - ord("a")
            last.append(tables[number].axes[split[number] + int(word[1])])
    return tabulate((*axes, *last), lambda cell: found[cell[: len(axes)]][cell[len(axes) :]])
