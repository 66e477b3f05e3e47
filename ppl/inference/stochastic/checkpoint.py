"""Keeping the optimiser's state in a file, and going on from it.

All randomness is a function of the seed and the step, so that the state is all there is: a run
that is killed at any moment goes on from its last window and ends with the same numbers as one that
was not. The file is replaced whole.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl import threads
from ppl.data.mapped import BLOCK, read, rows_of
from ppl.graph.bound import BoundGraph
from ppl.guide.rows import Rows
from ppl.inference.settings import Settings
from ppl.inference.stochastic.optimise import State
from ppl.text import UsageError
from ppl.text.usage import USAGE

Array = NDArray[Any]

ARRAYS = ("numbers", "first", "second", "total", "best", "anchor", "anchor_gradient")
NUMBERS = ("counted", "best_elbo", "step_size", "steps", "epoch", "place", "idle", "largest")


OPTIONS = ("seed", "guide", "batch", "validation")
Signature = dict[str, dict[str, Any]]


def signature(bound: BoundGraph, settings: Settings) -> Signature:
    """Return what a checkpoint belongs to: hashes of the model and of each name's values, and the
    choices."""
    text = sha256(bound.graph.source.text.encode()).hexdigest()
    data = {name: digest(values) for name, values in sorted(bound.data.items())}
    options = {name: getattr(settings, name) for name in OPTIONS}
    return {"model": {"": text}, "data": data, "options": options}


def digest(values: Array) -> str:
    """Return a hash of an array; blocks of those in files are read and hashed by threads."""
    rows = rows_of(values, BLOCK) if values.ndim else 1
    count = -(-len(values) // rows) if values.ndim else 1

    def of_block(k: int) -> bytes:
        part = read(values, k * rows, min((k + 1) * rows, len(values))) if values.ndim else values
        return sha256(np.asarray(part, order="C").data).digest()

    found = sha256(f"{values.dtype.str} {values.shape}".encode())
    for block in threads.each(of_block, count, count):
        found.update(block)
    return found.hexdigest()


def _others(kept: Any, given: Signature) -> str:
    """Say what a checkpoint belongs to that is not given."""
    if not isinstance(kept, dict):
        return "another version of ppl"
    told = {"model": "another model", "data": "other data", "options": "other options"}
    found = []
    for part, said in told.items():
        old, new = kept[part], given[part]
        names = [n for n in {**old, **new} if old.get(n) != new.get(n)]
        if names:
            listed = ", ".join(f"`{name}`" for name in names if name)
            found.append(f"{said} ({listed})" if listed else said)
    return " and ".join(found)


@dataclass(frozen=True, slots=True)
class File:
    """Where the state is kept, and the signature of the run."""

    path: str
    signature: Signature

    def write(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Replace the file by one with this state, taken apart by `parts_of`.

        Raises
        ------
        UsageError
            If it cannot be written.
        """
        header = header | {"signature": self.signature}
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        buffer = BytesIO()
        np.savez(buffer, header=text, **arrays)
        beside = f"{self.path}.{os.getpid()}.part"
        try:
            with open(beside, "wb") as stream:
                stream.write(buffer.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, self.path)
        except OSError as error:
            Path(beside).unlink(missing_ok=True)
            reason = (error.strerror or str(error)).lower()
            message = f"the checkpoint `{self.path}` cannot be written: {reason}"
            raise UsageError((USAGE(message),)) from None

    def read(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the parts of the state in the file; None where there is no file.

        Raises
        ------
        UsageError
            If the file is of another run, or is no checkpoint.
        """
        path = Path(self.path)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as found:
                header = json.loads(found["header"].tobytes())
                arrays = {name: found[name] for name in found.files if name != "header"}
        except (OSError, ValueError, KeyError):
            message = f"`{self.path}` is not a checkpoint"
            raise UsageError((USAGE(message, help="name a new file, or delete it"),)) from None
        if header.get("signature") != self.signature:
            raise UsageError(
                (
                    USAGE(
                        f"the checkpoint `{self.path}` is of "
                        + _others(header.get("signature"), self.signature),
                        help="give what it was begun with, or name a new file",
                    ),
                )
            )
        return header, arrays


def parts_of(state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a state's numbers and texts, and its arrays."""
    header = {name: getattr(state, name) for name in NUMBERS}
    header |= {"trace": state.trace, "outcome": state.outcome}
    arrays = {name: getattr(state, name) for name in ARRAYS}
    if state.rows is not None:
        arrays |= {"rows_mean": state.rows.mean, "rows_log_scale": state.rows.log_scale}
    return header, arrays


def state_of(state: State, header: dict[str, Any], arrays: dict[str, Any]) -> State:
    """Return the state that was taken apart."""
    rows = state.rows
    if rows is not None:
        rows = Rows(arrays["rows_mean"], arrays["rows_log_scale"])
    return replace(
        state,
        **{name: arrays[name] for name in ARRAYS},
        **{name: header[name] for name in NUMBERS},
        rows=rows,
        trace=tuple(header["trace"]),
        outcome=header["outcome"],
    )
