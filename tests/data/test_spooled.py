"""Large Parquet and Zarr files: unpacked part by part, mapped, and fitted as arrays are."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zarr

import ppl
from ppl.data import numpy_files, parquet_file
from ppl.data.mapped import is_mapped
from ppl.data.read import read
from ppl.inference.stochastic import sample


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
