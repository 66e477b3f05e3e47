"""Straight-line log joints made by Hypothesis: a list of steps, each on earlier values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from hypothesis import strategies as st

DIMENSION = 6
ROWS = 5
Value = Any

DATA = numpy.random.default_rng(3).normal(size=ROWS)
MATRIX = numpy.random.default_rng(4).normal(size=(ROWS, ROWS))
GROUP = numpy.array([2, 0, 2, 4, 0])
SORTED = numpy.array([0, 0, 1, 3, 3, 3, 4])
MASK = numpy.array([True, False, True, True, False])


def _bounded(a: Value) -> Value:
    return np.tanh(a)


UNARY: dict[str, Callable[[Value], Value]] = {
    "negative": lambda a: -a,
    "exp": lambda a: np.exp(_bounded(a)),
    "log": lambda a: np.log(a * a + 0.5),
    "log1p": lambda a: np.log1p(np.square(a)),
    "sqrt": lambda a: np.sqrt(a**2 + 1.0),
    "tanh": np.tanh,
    "sin": np.sin,
    "square": lambda a: _bounded(a) ** 2,
    "cube": lambda a: _bounded(a) ** 3,
    "inverse": lambda a: 1.0 / (a * a + 1.0),
    "power": lambda a: (a * a + 0.3) ** 1.7,
    "root": lambda a: (a * a + 0.3) ** -0.5,
    "abs": lambda a: np.abs(a + 3.0),
    "scale": lambda a: 0.3 * (2.0 * a),
    "softplus": lambda a: np.logaddexp(0.0, a),
    "where": lambda a: np.where(a > 0.1, a * 2.0, np.sin(a)),
    "clip": lambda a: np.clip(a, -2.0, 2.0),
}
BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: _bounded(a) * b,
    "divide": lambda a, b: a / (b * b + 1.0),
    "logaddexp": np.logaddexp,
    "maximum": np.maximum,
    "minimum": lambda a, b: np.minimum(a, b + 0.1),
}
ROW: dict[str, Callable[[Value], Value]] = {
    "standardise": lambda a: (DATA - a) / (1.0 + DATA**2),
    "weigh": lambda a: a * DATA,
    "matrix": lambda a: np.matmul(a, MATRIX.T) / 3.0,
    "dot": lambda a: np.dot(a, MATRIX) / 3.0,
    "gather": lambda a: a[:, GROUP],
    "sorted": lambda a: a[:, SORTED][:, 1:6],
    "masked": lambda a: np.concatenate([a[:, MASK], a[:, ~MASK]], 1),
    "reversed": lambda a: a[:, ::-1],
    "shifted": lambda a: np.concatenate([a[:, :1], a[:, 1:] - 0.5 * a[:, :-1]], axis=1),
    "halves": lambda a: np.concatenate([a[:, :2] * 2.0, a[:, 2:]], axis=-1),
    "cumsum": lambda a: np.cumsum(a, 1) / 5.0,
    "centred": lambda a: a - np.mean(a, axis=1, keepdims=True),
    "transposed": lambda a: np.transpose(np.transpose(a) * 0.7),
    "largest": lambda a: a - np.max(a, axis=1, keepdims=True),
}
DOWN: dict[str, Callable[[Value], Value]] = {
    "sum": lambda a: np.sum(a, -1),
    "kept": lambda a: np.sum(a, axis=1, keepdims=True)[:, 0],
    "squares": lambda a: np.sum(_bounded(a) ** 2, axis=-1),
    "first": lambda a: a[:, 0],
    "variance": lambda a: np.var(a, axis=1),
    "loglik": lambda a: np.sum(-0.5 * ((DATA - a) / 0.7) ** 2 - 0.3, -1),
    "vector": lambda a: np.matmul(a, DATA),
}
KINDS = {"unary": UNARY, "binary": BINARY, "row": ROW, "down": DOWN, "up": {"up": lambda a: a}}


@dataclass(frozen=True)
class Generated:
    """A log joint from (S, DIMENSION) to (S,)."""

    steps: tuple[tuple[str, str, int, int], ...]

    def __call__(self, x: Value) -> Value:
        scalars = [x[:, 0], _bounded(x[:, DIMENSION - 1])]
        rows = [x[:, 1:], x[:, :ROWS] * 1.0]
        for kind, name, i, j in self.steps:
            if kind == "up":
                a, b = scalars[i % len(scalars)][:, None], rows[j % len(rows)]
                rows.append(a * _bounded(b) if i % 2 else a + b)
            elif kind == "down":
                scalars.append(DOWN[name](rows[i % len(rows)]))
            elif kind == "row":
                rows.append(ROW[name](rows[i % len(rows)]))
            elif kind == "unary":
                pool = rows if (i + j) % 2 else scalars
                pool.append(UNARY[name](pool[i % len(pool)]))
            else:
                pool = rows if (i + j) % 2 else scalars
                pool.append(BINARY[name](pool[i % len(pool)], pool[j % len(pool)]))
        total = np.sum(rows[-1], axis=1) + 0.25 * np.sum(rows[-2], axis=1)
        for s in scalars[-2:]:
            total = total + s
        return total


@st.composite
def programs(draw: st.DrawFn, most: int = 8) -> Generated:
    """Log joints of up to `most` steps."""
    steps = []
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        name = draw(st.sampled_from(sorted(KINDS[kind])))
        steps.append((kind, name, draw(st.integers(0, 5)), draw(st.integers(0, 5))))
    return Generated(tuple(steps))


def points(draws: int, seed: int, dimension: int = DIMENSION) -> numpy.ndarray[Any, Any]:
    """Draws of order one."""
    return numpy.random.default_rng(seed).normal(size=(draws, dimension))
