"""Which law each independent part of a posterior has: normal, a family's, or normals under one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppl.compile.closed import Component
from ppl.constraints import Constraint, real
from ppl.guide.layout import Block
from ppl.inference.families import Family, family_of

MAX_NORMALS = 2_000
"""Beyond so many normals in one part, a dense precision takes too long."""


@dataclass(frozen=True, slots=True)
class Part:
    """Latents that are independent of the others, and which law they have.

    Attributes
    ----------
    normals
        Blocks that are jointly normal, given the scale if there is one.
    scale
        The block of another law, and that law; None if there is none.
    power
        With which exponent it multiplies the normals' squares.
    """

    normals: tuple[Block, ...]
    scale: tuple[Block, Family] | None
    power: float = 0.0


def parts_of(
    components: tuple[Component, ...],
    supports: Mapping[str, Constraint],
    blocks: tuple[Block, ...],
) -> tuple[Part, ...] | None:
    """Return the law of each independent part of a posterior; None if one has none that is known.

    Parameters
    ----------
    components
        The independent parts.
    supports
        The set of each latent's values.
    blocks
        Where the latents are.
    """
    by_name = {block.name: block for block in blocks}
    if {name for c in components for name in c.names} != set(by_name):
        return None
    found = [_part(component, supports, by_name) for component in components]
    return tuple(part for part in found if part is not None) if None not in found else None


def _part(
    component: Component, supports: Mapping[str, Constraint], blocks: Mapping[str, Block]
) -> Part | None:
    """Return which law a component has, None if none that is known."""
    normals = {name for name in component.names if supports[name] is real}
    scales = component.names - normals
    ordered = tuple(sorted((blocks[n] for n in normals), key=lambda block: block.start))
    if sum(block.size for block in ordered) > MAX_NORMALS or len(scales) > 1:
        return None
    alone: set[tuple[str, float]] = set()
    squares: set[tuple[tuple[str, float], ...]] = set()
    for product in component.products:
        own = tuple((part, e) for name, part, e in product if name in scales)
        degree = sum(e for name, _, e in product if name in normals)
        if degree > 2 or len(own) > 1:
            return None
        alone.update(own if not degree else ())
        squares.update((own,) if degree else ())
    if not scales:
        return Part(ordered, None)
    (scale,) = (blocks[name] for name in scales)
    power = 0.0
    if normals:
        if len(squares) != 1 or len(own := squares.pop()) != 1 or own[0][0] != "value":
            return None
        alone.add(own[0])
        power = own[0][1]
    family = family_of(frozenset(alone), supports[scale.name])
    return None if family is None else Part(ordered, (scale, family), power)


def law_of(part: Part) -> str:
    """Return what a verdict calls a part's law."""
    if part.scale is None:
        return "normal"
    family = part.scale[1]
    return f"normal-{family.name}" if part.normals else family.name
