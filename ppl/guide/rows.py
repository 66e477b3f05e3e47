"""Factors of a guide for the latents of single positions of a plate: rows, and networks of data.

A batch has B positions with K latents each. `Rows` keeps a mean and a scale for every latent of
every position; `Amortized` computes them from the position's data, so that a datum never seen
before has a guide as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.guide.network import Network

Array = npt.NDArray[np.float64]

LEAST_SCALE, MOST_SCALE = -9.0, 5.0
"""Log scales of a network's outputs stay between these."""


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """Means and log scales of a batch, (B, K) each, with what `Amortized.pull` needs."""

    mean: Array
    log_scale: Array
    layers: tuple[Array, ...] = ()

    def place(self, normals: Array) -> Array:
        """Return draws (S, B, K) from normals of the same shape."""
        return self.mean + np.exp(self.log_scale) * normals

    def score(self, normals: Array) -> Array:
        """Return the gradient of the log density at the draws, (S, B, K)."""
        return -normals * np.exp(-self.log_scale)

    def log_density(self, normals: Array) -> Array:
        """Return the log density of the draws of every position, (S, B)."""
        each = -0.5 * normals**2 - 0.5 * np.log(2 * np.pi) - self.log_scale
        density: Array = each.sum(axis=2)
        return density


@dataclass(frozen=True, slots=True, eq=False)
class Amortized:
    """A network from data to the means and log scales of a position's latents.

    Attributes
    ----------
    network
        From the inputs to 2 K outputs.
    shift, spread
        Of every input, which becomes u = (input - shift) / spread. A network with hidden layers
        reads u / sqrt(1 + u^2), so that a value far out of the ordinary does not take it where it
        never learned; a linear one reads u, as what it is to find is linear in it.
    """

    network: Network
    shift: Array
    spread: Array

    @property
    def latents(self) -> int:
        """Number K of latents of a position."""
        return self.network.sizes[-1] // 2

    def at(self, weights: Array, inputs: Array) -> Local:
        """Return the factor of positions with inputs (B, F)."""
        u = (inputs - self.shift) / self.spread
        is_linear = len(self.network.sizes) == 2
        outputs, layers = self.network.run(weights, u if is_linear else u / np.sqrt(1 + u * u))
        mean, raw = outputs[:, : self.latents], outputs[:, self.latents :]
        return Local(mean, np.clip(raw, LEAST_SCALE, MOST_SCALE), tuple(layers))

    def pull(self, weights: Array, local: Local, normals: Array, slopes: Array) -> Array:
        """Return the mean gradient by the weights from slopes by the draws, (S, B, K)."""
        count = len(normals)
        by_mean = slopes.mean(axis=0)
        by_scale = (slopes * normals).sum(axis=0) * np.exp(local.log_scale) / count
        inside = (local.log_scale > LEAST_SCALE) & (local.log_scale < MOST_SCALE)
        both = np.concatenate([by_mean, np.where(inside, by_scale, 0.0)], axis=1)
        return self.network.pull(weights, list(local.layers), both)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A mean and a log scale for every latent of every position, (N, K) each.

    Updated by natural gradients, which for a posterior that is normal given the globals is the
    classical stochastic variational inference (Hoffman et al. 2013): a precision moves a share
    of the way to the curvature, a mean by that share of a Newton step.
    """

    mean: Array
    log_scale: Array

    @classmethod
    def empty(cls, total: int, latents: int) -> Rows:
        """Return rows at standard normals' means, with a scale of a half."""
        return cls(
            np.zeros((total, latents)),
            np.full((total, latents), np.log(0.5)),
        )

    def at(self, positions: npt.NDArray[np.intp]) -> Local:
        """Return the factor of some positions."""
        return Local(self.mean[positions], self.log_scale[positions])

    def update(
        self, positions: npt.NDArray[np.intp], normals: Array, slopes: Array, share: float
    ) -> None:
        """Move some rows, in place.

        Slopes (S, B, K) are those of the position's own log joint less the factor's score, so
        that nothing moves, whatever the draws, where the factor is the posterior.
        """
        found = settled(self.at(positions), normals, slopes, share)
        self.mean[positions] = found.mean
        self.log_scale[positions] = found.log_scale


def settled(local: Local, normals: Array, slopes: Array, share: float) -> Local:
    """Return rows moved as `Rows.update` moves them."""
    scale = np.exp(local.log_scale)
    average = slopes.mean(axis=0)
    excess = -(slopes * normals).sum(axis=0) / (len(normals) * scale)
    least = (1 - 0.8 * share) / scale**2
    precision = np.maximum(1 / scale**2 + share * excess, least)
    scale = precision**-0.5
    mean = local.mean + np.clip(share * average * scale**2, -3.0, 3.0)
    return Local(mean, np.clip(np.log(scale), LEAST_SCALE, MOST_SCALE))
