"""Amounts as one reads them, in diagnostics and notes."""

from __future__ import annotations


def in_bytes(count: float) -> str:
    """Return a number of bytes in words."""
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e6:.1g} MB"
