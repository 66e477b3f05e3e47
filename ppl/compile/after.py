"""Variables that the data do not speak of: drawn after the fit."""

from __future__ import annotations

from dataclasses import replace

from ppl.compile.lowering import Lowering, part_of, unsupported
from ppl.compile.program import (
    Assemble,
    Draw,
    Let,
    Part,
    Step,
)
from ppl.distributions import Law, record_of
from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Define, Factor, Sample
from ppl.graph.nodes import (
    Constant,
    Index,
    LogDensity,
)
from ppl.graph.order import piece_reads
from ppl.graph.ranges import standard_arguments
from ppl.graph.trace import Traced
from ppl.graph.wrapped import with_bounds
from ppl.text import ModelError


def draws_of(low: Lowering, name: str) -> list[Step]:
    """Return the steps that draw a barren variable."""
    bound = low.bound
    steps: list[Step] = []
    parts: list[Part] = []
    pieces = bound.graph.variables[name].pieces
    for number in pieces:
        piece = bound.graph.pieces[number]
        if isinstance(piece, Factor) or piece.target is None:
            continue
        if name in piece_reads(piece):
            raise unsupported(low, f"drawing `{name}`, which depends on itself,", piece.span)
        key = f"{name}.{number}"
        part, indices = part_of(low, key, piece)
        whole = len(pieces) == 1 and part.places is None and part.sizes == low.shapes[name]
        if whole:
            key = name
            part = replace(part, key=name)
        low.shapes.setdefault(key, part.sizes)
        if isinstance(piece, Define):
            steps.append(Let(key, indices, piece.value, piece.span))
        else:
            if not (_is_proper(piece.density.law) or _has_ends(piece)):
                raise _no_draws(low, name, piece)
            steps.append(draw_of(key, indices, piece))
        parts.append(part)
    if parts and parts[0].key == name:
        return steps
    return [*steps, Assemble(name, low.shapes[name], tuple(parts))]


def _no_draws(low: Lowering, name: str, piece: Sample) -> ModelError:
    improper = kinds.IMPROPER(
        f"`{name}` cannot be drawn: `{piece.density.distribution}` is improper, and nothing "
        "observed depends on it",
        piece.span,
        help="give it a proper distribution, or data for what depends on it",
    )
    return ModelError((improper,), low.bound.graph.source)


def _is_proper(law: Law) -> bool:
    """Return whether a distribution can be drawn from; one that is restricted as what it cuts."""
    if law.name == "Restricted":
        return all(map(_is_proper, law.components))
    return record_of(law).normalised


def _has_ends(piece: Sample) -> bool:
    """Return whether bounds make a proper distribution even of a constant density."""
    suffix = piece.suffix
    return suffix is not None and suffix.lower is not None and suffix.upper is not None


def draw_of(key: str, indices: tuple[Index, ...], piece: Sample) -> Draw:
    """Return the step that draws a statement's left side, in the first parametrisation."""
    density = with_bounds(piece.density, piece.suffix)
    suffix = piece.suffix
    members = suffix.constraint if suffix is not None and suffix.constraint.event_ndim else None
    if not piece.density.record.normalised and suffix is not None:
        ends = tuple(b for b in (suffix.lower, suffix.upper) if b is not None)
        density = LogDensity("Uniform", None, density.value, ends, (), ((), ()), density.span)
    arguments, events = density.arguments, density.events
    if density.alternative is not None:
        converted = standard_arguments(density)
        lifted = [c if isinstance(c, Traced) else Traced(Constant(float(c))) for c in converted]  # type: ignore[arg-type]
        arguments = tuple(t.node for t in lifted)
        events = tuple(t.event for t in lifted)
    return Draw(key, indices, density.record, arguments, events, density.event, piece.span, members)
