"""Large Parquet and Zarr files: unpacked part by part, mapped, and fitted as arrays are."""

import errno
import io
import shutil
import tempfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zarr

import ppl
from ppl.data import numpy_files, parquet_file, zarr_file
from ppl.data import values as as_counted
from ppl.data.mapped import is_mapped
from ppl.data.read import read
from ppl.inference.stochastic import checkpoint, optimise, sample
from ppl.text import DataError, UsageError


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(numpy_files, "LARGE", 1)
    monkeypatch.setattr(parquet_file, "ROWS", 100)


def test_parquet_is_laid_down_row_group_by_row_group(tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        "x": pyarrow.array(rng.normal(size=1001)),
        "n": pyarrow.array(rng.integers(0, 9, 1001), pyarrow.int16()),
        "gap": pyarrow.array([None if k % 7 == 0 else k for k in range(1001)]),
        "hole": pyarrow.array([None if k % 5 == 0 else k / 2 for k in range(1001)]),
        "yes": pyarrow.array([k % 2 == 0 for k in range(1001)]),
        "word": pyarrow.array([f"w{k % 3}" for k in range(1001)]),
    }
    table = pyarrow.table(columns)
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=300)
    found = read([str(path)])[0]
    for name, column in columns.items():
        values = found[name].values
        if name == "word":
            assert [found[name].labels[k] for k in values] == column.to_pylist()
            continue
        assert is_mapped(values)
        assert values.dtype == (float if name in ("x", "gap", "hole") else int)
        expected = np.array([np.nan if v is None else v for v in column.to_pylist()], float)
        np.testing.assert_array_equal(values.astype(float), expected)


def test_zarr_is_laid_down_chunk_by_chunk(tmp_path):
    values = np.random.default_rng(0).normal(size=(101, 3)).astype(np.float32)
    lone = zarr.create_array(
        str(tmp_path / "x.zarr"), shape=values.shape, chunks=(20, 2), dtype="f4"
    )
    lone[:] = values
    found = read([str(tmp_path / "x.zarr")])[0].lone.values
    assert is_mapped(found)
    assert found.dtype == float
    np.testing.assert_array_equal(found, values)
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    for name, each in (("a", values), ("b", np.arange(101))):
        group.create_array(name, shape=each.shape, chunks=(20, *each.shape[1:]), dtype=each.dtype)[
            :
        ] = each
    found = read([str(tmp_path / "g.zarr")])[0]
    assert all(is_mapped(found[name].values) for name in "ab")
    np.testing.assert_array_equal(found["b"].values, np.arange(101))


def test_a_fit_from_parquet_is_that_from_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLED", 512)
    rng = np.random.default_rng(0)
    x = rng.normal(size=3001)
    data = {"x": x, "y": 2 * x + rng.normal(size=3001)}
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table(data), path, row_group_size=1000)
    model = ppl.Model("data x[N], y[N]\na ~ Normal(0, 1)\ny ~ Normal(a * x, 1)")
    one, two = model.infer(path, batch=128), model.infer(**data, batch=128)
    np.testing.assert_allclose(one["a"].mean, two["a"].mean, rtol=1e-12)
    assert any("stay in their file" in note for note in one.inference.notes)


def test_lists_as_long_as_one_another_are_matrices(tmp_path):
    values = np.random.default_rng(0).normal(size=(1001, 3)).astype(np.float32)
    flat = pyarrow.array(values.ravel())
    offsets = pyarrow.array(np.arange(0, 3004, 3, dtype=np.int32))
    lists = pyarrow.ListArray.from_arrays(offsets, flat)
    columns = {
        "fixed": pyarrow.FixedSizeListArray.from_arrays(flat, 3),
        "lists": lists,
        "whole": lists.cast(pyarrow.list_(pyarrow.float64())),
        "uneven": pyarrow.array([[1.0] * (1 + k % 2) for k in range(1001)]),
    }
    path = tmp_path / "t.parquet"
    table = pyarrow.table({n: c for n, c in columns.items() if n != "uneven"})
    pyarrow.parquet.write_table(table, path, row_group_size=300)
    found = read([str(path)])[0]
    for name in table.column_names:
        assert is_mapped(found[name].values)
        np.testing.assert_array_equal(found[name].values, values)
    assert [note.code for note in found.notes] == ["data-unpacked"]
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(DataError, match="uneven"):
        read([str(path)])


