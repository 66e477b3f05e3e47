"""The log joint of one minibatch on JAX, its data as arguments."""

from __future__ import annotations

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ppl.compile.jax.leaves import leaves
from ppl.compile.jax.retarget import Retarget

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


def batch_on_jax(function: FunctionType) -> Callable[[Any, Arrays], tuple[Any, Any]]:
    """Return (draws, arrays) → (log joint (S,), gradient (S, D)) of a batch's log joint."""
    retarget = Retarget(leaves(lambda step: retarget(step)))
    taken = retarget.function(function)
    names = function.__code__.co_freevars

    def value_and_gradient(x: Any, arrays: Arrays) -> tuple[Any, Any]:
        cells = tuple(
            CellType(arrays.get(name, cell.cell_contents))
            for name, cell in zip(names, taken.__closure__ or (), strict=True)
        )
        log_joint = FunctionType(taken.__code__, taken.__globals__, taken.__name__, (), cells)
        value, pull = jax.vjp(lambda x: jnp.broadcast_to(log_joint(x), x.shape[:1]), x)
        return value, pull(jnp.ones_like(value))[0]

    return value_and_gradient
