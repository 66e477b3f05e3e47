"""Models with their data, and each a second time: its log joint written by hand for JAX.

A hand-written log joint is of one draw, in the unconstrained coordinates of the compiled model: it
gets the flat vector's parts by name (a learned or latent quantity's own name). So the two can be
compared number by number before they are timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CASES: dict[str, Case] = {}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model; building it makes it join the table.

    Attributes
    ----------
    text : the model
    data : makes the data, seeded, of the size that it is given
    size : the usual size
    on_jax : from `jax.numpy`'s module and data to a log joint of the parts of one draw
    bound : the ratio to JAX that is aimed at, at 16 to 64 draws
    """

    name: str
    text: str
    data: Callable[[int], dict[str, Any]]
    size: int
    on_jax: Callable[[dict[str, Any]], Callable[[dict[str, Any]], Any]]
    bound: float

    def __post_init__(self) -> None:
        CASES[self.name] = self


from benchmarks.speed.cases import hierarchies, regressions, series  # noqa: E402, F401