def test_a_folder_of_files_is_one_table(tmp_path):
    whole = []
    for year in (2023, 2024):
        for town in ("B b", "A"):
            part = np.arange(5.0) + len(whole)
            folder = tmp_path / "t.parquet" / f"year={year}" / f"town={town.replace(' ', '%20')}"
            folder.mkdir(parents=True)
            words = [f"{town}{k % 2}" if k else None for k in range(5)]
            table = pyarrow.table({"x": part, "word": words})
            pyarrow.parquet.write_table(table, folder / "0.parquet")
            whole += [(year, town, x, w) for x, w in zip(part, words, strict=True)]
    whole.sort(key=lambda row: row[:2])
    found = read([str(tmp_path / "t.parquet")])[0]
    np.testing.assert_array_equal(found["year"].values, [row[0] for row in whole])
    assert [found["town"].labels[k] for k in found["town"].values] == [row[1] for row in whole]
    np.testing.assert_array_equal(found["x"].values, [row[2] for row in whole])
    words = found["word"]
    said = [None if np.isnan(k) else words.labels[int(k)] for k in words.values]
    assert said == [row[3] for row in whole]
    assert words.labels == ("A0", "A1", "B b0", "B b1")
    pyarrow.parquet.write_table(pyarrow.table({"z": [1.0]}), tmp_path / "t.parquet" / "z.parquet")
    with pytest.raises(DataError, match="name other columns"):
        read([str(tmp_path / "t.parquet")])


def test_categories_keep_their_order_and_texts_have_the_alphabet(tmp_path):
    codes = pyarrow.array([2, None, 0] * 400, pyarrow.int8())
    kinds = pyarrow.DictionaryArray.from_arrays(codes, ["small", "middle", "large"])
    table = pyarrow.table({"kind": kinds, "text": kinds.cast(pyarrow.string()), "x": range(1200)})
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=500)
    found = read([str(path)])[0]
    assert found["kind"].labels == ("small", "middle", "large")
    assert found["text"].labels == ("large", "small")
    np.testing.assert_array_equal(found["kind"].values, [2, np.nan, 0] * 400)
    np.testing.assert_array_equal(found["text"].values, [0, np.nan, 1] * 400)


@pytest.mark.parametrize("chunks", [(101, 1), (20, 2), (7, 5)])
def test_chunks_of_columns_are_not_unpacked_together(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(zarr_file, "SLAB", 400)
    values = np.random.default_rng(0).normal(size=(101, 5)).astype(np.float32)
    array = zarr.create_array(
        str(tmp_path / "x.zarr"), shape=values.shape, chunks=chunks, dtype="f4"
    )
    array[:] = values
    dataset = read([str(tmp_path / "x.zarr")])[0]
    assert is_mapped(dataset.lone.values)
    np.testing.assert_array_equal(dataset.lone.values, values)
    assert [note.code for note in dataset.notes] == ["data-unpacked"]


def test_no_room_is_told_before_anything_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"x": np.zeros(1_000_000)}), path)
    free = shutil._ntuple_diskusage(10**9, 10**9, 2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with pytest.raises(UsageError, match="it takes 8 MB, and 2 MB are free") as caught:
        read([str(path)])
    assert "TMPDIR" in str(caught.value)


def test_a_disk_that_gets_full_is_told(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"x": np.zeros(1000)}), path)
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(UsageError, match=r"unpacked in .* \(no space left on device\): it takes"):
        read([str(path)])


def test_other_numbers_than_float64_are_widened_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(as_counted, "LARGE", 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=300).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(300, dtype=np.int16) % 5)
    model = ppl.Model("data x[N], y[N]\na ~ Normal(0, 1)\ny ~ Normal(a * x, 1)")
    given = {n: np.load(tmp_path / f"{n}.npy", mmap_mode="r") for n in ("x", "y")}
    fit = model.infer(**given, batch=100)
    whole = model.infer(x=np.asarray(x, float), y=np.arange(300) % 5, batch=100)
    np.testing.assert_allclose(fit["a"].mean, whole["a"].mean, rtol=1e-12)


@pytest.mark.parametrize("ending", ["parquet", "zarr"])
def test_a_run_on_unpacked_data_goes_on_from_any_state(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(sample, "SAMPLED", 128)
    monkeypatch.setattr(sample, "FOR_EACH", 1)
    monkeypatch.setattr(optimise, "KEEP_EVERY", 0.0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=501)
    given = {"x": x, "y": 2 * x + rng.normal(size=501)}
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pyarrow.parquet.write_table(pyarrow.table(given), path, row_group_size=100)
    else:
        group = zarr.open_group(str(path), mode="w")
        for name, each in given.items():
            group.create_array(name, shape=each.shape, chunks=(100,), dtype=each.dtype)[:] = each
    file, count = tmp_path / "state", [0]
    written = checkpoint.File.write

    def killed(self, header, arrays):
        written(self, header, arrays)
        count[0] += 1
        if count[0] in (3, 9):
            raise KeyboardInterrupt

    def run():
        text = "data x[N], y[N]\na ~ Normal(0, 1)\ny ~ Normal(a * x, 1)"
        return ppl.Model(text).infer(path, batch=64, checkpoint=file)["a"].mean

    straight = run()
    file.unlink()
    monkeypatch.setattr(checkpoint.File, "write", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run()
    assert run() == straight
