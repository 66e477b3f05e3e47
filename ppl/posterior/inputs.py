"""New inputs for a fitted model: which data they replace, and how far the fit's positions reach.

A position of a dimension means the same unit as in the fit where data point into it (groups, by
label or by number) and where its size is unchanged (the same rows under other circumstances).
Rows of another number are new rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ppl.data.dataset import Dataset, Variable, frozen
from ppl.data.select import Selection
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import OBSERVED, Graph, Sample
from ppl.graph.nodes import Size, reads, walk
from ppl.graph.order import piece_reads
from ppl.posterior.facts import axis_of
from ppl.posterior.invert import HIDDEN, inverted
from ppl.posterior.rebind import bound_again
from ppl.text import DataError, Kind, Source

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

INPUTS = Kind(
    "prediction-inputs",
    "A prediction takes new values for what the model was given, not for what it predicts. Inputs "
    "that are not given anew are those of the fit, as long as their axes keep their sizes.",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A fitted model with other data.

    Attributes
    ----------
    bound
        The model bound to them; outcomes are not among its data.
    selection
        The data.
    fresh
        Dimensions whose positions are other units than those of the fit.
    declared
        Those of them that the user declared to be so.
    same
        Dimensions of new data whose positions are taken as the fit's, since their number is.
    notes
        What the user should know.
    """

    bound: BoundGraph
    selection: Selection
    fresh: frozenset[str]
    declared: frozenset[str]
    same: frozenset[str]
    notes: tuple[str, ...]


def refuse(source: Source, message: str, help: str | None = None) -> DataError:
    """Return an error about inputs."""
    return DataError((INPUTS(message, help=help),), source)


def inputs(
    fit: Fit, datasets: Sequence[Dataset], new: Sequence[str], sizes: Mapping[str, int]
) -> Inputs:
    """Bind a fitted model to new inputs.

    Parameters
    ----------
    fit
        The fit.
    datasets
        What is given.
    new
        Dimensions that the user declares to hold other units.
    sizes
        Sizes of dimensions that the user sets.

    Raises
    ------
    DataError
        If an input is missing, or does not fit the model.
    """
    old = fit.joint.bound.as_written
    unknown = [d for d in (*new, *sizes) if d not in old.graph.dimensions]
    if unknown:
        named = ", ".join(n for n, d in old.graph.dimensions.items() if d.named)
        raise refuse(
            fit.source, f"the model has no dimension `{unknown[0]}`", f"it has {named or 'none'}"
        )
    notes: list[str] = []
    given = _chosen(fit, datasets, notes)
    outcomes = outcomes_of(old)
    rest = {
        n: v for n, v in fit.selection.variables.items() if n not in given and n not in outcomes
    }
    for name in old.graph.variables:
        of = name.removesuffix(OBSERVED)
        if of != name and of in fit.selection.variables:
            rest[name] = fit.selection.variables[of]
    variables = _relabelled(fit, {**rest, **given})
    given = {n: variables[n] for n in given}
    spoken = {d for n in given for d in dimensions_of(old.graph, n)}
    groups = {d for d in old.graph.dimensions if _pointers(old.graph, d)}
    wanted = _sizes(fit, given, spoken, groups, sizes)
    _need_rest(fit, rest, {**_lengths(old.graph, given), **wanted})
    selection = Selection(variables, (), ())
    bound = _bound(fit, selection, wanted)
    changed = {d for d, n in bound.sizes.items() if n != old.sizes.get(d)}
    changed |= {d for d in spoken if _called_otherwise(fit, bound, selection, d)}
    fresh = frozenset(new) | {d for d in changed & spoken if d not in groups}
    same = frozenset(spoken - fresh - groups)
    return Inputs(bound, selection, fresh, frozenset(new), same, tuple(notes))


def _called_otherwise(fit: Fit, bound: BoundGraph, selection: Selection, dimension: str) -> bool:
    """Return whether the data call the positions of a dimension otherwise than those of the fit."""
    before = axis_of(fit.joint.bound, fit.selection, dimension).labels
    now = axis_of(bound, selection, dimension).labels
    return before is not None and now is not None and before != now


def dimensions_of(graph: Graph, name: str) -> set[str]:
    """Return the dimensions that the axes of a name run over."""
    if name not in graph.variables:
        return {name} if name in graph.dimensions else set()
    found = set()
    for axis in graph.variables[name].axes:
        found |= {n.dimension for n in walk(axis.size) if isinstance(n, Size)}
    return found


