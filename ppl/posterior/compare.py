"""Models of the same data side by side: log evidence, leave-one-out, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.posterior.loo import TRUSTED, Loo, loo
from ppl.report.numbers import aligned, with_error
from ppl.text import PplError, UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One model's figures.

    Attributes
    ----------
    name
        Of the model.
    fit
        Its fit.
    loo
        Leave-one-out; None where it cannot be had.
    difference, difference_error
        Its elpd minus that of the best model, with the standard error of the difference.
    """

    name: str
    fit: Fit
    loo: Loo | None
    difference: float | None = None
    difference_error: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Models, the best by leave-one-out first, and what stands against comparing them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n\n".join(part for part in (_table(self.rows), *map(_note, self.notes)) if part)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return {"models": [_json(row) for row in self.rows], "notes": list(self.notes)}


def compare(fits: Mapping[str, Fit]) -> Comparison:
    """Compare fits of the same observations.

    Raises
    ------
    UsageError
        If there are fewer than two.
    """
    if len(fits) < 2:
        raise UsageError((USAGE("a comparison needs two models or more"),))
    found = [Row(name, fit, _loo(fit)) for name, fit in fits.items()]
    notes = _against(found)
    alike = not any("observe" in note for note in notes)
    with_loo = [r for r in found if r.loo is not None]
    if alike and len(with_loo) > 1:
        best = max(with_loo, key=lambda r: r.loo.elpd if r.loo else -np.inf).loo
        assert best is not None
        found = [_beside(row, best) for row in found]
        found.sort(key=lambda r: -(r.loo.elpd if r.loo else -np.inf))
    return Comparison(tuple(found), tuple(notes))


def _loo(fit: Fit) -> Loo | None:
    try:
        return loo(fit)
    except PplError:
        return None


def _beside(row: Row, best: Loo) -> Row:
    if row.loo is None:
        return row
    parts = row.loo.pointwise - best.pointwise
    error = float(np.sqrt(len(parts) * np.var(parts, ddof=1))) if len(parts) > 1 else np.nan
    return Row(row.name, row.fit, row.loo, float(parts.sum()), error)


def _against(rows: Sequence[Row]) -> list[str]:
    """Return what a reader must know before comparing."""
    notes = []
    seen = {row.name: _observed(row.fit) for row in rows}
    if len(set(seen.values())) > 1:
        each = "; ".join(
            f"{name}: {', '.join(f'{n} ({size})' for n, size in what)}"
            for name, what in seen.items()
        )
        notes.append(f"the models observe different data, so nothing can be compared ({each})")
    elif len({_values(row.fit) for row in rows}) > 1:
        names = ", ".join(f"`{n}`" for n, _ in seen[rows[0].name])
        notes.append(f"the models observe other values of {names}, so nothing can be compared")
    for row in rows:
        if row.fit.verdict == "poor":
            notes.append(f"the fit of {row.name} is poor, and its figures with it: {row.fit.why}")
        if row.fit.log_evidence is None:
            notes.append(f"{row.name} has no log evidence that can be trusted; the ELBO is a bound")
        if row.loo is not None and row.loo.doubtful:
            notes.append(
                f"leave-one-out of {row.name} cannot be trusted for {row.loo.doubtful} of the "
                f"{len(row.loo.pointwise)} observations: each moves the posterior too much "
                f"(k-hat above {TRUSTED})"
            )
        if row.fit.parameters:
            notes.append(
                f"{row.name} has learned parameters: its evidence is at their best values, without "
                "a price for them"
            )
    return notes


def _observed(fit: Fit) -> tuple[tuple[str, int], ...]:
    bound = fit.joint.bound
    return tuple(sorted((n, int(v.size)) for n, v in bound.data.items() if bound.samples(n)))


def _values(fit: Fit) -> str:
    """Return a hash of what a model observes."""
    bound, found = fit.joint.bound, sha256()
    for name, _ in _observed(fit):
        found.update(np.ascontiguousarray(bound.data[name], dtype=float).data)
    return found.hexdigest()


def _table(rows: Sequence[Row]) -> str:
    headings = (
        "",
        "verdict",
        "ELBO",
        "log evidence",
        "elpd (LOO)",
        "difference",
        "parameters",
        "k-hat",
    )
    columns = [[row.name for row in rows], [row.fit.verdict for row in rows]]
    columns.append([with_error(r.fit.elbo.value, r.fit.elbo.standard_error) for r in rows])
    columns.append(
        [with_error(e.value, e.standard_error) if (e := r.fit.log_evidence) else "-" for r in rows]
    )
    columns.append(
        [f"{r.loo.elpd:.1f} ± {r.loo.standard_error:.1f}" if r.loo else "-" for r in rows]
    )
    columns.append([_difference(r) for r in rows])
    columns.append([f"{r.loo.effective_parameters:.1f}" if r.loo else "-" for r in rows])
    columns.append([f"{r.loo.khat.max():.2f}" if r.loo else "-" for r in rows])
    laid = []
    for k, (heading, cells) in enumerate(zip(headings, columns, strict=True)):
        body = cells if k < 2 else aligned(cells)
        width = max(map(len, (heading, *body)))
        laid.append([c.ljust(width) if k < 2 else c.rjust(width) for c in (heading, *body)])
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*laid, strict=True))


def _difference(row: Row) -> str:
    if row.difference is None or row.difference_error is None:
        return "-"
    return f"{row.difference:.1f} ± {row.difference_error:.1f}"


def _note(text: str) -> str:
    return f"note: {text}"


def _json(row: Row) -> dict[str, Any]:
    evidence, elbo = row.fit.log_evidence, row.fit.elbo
    return {
        "model": row.name,
        "verdict": row.fit.verdict,
        "elbo": {"value": elbo.value, "standard_error": elbo.standard_error},
        "log_evidence": None
        if evidence is None
        else {"value": evidence.value, "standard_error": evidence.standard_error},
        "loo": None
        if row.loo is None
        else {
            "elpd": row.loo.elpd,
            "standard_error": row.loo.standard_error,
            "effective_parameters": row.loo.effective_parameters,
            "largest_khat": float(row.loo.khat.max()),
            "difference": row.difference,
            "difference_error": row.difference_error,
        },
    }
