"""A zip file of arrays and one JSON text: the container of a saved fit.

Every array is a member in NumPy's own `.npy` format, so that ``np.load`` and any unzip program can
open it; nothing is pickled, and the same content gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = "fit.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Damaged(Exception):
    """The file is not a whole archive; the message says why."""


def is_archive(path: str) -> bool:
    """Return whether a file begins as one of ours does."""
    try:
        with open(path, "rb") as file:
            return file.read(30 + len(HEADER)).endswith(HEADER.encode())
    except (OSError, ValueError):
        return False


def pack(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return an archive as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(header, ensure_ascii=False, indent=1)
        archive.writestr(zipfile.ZipInfo(HEADER, LONG_AGO), text.encode("utf-8"))
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", LONG_AGO), member.getvalue())
    return buffer.getvalue()


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read an archive whole.

    Raises
    ------
    OSError
        If the file cannot be read.
    Damaged
        If it is not an archive, is cut short, or its bytes have changed.
    """
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Damaged(_reason(data, error)) from None
    if HEADER not in members:
        raise Damaged("it is not a saved fit")
    try:
        header = json.loads(members.pop(HEADER))
        arrays = {name.removesuffix(".npy"): _array(raw) for name, raw in members.items()}
    except (ValueError, EOFError, SyntaxError) as error:
        raise Damaged(f"its content cannot be read ({error})") from None
    if not isinstance(header, dict):
        raise Damaged("it is not a saved fit")
    return header, arrays


def _array(raw: bytes) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    array.flags.writeable = False
    return array


def _reason(data: bytes, error: Exception) -> str:
    if not data:
        return "it is empty"
    if data.startswith(b"PK"):
        return f"it is cut short or damaged ({str(error).lower()})"
    return "it is not a saved fit"
