"""Further plots of the report page: numbers against each other, the ELBO of the climb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ppl.report.plots import BLUE, GREY, INK, padded, ticks
from ppl.report.summary import Array, Rung

WIDTH, HEIGHT = 240.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 12.0, 36.0
POINTS = 300
"""Draws that are shown."""


def dependences(columns: Sequence[tuple[str, Array]], count: int) -> list[tuple[int, int]]:
    """Return the pairs of columns that depend on each other most, by rank correlation.

    Parameters
    ----------
    columns
        Names and draws (n,).
    count
        How many pairs at most; those below 0.2 are left out.
    """
    ranks = [np.argsort(np.argsort(draws)).astype(float) for _, draws in columns]
    moving = [k for k, (_, draws) in enumerate(columns) if np.ptp(draws) > 0]
    found = [
        (abs(float(np.corrcoef(ranks[i], ranks[j])[0, 1])), j, i)
        for i in moving
        for j in moving
        if j < i
    ]
    strongest = sorted((f for f in found if f[0] >= 0.2), key=lambda f: (-f[0], f[1:]))
    return [(j, i) for _, j, i in strongest[:count]]


def scatter(across: tuple[str, Array], up: tuple[str, Array]) -> str:
    """Return draws of two numbers against each other."""
    every = max(1, len(across[1]) // POINTS)
    x, y = across[1][::every][:POINTS], up[1][::every][:POINTS]
    wide, tall = padded(float(x.min()), float(x.max())), padded(float(y.min()), float(y.max()))
    places = zip(
        _scaled(x, wide, LEFT, WIDTH - RIGHT), _scaled(y, tall, HEIGHT - BOTTOM, TOP), strict=True
    )
    points = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in places)
    body = [
        f'<path d="{points}" stroke="{BLUE}" stroke-width="3.2" stroke-linecap="round" '
        'stroke-opacity="0.4" fill="none"/>',
        *_across(wide),
        *_up(tall),
        _text(f"{(LEFT + WIDTH - RIGHT) / 2:.1f}", f"{HEIGHT - 4:.1f}", across[0], "middle"),
        f'<text transform="translate(11 {(TOP + HEIGHT - BOTTOM) / 2:.1f}) rotate(-90)" '
        f'text-anchor="middle" font-size="12" fill="{INK}">{escape(up[0])}</text>',
    ]
    return _svg(f"{up[0]} against {across[0]}", WIDTH, body)


def ladder(rungs: Sequence[Rung]) -> str:
    """Return the ELBO, in nats, that each rung reached; empty where there are fewer than two."""
    heights = np.array([r.elbo for r in rungs])
    if len(rungs) < 2 or not np.all(np.isfinite(heights)):
        return ""
    width = LEFT + RIGHT + 40 + 88.0 * len(rungs)
    x = LEFT + 50 + 88.0 * np.arange(len(rungs))
    tall = padded(float(heights.min()), float(heights.max()))
    y = _scaled(heights, tall, HEIGHT - BOTTOM, TOP + 12)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    body = [
        f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>',
        *_up(tall, TOP + 12),
    ]
    for a, b, rung in zip(x, y, rungs, strict=True):
        body.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{BLUE}"/>')
        body.append(_text(f"{a:.1f}", f"{HEIGHT - 18:.1f}", rung.name, "middle"))
        body.append(_text(f"{a:.1f}", f"{HEIGHT - 4:.1f}", f"{rung.seconds:.2f} s", "middle"))
    body.append(_text("4", f"{TOP}", "ELBO (nats)", "start"))
    return _svg("ELBO of each rung", width, body)


@dataclass(frozen=True, slots=True, eq=False)
class Climbing:
    """The ELBO of all iterations, one rung after another.

    Attributes
    ----------
    names, starts
        Of the rungs that optimise, and the iteration before the first of each.
    heights
        In nats, (n,); what is not finite is at the lower end.
    ends
        What is to be shown of them: the first iterations start far below.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    heights: Array
    ends: tuple[float, float]

    @property
    def pieces(self) -> Iterator[tuple[str, Array, Array]]:
        """For each rung its name, its iterations counted over all rungs, and their heights."""
        stops = (*self.starts[1:], self.heights.size)
        for name, start, stop in zip(self.names, self.starts, stops, strict=True):
            yield name, np.arange(start, stop) + 1.0, self.heights[start:stop]


