"""A posterior's numbers, read from few values of the gradient where its form is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.guide.layout import Block
from ppl.inference.laws import Part
from ppl.inference.target import Target, evaluate
from ppl.primitives.triangular import solve_lower

Array = npt.NDArray[np.float64]

READINGS = 3
"""Each reading is taken around the last one's centre, where it is most exact."""
PLAIN = 200


@dataclass(frozen=True, slots=True, eq=False)
class Normals:
    """A multivariate normal over columns.

    Attributes
    ----------
    columns
        Which, (d,).
    mean
        Means, (d,).
    root
        Lower Cholesky factor of the precision, (d, d).
    """

    columns: npt.NDArray[np.intp]
    mean: Array
    root: Array

    @property
    def variance(self) -> Array:
        """Marginal variances, (d,)."""
        inverse = solved_lower(self.root, np.eye(len(self.root)))
        return np.asarray((inverse**2).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A part with its numbers.

    Attributes
    ----------
    part
        The part.
    normals
        None if it has none.
    parameters
        Of the scale's law for each of its events, (events, p).
    entry
        Which event scales each normal, (d,).
    """

    part: Part
    normals: Normals | None = None
    parameters: Array | None = None
    entry: npt.NDArray[np.intp] | None = None


def solve(target: Target, parts: tuple[Part, ...]) -> list[Solved] | None:
    """Return the parts with their numbers; None if some part has no proper law."""
    base = np.zeros(target.dimension)
    found: list[Normals | None] = []
    for part in parts:
        normals = _read_normals(target, base, part) if part.normals else None
        if normals is None and part.normals:
            return None
        if normals is not None:
            base[normals.columns] = normals.mean
        found.append(normals)
    parameters = _read_parameters(target, base, parts)
    if parameters is None:
        return None
    solved = []
    for part, normals in zip(parts, found, strict=True):
        one = _with_scale(target, base, part, normals, parameters)
        if one is None:
            return None
        solved.append(one)
    return solved


def _read_normals(target: Target, base: Array, part: Part) -> Normals | None:
    """Read precision and mean: first from 0, then more exactly from the mean itself.

    Steps are as large as what the latents add up to, so that differences keep their digits.
    """
    columns = np.concatenate([np.arange(block.start, block.stop) for block in part.normals])
    centre, width, root = base.copy(), np.ones(columns.size), np.eye(columns.size)
    for _ in range(READINGS):
        positions = np.repeat(centre[None], 2 * columns.size, axis=0)
        steps = np.diag(width)
        positions[:, columns] += np.concatenate([steps, -steps])
        gradients = evaluate(target, positions)[1][:, columns]
        half = (gradients[columns.size :] - gradients[: columns.size]) / (2 * width[:, None])
        precision = 0.5 * (half + half.T)
        factor = _cholesky(precision)
        if factor is None:
            return None
        root = factor
        for _ in range(2):
            slope = evaluate(target, centre[None])[1][0, columns]
            centre[columns] += solved_lower(root, solved_lower(root, slope[:, None]), True)[:, 0]
        curvature = np.sqrt(np.diag(precision))
        width = max(1.0, float(np.max(np.abs(centre[columns]) * curvature))) / curvature
    return Normals(columns, centre[columns], root)


def solved_lower(root: Array, sides: Array, transposed: bool = False) -> Array:
    """Return ``root⁻¹ sides``, or that of the transposed; SciPy is imported for large ones only."""
    if len(root) <= PLAIN:
        return np.asarray(np.linalg.solve(root.T if transposed else root, sides), np.float64)
    return np.asarray(solve_lower(root, sides, transposed), dtype=np.float64)


def _cholesky(precision: Array) -> Array | None:
    """Return the lower Cholesky factor, of a matrix scaled to a unit diagonal; None if singular."""
    scale = np.sqrt(np.diag(precision))
    if not np.all(scale > 0) or not np.isfinite(precision).all():
        return None
    try:
        root = np.linalg.cholesky(precision / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return None
    if np.min(np.diag(root)) < 1e-7:
        return None
    return np.asarray(scale[:, None] * root)


def _read_parameters(
    target: Target, base: Array, parts: tuple[Part, ...]
) -> dict[str, Array] | None:
    """Read the parameters of all scales at once, each from two points near its centre."""
    scales = [part.scale for part in parts if part.scale is not None]
    if not scales:
        return {}
    parameters: dict[str, Array] = {}
    for _ in range(READINGS):
        positions = np.repeat(base[None], 2, axis=0)
        points = {}
        for block, family in scales:
            width = block.shape[-1] if family.vector else 1
            first, second = np.zeros((2, block.size // width, width))
            second += 1.0
            if block.name in parameters:
                first, second = family.two_points(np.maximum(parameters[block.name], 1e-6))
            positions[:, block.start : block.stop] = np.stack([first, second]).reshape(2, -1)
            points[block.name] = np.stack([first, second], axis=1)
        gradients = evaluate(target, positions)[1]
        for block, family in scales:
            u = points[block.name]
            slopes = family.slopes(u).reshape(len(u), u.shape[1] * u.shape[2], -1)
            found = gradients[:, block.start : block.stop].reshape(2, len(u), -1)
            right = found.transpose(1, 0, 2).reshape(len(u), -1, 1)
            parameters[block.name] = (np.linalg.pinv(slopes) @ right)[..., 0]
    if not all(np.isfinite(p).all() for p in parameters.values()):
        return None
    return parameters


def _with_scale(
    target: Target,
    base: Array,
    part: Part,
    normals: Normals | None,
    parameters: Mapping[str, Array],
) -> Solved | None:
    """Integrate the normals out of their scale's law: each takes half a unit off its shape."""
    if part.scale is None:
        return Solved(part, normals)
    block, _ = part.scale
    own = parameters[block.name].copy()
    entry = None
    if normals is not None:
        entry = _scaled_by(target, base, block, normals)
        if entry is None:
            return None
        own[:, 0] -= 0.5 * np.bincount(entry, minlength=len(own))
    if not np.all(own > 0):
        return None
    return Solved(part, normals, own, entry)


def _scaled_by(
    target: Target, base: Array, block: Block, normals: Normals
) -> npt.NDArray[np.intp] | None:
    """Return which of the scale's entries each normal stands under; None if several share one."""
    if block.size == 1:
        return np.zeros(normals.columns.size, dtype=np.intp)
    precision = normals.root @ normals.root.T
    positions = np.repeat(base[None], normals.columns.size + 1, axis=0)
    positions[1:, normals.columns] += np.diag(np.diag(precision) ** -0.5)
    slopes = evaluate(target, positions)[1][:, block.start : block.stop]
    moved = np.abs(slopes[1:] - slopes[0])
    entry: npt.NDArray[np.intp] = np.argmax(moved, axis=1)
    rounding = 1e-8 * (1.0 + np.max(np.abs(slopes)))
    moved[np.arange(len(moved)), entry] = 0.0
    apart = entry[:, None] != entry
    scale = np.diag(precision) ** 0.5
    joined = np.abs(precision / np.outer(scale, scale))[apart]
    if np.max(moved) > rounding or np.max(joined, initial=0.0) > 1e-8:
        return None
    return entry
