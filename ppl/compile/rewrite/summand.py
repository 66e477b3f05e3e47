"""What a term is made of, while rules take it apart.

A summand is a sum over rows of one factor that differs by row and by draw, times a sum of products
that no row changes but through data; without such a factor it is one product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ppl.compile.program import Step
from ppl.compile.rewrite.products import Product, Products, TooMany, expand, plus, times
from ppl.compile.rewrite.rows import Rows
from ppl.compile.rewrite.scope import Scope
from ppl.graph.nodes import Apply, Index, Node


@dataclass(frozen=True, slots=True)
class Summand:
    """A part of a term.

    Attributes
    ----------
    factor
        What differs by row and by draw, if anything does so beyond a gather.
    parts
        What it is multiplied by, in sum.
    rows
        What it is summed over.
    others
        The term's other indices, over which it is summed as well.
    """

    factor: Node | None
    parts: tuple[Product, ...]
    rows: Rows
    others: tuple[Index, ...]

    @property
    def node(self) -> Node:
        """The summand as an expression over its rows."""
        coefficient = plus([times(*p.data, *p.latent) for p in self.parts])
        return coefficient if self.factor is None else times(coefficient, self.factor)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a rule makes of a summand.

    Attributes
    ----------
    terms
        Expressions and the indices over which each is summed.
    steps
        What they need computed before.
    rest
        A summand to go on with.
    rows
        How many rows are left.
    """

    terms: tuple[tuple[Node, tuple[Index, ...]], ...] = ()
    steps: tuple[Step, ...] = ()
    rest: Summand | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewrite.

    Attributes
    ----------
    name
        As ``ppl show --stage simplify`` calls it.
    summary
        What it does, to be read after the name.
    apply
        Returns the better form, or None.
    """

    name: str
    summary: str
    apply: Callable[[Summand, Scope], Rewritten | None] = field(repr=False)


def data_indices(product: Product, rows: Rows) -> tuple[Index, ...]:
    """Return the indices of a product's data besides the rows, in a fixed order."""
    free = frozenset().union(*(n.free for n in product.data)) - rows.set
    return tuple(sorted(free, key=lambda i: i.serial))


def under_square(summand: Summand, scope: Scope) -> Products | None:
    """Return what a summand's factor squares, as a sum of products; None if no such square."""
    match summand.factor:
        case Apply(atom="square", arguments=(inside,)):
            try:
                return expand(inside, summand.rows, scope)
            except TooMany:
                return None
        case _:
            return None