def outcomes_of(bound: BoundGraph) -> set[str]:
    """Return the data that are predicted: those with a distribution, or an expression of which has
    one that can be solved for them."""
    solved = inverted(bound.graph, set(bound.data) - _left_names(bound)).variables
    return {n for n in bound.data if bound.samples(n)} | {
        n for n in _left_names(bound) if f"{HIDDEN}{n}" in solved
    }


def _left_names(bound: BoundGraph) -> set[str]:
    """Return the data that expressions with a distribution read, and nothing else does."""
    left = {
        n
        for p in bound.graph.pieces
        if isinstance(p, Sample) and p.target is None
        for n in reads(p.density.value)
    }
    elsewhere = {
        n
        for p in bound.graph.pieces
        if not (isinstance(p, Sample) and p.target is None)
        for n in piece_reads(p)
    }
    return {n for n in left if n in bound.data and n not in elsewhere}


def depended_on(graph: Graph, name: str) -> bool:
    """Return whether anything but a name itself depends on it."""
    own = set(graph.variables[name].pieces)
    return any(name in piece_reads(p) for k, p in enumerate(graph.pieces) if k not in own)


def _pointers(graph: Graph, dimension: str) -> list[str]:
    """Return the data that point into a dimension."""
    return [n for n, v in graph.variables.items() if v.datum and v.datum.positions == dimension]


def _chosen(fit: Fit, datasets: Sequence[Dataset], notes: list[str]) -> dict[str, Variable]:
    """Choose the inputs among what is given."""
    old = fit.joint.bound.as_written
    given: dict[str, Variable] = {}
    unused: list[str] = []
    for dataset in datasets:
        found = dict(dataset)
        if dataset.lone is not None:
            found[_place_of_lone(fit, dataset, given)] = dataset.lone
        for name, variable in found.items():
            if name in given:
                raise refuse(fit.source, f"`{name}` is given twice")
            reason = _reason_against(old, name, name in dataset.explicit)
            if reason is None:
                table = fit.selection.variables.get(name, variable).table
                given[name] = replace(variable, table=table)
            elif reason:
                notes.append(reason)
            else:
                unused.append(name)
    if unused:
        notes.append(f"the model does not use {', '.join(f'`{n}`' for n in unused[:8])}")
    return given


def _place_of_lone(fit: Fit, dataset: Dataset, given: Mapping[str, Variable]) -> str:
    old = fit.joint.bound.as_written
    free = [n for n in old.data if n not in outcomes_of(old) and n not in given]
    if dataset.stem in free:
        return str(dataset.stem)
    if len(free) == 1:
        return free[0]
    which = ", ".join(f"`{n}`" for n in free) or "none is left"
    raise refuse(
        fit.source,
        f"the array without a name can be any of the inputs: {which}",
        "give it a name: `NAME=FILE`, or a keyword",
    )


def _reason_against(old: BoundGraph, name: str, explicit: bool) -> str | None:
    """Return None if a name is an input, "" if the model does not know it, else why not."""
    if name not in old.graph.variables:
        return None if name in old.graph.dimensions else ""
    if name in old.parameters:
        return f"`{name}` was learned by the fit: what is given for it is not used"
    if name in outcomes_of(old) and not old.samples(name):
        return f"`{name}` is predicted: what is given for it is not used"
    if not old.samples(name):
        computed = old.graph.variables[name].pieces and name not in old.data
        return f"`{name}` is computed: what is given for it is not used" if computed else None
    if not depended_on(old.graph, name):
        return f"`{name}` is predicted: what is given for it is not used"
    if name in old.data or explicit:
        return None
    return f"`{name}` comes from the fit: what is given for it is not used"


# ---------------------------------------------------------------------------------------- labels


