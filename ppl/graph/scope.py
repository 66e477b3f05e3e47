"""What a name means at a place of the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ppl.graph.align import Value
from ppl.graph.nodes import Index


@dataclass(frozen=True, slots=True)
class Scope:
    """Names that hold only here.

    Attributes
    ----------
    loops
        Indices of the loops around this place, from outside in.
    blocks
        Numbers of the `for` blocks around it: names defined in them without brackets are visible.
    values
        Arguments and definitions of the function whose body this is.
    reduced
        Whether this is all that a reduction is of: a window stays a range with its bounds.
    """

    loops: Mapping[str, Index] = field(default_factory=dict)
    blocks: tuple[int, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    reduced: bool = False

    def inside(self, indices: Mapping[str, Index], block: int | None = None) -> Scope:
        """Return the scope inside a loop over these indices."""
        blocks = self.blocks if block is None else (*self.blocks, block)
        return replace(self, loops={**self.loops, **indices}, blocks=blocks)

    def having(self, values: Mapping[str, Value]) -> Scope:
        """Return the scope with further values."""
        return replace(self, values={**self.values, **values})


class Stop(Exception):
    """Ends the reading of one statement; the diagnostic has been given already."""
