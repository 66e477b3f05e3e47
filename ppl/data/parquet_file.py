"""Reading `.parquet`: a table with typed columns, by pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset, Variable, frozen, named, with_row_labels
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed
from ppl.data.spooled import spooled

PARQUET_MAGIC = b"PAR1"
UNNAMED_INDEX = "__index_level_"
"""How pandas names the column of an index that has no name."""


ROWS = 1 << 16
"""Rows of a large file that are unpacked together."""
NUMBERS = ("int", "uint", "double", "float", "halffloat", "bool")


def read_parquet(content: bytes, shown: str) -> Dataset:
    """Read the columns of a Parquet file; null is a missing value, texts are labels.

    Raises
    ------
    DataError
        If the file is damaged, or a column is not of numbers, truth values or texts.
    UsageError
        If pyarrow is not installed.
    """
    parquet = needed("pyarrow.parquet", "parquet", f"reading {shown}")
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's own are of these kinds
        fail(DAMAGED, f"{shown} is damaged or cut short ({str(error).splitlines()[0].lower()})")
    return _dataset(table, {}, _index_first(table), shown)


def read_large_parquet(path: Path, shown: str) -> Dataset:
    """Read a Parquet file row group by row group; columns of numbers are laid down on disk.

    Raises
    ------
    DataError, UsageError
        As `read_parquet`, or if there is no room on disk.
    """
    parquet = needed("pyarrow.parquet", "parquet", f"reading {shown}")
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            kinds = {name: str(schema.field(name).type) for name in schema.names}
            types: dict[str, type] = {
                name: float if kind.startswith(("double", "float", "half")) else int
                for name, kind in kinds.items()
                if kind.startswith(NUMBERS)
            }
            types |= {name: float for name in types if _has_null(file.metadata, name)}
            shapes = dict.fromkeys(types, (file.metadata.num_rows,))
            found = spooled(_parts(file, types), types, shapes, shown)
            table = file.read(columns=[name for name in schema.names if name not in types])
            return _dataset(table, found, _index_first(schema), shown)
    except (OSError, ValueError, NotImplementedError) as error:
        fail(DAMAGED, f"{shown} is damaged or cut short ({str(error).splitlines()[0].lower()})")


def _has_null(about: Any, name: str) -> bool:
    """Return whether a column may have missing values, by what the file says of its groups."""
    places = [k for k in range(about.num_columns) if about.schema.column(k).path == name]
    columns = [about.row_group(g).column(k) for g in range(about.num_row_groups) for k in places]
    known = [c.statistics.null_count if c.statistics is not None else None for c in columns]
    return any(count is None or count > 0 for count in known)


def _parts(file: Any, types: dict[str, type]) -> Iterator[dict[str, Array]]:
    for batch in file.iter_batches(ROWS, columns=list(types)) if types else ():
        yield {
            name: (column.cast("float64") if types[name] is float else column).to_numpy(
                zero_copy_only=False
            )
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }


def _dataset(table: Any, found: dict[str, Array], names: list[str], shown: str) -> Dataset:
    """Return columns as data: those that were laid down, and the others."""
    pairs = [
        (
            name,
            Variable(found[name], f"{shown}, column `{name}`", None, shown)
            if name in found
            else _column(table.column(name), name, f"{shown}, column `{name}`", shown),
        )
        for name in names
    ]
    columns = with_row_labels(pairs)
    return named([pair for pair in columns if not pair[0].startswith(UNNAMED_INDEX)], shown)


def _index_first(table: Any) -> list[str]:
    """Return the names of the columns; what pandas keeps its index in comes first."""
    schema = getattr(table, "schema", table)
    about = schema.pandas_metadata or {}
    index = [name for name in about.get("index_columns", ()) if isinstance(name, str)]
    return [*index, *(name for name in schema.names if name not in index)]


def _column(column: Any, name: str, origin: str, table: str) -> Variable:
    kind = str(column.type)
    if kind.startswith("dictionary"):
        whole = column.combine_chunks()
        whole = whole.chunk(0) if hasattr(whole, "chunk") else whole
        labels = tuple(str(label) for label in whole.dictionary.to_pylist())
        codes = whole.indices.to_numpy(zero_copy_only=False)
        missing = whole.is_null().to_numpy(zero_copy_only=False)
        values = np.where(missing, np.nan, codes) if missing.any() else codes.astype(np.int64)
        return Variable(frozen(values), origin, labels, table)
    if kind.startswith(NUMBERS):
        if column.null_count:
            return variable(column.cast("float64").to_numpy(), name, origin, table)
        return variable(column.to_numpy(), name, origin, table)
    if kind.startswith("decimal"):
        return variable(column.cast("float64").to_numpy(), name, origin, table)
    if kind.startswith(("timestamp", "date", "time", "duration")):
        return variable(column.to_numpy(), name, origin, table)
    return variable(column.to_pylist(), name, origin, table)
