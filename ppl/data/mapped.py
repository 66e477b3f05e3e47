"""Arrays that lie in files: looked at in blocks of rows, whose pages are given back when read.

A large `.npy` file is mapped by `ppl.data.numpy_files` and stays on disk. Binding and minibatches
read it in order, ask for the next rows before they need them, and let go of the last.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 1 << 23
"""Bytes that are looked at together."""


def source_of(array: object) -> np.memmap[Any, Any] | None:
    """Return the mapped array that an array is a view of, if it is one."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and base._mmap is not None:  # type: ignore[attr-defined]
            return base
        base = base.base
    return None


def is_mapped(array: object) -> bool:
    """Return whether an array lies in a file."""
    return source_of(array) is not None


def blocks(array: Array) -> Iterator[tuple[int, Array]]:
    """Yield an array in blocks of rows, with the number of each block's first row.

    An array in memory is one block. Pages of a mapped one leave memory when the next block comes.
    """
    if array.ndim == 0 or not is_mapped(array):
        yield 0, array
        return
    rows = rows_of(array, BLOCK)
    for start in range(0, max(1, len(array)), rows):
        yield start, np.asarray(array[start : start + rows])
        release((array,), start, start + rows)


def first_place(values: Array, wrong: Callable[[Array], Array]) -> tuple[int, ...] | None:
    """Return the place of the first value, or vector, that is wrong; looks block by block."""
    for start, part in blocks(values):
        found = wrong(part)
        if found.any():
            place = tuple(int(i) for i in np.argwhere(found)[0])
            return (place[0] + start, *place[1:]) if place else ()
    return None


def rows_of(array: Array, size: int) -> int:
    """Return how many rows take about so many bytes; one at least."""
    return max(1, size // max(1, array.nbytes // max(1, len(array))))


def expect(arrays: Iterable[Array], start: int, stop: int) -> None:
    """Let the system read rows ahead."""
    _advise(arrays, start, stop, getattr(mmap, "MADV_WILLNEED", None))


def release(arrays: Iterable[Array], start: int, stop: int) -> None:
    """Let go of the memory of rows that lie in files; they can be read again."""
    _advise(arrays, start, stop, getattr(mmap, "MADV_DONTNEED", None))


def _advise(arrays: Iterable[Array], start: int, stop: int, advice: int | None) -> None:
    """Tell the system about rows; about the whole array where rows are not contiguous."""
    for array in arrays:
        source = source_of(array)
        if source is None or advice is None:
            continue
        mapped: mmap.mmap = source._mmap  # type: ignore[attr-defined]  # numpy documents no other
        first = np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]
        begin = array.__array_interface__["data"][0] - first
        end = begin + array.nbytes
        if array.flags.c_contiguous:
            width = array.nbytes // max(1, len(array))
            begin, end = begin + start * width, min(end, begin + stop * width)
        elif advice == getattr(mmap, "MADV_WILLNEED", None):
            continue
        else:
            begin, end = 0, len(mapped)
        begin -= begin % mmap.PAGESIZE
        if 0 <= begin < end <= len(mapped):
            mapped.madvise(advice, begin, end - begin)
