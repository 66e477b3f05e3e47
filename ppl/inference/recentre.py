"""Between the first two rungs: how far each latent of location and scale is centred.

Standardised, such latents suit data that say little of each; where data say much, the latent itself
is nearer to normal, and independent of its scale. The guide's precision says which: the prior
gives a standardised latent a precision of 1, and what exceeds 1 comes from its data. So the degree
of centring is 1 - 1 / precision (Gorinova, Moore & Hoffman 2020, "Automatic reparameterisation of
probabilistic programs", learn it by gradients; here it costs nothing but a second fit).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.guide.layout import Block
from ppl.inference.target import Target

Array = npt.NDArray[np.float64]

LEAST, WORTHWHILE = 0.3, 0.5
"""A smaller degree counts as none; without one above the second, nothing is gained."""


@runtime_checkable
class Recentrable(Target, Protocol):
    """A target whose latents of location and scale can be centred by degrees."""

    def recentred(self, degrees: Mapping[str, Array]) -> Target:
        """Return the same model where these latents are centred by degrees (0 to 1)."""

    def by_block(self, positions: Array) -> dict[str, Array]:
        """Return the latents on their own scale by the names of their blocks, each (S, ...)."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A target centred anew, and the standardised target's positions in its coordinates."""

    target: Target
    degrees: Mapping[str, Array]


def run(target: Target, guide: Guide) -> State | None:
    """Return the target centred as the guide's precisions suggest; None if that is not worth it.

    Parameters
    ----------
    target
        With latents of location and scale standardised.
    guide
        A converged mean-field guide, whose scales are those of each latent given all others.
    """
    if not isinstance(target, Recentrable):
        return None
    degrees = {}
    for block in target.blocks:
        if block.kind == "latent" and block.location_scale:
            degree = _degree(guide.scale[block.start : block.stop]).reshape(block.shape)
            if np.max(degree, initial=0.0) > WORTHWHILE:
                degrees[block.name] = degree
    return State(target.recentred(degrees), degrees) if degrees else None


def moved(target: Target, degrees: Mapping[str, Array], positions: Array) -> Array:
    """Return standardised positions (S, D) in the coordinates of the recentred target.

    A latent is ``location + scale * z``, so that its values at z and at z + 1 give both.
    """
    assert isinstance(target, Recentrable)
    result = positions.copy()
    values = target.by_block(positions)
    for block in target.blocks:
        if block.name in degrees:
            part = slice(block.start, block.stop)
            degree = degrees[block.name].ravel()
            location, scale = _location_and_scale(target, block, positions, values[block.name])
            result[:, part] = degree * location + scale**degree * positions[:, part]
    return result


def _location_and_scale(
    target: Recentrable, block: Block, positions: Array, values: Array
) -> tuple[Array, Array]:
    part = slice(block.start, block.stop)
    shifted = positions.copy()
    shifted[:, part] += 1.0
    here = values.reshape(len(positions), -1)
    scale = target.by_block(shifted)[block.name].reshape(here.shape) - here
    return here - scale * positions[:, part], scale


def _degree(scale: Array) -> Array:
    degree = np.clip(1.0 - scale**2, 0.0, 1.0)
    return np.where(degree < LEAST, 0.0, degree)
