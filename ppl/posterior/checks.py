"""Predictive checks of a fit: few summaries of the data against those of replicates.

Far off means that either the answer is wrong, as in a mode that the data reject, or the model is.
Extremes and zeros speak of the model alone, and become notes; a mean or a standard deviation that
no replicate comes near lowers the verdict. A closed form cannot be wrong: there all are notes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Factor
from ppl.inference.verdict import Verdict
from ppl.posterior.simulate import replicate_few
from ppl.report.numbers import significant
from ppl.report.summary import Check
from ppl.text import PplError

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]

REPLICATES, FEWEST, ENTRIES = 100, 20, 2**17
"""How many replicates; fewer where the data are large, and none where they would be too few."""
FAR = 8.0
"""Standard deviations of the replicates' summary, beyond all of them, that are told."""
MEAN_OFF, SD_OFF, ABSURD = 0.5, 2.0, 20.0
"""Such a mean must be off by that many sds of the data, or an sd by that factor, to lower the
verdict; by many times as much, and it is poor."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """Observed numbers (n,) and their replicates (draws, n)."""

    name: str
    observed: Array
    replicated: Array


def checked(fit: Fit) -> Fit:
    """Return the fit with its predictive checks, and the verdict that they leave."""
    compared = _compared(fit)
    found = {one.name: _checks(one) for one in compared}
    verdict = _learned_from_something(fit.joint.bound, fit.inference.verdict)
    notes = list(fit.inference.notes)
    for name, checks in found.items():
        far = [check for check in checks if is_far(check)]
        if far:
            told = "; ".join(map(_phrase, far))
            notes.append(f"`{name}` is unlike what the fitted model makes: {told}.")
        if fit.inference.source != "exact":
            verdict = _lowered(verdict, name, _off(checks))
    inference = replace(fit.inference, verdict=verdict, notes=tuple(notes))
    every = tuple(check for checks in found.values() for check in checks)
    return replace(fit, inference=inference, checks=every)


def _learned_from_something(bound: BoundGraph, verdict: Verdict) -> Verdict:
    """Lower the verdict where learned parameters are chosen by nothing."""
    factors = any(isinstance(piece, Factor) for piece in bound.graph.pieces)
    if not bound.parameters or bound.observed or factors:
        return verdict
    return verdict.lower(
        "poor",
        "Nothing is observed, so the learned parameters are arbitrary.",
        "Give data that depend on them.",
    )


def is_far(check: Check) -> bool:
    """Return whether no replicate comes near what was observed."""
    outside = check.tail in (0.0, 1.0)
    return outside and abs(check.observed - check.replicated) > FAR * check.spread


def _compared(fit: Fit) -> list[_Compared]:
    bound = fit.joint.bound.as_written
    sizes = {n: int(v.size) for n, v in bound.data.items() if bound.samples(n)}
    total = sum(sizes.values())
    count = min(REPLICATES, ENTRIES // max(total, 1))
    if count < FEWEST or not len(fit.inference.draws):
        return []
    try:
        arrays = replicate_few(fit, count)
    except PplError:
        return []
    found = []
    for name in sizes:
        if name not in arrays:
            continue
        known = np.ravel(bound.data[name]).astype(float)
        made = np.asarray(arrays[name], dtype=float).reshape(count, -1)
        present = _present(fit, name)
        if present is not None:
            known, made = known[present], made[:, present]
        if known.size > 1 and np.isfinite(made).all():
            found.append(_Compared(name, known, made))
    return found


def _present(fit: Fit, name: str) -> npt.NDArray[np.bool_] | None:
    """Return which of a name's values are there (n,); None where all are."""
    bound = fit.joint.bound
    if name in bound.missing:
        return ~np.ravel(bound.missing[name])
    marks = bound.data.get(f"{name}.present")
    return None if marks is None else np.ravel(marks) > 0


def _checks(one: _Compared) -> tuple[Check, ...]:
    summaries: dict[str, Any] = {"mean": np.mean, "sd": np.std, "min": np.min, "max": np.max}
    if np.all(one.observed == np.floor(one.observed)) and np.any(one.replicated == 0):
        summaries["share of zeros"] = lambda x, axis: np.mean(x == 0, axis=axis)
    found = []
    for summary, function in summaries.items():
        own = float(function(one.observed, axis=0))
        made = np.asarray(function(one.replicated, axis=1), dtype=float)
        tail = float(np.mean(made > own) + 0.5 * np.mean(made == own))
        found.append(Check(one.name, summary, own, float(np.mean(made)), float(np.std(made)), tail))
    return tuple(found)


def _off(checks: tuple[Check, ...]) -> float:
    """Return how far mean and sd are off, in units of what lowers the verdict."""
    mean, sd = checks[0], checks[1]
    off = 0.0
    if is_far(mean):
        off = abs(mean.observed - mean.replicated) / max(sd.observed, 1e-300) / MEAN_OFF
    if is_far(sd):
        ratio = max(sd.observed, 1e-300) / max(sd.replicated, 1e-300)
        off = max(off, max(ratio, 1 / ratio) / SD_OFF)
    return off


def _lowered(verdict: Verdict, name: str, off: float) -> Verdict:
    if off <= 1.0:
        return verdict
    return verdict.lower(
        "poor" if off > ABSURD else "fair",
        f"No replicate of `{name}` has a mean and a standard deviation like the data's: the model "
        "does not describe them, or the answer is not its posterior.",
        "Look at the predictive check in the report, and at the distribution of the data.",
    )


def _phrase(check: Check) -> str:
    own, made, spread = (
        significant(x, 3) for x in (check.observed, check.replicated, check.spread)
    )
    return f"{check.summary} {own}, not {made} ± {spread}"
