"""Value and gradient of an emitted log joint by XLA, with the data as arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ppl.compile.jax.hosted import NotOnJax
from ppl.compile.jax.leaves import leaves
from ppl.compile.jax.retarget import Retarget
from ppl.compile.jax.sharding import Rows
from ppl.text import UsageError
from ppl.text.usage import USAGE

Floats = NDArray[np.float64]

LEAST = 16
"""Draws are padded to a power of two, and to so many at least: each number is compiled anew."""
MOST = 1024
"""The most draws at once."""


class JaxGradient:
    """Value and gradient at blocks of draws, as `ppl.compile.stage.Staged` has them."""

    def __init__(self, log_joint: Callable[[Any, Any], Any], data: Mapping[str, Any]) -> None:
        def value_and_gradient(x: Any, data: Any) -> Any:
            value, pull = jax.vjp(lambda x: jnp.broadcast_to(log_joint(x, data), x.shape[:1]), x)
            return value, pull(jnp.ones_like(value))[0]

        self._run = jax.jit(value_and_gradient)
        self._rows = Rows.over(jax.devices())
        with jax.enable_x64(True):
            self._data = self._rows.place(data)

    def value_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the value, shape (S,), and its gradient, shape (S, D), at draws x, (S, D)."""
        x = np.asarray(x, dtype=np.float64)
        values, gradients = np.empty(len(x)), np.empty(x.shape)
        with jax.enable_x64(True):
            for start in range(0, len(x), MOST):
                part = x[start : start + MOST]
                value, gradient = self._compiled(self._rows.everywhere(_padded(part)))
                stop = start + len(part)
                values[start:stop] = self._rows.read(value)[: len(part)]
                gradients[start:stop] = self._rows.read(gradient)[: len(part)]
        return values, gradients

    def _compiled(self, x: Any) -> Any:
        try:
            return self._run(x, self._data)
        except NotOnJax as e:
            raise UsageError(
                (
                    USAGE(
                        f"the backend `jax` cannot run this model: it uses `{e}`",
                        help="leave out `--backend`: the backend `autograd` runs every model",
                    ),
                )
            ) from None


def _padded(x: Floats) -> Floats:
    """Repeat the last draw up to the next number of draws that is compiled."""
    size = max(LEAST, 1 << (len(x) - 1).bit_length())
    return np.concatenate([x, np.repeat(x[-1:], size - len(x), axis=0)])


def gradient_on_jax(text: str, scope: Mapping[str, Any], data: Mapping[str, Any]) -> JaxGradient:
    """Return the gradient of emitted source on JAX.

    Parameters
    ----------
    text
        The source of a module with ``compile_model(data)``.
    scope
        What the source reads on the autograd backend, by name.
    data
        What `compile_model` gets. Arrays of floats become arguments of the compiled function, so
        that they may lie on several devices; the rest is built in.
    """
    taken: dict[str, Any] = {}
    retarget = Retarget(leaves(lambda step: retarget(step)))
    taken.update({name: retarget(value) for name, value in scope.items()})
    taken["positions_in"] = lambda values, size, label: jnp.asarray(values).astype(int)
    taken["check_inside"] = lambda inside, name, line: None
    exec(compile(text, "<compiled model on jax>", "exec"), taken)
    arrays = {k: v for k, v in data.items() if _numbers(v)}
    fixed = {k: v for k, v in data.items() if k not in arrays}

    def log_joint(x: Any, given: Any) -> Any:
        constants = {
            k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in fixed.items()
        }
        return taken["compile_model"]({**constants, **given})[0](x)

    return JaxGradient(log_joint, arrays)


def _numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64
