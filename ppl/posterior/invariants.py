"""What does not depend on the choice among equal copies of a posterior.

A symmetry of the model (`ppl.compile.symmetries`) changes some quantities and leaves others as they
are; which, is tested at random points. What observations' distributions are told, so the
predictions, is among those that stay, or else the model would not have the symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.compile.pointwise import Pointwise, predictors
from ppl.compile.symmetries import Symmetry, points_of
from ppl.inference.target import blocks_of

Array = npt.NDArray[np.float64]

MOST_COLUMNS = 512
"""Predictions, and numbers of other quantities, that are compared; evenly spread over all."""
SAME = 1e-6
"""A quantity stays where it is that changes by less, as a part of its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Invariants:
    """Quantities that no symmetry changes.

    Attributes
    ----------
    names
        The user's variables among them.
    changed
        Those that some symmetry changes, in the order of reports.
    program, columns
        The predictions, and which of them are compared.
    """

    names: tuple[str, ...]
    changed: tuple[str, ...]
    program: Pointwise
    columns: npt.NDArray[np.intp]

    @property
    def predictions(self) -> int:
        """How many of the values' columns are predictions; they come last."""
        return len(self.columns)

    def values(self, joint: LogJoint, positions: Array) -> Array:
        """Return all at positions (S, D) of a compiled model, (S, Q)."""
        found = []
        for part in blocks_of(len(positions), positions.shape[1]):
            known = joint.determined(positions[part])
            count = part.stop - part.start
            kept = [_thinned(_flat(known[name], count)) for name in self.names]
            found.append(np.concatenate([*kept, self._predicted(known, count)], axis=1))
        return np.concatenate(found)

    def _predicted(self, known: dict[str, npt.NDArray[np.float64]], count: int) -> Array:
        given = {name: known[name] for name in self.program.needs}
        parts = self.program(given, count).values()
        return np.concatenate([_flat(p, count) for p in parts], axis=1)[:, self.columns]


def invariants(joint: LogJoint, found: Sequence[Symmetry]) -> Invariants | None:
    """Sort what a model computes by whether a symmetry changes it.

    Parameters
    ----------
    joint
        The model, compiled without centring by degrees.
    found
        Its symmetries.

    Returns
    -------
    Invariants or None
        None where nothing is observed that could be predicted.
    """
    points = points_of(joint)
    if points is None or not joint.bound.observed:
        return None
    count = len(points)
    before = joint.determined(points)
    program = predictors(joint)
    predicted = _predictions(program, before, count)
    changed = set(_states_changed(joint, found, points))
    stays = np.ones(predicted.shape[1], dtype=np.bool_)
    for symmetry in found:
        after = joint.determined(symmetry.sample.apply(points))
        changed |= {n for n in before if not _same(before[n], after[n]).all()}
        stays &= _same(predicted, _predictions(program, after, count)).all(axis=0)
    reported = [n for n in joint.program.reported if n not in joint.bound.parameters]
    names = [n for n in reported if n in before and n not in changed and _is_drawn(before[n])]
    columns = np.flatnonzero(stays & np.ptp(predicted, axis=0).astype(bool))
    spread = np.linspace(0, len(columns) - 1, min(MOST_COLUMNS, len(columns))).astype(np.intp)
    return Invariants(
        tuple(names), tuple(n for n in reported if n in changed), program, columns[spread]
    )


def _states_changed(joint: LogJoint, found: Sequence[Symmetry], points: Array) -> list[str]:
    """Return discrete latents whose states' probabilities are changed."""
    from ppl.compile.states import states

    known = states(joint)
    if known is None:
        return []
    changed = set()
    before = known.probabilities(points[:1])
    for symmetry in found:
        after = known.probabilities(symmetry.sample.apply(points[:1]))
        changed |= {n for n in before if not _same(before[n], after[n]).all()}
    return sorted(changed)


def _predictions(program: Pointwise, known: dict[str, Array], count: int) -> Array:
    parts = program({name: known[name] for name in program.needs}, count).values()
    return np.concatenate([_flat(p, count) for p in parts], axis=1)


def _is_drawn(values: Array) -> bool:
    flat = _flat(values, len(values))
    return bool(np.isfinite(flat).all() and np.ptp(flat, axis=0).any())


def _same(a: Array, b: Array) -> npt.NDArray[np.bool_]:
    both = np.isnan(a) & np.isnan(b)
    return both | (np.abs(a - b) <= SAME * (1.0 + np.abs(a)))


def _flat(values: Array, count: int) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(count, -1)


def _thinned(flat: Array) -> Array:
    most = flat.shape[1]
    return flat[:, np.linspace(0, most - 1, min(MOST_COLUMNS, most)).astype(np.intp)]
