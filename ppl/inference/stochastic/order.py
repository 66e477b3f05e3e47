"""Which positions of a plate come when: every epoch all of them, once each.

In memory an epoch is a permutation. From disk, blocks of consecutive rows are read in shuffled
order, a few at a time, and shuffled among themselves: reading stays sequential. Both depend on the
seed and the epoch alone, so a run that was killed goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]

BLOCK, BLOCKS_AT_ONCE = 4096, 8
"""Consecutive rows that are read together, and how many such blocks are shuffled in memory."""


def permutation(seed: int, epoch: int, total: int) -> Positions:
    """Return the order of an epoch, (total,)."""
    rng = np.random.default_rng([seed, 11, epoch])
    return rng.permutation(total)


def buffers(seed: int, epoch: int, positions: int) -> Iterator[tuple[list[slice], Positions]]:
    """Yield slices of rows to be read together, and the order of the rows read.

    Parameters
    ----------
    seed, epoch
        What the order depends on.
    positions
        Rows there are.
    """
    rng = np.random.default_rng([seed, 12, epoch])
    blocks = rng.permutation(-(-positions // BLOCK))
    for first in range(0, len(blocks), BLOCKS_AT_ONCE):
        chosen = blocks[first : first + BLOCKS_AT_ONCE]
        slices = [slice(b * BLOCK, min((b + 1) * BLOCK, positions)) for b in chosen.tolist()]
        count = sum(s.stop - s.start for s in slices)
        yield slices, rng.permutation(count)
