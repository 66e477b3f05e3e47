"""What a report says, as plain values: the one record that the table and the JSON are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Verdict = Literal["exact", "good", "fair", "poor"]
Kind = Literal["latent", "deterministic", "predicted", "missing"]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a reported array.

    Attributes
    ----------
    name
        The dimension's name; empty for an axis without one.
    labels
        How the positions are called; None where they are numbers.
    first
        The number of the first position where there are no labels (1 for data declared `from 1`).
    """

    name: str = ""
    labels: tuple[str, ...] | None = None
    first: int = 0

    def label(self, position: int) -> str:
        """Return what a report calls an array position, which counts from 0."""
        return str(position + self.first) if self.labels is None else self.labels[position]


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """The posterior of one named quantity; the arrays have its shape, which `axes` describes.

    Attributes
    ----------
    mean, sd, q05, q50, q95
        Moments and quantiles, in the quantity's own unit.
    mcse, ess
        Monte Carlo standard error of the mean, in the same unit, and effective number of draws;
        NaN where they are not known, `mcse` 0 where the numbers are exact.
    kind
        Where it comes from: a `~` without data, an `=`, a `~` that data follow from, or a missing
        value of data.
    probabilities
        Of the states of a discrete latent, along a last axis; None for all else.
    """

    name: str
    axes: tuple[Axis, ...]
    mean: Array
    sd: Array
    q05: Array
    q50: Array
    q95: Array
    mcse: Array
    ess: Array
    kind: Kind = "latent"
    probabilities: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A learned parameter: its value, and its constraint in a word (``real``, ``positive``)."""

    name: str
    axes: tuple[Axis, ...]
    value: Array
    constraint: str = "real"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its Monte Carlo standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Bounds of positions that were held out, means over them in nats.

    Attributes
    ----------
    positions
        How many there are.
    elbo, importance_weighted
        The evidence lower bound, and the importance-weighted one with so many `draws`.
    """

    positions: int
    elbo: Estimate
    importance_weighted: Estimate
    draws: int


@dataclass(frozen=True, slots=True)
class Elbo:
    """The evidence lower bound in nats: `value` = `expected_log_likelihood` - `kl`."""

    value: float
    expected_log_likelihood: float
    kl: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Rung:
    """A method that was tried: its name, the ELBO it reached and the seconds it took.

    `trace` is the ELBO after every iteration of its optimiser, where it has one.
    """

    name: str
    elbo: float
    seconds: float
    trace: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Roles:
    """Which names play which part: each with a word about it, or an empty one."""

    observed: Mapping[str, str]
    latent: Mapping[str, str]
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A summary of observed data against those of replicates from the fitted model.

    Attributes
    ----------
    name, summary
        Which data, and which summary: ``mean``, ``sd``, ``min``, ``max``, ``share of zeros``.
    observed
        Of the data.
    replicated, spread
        Mean and standard deviation of the replicates' summaries.
    tail
        Share of the replicates where it is larger; equal ones count half.
    """

    name: str
    summary: str
    observed: float
    replicated: float
    spread: float
    tail: float


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """All that a report of one fit says.

    Attributes
    ----------
    version, model, seed
        Of the program, the model's file as the user named it, of all randomness.
    verdict, why, remedy
        One word, one sentence that gives the reason, and what to do (may be empty).
    rung
        The method whose numbers are reported.
    diagnostics
        Further figures by name, such as ``khat`` and ``gradients``; None where not known.
    compiled
        What the compiler did to the model, one phrase each.
    notes
        Sentences the reader should know.
    seconds
        Time by phase.
    checks
        Predictive checks of the data.
    held_out
        Bounds of held-out positions, in nats for each of them.
    """

    version: str
    model: str
    seed: int
    verdict: Verdict
    why: str
    remedy: str
    rung: str
    elbo: Elbo
    log_evidence: Estimate | None
    quantities: tuple[Quantity, ...]
    parameters: tuple[Parameter, ...]
    roles: Roles
    diagnostics: Mapping[str, float | None] = field(default_factory=dict)
    rungs: tuple[Rung, ...] = ()
    compiled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float | None] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    held_out: HeldOut | None = None
