"""Laws of atoms: gradients, second derivatives, ranges, agreement of both functions."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import ppl.primitives  # noqa: F401
from ppl.constraints import Range
from ppl.primitives.atoms import ATOMS, RECOGNISED

from .cases import SIZES, difference
from .evaluation import groups

POOLS = ((0.1, 0.9), (1.2, 3.0), (-3.0, -0.2), (-0.9, -0.1))
"""Intervals of which at least one lies in the domain of every atom, for all its arguments."""


WHOLE = {"at": (1,), "log_bessel_series": (0,), "skellam_cdf": (0,)}
WHOLE |= {"beta_binomial_cdf": (0, 1), "hypergeometric_cdf": (0, 1, 2, 3)}
WHOLE |= dict.fromkeys(("first_of_pairs", "second_of_pairs", "log_determinant_of_pairs"), (1,))
"""Atom → which of its arguments are whole numbers, without a gradient."""


def arity(atom):
    return max(int(c) for c in "0123456789" if f"{{{c}}}" in atom.text) + 1


def inputs(atom, rng, pool, batch=(3,)):
    """Return random arguments; square matrices are made positive definite."""
    arrays = []
    for k, letters in enumerate(groups(atom.signature, arity(atom))[0]):
        a = rng.uniform(*pool, (*batch, *(SIZES[n] for n in letters)))
        if k in WHOLE.get(atom.name, ()):
            a = rng.integers(0, SIZES["n"], a.shape).astype(float)
        if letters == ("e", "v"):
            a = np.broadcast_to([[0.0, 1.0], [1.0, 2.0]], a.shape)
        if letters == ("n", "n"):
            a = np.matmul(a, np.swapaxes(a, -1, -2)) + 2.0 * np.eye(SIZES["n"])
        arrays.append(a)
    return arrays


def directions(atom, rng, arrays):
    found = []
    letters_of = groups(atom.signature, arity(atom))[0]
    for k, (letters, a) in enumerate(zip(letters_of, arrays, strict=True)):
        v = rng.normal(size=a.shape) * (k not in WHOLE.get(atom.name, ()))
        found.append(v + np.swapaxes(v, -1, -2) if letters == ("n", "n") else v)
    return found


def cases(atom):
    """Return random arguments in the atom's domain, from every pool that lies in it."""
    rng = np.random.default_rng(8)
    found = []
    for pool in POOLS:
        arrays = inputs(atom, rng, pool)
        with np.errstate(all="ignore"):
            value = atom.differentiable(*arrays)
        if np.all(np.isfinite(value)):
            found.append(arrays)
    assert found, "no pool lies in the domain"
    return found


def weighted_sum(atom, seed=0):
    def value(arrays):
        y = atom.differentiable(*arrays)
        weights = np.random.default_rng(seed).normal(size=anp.shape(y))
        return anp.sum(weights * y)

    return value


@pytest.mark.parametrize("name", ATOMS)
def test_joined(name):
    atom = ATOMS[name]
    assert RECOGNISED[atom.function] is atom
    assert atom.text.format(*"abcdef")


@pytest.mark.parametrize("name", [n for n, a in ATOMS.items() if a.derivatives])
def test_gradients(name):
    atom, rng = ATOMS[name], np.random.default_rng(4)
    value = weighted_sum(atom)
    for arrays in cases(atom):
        gradients = autograd.grad(lambda *a: value(a), tuple(range(len(arrays))))(*arrays)
        for k, gradient in enumerate(gradients):
            v = directions(atom, rng, arrays)
            v = [x if j == k else 0 * x for j, x in enumerate(v)]
            with np.errstate(all="ignore"):
                slope = difference(value, arrays, v, 1e-3 if atom.signature else 2e-4)
            np.testing.assert_allclose(
                np.sum(gradient * v[k]), slope, rtol=2e-6, atol=2e-6, err_msg=f"argument {k}"
            )


