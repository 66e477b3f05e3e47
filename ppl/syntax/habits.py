"""Habits from elsewhere."""

from __future__ import annotations

from ppl.syntax import tree
from ppl.text import Diagnostic, Span


def stan_bounds(target: tree.Comparison, value: tree.Expression, span: Span) -> Diagnostic | None:
    """Recognise ``real<lower=0> s``."""
    return None
