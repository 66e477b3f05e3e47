"""Predictions and replicates: the generating program run on the posterior draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.generate import Plan, generator
from ppl.data.coverage import span_of_position
from ppl.data.dataset import Dataset
from ppl.data.python import from_python
from ppl.data.select import Selection
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Factor, Sample
from ppl.graph.order import closure, parents
from ppl.posterior.facts import axes_of
from ppl.posterior.inputs import Inputs, depended_on, dimensions_of, inputs, refuse
from ppl.posterior.quantity import Quantity
from ppl.report import summary as reported
from ppl.report import table as report_table
from ppl.report.summary import Axis
from ppl.text import Source

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Values = Mapping[str, npt.NDArray[Any]]
PREDICTED, REPLICATED, PRIOR = 3, 4, 5
"""Streams of random numbers, beside those of the fit."""


@dataclass(frozen=True, eq=False)
class Prediction(Mapping[str, npt.NDArray[Any]]):
    """What was drawn: arrays by name with the draw axis first.

    Attributes
    ----------
    arrays
        By name, (draws, ...).
    axes
        The axes of each, without the draws, with their labels.
    notes
        What is new, and what else the user should know.
    """

    arrays: Values
    axes: Mapping[str, tuple[Axis, ...]]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def quantity(self, name: str) -> Quantity:
        """Return moments and quantiles of one of the arrays."""
        values = self.arrays[name]
        weights = np.full(len(values), 1 / len(values))
        return Quantity(name, values, weights, values)

    def report(self) -> tuple[reported.Quantity, ...]:
        """Return what tables show."""
        return tuple(_reported(self.quantity(name), self.axes[name]) for name in self.arrays)

    def __str__(self) -> str:
        notes = "\n".join(f"note: {note}" for note in self.notes)
        table = report_table.quantities(self.report(), report_table.Style())
        return "\n\n".join(part for part in (table, notes) if part)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in self.arrays.items())
        return f"<Prediction: {shapes}>"


def _reported(quantity: Quantity, axes: tuple[Axis, ...]) -> reported.Quantity:
    return reported.Quantity(
        quantity.name,
        axes,
        quantity.mean,
        quantity.sd,
        *(quantity.quantile(p) for p in (0.05, 0.5, 0.95)),
        quantity.mcse,
        quantity.ess,
        "predicted",
    )


# ------------------------------------------------------------------------------------ prediction


def datasets_of(data: Any, named: Mapping[str, Any]) -> tuple[Dataset, ...]:
    """Return what a call was given as data sets."""
    found = [] if data is None else [from_python(data)]
    return (*found, from_python(named, explicit=True)) if named else tuple(found)


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
    rest = [
        n for n in bound.graph.variables if bound.samples(n) and n not in bound.data and n not in whole
    ]
    below = closure([*rest, *given.selection.variables], _children(bound))
    computed = [
        n
        for n, v in bound.graph.variables.items()
        if n in below and v.pieces and not bound.samples(n) and n not in bound.data
        and not v.local and not n.startswith("_") and _follows(bound, n, {*whole, *rest})
    ]
    names = (*sorted(rest, key=lambda n: depended_on(bound.graph, n)), *computed)
    if not names:
        raise refuse(fit.source, "there is nothing to predict: the model has no outcomes")
    values = _run(Plan(bound, names, frozenset(whole), parts), fit, seed, PREDICTED)
    axes = {n: axes_of(bound, given.selection, n) for n in names}
    return Prediction(values, axes, tuple(dict.fromkeys(notes)))


def _children(bound: BoundGraph) -> dict[str, set[str]]:
    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        for parent in above:
            children.setdefault(parent, set()).add(name)
    return children


def _follows(bound: BoundGraph, name: str, random: set[str]) -> bool:
    """Return whether something random comes into what is computed."""
    edges = {n: p for n, p in parents(bound.graph).items() if n not in bound.data}
    return bool(closure([name], edges) & (random | set(bound.parameters)))


def _from_the_fit(
    fit: Fit, given: Inputs, notes: list[str]
) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Decide which values of the fit serve: of which names all, and of which the first ones."""
    bound, old = given.bound, fit.joint.bound
    whole: list[str] = []
    parts: dict[str, tuple[int, ...]] = {}
    for name in (*bound.parameters, *bound.graph.variables):
        known = _known_shape(fit, name)
        if known is None or name in bound.data or name in whole:
            continue
        shape = bound.shape(name)
        if name in bound.parameters:
            if shape != known:
                raise refuse(
                    fit.source,
                    f"`{name}` was learned with {_shown(known)} numbers, and {_shown(shape)} are "
                    "needed: learned parameters have no distribution to draw new ones from",
                    f"give `{name}` a distribution",
                )
            whole.append(name)
            continue
        fresh = dimensions_of(bound.graph, name) & given.fresh
        goes_on = _reads_itself(bound, name) and all(
            a <= b for a, b in zip(known, shape, strict=True)
        )
        if fresh and not (goes_on and shape != known and not fresh & given.declared):
            notes.append(
                f"`{name}` is drawn from its distribution: {_of(old, bound, sorted(fresh))}"
            )
        elif shape == known:
            whole.append(name)
            shared = sorted(dimensions_of(bound.graph, name) & given.same)
            if shared:
                notes.append(
                    f"`{name}` is that of the fit: `{shared[0]}` has as many positions as there "
                    f"(if they are others, name `{shared[0]}` as new)"
                )
        elif all(a <= b for a, b in zip(known, shape, strict=True)):
            _refuse_event(fit, bound, name, known, shape)
            parts[name] = known
            notes.append(_new_positions(given, name, known, shape))
        else:
            raise refuse(
                fit.source,
                f"`{name}` has the shape {_shown(known)} in the fit and {_shown(shape)} now",
            )
    return whole, parts