@pytest.mark.parametrize("name", [n for n, a in ATOMS.items() if a.derivatives])
def test_second_derivatives(name):
    atom, rng = ATOMS[name], np.random.default_rng(6)
    value = weighted_sum(atom)
    arrays = cases(atom)[0]
    v = directions(atom, rng, arrays)
    everything = tuple(range(len(arrays)))

    def along(*a):
        slopes = autograd.grad(lambda *b: value(b), everything)(*a)
        return sum(anp.sum(s * w) for s, w in zip(slopes, v, strict=True))

    with np.errstate(all="ignore"):
        curvature = difference(lambda a: along(*a), arrays, v, 2e-4)
        try:
            found = autograd.grad(along, everything)(*arrays)
        except UserWarning:
            found = [0.0] * len(arrays)
    total = sum(np.sum(g * w) for g, w in zip(found, v, strict=True))
    np.testing.assert_allclose(total, curvature, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", [n for n, a in ATOMS.items() if n not in ("size", "positions")])
def test_batches(name):
    atom = ATOMS[name]
    arrays = cases(atom)[0]
    together = atom.differentiable(*arrays)
    for k in range(3):
        np.testing.assert_allclose(
            together[k], atom.differentiable(*(a[k] for a in arrays)), rtol=1e-12, atol=1e-13
        )


def random_range(rng):
    ends = sorted(rng.choice([-np.inf, -2.0, -1.0, -0.5, 0.0, 0.3, 1.0, 2.5, np.inf], 2, False))
    open_ends = rng.random(2) < 0.5
    return Range(*ends, *map(bool, open_ends), integer=False)


def member(rng, r, shape):
    """Return numbers of a range: its ends, numbers near them, and others."""
    low, high = np.clip([r.lower, r.upper], -30.0, 30.0)
    x = rng.uniform(low, high, shape)
    place = rng.random(shape)
    near = 1e-9 * max(high - low, 1.0)
    x = np.where(place < 0.2, low + (near if r.lower_open else 0.0), x)
    return np.where(place > 0.8, high - (near if r.upper_open else 0.0), x)


@pytest.mark.parametrize("name", [n for n in ATOMS if n not in ("size", "positions")])
def test_ranges_hold_their_values(name):
    atom, rng = ATOMS[name], np.random.default_rng(9)
    for _ in range(60):
        ranges = [random_range(rng) for _ in range(arity(atom))]
        arrays = [
            np.broadcast_to([[0.0, 1.0], [1.0, 2.0]], (20, 2, 2))
            if letters == ("e", "v")
            else np.zeros(20)
            if name == "spline" and k == 2
            else member(rng, r, (20, *(SIZES[n] for n in letters)))
            for k, (r, letters) in enumerate(
                zip(ranges, groups(atom.signature, arity(atom))[0], strict=True)
            )
        ]
        for k in WHOLE.get(name, ()) if name in ("at", "log_bessel_series") else ():
            arrays[k] = np.zeros(20)
        found = atom.range(*ranges)
        with np.errstate(all="ignore"):
            values = np.asarray(atom.differentiable(*arrays), dtype=float)
        values = values[np.isfinite(values)]
        slack = 1e-9 * (1.0 + np.abs(values))
        assert np.all(values >= found.lower - slack), (ranges, found, values.min())
        assert np.all(values <= found.upper + slack), (ranges, found, values.max())
        if found.integer:
            assert np.all(values == np.round(values))


POSITIVE = Range(0.0, lower_open=True)
UNIT = Range(0.0, 1.0, True, True)
PROVED = {
    "exp of anything": (lambda a: a["exp"].range(Range()), POSITIVE),
    "product of positives": (lambda a: a["multiply"].range(POSITIVE, POSITIVE), POSITIVE),
    "quotient of positives": (lambda a: a["divide"].range(POSITIVE, POSITIVE), POSITIVE),
    "sum of positive and nonnegative": (
        lambda a: a["add"].range(POSITIVE, Range(0.0)),
        POSITIVE,
    ),
    "square": (lambda a: a["square"].range(Range()), Range(0.0)),
    "even power": (lambda a: a["power"].range(Range(), Range(4.0, 4.0)), Range(0.0)),
    "power of a positive": (lambda a: a["power"].range(POSITIVE, Range()), POSITIVE),
    "sigmoid": (lambda a: a["expit"].range(Range()), UNIT),
    "complement": (lambda a: a["subtract"].range(Range(1.0, 1.0), UNIT), UNIT),
    "square root": (lambda a: a["sqrt"].range(POSITIVE), POSITIVE),
    "reciprocal": (lambda a: a["divide"].range(Range(1.0, 1.0), POSITIVE), POSITIVE),
    "one plus a square": (
        lambda a: a["add"].range(Range(1.0, 1.0), Range(0.0)),
        Range(1.0),
    ),
    "tanh": (lambda a: a["tanh"].range(Range()), Range(-1.0, 1.0, True, True)),
    "sum": (lambda a: a["sum"].range(POSITIVE), POSITIVE),
    "softplus": (lambda a: a["logaddexp"].range(Range(0.0, 0.0), Range()), Range(0.0)),
    "whole numbers": (
        lambda a: a["add"].range(Range(0, integer=True), Range(1, 1, integer=True)),
        Range(1, integer=True),
    ),
}


@pytest.mark.parametrize("fact", PROVED)
def test_proofs(fact):
    prove, wanted = PROVED[fact]
    assert prove(ATOMS).within(wanted)


NOT_PROVED = {
    "exp may be above 1": (lambda a: a["exp"].range(Range()), UNIT),
    "a square may be 0": (lambda a: a["square"].range(Range()), POSITIVE),
    "a difference may be negative": (
        lambda a: a["subtract"].range(POSITIVE, POSITIVE),
        Range(0.0),
    ),
    "division by what may be 0": (
        lambda a: a["divide"].range(POSITIVE, Range(0.0)),
        POSITIVE,
    ),
    "an odd power": (lambda a: a["power"].range(Range(), Range(3.0, 3.0)), Range(0.0)),
    "half of a whole number": (
        lambda a: a["divide"].range(Range(0, integer=True), Range(2.0, 2.0, integer=True)),
        Range(integer=True),
    ),
}


@pytest.mark.parametrize("fact", NOT_PROVED)
def test_no_false_proofs(fact):
    prove, wanted = NOT_PROVED[fact]
    assert not prove(ATOMS).within(wanted)


@pytest.mark.parametrize("name", [n for n, a in ATOMS.items() if a.result])
def test_results_lie_in_their_set(name):
    atom = ATOMS[name]
    for arrays in cases(atom):
        assert np.all(atom.result.contains(atom.differentiable(*arrays)))
