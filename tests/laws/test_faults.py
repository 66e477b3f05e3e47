"""The laws see faults: records are spoilt on purpose, and some law must fail for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppl.distributions import DISTRIBUTIONS

from .laws import LAWS


def _moved_parameter(sample, k, factor):
    def spoilt(rng, size, *arguments):
        moved = [a * factor if j == k else a for j, a in enumerate(arguments)]
        return sample(rng, size, *moved)

    return spoilt


def _inverted(d):
    """Take the last argument's reciprocal: a rate for a scale."""
    return lambda rng, size, *a: d.sample(rng, size, *a[:-1], 1.0 / np.asarray(a[-1]))


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
        "entropy off": "entropy",
    }.get(fault)
    if fault == "first argument off" and d.example is not None:
        return False  # positions of a graph are no amounts: 1.3 times a path is the same path
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
