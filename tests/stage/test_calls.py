"""Functions of others, containers, constants: what the program does not look into."""

from __future__ import annotations

import autograd.numpy as np
import numpy
import pytest
import scipy.special
from autograd.extend import defvjp, primitive

from ppl.compile.stage import stage, tape
from ppl.primitives.fused import fused
from tests.stage.programs import points
from tests.stage.test_laws import assert_same

gammaln = primitive(scipy.special.gammaln)
digamma = primitive(scipy.special.digamma)
expit = primitive(scipy.special.expit)
defvjp(gammaln, lambda ans, x: lambda g: g * digamma(x))
defvjp(expit, lambda ans, x: lambda g: g * ans * (1 - ans))


@primitive
def doubled(x):
    return x if x.shape[0] == 0 else numpy.add(x, x)


defvjp(doubled, lambda ans, x: lambda g: 2.0 * g)


@primitive
def same(x):
    """A function whose result is its argument's own memory."""
    return x


defvjp(same, lambda ans, x: lambda g: same(g))


def _solve(x):
    a = np.reshape(x[:, :4], (x.shape[0], 2, 2)) * 0.1 + numpy.eye(2)
    return np.linalg.solve(a, x[:, 4:6, None])[:, :, 0]


FUNCTIONS = {
    "ufunc of scipy": lambda x: np.sum(gammaln(np.exp(x)), 1),
    "expit": lambda x: np.sum(expit(3.0 * x), 1),
    "unknown": lambda x: np.sum(doubled(np.sin(x)) * x, 1),
    "alias": lambda x: np.sum(same(np.exp(x)) * same(x) + np.exp(x), 1),
    "alias read late": lambda x: np.sum(same(x + 1.0) * np.exp(x + 1.0), 1),
    "split": lambda x: np.sum(np.split(x, 2, axis=1)[0] * np.split(x, 2, axis=1)[1], 1),
    "slogdet": lambda x: np.linalg.slogdet(x[:, :4].reshape(-1, 2, 2) + 3 * numpy.eye(2))[1],
    "solve": lambda x: np.sum(_solve(x) ** 2, 1),
    "stack": lambda x: np.sum(np.stack([x[:, 0], np.exp(x[:, 1])], axis=1) * x[:, 2:4], 1),
    "einsum": lambda x: np.einsum("sd,de,se->s", x, numpy.ones((6, 6)), np.sin(x)),
    "two index arrays": lambda x: np.sum(np.reshape(x, (-1, 2, 3))[:, [0, 1, 0], [2, 2, 2]], 1),
    "one position again and again": lambda x: np.sum(np.sin(x)[:, [0, 0, 0]] * x[:, [1, 1, 1]], 1),
    "a number against weights": lambda x: np.sum(np.square(numpy.arange(3.0) * x[:, 2:3]), 1),
    "draws last": lambda x: np.sum(np.matmul(numpy.ones((4, 6)), np.transpose(x)) ** 2, 0),
    "logaddexp of three": lambda x: np.logaddexp(np.logaddexp(x[:, 0], x[:, 1]), x[:, 2]),
    "a draw itself": lambda x: x[:, 0],
    "nothing of x": lambda x: 0.0 * x[:, 0] + 2.0,
    "roll": lambda x: np.sum(np.roll(x, 1, axis=1) * x, 1),
    "tile": lambda x: np.sum(np.tile(x, (1, 2)) ** 2, 1),
    "prod": lambda x: np.prod(np.exp(0.1 * x), axis=1),
    "outer": lambda x: np.sum(x[:, :, None] * x[:, None, :] * numpy.tri(6), (1, 2)),
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("draws", [1, 8])
def test_equals_the_tape(name, draws):
    x = points(draws, 2)
    found = stage(FUNCTIONS[name], 6).value_and_gradient(x)
    assert_same(found, tape(FUNCTIONS[name]).value_and_gradient(x), 1e-11)


def test_nothing_to_learn():
    value, gradient = stage(lambda x: np.zeros(x.shape[0]) + 2.0, 0).value_and_gradient(
        numpy.zeros((3, 0))
    )
    assert value.tolist() == [2.0, 2.0, 2.0]
    assert gradient.shape == (3, 0)


@pytest.mark.parametrize("bad", [numpy.inf, -numpy.inf, numpy.nan])
def test_logaddexp_of_infinities(bad):
    def log_joint(x):
        return np.logaddexp(x[:, 0], x[:, 1]) + np.logaddexp(0.0, x[:, 2])

    ones = numpy.ones((4, 3))
    x = numpy.where([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], bad, ones)
    value, gradient = stage(log_joint, 3).value_and_gradient(x)
    with numpy.errstate(all="ignore"):
        expected = log_joint(x)
    numpy.testing.assert_array_equal(value, expected)
    assert gradient.shape == x.shape


def test_logaddexp_far_apart():
    def log_joint(x):
        return np.logaddexp(x[:, 0], x[:, 1]) + np.logaddexp(0.0, x[:, 2])

    x = numpy.array([[-1e3, 1.0, 1e3], [1.0, -1e3, -1e3]])
    value, gradient = stage(log_joint, 3).value_and_gradient(x)
    numpy.testing.assert_allclose(value, [1001.0, 1.0], rtol=1e-15)
    numpy.testing.assert_allclose(gradient, [[0, 1, 1], [1, 0, 0]], atol=1e-300)


def test_a_zero_factor_hides_no_nan():
    def log_joint(x):
        return 0.0 * np.log(x[:, 0]) + (x[:, 1] - x[:, 1]) + x[:, 2] / x[:, 2] * x[:, 2]

    x = numpy.array([[-1.0, 1, 1], [1, numpy.inf, 1], [1, 1, 0], [1, 1, 1]])
    value, _ = stage(log_joint, 3).value_and_gradient(x)
    assert numpy.isnan(value).tolist() == [True, True, True, False]


def test_fused_functions_run_once():
    count = []

    def quadratic(x, weight):
        count.append(1)
        return numpy.sum(weight * x**2, 1), 2 * weight * x, None

    log_density = fused(quadratic, 2)
    weight = numpy.arange(1.0, 5.0)

    def log_joint(x):
        return log_density(np.tanh(x), weight) * 2.0 + x[:, 0]

    def composed(x):
        return np.sum(weight * np.tanh(x) ** 2, 1) * 2.0 + x[:, 0]

    x = points(9, 3, 4)
    staged = stage(log_joint, 4)
    count.clear()
    found = staged.value_and_gradient(x)
    assert len(count) == 1
    assert_same(found, tape(composed).value_and_gradient(x))
    assert_same(tape(log_joint).value_and_gradient(x), found)


def test_elementwise_fused_functions():
    cube = fused(lambda x: (x**3, 3 * x**2), 1)
    x = points(5, 4, 3)
    found = stage(lambda z: np.sum(cube(z), 1), 3).value_and_gradient(x)
    assert_same(found, (numpy.sum(x**3, 1), 3 * x**2))


def test_data_are_snapshots():
    data = numpy.arange(3.0)
    shared = numpy.arange(3.0) + 5.0
    shared.flags.writeable = False
    staged = stage(
        lambda x: np.sum((x - data) ** 2 * shared, 1), 3, names={"weight": shared, "y": data}
    )
    x = points(4, 1, 3)
    before = staged.value_and_gradient(x)
    data += 1
    after = staged.value_and_gradient(x)
    assert before[0].tobytes() == after[0].tobytes()
    assert any(value is shared for value in staged.constants.values())
    assert "weight" in staged.constants
    assert "y - " in staged.source


def test_source_is_numpy():
    source = stage(lambda x: np.sum(np.exp(x) * 2.0, 1), 3).source
    assert source.splitlines() == [
        "def program(x, workspace):",
        '    """Value and gradient at draws x."""',
        "    # k0: 2.0",
        "    # k1: array of shape (3,)",
        "    S = x.shape[0]",
        "    t1 = np.exp(x)",
        "    t3 = k0 * t1",
        "    t5 = t1.dot(k1)",
        "    t6 = np.multiply(k0, t5, t5)",
        "    return t6, t3",
    ]
