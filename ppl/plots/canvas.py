"""A figure of Matplotlib's without its global state, in the looks of the report page."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from ppl.text import UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY, INK, RED = "#2f6db3", "#9aa4b2", "#333333", "#b3402f"
DPI = 110


def figure(width: float, height: float) -> Figure:
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
    made = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    made._repr_png_ = lambda: png(made)  # type: ignore[attr-defined]  # the notebook's door
    return made


def png(picture: Figure) -> bytes:
    """Return a figure as PNG."""
    content = BytesIO()
    picture.savefig(content, format="png")
    return content.getvalue()


def grid(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many plots in rows."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    made = figure(size[0] * columns, size[1] * rows)
    return made, [plain(made.add_subplot(rows, columns, k + 1)) for k in range(count)]


def plain(axes: Axes) -> Axes:
    """Take away the frame but for the line at the bottom."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(colors="#555555", labelsize=8)
    return axes


def titled(axes: Axes, title: str, **labels: Any) -> None:
    """Write a title at the left, and what the axes are."""
    axes.set_title(title, loc="left", fontsize=10, fontweight="semibold", color=INK)
    axes.set_xlabel(labels.get("x", ""), fontsize=8.5, color="#555555")
    axes.set_ylabel(labels.get("y", ""), fontsize=8.5, color="#555555")
