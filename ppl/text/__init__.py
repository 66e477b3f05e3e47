"""Source text with positions, and diagnostics as data: the lowest layer."""

from ppl.text.diagnostic import (
    KINDS,
    DataError,
    Diagnostic,
    Kind,
    Label,
    ModelError,
    PplError,
    UsageError,
)
from ppl.text.source import Source, Span

__all__ = [
    "KINDS",
    "DataError",
    "Diagnostic",
    "Kind",
    "Label",
    "ModelError",
    "PplError",
    "Source",
    "Span",
    "UsageError",
]
