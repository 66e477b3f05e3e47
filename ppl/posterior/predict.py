"""Predictions: the generating program run on the posterior draws, with other inputs bound.

Latents keep the fit's draws wherever a position means the same unit as in the fit; at others they
are drawn from their distribution given the rest: from the population. The prediction says which.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.generate import Plan, generator
from ppl.data.dataset import Dataset
from ppl.data.python import from_python
from ppl.graph.bound import LOST, BoundGraph
from ppl.graph.graph import Sample
from ppl.graph.order import closure, parents, piece_reads
from ppl.posterior.facts import axes_of
from ppl.posterior.inputs import Inputs, depended_on, dimensions_of, inputs, refuse
from ppl.posterior.prediction import Prediction

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Arrays = dict[str, npt.NDArray[Any]]
Shape = tuple[int, ...]
STREAM = 3
"""Of random numbers, beside those of the fit."""
SHOWN = 5
"""So many new positions are named in a note."""


def datasets_of(data: Any, named: Mapping[str, Any]) -> tuple[Dataset, ...]:
    """Return what a call was given as data sets."""
    found = () if data is None else (from_python(data),)
    return (*found, from_python(named, explicit=True)) if named else found


def predict(
    fit: Fit,
    datasets: Sequence[Dataset],
    new: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    seed: int | None = None,
) -> Prediction:
    """Draw outcomes for new inputs; see `Fit.predict`."""
    given = inputs(fit, datasets, new, sizes or {})
    bound = given.bound
    notes = list(given.notes)
    whole, parts = _from_the_fit(fit, given, notes)
    random = [n for n in bound.graph.variables if bound.samples(n) and n not in bound.data]
    drawn = [n for n in random if n not in whole and not n.startswith("_") and "." not in n]
    names = (
        *sorted(drawn, key=lambda n: depended_on(bound.graph, n)),
        *computed_names(bound, {*random, *bound.parameters}),
    )
    if not names:
        raise refuse(fit.source, "there is nothing to predict: the model has no outcomes")
    plan = Plan(bound, names, frozenset(whole), parts)
    rng = np.random.default_rng([fit.seed if seed is None else seed, STREAM])
    arrays = generator(plan)(given_values(fit, [*whole, *parts]), len(fit.inference.draws), rng)
    axes = {n: axes_of(bound, given.selection, n) for n in names}
    return Prediction(arrays, axes, tuple(dict.fromkeys(notes)))


def computed_names(bound: BoundGraph, random: Collection[str]) -> list[str]:
    """Return the names that are computed from random ones and of interest to users."""
    edges = {n: p for n, p in parents(bound.graph).items() if n not in bound.data}
    return [
        name
        for name, variable in bound.graph.variables.items()
        if variable.pieces
        and not bound.samples(name)
        and name not in bound.data
        and not variable.local
        and not name.startswith("_")
        and not name.endswith(LOST)
        and closure([name], edges) & set(random)
    ]


def known_shape(fit: Fit, name: str) -> Shape | None:
    """Return the shape of what the fit knows of a name, None if it knows nothing."""
    if name in fit.parameters:
        return tuple(np.shape(fit.parameters[name]))
    bound = fit.joint.bound
    if name + LOST in bound.graph.variables:
        return None
    if name in bound.latents and name in fit.values.equal:
        return tuple(fit.values.equal[name].shape[1:])
    return None


def given_values(fit: Fit, names: Sequence[str]) -> Arrays:
    """Return the draws of latents, and learned parameters at every draw."""
    count = len(fit.inference.draws)
    found: Arrays = {}
    for name in names:
        if name in fit.parameters:
            value = fit.parameters[name]
            found[name] = np.broadcast_to(value, (count, *np.shape(value)))
        else:
            found[name] = fit.values.equal[name]
    return found


# ---------------------------------------------------------------------------- which values serve


def _from_the_fit(fit: Fit, given: Inputs, notes: list[str]) -> tuple[list[str], dict[str, Shape]]:
    """Decide which values of the fit serve: of which names all, and of which the first ones."""
    bound = given.bound
    whole: list[str] = []
    parts: dict[str, Shape] = {}
    for name in bound.graph.variables:
        known = known_shape(fit, name)
        if known is None or name in bound.data:
            continue
        shape = bound.shape(name)
        if name in bound.parameters:
            _refuse_learned(fit, name, known, shape)
            whole.append(name)
        elif _is_new(given, name, known, shape):
            notes.append(_said_new(fit, given, name))
        elif shape == known:
            whole.append(name)
            shared = sorted(dimensions_of(bound.graph, name) & given.same)
            if shared:
                notes.append(_said_same(bound, name, shared[0]))
        elif _fits_in(known, shape):
            _refuse_event(fit, bound, name, known, shape)
            parts[name] = known
            notes.append(_said_more(given, name, known, shape))
        else:
            message = f"`{name}` has the shape {_shown(known)} in the fit, and {_shown(shape)} now"
            raise refuse(fit.source, message)
    return whole, parts


def _is_new(given: Inputs, name: str, known: Shape, shape: Shape) -> bool:
    """Return whether all positions of a name are other units; a longer series goes on instead."""
    dimensions = dimensions_of(given.bound.graph, name)
    if dimensions & given.declared:
        return True
    goes_on = _reads_itself(given.bound, name) and shape != known and _fits_in(known, shape)
    return bool(dimensions & given.fresh) and not goes_on


def _fits_in(known: Shape, shape: Shape) -> bool:
    return len(known) == len(shape) and all(a <= b for a, b in zip(known, shape, strict=True))


def _reads_itself(bound: BoundGraph, name: str) -> bool:
    read = {n for k in bound.samples(name) for n in piece_reads(bound.graph.pieces[k])}
    above = {n: p for n, p in parents(bound.graph).items() if n not in bound.data}
    return name in read or name in closure(read - {name}, above)


def _refuse_learned(fit: Fit, name: str, known: Shape, shape: Shape) -> None:
    if shape != known:
        raise refuse(
            fit.source,
            f"`{name}` was learned as {_shown(known)} numbers, and {_shown(shape)} are needed: "
            "learned parameters have no distribution to draw new ones from",
            f"give `{name}` a distribution",
        )


def _refuse_event(fit: Fit, bound: BoundGraph, name: str, known: Shape, shape: Shape) -> None:
    """Refuse new positions within vectors that are drawn as a whole."""
    for number in bound.samples(name):
        piece = bound.graph.pieces[number]
        assert isinstance(piece, Sample)
        count = len(piece.density.event)
        if piece.suffix is not None:
            count = max(count, piece.suffix.constraint.event_ndim)
        if count and known[-count:] != shape[-count:]:
            raise refuse(
                fit.source,
                f"`{name}` is drawn as a whole: its {_shown(known)} numbers of the fit cannot be "
                f"completed to {_shown(shape)}",
            )


# ------------------------------------------------------------------------------------ what is said


def _said_new(fit: Fit, given: Inputs, name: str) -> str:
    dimension = sorted(dimensions_of(given.bound.graph, name) & (given.fresh | given.declared))[0]
    size, before = given.bound.sizes[dimension], fit.joint.bound.sizes.get(dimension)
    told = "" if size == before else f" (the fit has {before})"
    where = _named(given.bound, dimension)
    return f"`{name}` is drawn from its distribution: the {size} positions of {where} are new{told}"


def _said_same(bound: BoundGraph, name: str, dimension: str) -> str:
    where = _named(bound, dimension)
    return (
        f"`{name}` is that of the fit, since {where} has as many positions as there; if they are "
        f"others, name {where} as new"
    )


def _said_more(given: Inputs, name: str, known: Shape, shape: Shape) -> str:
    """Say which positions are drawn from the population."""
    axes = axes_of(given.bound, given.selection, name)
    axis, a, b = next((x, a, b) for x, a, b in zip(axes, known, shape, strict=True) if a < b)
    labels = ", ".join(axis.label(k) for k in range(a, min(b, a + SHOWN)))
    more = f" and {b - a - SHOWN} more" if b - a > SHOWN else ""
    where = f" of `{axis.name}`" if axis.name else ""
    if _reads_itself(given.bound, name):
        return f"`{name}` goes on from its last values of the fit for {labels}{more}{where}"
    return f"`{name}` is drawn from its population for {labels}{more}{where}: new to the fit"


def _named(bound: BoundGraph, dimension: str) -> str:
    return f"`{dimension}`" if bound.graph.dimensions[dimension].named else "its axis"


def _shown(shape: Shape) -> str:
    return " × ".join(map(str, shape)) if shape else "1"
