"""Differential equations with known solutions, for tests."""

from __future__ import annotations

import autograd.numpy as np


def lotka_volterra(t, y, rates, interaction):
    prey, predators = y[:, 0], y[:, 1]
    return np.stack(
        [
            prey * (rates[:, 0] - interaction[:, 0] * predators),
            predators * (interaction[:, 1] * prey - rates[:, 1]),
        ],
        axis=1,
    )


def linear(t, y, matrix):
    return np.matmul(matrix, y[:, :, None])[:, :, 0]


def forced(t, y, frequency):
    """dy/dt = cos(frequency t), with solution sin(frequency t) / frequency."""
    return np.cos(frequency * t)[:, None] + 0.0 * y


def explosive(t, y, rate):
    """dy/dt = rate y^2, with solution y0 / (1 - rate y0 t)."""
    return rate[:, None] * y**2


def van_der_pol(t, y, mu):
    x, v = y[:, 0], y[:, 1]
    return np.stack([v, mu * (1 - x**2) * v - x], axis=1)


def robertson(t, y, rates):
    a, b, c = y[:, 0], y[:, 1], y[:, 2]
    first, second, third = rates[:, 0] * a, rates[:, 1] * b * b, rates[:, 2] * b * c
    return np.stack([third - first, first - third - second, second], axis=1)


def diffusion(t, y, speed):
    """Heat along a ring of cells."""
    return speed[:, None] * (np.roll(y, 1, axis=1) - 2 * y + np.roll(y, -1, axis=1))
