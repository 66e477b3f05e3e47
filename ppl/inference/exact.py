"""The rung above the ladder: posteriors in closed form.

Where the form of the log joint is proved from the model (`ppl.compile.closed`), independent parts
of the posterior are normal, or of a family's law, or normals under a common unknown scale
(`ppl.inference.laws`). What is left is to read the numbers (`ppl.inference.reading`). The log joint
less the log density so found is then the log evidence at every point; that it is the same at
several draws checks the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ppl.compile.closed import Component
from ppl.constraints import Constraint
from ppl.inference.draws import stratified_normals, stratified_uniforms, white_draws
from ppl.inference.laws import Part, law_of, parts_of
from ppl.inference.reading import READINGS, Solved, solve, solved_lower
from ppl.inference.result import Moments
from ppl.inference.target import Target, log_joint

Array = npt.NDArray[np.float64]

CHECKED = 16
TOLERANCE, RELATIVE_TOLERANCE = 1e-4, 1e-9
"""How far the log evidence may differ from draw to draw, in nats, and of the log joint."""
WHITE = 256
"""Up to so many normals, draws have exactly the mean and the covariance of the posterior."""


@runtime_checkable
class Closed(Protocol):
    """A target whose form is known."""

    @property
    def components(self) -> tuple[Component, ...] | None:
        """Independent parts of the posterior; None where its form is not known."""

    @property
    def supports(self) -> Mapping[str, Constraint]:
        """The set of each latent's values."""

    def recentred(self, degrees: Mapping[str, Array]) -> Target:
        """Return the same model where these latents are centred by degrees (0 to 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A posterior in closed form.

    Attributes
    ----------
    target
        In whose coordinates the draws are.
    draws
        Of the posterior, (n, D), unconstrained.
    log_evidence
        In nats.
    moments
        Mean and standard deviation of latents, where they are finite.
    reason
        What form the posterior has, for the verdict.
    gradients
        Batched evaluations of the gradient.
    """

    target: Target
    draws: Array
    log_evidence: float
    moments: Mapping[str, Moments]
    reason: str
    gradients: int


def run(target: Target, rng: np.random.Generator, count: int) -> Answer | None:
    """Return the posterior with `count` draws if it is known in closed form, else None."""
    if not isinstance(target, Closed) or target.components is None:
        return None
    parts = parts_of(target.components, target.supports, target.blocks)
    if parts is None:
        return None
    centred = _centred(target, parts)
    with np.errstate(all="ignore"):
        solved = solve(centred, parts)
        if solved is None:
            return None
        draws, log_densities = _draw(solved, rng, count, centred.dimension)
    chosen = slice(0, CHECKED)
    joint = log_joint(centred, draws[chosen])
    evidence = joint - log_densities[chosen]
    level = float(np.median(evidence))
    off = np.abs(evidence - level)
    if not np.all(off <= TOLERANCE + RELATIVE_TOLERANCE * np.abs(joint)):
        return None
    moments = {k: v for one in solved for k, v in _moments(one).items()}
    laws = " and ".join(sorted({law_of(one.part) for one in solved}))
    reason = f"The posterior has a closed form: {laws}."
    gradients = 2 * READINGS * len(solved)
    return Answer(centred, draws, level, moments, reason, gradients)


def _centred(target: Target, parts: tuple[Part, ...]) -> Target:
    """Return the target in whose coordinates normals under a scale are the latents themselves."""
    standardised = {
        block.name: np.ones(block.shape)
        for part in parts
        for block in part.normals
        if part.scale is not None and block.location_scale
    }
    if not standardised:
        return target
    assert isinstance(target, Closed)
    return target.recentred(standardised)


def _draw(
    solved: list[Solved], rng: np.random.Generator, count: int, dimension: int
) -> tuple[Array, Array]:
    """Return draws (count, D), and their log densities (count,)."""
    draws, density = np.empty((count, dimension)), np.zeros(count)
    for one in solved:
        log_scale: Array | None = None
        if one.part.scale is not None and one.parameters is not None:
            block, family = one.part.scale
            u = _draw_scale(rng, count, one)
            draws[:, block.start : block.stop] = u.reshape(count, -1)
            density += family.log_density(u, one.parameters).sum(axis=1)
            if one.entry is not None:
                log_scale = -0.5 * one.part.power * u[:, one.entry, 0]
        if one.normals is not None:
            normals, size = one.normals, one.normals.columns.size
            z = _draw_normals(rng, count, one, log_scale)
            away = z if log_scale is None else z * np.exp(log_scale)
            moved = solved_lower(normals.root, away.T, True).T
            draws[:, normals.columns] = normals.mean + moved
            density += -0.5 * (z**2).sum(axis=1) - 0.5 * size * log(2 * pi)
            density += np.log(np.diag(normals.root)).sum()
            if log_scale is not None:
                density -= log_scale.sum(axis=1)
    return draws, density


def _draw_scale(rng: np.random.Generator, count: int, one: Solved) -> Array:
    """Return unconstrained draws (count, events, m); the halves are alike if normals follow."""
    assert one.part.scale is not None
    assert one.parameters is not None
    halves = 2 if one.normals is not None and count % 2 == 0 else 1
    shape = (count // halves, *one.parameters.shape)
    uniforms = stratified_uniforms(rng, shape[0], one.parameters.size).reshape(shape)
    drawn = one.part.scale[1].draw(uniforms, one.parameters)
    return np.concatenate([drawn] * halves)


def _draw_normals(
    rng: np.random.Generator, count: int, one: Solved, log_scale: Array | None
) -> Array:
    """Return standard normals (count, d); scaled, their covariance is exactly that of the law."""
    assert one.normals is not None
    size = one.normals.columns.size
    if size > WHITE or count < 4 * size or count % 2:
        return stratified_normals(rng, count, size)
    z = white_draws(rng, count, size)
    if log_scale is None:
        return z
    squares = _mean_square(one)
    if not np.isfinite(squares).all():
        return z
    scaled = z * np.exp(log_scale)
    root = np.asarray(np.linalg.cholesky(scaled.T @ scaled / count), np.float64)
    white = solved_lower(root, scaled.T).T * np.sqrt(squares)
    normals: Array = white * np.exp(-log_scale)
    return normals


def _mean_square(one: Solved) -> Array:
    """Return the mean square of what scales each normal, (d,); infinite where there is none."""
    assert one.parameters is not None
    shape, rate = one.parameters[one.entry].T
    return np.where(shape > 1, rate / np.maximum(shape - 1, 1e-300), np.inf)


def _moments(one: Solved) -> dict[str, Moments]:
    found = {}
    if one.part.scale is not None and one.parameters is not None:
        block, family = one.part.scale
        mean, variance = family.moments(one.parameters)
        shape = block.shape[:-1] + mean.shape[1:] if family.vector else block.shape
        found[block.name] = Moments(mean.reshape(shape), np.sqrt(variance).reshape(shape))
    if one.normals is not None:
        variance = one.normals.variance
        if one.entry is not None:
            variance = variance * _mean_square(one)
        first = 0
        for block in one.part.normals:
            part = slice(first, first + block.size)
            first += block.size
            mean = one.normals.mean[part].reshape(block.shape)
            found[block.name] = Moments(mean, np.sqrt(variance[part]).reshape(block.shape))
    return {name: m for name, m in found.items() if np.isfinite(m.mean + m.sd).all()}
