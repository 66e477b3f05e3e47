"""The waist between model and inference: all that inference knows of a model."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ppl.guide.layout import Block

Array = npt.NDArray[np.float64]

BLOCK_ENTRIES, BLOCK_ROWS = 2**18, 512
"""Entries of draws x columns, and draws, that are evaluated at once, so as to stay in cache."""
COSTLY = 2.0**20
"""A position whose log joint takes so many operations is worth sparing."""


class Target(Protocol):
    """A model with its data, as functions of the flat unconstrained vector.

    Latents and learned parameters share the vector. Functions take S positions at once.
    """

    @property
    def dimension(self) -> int:
        """Number D of columns."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Which columns belong to which variable; contiguous, covering 0 to D."""

    @property
    def start(self) -> Array:
        """Where inference starts, (D,)."""

    @property
    def log_concave(self) -> bool:
        """Whether the log joint is proved to be concave, and so has one mode."""

    @property
    def work(self) -> float:
        """About how many operations the log joint takes at one position; 0 if few."""

    def value_and_gradient(self, positions: Array) -> tuple[Array, Array]:
        """Return the log joint (S,) at positions (S, D), and its gradient (S, D).

        Log-Jacobians of the latents' constraints are included (none for parameters). May be
        minus infinity or NaN for some positions.
        """

    def log_joint(self, positions: Array) -> Array:
        """Return the log joint alone, (S,), which may take less."""

    def log_likelihood(self, positions: Array) -> Array:
        """Return the observations' part of the log joint, (S,)."""

    def quantities(self, positions: Array) -> dict[str, Array]:
        """Return the user's variables on their own scale, each (S, ...)."""


def costly(target: Target) -> bool:
    """Whether a position takes so much that fewer are tried first; the model alone decides."""
    return target.work >= COSTLY


def evaluate(target: Target, positions: Array) -> tuple[Array, Array]:
    """Return log joint and gradient in blocks of positions; non-finite draws get -inf and 0."""
    values = np.empty(len(positions))
    gradients = np.empty_like(positions)
    for part in blocks_of(len(positions), positions.shape[1]):
        values[part], gradients[part] = _evaluate_block(target, positions[part])
    return values, gradients


def log_joint(target: Target, positions: Array) -> Array:
    """Return the log joint (S,) in blocks of positions; -inf where it is not finite."""
    values = np.empty(len(positions))
    with np.errstate(all="ignore"):
        for part in blocks_of(len(positions), positions.shape[1]):
            values[part] = target.log_joint(positions[part])
    return np.where(np.isfinite(values), values, -np.inf)


def log_likelihood(target: Target, positions: Array) -> Array:
    """Return the observations' part of the log joint in blocks of positions, (S,)."""
    values = np.empty(len(positions))
    with np.errstate(all="ignore"):
        for part in blocks_of(len(positions), positions.shape[1]):
            values[part] = target.log_likelihood(positions[part])
    return values


def quantities(target: Target, positions: Array) -> dict[str, Array]:
    """Return the user's variables on their own scale in blocks of positions, each (S, ...)."""
    with np.errstate(all="ignore"):
        parts = [
            target.quantities(positions[part])
            for part in blocks_of(len(positions), target.dimension)
        ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def blocks_of(count: int, width: int) -> list[slice]:
    """Cut `count` rows of `width` columns into slices small enough to be evaluated at once."""
    size = min(BLOCK_ROWS, max(1, BLOCK_ENTRIES // max(1, width)))
    return [slice(low, min(low + size, count)) for low in range(0, count, size)]


def _evaluate_block(target: Target, positions: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        values, gradients = target.value_and_gradient(positions)
    finite = np.isfinite(values) & np.isfinite(gradients).all(axis=1)
    if finite.all():
        return values, gradients
    return np.where(finite, values, -np.inf), np.where(finite[:, None], gradients, 0.0)
