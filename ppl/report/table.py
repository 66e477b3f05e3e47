"""A fit's result as text for a terminal: the verdict first, then the numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.report.numbers import (
    aligned,
    decimals,
    duration,
    error_decimals,
    fixed,
    quantile_decimals,
    significant,
    unwieldy,
    with_error,
)
from ppl.report.summary import Axis, Estimate, Parameter, Quantity, Summary, Verdict

WIDTH = 88
"""Columns used where the output is not a terminal."""

ROWS = 12
"""Arrays with more entries than this are shown by their first and last ones."""

MOST_STATES = 6
"""Discrete latents with more states than this are shown by their moments."""

PART_DECIMALS = 2
"""Of the parts of the ELBO, which vary more than their difference."""

_HEADINGS = ("", "mean", "sd", "5 %", "95 %", "ess", "mcse")
_DROPPED_WHEN_NARROW = ("mcse", "ess", "5 %", "95 %")
_HEAD, _TAIL = 7, 2
_COLOURS: dict[Verdict, str] = {"exact": "32", "good": "32", "fair": "33", "poor": "31"}


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: the width in characters, with colours or without, and rows per array."""

    width: int = WIDTH
    colour: bool = False
    rows: int | None = ROWS


def render(summary: Summary, style: Style | None = None) -> str:
    """Return the report of a fit as text, without a newline at the end.

    Parameters
    ----------
    summary
        What to say.
    style
        Width and colour; `rows` None shows every entry of every array.
    """
    style = style or Style()
    parts = [
        _verdict(summary, style),
        _evidence(summary, style),
        quantities(tuple(q for q in summary.quantities if not _has_few_states(q)), style),
        states(tuple(filter(_has_few_states, summary.quantities)), style),
        _parameters(summary.parameters, style),
        _roles(summary, style),
        _notes(summary, style),
    ]
    return "\n\n".join(part for part in parts if part)


def _verdict(summary: Summary, style: Style) -> str:
    word = f"\x1b[1;{_COLOURS[summary.verdict]}m{summary.verdict}\x1b[0m"
    text = _wrapped(f"{summary.verdict}: {summary.why}", style, "")
    if style.colour:
        text = word + text.removeprefix(summary.verdict)
    return text + ("\n" + _wrapped(f"help: {summary.remedy}", style) if summary.remedy else "")


def _evidence(summary: Summary, style: Style) -> str:
    return "\n".join(_wrapped(line, style) for line in evidence_lines(summary))


def evidence_lines(summary: Summary) -> list[str]:
    """Return what is said of the ELBO, of the evidence, and of the method."""
    elbo = summary.elbo
    places = error_decimals(elbo.standard_error)
    shown = min(places, PART_DECIMALS)
    parts = f"{fixed(elbo.expected_log_likelihood, shown)} - {fixed(elbo.kl, shown)}"
    lines = [
        f"ELBO {with_error(elbo.value, elbo.standard_error)}"
        f" = expected log likelihood - KL = {parts}"
    ]
    if summary.log_evidence is not None:
        evidence = summary.log_evidence
        lines.append(f"log evidence {with_error(evidence.value, evidence.standard_error)}")
    if summary.held_out is not None:
        held = summary.held_out
        lines.append(
            f"held out: {held.positions:,} positions, for each ELBO {_each(held.elbo)}, "
            f"importance-weighted {_each(held.importance_weighted)}"
        )
    lines.append(_method(summary))
    return lines


def _each(estimate: Estimate) -> str:
    return with_error(estimate.value, estimate.standard_error)


def _method(summary: Summary) -> str:
    figures = [f"method {summary.rung}"]
    for name, label in (("khat", "k-hat"), ("rhat", "R-hat")):
        if (value := summary.diagnostics.get(name)) is not None:
            figures.append(f"{label} {value:.2f}")
    if (gradients := summary.diagnostics.get("gradients")) is not None:
        figures.append(f"{gradients:.0f} gradients")
    seconds = [v for k, v in summary.seconds.items() if v is not None and k != "start"]
    if seconds:
        figures.append(duration(sum(seconds)))
    return ", ".join(figures)


def cells(found: tuple[Quantity, ...], style: Style) -> list[tuple[str, ...]]:
    """Return the table's headings and rows; empty if there are no quantities."""
    rows = [row for quantity in found for row in _rows(quantity, style)]
    return [_HEADINGS, *rows] if rows else []


def quantities(found: tuple[Quantity, ...], style: Style) -> str:
    """Return the table of quantities alone."""
    rows = [row for quantity in found for row in _rows(quantity, style)]
    if not rows:
        return ""
    columns = _fitted([list(column) for column in zip(*rows, strict=True)], style.width)
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _has_few_states(quantity: Quantity) -> bool:
    """Return whether a discrete latent is shown by the probabilities of its states."""
    found = quantity.probabilities
    return found is not None and found.shape[-1] <= MOST_STATES


