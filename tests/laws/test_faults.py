"""The laws see faults: records are spoilt on purpose, and some law must fail for each."""

from __future__ import annotations

from dataclasses import replace

import autograd
import autograd.extend
import numpy as np
import pytest

from ppl.distributions import DISTRIBUTIONS
from ppl.functions import FUNCTIONS
from ppl.primitives.atoms import ATOMS

from . import test_atoms, test_functions
from .laws import LAWS


def _inverted(d):
    """Take the last argument's reciprocal: a rate for a scale."""
    return lambda rng, size, *a: d.sample(rng, size, *a[:-1], 1.0 / np.asarray(a[-1]))


def _off(other):
    """Return a parametrisation whose own density is somewhat off.

    What one without an own density means is its definition, which `test_table` holds to SciPy.
    """
    if other.log_density is None:
        return other
    return replace(other, log_density=lambda x, *a: other.log_density(x, *a) + 1e-3)


FAULTS = {
    "wrong constant": lambda d: replace(d, log_density=lambda x, *a: d.log_density(x, *a) + 0.01),
    "wrong sign": lambda d: replace(d, log_density=lambda x, *a: -d.log_density(x, *a)),
    "one per cent too steep": lambda d: replace(
        d, log_density=lambda x, *a: 1.01 * d.log_density(x, *a)
    ),
    "first argument off": lambda d: replace(
        d, log_density=lambda x, a, *rest: d.log_density(x, 1.3 * a, *rest)
    ),
    "shifted draws": lambda d: replace(
        d, sample=lambda rng, size, *a: (y := d.sample(rng, size, *a)) + 0.2 * np.std(y, axis=0)
    ),
    "draws all the same": lambda d: replace(
        d, sample=lambda rng, size, *a: 0.0 * (y := d.sample(rng, size, *a)) + y[:1]
    ),
    "rate for scale": lambda d: replace(d, sample=_inverted(d)),
    "mean off": lambda d: replace(d, mean=lambda *a: 1.02 * d.mean(*a)),
    "standard deviation for variance": lambda d: replace(
        d, variance=lambda *a: np.sqrt(d.variance(*a))
    ),
    "survival for cdf": lambda d: replace(d, cdf=lambda x, *a: 1.0 - d.cdf(x, *a)),
    "cdf for its complement": lambda d: replace(d, log_ccdf=lambda x, *a: np.log(d.cdf(x, *a))),
    "cdf of the number before": lambda d: replace(d, cdf=lambda x, *a: d.cdf(x - 1.0, *a)),
    "other parametrisation off": lambda d: replace(
        d, alternatives=tuple(_off(other) for other in d.alternatives)
    ),
    "scale that does not move": lambda d: replace(d, location_scale=(d.location_scale[1],) * 2),
    "a state too many": lambda d: replace(d, log_density=lambda x, *a: d.log_density(x - 1.0, *a)),
    "entropy off": lambda d: replace(d, entropy=lambda *a: d.entropy(*a) + 0.05),
}


@pytest.fixture
def table(monkeypatch):
    """Let spoilt records be built without joining the table."""
    monkeypatch.setattr("ppl.distributions.record.Distribution.__post_init__", lambda self: None)


def has(d, fault):
    field = {
        "mean off": "mean",
        "standard deviation for variance": "variance",
        "survival for cdf": "cdf",
        "cdf for its complement": "log_ccdf",
        "cdf of the number before": "cdf",
        "scale that does not move": "location_scale",
        "a state too many": "states",
        "entropy off": "entropy",
    }.get(fault)
    if fault == "first argument off" and d.example is not None:
        return False  # positions of a graph are no amounts: 1.3 times a path is the same path
    if fault == "other parametrisation off":
        return any(other.log_density is not None for other in d.alternatives)
    if fault == "scale that does not move" and "location_and_scale_move" in d.exceptions:
        return False
    if not d.normalised or (field and getattr(d, field) is None):
        return False
    return fault != "rate for scale" or d.parameters[list(d.parameters)[-1]].name == "positive"


def fails(record):
    for law in LAWS:
        if law.__name__ in record.exceptions:
            continue
        try:
            with np.errstate(all="ignore"):
                law(record)
        except Exception:
            return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_seen(fault, table):
    unseen = [
        name for name, d in DISTRIBUTIONS.items() if has(d, fault) and not fails(FAULTS[fault](d))
    ]
    assert not unseen


# ------------------------------------------------------------------------- functions and atoms

STEPS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_not"}
STEPS |= {
    "logical_and",
    "logical_or",
    "floor",
    "ceil",
    "rint",
    "trunc",
    "sign",
    "hypergeometric_cdf",
}


@pytest.mark.parametrize(
    "fault",
    [
        lambda f: lambda *a: 1.001 * f(*a) + 1e-3,
        lambda f: lambda *a: f(a[-1], *a[1:-1], a[0]) if len(a) > 1 else -1.0 * f(*a),
    ],
    ids=["values off", "arguments exchanged, or the sign"],
)
def test_faults_of_functions_are_seen(fault, monkeypatch):
    monkeypatch.setattr("ppl.functions.record.Function.__post_init__", lambda self: None)
    unseen = []
    for name, f in list(FUNCTIONS.items()):
        monkeypatch.setitem(FUNCTIONS, name, replace(f, expression=fault(f.expression)))
        try:
            test_functions.test_reference(name)
            unseen.append(name)
        except Exception:
            continue
    assert set(unseen) <= SYMMETRIC


SYMMETRIC = {"hypot", "logaddexp", "betaln"}
"""Functions that are the same with their arguments exchanged."""


def _steeper(function, count):
    """Return a function with the same values, and gradients that are 1 per thousand too large."""

    @autograd.extend.primitive
    def spoilt(*arguments):
        return function(*arguments)

    def rule(k):
        def vjp(ans, *arguments):
            def one(a):
                return function(*arguments[:k], a, *arguments[k + 1 :])

            return lambda g: 1.001 * autograd.make_vjp(one, arguments[k])[0](g)

        return vjp

    autograd.extend.defvjp(spoilt, *map(rule, range(count)))
    return spoilt


def test_faults_of_gradients_are_seen(monkeypatch):
    monkeypatch.setattr("ppl.primitives.atoms.Atom.__post_init__", lambda self: None)
    unseen = []
    for name, atom in list(ATOMS.items()):
        if not atom.derivatives or name in STEPS:
            continue
        spoilt = _steeper(atom.differentiable, test_atoms.arity(atom))
        monkeypatch.setitem(ATOMS, name, replace(atom, differentiable=spoilt))
        try:
            test_atoms.test_gradients(name)
            unseen.append(name)
        except AssertionError:
            continue
    assert unseen == []
