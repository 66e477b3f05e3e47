"""Writing a file whole or not at all: a temporary one beside it then takes its place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import NoReturn

from ppl.text import Kind, UsageError

NOT_WRITTEN = Kind(
    "not-written",
    "A result is written to a temporary file in the same folder, which then takes the place of the "
    "named one. So the folder must exist, allow writing and have room; a file that was there "
    "before stays as it was if writing fails.",
)


def write(path: Path | str, content: str | bytes) -> None:
    """Write a file in one step; readers see the old content or the new, never a part.

    Raises
    ------
    UsageError
        If the folder does not exist, may not be written to, or is full.
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            _write_through(target, data)
        else:
            _replace(target.resolve(), data)
    except OSError as error:
        _fail(target, error)


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _write_through(target: Path, data: bytes) -> None:
    """Write to a device or pipe, which cannot be replaced."""
    with target.open("wb") as file:
        file.write(data)


def _mode(target: Path) -> int:
    """Return the permissions that the file has, or that a new one would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _fail(target: Path, error: OSError) -> NoReturn:
    help = None
    match error:
        case FileNotFoundError() if not target.parent.exists():
            reason = f"there is no folder `{target.parent}`"
            help = f"make it first: `mkdir -p {target.parent}`"
        case IsADirectoryError():
            reason = "it is a folder"
        case PermissionError():
            reason = "permission denied"
        case _:
            reason = (error.strerror or str(error)).lower()
    message = f"`{target}` cannot be written: {reason}"
    raise UsageError((NOT_WRITTEN(message, help=help),)) from error
