"""Arrays that lie in files: read in blocks of rows, and never held whole.

A large `.npy` file is mapped by `ppl.data.numpy_files` and stays on disk. Binding and minibatches
read its rows into memory of their own, so that pages of the file do not count as memory in use;
where rows are taken from the map itself, its pages are given back after.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary, finalize

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Positions = NDArray[np.intp]

BLOCK = 1 << 23
"""Bytes that are looked at together."""
NEAR = 1 << 16
"""The system maps pages around one that is touched: so many bytes."""
TOUCHED = 60 << 20
"""Scattered rows that touch more bytes than so many are read one by one."""


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


def blocks(array: Array, size: int = 0) -> Iterator[tuple[int, Array]]:
    """Yield an array in blocks of about `size` bytes (`BLOCK` if 0), with each one's first row.

    Of an array in memory they are views; what is made of a block is as small as of one in a file.
    """
    if array.ndim == 0 or array.nbytes <= (size or BLOCK):
        yield 0, array if array.ndim == 0 else read(array, 0, len(array))
        return
    rows = rows_of(array, size or BLOCK)
    for start in range(0, max(1, len(array)), rows):
        yield start, read(array, start, min(start + rows, len(array)))


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


# ------------------------------------------------------------------------------------- reading


def rows_at(array: Array, positions: Positions) -> Array:
    """Return rows as an array in memory."""
    if not is_mapped(array) or len(positions) == 0:
        return np.take(array, positions, 0)
    first, last = int(positions[0]), int(positions[-1])
    if last - first + 1 == len(positions) and np.array_equal(positions, np.arange(first, last + 1)):
        return read(array, first, last + 1)
    if np.any(np.diff(positions) < 0):
        order = np.argsort(positions, kind="stable")
        found = np.empty((len(positions), *array.shape[1:]), array.dtype)
        found[order] = rows_at(array, positions[order])
        return found
    width = array.nbytes // max(1, len(array))
    touched = 1 + np.count_nonzero(np.diff(positions * width // NEAR))
    if touched * NEAR <= TOUCHED:
        return np.take(array, positions, 0)
    found = np.empty((len(positions), *array.shape[1:]), array.dtype)
    ends = np.flatnonzero(np.diff(positions) != 1) + 1
    for start, stop in zip((0, *ends), (*ends, len(positions)), strict=True):
        found[start:stop] = read(array, int(positions[start]), int(positions[stop - 1]) + 1)
    return found


def read(array: Array, start: int, stop: int) -> Array:
    """Return the rows from `start` to `stop` as an array in memory, read from the file if any."""
    source = source_of(array)
    if source is None:
        return array[start:stop]
    file = _file_of(source)
    if file is None or not array.flags.c_contiguous or array.ndim == 0:
        rows = np.array(array[start:stop])
        release((array,), start, stop)
        return rows
    width = array.nbytes // max(1, len(array))
    begin = source.offset - source.offset % mmap.ALLOCATIONGRANULARITY + _begin(array, source)
    begin += start * width
    found = np.empty((stop - start, *array.shape[1:]), array.dtype)
    left = memoryview(found.reshape(-1).view(np.uint8).data)
    while len(left):
        count = os.preadv(file, [left], begin)
        if not count:
            raise OSError(f"{source.filename or 'a file'} became shorter while it was read")
        left, begin = left[count:], begin + count
    return found


_files: WeakKeyDictionary[mmap.mmap, int] = WeakKeyDictionary()
"""Open files of what is mapped, closed when it is mapped no more."""


def keep_open(source: np.memmap[Any, Any], file: int) -> None:
    """Have a mapped array read from a file, of which the descriptor is copied."""
    mapped: mmap.mmap = source._mmap  # type: ignore[attr-defined]  # numpy documents no other
    _files[mapped] = copy = os.dup(file)
    finalize(mapped, os.close, copy)


def _file_of(source: np.memmap[Any, Any]) -> int | None:
    """Return the file that is mapped; None if it is not known, or cannot be read at a place."""
    mapped: mmap.mmap = source._mmap  # type: ignore[attr-defined]
    if mapped not in _files and source.filename is not None and hasattr(os, "preadv"):
        with open(source.filename, "rb") as file:
            keep_open(source, file.fileno())
    return _files.get(mapped)


def _begin(array: Array, source: np.memmap[Any, Any]) -> int:
    """Return where in the mapped bytes an array's first value is."""
    mapped = np.frombuffer(source._mmap, np.uint8)  # type: ignore[attr-defined]
    first: int = mapped.__array_interface__["data"][0]
    begin: int = array.__array_interface__["data"][0]
    return begin - first


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
        begin = _begin(array, source)
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
