"""Whether full passes over the data fit into memory: what the ladder needs, and what there is.

A model with a large plate is compiled for two small parts of it, and asked for its gradient and its
log joint; the peaks of the memory that this takes, drawn out to the whole plate, are what the
passes need. So all that makes a difference is counted as it is: copies that rewrites make,
temporaries for each draw and row, rows that stay in a file. The ladder's own arrays, draws times
columns, are added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.load import compile_bound
from ppl.compile.plates import network_line, obstacle, plate_of
from ppl.graph.bound import BoundGraph
from ppl.inference import memory
from ppl.inference.compiled import CompiledTarget
from ppl.inference.settings import Settings
from ppl.inference.stochastic.form import line_for
from ppl.inference.target import BLOCK_ENTRIES, BLOCK_ROWS
from ppl.text import ModelError, PplError
from ppl.text.amounts import in_bytes
from ppl.text.usage import OUT_OF_MEMORY

FEW = 8192
"""Plates of no more positions are not cut unless the user asks."""
PART, LESS = 48_000, 0.75
"""Positions of a trial, and of the other one, as a part of them: both so many that passes over them
are as those over more."""
GRADIENTS = 32
"""Draws of a trial's gradient: those of the mean-field rung."""
EACH, COPIES, BASE = 32_000, 8, 2e8
"""Bytes for each number of the largest array that depends on a draw, copies of the data, and bytes
besides, that no model was seen to exceed: what fits with so many needs no trial."""
KEPT, AT_ONCE = 2**26, 450
"""Numbers that the ladder keeps at most as weighted and handed-out draws, and draws of all columns
that its optimisers keep beside one another."""
FEWEST, MOST_DRAWS = 40, 3 * 16_384
"""Draws of all columns without which there is no mean-field fit, and draws that are kept where
there are few columns."""


@dataclass(frozen=True, slots=True)
class Short:
    """Full passes do not fit.

    Attributes
    ----------
    plate
        The plate that is cut into minibatches instead.
    needed
        Bytes that full passes need beside the data.
    room
        What there is.
    """

    plate: str
    needed: float
    room: memory.Room

    def __str__(self) -> str:
        return (
            f"full passes over `{self.plate}` need about {in_bytes(self.needed)} beside the "
            f"data, and {self.room.limit} leaves {in_bytes(self.room.bytes)}"
        )


def short(bound: BoundGraph, settings: Settings) -> Short | None:
    """Return why full passes do not fit, and the plate to cut; None where they do.

    Raises
    ------
    ModelError
        If they cannot fit, and no plate can be cut.
    """
    if settings.batch or settings.validation or network_line(bound) is not None:
        return None
    found = _room(settings)
    if found is None or _largest(bound) <= FEW or _surely(bound) < found.bytes:
        return None
    plate = plate_of(bound)
    if plate is None or bound.sizes[plate] <= FEW:
        _refuse_the_impossible(bound, found)
        return None
    if settings.method not in ("auto", "vi") or _is_forced(bound, plate):
        return None
    need = needed(bound, plate)
    return Short(plate, need, found) if need > found.bytes else None


def _is_forced(bound: BoundGraph, plate: str) -> bool:
    """Return whether the user wants a guide of the plate's latents that batches do not have."""
    lines = [
        line_for(bound.graph.guide, name)
        for name in bound.latents
        if any(axis.dimension == plate for axis in bound.graph.variables[name].axes)
    ]
    return any(line is not None and line.family != "meanfield" for line in lines)


def _room(settings: Settings) -> memory.Room | None:
    """Return what the user says that may be taken, or what the system says."""
    if settings.memory:
        return memory.Room(int(settings.memory * 1e9), "the option `memory`")
    return memory.room()


# ------------------------------------------------------------------------------- at first sight


def _largest(bound: BoundGraph) -> int:
    """Return the size of the largest array that a name of the model has."""
    counts = [np.size(values) for values in bound.data.values()]
    counts.extend(_count(bound, name) for name in bound.graph.variables)
    return max(counts, default=0)


def _count(bound: BoundGraph, name: str) -> int:
    try:
        return int(np.prod(bound.shape(name), dtype=float))
    except (KeyError, PplError):  # sized by data that are not there
        return 0


