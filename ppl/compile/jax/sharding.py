"""Where arrays lie: rows of data over the devices, draws and results everywhere.

XLA splits the computation after its data: each device sums its own rows' terms, and the sums are
added up across devices, and across hosts where `jax.distributed` has joined them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


@dataclass(frozen=True)
class Rows:
    """A row of devices that share the first axis of long arrays; None with a single device."""

    mesh: Mesh | None

    @classmethod
    def over(cls, devices: Sequence[Any]) -> Rows:
        """Return the layout over all devices."""
        return cls(Mesh(np.array(devices), ("rows",)) if len(devices) > 1 else None)

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Put data on the devices: split along the commonest long first axis, else whole."""
        if self.mesh is None:
            return {name: jax.numpy.asarray(array) for name, array in data.items()}
        length = _plate(data, self.mesh.size)
        return {
            name: self._put(array, array.ndim > 0 and len(array) == length)
            for name, array in data.items()
        }

    def everywhere(self, x: Any) -> Any:
        """Put a copy on every device."""
        return x if self.mesh is None else self._put(x, False)

    def read(self, result: Any) -> Any:
        """Return a result that every device has."""
        return np.asarray(result if self.mesh is None else result.addressable_data(0))

    def _put(self, array: Any, split: bool) -> Any:
        assert self.mesh is not None
        layout = NamedSharding(self.mesh, PartitionSpec("rows") if split else PartitionSpec())
        return jax.make_array_from_callback(array.shape, layout, lambda part: array[part])


def _plate(data: Mapping[str, Any], devices: int) -> int:
    """Return the length of the first axis that the most numbers share and the devices divide."""
    held: dict[int, int] = {}
    for array in data.values():
        if array.ndim and len(array) and len(array) % devices == 0:
            held[len(array)] = held.get(len(array), 0) + array.size
    return max(held, key=lambda n: (held[n], n), default=-1)
