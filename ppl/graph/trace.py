"""Tracing: the expression of a function or a density becomes nodes.

A record's expression is run once on `Traced` values. NumPy's ufuncs and functions arrive here by
NumPy's own protocols, operations of ours by `ppl.primitives.operation`; each must be an atom.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    Matrix,
    Node,
    Position,
    Reduce,
    Select,
    extent,
    rename,
    subtract,
)
from ppl.primitives.atoms import RECOGNISED, Atom


@dataclass(frozen=True, slots=True)
class Signature:
    """A gufunc signature: letters of each argument's event axes, and of the result's."""

    arguments: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]


def parse_signature(text: str, count: int) -> Signature:
    """Read ``(n),(n,n)->(n)``; an empty text says that `count` arguments are numbers."""
    if not text:
        return Signature(((),) * count, ())
    left, _, right = text.replace(" ", "").partition("->")

    def letters(group: str) -> tuple[str, ...]:
        return tuple(p for p in group.strip("()").split(",") if p)

    groups = left.replace("),(", ")|(").split("|")
    return Signature(tuple(map(letters, groups)), letters(right))


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A node that stands for an array; `event` are its last axes, which meet by position."""

    __slots__ = ("event", "node")

    def __init__(self, node: Node, event: tuple[Index, ...] = ()) -> None:
        self.node = node
        self.event = event

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Traced:
        if method != "__call__" or kwargs:
            raise NotImplementedError(f"{ufunc.__name__}.{method} while tracing")
        return elementwise(_atom(ufunc), inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Traced:
        if function is np.sum and kwargs.get("axis", args[1] if len(args) > 1 else None) == -1:
            return reduce_last("sum", args[0])
        if function is np.where and len(args) == 3:
            return select(*args)
        raise NotImplementedError(f"{function.__name__} while tracing")

    def __ppl_operation__(self, function: Any, arguments: Sequence[Any]) -> Traced:
        return apply_operation(_atom(function), arguments)


TRUTHS = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.invert: np.logical_not}


def _atom(function: Any) -> Atom:
    try:
        return RECOGNISED[TRUTHS.get(function, function)]
    except KeyError:
        raise NotImplementedError(f"{function!r} is not an atom") from None


def _lift(value: Any) -> Traced:
    if isinstance(value, Traced):
        return value
    if isinstance(value, Number | np.generic) or (
        isinstance(value, np.ndarray) and value.ndim == 0
    ):
        number = value.item() if isinstance(value, np.generic | np.ndarray) else value
        return Traced(Constant(number))  # type: ignore[arg-type]
    raise NotImplementedError(f"a {type(value).__name__} while tracing")


def _together(values: Sequence[Any]) -> tuple[list[Node], tuple[Index, ...]]:
    """Give values common event axes, by position from the last."""
    traced = [_lift(v) for v in values]
    longest = max((t.event for t in traced), key=len)
    nodes = []
    for t in traced:
        mine = longest[len(longest) - len(t.event) :]
        names = {a: b for a, b in zip(t.event, mine, strict=True) if a is not b}
        nodes.append(rename(t.node, names))
    return nodes, longest


def elementwise(atom: Atom, values: Sequence[Any]) -> Traced:
    """Apply an elementwise atom; numbers fold."""
    nodes, event = _together(values)
    if all(isinstance(n, Constant) for n in nodes):
        with np.errstate(all="ignore"):
            folded = atom.function(*(n.value for n in nodes))  # type: ignore[union-attr]
        number = folded.item() if isinstance(folded, np.generic) else folded
        return Traced(Constant(number), event)
    return Traced(_neutral(atom.name, nodes) or Apply(atom.name, tuple(nodes)), event)


def _neutral(atom: str, nodes: Sequence[Node]) -> Node | None:
    """Leave out adding 0 and multiplying by 1; join constants that are added one after another."""
    match atom, tuple(nodes):
        case ("add" | "subtract", (a, Constant(value=0))) | ("add", (Constant(value=0), a)):
            return a
        case ("multiply" | "divide", (a, Constant(value=1))) | (
            "multiply",
            (Constant(value=1), a),
        ):
            return a
        case ("add" | "subtract") as outer, (
            Apply(atom="add" | "subtract") as inner,
            Constant() as c,
        ):
            a, b = inner.arguments
            if isinstance(b, Constant):
                first = b.value if inner.atom == "add" else -b.value
                total = first + (c.value if outer == "add" else -c.value)
                joined = "add" if total >= 0 else "subtract"
                return Apply(joined, (a, Constant(abs(total))), inner.span)
        case _:
            pass
    return None


def select(condition: Any, yes: Any, no: Any) -> Traced:
    """``np.where``; a known condition chooses."""
    (c, a, b), event = _together((condition, yes, no))
    if isinstance(c, Constant):
        return Traced(a if c.value else b, event)
    return Traced(Select(c, a, b), event)


def reduce_last(operation: Any, value: Any) -> Traced:
    """Reduce the last event axis."""
    t = _lift(value)
    return Traced(Reduce(operation, (t.event[-1],), t.node), t.event[:-1])


def apply_operation(atom: Atom, values: Sequence[Any]) -> Traced:
    """Apply an atom that acts on whole axes, per its signature, or elementwise if it has none."""
    if atom.name == "size":
        return Traced(extent(_lift(values[0]).event[-1].domain))
    if atom.name == "positions":
        event = _lift(values[0]).event
        last = event[-1]
        return Traced(subtract(Position(last), last.domain.start), (last,))
    if not atom.signature:
        return elementwise(atom, values)
    signature = parse_signature(atom.signature, len(values))
    traced = [_lift(v) for v in values]
    domains: dict[str, Domain] = {}
    bound = []
    for t, letters in zip(traced, signature.arguments, strict=True):
        core = t.event[len(t.event) - len(letters) :]
        bound.append(core)
        for letter, index in zip(letters, core, strict=True):
            domains.setdefault(letter, index.domain)
    rest = [
        Traced(t.node, t.event[: len(t.event) - len(b)]) for t, b in zip(traced, bound, strict=True)
    ]
    nodes, event = _together(rest)
    out = tuple(Index(letter, "axis", domains[letter]) for letter in signature.result)
    return Traced(Matrix(atom.name, tuple(nodes), tuple(bound), out), event + out)


def trace(
    expression: Callable[..., Any], nodes: Sequence[Node], events: Sequence[tuple[Index, ...]]
) -> Traced:
    """Run an expression on nodes, each with its event axes."""
    return _lift(expression(*(Traced(n, e) for n, e in zip(nodes, events, strict=True))))
