"""What reading gives: named arrays with where they come from.

Reading (`ppl.data.read`, `ppl.data.python`) makes `Dataset`s; binding joins them to the graph.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ppl.data.diagnostics import RENAMED, TWICE, fail
from ppl.text import Diagnostic

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One array of data.

    Attributes
    ----------
    values
        Real numbers as float64 with NaN where missing; whole numbers, truth values and positions
        of labels as int64 (float64 if some are missing). Read-only. A large `.npy` file stays on
        disk (memory-mapped) in the number type it has there.
    origin
        Where it comes from, to be read after "in": ``schools.csv, column `y` ``.
    labels
        The texts that the values are positions of, None where the data are numbers. Sorted,
        unless they come as categories with an order of their own.
    table
        The table that this is a column of: columns of one table share their rows. None for arrays.
    coords
        What the positions along each axis are called, for tables and plots; None for an axis
        without such labels. Empty where no axis has any.
    """

    values: Array
    origin: str
    labels: tuple[str, ...] | None = None
    table: str | None = None
    coords: tuple[tuple[str, ...] | None, ...] = ()

    def first_text(self) -> tuple[tuple[int, ...], str] | None:
        """Return position and text of the first label that does not read as a number."""
        if self.labels is None:
            return None
        texts = np.array([not _reads_as_number(label) for label in self.labels] + [False])
        positions = np.where(np.isnan(self.values), len(self.labels), self.values).astype(np.int64)
        hits = np.argwhere(texts[positions])
        if len(hits) == 0:
            return None
        place = tuple(int(i) for i in hits[0])
        return place, self.labels[int(positions[place])]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset(Mapping[str, Variable]):
    """The arrays of one source of data, by name in Unicode form NFKC.

    Attributes
    ----------
    variables
        The arrays that have names.
    lone
        The array of a source that holds one without a name, else None.
    stem
        What that source is called (a file without folder and ending): the lone array's name if
        the model has that name. None for standard input.
    explicit
        The names that the user wrote down for this very purpose (`NAME=FILE`, a keyword).
    notes
        What was done to names on the way.
    """

    variables: Mapping[str, Variable]
    lone: Variable | None = None
    stem: str | None = None
    explicit: frozenset[str] = frozenset()
    notes: tuple[Diagnostic, ...] = field(default=())

    def __getitem__(self, name: str) -> Variable:
        return self.variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)


MOST_ROW_LABELS = 10_000
"""Rows of longer tables are numbered, not labelled."""


def with_row_labels(pairs: Sequence[tuple[str, Variable]]) -> list[tuple[str, Variable]]:
    """Return the columns of a table, whose rows the first column labels if it tells them apart."""
    labels = row_labels(pairs[0][1]) if len(pairs) > 1 else None
    if labels is None:
        return list(pairs)
    return [
        (name, replace(variable, coords=(labels,)) if variable.values.ndim == 1 else variable)
        for name, variable in pairs
    ]


def row_labels(column: Variable) -> tuple[str, ...] | None:
    """Return the texts of a column if there is a different one in every row."""
    rows = len(column.values) if column.values.ndim == 1 else 0
    if column.labels is None or not 0 < rows <= min(MOST_ROW_LABELS, len(column.labels)):
        return None
    if column.values.dtype.kind == "f" or column.first_text() is None:
        return None
    labels = tuple(column.labels[k] for k in column.values.tolist())
    return labels if len(set(labels)) == rows else None


def frozen(array: Array) -> Array:
    """Return the array with writing to it forbidden."""
    array.flags.writeable = False
    return array


def normal(name: str) -> str:
    """Return a name in the form in which names are compared (NFKC)."""
    return unicodedata.normalize("NFKC", name)


def identifier(name: str) -> str:
    """Return the nearest name that a model can use: ``body mass (g)`` gives ``body_mass_g``."""
    name = normal(name).strip()
    if name.isidentifier():
        return name
    name = re.sub(r"\W+", "_", name).strip("_")
    return name if name.isidentifier() else f"_{name}"


def named(
    pairs: Iterable[tuple[str, Variable]],
    source: str,
    *,
    explicit: bool = False,
    notes: tuple[Diagnostic, ...] = (),
) -> Dataset:
    """Make a `Dataset` of named arrays; names that a model cannot use are mended, with a note.

    Raises
    ------
    DataError
        If two names are the same.
    """
    variables: dict[str, Variable] = {}
    originals: dict[str, str] = {}
    for original, variable in pairs:
        name = identifier(original)
        if name in variables:
            _fail_twice(original, originals[name], name, source)
        variables[name], originals[name] = variable, original
    changed = {old: new for new, old in originals.items() if normal(old).strip() != new}
    if changed:
        notes = (*notes, _renamed(changed, source))
    return Dataset(variables, explicit=frozenset(variables if explicit else ()), notes=notes)


def _fail_twice(second: str, first: str, name: str, source: str) -> None:
    if first == second:
        fail(TWICE, f"`{name}` occurs twice in {source}")
    fail(TWICE, f"`{first}` and `{second}` in {source} are both called `{name}` in a model")


def _renamed(changed: dict[str, str], source: str) -> Diagnostic:
    shown = [f"`{old}` is called `{new}`" for old, new in list(changed.items())[:5]]
    if len(changed) > len(shown):
        shown.append(f"{len(changed) - len(shown)} more likewise")
    return RENAMED(f"in {source}, " + ", ".join(shown))


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
