"""Statements become pieces: targets, loops, right sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ppl.distributions import DISTRIBUTIONS, distributions
from ppl.graph import diagnostics as kinds
from ppl.graph.align import Value, size_text
from ppl.graph.build import Unknown
from ppl.graph.declare import Site, name_of, names_in, strip
from ppl.graph.densities import at_value, density, event_axes
from ppl.graph.evaluate import is_whole
from ppl.graph.expressions import Reader, axes_text, axis_of, largest, whole_axis
from ppl.graph.graph import Axis, Define, Factor, Sample
from ppl.graph.nodes import (
    Constant,
    Domain,
    Index,
    Node,
    Position,
    Read,
    Size,
    add,
    closed,
    subtract,
    walk,
)
from ppl.graph.scope import Scope
from ppl.graph.suffix import suffix
from ppl.syntax import tree
from ppl.text import Label


def read_site(reader: Reader, site: Site) -> None:
    """Read one statement and add its pieces."""
    scope, loops = _enter(reader, site)
    match site.statement:
        case tree.Sample() as statement:
            for target in statement.targets:
                _sample(reader, statement, target, scope, loops)
        case tree.Define() as statement:
            for target in statement.targets:
                _define(reader, statement, target, scope, loops)
        case tree.Factor() as statement:
            value = reader.read(statement.value, scope)
            piece = Factor((*loops, *value.axes), value.node, statement.span)
            reader.names.pieces.append((None, piece))
        case tree.Require() as statement:
            value = reader.read(statement.condition, scope)
            _refuse_known(reader, value, statement)
            piece = Factor((*loops, *value.axes), value.node, statement.span, required=True)
            reader.names.pieces.append((None, piece))


def _refuse_known(reader: Reader, value: Value, statement: tree.Require) -> None:
    """Report ``require 1 > 2``, and numbers in the place of conditions."""
    if isinstance(value.node, Constant):
        text = reader.names.text(statement.condition.span)
        raise reader.stop(
            kinds.NEVER(
                f"`{text}` is {'always' if value.node.value else 'never'} true",
                statement.condition.span,
                help="a condition speaks of latents, as in `require a > b`",
            )
        )


def _enter(reader: Reader, site: Site) -> tuple[Scope, tuple[Index, ...]]:
    """Enter the loops around a statement; all statements inside share their indices."""
    scope = Scope(blocks=site.blocks)
    indices: list[Index] = []
    for loop in site.loops:
        index = reader.names.indices.get(loop.span)
        if index is None:
            _, (index,) = reader.loops((loop,), scope, "plate")
            reader.names.indices[loop.span] = index
        scope = scope.inside({loop.index.id: index})
        indices.append(index)
    return scope, tuple(indices)


# --------------------------------------------------------------------------------------- targets


def _claims(reader: Reader, target: tree.Index, scope: Scope) -> tuple[Axis, ...]:
    """Return the axes that a target's brackets say a new name has."""
    axes = []
    for position in target.positions:
        match position:
            case tree.Name(id=name) if name in scope.loops:
                axes.append(_claimed(scope.loops[name].domain))
            case tree.Name(id=name) if name in reader.names.dimensions:
                axes.append(Axis(name, Size(name)))
            case tree.Slice(stop=stop) if stop is not None:
                axes.append(_claimed(reader.domain(position, scope)[0]))
            case tree.Slice():
                raise reader.stop(
                    kinds.UNKNOWN_SIZE("the end of this range is not known", position.span)
                )
            case _:
                axes.append(_claimed_by_number(reader, position, scope))
    return tuple(axes)


def _claimed(domain: Domain) -> Axis:
    if domain.dimension is not None:
        return Axis(domain.dimension, domain.stop)
    return Axis(domain.within, domain.stop)


def _claimed_by_number(reader: Reader, position: tree.Expression, scope: Scope) -> Axis:
    node = reader.scalar(position, scope)
    match node:
        case Constant(value=value) if value >= 0 and is_whole(value):
            return Axis(None, Constant(int(value) + 1))
        case _:
            if not node.free and any(isinstance(n, Size | Read) for n in walk(node)):
                return Axis(None, add(node, Constant(1)))
            if node.free:
                return Axis(None, add(largest(node), Constant(1)))
            raise reader.stop(
                kinds.BAD_POSITION(
                    f"`{reader.names.text(position.span)}` is not a position of a new name",
                    position.span,
                    help="declare the name's axes with `data` or `param`, or use a loop's index",
                )
            )


