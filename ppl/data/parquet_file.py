"""Reading `.parquet`: a table with typed columns, by pyarrow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ppl.data.arrays import variable
from ppl.data.dataset import Dataset, Variable, frozen, named, with_row_labels
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed

PARQUET_MAGIC = b"PAR1"
UNNAMED_INDEX = "__index_level_"
"""How pandas names the column of an index that has no name."""


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
    pairs = [
        (name, _column(table.column(name), name, f"{shown}, column `{name}`", shown))
        for name in _index_first(table)
    ]
    columns = with_row_labels(pairs)
    return named([pair for pair in columns if not pair[0].startswith(UNNAMED_INDEX)], shown)


def _index_first(table: Any) -> list[str]:
    """Return the names of the columns; what pandas keeps its index in comes first."""
    about = table.schema.pandas_metadata or {}
    index = [name for name in about.get("index_columns", ()) if isinstance(name, str)]
    return [*index, *(name for name in table.column_names if name not in index)]


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
    if kind.startswith(("int", "uint", "double", "float", "halffloat", "bool")):
        if column.null_count:
            return variable(column.cast("float64").to_numpy(), name, origin, table)
        return variable(column.to_numpy(), name, origin, table)
    if kind.startswith("decimal"):
        return variable(column.cast("float64").to_numpy(), name, origin, table)
    if kind.startswith(("timestamp", "date", "time", "duration")):
        return variable(column.to_numpy(), name, origin, table)
    return variable(column.to_pylist(), name, origin, table)