def _known_shape(fit: Fit, name: str) -> tuple[int, ...] | None:
    old = fit.joint.bound
    if name in fit.parameters:
        return tuple(np.shape(fit.parameters[name]))
    if name in old.latents and name in fit.values.equal:
        return tuple(fit.values.equal[name].shape[1:])
    return None


def _reads_itself(bound: BoundGraph, name: str) -> bool:
    return any(
        name in closure([p], parents(bound.graph)) or name == p
        for k in bound.samples(name)
        for p in _reads(bound, k)
    )


def _reads(bound: BoundGraph, number: int) -> set[str]:
    from ppl.graph.order import piece_reads

    return piece_reads(bound.graph.pieces[number])


def _of(old: BoundGraph, bound: BoundGraph, dimensions: Sequence[str]) -> str:
    d = dimensions[0]
    named = f"`{d}`" if bound.graph.dimensions[d].named else "its axis"
    if old.sizes.get(d) == bound.sizes[d]:
        return f"the {bound.sizes[d]} positions of {named} are new"
    return f"the {bound.sizes[d]} positions of {named} are new ({old.sizes.get(d)} were fitted)"


def _new_positions(
    given: Inputs, name: str, known: tuple[int, ...], shape: tuple[int, ...]
) -> str:
    """Say which positions are drawn from the population."""
    for axis, a, b in zip(
        axes_of(given.bound, given.selection, name), known, shape, strict=True
    ):
        if a < b:
            shown = ", ".join(axis.label(k) for k in range(a, min(b, a + 5)))
            more = f" and {b - a - 5} more" if b - a > 5 else ""
            where = f" of `{axis.name}`" if axis.name else ""
            return (
                f"`{name}` is drawn from its population for what the fit has not seen{where}: "
                f"{shown}{more}"
            )
    raise AssertionError("no axis has grown")


def _refuse_event(
    fit: Fit, bound: BoundGraph, name: str, known: tuple[int, ...], shape: tuple[int, ...]
) -> None:
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


