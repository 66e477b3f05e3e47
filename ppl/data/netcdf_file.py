"""Reading `.nc`: classic netCDF by SciPy, netCDF 4 by h5netcdf; and what both and Zarr share.

Attributes are read as the CF conventions say: `_FillValue` and `missing_value` mark missing values,
`scale_factor` and `add_offset` pack numbers. A variable of texts named like its only dimension
labels the positions of that axis.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset, Variable, named
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed

CLASSIC = (b"CDF\x01", b"CDF\x02")
HDF = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An array as a file has it: values, names of its axes, attributes."""

    name: str
    values: Array
    dimensions: tuple[str, ...]
    attributes: Mapping[str, Any]


def read_netcdf(content: bytes, shown: str) -> Dataset:
    """Read the variables of a netCDF file by their names.

    Raises
    ------
    DataError
        If the file is damaged, or a variable is not of numbers or texts.
    UsageError
        If it is netCDF 4 and h5netcdf or h5py is not installed.
    """
    if content.startswith(CLASSIC):
        return dataset_of(_classic(content, shown), shown)
    if content.startswith(HDF):
        needed("h5py", "netcdf", f"reading {shown}")
        library = needed("h5netcdf", "netcdf", f"reading {shown}")
        return dataset_of(_hdf(library, content, shown), shown)
    fail(DAMAGED, f"{shown} is not a netCDF file")


def _classic(content: bytes, shown: str) -> list[Stored]:
    from scipy.io import netcdf_file

    try:
        with netcdf_file(io.BytesIO(content), "r", mmap=False) as file:
            variables: dict[str, Any] = file.variables
            return [
                _joined(Stored(name, np.array(v.data), tuple(v.dimensions), v._attributes))
                for name, v in variables.items()
            ]
    except Exception as error:  # SciPy's reader raises almost anything on a damaged file
        fail(DAMAGED, f"{shown} is damaged or cut short ({_said(error)})")


def _hdf(library: Any, content: bytes, shown: str) -> list[Stored]:
    try:
        with library.File(io.BytesIO(content), "r") as file:
            if not file.variables and file.groups:
                groups = ", ".join(f"`{name}`" for name in file.groups)
                fail(
                    DAMAGED,
                    f"{shown} holds no arrays of its own, only groups: {groups}",
                    "write the one group that holds the data to a file of its own",
                )
            return [
                _joined(Stored(name, np.asarray(v[...]), tuple(v.dimensions), dict(v.attrs)))
                for name, v in file.variables.items()
            ]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        fail(DAMAGED, f"{shown} is damaged or cut short ({_said(error)})")


def _said(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _joined(stored: Stored) -> Stored:
    """Return texts as texts, where they are stored letter by letter along the last axis."""
    values = stored.values
    if values.dtype != np.dtype("S1") or not values.ndim:
        return stored
    whole = np.ascontiguousarray(values).view(f"S{values.shape[-1]}")[..., 0]
    return replace(stored, values=whole, dimensions=stored.dimensions[:-1])


def dataset_of(arrays: Sequence[Stored], shown: str) -> Dataset:
    """Return stored arrays as data: decoded, and their axes labelled by the texts among them."""
    labels = {
        a.name: _texts(a.values)
        for a in arrays
        if a.dimensions == (a.name,) and a.values.dtype.kind in "OSUT"
    }
    return named(list(_pairs(arrays, labels, shown)), shown)


def _pairs(
    arrays: Sequence[Stored], labels: Mapping[str, tuple[str, ...]], shown: str
) -> Iterator[tuple[str, Variable]]:
    for stored in arrays:
        if stored.name in labels:
            continue  # they label the axis, and are no data of their own
        origin = f"{shown}, variable `{stored.name}`"
        found = variable(_decoded(stored), stored.name, origin)
        coords = tuple(labels.get(dimension) for dimension in stored.dimensions)
        yield stored.name, replace(found, coords=coords) if any(coords) else found


def _texts(values: Array) -> tuple[str, ...]:
    return tuple(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values)


def _decoded(stored: Stored) -> Array:
    """Return the values that the attributes say the numbers stand for; NaN where missing."""
    values, attributes = stored.values, stored.attributes
    if values.dtype.kind not in "iuf":
        return values
    absent = [_number(attributes[k]) for k in ("_FillValue", "missing_value") if k in attributes]
    marks = [mark for mark in absent if mark is not None]
    packed = "scale_factor" in attributes or "add_offset" in attributes
    if not marks and not packed:
        return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    missing = np.isin(values, marks)
    scale = _number(attributes.get("scale_factor", 1.0)) or 1.0
    offset = _number(attributes.get("add_offset", 0.0)) or 0.0
    if packed:
        return np.where(missing, np.nan, values * scale + offset)
    if missing.any():
        return np.where(missing, np.nan, values)
    return values.astype(values.dtype.newbyteorder("="))


def _number(value: Any) -> float | None:
    try:
        return float(np.ravel(np.asarray(value))[0])
    except (TypeError, ValueError, IndexError):
        return None
