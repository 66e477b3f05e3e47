"""From anything array-like to numbers: float64, int64, or positions of labels.

The one place that knows which types of value data may have, and what stands for "missing".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from ppl.data.dataset import Array, Variable, frozen
from ppl.data.diagnostics import NOT_NUMBERS, RAGGED, fail
from ppl.data.mapped import is_mapped

_INT64 = np.iinfo(np.int64)
_FOREIGN_MISSING = {"NAType", "NaTType"}
_REMEDIES = {
    "c": ("complex numbers", "give the real and the imaginary part as two arrays"),
    "M": ("dates", "give numbers, such as days since the first date"),
    "m": ("time differences", "divide by a unit first: `x / np.timedelta64(1, 'D')` gives days"),
    "V": ("records or raw bytes", "give each field as an array of its own"),
}


def variable(
    value: object, name: str, origin: str, table: str | None = None, *, owned: bool = False
) -> Variable:
    """Make a `Variable` from an array, nested lists or a number.

    Parameters
    ----------
    value
        NumPy array (masked ones too), nested lists or tuples, or a single value. None, NaN, a
        mask, and pandas' NA are missing values.
    name
        What messages call it, for example ``y``.
    origin, table
        As in `Variable`.
    owned
        Whether nobody else holds the array, so that it need not be copied.

    Raises
    ------
    DataError
        If it is ragged, or not of real numbers, truth values or texts.
    """
    if isinstance(value, np.ndarray) and is_mapped(value) and _can_stay(value):
        return Variable(value, origin, None, table)
    array, mask = _as_array(value, name, origin)
    match array.dtype.kind:
        case "b" | "i" | "u" | "f":
            values, labels = _numbers(array), None
        case "U" | "T" | "S" | "O":
            texts = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
            values, labels = _objects(texts.astype(object), name, origin)
        case kind:
            what, remedy = _REMEDIES.get(kind, ("values that are not numbers", None))
            fail(NOT_NUMBERS, f"`{name}` in {origin} holds {what}", remedy)
    if mask is not None and mask.any():
        values = np.where(mask, np.nan, values)
    if isinstance(value, np.ndarray) and not owned and np.may_share_memory(values, value):
        values = values.copy()
    return Variable(frozen(values), origin, labels, table)


def _can_stay(array: Array) -> bool:
    """Return whether an array in a file stays there: plain numbers, not to be changed."""
    return array.dtype.kind in "iuf" and array.dtype.isnative and not array.flags.writeable


def positions_of(texts: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Return each text's position among the sorted distinct texts, and those texts."""
    labels = tuple(sorted(set(texts)))
    position = {label: i for i, label in enumerate(labels)}
    return [position[text] for text in texts], labels


def _as_array(value: object, name: str, origin: str) -> tuple[Array, Array | None]:
    """Return an array, and where its values are masked out."""
    if isinstance(value, np.ma.MaskedArray):
        return np.asarray(value.data), np.ma.getmaskarray(value)
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value), None
    try:
        array = np.array(value)
    except (ValueError, RecursionError):
        _fail_ragged(value, name, origin)
    except TypeError as error:
        fail(NOT_NUMBERS, f"`{name}` in {origin} is not an array of numbers: {error}")
    if array.dtype.kind in "USO":
        array = np.array(value, dtype=object)
    return array, None


def _numbers(array: Array) -> Array:
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, np.float64).reshape(array.shape)
    if array.dtype.kind == "u" and array.size and int(array.max()) > _INT64.max:
        return array.astype(np.float64)
    return np.ascontiguousarray(array, np.int64).reshape(array.shape)


def _objects(array: Array, name: str, origin: str) -> tuple[Array, tuple[str, ...] | None]:
    """Convert Python objects: texts, or numbers, each with missing values among them."""
    flat: list[object] = array.ravel().tolist()
    present = [i for i, item in enumerate(flat) if not _is_missing(item)]
    texts = [item for i in present if isinstance(item := flat[i], str)]
    labels: tuple[str, ...] | None = None
    numbers: Sequence[float]
    if texts and len(texts) == len(present):
        numbers, labels = positions_of(texts)
    elif texts:
        odd = next(i for i in present if isinstance(flat[i], str))
        _fail_object(flat[odd], odd, array.shape, name, origin)
    else:
        numbers = [_number(flat[i], i, array.shape, name, origin) for i in present]
    if len(present) == len(flat) and _all_int64(numbers):
        return np.array(numbers, np.int64).reshape(array.shape), labels
    values = np.full(len(flat), np.nan)
    values[present] = numbers
    return values.reshape(array.shape), labels


def _is_missing(item: object) -> bool:
    if item is None or type(item).__name__ in _FOREIGN_MISSING:
        return True
    return isinstance(item, float) and item != item


def _number(item: object, index: int, shape: tuple[int, ...], name: str, origin: str) -> float:
    if isinstance(item, bool | np.bool_):
        return int(item)
    if isinstance(item, int | np.integer):
        return int(item)
    try:
        return float(item)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        _fail_object(item, index, shape, name, origin)


def _all_int64(numbers: Sequence[float]) -> bool:
    return bool(numbers) and all(type(n) is int and _INT64.min <= n <= _INT64.max for n in numbers)


def _place(name: str, index: int, shape: tuple[int, ...]) -> str:
    position = ", ".join(str(int(i)) for i in np.unravel_index(index, shape)) if shape else ""
    return f"{name}[{position}]" if position else name


def _fail_object(
    item: object, index: int, shape: tuple[int, ...], name: str, origin: str
) -> NoReturn:
    place = _place(name, index, shape)
    if isinstance(item, str):
        message = f"`{place}` in {origin} is the text {item!r} among numbers"
        fail(NOT_NUMBERS, message, "a missing value is written as null (None in Python)")
    what = "an object with keys" if isinstance(item, dict) else f"a {type(item).__name__}"
    message = f"`{place}` in {origin} is {what}, not a number"
    fail(NOT_NUMBERS, message, _object_remedy(item))


def _object_remedy(item: object) -> str | None:
    if hasattr(item, "toarray"):
        return "a sparse matrix is given as `matrix.toarray()`"
    if hasattr(item, "isoformat"):
        return _REMEDIES["M"][1]
    return _REMEDIES["c"][1] if isinstance(item, complex) else None


def _fail_ragged(value: object, name: str, origin: str) -> NoReturn:
    fail(
        RAGGED,
        f"`{name}` in {origin} is ragged: {_raggedness(value, name)}",
        "write groups of different sizes as one long list, beside a list of each value's group",
    )


def _raggedness(value: object, name: str) -> str:
    """Say which two parts, on the first depth that has such, differ in length."""
    level: list[tuple[tuple[int, ...], object]] = [((), value)]
    while level and len(level[0][0]) < 64:
        first_path, first = level[0]
        for path, item in level:
            if _length(item) != _length(first):
                return (
                    f"`{_path(name, first_path)}` {_size(first)}, `{_path(name, path)}` "
                    f"{_size(item)}"
                )
        level = [
            ((*path, i), part)
            for path, item in level
            if isinstance(item, list | tuple | np.ndarray)
            for i, part in enumerate(item)
        ]
    return "its lists are nested too deeply"


def _length(item: object) -> int:
    return len(item) if isinstance(item, list | tuple | np.ndarray) else -1


def _size(item: object) -> str:
    match _length(item):
        case -1:
            return "is a single value"
        case 1:
            return "has 1 entry"
        case length:
            return f"has {length} entries"


def _path(name: str, path: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, path))}]" if path else name
