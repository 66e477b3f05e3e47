"""What a case is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A model with its data."""

    name: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    table: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)


def case(name: str, text: str, table: bool = False, sizes: Any = None, **data: Any) -> Case:
    """Return a model with its data."""
    return Case(name, text, data, table, sizes or {})