def _shown(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "1"


# ------------------------------------------------------------------------------------ replicates


def replicate(fit: Fit, seed: int | None = None) -> Prediction:
    """Draw replicates of the observed data; see `Fit.simulate`."""
    old = fit.joint.bound
    observed = tuple(n for n in old.data if old.samples(n))
    fitted = [n for n in (*old.latents, *old.parameters) if _known_shape(fit, n) is not None]
    values = _replicated(old, observed, frozenset(fitted), _given(fit, fitted), fit, seed)
    axes = {n: axes_of(old, fit.selection, n) if n in observed else () for n in values}
    axes = {n: a if len(a) == values[n].ndim - 1 else _plain(values[n]) for n, a in axes.items()}
    if not values:
        raise refuse(fit.source, "there is nothing to replicate: nothing was observed")
    return Prediction(values, axes)


def _plain(values: npt.NDArray[Any]) -> tuple[Axis, ...]:
    return tuple(Axis() for _ in range(values.ndim - 1))


def _replicated(
    old: BoundGraph,
    observed: tuple[str, ...],
    fitted: frozenset[str],
    given: dict[str, npt.NDArray[Any]],
    fit: Fit,
    seed: int | None,
) -> dict[str, npt.NDArray[Any]]:
    rest = {n: v for n, v in old.data.items() if n not in observed}
    parts = {}
    count = len(fit.inference.draws)
    for name in observed:
        block = leading_constants(old, name)
        if block is not None:
            parts[name] = block
            first = old.data[name][tuple(slice(0, n) for n in block)]
            given[name] = np.broadcast_to(first, (count, *block))
    from dataclasses import replace

    plan = Plan(replace(old, data=rest), observed, fitted, parts, expressions=True)
    rng = np.random.default_rng([fit.seed if seed is None else seed, REPLICATED])
    return generator(plan)(given, count, rng)


def leading_constants(bound: BoundGraph, name: str) -> tuple[int, ...] | None:
    """Return the shape of the first positions of observed data that no statement draws.

    None where every position is drawn, or where what is not drawn is not a leading block.
    """
    shape = bound.shape(name)
    open_ = np.ones(shape, dtype=bool)
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        reaches = [span_of_position(p, bound.sizes, bound.data) for p in piece.target.positions]
        if any(r is None for r in reaches):
            return None
        open_[tuple(slice(r[0], r[1] + 1) for r in reaches if r is not None)] = False
    if not open_.any():
        return None
    for axis in range(len(shape)):
        others = tuple(k for k in range(len(shape)) if k != axis)
        along = open_.all(axis=others)
        count = int(along.argmin()) if not along.all() else len(along)
        block = tuple(count if k == axis else n for k, n in enumerate(shape))
        if count and open_.sum() == np.prod(block):
            return block
    return None


# ----------------------------------------------------------------------------------------- both


def _given(fit: Fit, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the draws of latents, and learned parameters at every draw."""
    count = len(fit.inference.draws)
    found: dict[str, npt.NDArray[Any]] = {}
    for name in names:
        if name in fit.parameters:
            value = fit.parameters[name]
            found[name] = np.broadcast_to(value, (count, *np.shape(value)))
        else:
            found[name] = fit.values.equal[name]
    return found


def _run(plan: Plan, fit: Fit, seed: int | None, stream: int) -> dict[str, npt.NDArray[Any]]:
    given = _given(fit, [*plan.whole, *plan.parts])
    rng = np.random.default_rng([fit.seed if seed is None else seed, stream])
    return generator(plan)(given, len(fit.inference.draws), rng)


# ----------------------------------------------------------------------------------------- prior


def simulate_prior(
    source: Source,
    selection: Selection,
    bound: BoundGraph,
    fixed: frozenset[str],
    draws: int,
    seed: int,
) -> Prediction:
    """Draw all random variables of a model from their distributions, none of them observed.

    Parameters
    ----------
    fixed
        Random variables that keep the values that the data give them.

    Raises
    ------
    DataError
        If the model has learned parameters, which have no distribution.
    """
    if bound.parameters:
        names = ", ".join(f"`{n}`" for n in bound.parameters)
        raise refuse(
            source,
            f"{names}: learned parameters have no distribution to draw from",
            "give each a distribution, or simulate from a fit: `--fit FIT`",
        )
    from dataclasses import replace

    random = [n for n in bound.graph.variables if bound.samples(n) and n not in fixed]
    rest = {n: v for n, v in bound.data.items() if n not in random}
    parts, given = {}, {}
    for name in random:
        block = leading_constants(bound, name) if name in bound.data else None
        if block is not None:
            parts[name] = block
            first = bound.data[name][tuple(slice(0, n) for n in block)]
            given[name] = np.broadcast_to(first, (draws, *block))
    notes = []
    if any(isinstance(p, Factor) for p in bound.graph.pieces):
        notes.append("`factor` statements have no part in what is drawn")
    computed = [
        n
        for n, v in bound.graph.variables.items()
        if v.pieces and n not in random and n not in bound.data
        and not v.local and not n.startswith("_") and _follows(bound, n, set(random))
    ]
    names = (*random, *computed)
    plan = Plan(replace(bound, data=rest), names, parts=parts, expressions=True)
    values = generator(plan)(given, draws, np.random.default_rng([seed, PRIOR]))
    axes = {n: axes_of(bound, selection, n) if n in names else _plain(v) for n, v in values.items()}
    return Prediction(values, axes, tuple(notes))
