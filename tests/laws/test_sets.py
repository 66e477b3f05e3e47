"""Laws of sets: the bijection's round trip, its Jacobian, its tails, membership."""

from __future__ import annotations

from dataclasses import replace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import ppl.primitives  # noqa: F401  autograd learns of SciPy's functions
from ppl.constraints import (
    SETS,
    at_least,
    at_most,
    greater_than,
    integers_between,
    interior,
    interval,
    less_than,
    negative,
    nonnegative,
    one_of,
    probability,
    unit_interval,
)

from .cases import free_shape

ALL = {
    **SETS,
    **{
        c.name: c
        for c in (
            negative,
            nonnegative,
            probability,
            unit_interval,
            greater_than(2.5),
            at_least(-1.0),
            less_than(3.0),
            at_most(0.5),
            interval(-1.0, 3.0),
            interval(2.0, 3.0, "both"),
            interval(0.0, 4.0, "lower"),
            interval(100.0, 101.0, "upper"),
        )
    },
}
SMOOTH = {name: c for name, c in ALL.items() if c.bijection is not None}


def sizes(constraint, n=4):
    return (n,) * constraint.event_ndim


def random_free(constraint, batch=(), spread=1.0, n=4):
    rng = np.random.default_rng(5)
    return spread * rng.normal(size=(*batch, *free_shape(constraint, sizes(constraint, n))))


def free_entries(constraint, x, count):
    """Return the entries of x that determine the rest, as a vector."""
    if constraint.event_ndim == 2:
        size = x.shape[-1]
        rows, columns = np.tril_indices(size, 0 if count == size * (size + 1) // 2 else -1)
        return x[rows, columns]
    return anp.reshape(x, (-1,))[:count]


def log_determinant(constraint, u):
    """Return log |det dx/du| from autograd's Jacobian of the map, whole or surface."""
    shape = u.shape
    count = max(u.size, 1)

    def entries(flat):
        x = constraint.bijection.forward(anp.reshape(flat, shape))
        return (
            anp.reshape(x, (-1,))
            if constraint.bijection.surface
            else free_entries(constraint, x, count)
        )

    def one(flat, k, h):
        moved = flat.copy()
        moved[k] += h
        return entries(moved)

    flat, h = u.ravel(), 1e-3
    columns = [
        (8 * (one(flat, k, h) - one(flat, k, -h)) - (one(flat, k, 2 * h) - one(flat, k, -2 * h)))
        / (12 * h)
        for k in range(flat.size)
    ]
    jacobian = np.stack(columns, axis=-1)
    return 0.5 * np.linalg.slogdet(jacobian.T @ jacobian)[1]


def jacobian_is_the_maps(constraint):
    u = random_free(constraint)
    x = constraint.bijection.forward(u)
    np.testing.assert_allclose(
        constraint.bijection.log_jacobian(u, x), log_determinant(constraint, u), atol=1e-5
    )


def round_trip_returns(constraint):
    u = random_free(constraint, (3, 2))
    x = constraint.bijection.forward(u)
    assert np.shape(x) == (3, 2, *sizes(constraint))
    np.testing.assert_allclose(constraint.bijection.inverse(x), u, rtol=1e-6, atol=1e-7)


def values_belong(constraint):
    """Far out, rounding may put a vector or matrix on the edge of its set."""
    for spread, least in ((1.0, 1.0), (5.0, 0.9), (12.0, 0.2)):
        x = constraint.bijection.forward(random_free(constraint, (200,), spread))
        assert np.mean(constraint.contains(x)) >= (least if constraint.event_ndim else 1.0)
        r, slack = constraint.range, 1e-12 if constraint.event_ndim else 0.0
        assert np.all(x >= r.lower - slack)
        assert np.all(x <= r.upper + slack)


LAWS = (jacobian_is_the_maps, round_trip_returns, values_belong)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law, name):
    law(SMOOTH[name])


