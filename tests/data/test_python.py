"""What Python calls are given, from lists to other libraries' tables."""

import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from ppl.data.python import from_python
from ppl.text import DataError


def test_numbers_lists_and_arrays() -> None:
    data = from_python({"a": 3, "b": [1, 2.5], "c": ((1, 2), (3, 4)), "d": np.float32(0.5)})
    assert data["a"].values.shape == ()
    assert data["b"].values.tolist() == [1, 2.5]
    assert data["c"].values.dtype == np.int64
    assert data["d"].values == 0.5


def test_values_are_copied_and_read_only() -> None:
    mine = np.arange(3.0)
    values = from_python({"x": mine})["x"].values
    mine[0] = 9
    assert values[0] == 0
    assert mine.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


def test_missing_values() -> None:
    data = from_python(
        {
            "masked": np.ma.array([1, 2], mask=[True, False]),
            "none": [1, None],
            "nan": [1.0, float("nan")],
            "fraction": np.array([Fraction(1, 2), None], object),
        }
    )
    np.testing.assert_array_equal(data["masked"].values, [np.nan, 2])
    for name in ("none", "nan"):
        np.testing.assert_array_equal(data[name].values, [1, np.nan])
    np.testing.assert_array_equal(data["fraction"].values, [0.5, np.nan])


def test_data_frame() -> None:
    frame = pd.DataFrame(
        {
            "y": [1.0, None],
            "n": pd.array([1, None], dtype="Int64"),
            "g": ["b", "a"],
            "grade": pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True),
            "dose": pd.Categorical([20, 10]),
            "ok": [True, False],
        }
    )
    data = from_python(frame)
    np.testing.assert_array_equal(data["n"].values, [1, np.nan])
    assert data["g"].labels == ("a", "b")
    assert data["grade"].labels == ("low", "high")
    assert data["grade"].values.tolist() == [0, 1]
    assert data["dose"].values.tolist() == [20, 10]
    assert data["ok"].values.tolist() == [1, 0]
    assert len({variable.table for variable in data.values()}) == 1
    whole = from_python({"X": frame[["y", "ok"]].astype(float), "y": frame["y"]})
    assert whole["X"].values.shape == (2, 2)


class Tensor:
    """Looks like an array of another library."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array([1.0, 2.0])


class Frame:
    """Looks like a Polars data frame."""

    columns = ("x", "label")
    shape = (2, 2)

    def __getitem__(self, name: str) -> "Series":
        return Series({"x": [1, None], "label": ["u", "v"]}[name])


class Series:
    def __init__(self, values: list[object]) -> None:
        self.values = values

    def to_numpy(self) -> np.ndarray:
        return np.array(self.values, dtype=object)


def test_objects_by_their_manners() -> None:
    assert from_python({"x": Tensor()})["x"].values.tolist() == [1, 2]
    assert from_python({"x": range(3)})["x"].values.tolist() == [0, 1, 2]
    frame = from_python(Frame())
    np.testing.assert_array_equal(frame["x"].values, [1, np.nan])
    assert frame["label"].labels == ("u", "v")


def test_lone_array_and_path(tmp_path: Path) -> None:
    lone = from_python(np.arange(3)).lone
    assert lone is not None
    assert lone.values.tolist() == [0, 1, 2]
    np.save(tmp_path / "x.npy", np.arange(3))
    assert from_python(tmp_path / "x.npy").stem == "x"


def test_names_in_normal_form_and_explicit() -> None:
    data = from_python({"σ²": 1.0}, explicit=True)
    assert data.explicit == {"σ2"}


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        ([[1, 2], [3]], "data-ragged", "`x[1]` has 1 entry"),
        ([1, "a"], "data-not-numbers", "`x[1]`"),
        ([datetime.date(2020, 1, 1)], "data-not-numbers", "a date"),
        (np.array([1j]), "data-not-numbers", "complex"),
        (1j, "data-not-numbers", "complex"),
        (scipy.sparse.eye_array(3), "data-not-numbers", "`x`"),
        ({"a": 1}, "data-not-numbers", "a dict"),
        (object(), "data-not-numbers", "`x`"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "data-not-numbers", "dates"),
    ],
)
def test_faults(value: object, code: str, says: str) -> None:
    with pytest.raises(DataError) as raised:
        from_python({"x": value})
    (fault,) = raised.value.diagnostics
    assert fault.code == code
    assert says in fault.message


def test_two_names_that_are_one() -> None:
    with pytest.raises(DataError):
        from_python({"σ²": 1.0, "σ2": 1.0})
