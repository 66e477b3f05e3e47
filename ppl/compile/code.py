"""Pieces of source text with what they stand for: which indices their axes are, in which order.

A draw is an index like any other; it is always the first axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ppl.graph.nodes import Constant, Domain, Index

DRAW = Index("draw", "plate", Domain(Constant(0), Constant(0)))
"""The index of the guide's draws."""


@dataclass(frozen=True, slots=True)
class Code:
    """An expression of source.

    Attributes
    ----------
    text
        Python text.
    axes
        What its axes are, in order.
    precedence
        Of its outermost operator (see `ppl.primitives.atoms.Atom`).
    simple
        Whether it is a name or a number, not worth computing beforehand.
    truth
        Whether its values are booleans.
    """

    text: str
    axes: tuple[Index, ...] = ()
    precedence: int = 0
    simple: bool = False
    truth: bool = False

    @property
    def drawn(self) -> bool:
        """Whether it differs from draw to draw."""
        return DRAW in self.axes

    def operand(self, limit: int) -> str:
        """Return the text, in parentheses if it binds less tightly than the limit."""
        return f"({self.text})" if self.precedence > limit else self.text


def ordered(indices: Iterable[Index], order: Sequence[Index]) -> tuple[Index, ...]:
    """Return indices with the draw first, then in a given order, then by age."""
    rank = {index: k for k, index in enumerate(order)}
    return tuple(
        sorted(
            indices,
            key=lambda i: (i != DRAW, rank.get(i, len(rank)), i.serial),
        )
    )


def transposed(code: Code, axes: tuple[Index, ...]) -> Code:
    """Return the code with its own axes in another order."""
    if code.axes == axes:
        return code
    places = tuple(code.axes.index(i) for i in axes)
    if places == (1, 0):
        return Code(f"{code.operand(0)}.T", axes)
    return Code(f"np.transpose({code.text}, {places})", axes)


def aligned(code: Code, axes: tuple[Index, ...]) -> Code:
    """Return the code so that NumPy's broadcasting lays it along these axes."""
    mine = tuple(i for i in axes if i in code.axes)
    code = transposed(code, mine)
    if not mine or mine == axes[len(axes) - len(mine) :]:
        return code
    first = axes.index(mine[0])
    marks = [":" if i in code.axes else "None" for i in axes[first:]]
    while marks and marks[-1] == ":" and len(marks) > 1:
        marks.pop()
    return Code(f"{code.operand(0)}[{', '.join(marks)}]", mine)
