"""Deterministic quantities: arrays at once, recurrences by a filter or a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ppl.compile.latents import add_block, add_prior, assembled
from ppl.compile.lowering import Lowering, extents, part_of
from ppl.compile.program import (
    Assemble,
    Filter,
    Let,
    Part,
    Scan,
    Scanned,
    Step,
)
from ppl.compile.recurrences import (
    Group,
    Member,
    affine,
    group_of,
    split,
)
from ppl.graph import diagnostics as kinds
from ppl.graph.graph import Define, Sample
from ppl.graph.nodes import (
    Constant,
    Index,
    Node,
    Position,
    Read,
    same,
    subtract,
    walk,
)
from ppl.graph.order import piece_reads
from ppl.graph.ranges import support_of
from ppl.text import ModelError


def defined(low: Lowering, name: str) -> None:
    """Compute a deterministic quantity, piece by piece if it has several."""
    bound = low.bound
    pieces = [bound.graph.pieces[k] for k in bound.graph.variables[name].pieces]
    single = pieces[0]
    if len(pieces) == 1 and isinstance(single, Define):
        part, indices = part_of(low, name, single)
        if part.places is None and part.sizes == low.shapes[name]:
            low.values[name] = [Let(name, indices, single.value, single.span)]
            return
    assembled(low, name, set())


def recurrence(low: Lowering, names: tuple[str, ...]) -> None:
    """Compute names that depend on their own earlier positions."""
    bound = low.bound
    group = group_of(bound, names)
    leader = names[0]
    low.leader |= dict.fromkeys(names, leader)
    steps: list[Step] = []
    parts: dict[str, list[tuple[Part, Define | Sample]]] = {}
    for member in group.members:
        parts[member.name] = []
        for number in bound.graph.variables[member.name].pieces:
            piece = bound.graph.pieces[number]
            assert isinstance(piece, Define | Sample)
            if isinstance(piece, Define) and piece_reads(piece) & set(names):
                continue
            key = f"{member.name}.{number}"
            part, indices = part_of(low, key, piece)
            low.shapes[key] = extents(low, indices)
            parts[member.name].append((part, piece))
            if isinstance(piece, Define):
                steps.append(Let(key, indices, piece.value, piece.span))
                continue
            add_block(low, key, support_of(piece), "latent", span=piece.span)
            steps.extend(low.values.pop(key, ()))
            low.terms.setdefault(member.name, []).extend(low.terms.pop(key, ()))
            add_prior(low, member.name, piece)
    steps.append(_steps(low, group, parts))
    for member in group.members:
        key = f"{member.name}.steps"
        shape = low.shapes[member.name]
        place = member.place
        starts = tuple(group.start if k == place else 0 for k in range(len(shape)))
        sizes = tuple(group.length if k == place else n for k, n in enumerate(shape))
        low.shapes[key] = sizes
        every = (*(p for p, _ in parts[member.name]), Part(key, starts, sizes))
        steps.append(Assemble(member.name, shape, every))
    low.values[leader] = steps


def _steps(
    low: Lowering, group: Group, parts: Mapping[str, Sequence[tuple[Part, Define | Sample]]]
) -> Step:
    """Return a group's steps: a filter if they are affine, else a scan."""
    bound = low.bound
    (first, *others) = group.members
    if not others and first.lags == 1 and _is_of_itself(first):
        found = affine(first.piece.value, first.name)
        if found is not None:
            low.choices.append(f"{first.name} as a linear filter")
            (start,) = _starts(low, group, first, parts)
            axes = _member_axes(group, first)
            key, span = f"{first.name}.steps", first.piece.span
            return Filter(key, axes, group.time, *found, start, span, group.backward)
    step = split(bound, group)
    members = tuple(
        Scanned(
            f"{m.name}.steps",
            m.name,
            _member_axes(group, m),
            value,
            _starts(low, group, m, parts),
        )
        for m, value in zip(group.members, step.values, strict=True)
    )
    low.choices.append(f"{', '.join(m.name for m in group.members)} by a scan")
    return Scan(
        f"{first.name}.scan",
        members,
        group.time,
        step.inputs,
        step.constants,
        first.piece.span,
        group.backward,
    )


def _is_of_itself(member: Member) -> bool:
    """Return whether a member reads itself only at its own positions of the axes besides time."""
    own = [Position(i) for i in member.axes]
    for node in walk(member.piece.value):
        if isinstance(node, Read) and node.name == member.name:
            rest = [p for k, p in enumerate(node.positions) if k != member.place]
            if not all(map(same, rest, own)):
                return False
    return True


def _member_axes(group: Group, member: Member) -> tuple[Index, ...]:
    axes = list(member.axes)
    axes.insert(member.place, group.time)
    return tuple(axes)


def _starts(
    low: Lowering,
    group: Group,
    member: Member,
    parts: Mapping[str, Sequence[tuple[Part, Define | Sample]]],
) -> tuple[Node, ...]:
    """Return a member's values before the first step: one step before it, two before it, ..."""
    found = []
    for lag in range(1, member.lags + 1):
        position = group.before(lag)
        node = None
        for part, piece in parts[member.name]:
            begin = part.starts[member.place]
            if begin <= position < begin + part.sizes[member.place]:
                node = _at(low, member, part, piece, position - begin)
        if node is None:
            raise ModelError(
                (
                    kinds.PARTLY_DEFINED(
                        f"`{member.name}` needs a value at position {position} to start from",
                        member.piece.span,
                        help=f"define it: `{member.name}[{max(position, 0)}] = ...`",
                    ),
                ),
                low.bound.graph.source,
            )
        found.append(node)
    return tuple(found)


def _at(low: Lowering, member: Member, part: Part, piece: Define | Sample, step: int) -> Node:
    """Read an initial part at a step, over the member's other axes."""
    positions: list[Node] = []
    others = iter(member.axes)
    assert piece.target is not None
    for k, position in enumerate(piece.target.positions):
        if k == member.place:
            if position.free:
                positions.append(Constant(step))
            continue
        index = next(others)
        if position.free:
            positions.append(subtract(Position(index), index.domain.start))
    return Read(part.key, tuple(positions))
