"""What is allowed, and yet is hardly ever meant."""

from __future__ import annotations

import re

from ppl.distributions.record import Distribution
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value
from ppl.graph.expressions import Reader

SQUARE = re.compile(r"\w+(\[[^]]*\])?\s*\^\s*2|\w*²(\[.*\])?|square\(.*\)")
VARIANCE = re.compile(r"(\w+_)?(var|variance)(\[.*\])?", re.IGNORECASE)
PRECISION = re.compile(r"(\w+_)?(prec|precision)(\[.*\])?", re.IGNORECASE)
STANDARD_DEVIATIONS = frozenset(("Normal", "HalfNormal", "LogNormal"))
"""Distributions whose `sigma` is a standard deviation, and often a variance elsewhere."""


def suspect_scale(reader: Reader, record: Distribution, parameter: str, value: Value) -> None:
    """Warn of a variance or a precision where a standard deviation stands."""
    if record.name not in STANDARD_DEVIATIONS or parameter != "sigma" or value.span is None:
        return
    text = reader.names.text(value.span)
    if SQUARE.fullmatch(text) or VARIANCE.fullmatch(text):
        what, help = "variance", f"if `{text}` is a variance, write `sqrt({text})`"
        root = re.fullmatch(r"(.*\S)\s*\^\s*2", text)
        if root:
            help = f"if `{root[1]}` is the standard deviation, write `{root[1]}`"
    elif PRECISION.fullmatch(text):
        what = "precision"
        keyword = any("precision" in a.parameters for a in record.alternatives)
        way = f"precision = {text}" if keyword else f"1 / sqrt({text})"
        help = f"if `{text}` is a precision, write `{way}`"
    else:
        return
    reader.diagnostics.append(
        kinds.SCALE(
            f"`{record.name}` takes a standard deviation, and `{text}` looks like a {what}",
            value.span,
            help=help,
        )
    )
