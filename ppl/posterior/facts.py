"""What reports say of a model beside the numbers: kinds, axes, labels, roles, notes.

Gathered once when the model is fitted, and kept with a saved fit, so that its report can be made
without compiling the model again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ppl.compile.load import LogJoint
from ppl.data.dataset import row_labels
from ppl.data.select import Selection
from ppl.graph.bound import LOST, BoundGraph, shown
from ppl.report.summary import Axis, Kind, Roles


@dataclass(frozen=True, slots=True)
class Named:
    """A quantity or a learned parameter: its axes, and its kind or its constraint in a word."""

    name: str
    axes: tuple[Axis, ...]
    word: Any


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says of the model.

    Attributes
    ----------
    quantities
        Latents, what is computed from them, predictions; the word is the report's `Kind`.
    parameters
        Learned parameters; the word is the constraint.
    roles
        What is observed, latent, unused.
    compiled
        What the compiler did.
    notes
        What the user should know of the data.
    """

    quantities: tuple[Named, ...]
    parameters: tuple[Named, ...]
    roles: Roles
    compiled: tuple[str, ...]
    notes: tuple[str, ...]


def facts_of(joint: LogJoint, selection: Selection) -> Facts:
    """Gather what reports say of a compiled model."""
    bound = joint.bound
    return Facts(
        tuple(
            Named(shown(n), axes_of(bound, selection, n), _kind(bound, n))
            for n in joint.program.reported
        ),
        tuple(
            Named(n, axes_of(bound, selection, n), _constraint(bound, n)) for n in bound.parameters
        ),
        Roles(
            {n: _shape_words(v.values.shape) for n, v in selection.variables.items()},
            {shown(n): _missing_words(bound, n) for n in bound.latents},
            bound.unused,
        ),
        joint.simplified.choices,
        tuple(d.message for d in bound.notes),
    )


def _missing_words(bound: BoundGraph, name: str) -> str:
    lost = name if name.endswith(LOST) else name + LOST
    return f"{bound.shape(lost)[0]} missing" if lost in bound.graph.variables else ""


def _kind(bound: BoundGraph, name: str) -> Kind:
    if name.endswith(LOST):
        return "missing"
    if name in bound.barren:
        return "predicted"
    return "latent" if name in bound.latents else "deterministic"


def _constraint(bound: BoundGraph, name: str) -> str:
    parameter = bound.graph.variables[name].parameter
    assert parameter is not None
    return parameter.suffix.constraint.name if parameter.suffix is not None else "real"


def _shape_words(shape: tuple[int, ...]) -> str:
    return "" if not shape else " × ".join(map(str, shape))


def axes_of(bound: BoundGraph, selection: Selection, name: str) -> tuple[Axis, ...]:
    """Return the axes of a variable, with the labels that the data have for their positions.

    Missing values have one axis, on which each is called by its position in the data.
    """
    axes = bound.graph.variables[name].axes
    if name.endswith(LOST):
        of = shown(name)
        places = [bound.data[f"{of}.at.{k}"] for k in range(len(bound.graph.variables[of].axes))]
        own = axes_of(bound, selection, of)
        rows = zip(*places, strict=True)
        labels = (", ".join(a.label(int(p)) for a, p in zip(own, row, strict=True)) for row in rows)
        return (Axis("", tuple(labels)),) if places else ()
    return tuple(axis_of(bound, selection, a.dimension) for a in axes)


def axis_of(bound: BoundGraph, selection: Selection, dimension: str | None) -> Axis:
    """Name an axis, with the labels or the first number that the data have for it."""
    if dimension is None:
        return Axis()
    for name, variable in selection.variables.items():
        known = bound.graph.variables.get(name)
        if known is None or known.datum is None or known.datum.positions != dimension:
            continue
        if variable.labels is not None and variable.first_text() is not None:
            return Axis(dimension, variable.labels)
        return Axis(dimension, None, known.datum.origin)
    return Axis(dimension, _coords(bound, selection, dimension))


def _coords(bound: BoundGraph, selection: Selection, dimension: str) -> tuple[str, ...] | None:
    """Return what the data call the positions of an axis of theirs.

    Groups that happen to occur once each are no names of rows.
    """
    known = {n: v for n, v in selection.variables.items() if n in bound.graph.variables}
    groups = {
        row_labels(v)
        for n, v in known.items()
        if (d := bound.graph.variables[n].datum) and d.positions
    }
    for name, variable in known.items():
        for axis, labels in zip(bound.graph.variables[name].axes, variable.coords, strict=False):
            fits = len(labels or ()) == bound.sizes.get(dimension)
            if axis.dimension == dimension and fits and labels not in groups:
                return labels
    return None
