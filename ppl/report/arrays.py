"""Drawn arrays as files: `.npz` and `.json` keep their shapes, `.csv` has a row for each draw."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

import numpy as np

from ppl.report.json import nested
from ppl.report.summary import Array, Axis
from ppl.report.table import label
from ppl.text import UsageError
from ppl.text.usage import USAGE

SUFFIXES = (".npz", ".csv", ".json")


def check_suffix(path: str) -> None:
    """Refuse a file whose ending says no known format.

    Raises
    ------
    UsageError
        If it is none of `SUFFIXES`.
    """
    if not path.endswith(SUFFIXES):
        raise UsageError(
            (
                USAGE(
                    f"`{path}` does not say a format",
                    help="draws are written to .npz, .csv (a row for each draw) or .json",
                ),
            )
        )


def encoded(
    path: str, arrays: Mapping[str, Array], axes: Mapping[str, tuple[Axis, ...]]
) -> str | bytes:
    """Return the content of a file for arrays (draws, ...), by the file's ending."""
    check_suffix(path)
    if path.endswith(".npz"):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()
    if path.endswith(".json"):
        return json.dumps({name: nested(array) for name, array in arrays.items()}) + "\n"
    return _table(arrays, axes)


def _table(arrays: Mapping[str, Array], axes: Mapping[str, tuple[Axis, ...]]) -> str:
    names: list[str] = []
    columns: list[list[object]] = []
    for name, array in arrays.items():
        for place in np.ndindex(array.shape[1:]):
            names.append(label(name, axes[name], place))
            columns.append(array[(slice(None), *place)].tolist())
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue()
