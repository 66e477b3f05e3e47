"""From the command line's words to data: which file, of which kind, under which name."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ppl.data import numpy_files
from ppl.data.dataset import Dataset, Variable, normal
from ppl.data.diagnostics import DAMAGED, FORMAT, NOT_FOUND, TWICE, WORD, fail
from ppl.data.json_file import read_json
from ppl.data.netcdf_file import CLASSIC, HDF, read_netcdf
from ppl.data.numpy_files import MAGIC, ZIP_MAGIC, read_npy, read_npz
from ppl.data.parquet_file import PARQUET_MAGIC, read_large_parquet, read_parquet
from ppl.data.table_file import read_table
from ppl.data.zarr_file import read_zarr
from ppl.text import DataError, Diagnostic, UsageError

SUFFIXES = (".npy", ".npz", ".json", ".csv", ".tsv", ".parquet", ".nc", ".zarr")
"""Endings of the files that can be read."""

STANDARD_INPUT = "-"

_REMEDIES = {
    ".gz": "unpack it first: `gunzip --keep FILE`",
    ".zip": "unpack it first",
    ".pkl": "pickled objects are not opened; save arrays with `np.savez(file, name=array)`",
    ".pickle": "pickled objects are not opened; save arrays with `np.savez(file, name=array)`",
    ".txt": "a table with a line of names is read if its name ends in .csv or .tsv",
    ".dat": "a table with a line of names is read if its name ends in .csv or .tsv",
    ".xlsx": "save the sheet as .csv",
    ".xls": "save the sheet as .csv",
    ".feather": "save it as .parquet or .csv",
    ".arrow": "save it as .parquet or .csv",
    ".rds": "save it as .csv: `write.csv(table, file, row.names = FALSE)` in R",
    ".rdata": "save it as .csv: `write.csv(table, file, row.names = FALSE)` in R",
    ".h5": "an HDF 5 file is read if it is netCDF 4 and its name ends in .nc",
    ".mat": "save arrays with `np.savez(file, name=array)`",
    ".ppl": "a command takes one model, as its first word",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the command line: `FILE`, `NAME=FILE` or `NAME=FILE:KEY`."""

    file: str
    name: str | None = None
    key: str | None = None


def read(arguments: Sequence[str]) -> tuple[Dataset, ...]:
    """Read the data that the words of a command line name, one `Dataset` per word.

    Parameters
    ----------
    arguments
        Each `FILE`, `NAME=FILE` or `NAME=FILE:KEY`; a `FILE` of ``-`` is standard input.

    Raises
    ------
    DataError
        With everything that is wrong with any of the files, or with a name given twice.
    UsageError
        If only words are at fault: they name no file that can be opened.
    """
    datasets: list[Dataset] = []
    faults: list[Diagnostic] = []
    piped = [a for a in arguments if STANDARD_INPUT in (a, a.partition("=")[2].partition(":")[0])]
    if len(piped) > 1:
        faults.append(WORD("standard input can be read only once, but `-` is given twice"))
    for argument in arguments:
        if len(piped) > 1 and argument in piped:
            continue
        try:
            datasets.append(_read_word(parse_word(argument)))
        except DataError as error:
            faults.extend(error.diagnostics)
    faults.extend(_given_twice(datasets))
    if faults and all(fault.kind in (NOT_FOUND, WORD) for fault in faults):
        raise UsageError(tuple(faults))
    if faults:
        raise DataError(tuple(faults))
    return tuple(datasets)


def parse_word(argument: str) -> Word:
    """Take a word apart; a file that exists under the whole word is that file."""
    name, equals, file = argument.partition("=")
    if not equals or Path(argument).exists():
        return Word(argument)
    if not normal(name).isidentifier():
        fail(WORD, f"`{name}` in `{argument}` is not a name", "write NAME=FILE, as in `y=data.npy`")
    if not file:
        fail(WORD, f"no file is given for `{name}`", f"write `{name}=FILE`, without spaces")
    path, colon, key = file.rpartition(":")
    if colon and not Path(file).exists() and (path == "-" or Path(path).exists()):
        return Word(path, normal(name), key)
    return Word(file, normal(name))


def _read_word(word: Word) -> Dataset:
    if word.name is not None and word.file.isdigit() and not Path(word.file).exists():
        help = f"the size of a dimension is given as `--set {word.name}={word.file}`"
        fail(NOT_FOUND, f"there is no file `{word.file}` for `{word.name}`", help)
    dataset = _read_file(word.file)
    return dataset if word.name is None else _one(dataset, word, word.name)


def _one(dataset: Dataset, word: Word, name: str) -> Dataset:
    """Return the one array of a file that `NAME=FILE` or `NAME=FILE:KEY` means."""
    variable: Variable | None
    key = None if word.key is None else normal(word.key)
    if key is not None and key not in dataset:
        close = [n for n in dataset if n.lower() == key.lower()]
        close = close or _nearest(key, dataset)
        advice = f"did you mean `{name}={word.file}:{close[0]}`?" if close else None
        fail(WORD, f"{word.file} holds no `{word.key}`; its names are{_listing(dataset)}", advice)
    if key is not None:
        variable = dataset[key]
    elif dataset.lone is not None:
        variable = dataset.lone
    elif len(dataset) == 1 or name in dataset:
        variable = dataset[name if name in dataset else next(iter(dataset))]
    else:
        example = next(iter(dataset), "KEY")
        fail(
            WORD,
            f"`{name}={word.file}` stands for one array, but the file holds {len(dataset)}"
            + _listing(dataset),
            f"name the one: `{name}={word.file}:{example}`",
        )
    return Dataset({name: variable}, explicit=frozenset({name}), notes=dataset.notes)


