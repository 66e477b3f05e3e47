"""The pictures: posterior, predictive check, pairs, ELBO along the ladder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppl.plots.canvas import BLUE, GREY, RED, figure, grid, in_rows, plain, titled
from ppl.report.plots import is_count, padded, shown_range, smoothed
from ppl.report.scatter import Climbing, climbing
from ppl.report.table import label
from ppl.text import UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]
ROWS, PAIRS, SHOWN, POINTS, POSITIONS = 40, 6, 40, 1000, 300
"""Intervals in a plot, numbers against each other, replicates, points, positions of a curve."""


def plot(fit: Fit, kind: str = "posterior", names: Sequence[str] | None = None) -> Figure:
    """Return a picture of a fit: ``posterior``, ``predictive``, ``pairs`` or ``elbo``.

    Raises
    ------
    UsageError
        If there is no such picture or quantity, or Matplotlib is missing.
    """
    if kind not in KINDS:
        raise UsageError(
            (USAGE(f"there is no picture `{kind}`", help=f"there are {', '.join(KINDS)}"),)
        )
    return KINDS[kind](fit, names)


def posterior(fit: Fit, names: Sequence[str] | None = None) -> Figure:
    """Draw the density of each single number, and an interval for each number of an array.

    The filled part, and the line of an interval, is the central 90 %; the dot is the median.
    """
    chosen = _chosen(fit, names)
    single = [n for n in chosen if not fit[n].shape]
    many = sorted((n for n in chosen if fit[n].shape), key=lambda n: _height(fit[n].shape))
    rows = in_rows([2.3] * len(single), 3) + in_rows([_height(fit[n].shape) for n in many], 3)
    made, plots = grid(rows, 3.4)
    chosen = [*single, *many]
    for axes, name in zip(plots, chosen, strict=True):
        if fit[name].shape:
            _intervals(axes, fit, name)
        else:
            _density(axes, fit, name)
    return made


def _height(shape: tuple[int, ...]) -> float:
    """Return how high the plot of a quantity is, in inches."""
    return max(2.3, 0.17 * min(int(np.prod(shape)), ROWS) + 0.8)


def _density(axes: Axes, fit: Fit, name: str) -> None:
    quantity = fit[name]
    values = np.asarray(quantity.values, float)
    axes.set_yticks([])
    if is_count(values):
        found, inverse = np.unique(values, return_inverse=True)
        axes.bar(found, np.bincount(inverse.ravel(), quantity.weights), 0.7, color=BLUE, alpha=0.6)
    else:
        places = np.linspace(*shown_range(values, quantity.weights), POSITIONS)
        heights = smoothed(values, quantity.weights, places, mirrored=True)
        ends = float(quantity.quantile(0.05)), float(quantity.quantile(0.95))
        inside = (places >= ends[0]) & (places <= ends[1])
        axes.plot(places, heights, color=BLUE, linewidth=1.8)
        axes.fill_between(places[inside], heights[inside], color=BLUE, alpha=0.22, linewidth=0)
        axes.set_ylim(bottom=0)
    titled(axes, name)


def _intervals(axes: Axes, fit: Fit, name: str) -> None:
    quantity = fit[name]
    places = list(np.ndindex(quantity.shape))[:ROWS]
    low, middle, high = (
        np.array([quantity.quantile(p)[place] for place in places]) for p in (0.05, 0.5, 0.95)
    )
    rows = np.arange(len(places))
    if low.min() < 0 < high.max():
        axes.axvline(0, color=GREY, linestyle=":", linewidth=1)
    axes.hlines(rows, low, high, color=BLUE, linewidth=2.2)
    axes.plot(middle, rows, "o", color=BLUE, markersize=4)
    axis = next(n.axes for n in fit.facts.quantities if n.name == name)
    axes.set_yticks(rows, [label(name, axis, place) for place in places])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    more = f", the first {ROWS}" if np.prod(quantity.shape) > ROWS else ""
    titled(axes, f"{name}{more}")


def predictive(fit: Fit, names: Sequence[str] | None = None) -> Figure:
    """Draw the observed data (red) over data that the fitted model makes (grey)."""
    checks = {n: found for n, found in _replicated(fit).items() if names is None or n in names}
    if not checks:
        raise UsageError((USAGE("the fit has nothing observed that can be drawn anew"),))
    made, plots = grid(in_rows([2.6] * len(checks), 2), 4.2)
    for axes, (name, (observed, replicates)) in zip(plots, checks.items(), strict=True):
        axes.set_yticks([])
        _check(axes, observed, replicates)
        titled(axes, f"{name}: data and replicates")
    return made


def _replicated(fit: Fit) -> Mapping[str, tuple[Array, Array]]:
    """Return for everything observed the data (N,) and replicates (draws, N)."""
    found = {}
    for name, array in fit.simulate().items():
        variable = fit.selection.variables.get(name)
        observed = None if variable is None else np.asarray(variable.values, float)
        if observed is not None and observed.shape == array.shape[1:] and observed.size > 1:
            flat = np.asarray(array, float).reshape(len(array), -1)
            known = np.isfinite(observed.ravel()) & np.isfinite(flat).all(axis=0)
            found[name] = observed.ravel()[known], flat[:, known]
    return found


def _check(axes: Axes, observed: Array, replicates: Array) -> None:
    shown = replicates[:: max(1, len(replicates) // SHOWN)][:SHOWN]
    if is_count(observed) and is_count(shown):
        values = np.unique(np.concatenate([observed, shown.ravel()]))
        counts = np.array([[np.sum(r == v) for v in values] for r in replicates])
        low, middle, high = np.quantile(counts, (0.05, 0.5, 0.95), axis=0)
        axes.vlines(values, low, high, color=GREY, linewidth=4, label="replicates: central 90 %")
        axes.plot(values, middle, "_", color=GREY, markersize=9)
        own = [int(np.sum(observed == v)) for v in values]
        axes.plot(values, own, "o", color=RED, markersize=4, label="data")
    else:
        low = min(observed.min(), float(np.quantile(shown, 0.005)))
        high = max(observed.max(), float(np.quantile(shown, 0.995)))
        places = np.linspace(*padded(low, high), POSITIONS)
        even = np.full(observed.size, 1 / observed.size)
        for k, one in enumerate(shown):
            word = "replicates" if k == 0 else None
            axes.plot(
                places, smoothed(one, even, places), color=GREY, alpha=0.5, lw=0.8, label=word
            )
        axes.plot(places, smoothed(observed, even, places), color=RED, lw=2, label="data")
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=7.5, frameon=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Number:
    """One number of the fit: how it is called, and its draws (n,)."""

    name: str
    draws: Array


def pairs(fit: Fit, names: Sequence[str] | None = None) -> Figure:
    """Draw numbers against each other, at most six: shapes that a table cannot show."""
    numbers = [number for name in _chosen(fit, names) for number in _numbers(fit, name)][:PAIRS]
    count = len(numbers)
    made = figure(1.7 * max(count, 2), 1.7 * max(count, 2), None)
    made.subplots_adjust(0.11, 0.09, 0.98, 0.98, 0.32, 0.28)
    for i, down in enumerate(numbers):
        for j, across in enumerate(numbers[: i + 1]):
            axes = plain(made.add_subplot(count, count, i * count + j + 1))
            if i == j:
                axes.hist(down.draws, bins=30, color=BLUE, alpha=0.6)
                axes.set_yticks([])
            else:
                axes.plot(across.draws, down.draws, ".", color=BLUE, ms=2, alpha=0.25, mew=0)
            axes.tick_params(labelsize=6.5)
            axes.locator_params(axis="x", nbins=3)
            axes.set_xlabel(across.name if i == count - 1 else "", fontsize=8.5)
            axes.set_ylabel(down.name if j == 0 and i > 0 else "", fontsize=8.5)
    return made


def _numbers(fit: Fit, name: str) -> list[_Number]:
    quantity = fit[name]
    draws = np.asarray(quantity.draws(), float)
    draws = draws[:: max(1, len(draws) // POINTS)]
    axes = next(n.axes for n in fit.facts.quantities if n.name == name)
    places = list(np.ndindex(quantity.shape))[:PAIRS]
    return [_Number(label(name, axes, p), draws[(slice(None), *p)]) for p in places]


def elbo(fit: Fit, names: Sequence[str] | None = None) -> Figure:
    """Draw the ELBO after every iteration of the optimisers, and what each rung reached."""
    if names is not None:
        raise UsageError((USAGE("the ELBO belongs to the whole fit: leave out `names`"),))
    rungs = fit.inference.rungs
    if not rungs:
        raise UsageError((USAGE("the answer is exact: there was no ELBO to raise"),))
    found = climbing([(r.name, r.trace) for r in rungs])
    rows = [[2.8]] if found is None else [[2.8], [2.8]]
    made, (axes, *more) = grid(rows, max(3.6, 1.1 * len(rungs)))
    if found is not None:
        _iterations(more[0], found)
    places = np.arange(len(rungs))
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(GREY)
    axes.plot(places, [r.elbo for r in rungs], "o-", color=BLUE, markersize=5, linewidth=1.4)
    axes.set_xticks(places, [f"{r.name}\n{r.seconds:.2g} s" for r in rungs])
    axes.margins(x=0.15, y=0.2)
    titled(axes, "ELBO of each rung", y="nats")
    return made


def _iterations(axes: Axes, found: Climbing) -> None:
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(GREY)
    for k, (name, steps, heights) in enumerate(found.pieces):
        colour = (BLUE, GREY)[k % 2]
        axes.plot(steps, heights, ".-", color=colour, markersize=3, linewidth=1.4, label=name)
    axes.set_ylim(*found.ends)
    axes.legend(fontsize=7.5, frameon=False)
    titled(axes, "ELBO after every iteration", x="iteration", y="nats")


def _chosen(fit: Fit, names: Sequence[str] | None) -> list[str]:
    """Return the quantities to draw: those named, or all."""
    chosen = list(fit.names if names is None else [names] if isinstance(names, str) else names)
    for name in chosen:
        fit[name]
    if not chosen:
        raise UsageError((USAGE("the fit has no latent: there is nothing to draw"),))
    return chosen


KINDS: dict[str, Callable[[Fit, Sequence[str] | None], Figure]] = {
    "posterior": posterior,
    "predictive": predictive,
    "pairs": pairs,
    "elbo": elbo,
}
