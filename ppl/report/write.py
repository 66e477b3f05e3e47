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
    except (OSError, ValueError) as error:
        _fail(target, error)


def check_target(path: Path | str) -> None:
    """Refuse a file that could not be written, before there is anything to write.

    Raises
    ------
    UsageError
        If its folder does not exist or may not be written to, or it is a folder itself.
    """
    target = Path(path)
    try:
        folder = target.resolve().parent
        if target.is_dir():
            raise IsADirectoryError
        if not folder.is_dir():
            raise FileNotFoundError(2, "there is no such folder")
        device = target.exists() and not target.is_file()
        if not os.access(target if device else folder, os.W_OK):
            raise PermissionError
    except (OSError, ValueError) as error:
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


def _fail(target: Path, error: OSError | ValueError) -> NoReturn:
    help = None
    match error:
        case FileNotFoundError() | NotADirectoryError() if not target.parent.is_dir():
            reason = f"there is no folder `{target.parent}`"
            help = f"make it first: `mkdir -p {target.parent}`"
        case ValueError():
            reason = "its name is not one that a file can have"
        case IsADirectoryError():
            reason = "it is a folder"
        case PermissionError():
            reason = "permission denied"
        case _:
            reason = (error.strerror or str(error)).lower()
    message = f"`{target}` cannot be written: {reason}"
    raise UsageError((NOT_WRITTEN(message, help=help),)) from error
