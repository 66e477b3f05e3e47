"""Rows: every turn of some loops, as arrays of positions. Only turns that exist are among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.data.dataset import Array
from ppl.graph import diagnostics as kinds
from ppl.graph.evaluate import NotANumber, integer, tabulate
from ppl.graph.graph import Graph
from ppl.graph.nodes import Index, Node, Read, closed, walk
from ppl.text import DataError, Span

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Known:
    """What the data decide: sizes, values, and what `=` computes from them."""

    graph: Graph
    sizes: Mapping[str, int]
    data: Mapping[str, Array]

    def at(self, node: Node, rows: Mapping[Index, Places]) -> Any:
        """Evaluate a node at rows."""
        return tabulate(node, rows, self.sizes, self.data, self.graph)

    def integer(self, node: Node) -> int:
        """Evaluate a size or a bound."""
        return integer(node, self.sizes, self.data, self.graph)


def in_turn(indices: Iterable[Index]) -> list[Index]:
    """Return indices with those that their limits use, each after those that it needs."""
    return sorted(closed(indices), key=lambda i: i.serial)


def rows_of(
    known: Known, indices: Iterable[Index], unlimited: frozenset[Index] = frozenset()
) -> dict[Index, Places]:
    """Return the rows of indices and of those that their limits use: an array for each.

    Parameters
    ----------
    known
        The data.
    indices
        The indices of loops.
    unlimited
        Those of them that run over their widest extent here.

    Raises
    ------
    DataError
        If the data do not decide a bound, or it is not a whole number.
    """
    at: dict[Index, Places] = {}
    count = 1
    for index in in_turn(indices):
        domain = index.domain
        ends = (domain.start, domain.stop)
        if index.limits is not None and index not in unlimited:
            ends = index.limits
        start, stop = (np.broadcast_to(_whole(known, index, n, at), (count,)) for n in ends)
        lengths = np.maximum(stop - start, 0)
        old = np.repeat(np.arange(count), lengths)
        count = len(old)
        step = np.arange(count) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = {i: rows[old] for i, rows in at.items()}
        at[index] = start[old] + step
    return at


def places(known: Known, read: Read, *, finite: bool = False) -> tuple[Places, ...] | None:
    """Return the positions on each axis that a read looks at, row by row.

    None if data do not decide that, or the positions leave their axes; with `finite` also if data
    are missing there, or the name has positions that do not exist.
    """
    variable = known.graph.variables[read.name]
    try:
        at = rows_of(known, read.free)
        found = [np.asarray(known.at(p, at)) for p in read.positions]
        shape = [known.integer(a.size) for a in variable.axes]
    except (NotANumber, KeyError):
        return None
    if not all(np.all((p >= 0) & (p < n)) for p, n in zip(found, shape, strict=True)):
        return None
    where = tuple(p.astype(np.intp) for p in np.broadcast_arrays(*found)) if found else ()
    if finite and read.name in known.data:
        values = np.asarray(known.data[read.name])[where]
        return where if values.dtype.kind != "f" or np.isfinite(values).all() else None
    if finite and any(
        i.limits is not None for k in variable.pieces for i in known.graph.pieces[k].indices
    ):
        return None
    return where


def _whole(known: Known, index: Index, bound: Node, at: Mapping[Index, Places]) -> Places:
    """Evaluate a bound at rows."""
    span = bound.span or index.span or Span(0, 0)
    text = " ".join(known.graph.source.at(span).split())
    try:
        values = np.asarray(known.at(bound, at))
    except NotANumber:
        reads = [n.name for n in walk(bound) if isinstance(n, Read) and n.name not in known.data]
        name = known.graph.variables[reads[0]].name if reads else text
        message = f"`{text}` depends on `{name}`, which is not a number that the data give"
        raise _error(known, kinds.UNKNOWN_SIZE(message, span)) from None
    wrong = ~((values == np.floor(values)) & np.isfinite(values))
    if wrong.any():
        message = f"`{text}` is {values[wrong].flat[0]:g}, and the end of a range is a whole number"
        label = turn_text(at, int(np.argmax(wrong))) if values.ndim else ""
        raise _error(known, kinds.BAD_POSITION(message, span, label))
    return values.astype(np.intp)


def turn_text(at: Mapping[Index, Places], row: int) -> str:
    """Return which turn of the loops a row is: ``at i = 2, t = 5``."""
    turns = [f"{i.name} = {rows[row]}" for i, rows in at.items() if i.role != "axis"]
    return f"at {', '.join(turns)}" if turns else ""


def positions_text(size: int) -> str:
    """Return which positions an axis has, in words."""
    return "no position" if size == 0 else f"the positions 0 to {size - 1}"


def _error(known: Known, diagnostic: Any) -> DataError:
    return DataError((diagnostic,), known.graph.source)
