"""Putting nodes in the place of indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ppl.graph.nodes import (
    Constant,
    Domain,
    Index,
    LogDensity,
    Matrix,
    Node,
    Ode,
    Position,
    Reduce,
    Stack,
    over,
    rewrite,
)


def substitute(root: Node, values: Mapping[Index, Node]) -> Node:
    """Return the root with nodes in the place of free indices; bound indices become fresh."""
    hidden = _bound(root) & (values.keys() | root.free)
    if hidden:
        root = _apart(root, hidden)
    renewed: dict[Index, Index] = {}

    def fresh(index: Index) -> Index:
        if index not in renewed:
            renewed[index] = index.like()
        return renewed[index]

    bound = _bound(root)

    def one(node: Node) -> Node:
        match node:
            case Position(index=index) if index in values:
                return values[index]
            case Position(index=index) if index in bound:
                return Position(fresh(index), node.span)
            case Reduce():
                return over(node, fresh)
            case Stack(index=index, items=items):
                if index in values:
                    position = values[index]
                    if isinstance(position, Constant) and 0 <= position.value < len(items):
                        return items[int(position.value)]
                    return replace(node, index=_side_by_side(index, position))
                return replace(node, index=fresh(index)) if index in bound else node
            case Matrix(bound=inner, out=out):
                plain = []
                for index in out:
                    at = values.get(index)
                    if at is None:
                        plain.append(fresh(index) if index in bound else index)
                    else:
                        plain.append(_side_by_side(index, at))
                return replace(
                    node,
                    bound=tuple(tuple(map(fresh, b)) for b in inner),
                    out=tuple(plain),
                )
            case Ode(bound=(a, b), captured_axes=axes):
                return replace(
                    node,
                    bound=(fresh(a), fresh(b)),
                    captured_axes=tuple(tuple(map(fresh, e)) for e in axes),
                )
            case LogDensity(event=event, events=events):
                return replace(
                    node,
                    event=tuple(map(fresh, event)),
                    events=tuple(tuple(map(fresh, e)) for e in events),
                )
            case _:
                return node

    return rewrite(root, one)


def _apart(root: Node, hidden: set[Index]) -> Node:
    """Return the root where sums over indices that are free elsewhere have indices of their own."""

    def one(node: Node) -> Node:
        match node:
            case Reduce(indices=indices, body=body) if hidden & set(indices):
                own = {i: i.like() for i in indices if i in hidden}
                inner = substitute(body, {i: Position(j) for i, j in own.items()})
                return over(replace(node, body=inner), lambda i: own.get(i, i))
            case _:
                return node

    return rewrite(root, one)


def _side_by_side(old: Index, position: Node) -> Index:
    """Return an index that runs over the same positions as the old one.

    Raises
    ------
    NotPlain
        If the position is anything else.
    """
    if not isinstance(position, Position) or not same_domain(old.domain, position.index.domain):
        raise NotPlain
    return position.index


def same_domain(a: Domain, b: Domain) -> bool:
    """Return whether two domains are shown to have the same positions, counted from 0."""
    match a, b:
        case Domain(start=Constant(value=0), stop=Constant(value=m)), Domain(
            start=Constant(value=0), stop=Constant(value=n)
        ):
            return m == n
        case Domain(start=Constant(value=0), dimension=str() as one), Domain(
            start=Constant(value=0), dimension=two
        ):
            return one == two
        case _:
            return a is b and isinstance(a.start, Constant) and a.start.value == 0


class NotPlain(Exception):
    """A whole axis would have to become a single position."""


def _bound(root: Node) -> set[Index]:
    """Return the indices that some node below binds."""
    from ppl.graph.nodes import walk

    found: set[Index] = set()
    for node in walk(root):
        match node:
            case Reduce(indices=indices):
                found.update(indices)
            case Matrix(bound=inner):
                found.update(i for b in inner for i in b)
            case Ode(bound=pair, captured_axes=axes):
                found.update(pair)
                found.update(i for e in axes for i in e)
            case LogDensity(event=event, events=events):
                found.update(event)
                found.update(i for e in events for i in e)
            case _:
                pass
    return found
