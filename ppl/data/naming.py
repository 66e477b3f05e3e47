"""How messages call single values of data: by labels where the data have them, as tables do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ppl.data.dataset import Variable
from ppl.graph.graph import Graph

Labels = tuple[tuple[str, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """The labels along the axes of names of data; None for an axis without labels."""

    labels: Mapping[str, Labels] = field(default_factory=dict)

    def at(self, name: str, place: Sequence[int]) -> str:
        """Return how one value is called: ``y[3]``, ``height[Ann]``."""
        if not len(place):
            return name
        known = self.labels.get(name, ())
        axes = (*known, *(None,) * (len(place) - len(known)))
        words = (
            labels[int(i)] if labels is not None and int(i) < len(labels) else str(int(i))
            for i, labels in zip(place, axes, strict=False)
        )
        return f"{name}[{', '.join(words)}]"


def naming_of(graph: Graph, given: Mapping[str, Variable]) -> Naming:
    """Gather the labels of data: those that they bring, else those of what points to their axes."""
    pointed: dict[str, tuple[str, ...]] = {}
    for name, variable in given.items():
        known = graph.variables.get(name)
        datum = known.datum if known is not None else None
        if datum is None or datum.positions is None or variable.labels is None:
            continue
        if variable.first_text() is not None:
            pointed.setdefault(datum.positions, variable.labels)
    found: dict[str, Labels] = {}
    for name, variable in given.items():
        if name in graph.variables:
            axes = [axis.dimension or "" for axis in graph.variables[name].axes]
            own = (*variable.coords, *(None,) * (len(axes) - len(variable.coords)))
            labels = tuple(pointed.get(axis) or its for axis, its in zip(axes, own, strict=False))
            if any(labels):
                found[name] = labels
    return Naming(found)
