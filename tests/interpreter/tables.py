"""Values of the interpreter: tables of numbers, one for each position, whose axes may have names.

The rule by which tables meet is written down here once more, from the language's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

Cell = tuple[int, ...]


class Misfit(Exception):
    """The model combines what does not fit."""


@dataclass(frozen=True)
class Axis:
    """Positions 0 to size - 1; `name` is the dimension's, if it has one."""

    name: str | None
    size: int


@dataclass(frozen=True)
class Table:
    """A number for each position."""

    axes: tuple[Axis, ...]
    cells: Mapping[Cell, float]

    @property
    def number(self) -> float:
        """The number of a table without axes."""
        if self.axes:
            raise Misfit("a single number is needed")
        return self.cells[()]

    def array(self) -> np.ndarray[Any, Any]:
        """The numbers as an array."""
        result = np.empty([a.size for a in self.axes])
        for cell in cells_of(self.axes):
            result[cell] = self.cells[cell]
        return result


def scalar(value: float) -> Table:
    """Return a table without axes."""
    return Table((), {(): float(value)})


def tabulate(axes: Sequence[Axis], entry: Callable[[Cell], float]) -> Table:
    """Return a table filled position by position."""
    return Table(tuple(axes), {cell: float(entry(cell)) for cell in cells_of(axes)})


def from_array(axes: Sequence[Axis], values: Any) -> Table:
    """Return an array as a table."""
    values = np.asarray(values)
    if values.shape != tuple(a.size for a in axes):
        raise Misfit(f"{values.shape} is not the shape of {axes}")
    return tabulate(axes, lambda cell: values[cell])


def cells_of(axes: Sequence[Axis]) -> list[Cell]:
    """Return all positions, the last axis fastest."""
    return list(product(*(range(a.size) for a in axes)))


def repeats(axes: Sequence[Axis]) -> bool:
    """Return whether a dimension stands twice."""
    names = [a.name for a in axes if a.name is not None]
    return len(set(names)) < len(names)


def one_axis(a: Axis, b: Axis) -> Axis:
    """Return two axes that meet as one."""
    if a.size != b.size:
        raise Misfit(f"{a} meets {b}")
    if a.name is not None and b.name is not None and a.name != b.name:
        raise Misfit(f"{a} meets {b}")
    return a if a.name is not None else b


def meet(many: Sequence[Sequence[Axis]]) -> tuple[list[Axis], list[list[int]]]:
    """Return the common axes of operands and, for each operand's axes, their places among them.

    Axes of the same name are one axis. What is left over meets by place, counted from the last,
    where one of the two has no name; named axes of different names stay apart. With a dimension
    that stands twice everything meets by place. The operand with the most axes says the order.
    """
    common: list[Axis] = []
    places: list[list[int]] = [[] for _ in many]
    for k in sorted(range(len(many)), key=lambda k: -len(many[k])):
        axes = list(many[k])
        if not axes:
            continue
        if not common:
            common = axes
            places[k] = list(range(len(axes)))
            continue
        if repeats(common) or repeats(axes):
            if len(common) != len(axes):
                raise Misfit("a dimension stands twice, and the numbers of axes differ")
            common = [one_axis(a, b) for a, b in zip(common, axes, strict=True)]
            places[k] = list(range(len(axes)))
            continue
        found: dict[int, int] = {}
        for i, axis in enumerate(axes):
            for j, other in enumerate(common):
                if axis.name is not None and axis.name == other.name:
                    found[i] = j
        left = [i for i in range(len(axes)) if i not in found]
        free = [j for j in range(len(common)) if j not in found.values()]
        opposite = zip(reversed(left), reversed(free), strict=False)
        found |= {i: j for i, j in opposite if axes[i].name is None or common[j].name is None}
        for i, j in found.items():
            common[j] = one_axis(common[j], axes[i])
        for i, axis in enumerate(axes):
            if i not in found:
                found[i] = len(common)
                common.append(axis)
        places[k] = [found[i] for i in range(len(axes))]
    return common, places


def each(function: Callable[..., float], *tables: Table) -> Table:
    """Apply a function of numbers, position by position."""
    axes, places = meet([t.axes for t in tables])
    return tabulate(
        axes,
        lambda cell: function(
            *(
                t.cells[tuple(cell[p] for p in place)]
                for t, place in zip(tables, places, strict=True)
            )
        ),
    )


def spread(table: Table, axes: Sequence[Axis]) -> Table:
    """Return a table over more axes; it must not have others."""
    common, (mine, own) = meet([tuple(axes), table.axes])
    if len(common) > len(axes):
        raise Misfit(f"{table.axes} are more axes than {axes}")
    order = {m: k for k, m in enumerate(mine)}
    return tabulate(axes, lambda cell: table.cells[tuple(cell[order[p]] for p in own)])


def rows(table: Table, count: int) -> Table | dict[Cell, np.ndarray[Any, Any]]:
    """Return for each position of the first axes the array over the last `count`."""
    split = len(table.axes) - count
    if split < 0:
        raise Misfit("a vector or a matrix is needed")
    last = table.axes[split:]
    found = {}
    for cell in cells_of(table.axes[:split]):
        array = np.empty([a.size for a in last])
        for inner in cells_of(last):
            array[inner] = table.cells[(*cell, *inner)]
        found[cell] = array
    return found
