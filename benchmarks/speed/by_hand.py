"""Value and gradient in NumPy as one would write them by hand, tuned: the yardstick of staging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LOG_2PI = 1.8378770664093453


def eight_schools(data: Mapping[str, Any]) -> Callable[[Any], tuple[Any, Any]]:
    y, precision = data["y"], 1.0 / data["sigma"]
    constant = (
        np.log(precision).sum()
        - (len(y) + 0.5) * LOG_2PI
        - np.log(5.0)
        + np.log(2.0 / (5.0 * np.pi))
    )
    scaled_y = y * precision

    def value_and_gradient(x: Any) -> tuple[Any, Any]:
        gradient = np.empty_like(x)
        mu, free, white = x[:, 0], x[:, 1], x[:, 2:]
        tau = np.exp(free)
        ratio = tau * 0.2
        square = ratio * ratio
        left = white * tau[:, None]
        left += mu[:, None]
        left *= precision
        np.subtract(scaled_y, left, out=left)
        pulled = left * precision
        value = -0.5 * (
            np.einsum("sj,sj->s", left, left) + np.einsum("sj,sj->s", white, white) + 0.04 * mu * mu
        )
        value -= np.log1p(square)
        value += free
        value += constant
        gradient[:, 0] = np.add.reduce(pulled, axis=1) - 0.04 * mu
        gradient[:, 1] = tau * np.einsum("sj,sj->s", pulled, white) + 1.0
        gradient[:, 1] -= 2.0 * square / (1.0 + square)
        np.multiply(pulled, tau[:, None], out=pulled)
        np.subtract(pulled, white, out=gradient[:, 2:])
        return value, gradient

    return value_and_gradient


BY_HAND: dict[str, Callable[[Mapping[str, Any]], Callable[[Any], tuple[Any, Any]]]] = {
    "eight schools": eight_schools
}
