"""Laws of functions: the reference's values, gradients, batches."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from ppl.functions import FUNCTIONS

from .cases import SIZES, difference, member
from .evaluation import evaluated, groups

STEPS = {"floor", "ceil", "round", "trunc", "sign"}


def arguments(f, rng, batch=()):
    arrays = []
    letters = groups(f.signature, len(f.parameters))[0]
    for constraint, own in zip(f.parameters.values(), letters, strict=True):
        a = member(rng, constraint, (*batch, *(SIZES[n] for n in own)))
        if len(own) == 2 and constraint.event_ndim == 0:
            a = a + 3.0 * np.eye(SIZES["n"])
        arrays.append(a)
    return arrays


def value(f, arrays):
    return evaluated(f.expression, arrays, [len(g) for g in groups(f.signature, len(arrays))[0]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_reference(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(2)
    assert f.reference is not None
    for _ in range(20):
        arrays = arguments(f, rng)
        with np.errstate(all="ignore"):
            wanted = f.reference(*arrays)
            if np.all(np.isfinite(wanted)):
                np.testing.assert_allclose(value(f, arrays), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_batches(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(3)
    arrays = arguments(f, rng, (4,))
    with np.errstate(all="ignore"):
        together = value(f, arrays)
        for k in range(4):
            np.testing.assert_allclose(together[k], value(f, [a[k] for a in arrays]), rtol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(4)
    checked = 0
    for _ in range(6):
        arrays = arguments(f, rng)
        with np.errstate(all="ignore"):
            here = value(f, arrays)
            if not np.all(np.isfinite(here)):
                continue
        weights = rng.normal(size=np.shape(here))
        v = []
        for a, c in zip(arrays, f.parameters.values(), strict=True):
            w = rng.normal(size=a.shape)
            v.append(w + w.T if c.event_ndim == 2 else w)

        def total(arrays, weights=weights):
            return anp.sum(weights * value(f, arrays))

        if name in STEPS:
            assert difference(total, arrays, v, 1e-9) == 0
            checked += 1
            continue
        everything = tuple(range(len(arrays)))
        found = autograd.grad(lambda *a, total=total: total(a), everything)(*arrays)
        with np.errstate(all="ignore"):
            slope = difference(total, arrays, v, 1e-5)
        along = sum(np.sum(g * w) for g, w in zip(found, v, strict=True))
        if np.isfinite(slope):
            np.testing.assert_allclose(along, slope, rtol=1e-5, atol=1e-5)
            checked += 1
    assert checked
