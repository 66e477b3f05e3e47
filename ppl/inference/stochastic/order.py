"""Which positions of a plate come when: every epoch all of them, once each.

The order depends on the seed and the epoch alone, so a run that was killed goes on as if it had
not been. Rows that lie in a file are not read at random: blocks of neighbours come in random order,
and the rows of a few blocks at a time are mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ppl.data.mapped import expect, release, rows_of

Positions = npt.NDArray[np.intp]
Mapped = tuple[npt.NDArray[Any], ...]

MIXED, BUFFER = 8, 1 << 25
"""So many blocks are mixed, which take so many bytes together."""


@dataclass(frozen=True, slots=True)
class Every:
    """The positions from 0 on, without an array that holds them all."""

    count: int

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, chosen: slice) -> Positions: ...
    @overload
    def __getitem__(self, chosen: Positions) -> Positions: ...
    def __getitem__(self, chosen: slice | Positions) -> Positions:
        if isinstance(chosen, slice):
            return np.arange(*chosen.indices(self.count), dtype=np.intp)
        return chosen


Some = Every | Positions
"""Rising positions of a plate."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut(Sequence[Positions]):
    """Positions in batches of a size; the last may be short."""

    positions: Some
    size: int

    def __len__(self) -> int:
        return -(-len(self.positions) // self.size)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[k] for k in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.positions[number * self.size : (number + 1) * self.size]

    @property
    def sizes(self) -> set[int]:
        """The different sizes of batches."""
        count = len(self.positions)
        return {n for n in (min(self.size, count), count % self.size) if n}


def shuffled(
    seed: int, epoch: int, positions: Some, size: int, mapped: Mapped, first: int = 0
) -> Iterator[Positions]:
    """Yield the batches of an epoch from the number `first` on.

    Parameters
    ----------
    mapped
        Arrays with a row for each position that lie in files; none if all are in memory.
    """
    rng = np.random.default_rng([seed, 11, epoch])
    if not mapped:
        order = positions[rng.permutation(len(positions))]
        yield from (order[k : k + size] for k in range(first * size, len(order), size))
        return
    block = max(1, min(rows_of(a, BUFFER // MIXED // len(mapped)) for a in mapped))
    blocks = rng.permutation(-(-len(positions) // block))
    groups = [np.sort(blocks[k : k + MIXED]) for k in range(0, len(blocks), MIXED)]
    left = np.zeros(0, np.intp)
    number = 0
    for k, group in enumerate(groups):
        parts = [positions[b * block : (b + 1) * block] for b in group]
        needed = number + (len(left) + sum(map(len, parts))) // size > first
        if needed and k + 1 < len(groups):
            for b in groups[k + 1]:
                _expect(mapped, positions[b * block : (b + 1) * block])
        left = np.concatenate([left, rng.permutation(np.concatenate(parts))])
        whole = len(left) // size
        for start in range(0, whole * size, size):
            if number >= first:
                yield np.sort(left[start : start + size])
            number += 1
        left = left[whole * size :]
        if needed:
            for part in parts:
                release(mapped, int(part[0]), int(part[-1]) + 1)
    if len(left) and number >= first:
        yield np.sort(left)


def in_order(positions: Some, size: int, mapped: Mapped, first: int = 0) -> Iterator[Positions]:
    """Yield rising positions in batches from the number `first` on; files are read ahead."""
    cut = Cut(positions, size)
    if not mapped:
        yield from (cut[k] for k in range(first, len(cut)))
        return
    width = sum(a.nbytes // max(1, len(a)) for a in mapped)
    stride = max(1, BUFFER // max(1, width * size))
    for start in range(first, len(cut), stride):
        ahead = positions[(start + stride) * size : (start + 2 * stride) * size]
        _expect(mapped, ahead)
        low = int(cut[start][0])
        for k in range(start, min(start + stride, len(cut))):
            part = cut[k]
            yield part
        release(mapped, low, int(part[-1]) + 1)


def _expect(mapped: Iterable[npt.NDArray[Any]], rows: Positions) -> None:
    """Have rows read ahead if they are neighbours."""
    if len(rows) and rows[-1] - rows[0] < 2 * len(rows):
        expect(mapped, int(rows[0]), int(rows[-1]) + 1)
