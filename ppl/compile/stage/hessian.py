"""Products with the Hessian: the staged gradient, staged once more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import ppl.primitives.curved_rows  # noqa: F401  (defines derivatives of gradients of rows)
from ppl.compile.stage.record import LogJoint, slope
from ppl.compile.stage.staged import Array, Staged, stage


@dataclass(frozen=True, slots=True)
class StagedHessian:
    """A log joint's gradient and its Hessian times a vector, as straight-line NumPy."""

    staged: Staged

    def gradient_and_product(self, x: Array, v: Array) -> tuple[Array, Array]:
        """Return the gradient at draws x and the Hessian at x times v; all of shape (S, D)."""
        _, both = self.staged.value_and_gradient(np.concatenate([x, v], axis=1))
        dimension = x.shape[1]
        return both[:, dimension:], both[:, :dimension]


def stage_hvp(function: LogJoint, dimension: int) -> StagedHessian:
    """Turn a log joint into NumPy source for products with its Hessian.

    Parameters and errors are those of `stage`. A primitive made by `fused` for which no derivative
    of its gradients is defined is refused.
    """
    return StagedHessian(stage(slope(function), 2 * dimension))