def _listing(dataset: Dataset) -> str:
    names = [f"`{name}`" for name in list(dataset)[:8]]
    return f" ({', '.join(names)}{', ...' if len(dataset) > 8 else ''})" if names else ""


def _read_file(file: str) -> Dataset:
    if file == STANDARD_INPUT and sys.stdin is None:
        fail(NOT_FOUND, "standard input is closed, so nothing can be read from it")
    if file == STANDARD_INPUT:
        return _read_bytes(sys.stdin.buffer.read(), "standard input", None, "")
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and suffix and not path.is_dir() and not _is_stream(path):
        _missing_first(path)
        _fail_suffix(path)
    try:
        if suffix == ".zarr" and path.exists():
            return read_zarr(path, file, normal(path.stem))
        if suffix == ".parquet" and path.exists() and _is_large(path):
            return read_large_parquet(path, file)
        if suffix == ".npy" and path.is_file():
            with path.open("rb") as opened:
                size = path.stat().st_size
                _not_empty(size, file)
                return read_npy(opened, size, file, normal(path.stem), path)
        if suffix == ".npz" and path.is_file():
            with path.open("rb") as opened:
                _not_empty(path.stat().st_size, file)
                return read_npz(opened, file)
        content = path.read_bytes()
    except OSError as error:
        _fail_open(path, error)
    stem = None if _is_stream(path) else normal(path.stem)
    return _read_bytes(content, file, stem, "" if _is_stream(path) else suffix)


def _is_large(path: Path) -> bool:
    """Whether a table is a folder, or is not to be held in memory."""
    return path.is_dir() or path.stat().st_size >= numpy_files.LARGE


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _read_bytes(content: bytes, shown: str, stem: str | None, suffix: str) -> Dataset:
    """Read what is in memory, by its ending or, without one, by its first bytes."""
    _not_empty(len(content), shown)
    match suffix or _sniffed(content):
        case ".npy":
            return read_npy(io.BytesIO(content), len(content), shown, stem, None)
        case ".npz":
            return read_npz(io.BytesIO(content), shown)
        case ".json":
            return read_json(_decoded(content, shown), shown, stem)
        case ".parquet":
            return read_parquet(content, shown)
        case ".nc":
            return read_netcdf(content, shown)
        case ".tsv":
            return read_table(_decoded(content, shown), shown, stem, "\t")
        case _:
            return read_table(_decoded(content, shown), shown, stem, None)


def _sniffed(content: bytes) -> str:
    if content.startswith(MAGIC):
        return ".npy"
    if content.startswith(ZIP_MAGIC):
        return ".npz"
    if content.startswith(PARQUET_MAGIC):
        return ".parquet"
    if content.startswith((*CLASSIC, HDF)):
        return ".nc"
    return ".json" if content.lstrip()[:1] in (b"{", b"[") else ".csv"


def _decoded(content: bytes, shown: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fail(
            DAMAGED,
            f"{shown}, line {line}: not UTF-8 text (byte 0x{content[error.start]:02x})",
            "save it as UTF-8, for example with `iconv -f latin1 -t utf-8 FILE`",
        )


def _not_empty(size: int, shown: str) -> None:
    if size == 0:
        fail(DAMAGED, f"{shown} is empty")


def _given_twice(datasets: Sequence[Dataset]) -> list[Diagnostic]:
    origins: dict[str, list[str]] = {}
    for dataset in datasets:
        for name, variable in dataset.items():
            origins.setdefault(name, []).append(variable.origin)
        if dataset.lone is not None and dataset.stem is not None:
            origins.setdefault(dataset.stem, []).append(dataset.lone.origin)
    return [
        TWICE(
            f"`{name}` is given twice: in {places[0]} and in {places[1]}",
            help="leave one out, or give one another name with NAME=FILE",
        )
        for name, places in origins.items()
        if len(places) > 1
    ]


def _missing_first(path: Path) -> None:
    if not path.exists():
        _fail_open(path, FileNotFoundError())


def _fail_open(path: Path, error: OSError) -> NoReturn:
    match error:
        case FileNotFoundError():
            fail(NOT_FOUND, f"there is no file `{path}`", _near(path))
        case IsADirectoryError():
            fail(NOT_FOUND, f"`{path}` is a folder, not a data file", _near(path / "*"))
        case PermissionError():
            fail(NOT_FOUND, f"the file `{path}` may not be read: permission denied")
        case _:
            fail(NOT_FOUND, f"the file `{path}` cannot be read: {error.strerror or error}")


def _near(path: Path) -> str | None:
    """Propose data files of the same folder: the likeliest, or, for a folder, the first few."""
    try:
        names = sorted(p.name for p in path.parent.iterdir() if p.suffix.lower() in SUFFIXES)
    except OSError:
        return None
    if path.name == "*":
        shown = ", ".join(f"`{path.parent / name}`" for name in names[:3])
        return f"it holds {shown}" if shown else None
    close = _nearest(path.name, names)
    return f"did you mean `{path.parent / close[0]}`?" if close else None


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    import difflib  # only mistakes need it

    return difflib.get_close_matches(name, list(known), 1)


def _fail_suffix(path: Path) -> NoReturn:
    supported = ", ".join(SUFFIXES[:-1]) + f" and {SUFFIXES[-1]}"
    fail(
        FORMAT,
        f"`{path}` ends in {path.suffix}, but data are read from {supported} files",
        _REMEDIES.get(path.suffix.lower()),
    )
