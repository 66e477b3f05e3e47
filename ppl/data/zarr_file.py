"""Reading `.zarr`: a folder (or a zip file) with one array, or a group of them, by zarr."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ppl.data import numpy_files
from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed
from ppl.data.mapped import is_mapped
from ppl.data.netcdf_file import Stored, dataset_of
from ppl.data.spooled import assembled, spooled, told
from ppl.text import Diagnostic

SLAB = 1 << 26
"""Bytes that are unpacked together."""
XARRAY_DIMENSIONS = "_ARRAY_DIMENSIONS"
"""The attribute in which xarray keeps the names of the axes in Zarr's format 2."""


def read_zarr(path: Path, shown: str, stem: str | None) -> Dataset:
    """Read the arrays of a Zarr group by their names, or a lone Zarr array.

    Raises
    ------
    DataError
        If it is damaged, or an array is not of numbers or texts.
    UsageError
        If zarr is not installed.
    """
    zarr = needed("zarr", "zarr", f"reading {shown}")
    try:
        opened = zarr.open(str(path), mode="r")
        if hasattr(opened, "shape"):
            values = _stored("", opened, shown).values
            lone = variable(values, stem or "data", shown)
            return Dataset({}, lone=lone, stem=stem, notes=_told({"": values}, shown))
        arrays = [_stored(name, array, shown) for name, array in opened.arrays()]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        fail(DAMAGED, f"{shown} is not a whole Zarr array or group ({_said(error)})")
    if not arrays:
        fail(DAMAGED, f"{shown} holds no arrays")
    found = dataset_of(sorted(arrays, key=lambda a: a.name), shown)
    laid = _told({each.name: each.values for each in arrays}, shown)
    return replace(found, notes=(*found.notes, *laid))


def _told(arrays: dict[str, Array], shown: str) -> tuple[Diagnostic, ...]:
    """Say what was unpacked, if anything was."""
    found = {name: values for name, values in arrays.items() if is_mapped(values)}
    return (told(found, shown),) if found else ()


def _stored(name: str, array: Any, shown: str) -> Stored:
    attributes = dict(array.attrs)
    names = getattr(array.metadata, "dimension_names", None) or attributes.get(XARRAY_DIMENSIONS)
    dimensions = tuple(str(n) for n in names) if names else ("",) * array.ndim
    plain = not {"_FillValue", "missing_value", "scale_factor", "add_offset"} & set(attributes)
    if plain and array.nbytes >= numpy_files.LARGE and array.dtype.kind in "iuf" and array.ndim:
        return Stored(name, _laid_down(array, shown), dimensions, attributes)
    return Stored(name, np.asarray(array[...]), dimensions, attributes)


def _laid_down(array: Any, shown: str) -> Array:
    """Return a large array of numbers, unpacked on disk, some chunks at a time.

    Rows come in order, unless a row of chunks is large: then chunk after chunk finds its place.
    """
    kind = float if array.dtype.kind == "f" else int
    sizes, step = _unpacked_together(array), array.chunks[0]
    if step * math.prod(array.shape[1:]) * array.dtype.itemsize <= SLAB or sizes == array.shape:
        parts = ({"": np.asarray(array[k : k + step])} for k in range(0, array.shape[0], step))
        return spooled(parts, {"": kind}, {"": array.shape}, shown)[""]
    starts = (range(0, n, size) for n, size in zip(array.shape, sizes, strict=True))
    places = (
        tuple(slice(k, k + size) for k, size in zip(corner, sizes, strict=True))
        for corner in itertools.product(*starts)
    )
    return assembled(((p, np.asarray(array[p])) for p in places), kind, array.shape, shown)


def _unpacked_together(array: Any) -> tuple[int, ...]:
    """Return the lengths of neighbouring chunks of about `SLAB` bytes, the last axis first."""
    sizes = [min(c, n) for c, n in zip(array.chunks, array.shape, strict=True)]
    for axis in reversed(range(array.ndim)):
        times = SLAB // max(1, math.prod(sizes) * array.dtype.itemsize)
        sizes[axis] = min(array.shape[axis], sizes[axis] * max(1, times))
    return tuple(sizes)


def _said(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
