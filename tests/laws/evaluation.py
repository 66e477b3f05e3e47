"""Expressions of the tables, run on arrays or autograd's boxes, as emitted source would.

A `Held` array knows how many of its last axes belong to the event; all axes before them are
batches. Every operation must be an atom, and its `differentiable` is what runs.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.graph.trace import TRUTHS
from ppl.primitives.atoms import RECOGNISED, Atom


def groups(signature: str, count: int) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return the letters of each argument and of the result."""
    if not signature:
        return [()] * count, ()
    left, _, right = signature.partition("->")
    names = [tuple(n for n in g.strip("()").split(",") if n) for g in left.split("),(")]
    return names, tuple(n for n in right.strip("()").split(",") if n)


class Held(np.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, array: Any, event: int = 0) -> None:
        self.array = array
        self.event = event

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        assert method == "__call__"
        assert not kwargs
        return applied(RECOGNISED[TRUTHS.get(ufunc, ufunc)], inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        assert function in (np.sum, np.where)
        assert function is np.where or kwargs == {"axis": -1}
        return applied(RECOGNISED[function], args)

    def __ppl_operation__(self, function: Any, arguments: Any) -> Any:
        return applied(RECOGNISED[function], arguments)


def applied(atom: Atom, inputs: Any) -> Any:
    held = [i if isinstance(i, Held) else Held(i) for i in inputs]
    letters, result = groups(atom.signature, len(held))
    extra = [h.event - len(group) for h, group in zip(held, letters, strict=True)]
    assert min(extra) >= 0, f"{atom.name} needs more axes"
    most = max(extra)
    arrays = [widened(h.array, h.event, most - own) for h, own in zip(held, extra, strict=True)]
    value = atom.differentiable(*arrays)
    return value if isinstance(value, int) else Held(value, most + len(result))


def widened(array: Any, event: int, axes: int) -> Any:
    """Put axes of one entry between the batches and the event, where there are batches."""
    shape = anp.shape(array)
    batches = len(shape) - event
    if axes == 0 or batches == 0:
        return array
    return anp.reshape(array, (*shape[:batches], *(1,) * axes, *shape[batches:]))


def evaluated(expression: Any, arguments: Any, events: Any) -> Any:
    """Run an expression; return an array, box or number."""
    held = [Held(a, e) for a, e in zip(arguments, events, strict=True)]
    value = expression(*held)
    return value.array if isinstance(value, Held) else value
