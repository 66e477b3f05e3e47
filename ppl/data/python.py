"""Data given from Python: arrays, lists, numbers, and other libraries' tables by their manners.

Nothing of pandas, polars or xarray is imported; their objects are known by what they can do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np

from ppl.data.arrays import variable
from ppl.data.dataset import Dataset, Variable, frozen, named, row_labels, with_row_labels
from ppl.data.diagnostics import NOT_NUMBERS, fail
from ppl.data.read import read

_CALL = "the call"


def from_python(data: object, *, explicit: bool = False) -> Dataset:
    """Make a `Dataset` from what a Python call was given.

    Parameters
    ----------
    data
        A mapping of names to arrays, lists or numbers (an xarray `Dataset` is one); a data frame,
        whose columns become a table; a path, read as on the command line; or one array, which
        stays without a name.
    explicit
        Whether the names were written down for this very purpose, as keywords are.

    Raises
    ------
    DataError
        If a value is ragged or not of numbers or texts, or two names are the same.
    UsageError
        If a path names no file that can be opened.
    """
    if isinstance(data, str | os.PathLike):
        return read((os.fspath(data),))[0]
    if isinstance(data, Mapping) and _has_axes(data):
        return named(_labelled_arrays(data), _CALL)
    if isinstance(data, Mapping):
        pairs = [(str(name), _variable(value, str(name))) for name, value in data.items()]
        return named(pairs, _CALL, explicit=explicit)
    if _is_frame(data):
        return named(_columns(data), _CALL)
    if isinstance(data, np.ndarray) and data.dtype.names is not None:
        records = data
        table = f"{_CALL}, records"
        return named([(n, _variable(records[n], n, table)) for n in data.dtype.names], _CALL)
    return Dataset({}, lone=_variable(data, "data"))


def _variable(value: object, name: str, table: str | None = None) -> Variable:
    """Convert one value, by what it can do if it is another library's."""
    origin = f"{_CALL}, `{name}`"
    if _has_axes(value):
        coords = _coords(value)
        found = variable(value.to_numpy(), name, origin, table)
        return replace(found, coords=coords) if any(coords) else found
    if isinstance(value, np.ndarray | np.generic | list | tuple | int | float | str):
        return variable(value, name, origin, table)
    categories = getattr(value, "cat", None)
    if _dtype_kind(getattr(categories, "categories", None)) not in "biuf":
        return _categorical(categories, origin, table)
    if type(getattr(value, "dtype", None)).__name__ == "Enum":
        return _enumerated(value, origin, table)
    if isinstance(value, Mapping | set | frozenset):
        fail(NOT_NUMBERS, f"`{name}` is a {type(value).__name__}, not an array")
    for method in ("to_numpy", "numpy"):
        if callable(convert := getattr(value, method, None)):
            found = variable(convert(), name, origin, table)
            labels = _index_labels(value)
            return replace(found, coords=(labels,)) if labels is not None else found
    if hasattr(value, "__iter__") and not hasattr(value, "__array__") | hasattr(value, "toarray"):
        return variable(list(value), name, origin, table)
    return variable(np.asarray(value), name, origin, table)


def _has_axes(value: object) -> TypeGuard[Any]:
    """Whether a value is an array or a data set of xarray, with named axes."""
    return (
        hasattr(value, "dims")
        and hasattr(value, "coords")
        and hasattr(value, "to_numpy" if not isinstance(value, Mapping) else "data_vars")
    )


def _labelled_arrays(data: Any) -> list[tuple[str, Variable]]:
    """Return the arrays of an xarray data set: its variables, and coordinates that are numbers."""
    arrays = {str(name): data[name] for name in data.data_vars}
    arrays |= {str(name): data[name] for name in data.coords if not _names_positions(data, name)}
    return [(name, _variable(array, name)) for name, array in arrays.items()]


def _names_positions(data: Any, name: Any) -> bool:
    """Whether a coordinate only says what the positions of its axis are called."""
    return data[name].dims == (name,) and data[name].dtype.kind in "OUST"


def _coords(array: Any) -> tuple[tuple[str, ...] | None, ...]:
    """Return what the positions along each axis are called, where that is a text."""
    return tuple(
        tuple(map(str, array.coords[d].to_numpy()))
        if d in array.coords and array.coords[d].dtype.kind in "OUST"
        else None
        for d in array.dims
    )


def _index_labels(series: Any) -> tuple[str, ...] | None:
    """Return what the index of a pandas series calls its rows, where that is by different texts."""
    index: Any = getattr(series, "index", None)
    if _dtype_kind(index) in "biufMm":
        return None
    return row_labels(_variable(list(index), "index"))


def _dtype_kind(values: object) -> str:
    """Return NumPy's letter for the kind of values, ``f`` if there are none."""
    return getattr(getattr(values, "dtype", None), "kind", "f")


def _categorical(accessor: Any, origin: str, table: str | None) -> Variable:
    """Take a pandas categorical series: its categories keep their order."""
    codes = np.asarray(accessor.codes)
    labels = tuple(str(label) for label in accessor.categories)
    missing = codes < 0
    values = np.where(missing, np.nan, codes) if missing.any() else codes.astype(np.int64)
    return Variable(frozen(values), origin, labels, table)


def _enumerated(series: Any, origin: str, table: str | None) -> Variable:
    """Take a polars series of an `Enum`: its categories keep their order."""
    codes = np.asarray(series.to_physical().to_numpy())
    labels = tuple(str(label) for label in series.dtype.categories)
    whole = codes if codes.dtype.kind == "f" else codes.astype(np.int64)
    return Variable(frozen(whole), origin, labels, table)


def _is_frame(data: object) -> bool:
    return hasattr(data, "columns") and hasattr(data, "__getitem__") and hasattr(data, "shape")


def _columns(frame: Any) -> list[tuple[str, Variable]]:
    table = f"{_CALL}, data frame"
    pairs = [(str(name), _variable(frame[name], str(name), table)) for name in frame.columns]
    index: Any = getattr(frame, "index", None)
    if _dtype_kind(index) in "biufMm":
        return with_row_labels(pairs)
    return with_row_labels([("", _variable(list(index), "index", table)), *pairs])[1:]
