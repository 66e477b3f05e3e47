"""Plots as SVG texts of our own: densities, intervals, predictive checks. No library is needed.

Every function returns one `<svg>` that scales with the page and takes its colours from the page's
style sheet, or from its own defaults where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from ppl.report.numbers import significant
from ppl.report.summary import Array

Scale = Callable[[Array], Array]
WIDTH, HEIGHT = 360.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 12.0, 12.0, 24.0, 26.0
GRID = 200
BINS = 30
"""Whole numbers that spread no farther than this are shown as counts."""
SHOWN_REPLICATES = 40
PILED = 0.03
"""Weight within a bandwidth of an end, above which the values pile up there."""
BLUE, GREY, INK, RED = "#2f6db3", "#9aa4b2", "#333", "#b3402f"


def density(title: str, values: Array, weights: Array, interval: tuple[float, float]) -> str:
    """Return the posterior of one number: its density, with the central 90 % filled.

    Parameters
    ----------
    title
        What stands above.
    values, weights
        Draws (S,) and their normalised weights.
    interval
        The 5 and the 95 % quantile.
    """
    values = np.asarray(values, dtype=float)
    if is_count(values):
        return _bars(title, values, weights)
    low, high = shown_range(values, weights)
    grid = np.linspace(low, high, GRID)
    heights = smoothed(values, weights, grid, mirrored=True)
    x, y = _scales((low, high), (0.0, float(heights.max()) * 1.05 or 1.0))
    inside = (grid >= interval[0]) & (grid <= interval[1])
    curve = _points(x(grid), y(heights))
    parts = [_line(curve, BLUE, 1.8)]
    if inside.any():
        area = _points(x(grid[inside]), y(heights[inside]))
        base = y(np.zeros(1))[0]
        first, last = x(grid[inside])[0], x(grid[inside])[-1]
        path = f"{first:.1f},{base:.1f} {area} {last:.1f},{base:.1f}"
        parts.insert(0, f'<polygon points="{path}" fill="{BLUE}" fill-opacity="0.22"/>')
    return _framed(title, parts, (low, high))


def smoothed(values: Array, weights: Array, grid: Array, mirrored: bool = False) -> Array:
    """Return a kernel density estimate on an even grid; the bandwidth is Silverman's.

    With `mirrored`, kernels are mirrored at an end where the values pile up, as positive ones may
    near 0.
    Silverman (1986), "Density Estimation", equation 3.31 and section 2.10.
    """
    step = float(grid[1] - grid[0])
    width = max(_bandwidth(values, weights), step)
    every, mass = values, weights
    for end in (float(values.min()), float(values.max())):
        if mirrored and weights[np.abs(values - end) < width].sum() > PILED:
            every = np.concatenate([every, 2 * end - values])
            mass = np.concatenate([mass, weights])
    pad = int(np.ceil(4 * width / step))
    edges = grid[0] + step * (np.arange(-pad, len(grid) + pad + 1) - 0.5)
    counts, _ = np.histogram(every, bins=edges, weights=mass)
    reach = np.arange(-pad, pad + 1) * step / width
    kernel = np.exp(-0.5 * reach**2) / (width * np.sqrt(2 * np.pi))
    heights = np.convolve(counts, kernel, mode="valid")
    outside = (grid < values.min() - step / 2) | (grid > values.max() + step / 2)
    return np.where(outside & (len(every) > len(values)), 0.0, heights)


def _bandwidth(values: Array, weights: Array) -> float:
    mean = np.sum(weights * values)
    sd = float(np.sqrt(max(np.sum(weights * (values - mean) ** 2), 0.0)))
    order = np.argsort(values)
    quartiles = np.interp((0.25, 0.75), np.cumsum(weights[order]), values[order])
    spread = min(sd, float(quartiles[1] - quartiles[0]) / 1.34) or sd or 1.0
    return float(0.9 * spread * np.sum(weights**2) ** 0.2)


def is_count(values: Array) -> bool:
    """Return whether values are whole numbers that lie close together."""
    return bool(np.all(values == np.floor(values)) and np.ptp(values) <= BINS)


def _bars(title: str, values: Array, weights: Array) -> str:
    found, inverse = np.unique(values, return_inverse=True)
    mass = np.bincount(inverse.ravel(), weights)
    low, high = float(found.min()) - 0.7, float(found.max()) + 0.7
    x, y = _scales((low, high), (0.0, float(mass.max()) * 1.05))
    wide = min(24.0, 0.7 * (x(np.array([1.0]))[0] - x(np.array([0.0]))[0]))
    parts = [
        f'<rect x="{a - wide / 2:.1f}" y="{b:.1f}" width="{wide:.1f}" '
        f'height="{HEIGHT - BOTTOM - b:.1f}" fill="{BLUE}" fill-opacity="0.6"/>'
        for a, b in zip(x(found), y(mass), strict=True)
    ]
    return _framed(title, parts, (low, high))


def intervals(title: str, labels: Sequence[str], q05: Array, q50: Array, q95: Array) -> str:
    """Return one line for each number: its median and its central 90 %."""
    row, left = 18.0, 12.0 + 7.2 * max(map(len, labels), default=0)
    height = TOP + row * len(labels) + BOTTOM
    width = max(WIDTH, left + 240.0)
    low, high = padded(float(np.nanmin(q05)), float(np.nanmax(q95)))
    scale = (width - left - RIGHT) / (high - low)
    parts = []
    if low < 0 < high:
        zero = left - low * scale
        parts.append(
            f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{TOP}" y2="{height - BOTTOM:.1f}" '
            f'stroke="{GREY}" stroke-dasharray="3 3"/>'
        )
    for k, label in enumerate(labels):
        y = TOP + row * (k + 0.5)
        a, m, b = (left + (float(q[k]) - low) * scale for q in (q05, q50, q95))
        parts.append(
            f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end" font-size="12" '
            f'fill="{INK}">{escape(label)}</text>'
        )
        parts.append(
            f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{BLUE}" '
            'stroke-width="2.5" stroke-linecap="round"/>'
        )
        parts.append(f'<circle cx="{m:.1f}" cy="{y:.1f}" r="4" fill="{BLUE}"/>')
    return _framed(title, parts, (low, high), (width, height), left)


def predictive(title: str, observed: Array, replicates: Array) -> str:
    """Return a predictive check: the density of the data over those of replicates.

    Parameters
    ----------
    observed
        The data, flat (N,).
    replicates
        Draws of data like them, (draws, N); NaN where no statement speaks of a position.
    """
    known = np.isfinite(observed) & np.isfinite(replicates).all(axis=0)
    observed, replicates = observed[known], replicates[:, known]
    shown = replicates[:: max(1, len(replicates) // SHOWN_REPLICATES)][:SHOWN_REPLICATES]
    low, high = padded(
        float(min(observed.min(), np.quantile(shown, 0.005))),
        float(max(observed.max(), np.quantile(shown, 0.995))),
    )
    if is_count(observed) and is_count(shown):
        return _counts(title, observed, replicates)
    grid = np.linspace(low, high, GRID)
    even = np.full(observed.size, 1 / observed.size)
    curves = [smoothed(r, even, grid) for r in shown]
    own = smoothed(observed, even, grid)
    x, y = _scales((low, high), (0.0, 1.05 * float(max(own.max(), *(c.max() for c in curves)))))
    parts = [_line(_points(x(grid), y(c)), GREY, 0.8, 0.5) for c in curves]
    parts.append(_line(_points(x(grid), y(own)), RED, 2.2))
    return _framed(title, parts, (low, high))


def _counts(title: str, observed: Array, replicates: Array) -> str:
    """Return a predictive check of counts: bars of the data, intervals of the replicates."""
    values = np.arange(observed.min(), observed.max() + 1)
    own = np.array([np.mean(observed == v) for v in values])
    each = np.stack([(replicates == v).mean(axis=1) for v in values], axis=1)
    q05, q50, q95 = np.quantile(each, (0.05, 0.5, 0.95), axis=0)
    low, high = float(values[0]) - 0.7, float(values[-1]) + 0.7
    x, y = _scales((low, high), (0.0, 1.1 * float(max(own.max(), q95.max()))))
    wide = min(24.0, 0.6 * (x(np.array([1.0]))[0] - x(np.array([0.0]))[0]))
    parts = []
    for v, o, a, m, b in zip(x(values), y(own), y(q05), y(q50), y(q95), strict=True):
        parts.append(
            f'<rect x="{v - wide / 2:.1f}" y="{o:.1f}" width="{wide:.1f}" '
            f'height="{HEIGHT - BOTTOM - o:.1f}" fill="{RED}" fill-opacity="0.35"/>'
        )
        parts.append(
            f'<line x1="{v:.1f}" x2="{v:.1f}" y1="{a:.1f}" y2="{b:.1f}" stroke="{INK}" '
            'stroke-width="2"/>'
        )
        parts.append(f'<circle cx="{v:.1f}" cy="{m:.1f}" r="3.2" fill="{INK}"/>')
    return _framed(title, parts, (low, high))


# ---------------------------------------------------------------------------------------- pieces


def shown_range(values: Array, weights: Array) -> tuple[float, float]:
    """Return what to show of a distribution: all but its farthest tails."""
    order = np.argsort(values)
    mass = np.cumsum(weights[order])
    low, high = np.interp((0.002, 0.998), mass, values[order])
    return padded(float(low), float(high))


def padded(low: float, high: float) -> tuple[float, float]:
    """Return an interval with a margin."""
    pad = 0.05 * (high - low) or max(abs(low), 1.0) * 0.1
    return low - pad, high + pad


def _scales(across: tuple[float, float], up: tuple[float, float]) -> tuple[Scale, Scale]:
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(values: Array) -> Array:
        return LEFT + (np.asarray(values, float) - across[0]) / (across[1] - across[0]) * wide

    def y(values: Array) -> Array:
        return HEIGHT - BOTTOM - (np.asarray(values, float) - up[0]) / (up[1] - up[0]) * tall

    return x, y


def _points(x: Array, y: Array) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _line(points: str, colour: str, width: float, opacity: float = 1.0) -> str:
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-opacity="{opacity}" stroke-linejoin="round"/>'
    )


def _framed(
    title: str,
    parts: Sequence[str],
    across: tuple[float, float],
    size: tuple[float, float] = (WIDTH, HEIGHT),
    left: float = LEFT,
) -> str:
    width, height = size
    bottom = height - BOTTOM
    axis = [
        f'<line x1="{left:.1f}" x2="{width - RIGHT:.1f}" y1="{bottom:.1f}" y2="{bottom:.1f}" '
        f'stroke="{GREY}"/>'
    ]
    for value in ticks(*across):
        x = left + (value - across[0]) / (across[1] - across[0]) * (width - left - RIGHT)
        axis.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{bottom + 4:.1f}" '
            f'stroke="{GREY}"/>'
            f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle" font-size="11" '
            f'fill="#555">{_number(value)}</text>'
        )
    head = (
        f'<text x="{LEFT}" y="15" font-size="13" font-weight="600" fill="{INK}">'
        f"{escape(title)}</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" role="img" font-family="Helvetica, Arial, sans-serif">'
        f"<title>{escape(title)}</title>{head}{''.join(axis)}{''.join(parts)}</svg>"
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers between two, about as many as asked for."""
    rough = (high - low) / count
    if not np.isfinite(rough) or rough <= 0:
        return []
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough)
    first = int(np.ceil(low / step))
    return [k * step for k in range(first, int(np.floor(high / step)) + 1)]


def _number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:g}" if 1e-4 <= abs(value) < 1e6 else significant(value, 2)
