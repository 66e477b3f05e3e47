"""A family of guides that is asked for beside the model: ``--guide lowrank``.

It is taken as a line of the guide block, between binding and compiling: `amortized` as a line for
the latents of the plate that no line names, every other family as the block's default.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Datum, GuideBlock, GuideLine, Sample, Variable
from ppl.text import UsageError
from ppl.text.usage import USAGE

RANK = 10
HIDDEN: Final = (64,)
"""Of `lowrank` and `amortized`; a guide block has others."""


def with_family(bound: BoundGraph, family: str) -> BoundGraph:
    """Return a model with a guide of this family.

    Where the model has no guide block, ``meanfield`` and ``fullrank`` change nothing: they are
    families of the ladder.

    Raises
    ------
    UsageError
        If the model has nothing that the family is for.
    """
    block = bound.graph.guide
    match family:
        case "meanfield" | "fullrank":
            if block is None:
                return bound
            return _with(bound, replace(block, default=GuideLine(family, None)))
        case "lowrank":
            return _with_default(bound, GuideLine("lowrank", None, rank=RANK))
        case "structured":
            return _with_default(bound, GuideLine("structured", None))
        case "amortized":
            lines = block.lines if block is not None else ()
            default = block.default if block is not None else None
            return _with(bound, GuideBlock((*lines, _amortized(bound)), default, None))
        case _:
            return bound


def _with_default(bound: BoundGraph, line: GuideLine) -> BoundGraph:
    block = bound.graph.guide
    if not any(_is_continuous(bound, name) for name in bound.latents):
        raise _refused(line.family, "the model has no continuous latent that it could approximate")
    lines = block.lines if block is not None else ()
    return _with(bound, GuideBlock(lines, line, None))


def _with(bound: BoundGraph, block: GuideBlock) -> BoundGraph:
    return replace(bound, graph=replace(bound.graph, guide=block))


def _amortized(bound: BoundGraph) -> GuideLine:
    """Return the line for the latents of the largest plate that has them, with all its data."""
    block = bound.graph.guide
    known = {n for line in block.lines for n in line.names} if block is not None else set()
    if block is not None and any(line.family == "amortized" for line in block.lines):
        raise _refused("amortized", "the model's guide block has an amortized line")
    variables = bound.graph.variables
    latents: dict[str, list[str]] = {}
    for name in bound.latents:
        plate = _plate(variables[name])
        if plate is not None and name not in known and _is_continuous(bound, name):
            latents.setdefault(plate, []).append(name)
    read = {plate: _inputs(bound, plate) for plate in latents}
    plates = [plate for plate in latents if read[plate]]
    if not latents:
        raise _refused(
            "amortized", "no latent of the model has a value for each position of a dimension"
        )
    if not plates:
        names = ", ".join(f"`{n}`" for group in latents.values() for n in group)
        raise _refused("amortized", f"no data run over the dimension of {names}")
    chosen = max(plates, key=lambda plate: bound.sizes.get(plate, 0))
    return GuideLine("amortized", None, tuple(latents[chosen]), inputs=read[chosen], hidden=HIDDEN)


def _plate(variable: Variable) -> str | None:
    return variable.axes[0].dimension if variable.axes else None


def _is_continuous(bound: BoundGraph, name: str) -> bool:
    pieces = (bound.graph.pieces[k] for k in bound.samples(name))
    return not any(p.density.record.discrete for p in pieces if isinstance(p, Sample))


def _inputs(bound: BoundGraph, plate: str) -> tuple[str, ...]:
    """Return the data with a row for each position of a plate; positions in others say nothing."""
    found = []
    for name in bound.data:
        variable = bound.graph.variables.get(name)
        if variable is None or _plate(variable) != plate:
            continue
        datum: Datum | None = variable.datum
        if datum is None or datum.positions is None:
            found.append(name)
    return tuple(found)


def _refused(family: str, reason: str) -> UsageError:
    help = "leave `guide` out: the ladder chooses and corrects its own guide"
    return UsageError((USAGE(f"the guide `{family}` does not fit: {reason}", help=help),))
