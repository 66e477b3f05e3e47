"""Reading `.zarr`: a folder (or a zip file) with one array, or a group of them, by zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ppl.data import numpy_files
from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed
from ppl.data.netcdf_file import Stored, dataset_of
from ppl.data.spooled import spooled

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
            return Dataset({}, lone=variable(values, stem or "data", shown), stem=stem)
        arrays = [_stored(name, array, shown) for name, array in opened.arrays()]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        fail(DAMAGED, f"{shown} is not a whole Zarr array or group ({_said(error)})")
    if not arrays:
        fail(DAMAGED, f"{shown} holds no arrays")
    return dataset_of(sorted(arrays, key=lambda a: a.name), shown)


def _stored(name: str, array: Any, shown: str) -> Stored:
    attributes = dict(array.attrs)
    names = getattr(array.metadata, "dimension_names", None) or attributes.get(XARRAY_DIMENSIONS)
    dimensions = tuple(str(n) for n in names) if names else ("",) * array.ndim
    plain = not {"_FillValue", "missing_value", "scale_factor", "add_offset"} & set(attributes)
    if plain and array.nbytes >= numpy_files.LARGE and array.dtype.kind in "iuf" and array.ndim:
        return Stored(name, _laid_down(array, shown), dimensions, attributes)
    return Stored(name, np.asarray(array[...]), dimensions, attributes)


def _laid_down(array: Any, shown: str) -> Array:
    """Return a large array of numbers, unpacked on disk, some chunks at a time."""
    step = array.chunks[0]
    parts = ({"": np.asarray(array[k : k + step])} for k in range(0, array.shape[0], step))
    kind = float if array.dtype.kind == "f" else int
    return spooled(parts, {"": kind}, {"": array.shape}, shown)[""]


def _said(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
