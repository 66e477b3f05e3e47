"""A fit in ArviZ's form: InferenceData of ArviZ 0.x, or the DataTree of 1.x.

ArviZ is imported only here, when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.data.extras import needed
from ppl.graph.graph import Graph
from ppl.posterior.facts import axes_of
from ppl.report.summary import Axis
from ppl.text import PplError

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Arrays = dict[str, npt.NDArray[Any]]
TAKEN = ("chain", "draw", "sample")
"""Names of dimensions that ArviZ has itself."""


def to_arviz(fit: Fit) -> Any:
    """Return posterior, predictive, log likelihood, observed and constant data.

    Dimensions have the model's names, and coordinates the labels of the data. The draws are equally
    weighted, in one chain.

    Raises
    ------
    UsageError
        If ArviZ is not installed.
    """
    groups = _groups(fit)
    names = {name for arrays in groups.values() for name in arrays}
    dims, coords = _dims(fit, groups, names)
    attributes = {"inference_library": "ppl", "inference_library_version": fit.version}
    attributes |= {"model": fit.source.text, "verdict": fit.verdict}
    return _built(groups, dims, coords, attributes)


def _built(
    groups: Mapping[str, Arrays],
    dims: Mapping[str, list[str]],
    coords: Mapping[str, Any],
    attributes: Mapping[str, str],
) -> Any:
    arviz = needed("arviz", "arviz", "`to_arviz`")
    if int(arviz.__version__.partition(".")[0]) < 1:
        return arviz.from_dict(**groups, dims=dims, coords=coords, attrs=attributes)
    tree = arviz.from_dict(groups, dims=dims, coords=coords)
    tree.attrs.update(attributes)
    return tree


def _groups(fit: Fit) -> dict[str, Arrays]:
    bound = fit.joint.bound
    observed = [n for n in bound.data if bound.samples(n)]
    groups = {"posterior": {n: fit.values.equal[n][None] for n in fit.names}}
    for group, arrays in (
        ("posterior_predictive", _replicates(fit)),
        ("log_likelihood", fit.log_likelihood(pointwise=True)),
    ):
        found = {n: np.asarray(a)[None] for n, a in arrays.items()}
        if found:
            groups[group] = found
    values = {n: v.values for n, v in fit.selection.variables.items() if n in bound.data}
    groups["observed_data"] = {n: np.asarray(v) for n, v in values.items() if n in observed}
    groups["constant_data"] = {n: np.asarray(v) for n, v in values.items() if n not in observed}
    return {group: arrays for group, arrays in groups.items() if arrays}


def _replicates(fit: Fit) -> Arrays:
    """Return the replicates; none where the model cannot draw them."""
    try:
        return dict(fit.simulate())
    except PplError:
        return {}


def _dims(
    fit: Fit, groups: Mapping[str, Arrays], names: set[str]
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return the dimensions of every name, and the coordinates of every dimension."""
    bound = fit.joint.bound
    graph: Graph = bound.graph
    known = {n.name: n.axes for n in fit.facts.quantities}
    known |= {
        n: axes_of(bound, fit.selection, n)
        for n in names
        if n in graph.variables and n not in known
    }
    dims: dict[str, list[str]] = {}
    coords: dict[str, Any] = {}
    for name in names:
        shape = _shape(groups, name)
        axes = known.get(name, ())
        if shape is None or len(axes) != len(shape):
            continue
        found: list[str] = []
        for k, (axis, size) in enumerate(zip(axes, shape, strict=True)):
            dimension = _dimension(axis, name, k, names)
            if dimension in found:
                dimension = f"{dimension}_{k}"
            found.append(dimension)
            coords[dimension] = [_coordinate(axis, p) for p in range(size)]
        dims[name] = found
    return dims, coords


def _shape(groups: Mapping[str, Arrays], name: str) -> tuple[int, ...] | None:
    """Return the shape of a name where it is the same in all groups."""
    shapes = {
        a[name].shape[0 if group.endswith("_data") else 2 :]
        for group, a in groups.items()
        if name in a
    }
    return next(iter(shapes)) if len(shapes) == 1 else None


def _dimension(axis: Axis, name: str, place: int, names: set[str]) -> str:
    if not axis.name:
        return f"{name}_dim_{place}"
    return f"{axis.name}_dim" if axis.name in names or axis.name in TAKEN else axis.name


def _coordinate(axis: Axis, position: int) -> Any:
    return position + axis.first if axis.labels is None else str(axis.labels[position])
