"""Large data in files whose parts are packed: unpacked once, part by part, and mapped.

Parts of Parquet and Zarr cannot be read at a row's place without unpacking the whole part, and a
fit reads all rows many times: unpacking costs about as much as one pass over the packed file does,
and every pass over mapped numbers a tenth of that. Parts are read in order, one at a time, and what
they hold is laid down in temporary files without a name, which are gone when the program ends,
however it ends. From there on they are as `.npy` files.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import numpy as np

from ppl.data.dataset import Array
from ppl.data.diagnostics import NOT_FOUND, UNPACKED, fail
from ppl.data.mapped import blocks, keep_open, release, rows_of
from ppl.text import Diagnostic
from ppl.text.amounts import in_bytes

Parts = Iterable[Mapping[str, Array]]
Shapes = Mapping[str, tuple[int, ...]]
Index = tuple[slice, ...]

TOUCHED = 1 << 25
"""Bytes of a file from the first to the last that is written at once: so much counts as memory."""


def spooled(
    parts: Parts, types: Mapping[str, type], shapes: Shapes, shown: str
) -> dict[str, Array]:
    """Lay down arrays that come in parts, in order, and return them mapped.

    Parameters
    ----------
    parts
        The next rows of every array.
    types
        float or int, of every array: they are held as float64 and int64.
    shapes
        The shapes of the whole arrays.
    shown
        What messages call the source.

    Raises
    ------
    UsageError
        If there is no room for them.
    """
    needed = sum(math.prod(shapes[name]) for name in types) * 8
    _look_for_room(shown, needed)
    with ExitStack() as stack:
        with _room(shown, needed):
            files = {name: stack.enter_context(tempfile.TemporaryFile()) for name in types}
        for part in parts:
            with _room(shown, needed):
                for name, values in part.items():
                    files[name].write(np.ascontiguousarray(values, types[name]).data)
        with _room(shown, needed):
            for file in files.values():
                file.flush()
        return {name: _mapped(file, types[name], shapes[name]) for name, file in files.items()}


def assembled(
    parts: Iterable[tuple[Index, Array]], kind: type, shape: tuple[int, ...], shown: str
) -> Array:
    """Lay down an array that comes in parts with their places in it, and return it mapped.

    Raises
    ------
    UsageError
        If there is no room for it.
    """
    size = math.prod(shape) * 8
    _look_for_room(shown, size)
    with ExitStack() as stack:
        with _room(shown, size):
            file = stack.enter_context(tempfile.TemporaryFile())
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # no room behind a map would end the process
                os.posix_fallocate(file.fileno(), 0, size)
        whole: np.memmap[Any, Any] = np.memmap(file, kind, "r+", shape=shape)
        rows = rows_of(whole, TOUCHED)
        for (own, *others), values in parts:
            for k in range(0, len(values), rows):
                some = slice(own.start + k, own.start + min(k + rows, len(values)))
                whole[(some, *others)] = values[k : k + rows]
                release((whole,), 0, len(whole))
        whole.flush()
        return _mapped(file, kind, shape)


def widened(values: Array, shown: str) -> Array:
    """Return a mapped array as float64: laid down anew."""
    parts = ({"": part} for _, part in blocks(values))
    return spooled(parts, {"": float}, {"": values.shape}, shown)[""]


def told(found: Mapping[str, Array], shown: str) -> Diagnostic:
    """Say what was unpacked."""
    size = in_bytes(sum(values.nbytes for values in found.values()))
    where = tempfile.gettempdir()
    return UNPACKED(f"{shown} is unpacked in {where}: {size}, until the program ends")


@contextmanager
def _room(shown: str, needed: int) -> Iterator[None]:
    """Fail with what is needed and what is free where a file cannot be written."""
    try:
        yield
    except OSError as error:
        _full(shown, needed, f" ({(error.strerror or str(error)).lower()})")


def _look_for_room(shown: str, needed: int) -> None:
    """Fail if there is too little room, before anything is unpacked."""
    with _room(shown, needed):
        free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        _full(shown, needed, "")


def _full(shown: str, needed: int, reason: str) -> NoReturn:
    where = tempfile.gettempdir()
    try:
        free = f", and {in_bytes(shutil.disk_usage(where).free)} are free"
    except OSError:
        free = ""
    message = f"{shown} cannot be unpacked in {where}{reason}: it takes {in_bytes(needed)}{free}"
    fail(NOT_FOUND, message, "have `TMPDIR` name a folder with room for its numbers")


def _mapped(file: Any, kind: type, shape: tuple[int, ...]) -> Array:
    if not math.prod(shape):
        return np.zeros(shape, kind)
    found: np.memmap[Any, Any] = np.memmap(file, kind, "r", shape=shape)
    keep_open(found, file.fileno())
    return found
