"""A model that serves one set of data after another: what its text comes to is kept.

    text ─parse▶ tree, once ─build▶ graph, once for data of the same ranks ─▶ bound, compiled

Data are bound anew whenever they are others, since binding looks at every value, and compiled
anew, since sizes and what is computed from data are folded into the source. The log joint that was
compiled last is kept for the same data: for other seeds, and for samplers that ask point by point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ppl.data.dataset import Variable
from ppl.data.select import Selection
from ppl.graph.build import Outline, build
from ppl.graph.graph import Graph
from ppl.syntax.parse import parse
from ppl.syntax.tree import SyntaxTree
from ppl.text import Source

if TYPE_CHECKING:
    from ppl.compile.load import Backend, LogJoint

MOST_GRAPHS = 16
"""Outlines of data whose graphs are kept; the one that was built first goes first."""
LARGEST_KEPT = 2**24
"""Bytes of data beyond which a compiled model is not kept, since it would keep them too."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a model was compiled for: data, sizes that the user sets, backend, family of guide."""

    selection: Selection
    sizes: Mapping[str, int]
    backend: Backend
    guide: str

    def same(self, other: Asked) -> bool:
        """Whether both ask for the same log joint."""
        mine, its = self.selection, other.selection
        return (
            (dict(self.sizes), self.backend, self.guide)
            == (dict(other.sizes), other.backend, other.guide)
            and (mine.unused, mine.notes) == (its.unused, its.notes)
            and list(mine.variables) == list(its.variables)
            and all(_same(v, its.variables[n]) for n, v in mine.variables.items())
        )


def _same(left: Variable, right: Variable) -> bool:
    """Whether two arrays of data have the same values, bit by bit, under the same names."""
    about = (left.origin, left.labels, left.table, left.coords)
    a, b = left.values, right.values
    if about != (right.origin, right.labels, right.table, right.coords):
        return False
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a is b or a.tobytes() == b.tobytes()


@dataclass(slots=True, eq=False)
class Prepared:
    """What is kept of a model's text: its tree, its graphs by outline, the last log joint."""

    source: Source
    tree: SyntaxTree
    _graphs: dict[object, Graph] = field(default_factory=dict)
    _last: tuple[Asked, LogJoint] | None = None

    @classmethod
    def of(cls, source: Source) -> Prepared:
        """Parse a text.

        Raises
        ------
        ModelError
            With all mistakes of syntax.
        """
        return cls(source, parse(source))

    def graph(self, outline: Outline) -> Graph:
        """Return the graph for data of this outline.

        Raises
        ------
        ModelError
            With all that is wrong with the model.
        """
        key = (frozenset(outline.ranks.items()), frozenset(outline.tables.items()))
        found = self._graphs.get(key)
        if found is None:
            found = build(self.source, self.tree, outline)
            if len(self._graphs) >= MOST_GRAPHS:
                self._graphs.pop(next(iter(self._graphs)), None)
            self._graphs[key] = found
        return found

    def compiled(self, asked: Asked) -> LogJoint | None:
        """Return the log joint that was kept, if it is the one that is asked for."""
        last = self._last
        return last[1] if last is not None and last[0].same(asked) else None

    def keep(self, asked: Asked, joint: LogJoint) -> None:
        """Keep a log joint, unless its data are large."""
        values = [v.values for v in asked.selection.variables.values()]
        small = sum(v.nbytes for v in values) <= LARGEST_KEPT
        mapped = any(isinstance(v, np.memmap) for v in values)
        self._last = (asked, joint) if small and not mapped else None
