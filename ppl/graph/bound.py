"""A graph with its data: sizes are numbers, roles are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.graph.graph import Graph, Sample
from ppl.text import Diagnostic

Values = NDArray[Any]
LOST = ".missing"
"""After the name of data: the variable of its missing values."""


def shown(key: str) -> str:
    """Return the name under which users know a variable: missing values bear that of their data."""
    return key.removesuffix(LOST)


@dataclass(frozen=True, slots=True)
class BoundGraph:
    """A model with data bound to it.

    Attributes
    ----------
    graph
        The graph as built.
    sizes
        Of every dimension.
    data
        Values of every name that the data give, as floats, positions from 0.
    missing
        For observed names with missing values that are left out of their likelihood, where they
        are (their values in `data` are replaced by some value of the support).
    observed
        Numbers of the pieces that are likelihood: statements ``~`` whose left side is data.
    latents
        Names of the unobserved random variables that the data speak of, in the model's order.
    barren
        Those that the data do not speak of: they are drawn afterwards.
    parameters
        Learned parameters.
    unused
        Names in the data that the model does not use.
    notes
        What the user should know.
    written
        The graph before missing values were taken apart, as the model is written.
    """

    graph: Graph
    sizes: Mapping[str, int]
    data: Mapping[str, Values]
    missing: Mapping[str, NDArray[np.bool_]]
    observed: frozenset[int]
    latents: tuple[str, ...]
    barren: tuple[str, ...]
    parameters: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[Diagnostic, ...]
    written: Graph

    @property
    def as_written(self) -> BoundGraph:
        """The model without what missing values added to it."""
        data = {n.removesuffix(".known"): v for n, v in self.data.items() if n.endswith(".known")}
        data |= {n: v for n, v in self.data.items() if n in self.written.variables}
        known = self.written.variables
        return replace(
            self,
            graph=self.written,
            data=data,
            missing={},
            latents=tuple(n for n in self.latents if n in known),
            barren=tuple(n for n in self.barren if n in known),
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a variable."""
        from ppl.graph.evaluate import integer

        axes = self.graph.variables[name].axes
        return tuple(integer(a.size, self.sizes, self.data) for a in axes)

    def samples(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the ``~`` pieces of a variable."""
        pieces = self.graph.variables[name].pieces
        return tuple(k for k in pieces if isinstance(self.graph.pieces[k], Sample))
