"""A compiled model against the interpreter: the log joint, and the gradient against the tape's."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.compile.load import LogJoint
from ppl.compile.stage import tape
from ppl.graph.bound import LOST
from tests.interpreter.interpreter import Interpreter

Floats = np.ndarray[Any, np.dtype[np.float64]]

STENCIL = {-4: 1 / 280, -3: -4 / 105, -2: 1 / 5, -1: -4 / 5}
"""Central differences of order eight: minus the weights of the opposite steps."""

STEP = 0.02


class Frame(dict):  # type: ignore[type-arg]
    """Columns of one table, as a data frame has them."""

    columns = property(lambda self: list(self))
    shape = property(lambda self: (len(next(iter(self.values()))), len(self)))


def points(joint: LogJoint, seed: int, count: int) -> Floats:
    """Return random points of the flat vector."""
    return np.random.default_rng(seed).normal(size=(count, joint.program.dimension)) * 0.7


def at_point(joint: LogJoint, x: Floats) -> list[dict[str, Any]]:
    """Return the user's variables at each point."""
    found = joint.quantities(x, np.random.default_rng(0))
    return [{k: v[i] for k, v in found.items()} for i in range(len(x))]


def log_jacobian(joint: LogJoint, second: Interpreter, x: Floats) -> float:
    """Return the log-Jacobian of the map from the latents' columns to the latents, by differences.

    What a latent's values determine of each other (the last share of a simplex) is left out; the
    learned parameters' columns stay where they are.
    """
    columns = [
        k for c in joint.program.columns if c.kind == "latent" for k in range(c.start, c.stop)
    ]
    if not columns:
        return 0.0
    moves = [(j, s, w) for j in columns for s, w in STENCIL.items()]
    shifted = np.repeat(x[None], 2 * len(moves), axis=0)
    for i, (j, s, _) in enumerate(moves):
        shifted[2 * i, j] += s * STEP
        shifted[2 * i + 1, j] -= s * STEP
    values = joint.quantities(shifted, np.random.default_rng(0))
    rows = []
    for name in second.latents():
        if second.is_discrete(name):
            continue
        own = values[name]
        cells = second.coordinates(name, own.shape[1:])
        rows.extend(own[(slice(None), *cell)] for cell in cells)
    rows.extend(row for name in inferred(joint) for row in values[name].T)
    flat = np.array(rows)
    differences = (flat[:, 0::2] - flat[:, 1::2]) * [w for _, _, w in moves] / STEP
    matrix = differences.reshape(len(rows), len(columns), len(STENCIL)).sum(axis=-1)
    assert matrix.shape[0] == matrix.shape[1]
    return float(np.linalg.slogdet(matrix)[1])


def inferred(joint: LogJoint) -> list[str]:
    """Return the variables of missing values that others depend on."""
    return [n for n in joint.bound.latents if n.endswith(LOST)]


def fill(joint: LogJoint, second: Interpreter, values: Mapping[str, Any]) -> None:
    """Put inferred values in the place of missing ones, in the order of their positions."""
    for name in inferred(joint):
        data = joint.bound.data
        of = name.removesuffix(LOST)
        places = [data[f"{of}.at.{k}"] for k in range(second.data[of].ndim)]
        second.data[of] = second.data[of].copy()
        second.data[of][tuple(places)] = values[name]
        second.prepared.pop(of, None)


def check(
    text: str,
    data: Mapping[str, Any] | None = None,
    *,
    table: bool = False,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    count: int = 2,
) -> LogJoint:
    """Compare the compiled log joint, what it reports, and its gradient with the second opinions.

    With `table` the data are the columns of one table.
    """
    data = data or {}
    given = Frame(data) if table else data
    joint = ppl.Model(text).compile(given, **(sizes or {}))
    second = Interpreter(text, data, tuple(data) if table else (), sizes)
    compare_sizes(joint, second)
    compare_roles(joint, second, text)
    x = points(joint, seed, count)
    with np.errstate(all="ignore"):
        found = np.asarray(joint.log_joint(x))
    assert np.isfinite(found).all()
    for i, values in enumerate(at_point(joint, x)):
        fill(joint, second, values)
        wanted = second.log_joint(values)
        wanted += log_jacobian(joint, second, x[i])
        latents = [n for n in second.latents() if not second.is_discrete(n)]
        wanted += sum(second.log_surface(n, values[n]) for n in latents)
        assert found[i] == pytest.approx(wanted, rel=1e-9, abs=1e-8), joint.source
        compare_quantities(joint, second, values)
    compare_gradients(joint, x)
    return joint


def compare_roles(joint: LogJoint, second: Interpreter, text: str) -> None:
    """Compare which names are latents; the compiler leaves out branches that data exclude."""
    latents = set(joint.bound.latents) - set(inferred(joint))
    lost = set(second.latents()) - latents
    assert latents <= set(second.latents())
    assert not lost or "if" in text or "where" in text or "][" in text
    second.left_out = lost


def compare_sizes(joint: LogJoint, second: Interpreter) -> None:
    """Compare the sizes of the dimensions that the model names."""
    named = {n: s for n, s in joint.bound.sizes.items() if n in second.dimensions}
    assert named == {n: second.sizes[n] for n in named}


def compare_quantities(joint: LogJoint, second: Interpreter, values: Mapping[str, Any]) -> None:
    """Compare what ``=`` computes, where it is reported."""
    for name in values:
        if name in second.targets and not second.is_random(name):
            second_opinion = second.value(name).array()
            assert values[name].shape == second_opinion.shape
            assert values[name] == pytest.approx(second_opinion, rel=1e-9, abs=1e-10, nan_ok=True)


def compare_gradients(joint: LogJoint, x: Floats) -> None:
    """Compare the staged gradient with the tape's, and both values with the log joint's."""
    value, gradient = joint.gradient.value_and_gradient(x)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent of input")
        other, second = tape(joint.log_joint).value_and_gradient(x)
    scale = 1.0 + np.abs(second)
    assert np.isfinite(gradient).all()
    assert np.all(np.abs(gradient - second) <= 1e-10 * scale)
    assert np.all(np.abs(value - other) <= 1e-10 * (1.0 + np.abs(other)))
    assert math.isfinite(float(np.sum(value)))
