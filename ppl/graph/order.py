"""Which names depend on which, and an order in which they can be computed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from ppl.graph.graph import Define, Factor, Graph, Piece, Sample
from ppl.graph.nodes import Node, reads


def piece_reads(piece: Piece) -> set[str]:
    """Return the names that a piece reads on its right side, bounds and weight."""
    left: set[str] = set()
    match piece:
        case Sample(target=target, density=density, suffix=suffix, weight=weight):
            roots: list[Node] = list(density.arguments)
            if target is None:
                roots.append(density.value)
            else:
                roots.extend(target.positions)
                left = reads(density.value) - {target.name}
            if suffix is not None:
                roots.extend(b for b in (suffix.lower, suffix.upper) if b is not None)
            if weight is not None:
                roots.append(weight)
        case Define(target=target, value=value):
            roots = [value, *target.positions]
        case Factor(value=value):
            roots = [value]
    return reads(*roots) | left


def parents(graph: Graph) -> dict[str, set[str]]:
    """Return, for every variable, the names that its pieces read (itself excepted)."""
    result: dict[str, set[str]] = {}
    for name, variable in graph.variables.items():
        found: set[str] = set()
        for number in variable.pieces:
            found |= piece_reads(graph.pieces[number])
        found.discard(name)
        result[name] = found
    return result


def closure(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return all names that can be reached, the starts included."""
    seen: set[str] = set()
    stack = list(starts)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(edges.get(name, ()))
    return seen


def topological(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> list[str] | set[str]:
    """Order names after those they depend on, otherwise as given; a set of names in a cycle if
    there is one."""
    order = {name: k for k, name in enumerate(names)}
    waiting = {name: {p for p in edges.get(name, ()) if p in order} for name in order}
    followers: dict[str, list[str]] = {}
    for name, needs in waiting.items():
        for need in needs:
            followers.setdefault(need, []).append(name)
    ready = [order[name] for name, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    by_number = list(order)
    done: list[str] = []
    while ready:
        name = by_number[heapq.heappop(ready)]
        done.append(name)
        for follower in followers.get(name, ()):
            waiting[follower].discard(name)
            if not waiting[follower]:
                heapq.heappush(ready, order[follower])
    if len(done) < len(order):
        return {name for name, needs in waiting.items() if needs}
    return done


def rings(names: Sequence[str], edges: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Return the sets of names that depend on one another, or on themselves.

    Tarjan (1972), "Depth-first search and linear graph algorithms": linear in names and edges.
    """
    order = {name: k for k, name in enumerate(names)}
    found: list[tuple[str, ...]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    for root in names:
        if root in number:
            continue
        work = [(root, iter(edges.get(root, ())))]
        while work:
            node, below = work[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                stack.append(node)
                waiting.add(node)
            following = next((n for n in below if n in order), None)
            if following is not None:
                if following not in number:
                    work.append((following, iter(edges.get(following, ()))))
                elif following in waiting:
                    low[node] = min(low[node], number[following])
                continue
            work.pop()
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[node])
            if low[node] == number[node]:
                component = stack[stack.index(node) :]
                del stack[-len(component) :]
                waiting.difference_update(component)
                if len(component) > 1 or node in set(edges.get(node, ())):
                    found.append(tuple(sorted(component, key=order.__getitem__)))
    return found
