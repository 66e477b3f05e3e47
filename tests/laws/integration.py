"""A distribution as points with weights: sums over integers, trapezoids over free numbers.

On a grid ``u = sinh(t)`` the trapezoidal rule converges fast for smooth densities with any tails.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .cases import Parametrisation, draws, free_shape, inside, log_volume, support

POINTS = {1: (4001, 21.0), 2: (121, 7.0), 3: (29, 3.6)}
"""Free numbers → points along each, and how far t goes."""

ERROR = {1: 1e-5, 2: 1e-5, 3: 1e-3}
"""Free numbers → what an integral on such a grid may be off by."""


@dataclass
class Weighted:
    """Points, and the log mass of each."""

    x: Any
    log_mass: Any
    log_density: Any
    far: Any
    error: float = 1e-5

    @cached_property
    def mass(self) -> Any:
        return np.exp(self.log_mass)

    def expectation(self, values: Any) -> Any:
        """Return the expectation, and whether what lies far out has no part in it."""
        flat = np.reshape(values, (len(self.mass), -1))
        with np.errstate(all="ignore"):
            terms = np.where(self.mass[:, None] > 0, self.mass[:, None] * flat, 0.0)
        whole = terms.sum(0)
        outside = np.abs(terms[self.far]).sum(0)
        settled = np.isfinite(whole) & (outside <= self.error * (1.0 + np.abs(whole)))
        return whole.reshape(np.shape(values)[1:]), bool(np.all(settled))


def weighted(p: Parametrisation, given: Any) -> Weighted:
    constraint = support(p.distribution, p.standard(given))
    return (
        _summed(p, given, constraint)
        if p.distribution.discrete
        else _integrated(p, given, constraint)
    )


def _summed(p: Parametrisation, given: Any, constraint: Any) -> Weighted:
    sizes = [p.sizes[n] for n in p.event]
    low = constraint.range.lower if np.isfinite(constraint.range.lower) else -400.0
    high = min(constraint.range.upper, 400.0 if not sizes else 12.0)
    values = np.arange(low, high + 1)
    x = np.array(list(itertools.product(values, repeat=sizes[0]))) if sizes else values
    x = x[np.asarray(constraint.contains(x))]
    log_mass = np.broadcast_to(p.density(x, given), (len(x),))
    far = np.abs(values) > 300 if not sizes else np.zeros(len(x), bool)
    return Weighted(x, log_mass, log_mass, far)


def _integrated(p: Parametrisation, given: Any, constraint: Any) -> Weighted:
    sizes = tuple(p.sizes[n] for n in p.event)
    free = free_shape(constraint, sizes)
    dimensions = int(np.prod(free)) if free else 1
    count, reach = POINTS[dimensions]
    t = np.linspace(-reach, reach, count)
    axes = np.meshgrid(*(t,) * dimensions, indexing="ij")
    points = np.stack([a.ravel() for a in axes], axis=-1)
    centre, spread = _whereabouts(p, given, constraint, dimensions)
    u = (centre + np.sinh(points) @ spread.T).reshape((-1, *free))
    with np.errstate(all="ignore"):
        x = np.asarray(constraint.bijection.forward(u))
        kept = inside(constraint, x, len(sizes))
        x, u, points = x[kept], u[kept], points[kept]
        log_jacobian = log_volume(constraint, u, x, len(sizes))
        log_density = np.broadcast_to(p.density(x, given), (len(x),))
        step = np.sum(np.log(np.cosh(points)), axis=-1) + dimensions * np.log(t[1] - t[0])
        step += np.log(np.abs(np.linalg.det(spread)))
        log_mass = log_density + log_jacobian + step
    known = np.isfinite(log_mass)
    x, points, log_density, log_mass = x[known], points[known], log_density[known], log_mass[known]
    ends = 0.9 * np.min(points, axis=0), 0.9 * np.max(points, axis=0)
    far = np.any((points < ends[0]) | (points > ends[1]), axis=-1)
    return Weighted(x, log_mass, log_density, far, ERROR[dimensions])


def _whereabouts(p: Parametrisation, given: Any, constraint: Any, dimensions: int) -> Any:
    """Return the centre and a root of the covariance of several free numbers, from draws.

    A grid along their main axes needs few points. One number has points enough for any place.
    """
    if dimensions == 1:
        return np.zeros(1), np.eye(1)
    x = draws(np.random.default_rng(11), p, given, (400,))
    u = np.asarray(constraint.bijection.inverse(x)).reshape(400, dimensions)
    low, centre, high = np.quantile(u, [0.25, 0.5, 0.75], axis=0)
    kept = np.clip(u, centre - 3.0 * (high - low), centre + 3.0 * (high - low))
    return centre, np.linalg.cholesky(np.cov(kept.T))
