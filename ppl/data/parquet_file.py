"""Reading `.parquet`: a table with typed columns, in one file or a folder of them, by pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ppl.data import numpy_files
from ppl.data.arrays import variable
from ppl.data.dataset import Array, Dataset, Variable, frozen, named, with_row_labels
from ppl.data.diagnostics import DAMAGED, fail
from ppl.data.extras import needed
from ppl.data.parquet_folder import Part, counted, partitions
from ppl.data.spooled import spooled, told

Shapes = dict[str, tuple[int, ...]]

PARQUET_MAGIC = b"PAR1"
UNNAMED_INDEX = "__index_level_"
"""How pandas names the column of an index that has no name."""

ROWS, BYTES = 1 << 16, 1 << 24
"""Rows of a large file that are unpacked together, at most, and about how many bytes."""
BUFFERED = 1 << 20
"""Bytes of each packed column that are read ahead; pyarrow would else hold whole files at once."""
NUMBERS = ("int", "uint", "double", "float", "halffloat", "bool", "decimal")
REAL = ("double", "float", "half", "decimal")
TEXTS = ("string", "large_string", "string_view")
LISTS = ("list<", "large_list<", "fixed_size_list<")


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
    columns = {name: _column(table.column(name), name, shown) for name in table.column_names}
    return _dataset(columns, _index_first(table.schema), shown)


def read_large_parquet(path: Path, shown: str) -> Dataset:
    """Read a Parquet file, or the files of a folder, part by part; numbers are laid down on disk.

    Columns of lists of numbers that are all as long as one another are matrices. Names of folders
    such as ``year=2024`` are columns of their own.

    Raises
    ------
    DataError, UsageError
        As `read_parquet`, or if there is no room on disk, or files of a folder are of different
        columns.
    """
    parquet = needed("pyarrow.parquet", "parquet", f"reading {shown}")
    try:
        with ExitStack() as stack:
            parts = partitions(path, shown)
            encoded = _texts_of(parquet, parts[0].path)
            files = [
                stack.enter_context(
                    parquet.ParquetFile(
                        part.path, read_dictionary=encoded, pre_buffer=False, buffer_size=BUFFERED
                    )
                )
                for part in parts
            ]
            return _large(files, parts, encoded, shown)
    except (OSError, ValueError, NotImplementedError) as error:
        fail(DAMAGED, f"{shown} is damaged or cut short ({str(error).splitlines()[0].lower()})")


def _texts_of(parquet: Any, path: Path) -> list[str]:
    schema = parquet.read_schema(path)
    return [name for name in schema.names if str(schema.field(name).type) in TEXTS]


def _large(files: list[Any], parts: list[Part], encoded: list[str], shown: str) -> Dataset:
    schema = files[0].schema_arrow
    for file, part in zip(files, parts, strict=True):
        if dict(_kinds(file.schema_arrow)) != dict(_kinds(schema)):
            fail(DAMAGED, f"{part.path} has other columns, or types, than {parts[0].path}")
    kinds = _kinds(schema)
    counts = [file.metadata.num_rows for file in files]
    widths = {name: _width(files, name) for name, kind in kinds.items() if kind.startswith(LISTS)}
    shapes: Shapes = {n: (sum(counts),) for n, kind in kinds.items() if kind.startswith(NUMBERS)}
    shapes |= {n: (sum(counts), width) for n, width in widths.items() if width}
    types: dict[str, type] = {
        name: float if _is_real(files, name, kinds[name]) else int for name in shapes
    }
    total = sum(part.path.stat().st_size for part in parts)
    if total >= numpy_files.LARGE:
        found = spooled(_rows(files, shapes, types), types, shapes, shown)
    else:
        found = _in_memory(_rows(files, shapes, types), types, shapes)
    columns = {n: Variable(v, _origin(n, shown), None, shown) for n, v in found.items()}
    for name in schema.names:
        if name not in columns:
            columns[name] = _column(_joined(files, name), name, shown, in_order=name in encoded)
    for name, (values, labels) in counted(parts, counts).items():
        columns[name] = Variable(frozen(values), _origin(name, shown), labels, shown)
    notes = (told(found, shown),) if found and total >= numpy_files.LARGE else ()
    return _dataset(columns, [*_index_first(schema), *columns], shown, notes)


def _kinds(schema: Any) -> dict[str, str]:
    return {name: str(schema.field(name).type) for name in schema.names}


def _is_real(files: list[Any], name: str, kind: str) -> bool:
    """Whether values are held as float64: so are lists, and numbers some of which are missing."""
    if kind.startswith((*REAL, *LISTS)):
        return True
    return any(_has_null(file.metadata, name) for file in files)


def _has_null(about: Any, name: str) -> bool:
    """Return whether a column may have missing values, by what the file says of its groups."""
    places = [k for k in range(about.num_columns) if about.schema.column(k).path == name]
    columns = [about.row_group(g).column(k) for g in range(about.num_row_groups) for k in places]
    known = [c.statistics.null_count if c.statistics is not None else None for c in columns]
    return any(count is None or count > 0 for count in known)


def _width(files: list[Any], name: str) -> int:
    """Return how long all lists of numbers of a column are; 0 if they differ or are no numbers."""
    lengths: set[int] = set()
    for file in files:
        for batch in file.iter_batches(ROWS // 16, columns=[name]):
            column = batch.column(0)
            if column.null_count or not str(column.type.value_type).startswith(NUMBERS):
                return 0
            if hasattr(column.type, "list_size"):
                return int(column.type.list_size)
            lengths |= set(np.unique(np.diff(column.offsets.to_numpy())).tolist())
            if len(lengths) > 1:
                return 0
    return lengths.pop() if lengths else 0


def _rows(files: list[Any], shapes: Shapes, types: dict[str, type]) -> Iterator[dict[str, Array]]:
    """Yield the next rows of columns of numbers."""
    width = sum(shape[1] if len(shape) > 1 else 1 for shape in shapes.values())
    rows = max(1, min(ROWS, BYTES // max(1, 8 * width)))
    for file in files if shapes else ():
        for batch in file.iter_batches(rows, columns=list(shapes)):
            pairs = zip(batch.schema.names, batch.columns, strict=True)
            yield {name: _numbers(name, column, types[name]) for name, column in pairs}


def _numbers(name: str, column: Any, kind: type) -> Array:
    """Return a part of a column of numbers, or of lists of as many numbers."""
    rows = len(column)
    flat = str(column.type).startswith(LISTS)
    if flat and column.null_count:
        fail(DAMAGED, f"some rows of the column `{name}` of lists hold no list")
    values = column.flatten() if flat else column
    found: Array = (values.cast("float64") if kind is float else values).to_numpy(
        zero_copy_only=False
    )
    return found.reshape(rows, -1) if flat else found


def _in_memory(
    parts: Iterator[dict[str, Array]], types: dict[str, type], shapes: Shapes
) -> dict[str, Array]:
    found: dict[str, list[Array]] = {name: [] for name in types}
    for part in parts:
        for name, values in part.items():
            found[name].append(values)
    return {
        name: frozen(np.concatenate(values or [np.zeros(shapes[name])]).astype(types[name]))
        for name, values in found.items()
    }


def _joined(files: list[Any], name: str) -> Any:
    pyarrow = needed("pyarrow", "parquet", "reading Parquet")
    tables = [file.read(columns=[name]) for file in files]
    return pyarrow.concat_tables(tables).column(name)


def _dataset(
    columns: dict[str, Variable], names: list[str], shown: str, notes: tuple[Any, ...] = ()
) -> Dataset:
    """Return columns as data, in the order of the names."""
    pairs = with_row_labels([(name, columns[name]) for name in dict.fromkeys(names)])
    kept = [pair for pair in pairs if not pair[0].startswith(UNNAMED_INDEX)]
    return named(kept, shown, notes=notes)


def _origin(name: str, shown: str) -> str:
    return f"{shown}, column `{name}`"


def _index_first(schema: Any) -> list[str]:
    """Return the names of the columns; what pandas keeps its index in comes first."""
    about = schema.pandas_metadata or {}
    index = [name for name in about.get("index_columns", ()) if isinstance(name, str)]
    return [*(name for name in index if name in schema.names), *schema.names]


def _column(column: Any, name: str, table: str, *, in_order: bool = False) -> Variable:
    """Return a column as it is in memory; `in_order` are texts that stand as positions in it."""
    kind, origin = str(column.type), _origin(name, table)
    if kind in TEXTS and column.null_count < len(column):
        return _labelled(column.dictionary_encode(), origin, table, in_order=True)
    if kind.startswith("dictionary"):
        return _labelled(column, origin, table, in_order=in_order)
    if kind.startswith(NUMBERS):
        real = column.null_count or kind.startswith("decimal")
        return variable(
            (column.cast("float64") if real else column).to_numpy(), name, origin, table
        )
    if kind.startswith(("timestamp", "date", "time", "duration")):
        return variable(column.to_numpy(), name, origin, table)
    return variable(column.to_pylist(), name, origin, table)


def _labelled(column: Any, origin: str, table: str, *, in_order: bool) -> Variable:
    """Return texts as positions of labels: of those that occur in alphabetical order, or of all
    categories in their own."""
    whole = column.combine_chunks()
    whole = whole.chunk(0) if hasattr(whole, "chunk") else whole
    labels = [str(label) for label in whole.dictionary.to_pylist()]
    missing = whole.is_null().to_numpy(zero_copy_only=False)
    codes = whole.indices.fill_null(0).to_numpy(zero_copy_only=False)
    if in_order:
        present = np.unique(codes[~missing]).tolist()
        ordered = sorted({labels[k] for k in present})
        place = {label: k for k, label in enumerate(ordered)}
        new = np.zeros(len(labels), np.int64)
        new[present] = [place[labels[k]] for k in present]
        codes, labels = new[codes], ordered
    values = np.where(missing, np.nan, codes) if missing.any() else codes.astype(np.int64)
    return Variable(frozen(values), origin, tuple(labels), table)
