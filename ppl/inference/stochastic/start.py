"""Where a guide of globals starts: means that are not far off, and guesses of its widths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppl.compile.program import Column
from ppl.guide.layout import Layout
from ppl.inference import meanfield
from ppl.inference.climb import init as begin_climb
from ppl.inference.compiled import CompiledTarget
from ppl.inference.settings import Settings
from ppl.inference.stochastic.problem import Learned, Positions, Problem, places_of

Array = npt.NDArray[np.float64]

WIDTH_BATCHES, WIDTH_PAIRS, WIDTH_ROUNDS = 8, 4, 6
ASCENTS, ITERATIONS = 3, 60
"""How often the mean of a large problem ascends at given widths, and steps of each ascent."""


def from_meanfield(target: CompiledTarget, settings: Settings, start: Array) -> tuple[Array, Array]:
    """Return means and scales of a mean-field fit, from which other families start."""
    climb = begin_climb(target, settings)
    layout = Layout(tuple(target.blocks))
    jitter = climb.streams.starts.standard_normal(start.size) * 0.1
    fit = meanfield.run(climb.objective, start + layout.points * jitter, climb.streams.starts)
    scale = np.exp(np.clip(fit.log_scale, -20.0, 10.0))
    return fit.mean, np.where(layout.points, 1.0, scale)


def widths_at(
    problem: Problem, start: Array, learned: Learned, latents: list[tuple[Column, Positions]]
) -> Array:
    """Guess how wide every global is, from the curvature along it at the start."""
    model = problem.models[problem.batch]
    places = places_of(model, problem.batch)
    free = np.concatenate([w for _, w in latents])
    mean = start.copy()
    mean[learned.columns] = learned.start
    widths = np.full(start.size, 0.1)
    widths[learned.columns] = 0.0
    rng = np.random.default_rng(0)
    chosen = [
        problem.chosen(rng, problem.batch)
        for _ in range(min(WIDTH_BATCHES, -(-len(problem.training) // problem.batch)))
    ]
    for _ in range(WIDTH_ROUNDS):
        curvature = np.zeros(start.size)
        for positions in chosen:
            half = rng.standard_normal((WIDTH_PAIRS, start.size))
            normals = np.concatenate([half, -half])
            x = np.empty((len(normals), places.dimension))
            x[:, places.globals] = mean + widths * normals
            own = rng.standard_normal((len(normals), *places.locals.shape)) * 0.5
            x[:, places.locals] = own
            _, gradients = model.batch(positions).value_and_gradient(x)
            gradients = np.where(np.isfinite(gradients), gradients, 0.0)[:, places.globals]
            curvature -= np.mean(gradients * normals, axis=0) / len(chosen)
            problem.let_go()
        with np.errstate(all="ignore"):
            found = np.abs(curvature[free] / widths[free]) ** -0.5
        found = np.where(np.isfinite(found), found, 1.0)
        widths[free] = np.clip(found, widths[free] / 30, np.minimum(1.0, 10 * widths[free]))
    widths[learned.columns] = 1.0
    return widths


def ascended(
    problem: Problem,
    start: Array,
    learned: Learned,
    widths: Array,
    latents: list[tuple[Column, Positions]],
) -> tuple[Array, Array]:
    """Move the means up the mean log joint of fixed draws around them, and guess widths anew.

    The optimiser's steps are about as long as the posterior is wide, which is little where data are
    many; the start may be hundreds of them away.
    """
    from scipy.optimize import minimize

    places = problem.places_of(problem.batch).globals
    half = np.random.default_rng(1).standard_normal((1, start.size))
    normals = np.concatenate([half, -half])
    normals[:, learned.columns] = 0.0
    mean = start.copy()
    mean[learned.columns] = learned.start
    count = len(problem.training)

    def negative(scaled: Array) -> tuple[float, Array]:
        x = np.empty((len(normals), places.size))
        x[:, places] = mean + widths * (scaled + normals)

        def of_batch(_: int, positions: Positions) -> tuple[float, Array]:
            found, slopes = problem.models[len(positions)].batch(positions).value_and_gradient(x)
            share = len(positions) / count
            return float(found.mean()) * share, slopes[:, places].mean(axis=0) * share

        value, gradient = 0.0, np.zeros(places.size)
        for found, slope in problem.each(problem.passing(problem.training), len(x), of_batch):
            value += found
            gradient += slope
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return np.inf, np.zeros(places.size)
        return -value, -gradient * widths

    for _ in range(ASCENTS):
        began = np.zeros(places.size)
        reached = minimize(
            negative, began, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}
        )
        if np.isfinite(reached.fun):
            mean = mean + widths * reached.x
        at = Learned(learned.columns, mean[learned.columns], learned.pace)
        widths = widths_at(problem, mean, at, latents)
        if reached.nit < ITERATIONS:
            break
    return mean, widths