def _join(reader: Reader, key: str, claims: Sequence[Axis]) -> tuple[Axis, ...]:
    """Join the claims of this target with those of the name's other targets."""
    old = reader.names.known_axes.get(key)
    if old is None or len(old) != len(claims):
        return tuple(claims)
    joined = []
    for a, b in zip(old, claims, strict=True):
        if a.dimension is not None:
            joined.append(a)
        elif b.dimension is not None:
            joined.append(b)
        elif isinstance(a.size, Constant) and isinstance(b.size, Constant):
            joined.append(a if a.size.value >= b.size.value else b)
        else:
            joined.append(b if isinstance(a.size, Constant) else a)
    return tuple(joined)


def all_claims(reader: Reader, key: str) -> None:
    """Find a new name's axes from all its targets with brackets."""
    names = reader.names
    names.claiming.add(key)
    for site, target in names.declared.entries[key].sites:
        if isinstance(target, tree.Index):
            inner, _ = _enter(reader, site)
            claims = _claims(reader, target, inner)
            names.known_axes[key] = _join(reader, key, claims)
    names.claiming.discard(key)


def _key(reader: Reader, target: tree.Name | tree.Index, scope: Scope) -> str:
    name = name_of(target)
    if name.id in scope.loops:
        raise reader.stop(
            kinds.BAD_TARGET(
                f"`{name.id}` is the index of a loop: a position, not a quantity",
                name.span,
                secondary=(Label(scope.loops[name.id].span or name.span, "the loop"),),
            )
        )
    key = reader.names.lookup(name.id, scope)
    if key is None:
        raise reader.stop(
            kinds.NAME_CLASH(f"`{name.id}` is the size of a dimension already", name.span)
        )
    return key


def _place(
    reader: Reader,
    target: tree.Name | tree.Index,
    scope: Scope,
    loops: tuple[Index, ...],
) -> tuple[str, Value | None]:
    """Return a target's key and its value over loops and axes; None if its axes are not known."""
    key = _key(reader, target, scope)
    names = reader.names
    entry = names.declared.entries.get(key)
    if key not in names.known_axes and entry is not None and key not in names.outline.ranks:
        all_claims(reader, key)
    elif key not in names.known_axes and key in names.outline.ranks:
        names.known_axes[key] = _named_by_brackets(reader, key, scope)
    if entry is not None and entry.block is not None:
        return key, None
    if isinstance(target, tree.Name):
        if loops:
            missing = ", ".join(i.name for i in loops)
            raise reader.stop(
                kinds.MISSING_INDEX(
                    f"`{target.id}` stands in a loop over {missing} without that index",
                    target.span,
                    help=f"write `{target.id}[{missing}]`; to observe the same data once per "
                    f"index, write `({target.id})`",
                )
            )
        if key not in names.known_axes:
            return key, None
        return key, reader.whole(key, names.known_axes[key], scope, target.span)
    value = reader.at(key, names.known_axes[key], (), target, scope)
    named = closed(value.node.free)
    lost = [i.name for i in loops if i not in named]
    if lost:
        raise reader.stop(
            kinds.MISSING_INDEX(
                f"`{names.text(target.span)}` does not name the index {', '.join(lost)} of the "
                "loops around it",
                target.span,
                help="name every index of the loops on the left",
            )
        )
    return key, value


def _named_by_brackets(reader: Reader, key: str, scope: Scope) -> tuple[Axis, ...]:
    """Name the axes of undeclared data by the brackets of its statements."""
    axes = reader.names.axes_of_data(key)
    entry = reader.names.declared.entries[key]
    for site, target in entry.sites:
        if isinstance(target, tree.Index) and len(target.positions) <= len(axes):
            inner, _ = _enter(reader, site)
            claims = _claims(reader, target, inner)
            named = [
                c if c.dimension is not None else a for a, c in zip(axes, claims, strict=False)
            ]
            axes = (*named, *axes[len(claims) :])
    return axes


# ---------------------------------------------------------------------------------------- sample


def _sample(
    reader: Reader,
    statement: tree.Sample,
    target: tree.Expression,
    scope: Scope,
    loops: tuple[Index, ...],
) -> None:
    plain = strip(target)
    names = reader.names
    if plain is None or _is_defined(reader, plain, scope):
        value = reader.read(target, scope)
        node, axes = density(reader, statement.distribution, value, scope)
        bounds = suffix(reader, statement.constraints, scope, value)
        weight = _weight(reader, statement, Value(node, axes), scope)
        piece = Sample(None, (*loops, *axes), node, bounds, weight, statement.span)
        names.pieces.append((None, piece))
        return
    key, place = _place(reader, plain, scope, loops)
    if place is None and _reads_itself(statement, plain):
        place = _single(reader, key, plain)
    if place is None:
        node, axes = density(reader, statement.distribution, None, scope)
        own = loops if key in names.declared.entries and names.declared.entries[key].block else ()
        every = (*own, *axes, *node.event)
        reader.no_limits((*axes, *node.event), statement.distribution.span)
        names.known_axes[key] = tuple(axis_of(i.domain) for i in every)
        names.own_loops[key] = own
        positions = tuple(subtract(Position(i), i.domain.start) for i in every)
        place = Value(Read(key, positions, plain.span), (*axes, *node.event), plain.span)
        node = at_value(node, place)
    else:
        place = _grow(reader, key, plain, place, statement, scope)
        node, axes = density(reader, statement.distribution, place, scope)
    bounds = suffix(reader, statement.constraints, scope, place)
    weight = _weight(reader, statement, Value(node, axes), scope)
    assert isinstance(place.node, Read)
    piece = Sample(place.node, (*loops, *axes), node, bounds, weight, statement.span)
    names.pieces.append((key, piece))


def _reads_itself(statement: tree.Sample, target: tree.Name | tree.Index) -> bool:
    """Return whether the right side reads the name on the left: ``a ~ Density(-a^2)``."""
    name = name_of(target).id
    record = DISTRIBUTIONS.get(statement.distribution.function.id)
    if record is None or not record.reads_itself:
        return False
    return any(n.id == name for n in names_in(statement.distribution))


def _single(reader: Reader, key: str, target: tree.Name | tree.Index) -> Value:
    """Make a name a single number."""
    reader.names.known_axes[key] = ()
    reader.names.own_loops[key] = ()
    return Value(Read(key, (), target.span), (), target.span)


def _grow(
    reader: Reader,
    key: str,
    target: tree.Name | tree.Index,
    place: Value,
    statement: tree.Sample,
    scope: Scope,
) -> Value:
    """Add the event axes that brackets leave out: ``x[n] ~ MultivariateNormal(mu, ...)``."""
    entry = reader.names.declared.entries.get(key)
    fixed = key in reader.names.data or key in reader.names.parameters
    if fixed or key in reader.names.outline.ranks or entry is None:
        return place
    count = event_axes(statement.distribution)
    axes = reader.names.known_axes[key]
    if not isinstance(target, tree.Index) or len(axes) > len(target.positions) or not count:
        return place
    if len(place.axes) >= count:
        return place
    node, _ = density(reader, statement.distribution, None, scope)
    extra = tuple(axis_of(i.domain) for i in node.event)
    reader.names.known_axes[key] = (*axes, *extra)
    indices = tuple(whole_axis(a) for a in extra)
    assert isinstance(place.node, Read)
    read = replace(place.node, positions=(*place.node.positions, *map(Position, indices)))
    return Value(read, (*place.axes, *indices), place.span)


def _is_defined(reader: Reader, plain: tree.Name | tree.Index, scope: Scope) -> bool:
    """Return whether a target is defined by ``=`` elsewhere: then it is data on the left."""
    key = reader.names.lookup(name_of(plain).id, scope)
    entry = reader.names.declared.entries.get(key) if key is not None else None
    if entry is None:
        return False
    return any(
        isinstance(site.statement, tree.Define) and _is_whole(reader, site, target)
        for site, target in entry.sites
    )


def _is_whole(reader: Reader, site: Site, target: tree.Name | tree.Index) -> bool:
    """Return whether a definition covers all positions of its name."""
    if isinstance(target, tree.Name):
        return True
    whole = {loop.index.id for loop in site.loops if isinstance(loop.domain, tree.Name)}
    names = [p.id for p in target.positions if isinstance(p, tree.Name)]
    return len(names) == len(target.positions) and all(
        n in whole or n in reader.names.dimensions for n in names
    )


def _weight(reader: Reader, statement: tree.Sample, place: Value, scope: Scope) -> Node | None:
    """Read ``weight w``, over the statement's own axes."""
    if statement.weight is None:
        return None
    value = reader.read(statement.weight, scope)
    nodes, axes = reader.together([place, value], statement.weight.span)
    if set(axes) != set(place.axes):
        raise reader.stop(
            kinds.SHAPE(
                "the weight has more axes than what it weighs",
                statement.weight.span,
                axes_text(value.axes),
            )
        )
    return nodes[1]


# ---------------------------------------------------------------------------------------- define


def _define(
    reader: Reader,
    statement: tree.Define,
    target: tree.Expression,
    scope: Scope,
    loops: tuple[Index, ...],
) -> None:
    plain = strip(target)
    if plain is None:
        raise reader.stop(
            kinds.BAD_TARGET(
                "on the left of `=` stands a name",
                target.span,
                help="to observe an expression of data, write `~`",
            )
        )
    names = reader.names
    _refuse_distribution(reader, statement, plain)
    value = reader.read(statement.value, scope)
    key, place = _place(reader, plain, scope, loops)
    if place is None:
        reader.no_limits(value.axes, value.span or statement.span)
        needed = closed(value.node.free)
        own = tuple(i for i in loops if i in needed)
        every = (*own, *value.axes)
        names.known_axes[key] = tuple(axis_of(i.domain) for i in every)
        names.own_loops[key] = own
        positions = tuple(subtract(Position(i), i.domain.start) for i in every)
        piece = Define(Read(key, positions, plain.span), every, value.node, statement.span)
        names.pieces.append((key, piece))
        return
    nodes, axes = reader.together([place, value], statement.span)
    if set(axes) != set(place.axes):
        place, nodes = _grow_define(reader, key, plain, place, value)
        axes = place.axes
    assert isinstance(place.node, Read)
    piece = Define(place.node, (*loops, *place.axes), nodes[1], statement.span)
    names.pieces.append((key, piece))


def _refuse_distribution(
    reader: Reader, statement: tree.Define, target: tree.Name | tree.Index
) -> None:
    """Report ``s = HalfNormal(1)``."""
    value = statement.value
    if not isinstance(value, tree.Call) or value.function.id not in distributions():
        return
    if value.function.id in reader.names.functions:
        return
    texts = reader.names.text(target.span), reader.names.text(value.span)
    raise reader.stop(
        kinds.NOT_A_VALUE(
            f"`{value.function.id}` is a distribution, not a number",
            value.function.span,
            help=f"write `{texts[0]} ~ {texts[1]}`",
        )
    )


def _grow_define(
    reader: Reader, key: str, plain: tree.Name | tree.Index, place: Value, value: Value
) -> tuple[Value, tuple[Node, ...]]:
    """Add the value's further axes to a new name: ``mu[n] = X[n]`` has X's columns too."""
    axes = reader.names.known_axes[key]
    new = isinstance(plain, tree.Index) and len(axes) == len(plain.positions)
    entry = reader.names.declared.entries[key]
    if not new or place.axes or len(entry.sites) > 1 or entry.datum or entry.parameter:
        raise reader.stop(
            kinds.SHAPE(
                f"the right side has more axes than `{reader.names.text(plain.span)}`",
                value.span or plain.span,
                axes_text(value.axes),
                help="name all axes on the left: "
                f"`{name_of(plain).id}[{', '.join(size_text(i.domain) for i in value.axes)}] = ...`"
                if not place.node.free
                else "name all axes on the left",
            )
        )
    extra = tuple(axis_of(i.domain) for i in value.axes)
    reader.names.known_axes[key] = (*axes, *extra)
    assert isinstance(place.node, Read)
    positions = tuple(subtract(Position(i), i.domain.start) for i in value.axes)
    read = replace(place.node, positions=(*place.node.positions, *positions))
    return Value(read, value.axes, place.span), (read, value.node)


__all__ = ["Unknown", "read_site"]