def _columns(bound: BoundGraph) -> int:
    return sum(_count(bound, name) for name in (*bound.latents, *bound.parameters))


def _surely(bound: BoundGraph) -> float:
    """Return bytes with which full passes surely do."""
    data = sum(values.nbytes for values in bound.data.values())
    drawn = max(_columns(bound), _largest_of_a_draw(bound))
    return EACH * drawn + COPIES * data + _ladder(_columns(bound)) + BASE


def _ladder(columns: float) -> float:
    """Return bytes of the ladder's own arrays."""
    return 8.0 * (min(KEPT, MOST_DRAWS * columns) + AT_ONCE * columns)


def _refuse_the_impossible(bound: BoundGraph, found: memory.Room) -> None:
    """Refuse what would need more even if only one draw were worked on at a time."""
    least = 8.0 * (_largest_of_a_draw(bound) + FEWEST * _columns(bound))
    if least <= found.bytes:
        return
    plate = max(bound.sizes, key=lambda name: bound.sizes[name], default=None)
    why = obstacle(bound, plate) if plate is not None else None
    reason = f", and `{plate}` cannot be cut into minibatches: {why.reason}" if why else ""
    raise ModelError(
        (
            OUT_OF_MEMORY(
                f"the model needs at least {in_bytes(least)} beside the data, "
                f"{found.limit} leaves {in_bytes(found.bytes)}{reason}",
                why.span if why else None,
                help="give the process more memory, or the model fewer data",
            ),
        ),
        bound.graph.source,
    )


def _largest_of_a_draw(bound: BoundGraph) -> int:
    """Return the size of the largest array that depends on a draw."""
    from ppl.graph.order import closure, parents

    children: dict[str, set[str]] = {}
    for name, above in parents(bound.graph).items():
        for parent in above:
            children.setdefault(parent, set()).add(name)
    drawn = closure(frozenset((*bound.latents, *bound.parameters)), children)
    return max((_count(bound, name) for name in drawn), default=0)


# ---------------------------------------------------------------------------------- by a trial


def needed(bound: BoundGraph, plate: str) -> float:
    """Return the bytes that full passes over a plate need beside the data, about.

    Parameters
    ----------
    bound
        The model with its data.
    plate
        A plate that can be cut.
    """
    total = bound.sizes[plate]
    large = min(PART, total)
    small = int(LESS * large)
    columns = _columns(bound)
    draws = min(BLOCK_ROWS, max(1, BLOCK_ENTRIES // max(1, columns)))
    try:
        peaks = [_peak(_part(bound, plate, count), draws) for count in (small, large)]
    except MemoryError:
        return np.inf
    except PplError:  # the whole model will tell
        return 0.0
    slope = max(0.0, (peaks[1] - peaks[0]) / (large - small))
    return peaks[1] + slope * (total - large) + _ladder(columns)


def _part(bound: BoundGraph, plate: str, count: int) -> BoundGraph:
    """Return the model on the first positions of a plate; data in files stay there."""

    def part(name: str, values: NDArray[Any]) -> NDArray[Any]:
        for axis, about in enumerate(bound.graph.variables[name].axes):
            if about.dimension == plate:
                return values[(*[slice(None)] * axis, slice(0, count))]
        return values

    variables = bound.graph.variables
    return replace(
        bound,
        sizes={**bound.sizes, plate: count},
        data={n: part(n, v) if n in variables else v for n, v in bound.data.items()},
        missing={n: part(n, v) for n, v in bound.missing.items()},
    )


def _peak(bound: BoundGraph, draws: int) -> float:
    """Return the most bytes that compiling takes, a gradient, and the log joint at some draws."""
    import tracemalloc

    before = tracemalloc.is_tracing()
    if not before:
        tracemalloc.start(1)
    try:
        tracemalloc.reset_peak()
        began = tracemalloc.get_traced_memory()[0]
        target = CompiledTarget(compile_bound(bound))
        start = np.tile(target.start, (max(draws, GRADIENTS), 1))
        with np.errstate(all="ignore"):
            target.value_and_gradient(start[:GRADIENTS])
            target.log_joint(start[:draws])
            target.quantities(start[:draws])
        return float(tracemalloc.get_traced_memory()[1] - began)
    finally:
        if not before:
            tracemalloc.stop()


__all__ = ["Short", "needed", "short"]
