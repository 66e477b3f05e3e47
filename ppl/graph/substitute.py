"""Putting nodes in the place of indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ppl.graph.nodes import Index, LogDensity, Matrix, Node, Position, Reduce, Stack, rewrite


def substitute(root: Node, values: Mapping[Index, Node]) -> Node:
    """Return the root with nodes in the place of free indices; bound indices become fresh."""
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
            case Reduce(indices=indices):
                return replace(node, indices=tuple(map(fresh, indices)))
            case Stack(index=index):
                if index in values:
                    position = values[index]
                    if not isinstance(position, Position):
                        raise NotPlain
                    return replace(node, index=position.index)
                return replace(node, index=fresh(index)) if index in bound else node
            case Matrix(bound=inner, out=out):
                plain = []
                for index in out:
                    at = values.get(index)
                    if at is None:
                        plain.append(fresh(index) if index in bound else index)
                    elif isinstance(at, Position):
                        plain.append(at.index)
                    else:
                        raise NotPlain
                return replace(
                    node,
                    bound=tuple(tuple(map(fresh, b)) for b in inner),
                    out=tuple(plain),
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
            case LogDensity(event=event, events=events):
                found.update(event)
                found.update(i for e in events for i in e)
            case _:
                pass
    return found
