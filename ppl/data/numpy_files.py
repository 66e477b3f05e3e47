"""Reading `.npy` and `.npz` files: sizes checked before memory is taken, no pickles, ever."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset, Variable, frozen, named
from ppl.data.diagnostics import DAMAGED, FORMAT, fail

MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"
LARGE = 2**26
"""Size in bytes from which on a `.npy` file is memory-mapped rather than read."""

_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What `zipfile` raises on damaged, encrypted or unknown archives."""


def read_npy(
    file: IO[bytes], size: int, shown: str, stem: str | None, path: Path | None
) -> Dataset:
    """Read a `.npy` file as a lone array; one of records becomes a table with named columns.

    Parameters
    ----------
    file, size
        The open file, which must be able to seek, and its length in bytes.
    shown
        What messages call it.
    stem
        The name it binds to where the model has it.
    path
        Where it lies on disk, so that a large one can be mapped; None if it does not.
    """
    dtype = _checked_header(file, size, shown)
    if path is not None and size >= LARGE and dtype.kind in "iuf" and dtype.isnative:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return Dataset({}, lone=Variable(mapped, shown), stem=stem)
    array = _read_array(file, shown)
    if array.dtype.names is not None:
        columns = _columns(array, shown)
        return named(columns, shown)
    return Dataset({}, lone=variable(array, stem or "data", shown, owned=True), stem=stem)


def read_npz(file: IO[bytes], shown: str) -> Dataset:
    """Read every array of an `.npz` file by its name."""
    try:
        with zipfile.ZipFile(file) as archive:
            return named(list(_members(archive, shown)), shown)
    except _BROKEN_ZIP as error:
        fail(DAMAGED, f"{shown} is damaged or cut short ({error})")


def _members(archive: zipfile.ZipFile, shown: str) -> Iterator[tuple[str, Variable]]:
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        origin = f"{shown}, array `{name}`"
        with archive.open(info) as member:
            _checked_header(member, info.file_size, origin)
            yield name, variable(_read_array(member, origin), name, origin, owned=True)


def _columns(array: Array, shown: str) -> list[tuple[str, Variable]]:
    names = array.dtype.names or ()
    return [(n, variable(array[n], n, f"{shown}, column `{n}`", shown)) for n in names]


def _checked_header(file: IO[bytes], size: int, shown: str) -> np.dtype[np.generic]:
    """Return the type of the values, having seen that the file is as long as it says."""
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception as error:  # a damaged header raises almost anything, TokenError included
        fail(DAMAGED, f"{shown} is not a complete NumPy array file ({_first_line(error)})")
    if dtype.hasobject:
        fail(
            FORMAT,
            f"{shown} holds pickled Python objects, which are not opened",
            "save it as numbers: `np.save(file, array.astype(float))`",
        )
    promised = math.prod(shape) * dtype.itemsize
    held = size - file.tell()
    if promised > held:
        fail(
            DAMAGED,
            f"{shown} is cut short: its header says shape {shape} of {dtype}, {promised} bytes, "
            f"but {held} bytes follow",
        )
    file.seek(0)
    return dtype


def _read_array(file: IO[bytes], shown: str) -> Array:
    try:
        array: Array = npy.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, OverflowError, MemoryError) as error:
        fail(DAMAGED, f"{shown} is not a complete NumPy array file ({_first_line(error)})")
    return frozen(array)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
