"""A figure of Matplotlib's without its global state, in the looks of the report page."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from ppl.text import UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY, INK, RED = "#2f6db3", "#9aa4b2", "#333333", "#b3402f"
DPI = 110


def figure(width: float, height: float, layout: Literal["constrained"] | None) -> Figure:
    """Return an empty figure, in inches; notebooks show it.

    Raises
    ------
    UsageError
        If Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        help = "install it: `pip install 'ppl[plots]'`"
        raise UsageError(
            (USAGE("plots need Matplotlib, which is not installed", help=help),)
        ) from None
    made = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    made._repr_png_ = lambda: png(made)  # type: ignore[attr-defined]  # the notebook's door
    return made


def png(picture: Figure) -> bytes:
    """Return a figure as PNG."""
    content = BytesIO()
    picture.savefig(content, format="png")
    return content.getvalue()


def grid(rows: Sequence[Sequence[float]], width: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with rows of plots whose heights are given, in inches.

    A row is as high as its highest.
    """
    columns = max(map(len, rows))
    heights = [max(row) for row in rows]
    made = figure(width * columns, sum(heights), "constrained")
    places = made.add_gridspec(len(rows), columns, height_ratios=heights)
    cells = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    return made, [plain(made.add_subplot(places[cell])) for cell in cells]


def in_rows(heights: Sequence[float], columns: int) -> list[Sequence[float]]:
    """Return plots of these heights as rows of so many."""
    return [heights[k : k + columns] for k in range(0, len(heights), columns)]


def plain(axes: Axes) -> Axes:
    """Take away the frame but for the line at the bottom."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(colors="#555555", labelsize=8)
    axes.locator_params(axis="x", nbins=5)
    return axes


def titled(axes: Axes, title: str, **labels: Any) -> None:
    """Write a title at the left, and what the axes are."""
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.set_xlabel(labels.get("x", ""), fontsize=8.5, color="#555555")
    axes.set_ylabel(labels.get("y", ""), fontsize=8.5, color="#555555")
