"""Symmetries of a compiled model: changes of its latents that leave the posterior as it is.

The graph says which changes to try: positions of a dimension that latents have and no data; signs
and rotations of latents that may be any numbers. The log joint decides, at a few random points: it
must stay the same to rounding, and must change where the same displacements are taken in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.compile.moves import Handle, Move, cycle, exchange, flip, rotation
from ppl.graph.bound import LOST

Array = npt.NDArray[np.float64]
Kind = Literal["exchange", "sign", "rotation"]

POINTS = 2
"""Random points at which the log joint is compared."""
SPREADS = (0.5, 0.1, 1.0)
"""Standard deviations of the points around the start, each tried until enough are finite."""
SAME = 1e-9
"""Log joints are the same that differ by less, as a part of their size."""
DIFFERENT = 1e-7
"""Those are different that differ by more: the control of a test."""
ALL_SUBSETS, PAIRS = 5, 12
"""Up to so many axes all combinations are tried; up to so many, pairs; then each and all."""
LARGEST, SINGLE_PAIRS = 512, 12
"""Positions of a dimension up to which it is looked at, and up to which pairs of them are."""


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """A group of changes that leave the log joint as it is.

    Attributes
    ----------
    kind
        Positions exchanged; signs changed; an orthogonal matrix along an axis (which contains
        both).
    names
        The variables that it changes, in the model's order.
    dimension
        The dimension along which it acts; empty for one without a name, and for whole variables.
    positions
        Which positions of that dimension it exchanges, or may change the sign of, one by one; none
        for whole variables.
    learned
        Whether learned parameters are among the variables.
    sample
        One change of the group that leaves nothing in its place.
    """

    kind: Kind
    names: tuple[str, ...]
    dimension: str
    positions: tuple[int, ...]
    learned: bool
    sample: Move


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """The log joint at the points."""

    joint: LogJoint
    points: Array
    values: Array
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def passes(self, move: Move) -> bool:
        """Whether a move leaves the log joint as it is, and a part of it does not."""
        moved = move.apply(self.points)
        if not np.isfinite(moved).all():
            return False
        before = self.values - move.log_volume(self.points)
        after = _log_joint(self.joint, moved) - move.log_volume(moved)
        size = np.maximum(1.0, np.abs(before))
        if not np.all(np.abs(after - before) <= SAME * size):
            return False
        share = self.rng.uniform(0.2, 0.8, self.points.shape)
        partly = _log_joint(self.joint, self.points + share * (moved - self.points))
        return bool(np.any(np.abs(partly - self.values) > DIFFERENT * size))


def symmetries(joint: LogJoint) -> tuple[Symmetry, ...]:
    """Find the symmetries of a model.

    Signs of whole variables commute with centring by degrees. What acts along `axes_without_data`
    does not: where there are any, the model is to be compiled without.

    Where one set of variables has a symmetry, unions of it with others that have one are not told
    again.
    """
    groups = axes_without_data(joint)
    reals = [_whole(joint, c.key) for c in joint.program.columns if c.constraint.name == "real"]
    if not groups and not reals:
        return ()
    points = points_of(joint)
    if points is None:
        return ()
    test = _Test(joint, points, _log_joint(joint, points))
    found: list[Symmetry] = []
    for dimension, handles in groups:
        found.extend(_along(test, dimension, handles))
    signs = [s for s in found if s.kind != "exchange"]
    whole = [h for h in reals if h is not None]
    for some in _subsets(whole):
        names = _names(some)
        told = any(set(s.names) <= set(names) for s in signs)
        if not told and test.passes(move := Move(-np.eye(1), some)):
            signs.append(_symmetry("sign", "", (), move))
            found.append(signs[-1])
    return tuple(found)


# ---------------------------------------------------------------------------- what is to be tried


def axes_without_data(joint: LogJoint) -> list[tuple[str, tuple[Handle, ...]]]:
    """Return the axes of latents that no data have, by dimension; without a name, by size."""
    bound = joint.bound
    taken = _dimensions_of_data(joint)
    found: dict[tuple[str, int], list[Handle]] = {}
    for column in joint.program.columns:
        variable = bound.graph.variables.get(column.key)
        if variable is None or column.key.endswith(LOST):
            continue  # positions of missing values are those of data
        for axis, size in enumerate(bound.shape(column.key)):
            dimension = variable.axes[axis].dimension
            if dimension in taken or not 1 < size <= LARGEST:
                continue
            named = dimension is not None and bound.graph.dimensions[dimension].named
            name = dimension if named and dimension is not None else ""
            handle = Handle(column, axis, size, len(variable.axes))
            found.setdefault((name, size), []).append(handle)
    return [(name, tuple(handles)) for (name, _), handles in found.items()]


def _dimensions_of_data(joint: LogJoint) -> set[str | None]:
    bound = joint.bound
    found: set[str | None] = set()
    for name in bound.data:
        variable = bound.graph.variables.get(name)
        if variable is not None:
            found |= {axis.dimension for axis in variable.axes} - {None}
            found |= {variable.datum.positions if variable.datum else None} - {None}
    return found


def _whole(joint: LogJoint, name: str) -> Handle | None:
    column = next(c for c in joint.program.columns if c.key == name)
    variable = joint.bound.graph.variables.get(name)
    if variable is None or column.kind == "parameter" or name.endswith(LOST):
        return None
    return Handle(column, None, 1, len(variable.axes))


def _subsets(handles: list[Handle] | tuple[Handle, ...]) -> Iterator[tuple[Handle, ...]]:
    """Yield combinations with a latent among them, small ones first."""
    count = len(handles)
    if count <= ALL_SUBSETS:
        sizes = list(range(1, count + 1))
    else:
        sizes = [1, *([2] if count <= PAIRS else []), count]
    for size in sizes:
        for some in combinations(handles, size):
            if any(handle.column.kind == "latent" for handle in some):
                yield some


def points_of(joint: LogJoint) -> Array | None:
    """Return random points (P, D) where the log joint is finite; None if there are too few."""
    rng = np.random.default_rng(2)
    for spread in SPREADS:
        points = spread * rng.standard_normal((4 * POINTS, joint.program.dimension))
        finite = np.isfinite(_log_joint(joint, points))
        if np.count_nonzero(finite) >= POINTS:
            return np.asarray(points[finite][:POINTS])
    return None


def _log_joint(joint: LogJoint, positions: Array) -> Array:
    with np.errstate(all="ignore"):
        values = np.asarray(joint.log_joint(positions), dtype=np.float64)
    return np.broadcast_to(values, (len(positions),))


# ------------------------------------------------------------------------------ along a dimension


def _along(test: _Test, dimension: str, handles: tuple[Handle, ...]) -> Iterator[Symmetry]:
    """Find rotations, exchanges and changes of sign of positions of a dimension."""
    size = handles[0].size
    turn = rotation(size, np.random.default_rng(4))
    every = tuple(range(size))
    found: list[Symmetry] = []

    def told(some: tuple[Handle, ...], kind: Kind) -> bool:
        known = (s for s in found if s.kind in (kind, "rotation"))
        return any(set(s.sample.handles) <= set(some) for s in known)

    tried: tuple[tuple[Kind, Callable[[tuple[Handle, ...]], Symmetry | None]], ...] = (
        (
            "rotation",
            lambda some: (
                _symmetry("rotation", dimension, every, move)
                if _are_real(some) and test.passes(move := Move(turn, some))
                else None
            ),
        ),
        ("exchange", lambda some: _exchange(test, dimension, some, len(some) == len(handles))),
        ("sign", lambda some: _signs(test, dimension, some) if _are_real(some) else None),
    )
    for kind, find in tried:
        for some in _subsets(handles):
            one = None if told(some, kind) else find(some)
            if one is not None:
                found.append(one)
    yield from found


def _exchange(
    test: _Test, dimension: str, some: tuple[Handle, ...], pairs: bool
) -> Symmetry | None:
    """Return the exchange of all positions, or of the most that can be exchanged."""
    size = some[0].size
    if all(test.passes(Move(m, some)) for m in (exchange(size, 0, 1), cycle(size))):
        return _symmetry("exchange", dimension, tuple(range(size)), Move(cycle(size), some))
    if not pairs or not 2 < size <= SINGLE_PAIRS:
        return None
    left, best = list(range(size)), [0]
    while left:
        first, *others = left
        alike = [k for k in others if test.passes(Move(exchange(size, first, k), some))]
        best = max(best, [first, *alike], key=len)
        left = [k for k in others if k not in alike]
    if len(best) < 2:
        return None
    order = np.arange(size)
    order[best] = np.roll(best, 1)
    return _symmetry("exchange", dimension, tuple(best), Move(np.eye(size)[order], some))


def _signs(test: _Test, dimension: str, some: tuple[Handle, ...]) -> Symmetry | None:
    size = some[0].size
    looked = range(size) if size <= SINGLE_PAIRS else (0, size // 2, size - 1)
    free = [k for k in looked if test.passes(Move(flip(size, k), some))]
    if len(free) == len(looked):
        free = list(range(size))
    signs = np.ones(size)
    signs[free] = -1.0
    move = Move(np.diag(signs), some)
    if not free or not test.passes(move):
        return None
    return _symmetry("sign", dimension, tuple(free), move)


def _are_real(some: tuple[Handle, ...]) -> bool:
    return all(handle.is_real for handle in some)


def _names(some: tuple[Handle, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(handle.column.key for handle in some))


def _symmetry(kind: Kind, dimension: str, positions: tuple[int, ...], move: Move) -> Symmetry:
    learned = any(handle.column.kind == "parameter" for handle in move.handles)
    return Symmetry(kind, _names(move.handles), dimension, positions, learned, move)
