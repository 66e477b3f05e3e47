"""Who shares memory with whom, and when the last reader is done.

A node's *roots* are the nodes whose memory it may lie in: itself for a fresh array, those of its
base for a view, and those of all its arguments for a function that is not looked into, unless the
function says by an attribute ``fresh`` that its results are new memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppl.compile.stage.ir import Node, Program

VIEWS = frozenset({"reshape", "broadcast", "transpose", "index", "item", "container", "call"})


@dataclass(slots=True)
class Lifetimes:
    """Sharing and last uses of a program's nodes; positions count statements."""

    _roots: dict[Node, frozenset[Node]]
    _last: dict[Node, int]
    _dying: dict[int, list[Node]]
    escaping: frozenset[Node]

    def roots(self, node: Node) -> frozenset[Node]:
        """Return the nodes whose memory a node may lie in."""
        return self._roots[node]

    def owns(self, node: Node) -> bool:
        """Tell whether a node is a fresh array of its own."""
        return node.op not in VIEWS and node.op not in ("input", "constant")

    def last_use(self, node: Node) -> int:
        """Return the position of the last statement that reads a node's memory."""
        return self._last[node]

    def dying(self, position: int) -> list[Node]:
        """Return the nodes whose memory is free after a statement."""
        return self._dying.get(position, [])

    def takes_over(self, node: Node, victim: Node) -> None:
        """Let a node have the memory of an operand: the operand is not freed."""
        self._dying[self._last[victim]].remove(victim)


def _fresh(node: Node) -> bool:
    return node.op == "call" and bool(getattr(node.attr[0].value, "fresh", False))


def lifetimes(program: Program) -> Lifetimes:
    """Find sharing, last uses, and what reaches the caller."""
    roots: dict[Node, frozenset[Node]] = {}
    last: dict[Node, int] = {}
    for position, node in enumerate(program.nodes):
        own = {node} if node.op not in VIEWS or node.op == "call" else set()
        shared = [roots[a] for a in node.args] if node.op in VIEWS and not _fresh(node) else []
        roots[node] = frozenset(own).union(*shared)
        for arg in node.args:
            last.update(dict.fromkeys(roots[arg], position))
        last[node] = position
    escaping = frozenset().union(*(roots[o] for o in program.outputs))
    last.update(dict.fromkeys(escaping, len(program.nodes)))
    dying: dict[int, list[Node]] = {}
    for node, position in last.items():
        dying.setdefault(position, []).append(node)
    return Lifetimes(roots, last, dying, escaping)
