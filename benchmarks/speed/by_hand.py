"""Value and gradient in NumPy as one would write them by hand: the yardstick of staging.

Eight schools is tuned to the last call; the others are as one writes them for speed at first.
"""

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


def logistic(data: Mapping[str, Any]) -> Callable[[Any], tuple[Any, Any]]:
    design = np.column_stack([np.ones(len(data["y"])), data["X"]])
    sums = data["y"] @ design
    precision = np.array([0.04] + [0.25] * (design.shape[1] - 1))
    constant = 0.5 * np.log(precision).sum() - 0.5 * len(precision) * LOG_2PI

    def value_and_gradient(x: Any) -> tuple[Any, Any]:
        eta = x @ design.T
        e = np.exp(-np.abs(eta))
        d = 1.0 + e
        softplus = np.maximum(eta, 0.0)
        softplus += np.log(d)
        share = np.where(eta > 0, 1.0, e)
        share /= d
        pulled = x * precision
        value = x @ sums - softplus.sum(axis=1) - 0.5 * np.vecdot(x, pulled) + constant
        return value, sums - share @ design - pulled

    return value_and_gradient


def mixture(data: Mapping[str, Any]) -> Callable[[Any], tuple[Any, Any]]:
    y = data["y"]
    constant = -(len(y) + 2) * 0.5 * LOG_2PI - 2.0 * np.log(5.0)
    constant += 2.0 * (np.log(2.0) - np.log(2.0) - 0.5 * LOG_2PI)

    def value_and_gradient(x: Any) -> tuple[Any, Any]:
        gradient = np.empty_like(x)
        log_w, log_rest = -np.logaddexp(0.0, -x[:, 0]), -np.logaddexp(0.0, x[:, 0])
        w = np.exp(log_w)
        mu, s = x[:, 1:3], np.exp(x[:, 3:5])
        level = np.stack([log_rest, log_w], axis=1) - x[:, 3:5]
        z = (y - mu[:, :, None]) / s[:, :, None]
        squares = z * z
        parts = level[:, :, None] - 0.5 * squares
        top = parts.max(axis=1, keepdims=True)
        shares = np.exp(parts - top)
        total = shares.sum(axis=1, keepdims=True)
        value = (np.log(total) + top).sum(axis=(1, 2)) + log_w + log_rest + constant
        value += x[:, 3:5].sum(axis=1) - 0.02 * np.vecdot(mu, mu) - 0.125 * np.vecdot(s, s)
        shares /= total
        counts = shares.sum(axis=2)
        gradient[:, 0] = (counts[:, 1] + 1.0) * (1.0 - w) - (counts[:, 0] + 1.0) * w
        gradient[:, 1:3] = np.vecdot(shares, z) / s - 0.04 * mu
        gradient[:, 3:5] = np.vecdot(shares, squares) - counts + 1.0 - 0.25 * s * s
        return value, gradient

    return value_and_gradient


BY_HAND: dict[str, Callable[[Mapping[str, Any]], Callable[[Any], tuple[Any, Any]]]] = {
    "eight schools": eight_schools,
    "logistic": logistic,
    "mixture": mixture,
}
