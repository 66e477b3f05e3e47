"""Several starts for learned parameters, and what their ends say about the model.

The product of a parameter and a latent is stationary where both are zero, so no start may be
exactly there; matrices start with orthogonal columns. Ends with the same ELBO but other values show
what the data cannot tell apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppl.guide.layout import Block, Layout
from ppl.inference import lbfgs
from ppl.inference.target import Target, evaluate

Array = npt.NDArray[np.float64]

SMALL_JITTER, LARGE_JITTER = 0.1, 1.0
ENOUGH, MOST_STEPS = 0.05, 100
"""A climb to a start ends when its steps gain fewer nats, or after so many."""
SAME_ELBO, SAME_VALUE = 0.5, 0.05
"""Ends count as equally good within so many nats, and as equal within this part of their norm."""


def starting_points(
    layout: Layout, start: Array, rng: np.random.Generator, count: int
) -> list[Array]:
    """Return start points (D,): one near the given start, the others further away.

    The others start the latents at random too; they stand in for the search for other modes.
    """
    if not layout.parameters:
        return [start]
    points = []
    for number in range(count):
        point = start.copy()
        for block in layout.parameters:
            part = slice(block.start, block.stop)
            point[part] += _jitter(block, rng, SMALL_JITTER if number == 0 else LARGE_JITTER)
        if number:
            point[~layout.points] += rng.standard_normal(int((~layout.points).sum()))
        points.append(point)
    return points


def climbed(target: Target, start: Array) -> tuple[Array, int]:
    """Climb the log joint itself from a start (D,), one position at a time.

    Returns where it ends, and how many gradients that took. Where the log joint is concave this is
    close to the mean, and where it costs much, one position is far cheaper than a batch.
    """

    def negative(position: Array) -> tuple[float, Array]:
        values, gradients = evaluate(target, position[None])
        return -float(values[0]), -gradients[0]

    reach = np.full(start.size, np.inf)
    problem = lbfgs.Problem(negative, -reach, reach, gain_tolerance=ENOUGH)
    found = lbfgs.run(problem, start, MOST_STEPS)
    return found.position, found.evaluations


def ambiguity(block: Block, best: Array, other: Array) -> str | None:
    """Say how another equally good end (D,) differs from the best in one block; None if not."""
    a, b = best[block.start : block.stop], other[block.start : block.stop]
    if _close(a, b):
        return None
    if _close(np.abs(a), np.abs(b)):
        return f"`{block.name}` is known only up to its sign"
    if len(block.shape) == 2:
        left, right = a.reshape(block.shape), b.reshape(block.shape)
        same_rows = _close(left @ left.T, right @ right.T)
        if same_rows or _close(left.T @ left, right.T @ right):
            return f"`{block.name}` is known only up to a rotation"
    if _close(np.sort(a), np.sort(b)):
        return f"`{block.name}` is known only up to the order of its entries"
    return f"other values of `{block.name}` fit equally well"


def _close(a: Array, b: Array) -> bool:
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) <= SAME_VALUE * max(size, 0.1 * float(np.sqrt(a.size)))


def _jitter(block: Block, rng: np.random.Generator, size: float) -> Array:
    noise = rng.standard_normal(block.size)
    if len(block.shape) == 2 and min(block.shape) > 1:
        matrix = noise.reshape(block.shape)
        tall = matrix if block.shape[0] >= block.shape[1] else matrix.T
        columns, _ = np.linalg.qr(tall)
        columns = columns if block.shape[0] >= block.shape[1] else columns.T
        return np.ascontiguousarray(columns).ravel() * size
    return noise * size
