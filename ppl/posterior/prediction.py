"""What was drawn: arrays by name, with their axes, their table and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ppl.posterior.quantity import Quantity
from ppl.report import summary as reported
from ppl.report import table as report_table
from ppl.report.summary import Axis


@dataclass(frozen=True, eq=False)
class Prediction(Mapping[str, npt.NDArray[Any]]):
    """What was drawn: arrays by name with the draw axis first.

    Attributes
    ----------
    arrays
        By name, (draws, ...).
    axes
        The axes of each, without the draws, with their labels.
    notes
        What is new, and what else the user should know.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    axes: Mapping[str, tuple[Axis, ...]]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def quantity(self, name: str) -> Quantity:
        """Return moments and quantiles of one of the arrays."""
        values = self.arrays[name]
        weights = np.full(len(values), 1 / len(values))
        return Quantity(name, values, weights, lambda: values)

    def report(self) -> tuple[reported.Quantity, ...]:
        """Return what tables show."""
        return tuple(_reported(self.quantity(name), self.axes[name]) for name in self.arrays)

    def __str__(self) -> str:
        notes = "\n".join(f"note: {note}" for note in self.notes)
        table = report_table.quantities(self.report(), report_table.Style())
        return "\n\n".join(part for part in (table, notes) if part)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in self.arrays.items())
        return f"<Prediction: {shapes}>"


def _reported(quantity: Quantity, axes: tuple[Axis, ...]) -> reported.Quantity:
    return reported.Quantity(
        quantity.name,
        axes,
        quantity.mean,
        quantity.sd,
        quantity.quantile(0.05),
        quantity.quantile(0.5),
        quantity.quantile(0.95),
        quantity.mcse,
        quantity.ess,
        "predicted",
    )
