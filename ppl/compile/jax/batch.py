"""The log joint of one minibatch on JAX, its data as arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CellType, FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ppl.compile.jax.leaves import leaves
from ppl.compile.jax.retarget import Retarget
from ppl.compile.program import Column

Arrays = dict[str, Any]


def captured(function: FunctionType) -> Arrays:
    """Return the arrays that a function of the emitted source has captured, by name.

    The data's own lines ran in NumPy when the function was made; this is what they left.
    """
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {
        name: cell.cell_contents
        for name, cell in cells
        if isinstance(cell.cell_contents, np.ndarray | np.generic)
    }


def batch_on_jax(
    function: FunctionType, columns: Sequence[Column]
) -> Callable[[Any, Arrays], tuple[Any, Any]]:
    """Return (draws, arrays) → (log joint (S,), gradient (S, D)) of a batch's log joint.

    Each block of columns is a variable of its own to JAX, so that the gradient is put together
    from theirs, not added up from as many arrays of all columns.
    """
    retarget = Retarget(leaves(lambda step: retarget(step)))
    taken = retarget.function(function)
    names = function.__code__.co_freevars

    def value_and_gradient(x: Any, arrays: Arrays) -> tuple[Any, Any]:
        cells = tuple(
            CellType(arrays.get(name, cell.cell_contents))
            for name, cell in zip(names, taken.__closure__ or (), strict=True)
        )
        log_joint = FunctionType(taken.__code__, taken.__globals__, taken.__name__, (), cells)

        def value_at(blocks: list[Any]) -> Any:
            value = log_joint(_Blocks(columns, blocks))
            return jnp.broadcast_to(value, x.shape[:1])

        value, pull = jax.vjp(value_at, [x[:, c.start : c.stop] for c in columns])
        return value, jnp.concatenate(pull(jnp.ones_like(value))[0], axis=1)

    return value_and_gradient


class _Blocks:
    """Draws, (S, D), of which source reads blocks of columns."""

    def __init__(self, columns: Sequence[Column], blocks: list[Any]) -> None:
        self._blocks = {(c.start, c.stop): b for c, b in zip(columns, blocks, strict=True)}
        self._whole = jnp.concatenate(blocks, axis=1)
        self.shape = self._whole.shape

    def __getitem__(self, key: Any) -> Any:
        match key:
            case (slice(start=None, stop=None, step=None), slice(start=a, stop=b, step=None)):
                found = self._blocks.get((a, b))
            case (slice(start=None, stop=None, step=None), int(a)) if (a, a + 1) in self._blocks:
                found = self._blocks[a, a + 1][:, 0]
            case _:
                found = None
        return self._whole[key] if found is None else found