def climbing(rungs: Sequence[tuple[str, Sequence[float]]]) -> Climbing | None:
    """Put the traces of rungs, by name, one after another; None where there are too few points."""
    optimised = [(name, trace) for name, trace in rungs if trace]
    heights = np.array([value for _, trace in optimised for value in trace])
    finite = heights[np.isfinite(heights)]
    if finite.size < 2:
        return None
    top, middle = float(finite.max()), float(np.median(finite))
    low = max(float(finite.min()), top - max(6 * (top - middle), 2.0))
    starts = np.cumsum([0, *(len(trace) for _, trace in optimised[:-1])])
    return Climbing(
        tuple(name for name, _ in optimised),
        tuple(map(int, starts)),
        np.where(np.isfinite(heights), heights, low),
        padded(low, top),
    )


def iterations(rungs: Sequence[Rung]) -> str:
    """Return the ELBO, in nats, after every iteration; empty where nothing is optimised."""
    found = climbing([(r.name, r.trace) for r in rungs])
    if found is None:
        return ""
    width = 420.0
    across = (0.5, found.heights.size + 0.5)
    body = [*_up(found.ends, TOP + 12)]
    for k, (name, steps, heights) in enumerate(found.pieces):
        x = _scaled(steps, across, LEFT, width - RIGHT)
        y = _scaled(np.maximum(heights, found.ends[0]), found.ends, HEIGHT - BOTTOM, TOP + 12)
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        colour = (BLUE, INK)[k % 2]
        body.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
            f'<circle cx="{x[-1]:.1f}" cy="{y[-1]:.1f}" r="3" fill="{colour}"/>'
        )
        body.append(_text(f"{(x[0] + x[-1]) / 2:.1f}", f"{HEIGHT - 18:.1f}", name, "middle", 11))
    count = f"{found.heights.size:,} iterations"
    body.append(_text(f"{(LEFT + width - RIGHT) / 2:.1f}", f"{HEIGHT - 4:.1f}", count, "middle"))
    body.append(_text("4", f"{TOP}", "ELBO (nats)", "start"))
    return _svg("ELBO after every iteration", width, body)


def _scaled(values: Array, ends: tuple[float, float], first: float, last: float) -> Array:
    return first + (values - ends[0]) / (ends[1] - ends[0]) * (last - first)


def _across(ends: tuple[float, float]) -> list[str]:
    marks = np.array(ticks(*ends, 4))
    base = HEIGHT - BOTTOM
    lines = [f'<path d="M{LEFT} {base}H{WIDTH - RIGHT}" stroke="{GREY}"/>']
    for value, x in zip(marks, _scaled(marks, ends, LEFT, WIDTH - RIGHT), strict=True):
        lines.append(f'<path d="M{x:.1f} {base}v4" stroke="{GREY}"/>')
        lines.append(_text(f"{x:.1f}", f"{base + 15}", f"{value:.6g}", "middle", 10))
    return lines


def _up(ends: tuple[float, float], top: float = TOP) -> list[str]:
    marks = np.array(ticks(*ends, 4))
    return [
        _text(f"{LEFT - 5}", f"{y + 3.5:.1f}", f"{value:.6g}", "end", 10)
        for value, y in zip(marks, _scaled(marks, ends, HEIGHT - BOTTOM, top), strict=True)
    ]


def _text(x: str, y: str, text: str, anchor: str, size: int = 12) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">'
        f"{escape(text)}</text>"
    )


def _svg(title: str, width: float, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {HEIGHT:.0f}" '
        f'width="{width:.0f}" role="img" font-family="Helvetica, Arial, sans-serif">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )
