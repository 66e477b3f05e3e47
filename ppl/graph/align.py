"""Alignment: how whole arrays become indices.

While an expression is read, it is a `Value`: a node with the list of its *axes*, the indices of
whole arrays that nothing has bound yet. Operands meet here. Axes with names meet by name; axes
without names meet by position, counted from the last. A size never chooses an axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ppl.graph.graph import SameSize
from ppl.graph.nodes import Constant, Domain, Index, Node, Size, rename, same
from ppl.text import Span


@dataclass(frozen=True, slots=True)
class Value:
    """A node and, in order, the indices of its whole axes."""

    node: Node
    axes: tuple[Index, ...] = ()
    span: Span | None = None

    def renamed(self, names: dict[Index, Index]) -> Value:
        """Return the value with indices replaced."""
        return Value(rename(self.node, names), tuple(names.get(i, i) for i in self.axes), self.span)


class Misaligned(Exception):
    """Two values do not fit; `left` and `right` are their places among the operands."""

    def __init__(self, left: int, right: int, reason: str) -> None:
        super().__init__(reason)
        self.left, self.right, self.reason = left, right, reason


def dimension_of(index: Index) -> str | None:
    """Return the name of the dimension that an axis spans, None for a range or a nameless one."""
    return index.domain.dimension


def has_repeats(axes: Iterable[Index]) -> bool:
    """Return whether a dimension stands twice among the axes."""
    names = [d for a in axes if (d := dimension_of(a)) is not None]
    return len(names) != len(set(names))


def align(
    values: Sequence[Value], span: Span
) -> tuple[tuple[Value, ...], tuple[Index, ...], list[SameSize]]:
    """Give all operands common axes.

    Returns the operands over common indices, the common axes in order, and which domains must turn
    out to have the same size.

    Raises
    ------
    Misaligned
        If the axes cannot be matched.
    """
    order = sorted(range(len(values)), key=lambda k: -len(values[k].axes))
    common: list[Index] = []
    first: list[int] = []
    sizes: list[SameSize] = []
    result: list[Value] = list(values)
    for k in order:
        value = values[k]
        if not value.axes:
            continue
        names = _match(common, first, value.axes, k)
        for index in value.axes:
            target = names.get(index)
            if target is not None and not same_limits(target, index):
                raise Misaligned(
                    first[common.index(target)],
                    k,
                    "the bounds of a range use another index, and the other axis has not the same",
                )
            if target is not None and not _alike(target, index):
                sizes.append(SameSize(target.domain, index.domain, span))
        common = _named(common, names)
        fresh = [i for i in value.axes if i not in names]
        common, first = _merge(common, first, fresh, k)
        result[k] = value.renamed({a: b for a, b in names.items() if a is not b})
    return tuple(result), tuple(common), sizes


def same_limits(a: Index, b: Index) -> bool:
    """Return whether two axes are within the same bounds, if any that use other indices."""
    if a.limits is None or b.limits is None:
        return a.limits is b.limits
    return all(same(m, n) for m, n in zip(a.limits, b.limits, strict=True))


def _alike(a: Index, b: Index) -> bool:
    """Return whether two axes have the same size whatever the data."""
    named = dimension_of(a) is not None and dimension_of(a) == dimension_of(b)
    return named or a.domain is b.domain or a.limits is not None


def _named(common: list[Index], names: dict[Index, Index]) -> list[Index]:
    """Give axes without a name the names that they meet, so that what comes next can meet them."""
    met = {b: name for a, b in names.items() if (name := dimension_of(a)) is not None}
    return [
        replace(c, domain=replace(c.domain, dimension=met[c]))
        if c in met and dimension_of(c) is None
        else c
        for c in common
    ]


def _merge(
    common: list[Index], first: list[int], fresh: list[Index], k: int
) -> tuple[list[Index], list[int]]:
    """Put axes that only the new operand has after the common ones (nameless ones before)."""
    nameless = [i for i in fresh if dimension_of(i) is None and common]
    named = [i for i in fresh if i not in nameless]
    return nameless + common + named, [k] * len(nameless) + first + [k] * len(named)


def _match(
    common: list[Index], first: list[int], axes: tuple[Index, ...], k: int
) -> dict[Index, Index]:
    if not common:
        return {}
    if has_repeats(common) or has_repeats(axes):
        return _by_position(common, first, axes, k)
    names: dict[Index, Index] = {}
    by_name = {dimension_of(c): c for c in common if dimension_of(c) is not None}
    for index in axes:
        name = dimension_of(index)
        if name is not None and name in by_name:
            names[index] = by_name[name]
    taken = set(names.values())
    left = [c for c in common if c not in taken]
    rest = [i for i in axes if i not in names]
    met = zip(reversed(rest), reversed(left), strict=False)
    names |= {i: c for i, c in met if dimension_of(i) is None or dimension_of(c) is None}
    return names


def _by_position(
    common: list[Index], first: list[int], axes: tuple[Index, ...], k: int
) -> dict[Index, Index]:
    if len(common) != len(axes):
        raise Misaligned(
            first[0],
            k,
            "a dimension stands twice, so axes meet by position, and their number differs",
        )
    for a, b in zip(common, axes, strict=True):
        one, two = dimension_of(a), dimension_of(b)
        if one is not None and two is not None and one != two:
            raise Misaligned(first[0], k, f"{one} meets {two}")
    return dict(zip(axes, common, strict=True))


def size_text(domain: Domain) -> str:
    """Return a domain in the model's words: ``K``, ``3`` or ``1:T``."""
    from ppl.graph.show import bare_text, node_text

    if domain.dimension is not None:
        return domain.dimension
    if isinstance(domain.stop, Size) and "." in domain.stop.dimension:
        data, _, axis = domain.stop.dimension.partition(".")
        return f"axis {axis} of {data}" if axis != "row" else f"rows of {data}"
    if isinstance(domain.start, Constant) and domain.start.value == 0:
        return bare_text(domain.stop)
    return f"{node_text(domain.start)}:{node_text(domain.stop)}"


def axis_text(index: Index) -> str:
    """Return what an axis runs over in the model's words: ``K``, ``3``, ``0:t``."""
    from ppl.graph.show import bare_text

    if index.limits is None:
        return size_text(index.domain)
    return ":".join(map(bare_text, index.limits))
