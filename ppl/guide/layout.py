"""Which columns of the flat unconstrained vector belong to which variable.

The compiler writes the blocks; guides and inference read from them which columns are learned
parameters (points, without spread) and which latents are global.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of one variable.

    Attributes
    ----------
    name
        The variable's name in the model; where its statements give it piece by piece, with the
        number of the piece, as ``level.3``.
    start, stop
        Its columns, half-open.
    shape
        Shape of the variable in the unconstrained space; its size is ``stop - start``.
    kind
        A latent has a distribution; a parameter is learned as one value.
    plate
        Number of positions of the outermost plate, 1 if there is none; larger is more local.
    location_scale
        Whether the latent is a location plus a scale times noise.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    kind: Literal["latent", "parameter"]
    plate: int = 1
    location_scale: bool = False

    @property
    def size(self) -> int:
        """Number of columns."""
        return self.stop - self.start

    @property
    def variable(self) -> str:
        """The variable's name in the model."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Layout:
    """All blocks, in the order of their columns, without gaps."""

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        stop = 0
        for block in self.blocks:
            if block.start != stop or block.stop < block.start:
                raise ValueError(f"block {block.name!r} does not start where the last one ends")
            stop = block.stop

    @property
    def dimension(self) -> int:
        """Number of columns."""
        return self.blocks[-1].stop if self.blocks else 0

    @cached_property
    def points(self) -> npt.NDArray[np.bool_]:
        """Which columns are learned parameters, (D,)."""
        mask = np.zeros(self.dimension, dtype=np.bool_)
        for block in self.parameters:
            mask[block.start : block.stop] = True
        return mask

    @property
    def latents(self) -> tuple[Block, ...]:
        """The blocks of latents."""
        return tuple(block for block in self.blocks if block.kind == "latent")

    @property
    def parameters(self) -> tuple[Block, ...]:
        """The blocks of learned parameters."""
        return tuple(block for block in self.blocks if block.kind == "parameter")

    def most_global(self, limit: int) -> npt.NDArray[np.intp]:
        """Return latent columns by rising plate size, whole blocks, up to `limit` columns."""
        chosen: list[int] = []
        for block in sorted(self.latents, key=_plate):
            if len(chosen) + block.size > limit:
                break
            chosen.extend(range(block.start, block.stop))
        return np.array(chosen, dtype=np.intp)


def _plate(block: Block) -> int:
    return block.plate
