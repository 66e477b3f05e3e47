"""Sizes of dimensions, axes of names, turns of loops: where everything stands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.syntax import tree
from tests.interpreter import densities
from tests.interpreter.outline import Outline, Site, name_of
from tests.interpreter.tables import Axis, Cell, Misfit, Table, meet


@dataclass(frozen=True)
class Scope:
    """Where an expression is read.

    `plates` are the indices of the statement's loops, `indices` those of reductions too, and
    `arguments` what a function was called with. Inside a branch that only some rows take, a
    position may leave its axis: what is read there is NaN.
    """

    plates: Mapping[str, int] = field(default_factory=dict)
    indices: Mapping[str, int] = field(default_factory=dict)
    arguments: Mapping[str, Table] = field(default_factory=dict)
    blocks: tuple[int, ...] = ()
    in_branch: bool = False

    def with_index(self, name: str, position: int) -> Scope:
        return replace(self, indices={**self.indices, name: position})


@dataclass(frozen=True)
class Place:
    """Cells of a name that a target stands for: a number or an axis and its start in each."""

    parts: tuple[int | tuple[Axis, int], ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(p[0] for p in self.parts if not isinstance(p, int))

    def cell(self, inner: Cell) -> Cell:
        """Return the cell of the name for a position along the place's axes."""
        rest = iter(inner)
        return tuple(p if isinstance(p, int) else p[1] + next(rest) for p in self.parts)


