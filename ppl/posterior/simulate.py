"""Data as the model would make them: replicates from a fit, draws from the prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.generate import DRAWN, Plan, generator
from ppl.data.coverage import span_of_position
from ppl.data.select import Selection
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Factor
from ppl.posterior.facts import axes_of
from ppl.posterior.inputs import refuse
from ppl.posterior.predict import computed_names, given_values, known_shape
from ppl.posterior.prediction import Prediction
from ppl.report.summary import Axis
from ppl.text import Source

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Arrays = dict[str, npt.NDArray[Any]]
Shape = tuple[int, ...]
REPLICATED, PRIOR, CHECKED = 4, 5, 6
"""Streams of random numbers, beside those of the fit."""


def replicate(fit: Fit, seed: int | None = None) -> Prediction:
    """Draw replicates of the observed data; see `Fit.simulate`."""
    old = fit.joint.bound.as_written
    observed = tuple(n for n in old.data if old.samples(n))
    fitted = [n for n in (*old.latents, *old.parameters) if known_shape(fit, n) is not None]
    rng = np.random.default_rng([fit.seed if seed is None else seed, REPLICATED])
    arrays = _replicates(
        old, observed, given_values(fit, fitted), len(fit.inference.draws), rng, expressions=True
    )
    if not arrays:
        raise refuse(fit.source, "there is nothing to replicate: nothing was observed")
    return _prediction(old, fit.selection, arrays)


def replicate_few(fit: Fit, count: int) -> Arrays:
    """Draw replicates of the observed names from the first draws alone.

    Raises
    ------
    PplError
        Where something cannot be drawn.
    """
    old = fit.joint.bound.as_written
    observed = tuple(n for n in old.data if old.samples(n))
    rng = np.random.default_rng([fit.seed, CHECKED])
    positions = fit.inference.draws[np.arange(count) % len(fit.inference.draws)]
    values = fit.joint.quantities(positions, rng)
    given = {n: values[n] for n in (*old.latents, *old.parameters) if n in values}
    return _replicates(old, observed, given, count, rng, expressions=False)


def _replicates(
    bound: BoundGraph,
    observed: tuple[str, ...],
    given: Mapping[str, npt.NDArray[Any]],
    count: int,
    rng: np.random.Generator,
    *,
    expressions: bool,
) -> Arrays:
    """Draw observed names, given latents and learned parameters at `count` draws."""
    starts, parts = _starts(bound, observed, count)
    without = _without(bound, observed)
    plan = Plan(without, observed, frozenset(given), parts, expressions=expressions)
    return generator(plan)({**given, **starts}, count, rng)


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
        verb = "is learned and has" if len(bound.parameters) == 1 else "are learned and have"
        raise refuse(
            source,
            f"{names} {verb} no distribution to draw from",
            "write one, as in `s ~ HalfNormal(1)`, or simulate from a fit",
        )
    if not fixed & set(bound.missing):
        bound = bound.as_written
    random = tuple(n for n in bound.graph.variables if bound.samples(n) and n not in fixed)
    starts, parts = _starts(bound, [n for n in random if n in bound.data], draws)
    computed = computed_names(_without(bound, random), random)
    asked = (*(n for n in random if not n.startswith("_")), *computed)
    plan = Plan(_without(bound, random), asked, parts=parts, expressions=True)
    arrays = generator(plan)(starts, draws, np.random.default_rng([seed, PRIOR]))
    if not arrays:
        raise refuse(source, "there is nothing to draw: the model has no random variables")
    notes = [d.message for d in bound.notes]
    terms = [p for p in bound.graph.pieces if isinstance(p, Factor)]
    if not all(p.required for p in terms):
        notes.append("`factor` statements have no part in what is drawn")
    if any(p.required for p in terms):
        notes.append(
            "`require` bounds what is drawn by what was drawn before, where it is a bound, and has "
            "no part in it elsewhere"
        )
    return _prediction(bound, selection, arrays, tuple(notes))


def _without(bound: BoundGraph, names: Sequence[str]) -> BoundGraph:
    """Return the bound graph with names that are not data."""
    return replace(bound, data={n: v for n, v in bound.data.items() if n not in names})


def _prediction(
    bound: BoundGraph, selection: Selection, arrays: Arrays, notes: tuple[str, ...] = ()
) -> Prediction:
    found: Arrays = {}
    axes: dict[str, tuple[Axis, ...]] = {}
    for key, array in arrays.items():
        name = key.removesuffix(DRAWN)
        found[name] = array
        known = axes_of(bound, selection, name) if name in bound.graph.variables else ()
        rank = array.ndim - 1
        axes[name] = known if len(known) == rank else (Axis(),) * rank
    return Prediction(found, axes, notes)


def _starts(bound: BoundGraph, names: Sequence[str], draws: int) -> tuple[Arrays, dict[str, Shape]]:
    """Return the first values of data that no statement draws: they stay what they are."""
    values: Arrays = {}
    shapes: dict[str, Shape] = {}
    for name in names:
        block = leading_constants(bound, name)
        if block is not None:
            first = bound.data[name][tuple(slice(0, n) for n in block)]
            values[name] = np.broadcast_to(first, (draws, *block))
            shapes[name] = block
    return values, shapes


def leading_constants(bound: BoundGraph, name: str) -> Shape | None:
    """Return the shape of the first positions of observed data that no statement draws.

    None where every position is drawn, or where what is not drawn is not a leading block.
    """
    shape = bound.shape(name)
    left = np.ones(shape, dtype=bool)
    for number in bound.graph.variables[name].pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        reaches = [span_of_position(p, bound.sizes, bound.data) for p in piece.target.positions]
        if any(r is None for r in reaches):
            return None
        left[tuple(slice(r[0], r[1] + 1) for r in reaches if r is not None)] = False
    if not left.any():
        return None
    for axis in range(len(shape)):
        others = tuple(k for k in range(len(shape)) if k != axis)
        along = np.atleast_1d(left.all(axis=others))
        count = len(along) if along.all() else int(along.argmin())
        block = tuple(count if k == axis else n for k, n in enumerate(shape))
        if count and left.sum() == np.prod(block):
            return block
    return None
