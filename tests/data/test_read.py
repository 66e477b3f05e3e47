"""Files of every kind come back as the numbers written to them."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppl.data import numpy_files
from ppl.data.dataset import Dataset, Variable
from ppl.data.read import parse_word, read
from tests.timing import ratio


def one(path: Path | str) -> Dataset:
    (dataset,) = read((str(path),))
    return dataset


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def lone(dataset: Dataset) -> Variable:
    assert dataset.lone is not None
    return dataset.lone


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.arange(6.0).reshape(2, 3), np.float64),
        (np.arange(6).reshape(3, 2), np.int64),
        (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.float64),
        (np.array([1.5, np.nan], ">f8"), np.float64),
        (np.array([1, 2], np.uint8), np.int64),
        (np.array([0.5], np.float32), np.float64),
        (np.array([True, False]), np.int64),
        (np.array(3.5), np.float64),
        (np.zeros((0, 4)), np.float64),
        (np.array([2**63], np.uint64), np.float64),
    ],
)
def test_npy(tmp_path: Path, array: np.ndarray, dtype: type) -> None:
    np.save(tmp_path / "x.npy", array)
    dataset = one(tmp_path / "x.npy")
    assert dataset.stem == "x"
    assert len(dataset) == 0
    values = lone(dataset).values
    assert values.dtype == dtype
    assert not values.flags.writeable
    np.testing.assert_array_equal(values, array)


def test_large_npy_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_files, "LARGE", 1000)
    np.save(tmp_path / "x.npy", np.arange(1000.0))
    values = lone(one(tmp_path / "x.npy")).values
    assert isinstance(values, np.memmap)
    assert not values.flags.writeable
    np.testing.assert_array_equal(values, np.arange(1000.0))


def test_npy_texts_become_positions_of_sorted_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "g.npy", np.array(["b", "a", "b"]))
    variable = lone(one(tmp_path / "g.npy"))
    assert variable.labels == ("a", "b")
    assert variable.values.tolist() == [1, 0, 1]


def test_npy_records_are_a_table(tmp_path: Path) -> None:
    records = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("x", "f8")])
    np.save(tmp_path / "r.npy", records)
    dataset = one(tmp_path / "r.npy")
    assert dataset["n"].values.tolist() == [1, 3]
    assert dataset["x"].table == dataset["n"].table is not None


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, save: object) -> None:
    save(tmp_path / "d.npz", x=np.eye(2), n=4)  # type: ignore[operator]
    dataset = one(tmp_path / "d.npz")
    assert set(dataset) == {"x", "n"}
    np.testing.assert_array_equal(dataset["x"].values, np.eye(2))
    assert dataset["n"].values.shape == ()
    assert "array `x`" in dataset["x"].origin


def test_json(tmp_path: Path) -> None:
    text = """{"y": [28, 8, -3], "s": [[1, 2.5], [null, 4]], "n": 3, "ok": [true, false],
               "who": ["b", "a"], "empty": [], "big": [1e400, -2]}"""
    dataset = one(written(tmp_path, "d.json", text))
    assert dataset["y"].values.dtype == np.int64
    np.testing.assert_array_equal(dataset["s"].values, [[1, 2.5], [np.nan, 4]])
    assert dataset["n"].values == 3
    assert dataset["ok"].values.tolist() == [1, 0]
    assert (dataset["who"].labels, dataset["who"].values.tolist()) == (("a", "b"), [1, 0])
    assert dataset["empty"].values.shape == (0,)
    assert dataset["big"].values.tolist() == [np.inf, -2]


def test_json_lone_list_and_records(tmp_path: Path) -> None:
    assert lone(one(written(tmp_path, "x.json", "[1, 2, null]"))).values.tolist()[:2] == [1, 2]
    rows = one(written(tmp_path, "r.json", '[{"a": 1, "b": "u"}, {"a": 2}]'))
    assert rows["a"].values.tolist() == [1, 2]
    assert rows["b"].labels == ("u",)
    np.testing.assert_array_equal(rows["b"].values, [0, np.nan])


def test_csv(tmp_path: Path) -> None:
    text = '\ufeffn,x,who,flag,all\n1,0.5,"Smith, A",TRUE,\n2,NA,Doe,false,NA\n\n3, 2e3 ,,true,\n'
    dataset = one(written(tmp_path, "d.csv", text))
    assert dataset["n"].values.dtype == np.int64
    np.testing.assert_array_equal(dataset["x"].values, [0.5, np.nan, 2000])
    assert dataset["who"].labels == ("Doe", "Smith, A")
    np.testing.assert_array_equal(dataset["who"].values, [1, 0, np.nan])
    assert dataset["flag"].values.tolist() == [1, 0, 1]
    assert np.isnan(dataset["all"].values).all()
    assert {v.table for v in dataset.values()} == {dataset["n"].table}


@pytest.mark.parametrize(("name", "mark"), [("d.tsv", "\t"), ("d.csv", ";"), ("d.csv", "\t")])
def test_other_delimiters(tmp_path: Path, name: str, mark: str) -> None:
    dataset = one(written(tmp_path, name, f"a{mark}b\n1{mark}2\r\n3{mark}4\n"))
    assert dataset["b"].values.tolist() == [2, 4]


def test_csv_texts_after_many_numbers_keep_their_spelling(tmp_path: Path) -> None:
    rows = "".join(f"{i:04}\n" for i in range(30_000))
    dataset = one(written(tmp_path, "d.csv", f"code\n{rows}12_3\n"))
    labels = dataset["code"].labels
    assert labels is not None
    assert labels[:2] == ("0000", "0001")
    assert dataset["code"].first_text() == ((30_000,), "12_3")


def test_csv_without_names_is_one_array(tmp_path: Path) -> None:
    dataset = one(written(tmp_path, "x.csv", "1,2\n3,4.5\n"))
    assert lone(dataset).values.tolist() == [[1, 2], [3, 4.5]]
    assert [note.code for note in dataset.notes] == ["data-no-header"]
    assert lone(one(written(tmp_path, "v.csv", "1\n2\n"))).values.tolist() == [1, 2]


def test_names_are_mended_with_a_note(tmp_path: Path) -> None:
    dataset = one(written(tmp_path, "d.csv", ",body mass (g),2nd,σ²\n0,1,2,3\n"))
    assert list(dataset) == ["body_mass_g", "_2nd", "σ2"]
    assert [note.code for note in dataset.notes] == ["data-unnamed-column", "data-renamed"]
    assert "`body mass (g)` is called `body_mass_g`" in dataset.notes[1].message


def test_long_tables_are_fast(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=200_000)
    lines = "".join(f"{x:.6f},{i},g{i % 300}\n" for i, x in enumerate(numbers.tolist()))
    path = written(tmp_path, "d.csv", "x,i,g\n" + lines)

    def plain() -> int:
        with path.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        return len([(float(x), int(i), g) for x, i, g in rows])

    assert plain() == 200_000
    assert ratio(lambda: one(path), plain, bound=4, rounds=2) < 4
    dataset = one(path)
    np.testing.assert_allclose(dataset["x"].values, numbers, atol=1e-6)
    assert dataset["g"].values[299] == dataset["g"].values[599]


@pytest.mark.parametrize("kind", ["npy", "npz", "json", "csv"])
def test_standard_input_is_told_by_its_bytes(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    buffer = io.BytesIO()
    match kind:
        case "npy":
            np.save(buffer, np.array([1.0, 2.0]))
        case "npz":
            np.savez(buffer, x=np.array([1.0, 2.0]))
        case "json":
            buffer.write(json.dumps({"x": [1, 2]}).encode())
        case _:
            buffer.write(b"x\n1\n2\n")
    buffer.seek(0)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(buffer))
    dataset = one("-")
    variable = dataset.lone if kind == "npy" else dataset["x"]
    assert variable is not None
    assert variable.values.tolist() == [1, 2]
    assert dataset.stem is None


def test_names_for_files(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.array([1.0]))
    np.savez(tmp_path / "d.npz", a=1, b=2)
    written(tmp_path, "d.csv", "u,v\n1,2\n")
    y, a, v = read((f"y={tmp_path}/d.npy", f"z={tmp_path}/d.npz:a", f"w={tmp_path}/d.csv:v"))
    assert y["y"].values.tolist() == [1]
    assert y.explicit == {"y"}
    assert a["z"].values == 1
    assert v["w"].values.tolist() == [2]


def test_a_file_may_have_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a=b.json", "[1]")
    assert parse_word("a=b.json").name is None
    assert lone(one("a=b.json")).values.tolist() == [1]


def test_pipes_are_told_by_their_bytes(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"[1, 2]")
    os.close(writer)
    try:
        dataset = one(f"/dev/fd/{reader}")
    finally:
        os.close(reader)
    assert lone(dataset).values.tolist() == [1, 2]
    assert dataset.stem is None
