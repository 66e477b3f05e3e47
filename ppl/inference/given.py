"""The normal law of some latents given a few others, read at many values of these at once.

Where the log joint is quadratic in the normals (`ppl.compile.quadratic`), differences of its
gradient are its curvature, exactly. Columns that share no factor are moved together, so that the
number of gradients follows the pattern of the precision, not its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ppl.inference.moves import Moves
from ppl.inference.target import Target, evaluate
from ppl.primitives.matrices import cholesky_factor
from ppl.primitives.triangular import inverse_factors

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
READINGS, POLISHED = 3, 1e-3
SINGULAR, UNRESOLVED = 3e-8, 1e-2
"""Smaller pivots, and a mean that is still so far off (squared, in standard deviations), are lost
to rounding."""
ENTRIES = 2**22
"""Numbers in an array of positions, of precisions or of quantities that are made at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Laws of d normals at n values of the scales.

    Attributes
    ----------
    log_mass
        The log joint with the normals integrated out, (n,); minus infinity where they have no law.
    means
        Of the normals, (n, d).
    inverses
        Inverses of the lower Cholesky factors of their precisions, (n, d, d).
    centres, variances
        Of r quantities given the scales, (n, r).
    """

    log_mass: Array
    means: Array
    inverses: Array
    centres: Array
    variances: Array


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """How the normals are moved to read their law.

    Attributes
    ----------
    target
        The model.
    normals, scales
        Their columns, (d,) and (k,).
    moves
        Which normals are moved together, and what is read from it.
    centre, widths
        From where, and how far each normal is moved, (d,).
    natural
        The scales on their own scale, (n, k) → (n, s).
    quantities
        What is affine in the normals given the scales, of positions: (S, D) → (S, r).
    """

    target: Target
    normals: Places
    scales: Places
    moves: Moves
    centre: Array
    widths: Array
    natural: Callable[[Array], Array]
    quantities: Callable[[Array], Array] | None

    def read(self, scales: Array) -> Given:
        """Return the laws at values of the scales (n, k).

        The quantities are the normals, then the scales, then the others.
        """
        return joined([self._read(part) for part in self._parts(scales)])

    def log_mass(self, scales: Array) -> Array:
        """Return the log joint with the normals integrated out, (n,)."""
        return np.concatenate([self._solved(p)[0] for p in self._parts(scales)])

    def renewed(self, scales: Array) -> Reader:
        """Return the reader that moves from the normals' mean at values of the scales (k,).

        Steps are as large as what the latents add up to, so that differences keep their digits.
        """
        reader = self
        for _ in range(READINGS):
            mass, means, inverses, _ = reader._solved(scales[None])
            if not np.isfinite(mass[0]):
                return reader
            spread = np.sqrt((inverses[0] ** 2).sum(axis=0))
            centre = means[0]
            size = max(1.0, float(np.max(np.abs(centre) / spread)))
            settled = np.max(np.abs(centre - reader.centre) / spread) < POLISHED
            reader = replace(reader, centre=centre, widths=size * spread)
            if settled:
                break
        return reader

    def _parts(self, scales: Array) -> list[Array]:
        extra = 0 if self.quantities is None else self.moves.quantities[0].size
        each = max(
            (1 + self.moves.count) * self.target.dimension,
            self.normals.size * (self.normals.size + min(extra, ENTRIES)),
        )
        size = max(1, ENTRIES // each)
        return [scales[low : low + size] for low in range(0, len(scales), size)]

    def _solved(self, scales: Array) -> tuple[Array, Array, Array, Array]:
        """Return log masses, means, inverse roots, and the positions (n, 1 + moves, D).

        The mean is read from the centre, and once more from itself: far out that is far away.
        """
        count, d = len(scales), self.normals.size
        positions = np.zeros((count, 1 + self.moves.count, self.target.dimension))
        positions[:, :, self.scales] = scales[:, None]
        positions[:, :, self.normals] = self.centre
        positions[:, 1:, self.normals] += self.moves.steps * self.widths
        flat = positions.reshape(-1, self.target.dimension)
        values, gradients = evaluate(self.target, flat)
        finite = np.isfinite(values).reshape(count, -1).all(axis=1)
        slopes = gradients[:, self.normals].reshape(count, -1, d)
        precision = self.moves.precision(slopes, self.widths)
        diagonal = np.diagonal(precision, axis1=1, axis2=2)
        good = finite & np.isfinite(precision).all(axis=(1, 2))
        good &= np.all(diagonal > 0, axis=1)
        scale = np.sqrt(np.where(good[:, None], diagonal, 1.0))
        precision[~good] = np.eye(d)
        roots = cholesky_factor(precision / (scale[:, :, None] * scale[:, None]))
        pivots = np.diagonal(roots, axis1=1, axis2=2)
        good &= np.isfinite(roots).all(axis=(1, 2)) & np.all(pivots > SINGULAR, axis=1)
        roots = np.where(good[:, None, None], roots, np.eye(d))
        pivots = np.diagonal(roots, axis1=1, axis2=2)
        inverses = inverse_factors(roots) / scale[:, None]
        white = np.matmul(inverses, slopes[:, 0, :, None])[..., 0]
        means = self.centre + np.matmul(white[:, None], inverses)[:, 0]
        at = positions[:, 0].copy()
        at[:, self.normals] = means
        mass, gradients = evaluate(self.target, at)
        white = np.matmul(inverses, gradients[:, self.normals, None])[..., 0]
        means += np.matmul(white[:, None], inverses)[:, 0]
        left = (white**2).sum(axis=1)
        good &= left < UNRESOLVED
        mass += 0.5 * left + d * HALF_LOG_2PI
        mass -= np.log(pivots).sum(axis=1) + np.log(scale).sum(axis=1)
        return np.where(good & np.isfinite(mass), mass, -np.inf), means, inverses, positions

    def _read(self, scales: Array) -> Given:
        mass, means, inverses, positions = self._solved(scales)
        natural = self.natural(scales)
        centres, variances = [means, natural], [(inverses**2).sum(axis=1), 0.0 * natural]
        if self.quantities is not None:
            values = self.quantities(positions.reshape(-1, positions.shape[2]))
            values = values.reshape(*positions.shape[:2], -1)
            slopes = self.moves.slopes(values, self.widths)
            away = (means - self.centre)[:, None]
            centres.append(values[:, 0] + np.matmul(away, slopes)[:, 0])
            variances.append((np.matmul(inverses, slopes) ** 2).sum(axis=1))
        both = (np.concatenate(parts, axis=1) for parts in (centres, variances))
        return Given(mass, means, inverses, *both)


def joined(parts: list[Given]) -> Given:
    """Return laws at the values of all parts."""
    if len(parts) == 1:
        return parts[0]
    names = ("log_mass", "means", "inverses", "centres", "variances")
    return Given(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