@pytest.mark.parametrize("name", SMOOTH)
def test_batches_and_gradients(name):
    constraint = SMOOTH[name]
    b = constraint.bijection
    u = random_free(constraint, (3,))
    together = b.log_jacobian(u, b.forward(u))
    alone = [b.log_jacobian(v, b.forward(v)) for v in u]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-14)
    weights = np.random.default_rng(1).normal(size=np.shape(b.forward(u)))

    def value(u):
        x = b.forward(u)
        return anp.sum(weights * x) + anp.sum(b.log_jacobian(u, x))

    direction = np.random.default_rng(2).normal(size=u.shape)
    h = 1e-5
    slope = (value(u + h * direction) - value(u - h * direction)) / (2 * h)
    found = np.sum(autograd.grad(value)(u) * direction)
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("tail", [-40.0, 40.0])
def test_tails(name, tail):
    constraint = SMOOTH[name]
    u = np.full(free_shape(constraint, sizes(constraint, 3)), tail)
    x = constraint.bijection.forward(u)
    assert np.all(np.isfinite(x))
    assert np.all(np.isfinite(constraint.bijection.log_jacobian(u, x)))
    gradient = autograd.grad(lambda u: anp.sum(constraint.bijection.log_jacobian(u, x)))(u)
    assert np.all(np.isfinite(gradient))
    if constraint.event_ndim == 0:
        assert constraint.contains(x)


@pytest.mark.parametrize("name", [n for n, c in SMOOTH.items() if c.event_ndim])
def test_size_one(name):
    constraint = SMOOTH[name]
    u = random_free(constraint, (2,), n=1)
    x = constraint.bijection.forward(u)
    assert np.shape(x) == (2, *sizes(constraint, 1))
    assert np.all(constraint.contains(x))
    assert np.shape(constraint.bijection.log_jacobian(u, x)) == (2,)


@pytest.mark.parametrize("name", [n for n, c in SMOOTH.items() if c.event_ndim])
def test_outsiders(name):
    rng = np.random.default_rng(3)
    constraint = SMOOTH[name]
    x = rng.normal(size=(50, *sizes(constraint))) - 2.0
    assert not np.any(constraint.contains(x[..., ::-1]) & constraint.contains(x))


def test_ends():
    at = np.array([0.0, 1.0])
    assert list(interval(0.0, 1.0).contains(at)) == [False, False]
    assert list(interval(0.0, 1.0, "both").contains(at)) == [True, True]
    assert list(interval(0.0, 1.0, "lower").contains(at)) == [True, False]
    assert list(interval(0.0, 1.0, "upper").contains(at)) == [False, True]
    assert list(interior(probability).contains(at)) == [True, True]
    assert interior(probability).range == unit_interval.range
    assert interior(nonnegative).range.within(greater_than(0.0).range)
    assert not nonnegative.range.within(greater_than(0.0).range)


def test_integers():
    assert list(one_of((0, 1)).contains(np.array([0, 1, 0.5, 2]))) == [True, True, False, False]
    assert list(integers_between(0, 3).contains(np.array([-1, 0, 3, 4, 1.5]))) == [
        *(False, True, True, False, False)
    ]
    assert one_of((0, 1)).phrase == "one of 0, 1"
    assert one_of((0.5, 1)).range.integer is False


def test_bounds_may_be_arrays():
    lower = np.array([0.0, 5.0])
    constraint = interval(lower, lower + 2.0)
    x = constraint.bijection.forward(np.zeros(2))
    np.testing.assert_allclose(x, [1.0, 6.0])
    assert constraint.range.lower == 0.0
    assert constraint.range.upper == 7.0


FAULTS = {
    "Jacobian dropped": lambda b: replace(b, log_jacobian=lambda u, x: 0.0 * b.log_jacobian(u, x)),
    "Jacobian's sign": lambda b: replace(b, log_jacobian=lambda u, x: -b.log_jacobian(u, x)),
    "Jacobian of the wrong point": lambda b: replace(
        b, log_jacobian=lambda u, x: b.log_jacobian(1.01 * u, x)
    ),
    "inverse off": lambda b: replace(b, inverse=lambda x: b.inverse(x) + 1e-4),
    "map off": lambda b: replace(b, forward=lambda u: b.forward(1.001 * u)),
}


def _fails(constraint):
    for law in LAWS:
        try:
            law(constraint)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_seen(fault):
    for name, constraint in SMOOTH.items():
        b = constraint.bijection
        u = random_free(constraint)
        flat = np.ptp([b.log_jacobian(k * u, b.forward(k * u)) for k in (0.0, 1.0)]) == 0
        zero = np.all(b.log_jacobian(u, b.forward(u)) == 0)
        if (flat and fault == "Jacobian of the wrong point") or (zero and "Jacobian" in fault):
            continue
        assert _fails(replace(constraint, bijection=FAULTS[fault](b))), name