def states(found: tuple[Quantity, ...], style: Style) -> str:
    """Return the table of the probabilities of states of discrete latents."""
    blocks: dict[int, list[tuple[str, ...]]] = {}
    for quantity in found:
        assert quantity.probabilities is not None
        rows = blocks.setdefault(quantity.probabilities.shape[-1], [])
        there = _existing(quantity.mean)
        for position in _positions(there, style.rows):
            if position is None:
                hidden = len(there) - _HEAD - _TAIL
                rows.append((f"... {hidden} more", *[""] * quantity.probabilities.shape[-1]))
                continue
            shares = [fixed(float(p), 3) for p in quantity.probabilities[position]]
            rows.append((label(quantity.name, quantity.axes, position), *shares))
    texts = []
    for count, rows in blocks.items():
        names = ["probability of state", *(row[0] for row in rows)]
        first = max(map(len, names))
        columns = [[name.ljust(first) for name in names]]
        columns.extend(_column(str(k), [row[k + 1] for row in rows]) for k in range(count))
        texts.append("\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True)))
    return "\n\n".join(texts)


def _fitted(columns: list[list[str]], width: int) -> list[list[str]]:
    """Return padded columns under their headings, the less needed ones left out if too wide."""
    headed = dict(zip(_HEADINGS, columns, strict=True))
    names = headed.pop("")
    laid = {heading: _column(heading, cells) for heading, cells in headed.items()}
    first = max(map(len, names), default=0)
    for heading in _DROPPED_WHEN_NARROW:
        if first + sum(2 + len(column[0]) for column in laid.values()) <= width:
            break
        del laid[heading]
    return [["".ljust(first), *(name.ljust(first) for name in names)], *laid.values()]


def _column(heading: str, cells: list[str]) -> list[str]:
    body = aligned(cells)
    width = max(len(heading), len(body[0]))
    return [heading.rjust(width), *(cell.rjust(width) for cell in body)]


def _rows(quantity: Quantity, style: Style) -> Iterator[tuple[str, ...]]:
    there = _existing(quantity.mean)
    for position in _positions(there, style.rows):
        if position is None:
            hidden = len(there) - _HEAD - _TAIL
            yield (f"... {hidden} more", *[""] * (len(_HEADINGS) - 1))
            continue
        mean, sd, q05, q95, ess, mcse = (
            float(array[position])
            for array in (
                quantity.mean,
                quantity.sd,
                quantity.q05,
                quantity.q95,
                quantity.ess,
                quantity.mcse,
            )
        )
        scale = sd or abs(mean)
        places, outer = decimals(mcse, scale), quantile_decimals(mcse, scale)
        long = unwieldy(max(mean, sd, -q05, q95), places)
        yield (
            label(quantity.name, quantity.axes, position),
            fixed(mean, places, long),
            fixed(sd, places, long),
            fixed(q05, outer, long),
            fixed(q95, outer, long),
            significant(ess, 2),
            significant(mcse, 2),
        )


def _positions(there: NDArray[np.intp], rows: int | None) -> Iterator[tuple[int, ...] | None]:
    """Yield the positions to show in order, None where some are left out."""
    size = len(there)
    if rows is None or size <= rows:
        numbers: tuple[int | None, ...] = tuple(range(size))
    else:
        numbers = (*range(_HEAD), None, *range(size - _TAIL, size))
    for number in numbers:
        yield None if number is None else tuple(int(i) for i in there[number])


def _existing(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions that exist: a ragged array has NaN where its loops have no turn."""
    there = ~np.isnan(values)
    return np.argwhere(there if there.any() else np.ones_like(there))


def label(name: str, axes: tuple[Axis, ...], position: tuple[int, ...]) -> str:
    """Return how one entry is called: ``theta[0]``, ``W[1, 2]``, ``alpha[Aitkin]``."""
    if not position:
        return name
    return f"{name}[{', '.join(a.label(i) for a, i in zip(axes, position, strict=True))}]"


def flat_rows(summary: Summary) -> list[dict[str, Any]]:
    """Return one row for each number of each quantity and learned parameter, nothing rounded."""
    columns = ("mean", "sd", "q05", "q50", "q95", "mcse", "ess")
    rows: list[dict[str, Any]] = []
    for quantity in summary.quantities:
        for place in map(tuple, _existing(quantity.mean)):
            numbers = {c: float(getattr(quantity, c)[place]) for c in columns}
            name = label(quantity.name, quantity.axes, place)
            rows.append({"quantity": name, **numbers, "kind": quantity.kind})
    for parameter in summary.parameters:
        for place in np.ndindex(parameter.value.shape):
            numbers = dict.fromkeys(columns, math.nan) | {"mean": float(parameter.value[place])}
            name = label(parameter.name, parameter.axes, place)
            rows.append({"quantity": name, **numbers, "kind": "learned"})
    return rows


def learned(parameters: tuple[Parameter, ...], style: Style) -> list[tuple[str, str]]:
    """Return the names and values of learned parameters."""
    found: list[tuple[str, str]] = []
    for parameter in parameters:
        for position in _positions(_existing(parameter.value), style.rows):
            if position is None:
                found.append((f"... {parameter.value.size - _HEAD - _TAIL} more", ""))
            else:
                name = label(parameter.name, parameter.axes, position)
                found.append((name, significant(float(parameter.value[position]), 4)))
    return found


def _parameters(parameters: tuple[Parameter, ...], style: Style) -> str:
    found = learned(parameters, style)
    if not found:
        return ""
    names, values = [n for n, _ in found], [v for _, v in found]
    width = max(map(len, names))
    body = [f"{n.ljust(width)}  {v}".rstrip() for n, v in zip(names, aligned(values), strict=True)]
    return "\n".join(["learned parameters (point estimates)", *body])


def _roles(summary: Summary, style: Style) -> str:
    learned = {parameter.name: parameter.constraint for parameter in summary.parameters}
    lines = [
        f"{heading}: {_names(names)}"
        for heading, names in (
            ("observed", summary.roles.observed),
            ("latent", summary.roles.latent),
            ("learned parameters", learned),
            ("unused", dict.fromkeys(summary.roles.unused, "")),
        )
        if names
    ]
    return "\n".join(_wrapped(line, style) for line in lines)


def _names(names: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({word})" if word else name for name, word in names.items())


def _notes(summary: Summary, style: Style) -> str:
    return "\n".join(_wrapped(f"note: {note}", style) for note in summary.notes)


def _wrapped(text: str, style: Style, indent: str = "  ") -> str:
    return textwrap.fill(
        text,
        max(style.width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
