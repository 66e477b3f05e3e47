"""A table in a folder of Parquet files: which files, and what folders' names say of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from ppl.data.dataset import Array
from ppl.data.diagnostics import DAMAGED, fail

NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""The folder of rows for which the value is missing."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file, and the values that its folders' names, ``year=2024``, give for all of its rows."""

    path: Path
    values: dict[str, str]


def partitions(path: Path, shown: str) -> list[Part]:
    """Return the files of a table, by their names; a file is its only one.

    Raises
    ------
    DataError
        If there is none, or the folders of some files name other columns.
    """
    if path.is_file():
        return [Part(path, {})]
    found = [p for p in sorted(path.rglob("*.parquet")) if p.is_file()]
    found = [p for p in found if not p.relative_to(path).as_posix().startswith((".", "_"))]
    if not found:
        fail(DAMAGED, f"{shown} is a folder without Parquet files")
    parts = [Part(p, _values(p.relative_to(path).parts[:-1])) for p in found]
    for part in parts:
        if part.values.keys() != parts[0].values.keys():
            fail(DAMAGED, f"the folders of {part.path} name other columns than {parts[0].path}")
    return parts


def counted(
    parts: list[Part], counts: list[int]
) -> dict[str, tuple[Array, tuple[str, ...] | None]]:
    """Return the columns that names of folders give, with labels unless they are whole numbers."""
    columns: dict[str, tuple[Array, tuple[str, ...] | None]] = {}
    for name in parts[0].values:
        texts = [part.values[name] for part in parts]
        present = [text for text in texts if text != NOTHING]
        whole = all(text.removeprefix("-").isdecimal() for text in present)
        labels = None if whole else tuple(sorted(set(present)))
        codes = [_code(text, labels) for text in texts]
        values = np.repeat(np.array(codes), counts)
        columns[name] = (values if NOTHING in texts else values.astype(np.int64), labels)
    return columns


def _code(text: str, labels: tuple[str, ...] | None) -> float:
    if text == NOTHING:
        return np.nan
    return int(text) if labels is None else labels.index(text)


def _values(folders: tuple[str, ...]) -> dict[str, str]:
    pairs = (folder.partition("=") for folder in folders)
    return {name: unquote(value) for name, equals, value in pairs if equals}
