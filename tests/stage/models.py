"""Log joints of well-known models, as an emitter would write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

Value = Any
LogJoint = Callable[[Value], Value]

LOG_TWO_PI = float(numpy.log(2 * numpy.pi))


def normal(x: Value, mean: Value, scale: Value) -> Value:
    return -0.5 * ((x - mean) / scale) ** 2 - np.log(scale) - 0.5 * LOG_TWO_PI


def eight_schools() -> tuple[LogJoint, int]:
    effect = numpy.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = numpy.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])

    def log_joint(x: Value) -> Value:
        mu, log_tau, raw = x[:, 0], x[:, 1], x[:, 2:]
        tau = np.exp(log_tau)
        theta = mu[:, None] + tau[:, None] * raw
        half_cauchy = np.log(2 / (5 * numpy.pi)) - np.log1p((tau / 5) ** 2)
        return (
            normal(mu, 0.0, 5.0)
            + half_cauchy
            + log_tau
            + np.sum(normal(raw, 0.0, 1.0), -1)
            + np.sum(normal(effect, theta, error), -1)
        )

    return log_joint, 10


def logistic(rows: int = 3000, columns: int = 3) -> tuple[LogJoint, int]:
    rng = numpy.random.default_rng(1)
    design = rng.normal(size=(rows, columns))
    outcome = (rng.random(rows) < 0.4).astype(float)

    def log_joint(x: Value) -> Value:
        eta = np.matmul(x, design.T)
        likelihood = np.sum(outcome * eta - np.logaddexp(0.0, eta), -1)
        return likelihood + np.sum(normal(x, 0.0, 2.5), -1)

    return log_joint, columns


def hierarchy(rows: int = 919, groups: int = 85) -> tuple[LogJoint, int]:
    rng = numpy.random.default_rng(2)
    group = numpy.sort(rng.integers(0, groups, rows))
    floor = (rng.random(rows) < 0.3).astype(float)
    uranium = rng.normal(size=groups)
    radon = rng.normal(size=rows)

    def log_joint(x: Value) -> Value:
        g0, g1, b, log_sigma, log_tau, raw = *(x[:, i] for i in range(5)), x[:, 5:]
        mean = g0[:, None] + g1[:, None] * uranium
        a = mean + np.exp(log_tau)[:, None] * raw
        mu = a[:, group] + b[:, None] * floor
        likelihood = np.sum(normal(radon, mu, np.exp(log_sigma)[:, None]), -1)
        scales = normal(log_sigma, 0.0, 1.0) + normal(log_tau, 0.0, 1.0)
        slopes = normal(g0, 0.0, 10.0) + normal(g1, 0.0, 10.0) + normal(b, 0.0, 10.0)
        return likelihood + np.sum(normal(raw, 0.0, 1.0), -1) + slopes + scales

    return log_joint, groups + 5


def mixture(rows: int = 1000) -> tuple[LogJoint, int]:
    rng = numpy.random.default_rng(3)
    y = numpy.where(rng.random(rows) < 0.3, rng.normal(-2, 1, rows), rng.normal(2, 1, rows))

    def log_joint(x: Value) -> Value:
        logit, m1, m2 = x[:, 0:1], x[:, 1:2], x[:, 2:3]
        s1, s2 = np.exp(x[:, 3:4]), np.exp(x[:, 4:5])
        first = -np.logaddexp(0.0, -logit) + normal(y, m1, s1)
        second = -np.logaddexp(0.0, logit) + normal(y, m2, s2)
        return np.sum(np.logaddexp(first, second), -1) + np.sum(normal(x, 0.0, 3.0), -1)

    return log_joint, 5


def neural_net(rows: int = 500) -> tuple[LogJoint, int]:
    rng = numpy.random.default_rng(4)
    inputs, outputs = rng.normal(size=(rows, 4)), rng.normal(size=rows)
    shapes = [(4, 16), (1, 16), (16, 16), (1, 16), (16, 1), (1, 1)]
    sizes = [int(numpy.prod(s)) for s in shapes]
    ends = numpy.cumsum(sizes).tolist()

    def log_joint(x: Value) -> Value:
        w1, b1, w2, b2, w3, b3 = (
            np.reshape(x[:, end - size : end], (x.shape[0], *shape))
            for end, size, shape in zip(ends, sizes, shapes, strict=True)
        )
        hidden = np.tanh(np.matmul(inputs, w1) + b1)
        hidden = np.tanh(np.matmul(hidden, w2) + b2)
        mean = (np.matmul(hidden, w3) + b3)[:, :, 0]
        return np.sum(normal(outputs, mean, 0.5), -1) + np.sum(normal(x, 0.0, 1.0), -1)

    return log_joint, ends[-1]


def gaussian_process(rows: int = 11) -> tuple[LogJoint, int]:
    rng = numpy.random.default_rng(5)
    t = numpy.linspace(-2, 2, rows)
    squares, y, eye = (t[:, None] - t) ** 2, rng.normal(size=rows), numpy.eye(rows)

    def log_joint(x: Value) -> Value:
        amplitude, length, noise = (x[:, i][:, None, None] for i in range(3))
        kernel = np.exp(2 * amplitude - 0.5 * squares * np.exp(-2 * length))
        root = np.linalg.cholesky(kernel + (np.exp(2 * noise) + 1e-6) * eye)
        white = np.linalg.solve(root, np.broadcast_to(y[None, :, None], (x.shape[0], rows, 1)))
        log_det = np.sum(np.log(np.diagonal(root, 0, -1, -2)), -1)
        prior = np.sum(normal(x, 0.0, 1.0), -1)
        return -0.5 * np.sum(white[:, :, 0] ** 2, -1) - log_det + prior

    return log_joint, 3


MODELS = {
    "eight schools": eight_schools(),
    "logistic": logistic(),
    "hierarchy": hierarchy(),
    "mixture": mixture(),
    "neural net": neural_net(),
    "gaussian process": gaussian_process(),
}
