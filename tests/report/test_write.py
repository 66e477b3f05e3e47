"""A file is written whole or left as it was."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ppl.report.write import write
from ppl.text import UsageError


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write(path, "β\n")
    assert path.read_bytes() == "β\n".encode()
    path.chmod(0o640)
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "x"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError) as raised:
        write(path, "new")
    assert "no space left" in raised.value.diagnostics[0].message
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_faults(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as no_folder:
        write(tmp_path / "none" / "out.json", "x")
    assert "there is no folder" in no_folder.value.diagnostics[0].message
    with pytest.raises(UsageError) as folder:
        write(tmp_path, "x")
    assert "it is a folder" in folder.value.diagnostics[0].message


def test_writes_to_a_device() -> None:
    write("/dev/null", "x")
