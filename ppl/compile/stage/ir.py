"""The program between autograd's tape and NumPy source: few operations, symbolic in the draws.

A `Node` is one operation on arrays. Lengths that depend on the number of draws S are `Draws`
objects, so one program serves every S. Nodes are made by `ppl.compile.stage.build.Builder` only,
which makes equal nodes once; therefore they compare by identity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np


class CannotStage(Exception):
    """The function cannot be staged; the message says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class Draws:
    """A length that is a fixed multiple of the number of draws S."""

    times: int = 1

    def __str__(self) -> str:
        return "S" if self.times == 1 else f"{self.times} * S"


Length: TypeAlias = int | Draws
Shape: TypeAlias = tuple[Length, ...]

Op = Literal[
    "input",  # attr: None for the draws, else the number of the data
    "constant",
    "elementwise",  # attr: the ufunc
    "where",
    "reduce",  # attr: (ufunc, axes)
    "reshape",
    "broadcast",
    "transpose",  # attr: the permutation
    "index",  # attr: basic index: slices, integers, None
    "take",  # attr: axis; args: array, index
    "segment",  # attr: (axis, size); args: array, index. The adjoint of take
    "assemble",  # attr: basic indices, one per argument; the sum of writes into zeros
    "concatenate",  # attr: axis
    "matmul",
    "vecdot",
    "call",  # attr: (function, arguments, keywords) with `Slot`s for args
    "item",  # attr: position in a container
    "container",  # args: its items
]


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a node's argument within the arguments of a called function."""

    position: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value without a useful hash among the arguments of a called function."""

    value: Any

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and other.value is self.value


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation.

    Attributes
    ----------
    number
        Counts nodes in the order of their making: arguments have smaller numbers.
    op, args, attr
        What is done to what; `attr` as told beside the names in `Op`.
    shape, dtype
        Of the result; a container of arrays has shape None.
    value
        Of a constant.
    """

    number: int
    op: Op
    args: tuple[Node, ...]
    attr: Any
    shape: Shape | None
    dtype: np.dtype[Any]
    value: np.ndarray[Any, Any] | None = None

    @property
    def dims(self) -> Shape:
        """The shape of an array; an error for a container."""
        if self.shape is None:
            raise CannotStage("A tuple of arrays is used as an array.")
        return self.shape

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """The value of a constant."""
        assert self.value is not None
        return self.value


@dataclass(frozen=True, slots=True)
class Program:
    """What is left after simplification: the nodes that the outputs need, in order."""

    input: Node
    outputs: tuple[Node, ...]
    nodes: tuple[Node, ...]


def reachable(input: Node, outputs: Iterable[Node]) -> Program:
    """Return the program of all nodes that `outputs` need: dead code is left behind."""
    outputs = tuple(outputs)
    found: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.number not in found:
            found[node.number] = node
            stack.extend(node.args)
    return Program(input, outputs, tuple(found[k] for k in sorted(found)))


def uses(program: Program) -> dict[Node, int]:
    """Count the arguments and outputs that each node of a program is."""
    count = dict.fromkeys(program.nodes, 0)
    for node in program.nodes:
        for arg in node.args:
            count[arg] += 1
    for node in program.outputs:
        count[node] += 1
    return count


def broadcast_shapes(shapes: Iterable[Shape]) -> Shape:
    """Return the common shape of arrays that broadcast against each other."""
    shapes = tuple(shapes)
    if all(shape == shapes[0] for shape in shapes):
        return shapes[0]
    result: list[Length] = []
    for shape in shapes:
        result[:0] = [1] * (len(shape) - len(result))
        offset = len(result) - len(shape)
        for i, length in enumerate(shape, offset):
            if result[i] == 1:
                result[i] = length
            elif length not in (1, result[i]):
                raise CannotStage("The shapes of two arrays agree only for some numbers of draws.")
    return tuple(result)


def elements(shape: Shape) -> tuple[int, int]:
    """Return the count of elements as a coefficient and a power of S."""
    count, power = 1, 0
    for length in shape:
        if isinstance(length, Draws):
            count, power = count * length.times, power + 1
        else:
            count *= length
    return count, power


def bytes_per_draw(node: Node) -> int:
    """Return the bytes of a node's result divided by S; 0 if they do not grow with S."""
    if node.shape is None:
        return 0
    count, power = elements(node.shape)
    return count * node.dtype.itemsize if power else 0
