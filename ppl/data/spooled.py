"""Large data in files whose parts are packed: unpacked once, part by part, and mapped.

Parts of Parquet and Zarr cannot be read at a row's place without unpacking the whole part. They are
read in order, one at a time, and what they hold is laid down in temporary files without a name,
which are gone when the program ends, however it ends. From there on they are as `.npy` files.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from ppl.data.dataset import Array
from ppl.data.diagnostics import NOT_FOUND, fail

Parts = Iterable[Mapping[str, Array]]


def spooled(
    parts: Parts, types: Mapping[str, type], shapes: Mapping[str, tuple[int, ...]], shown: str
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
    with ExitStack() as stack:
        try:
            files = {name: stack.enter_context(tempfile.TemporaryFile()) for name in types}
            for part in parts:
                for name, values in part.items():
                    files[name].write(np.ascontiguousarray(values, types[name]).data)
            for file in files.values():
                file.flush()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"{shown} cannot be unpacked in {tempfile.gettempdir()}: {reason}"
            fail(NOT_FOUND, message, "have `TMPDIR` name a folder with room for its numbers")
        return {name: _mapped(file, types[name], shapes[name]) for name, file in files.items()}


def _mapped(file: Any, kind: type, shape: tuple[int, ...]) -> Array:
    if not math.prod(shape):
        return np.zeros(shape, kind)
    return np.memmap(file, kind, "r", shape=shape)