class Space(Outline):
    """A model whose dimensions have sizes.

    Parameters
    ----------
    table
        Names of data that are columns of one table: they share a dimension.
    sizes
        Sizes of dimensions that neither the data nor the model say.
    """

    def __init__(
        self,
        text: str,
        data: Mapping[str, Any] | None = None,
        table: tuple[str, ...] = (),
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(text, data or {})
        self.table = table
        self.sizes = dict(sizes or {})
        self.known_axes: dict[str, tuple[Axis, ...]] = {}
        self.prepare()
        self._find_sizes()

    def prepare(self) -> None:
        """Set up what later stages remember."""

    @abstractmethod
    def read(self, expression: tree.Expression, scope: Scope) -> Table:
        """Return the value of an expression."""

    @abstractmethod
    def arguments(self, call: tree.Call, scope: Scope) -> dict[str, Table]:
        """Return a distribution's arguments by name."""

    # -------------------------------------------------------------------------------- the sizes

    def _find_sizes(self) -> None:
        for name in self.dimensions:
            if name in self.data and self.data[name].ndim == 0:
                self.sizes[name] = int(self.data[name])
        for name, values in self.data.items():
            for axis, size in zip(self._axis_expressions(name), values.shape, strict=False):
                self._learn_size(axis, size)
        for name, expression in self.dimensions.items():
            if expression is not None and name not in self.sizes:
                self.sizes[name] = self._integer(expression, Scope())
        for name, item in self.declared.items():
            for one in item.constraints:
                if isinstance(one, tree.Named) and one.name.id in self.dimensions:
                    first = int(one.origin.value) if one.origin else 0
                    size = int(np.nanmax(self.data[name])) - first + 1 if name in self.data else 0
                    self.sizes.setdefault(one.name.id, size)
        for name, expression in self.dimensions.items():
            if expression is not None and name not in self.sizes:
                self.sizes[name] = self._integer(expression, Scope())

    def _axis_expressions(self, name: str) -> tuple[Any, ...]:
        """Return what the text says of a name's axes: a size or a loop's domain for each."""
        if name in self.declared:
            return self.declared[name].axes
        for site, target in self.targets.get(name, ()):
            if isinstance(target, tree.Index):
                domains = {loop.index.id: loop.domain for loop in site.loops}
                return tuple(
                    domains.get(p.id, p) if isinstance(p, tree.Name) else None
                    for p in target.positions
                )
        return ()

    def _learn_size(self, axis: Any, size: int) -> None:
        match axis:
            case tree.Name(id=name) if name in self.dimensions:
                self.sizes.setdefault(name, size)
            case tree.Binary(operator="+", left=tree.Name(id=name), right=tree.Number(value=more)):
                self.sizes.setdefault(name, size - int(more))
            case tree.Binary(operator="-", left=tree.Name(id=name), right=tree.Number(value=less)):
                self.sizes.setdefault(name, size + int(less))

    def _integer(self, expression: tree.Expression, scope: Scope) -> int:
        number = self.read(expression, scope).number
        if number != int(number):
            raise Misfit(f"{number} is not a position")
        return int(number)

    def _domain(self, domain: tree.Expression | tree.Slice, scope: Scope) -> tuple[Axis, int]:
        """Return the axis that a loop or a range runs along, and where it starts."""
        match domain:
            case tree.Slice(start=start, stop=stop):
                first = 0 if start is None else self._integer(start, scope)
                assert stop is not None
                return Axis(None, max(self._integer(stop, scope) - first, 0)), first
            case tree.Name(id=name) if name in self.dimensions:
                return Axis(name, self.sizes[name]), 0
            case _:
                raise Misfit("a loop runs over a dimension or a range")

    def _scopes(self, site: Site, outermost: int | None = None) -> Iterator[Scope]:
        """Yield a scope for each turn of the loops around a statement, or of the first of them."""

        def turn(loops: tuple[tree.Loop, ...], scope: Scope) -> Iterator[Scope]:
            if not loops:
                yield replace(scope, plates=scope.indices, blocks=site.blocks)
                return
            axis, first = self._domain(loops[0].domain, scope)
            for position in range(first, first + axis.size):
                yield from turn(loops[1:], scope.with_index(loops[0].index.id, position))

        yield from turn(site.loops[:outermost], Scope())

    # ---------------------------------------------------------------------------- names and axes

    def axes(self, name: str) -> tuple[Axis, ...]:
        """Return the axes of a name."""
        if name not in self.known_axes:
            self.known_axes[name] = self._axes(name)
        return self.known_axes[name]

    def _axes(self, name: str) -> tuple[Axis, ...]:
        if name in self.declared:
            return tuple(self._declared_axis(a) for a in self.declared[name].axes)
        if name in self.table:
            return (Axis("the table's rows", len(self.data[name])),)
        claimed = self._claimed_axes(name)
        if claimed is not None:
            return claimed
        if name in self.data:
            return tuple(Axis(None, n) for n in self.data[name].shape)
        if name not in self.targets:
            return ()
        sites = [s for s, _ in self.targets[name]]
        defines = [s for s in sites if isinstance(s.statement, tree.Define)]
        site = (defines or sites)[0]
        (scope,) = self._scopes(site)
        match site.statement:
            case tree.Define(value=value):
                return self.read(value, scope).axes
            case tree.Sample(distribution=call):
                return self.own_axes(call, scope)
        raise AssertionError

    def _declared_axis(self, size: tree.Expression) -> Axis:
        if isinstance(size, tree.Name):
            return Axis(size.id, self.sizes[size.id])
        return Axis(None, self._integer(size, Scope()))

    def _claimed_axes(self, name: str) -> tuple[Axis, ...] | None:
        """Return the axes that all the brackets on the left say together."""
        found: list[Axis] | None = None
        for site, target in self.targets.get(name, ()):
            if not isinstance(target, tree.Index):
                continue
            domains = {loop.index.id: loop.domain for loop in site.loops}
            claims = [self._claim(p, domains, site) for p in target.positions]
            if found is None:
                found = claims
                continue
            found = [
                Axis(a.name or b.name, max(a.size, b.size))
                for a, b in zip(found, claims, strict=True)
            ]
        if found is None:
            return None
        return (*found, *self._further_axes(name, len(found)))

    def _claim(
        self, position: Any, domains: Mapping[str, Any], site: Site, around: int | None = None
    ) -> Axis:
        match position:
            case tree.Name(id=name) if name in domains:
                return self._claim(domains[name], {}, site, list(domains).index(name))
            case tree.Name(id=name) if name in self.dimensions:
                return Axis(name, self.sizes[name])
            case tree.Slice(stop=tree.Name(id=name)) if name in self.dimensions:
                return Axis(name, self.sizes[name])
            case tree.Slice(start=start, stop=stop):
                turns = list(self._scopes(site, around))
                firsts = [0 if start is None else self._integer(start, s) for s in turns]
                lasts = [self._integer(stop, s) for s in turns]
                return Axis(None, max([*lasts, min(firsts, default=0)]))
        last = max(self._integer(position, scope) for scope in self._scopes(site))
        return Axis(None, last + 1)

    def _further_axes(self, name: str, count: int) -> tuple[Axis, ...]:
        """Return the axes that brackets leave out: those of the data or of the right side."""
        if name in self.data:
            return tuple(Axis(None, n) for n in self.data[name].shape[count:])
        ((site, target), *_) = self.targets[name]
        if len(self.targets[name]) > 1:
            return ()
        scope = next(self._scopes(site))
        held = sum(isinstance(p, tree.Slice) or self._is_whole(p, scope) for p in target.positions)  # type: ignore[union-attr]
        match site.statement:
            case tree.Define(value=value) if not held:
                return self.read(value, scope).axes
            case tree.Sample(distribution=call):
                event = densities.EVENT.get(call.function.id, 0)
                if event > held:
                    return self.own_axes(call, scope)[-event:]
        return ()

    def own_axes(self, call: tree.Call, scope: Scope) -> tuple[Axis, ...]:
        """Return the axes that a distribution's arguments give to a name without brackets."""
        name = call.function.id
        tables = self.arguments(call, scope)
        depths = densities.VECTORS.get(name, {})
        shared = [t.axes[: len(t.axes) - depths.get(k, 0)] for k, t in tables.items()]
        event: tuple[Axis, ...] = ()
        if densities.EVENT.get(name):
            held = [t.axes[-1] for k, t in tables.items() if depths.get(k)]
            event = (held[0],)
        return (*meet(shared)[0], *event)

    def _is_whole(self, position: Any, scope: Scope) -> bool:
        return (
            isinstance(position, tree.Name)
            and position.id in self.dimensions
            and position.id not in scope.indices
            and position.id not in scope.arguments
        )

    def _place(self, site: Site, target: tree.Expression, scope: Scope) -> Place:
        """Return the cells that a target with or without brackets stands for."""
        name = name_of(target)
        assert name is not None
        axes = self.axes(name)
        given = target.positions if isinstance(target, tree.Index) else ()
        if isinstance(target, tree.Name) and site.loops:
            raise Misfit(f"{name} stands in a loop without its index")
        parts = [self._position(p, a, scope) for p, a in zip(given, axes, strict=False)]
        whole = [(a, 0) for a in axes[len(given) :]]
        fixed = [p for p in parts if not isinstance(p, Table)]
        assert len(fixed) == len(parts), "an array of positions on the left"
        return Place((*fixed, *whole))

    def _position(self, position: Any, axis: Axis, scope: Scope) -> int | tuple[Axis, int] | Table:
        """Read one position in brackets: a number, a part of the axis, or many positions."""
        if isinstance(position, tree.Slice):
            if position.start is None and position.stop is None:
                return axis, 0
            first = 0 if position.start is None else self._integer(position.start, scope)
            last = axis.size if position.stop is None else self._integer(position.stop, scope)
            if not 0 <= first <= last <= axis.size:
                raise Misfit(f"{first}:{last} is no part of {axis}")
            return Axis(None, last - first), first
        if self._is_whole(position, scope):
            size = self.sizes[position.id]
            if size != axis.size or axis.name not in (None, position.id):
                raise Misfit(f"{position.id} stands for {axis}")
            return Axis(position.id, size), 0
        table = self.read(position, scope)
        for number in table.cells.values():
            if number != int(number) or not (0 <= number < axis.size or scope.in_branch):
                raise Misfit(f"{number} is no position of {axis}")
        return table if table.axes else int(table.number)
