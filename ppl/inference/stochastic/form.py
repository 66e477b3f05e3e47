"""From the lines of a guide block to the factors of a composite guide."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ppl.compile.program import Column
from ppl.graph.graph import GuideBlock, GuideLine
from ppl.guide.factors import Diagonal, Factor, LowRank, Structured
from ppl.guide.named import Named
from ppl.inference.stochastic.problem import Learned

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]


DENSE = 128
"""Up to so many latents that lean on no others vary jointly in a structured guide."""


def name_of(column: Column) -> str:
    """Return the variable that columns belong to, or are a piece of."""
    return column.key.split(".")[0]


def line_for(block: GuideBlock | None, name: str) -> GuideLine | None:
    """Return the line that a variable's latents follow; None for the automatic guide."""
    if block is None:
        return None
    named = next((line for line in block.lines if name in line.names), None)
    return named or block.default


def factors_of(
    block: GuideBlock | None,
    columns: Iterable[tuple[Column, Positions]],
    centre: Array,
    widths: Array,
    automatic: str,
) -> tuple[Factor, ...]:
    """Return the factors of the globals.

    Parameters
    ----------
    block
        The user's lines.
    columns
        The blocks of latents, and where their numbers are among the globals.
    centre, widths
        Of the globals, (G,).
    automatic
        The family of what no line speaks of: ``meanfield`` or ``fullrank``.
    """
    groups: dict[int, list[tuple[Column, Positions]]] = {}
    lines: dict[int, GuideLine | None] = {}
    for column, places in columns:
        line = line_for(block, name_of(column))
        key = id(line)
        groups.setdefault(key, []).append((column, places))
        lines[key] = line
    found: list[Factor] = []
    for key, members in groups.items():
        found.extend(_group(lines[key], members, centre, widths, automatic))
    return tuple(found)


def _group(
    line: GuideLine | None,
    members: list[tuple[Column, Positions]],
    centre: Array,
    widths: Array,
    automatic: str,
) -> list[Factor]:
    every = np.concatenate([places for _, places in members])
    about = centre[every], widths[every]
    family = line.family if line is not None else automatic
    match family:
        case "fullrank" if line is not None and line.each:
            return [_each(column, places, centre, widths) for column, places in members]
        case "fullrank":
            return [Structured(every, *about, every.size)]
        case "lowrank" if line is not None:
            return [LowRank(every, *about, min(line.rank, every.size))]
        case "structured":
            return [_structured(members, centre, widths)]
        case "named" if line is not None:
            return [Named(every, *about, line.distribution)]
        case _:
            return [Diagonal(every, *about)]


def _each(column: Column, places: Positions, centre: Array, widths: Array) -> Factor:
    """Return a factor in which every position of the first axis varies jointly with itself."""
    rows = column.shape[0] if column.shape else 1
    each = places.size // max(rows, 1)
    return Structured(places, centre[places], widths[places], 0, ((rows, each),))


def _structured(members: list[tuple[Column, Positions]], centre: Array, widths: Array) -> Factor:
    """Return a factor that follows the plates: latents of one position of a plate together."""
    largest = max((c.shape[0] for c, _ in members if c.shape), default=0)
    roots = [p for c, p in members if not c.shape or c.shape[0] != largest or largest < 2]
    plated = [p.reshape(largest, -1) for c, p in members if c.shape and c.shape[0] == largest]
    if not roots and sum(p.size for p in plated) <= DENSE:
        roots, plated = [p.ravel() for p in plated], []
    base = np.concatenate([np.zeros(0, np.intp), *roots]).astype(np.intp)
    if not plated:
        return Structured(base, centre[base], widths[base], base.size)
    local = np.concatenate(plated, axis=1)
    every = np.concatenate([base, local.ravel()])
    shape = ((local.shape[0], local.shape[1]),)
    return Structured(every, centre[every], widths[every], base.size, shape)


def learned_of(
    columns: Iterable[tuple[Column, Positions]], start: Array, rng: np.random.Generator
) -> Learned:
    """Return learned parameters at sensible starts.

    The last axis of a matrix is what is summed over, its fan-in: the matrix starts with orthogonal
    rows or columns and entries of variance 1 / fan-in; vectors start near zero.
    """
    places: list[Positions] = [np.zeros(0, np.intp)]
    starts: list[Array] = [np.zeros(0)]
    paces: list[Array] = [np.zeros(0)]
    for column, where in columns:
        first = start[where].copy()
        size = 0.3
        if len(column.shape) >= 2 and min(column.shape[-2:]) > 1:
            size = 1 / np.sqrt(column.shape[-1])
            first += _orthogonal(column.shape, rng)
            size *= 0.5
        elif column.shape:
            first += 0.1 * rng.standard_normal(where.size)
        places.append(where)
        starts.append(first)
        paces.append(np.full(where.size, size))
    return Learned(
        np.concatenate(places).astype(np.intp), np.concatenate(starts), np.concatenate(paces)
    )


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return matrices with orthogonal rows or columns and entries of variance 1 / fan-in."""
    rows, columns = shape[-2:]
    noise = rng.standard_normal((*shape[:-2], max(rows, columns), min(rows, columns)))
    basis, _ = np.linalg.qr(noise)
    if rows < columns:
        basis = np.swapaxes(basis, -1, -2)
    scaled: Array = basis * np.sqrt(max(rows, columns) / columns)
    return np.ascontiguousarray(scaled).ravel()
