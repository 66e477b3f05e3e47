"""Tables and arrays of other programs: Parquet, netCDF, Zarr, polars, xarray."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from scipy.io import netcdf_file

import ppl
from ppl import pipeline
from ppl.data import numpy_files
from ppl.data.dataset import Dataset
from ppl.data.python import from_python
from ppl.data.read import SUFFIXES, read
from ppl.text import DataError, PplError, Source

NAMES = ("Ada", "Bo", "Cy")
MODEL = (
    "data y[J]\ndata sigma[J] > 0\nm ~ Normal(0, 5)\nt[J] ~ Normal(m, 1)\ny ~ Normal(t, sigma)\n"
)


def frame() -> pd.DataFrame:
    grade = pd.Categorical(["low", "high", "low"], categories=["low", "high"])
    return pd.DataFrame(
        {"name": NAMES, "y": [1.0, None, 3.0], "sigma": [1, 2, 3], "grade": grade, "ok": True}
    )


def arrays() -> xr.Dataset:
    return xr.Dataset(
        {
            "y": ("J", [1.0, np.nan, 3.0]),
            "sigma": ("J", [1, 2, 3]),
            "X": (("J", "K"), np.eye(3, 2)),
        },
        coords={"J": list(NAMES), "K": [10, 20]},
    )


def one(path: Path) -> Dataset:
    (dataset,) = read((str(path),))
    return dataset


def check_table(data: Dataset) -> None:
    np.testing.assert_array_equal(data["y"].values, [1, np.nan, 3])
    assert data["sigma"].values.dtype == np.int64
    assert data["sigma"].values.tolist() == [1, 2, 3]
    assert data["grade"].labels == ("low", "high")
    assert data["grade"].values.tolist() == [0, 1, 0]
    assert data["ok"].values.tolist() == [1, 1, 1]
    assert data["y"].coords == (NAMES,)
    assert len({variable.table for variable in data.values()}) == 1


def check_arrays(data: Dataset) -> None:
    np.testing.assert_array_equal(data["y"].values, [1, np.nan, 3])
    assert data["sigma"].values.dtype == np.int64
    assert data["X"].values.shape == (3, 2)
    assert data["X"].coords == (NAMES, None)
    assert data["K"].values.tolist() == [10, 20]
    assert "J" not in data


def test_parquet(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "d.parquet")
    check_table(one(tmp_path / "d.parquet"))
    frame().set_index("name").to_parquet(tmp_path / "i.parquet")
    check_table(one(tmp_path / "i.parquet"))
    named_rows = frame().set_index("name").rename_axis(None)
    named_rows.to_parquet(tmp_path / "u.parquet")
    check_table(one(tmp_path / "u.parquet"))
    assert "__index_level_0__" not in one(tmp_path / "u.parquet")


def test_parquet_columns_of_every_type(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "small": pl.Series([1, None, 3], dtype=pl.Int8),
            "single": pl.Series([0.5, 1, None], dtype=pl.Float32),
            "exact": pl.Series(["1.5", "2.5", "3.5"]).cast(pl.Decimal(10, 2)),
            "truth": [True, None, False],
            "words": ["b", None, "a"],
            "vector": [[1.0, 2.0]] * 3,
        }
    )
    table.write_parquet(tmp_path / "t.parquet")
    data = one(tmp_path / "t.parquet")
    np.testing.assert_array_equal(data["small"].values, [1, np.nan, 3])
    np.testing.assert_array_equal(data["single"].values, [0.5, 1, np.nan])
    assert data["exact"].values.tolist() == [1.5, 2.5, 3.5]
    np.testing.assert_array_equal(data["truth"].values, [1, np.nan, 0])
    assert data["words"].labels == ("a", "b")
    np.testing.assert_array_equal(data["words"].values, [1, np.nan, 0])
    assert data["vector"].values.shape == (3, 2)


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_netcdf(tmp_path: Path, engine: str) -> None:
    arrays().to_netcdf(tmp_path / "d.nc", engine=engine)  # type: ignore[call-overload]
    check_arrays(one(tmp_path / "d.nc"))


def test_netcdf_as_instruments_write_it(tmp_path: Path) -> None:
    with netcdf_file(tmp_path / "d.nc", "w") as file:
        file.createDimension("time", 3)
        packed = file.createVariable("t", "i2", ("time",))
        packed[:] = [100, -99, 200]
        packed.scale_factor, packed.add_offset, packed._FillValue = 0.1, 5.0, np.int16(-99)
        plain = file.createVariable("n", "i4", ("time",))
        plain[:] = [1, 2, 3]
        number = file.createVariable("c", "f4", ())
        number.data[...] = 2.5
    data = one(tmp_path / "d.nc")
    np.testing.assert_allclose(data["t"].values, [15, np.nan, 25])
    assert data["n"].values.dtype == np.int64
    assert data["c"].values == 2.5


@pytest.mark.parametrize("layout", [2, 3])
def test_zarr(tmp_path: Path, layout: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays().to_zarr(tmp_path / "d.zarr", zarr_format=layout)
        check_arrays(one(tmp_path / "d.zarr"))


def test_a_lone_zarr_array(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.save(str(tmp_path / "y.zarr"), np.arange(3.0))
    data = one(tmp_path / "y.zarr")
    assert data.stem == "y"
    assert data.lone is not None
    assert data.lone.values.tolist() == [0, 1, 2]


def test_frames_and_data_sets_in_python() -> None:
    check_table(from_python(frame()))
    check_table(from_python(frame().set_index("name")))
    check_arrays(from_python(arrays()))
    enum = pl.Enum(["low", "high"])
    polars = pl.from_pandas(frame().drop(columns="grade")).with_columns(
        grade=pl.Series(["low", "high", "low"], dtype=enum)
    )
    check_table(from_python(polars))
    assert from_python({"y": arrays()["y"]})["y"].coords == (NAMES,)
    assert from_python({"y": frame().set_index("name")["y"]})["y"].coords == (NAMES,)
    assert from_python({"y": frame()["y"]})["y"].coords == ()


def test_csv_rows_are_called_by_a_first_column_that_tells_them_apart(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "d.csv", index=False)
    assert one(tmp_path / "d.csv")["y"].coords == (NAMES,)
    frame().set_index("name").rename_axis(None).to_csv(tmp_path / "u.csv")
    assert one(tmp_path / "u.csv")["y"].coords == (NAMES,)
    (tmp_path / "twice.csv").write_text("name,y\nAda,1\nAda,2\n")
    assert one(tmp_path / "twice.csv")["y"].coords == ()


def test_labels_come_back_everywhere(tmp_path: Path) -> None:
    model = ppl.Model(MODEL)
    for data in (frame(), arrays()):
        fit = model.infer(data, draws=100)
        assert "t[Ada]" in str(fit)
        assert fit.to_json()["quantities"]["t"]["labels"] == {"J": list(NAMES)}
        fit.save(tmp_path / "a.fit")
        again = ppl.load(tmp_path / "a.fit")
        assert str(again) == str(fit)
        assert "y[Cy]" in str(again.simulate())
        assert "t[Bo]" in again.to_html()
    old = again.predict({"sigma": [1.0, 1.0, 1.0]})
    assert not any("new" in note and "drawn from" in note for note in old.notes)
    others = pd.DataFrame({"name": ["Di", "Ed", "Flo"], "sigma": [1.0, 1.0, 1.0]})
    new = again.predict(others)
    assert "y[Di]" in str(new)
    assert any("are new" in note for note in new.notes)


def test_a_large_array_is_mapped_and_not_copied_on_the_way_to_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_files, "LARGE", 1000)
    np.save(tmp_path / "y.npy", np.random.default_rng(0).normal(size=1000))
    np.save(tmp_path / "g.npy", np.arange(1000) % 7)
    datasets = read([f"y={tmp_path}/y.npy", f"g={tmp_path}/g.npy"])
    text = "data g[N] in G, y[N]\na[G] ~ Normal(0, 1)\ny ~ Normal(a[g], 1)\n"
    _, bound = pipeline.bound_of(pipeline.Request(Source("m", text), datasets))
    for name, dataset in zip("yg", datasets, strict=True):
        assert isinstance(dataset[name].values, np.memmap)
        assert np.shares_memory(bound.data[name], dataset[name].values)


DAMAGES = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "other": lambda raw: b"hello\n" * 50,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["d.parquet", "classic.nc", "h5.nc"])
def test_damaged_files(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    if name == "d.parquet":
        frame().to_parquet(path)
    else:
        arrays().to_netcdf(path, engine="scipy" if name == "classic.nc" else "h5netcdf")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(DataError) as raised:
        read((str(path),))
    assert raised.value.diagnostics[0].code == "data-damaged"


def test_a_damaged_zarr_folder(tmp_path: Path) -> None:
    (tmp_path / "d.zarr").mkdir()
    with pytest.raises(DataError, match="not a whole Zarr"):
        read((str(tmp_path / "d.zarr"),))
    with pytest.raises(PplError, match="there is no file"):
        read((str(tmp_path / "e.zarr"),))


@pytest.mark.parametrize(
    ("name", "library"),
    [("d.parquet", "pyarrow"), ("d.nc", "h5netcdf"), ("d.zarr", "zarr")],
)
def test_what_is_not_installed_is_asked_for(tmp_path: Path, name: str, library: str) -> None:
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "m.ppl").write_text("y ~ Normal(0, 1)\n")
    script = (
        f"import sys; sys.modules['{library}'] = None; sys.modules['pyarrow.parquet'] = None\n"
        "from ppl.cli import main; sys.exit(main(['check', 'm.ppl', sys.argv[1]]))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, name],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"reading {name} needs {library}, which is not installed" in done.stderr
    assert f"pip install {library}" in done.stderr


def test_every_ending_is_named_in_the_help() -> None:
    from ppl.cli.help import DATA

    assert all(suffix in DATA[0][1] for suffix in SUFFIXES)
