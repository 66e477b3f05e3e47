"""Numbers as text: no digit is printed that the Monte Carlo error does not support."""

from __future__ import annotations

import math

_MOST_DECIMALS = 7
_LARGEST_FIXED = 1e7
_MOST_WITH_ERROR = 4
_QUANTILE_FACTOR = 2.1
"""Standard error of a 5 % quantile over that of the mean, for a normal distribution:
sqrt(p (1 - p)) / density at the quantile."""


def decimals(mcse: float, sd: float) -> int:
    """Return how many decimals a mean has; negative where not even its units are certain.

    One standard error is at most two units of the last digit; but the sd keeps at least one
    significant digit, and at most three.
    """
    scale = _exponent(sd)
    if scale is None:
        return 3
    if mcse == 0 or not math.isfinite(mcse):
        return 2 - scale
    return min(max(-math.ceil(math.log10(mcse / 2)), -scale), 2 - scale)


def quantile_decimals(mcse: float, sd: float) -> int:
    """Return how many decimals the 5 % and 95 % quantiles have."""
    return decimals(_QUANTILE_FACTOR * mcse, sd)


def fixed(value: float, places: int, scientific: bool | None = None) -> str:
    """Return a number with so many decimals, or with an exponent where that would be long."""
    if not math.isfinite(value):
        return str(value)
    if unwieldy(value, places) if scientific is None else scientific:
        exponent = _exponent(value) or 0
        return f"{value:.{max(places + exponent, 0)}e}" if value else "0"
    return f"{round(value, places) + 0.0:.{max(places, 0)}f}"


def unwieldy(value: float, places: int) -> bool:
    """Whether a number with so many decimals is better written with an exponent."""
    return places > _MOST_DECIMALS or abs(value) >= _LARGEST_FIXED


def significant(value: float, digits: int) -> str:
    """Return a number with so many significant digits; ``-`` where it is not known."""
    if not math.isfinite(value):
        return "-"
    exponent = _exponent(value)
    return "0" if exponent is None else fixed(value, digits - 1 - exponent)


def error_decimals(error: float) -> int:
    """Return how many decimals show a value to the digit where its standard error begins."""
    if not math.isfinite(error):
        return 2
    exponent = _exponent(error)
    return _MOST_WITH_ERROR if exponent is None else min(max(-exponent, 0), _MOST_WITH_ERROR)


def with_error(value: float, error: float) -> str:
    """Return a value to the digit where its standard error begins, with it: ``-3.21 ± 0.04``."""
    places = error_decimals(error)
    if not 10.0**-places <= 2 * error < math.inf:
        return fixed(value, places)
    return f"{fixed(value, places)} ± {fixed(error, places)}"


def duration(seconds: float) -> str:
    """Return seconds in words: ``12 ms``, ``0.34 s``, ``2 min 5 s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{significant(seconds, 2)} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _exponent(value: float) -> int | None:
    """Return the power of ten at or below a number; None for 0, NaN and infinities."""
    if value == 0 or not math.isfinite(value):
        return None
    return math.floor(math.log10(abs(value)))


def aligned(cells: list[str]) -> list[str]:
    """Pad the cells of a column so that their decimal points stand under each other."""
    heads = [_head(cell) for cell in cells]
    before = max(map(len, heads), default=0)
    padded = [
        head.rjust(before) + cell[len(head) :] for head, cell in zip(heads, cells, strict=True)
    ]
    width = max(map(len, padded), default=0)
    return [cell.ljust(width) for cell in padded]


def _head(cell: str) -> str:
    """Return what stands before the decimal point."""
    return cell.partition(".")[0] if "e" not in cell or "." in cell else cell.partition("e")[0]
