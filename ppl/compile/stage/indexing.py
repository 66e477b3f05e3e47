"""Indices in one canonical form, and what can be said of them without arrays.

A canonical basic index has one entry per axis of the array, a slice or a whole number, with None
for each new axis between them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ppl.compile.stage.ir import Draws, Length, Node, Shape

Entry: TypeAlias = slice | int | None
Index: TypeAlias = tuple[Entry, ...]

FULL = slice(None)


def canonical(index: Any, shape: Shape) -> tuple[Any, ...]:
    """Expand `...`, complete missing axes, and make whole numbers positive.

    Entries that are not basic, such as arrays, are kept as they are.
    """
    entries = list(index) if isinstance(index, tuple) else [index]
    used = sum(e is not None and e is not Ellipsis for e in entries)
    missing = [FULL] * (len(shape) - used)
    for i, e in enumerate(entries):
        if e is Ellipsis:
            entries[i : i + 1] = missing
            break
    else:
        entries += missing
    result: list[Any] = []
    axis = 0
    for e in entries:
        if e is None:
            result.append(None)
        else:
            result.append(_entry(e, shape[axis]))
            axis += 1
    return tuple(result)


def _entry(entry: Any, length: Length) -> Any:
    if isinstance(entry, int | np.integer) and not isinstance(entry, bool):
        return int(entry) if entry >= 0 or isinstance(length, Draws) else int(entry) + length
    if not isinstance(entry, slice):
        return entry
    if isinstance(length, Draws):
        whole = entry.start in (None, 0) and entry.stop in (None, length)
        return FULL if whole and entry.step in (None, 1) else entry
    start, stop, step = entry.indices(length)
    if (start, stop, step) == (0, length, 1):
        return FULL
    return slice(start, None if stop < 0 else stop, None if step == 1 else step)


def is_basic(index: tuple[Any, ...], shape: Shape) -> bool:
    """Tell whether every entry is a slice, a number or None, and draws are left whole."""
    axis = 0
    for e in index:
        if e is None:
            continue
        if isinstance(shape[axis], Draws) and e != FULL:
            return False
        if not isinstance(e, slice | int):
            return False
        axis += 1
    return axis == len(shape)


def indexed_shape(shape: Shape, index: Index) -> Shape:
    """Return the shape of an array of a shape under a basic index."""
    result: list[Length] = []
    axis = 0
    for e in index:
        if e is None:
            result.append(1)
            continue
        if isinstance(e, slice):
            result.append(_sliced(e, shape[axis]))
        axis += 1
    return tuple(result)


def _sliced(entry: slice, length: Length) -> Length:
    return length if isinstance(length, Draws) else len(range(*entry.indices(length)))


def unit_slices_to_numbers(shape: Shape, index: Index) -> Index:
    """Return the index with numbers for slices of length 1, and without new axes."""
    result: list[Entry] = []
    entries = [e for e in index if e is not None]
    for e, n in zip(entries, shape, strict=True):
        cut = isinstance(e, slice) and n != 1 and _sliced(e, n) == 1
        result.append((e.start or 0) if isinstance(e, slice) and cut else e)
    return tuple(result)


def only_units(shape: Shape, index: Index) -> bool:
    """Tell whether an index does no more than add and drop axes of length 1."""
    entries = [e for e in index if e is not None]
    return all(e == FULL or (e == 0 and n == 1) for e, n in zip(entries, shape, strict=True))


def compose_units(shape: Shape, key: tuple[Any, ...], target: Shape) -> tuple[Any, ...] | None:
    """Return the key of an index like `key` with result of shape `target`, if one exists.

    The two results may differ in axes of length 1 only. Keys are indices with tuples for slices.
    """
    entries = [e for e in key if e is not None]
    lengths = [
        _sliced(slice(*e[1:]), n) if isinstance(e, tuple) else 1
        for e, n in zip(entries, shape, strict=True)
    ]
    result: list[Any] = []
    at = 0
    for length in target:
        while length != 1 and at < len(entries) and lengths[at] == 1:
            result.append(_as_number(entries[at]))
            at += 1
        if length == 1 and (at == len(entries) or lengths[at] != 1):
            result.append(None)
            continue
        if at == len(entries) or lengths[at] != length:
            return None
        result.append(_as_slice(entries[at]))
        at += 1
    if any(n != 1 for n in lengths[at:]):
        return None
    return (*result, *(_as_number(e) for e in entries[at:]))


def _as_number(entry: Any) -> int:
    return (entry[1] or 0) if isinstance(entry, tuple) else entry


def _as_slice(entry: Any) -> tuple[Any, ...]:
    return entry if isinstance(entry, tuple) else ("slice", entry, entry + 1, None)


def take_of_index(x: Node, axis: int) -> tuple[Node, int] | None:
    """Return base and start, if x is base cut along `axis` only, in steps of 1."""
    if x.op != "index" or len(x.attr) != len(x.args[0].dims):
        return None
    full = ("slice", None, None, None)
    for i, e in enumerate(x.attr):
        cut = isinstance(e, tuple) and e[3] is None
        if e != full and not (i == axis and cut):
            return None
    return x.args[0], x.attr[axis][1] or 0


def covers_once(shape: Shape, keys: tuple[tuple[Any, ...], ...]) -> tuple[bool, bool]:
    """Tell whether indices never meet, and whether they reach every element."""
    sizes = tuple(1 if isinstance(n, Draws) else n for n in shape)
    count = np.zeros(sizes, dtype=np.int64)
    for key in keys:
        index = tuple(slice(*e[1:]) if isinstance(e, tuple) else e for e in key if e is not None)
        count[index] += 1
    return bool((count <= 1).all()), bool((count >= 1).all())