def _relabelled(fit: Fit, variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the data with positions that mean the fit's groups; new labels come last."""
    old = fit.joint.bound.as_written
    result = dict(variables)
    for dimension in old.graph.dimensions:
        here = [n for n in _pointers(old.graph, dimension) if n in variables]
        fitted = [fit.selection.variables[n] for n in here if n in fit.selection.variables]
        texts = next((v.labels for v in fitted if v.first_text() is not None), None)
        for name in here:
            if (variables[name].first_text() is None) != (texts is None):
                words = ("numbers", "labels") if texts is not None else ("labels", "numbers")
                raise refuse(
                    fit.source, f"`{name}` has {words[0]}, and {words[1]} in the data of the fit"
                )
        if texts is None:
            continue
        used = {t for n in here for t in _used(variables[n])}
        known = list(map(str, texts))
        every = (*known, *sorted(used - set(known)))
        for name in here:
            result[name] = _moved(variables[name], every)
    return result


def _used(variable: Variable) -> list[str]:
    """Return the labels that occur."""
    labels = variable.labels or ()
    values = variable.values[np.isfinite(variable.values)]
    return [str(labels[int(k)]) for k in np.unique(values)]


def _moved(variable: Variable, labels: tuple[str, ...]) -> Variable:
    own = [labels.index(str(t)) if str(t) in labels else -1 for t in variable.labels or ()]
    values = np.asarray(variable.values)
    there = np.isfinite(values)
    moved = np.where(there, np.array(own)[np.where(there, values, 0).astype(int)], np.nan)
    whole = moved if not there.all() else moved.astype(np.int64)
    return replace(variable, values=frozen(whole), labels=labels)


# ----------------------------------------------------------------------------------------- sizes


def _sizes(
    fit: Fit,
    given: Mapping[str, Variable],
    spoken: set[str],
    groups: set[str],
    sizes: Mapping[str, int],
) -> dict[str, int]:
    """Return the sizes that the data alone do not say."""
    old = fit.joint.bound.as_written
    wanted = dict(sizes)
    for name, dimension in old.graph.dimensions.items():
        if name in wanted or name not in old.sizes:
            continue
        if name in groups:
            largest = max((_reach(fit, given, n) for n in _pointers(old.graph, name)), default=0)
            if name not in spoken:
                wanted[name] = max(old.sizes[name], largest)
        elif name not in spoken and (dimension.size is None or name in fit.sizes):
            wanted[name] = old.sizes[name]
    return wanted


def _reach(fit: Fit, given: Mapping[str, Variable], name: str) -> int:
    """Return how many positions the values of a pointer reach."""
    if name not in given:
        return 0
    variable = given[name]
    if variable.first_text() is not None:
        return len(variable.labels or ())
    datum = fit.joint.bound.as_written.graph.variables[name].datum
    values = variable.values[np.isfinite(variable.values)]
    return int(values.max()) + 1 - (datum.origin if datum else 0) if values.size else 0


def _lengths(graph: Graph, given: Mapping[str, Variable]) -> dict[str, int]:
    """Return the sizes that the shapes of the inputs say."""
    found: dict[str, int] = {}
    for name, variable in given.items():
        known = graph.variables.get(name)
        for axis, length in zip(known.axes if known else (), variable.values.shape, strict=False):
            if isinstance(axis.size, Size):
                found[axis.size.dimension] = length
    return found


def _need_rest(fit: Fit, rest: Mapping[str, Variable], sizes: Mapping[str, int]) -> None:
    """Refuse to go on with data of the fit along axes that have other sizes now."""
    old = fit.joint.bound.as_written
    lost = {
        name: d
        for name in rest
        for d in dimensions_of(old.graph, name)
        if d in old.sizes and sizes.get(d, old.sizes[d]) != old.sizes[d]
    }
    if lost:
        d = next(iter(lost.values()))
        named = f"`{d}`" if old.graph.dimensions[d].named else "their axis"
        raise refuse(
            fit.source,
            f"{', '.join(f'`{n}`' for n in lost)} must be given, too: {named} has {sizes[d]} "
            f"positions now, and {old.sizes[d]} in the fit",
        )


def _bound(fit: Fit, selection: Selection, wanted: Mapping[str, int]) -> BoundGraph:
    """Bind; outcomes that take their axes from their data keep the number of axes they had."""
    old = fit.joint.bound.as_written
    outcomes = {n for n in old.data if n not in selection.variables}
    mine = {d: n for d, n in wanted.items() if d.partition(".")[0] not in outcomes}
    bound = bound_again(fit.source, selection, mine)
    lost = [
        n
        for n in outcomes
        if len(bound.graph.variables[n].axes) != len(old.graph.variables[n].axes)
    ]
    if not lost:
        return bound
    outline = selection.outline
    tables = {n: v.table for n, v in fit.selection.variables.items() if n in lost and v.table}
    ranks = {n: len(old.graph.variables[n].axes) for n in lost}
    outline = replace(
        outline, ranks={**outline.ranks, **ranks}, tables={**outline.tables, **tables}
    )
    return bound_again(fit.source, selection, wanted, outline)
