"""Whatever is wrong with data is a diagnostic: its code, and what its message names."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppl.data.read import read
from ppl.text import DataError, Diagnostic, PplError, UsageError


def faults(*words: object) -> tuple[Diagnostic, ...]:
    with pytest.raises(PplError) as raised:
        read([str(word) for word in words])
    of_words = {"data-not-found", "data-argument"}
    codes = {fault.code for fault in raised.value.diagnostics}
    assert isinstance(raised.value, UsageError if codes <= of_words else DataError)
    return raised.value.diagnostics


def read_or_refused(path: Path) -> bool:
    try:
        return len(read((str(path),))) == 1
    except DataError as error:
        return len(error.diagnostics) > 0


def npy(path: Path, array: object) -> None:
    np.save(path, array, allow_pickle=True)  # type: ignore[arg-type]


def cut(path: Path) -> None:
    np.save(path, np.arange(100.0))
    path.write_bytes(path.read_bytes()[:500])


def huge(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9999999), }\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


def cut_npz(path: Path) -> None:
    np.savez(path, x=np.arange(100.0))
    path.write_bytes(path.read_bytes()[:300])


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content, encoding="utf-8") and None  # type: ignore[func-returns-value]


CASES: list[tuple[str, Callable[[Path], None], str, str]] = [
    ("x.npy", text(""), "data-damaged", "is empty"),
    ("x.npy", cut, "data-damaged", "cut short"),
    ("x.npy", huge, "data-damaged", "cut short"),
    ("x.npy", text("hello"), "data-damaged", "not a complete NumPy array"),
    ("x.npy", lambda p: npy(p, np.array([{}], object)), "data-format", "pickled"),
    ("x.npy", lambda p: npy(p, np.array([1j])), "data-not-numbers", "complex"),
    ("x.npy", lambda p: npy(p, np.array(["2020-01-01"], "M8[D]")), "data-not-numbers", "dates"),
    ("d.npz", text("PK"), "data-damaged", "damaged or cut short"),
    ("d.npz", cut_npz, "data-damaged", "damaged or cut short"),
    ("d.npz", lambda p: np.savez(p, a=np.array([None])), "data-format", "array `a` holds pickled"),
    ("d.json", text('{"y": [1, 2'), "data-damaged", "cut short"),
    ("d.json", text('{"y": [1,, 2]}'), "data-damaged", "line 1, column 10"),
    ("d.json", text('{"y": [[1, 2], [3]]}'), "data-ragged", "`y[0]` has 2 entries, `y[1]` has 1"),
    ("d.json", text('{"y": [1, [2]]}'), "data-ragged", "`y[0]` is a single value"),
    ("d.json", text("[" * 100_000 + "]" * 100_000), "data-damaged", "cannot be read"),
    ("d.json", text("[" * 80 + "]" * 80), "data-ragged", "nested too deeply"),
    ("d.json", text('{"y": [1, "two"]}'), "data-not-numbers", "`y[1]` in"),
    ("d.json", text('{"y": [1, {"a": 2}]}'), "data-not-numbers", "`y[1]` in"),
    ("d.json", text('{"y": {"a": 2}}'), "data-not-numbers", "object with keys"),
    ("d.json", text('{"y": 1, "y": 2}'), "data-twice", "`y` occurs twice"),
    ("d.json", text('{"σ²": 1, "σ2": 2}'), "data-twice", "both called `σ2`"),
    ("d.csv", text("a,b\n1,2\n3\n"), "data-damaged", "line 3: 1 cell where the first line has 2"),
    ("d.csv", text("a,b\n1,2,3\n"), "data-damaged", "line 2: 3 cells"),
    ("d.csv", text('a,b\n1,"2\n'), "data-damaged", "line 2"),
    ("d.csv", text("a,b,a\n1,2,3\n"), "data-twice", "`a` occurs twice"),
    ("d.csv", text("\n\n"), "data-damaged", "is empty"),
    ("d.csv", text("1,2\n3,a\n"), "data-damaged", "column 2 holds the text 'a'"),
    ("d.csv", lambda p: p.write_bytes(b"a\ncaf\xe9\n"), "data-damaged", "line 2: not UTF-8"),
    ("d.feather", text("x"), "data-format", "ends in .feather"),
    ("d.csv.gz", text("x"), "data-format", "ends in .gz"),
    ("d.pkl", text("x"), "data-format", "ends in .pkl"),
]


@pytest.mark.parametrize(("name", "make", "code", "says"), CASES)
def test_bad_files(
    tmp_path: Path, name: str, make: Callable[[Path], None], code: str, says: str
) -> None:
    make(tmp_path / name)
    (fault,) = faults(tmp_path / name)
    assert fault.code == code
    assert says in fault.message


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "schools.json").write_text("{}")
    (missing,) = faults(tmp_path / "shools.json")
    assert missing.code == "data-not-found"
    assert missing.help == f"did you mean `{tmp_path / 'schools.json'}`?"
    (folder,) = faults(tmp_path)
    assert "is a folder" in folder.message
    assert "schools.json" in str(folder.help)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[1]")
    path.chmod(0)
    (fault,) = faults(path)
    assert "permission denied" in fault.message


def test_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", alpha=1, beta=2)
    (unnamed,) = faults(f"1y={tmp_path}/d.npz")
    (no_file,) = faults("y=")
    (several,) = faults(f"y={tmp_path}/d.npz")
    (wrong_key,) = faults(f"y={tmp_path}/d.npz:alpa")
    (size,) = faults("K=3")
    assert "--set K=3" in str(size.help)
    assert {f.code for f in (unnamed, no_file, several, wrong_key)} == {"data-argument"}
    assert several.help == f"name the one: `y={tmp_path}/d.npz:alpha`"
    assert "d.npz:alpha" in str(wrong_key.help)


def test_a_name_given_twice(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1.0]))
    (tmp_path / "d.json").write_text('{"x": [1], "y": [2]}')
    (fault,) = faults(tmp_path / "x.npy", tmp_path / "d.json")
    assert fault.code == "data-twice"
    assert "x.npy" in fault.message
    assert "d.json" in fault.message


def test_all_faults_at_once(tmp_path: Path) -> None:
    (tmp_path / "e.npy").touch()
    codes = [f.code for f in faults(tmp_path / "nothing.csv", tmp_path / "e.npy", "y=")]
    assert codes == ["data-not-found", "data-damaged", "data-argument"]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json", ".csv", ".tsv", ""])
@given(content=st.binary(min_size=0, max_size=200))
def test_no_bytes_give_anything_but_data_or_a_diagnostic(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    path.write_bytes(content)
    assert read_or_refused(path)


@given(st.data())
def test_damaged_arrays_give_data_or_a_diagnostic(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["f.npy", "f.npz"]))
    path = tmp_path_factory.getbasetemp() / name
    (np.save if name == "f.npy" else np.savez)(path, np.arange(4.0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    assert read_or_refused(path)
