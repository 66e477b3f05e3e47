"""Reference answers of posteriordb, and how far an answer lies from one.

Each posterior is a folder with `data.json` and `reference.json`: mean and sd of every quantity
from 10,000 draws of long, checked chains (https://github.com/stan-dev/posteriordb).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NES = (
    *("b_0", "b_ideo", "b_race", "b_age[1]", "b_age[2]", "b_age[3]"),
    *("b_educ", "b_gender", "b_income"),
)
WORK = ("baseline", "effect[1]", "effect[2]", "effect[3]")
LINE = ("intercept", "slope")
SEVEN = tuple(f"b_{n}" for n in range(7))
ROWS = {"theta1": ("theta[0]",), "theta2": ("theta[1]",)}

NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bball_drive_event_0-hmm_drive_0": ROWS,
    "earnings-earn_height": {"beta": LINE},
    "earnings-log10earn_height": {"beta": LINE},
    "earnings-logearn_interaction": {"beta": ("b_0", "b_height", "b_male", "b_height_male")},
    "hmm_example-hmm_example": ROWS,
    "kidiq-kidscore_interaction": {"beta": ("b_0", "b_hs", "b_iq", "b_hs_iq")},
    "kidiq-kidscore_momiq": {"beta": LINE},
    "kidiq_with_mom_work-kidscore_mom_work": {"beta": WORK},
    "mesquite-logmesquite_logvas": {"beta": SEVEN},
    "mesquite-mesquite": {"beta": SEVEN},
    "nes1976-nes": {"beta": NES},
    "nes2000-nes": {"beta": NES},
}
"""Posterior → quantity of the reference → ours that make it up; the others bear the same name."""

ACCURATE = (0.1, 0.9, 1.1)
USABLE = (0.3, 0.8, 1.25)


@dataclass(frozen=True, slots=True)
class Distance:
    """The worst over all quantities of a posterior.

    Attributes
    ----------
    error
        Of a mean, in reference standard deviations.
    smallest, largest
        Standard deviation over the reference's.
    """

    error: float
    smallest: float
    largest: float

    @property
    def accurate(self) -> bool:
        """Whether it is as good as the reference, for all that matters."""
        return self._within(*ACCURATE)

    @property
    def usable(self) -> bool:
        """Whether no conclusion would change much."""
        return self._within(*USABLE)

    def _within(self, error: float, smallest: float, largest: float) -> bool:
        return self.error < error and self.smallest >= smallest and self.largest <= largest


def posteriors(folder: Path) -> list[str]:
    """Return the posteriors whose data and reference are there, by name."""
    return sorted(p.parent.name for p in folder.glob("*/reference.json"))


def distance(folder: Path, posterior: str, answer: Mapping[str, Any]) -> Distance:
    """Compare an answer's quantities, as the command's JSON has them, with the reference."""
    reference = json.loads((folder / posterior / "reference.json").read_text())
    names = NAMES.get(posterior, {})
    errors, ratios = [], []
    for quantity, known in reference.items():
        if not isinstance(known, dict) or "mean" not in known:
            continue
        mean, sd = np.ravel(known["mean"]), np.ravel(known["sd"])
        ours = names.get(quantity, (quantity,))
        errors.append(np.abs(_values(answer, ours, "mean") - mean) / sd)
        ratios.append(_values(answer, ours, "sd") / sd)
    error, ratio = np.concatenate(errors), np.concatenate(ratios)
    if not (np.isfinite(error).all() and np.isfinite(ratio).all()):
        return Distance(np.inf, 0.0, np.inf)
    return Distance(float(error.max()), float(ratio.min()), float(ratio.max()))


def _values(answer: Mapping[str, Any], names: tuple[str, ...], statistic: str) -> Array:
    """Return a statistic of several quantities, or of parts of them (`theta[0]`), end to end."""
    found = []
    for name in names:
        base, _, place = name.partition("[")
        values = np.asarray(answer[base][statistic], dtype=np.float64)
        found.append(np.ravel(values[int(place[:-1])] if place else values))
    return np.concatenate(found)
