"""Bounds on a distribution: values beyond them do not occur, or are seen only as the bound."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.constraints import Array, Constraint, bounded, interior, real
from ppl.distributions.component import Component
from ppl.distributions.truncation import sample_between
from ppl.distributions.wrappers import Wrapper

INFINITE = {"a": -math.inf, "b": math.inf}

bound = replace(
    real, name="real or infinite", phrase="numbers, or inf or -inf", contains=lambda x: x == x
)
"""Where bounds lie: infinite ones are none."""


def _number(value: Array) -> bool:
    return isinstance(value, int | float | np.number)


def _larger(a: Array, b: Array) -> Array:
    return b if _number(a) and a == -math.inf else np.maximum(a, b)


def _smaller(a: Array, b: Array) -> Array:
    return b if _number(a) and a == math.inf else np.minimum(a, b)


def narrowed(
    own: Constraint, lower: Array, upper: Array, opened: tuple[bool, bool] | None = None
) -> Constraint:
    """Return a set of numbers cut by bounds.

    Parameters
    ----------
    own
        The set.
    lower, upper
        Numbers, arrays, or what stands for them; infinite where there is no bound.
    opened
        Whether the bounds themselves are left out. If None they belong to the set, but count as
        left out in proofs: a continuous law puts no mass there.
    """
    if own.bijection is None:
        return _integers(own, lower, upper, opened or (False, False))
    low = _larger(own.ends[0], lower) if not _is(lower, -math.inf) else own.ends[0]
    high = _smaller(own.ends[1], upper) if not _is(upper, math.inf) else own.ends[1]
    ends = [own.range.lower_open, own.range.upper_open]
    for k, (cut, end) in enumerate(((lower, own.range.lower), (upper, own.range.upper))):
        known = _number(cut)
        idle = known and (cut < end if k == 0 else cut > end)
        if not idle:
            ends[k] = bool(opened and opened[k]) or (known and cut == end and ends[k])
    found = bounded(low, high, (ends[0], ends[1]))
    return found if opened is not None else interior(found)


def _is(end: Array, value: float) -> bool:
    return _number(end) and bool(end == value)


def _integers(own: Constraint, lower: Array, upper: Array, opened: tuple[bool, bool]) -> Constraint:
    """Return a set without a bijection, cut by bounds."""
    least = np.floor(lower) + 1.0 if opened[0] else np.ceil(lower)
    most = np.ceil(upper) - 1.0 if opened[1] else np.floor(upper)
    low, high = own.range.lower, own.range.upper
    if _number(least):
        low = max(low, float(least))
    if _number(most):
        high = min(high, float(most))
    words = [f"from {low:g}"] if low > -math.inf else []
    words += [f"to {high:g}"] if high < math.inf else []
    return Constraint(
        name=f"{own.name}, bounded",
        phrase=" ".join(["integers" if own.range.integer else own.phrase, *words]),
        range=replace(own.range, lower=low, upper=high),
        contains=lambda x: own.contains(x) & (x >= least) & (x <= most),
        bijection=None,
        ends=(_larger(own.ends[0], least), _smaller(own.ends[1], most)),
    )


def _between(a: Array, b: Array, d: Component) -> Constraint:
    """Return the component's support between the bounds."""
    return narrowed(d.support, a, b)


# ---------------------------------------------------------------------------------- truncation


def _truncated_log_density(x: Array, a: Array, b: Array, d: Component) -> Array:
    log_density = d.log_density(x) - d.log_probability(a, b)
    if d.discrete:
        return np.where(np.logical_and(x >= a, x <= b), log_density, -math.inf)
    return log_density


def _truncated_cdf(x: Array, a: Array, b: Array, d: Component) -> Array:
    held = np.minimum(np.maximum(x, a), b)
    share = np.exp(d.log_probability(a, held) - d.log_probability(a, b))
    return np.where(x < a, 0.0, np.where(x >= b, 1.0, share))


def _truncated_states(a: Array, b: Array, d: Component) -> Any:
    low, high = float(np.min(a)), float(np.max(b))
    if d.support.range.lower < 0.0 and not low >= 0.0:
        return None
    count = d.states() if d.record.states is not None else None
    if high == math.inf:
        return count
    own = math.floor(high) + 1
    return own if count is None else min(own, count)


Truncated = Wrapper(
    name="Truncated",
    summary="`d` given that its value is from `a` to `b`, both included.",
    parameters={"a": bound, "b": bound},
    order=("d", "a", "b"),
    defaults=INFINITE,
    bounds=("a", "b"),
    needs_cdf=True,
    support=_between,
    log_density=_truncated_log_density,
    sample=lambda rng, size, a, b, d: sample_between(rng, size, d, a, b),
    cdf=_truncated_cdf,
    states=_truncated_states,
)

Restricted = Wrapper(
    name="Restricted",
    summary="The density of `d` from `a` to `b`, not normalised again.",
    parameters={"a": bound, "b": bound},
    order=("d", "a", "b"),
    defaults=INFINITE,
    bounds=("a", "b"),
    support=_between,
    log_density=lambda x, a, b, d: d.log_density(x),
    sample=lambda rng, size, a, b, d: sample_between(rng, size, d, a, b),
    normalised=False,
)

# ----------------------------------------------------------------------------------- censoring


def _censored_support(a: Array, b: Array, d: Component) -> Constraint:
    """Return the component's support and all that lies at or beyond the bounds."""
    own = d.support
    return replace(
        own,
        name=f"{own.name}, censored",
        phrase=f"{own.phrase}, or a value at or beyond a bound",
        contains=lambda x: own.contains(x) | ((a <= b) & ((x <= a) | (x >= b))),
        bijection=None,
        range=replace(own.range, lower=-math.inf, upper=math.inf),
    )


def _censored_log_density(x: Array, a: Array, b: Array, d: Component) -> Array:
    low, high = x <= a, x >= b
    between = np.logical_not(np.logical_or(low, high))
    seen = d.log_density_anywhere(np.where(between, x, d.somewhere()))
    return np.where(low, d.log_cdf(a), np.where(high, d.log_at_least(b), seen))


def _clipped(rng: Any, size: tuple[int, ...], a: Array, b: Array, d: Component) -> Array:
    return np.minimum(np.maximum(d.sample(rng, size), a), b)


Censored = Wrapper(
    name="Censored",
    summary="`d`, of which values at or beyond `a` and `b` are known only to be there.",
    parameters={"a": bound, "b": bound},
    order=("d", "a", "b"),
    defaults=INFINITE,
    bounds=("a", "b"),
    needs_cdf=True,
    support=_censored_support,
    log_density=_censored_log_density,
    sample=_clipped,
    cdf=lambda x, a, b, d: np.where(x < a, 0.0, np.where(x >= b, 1.0, d.cdf(x))),
    missing="a censored value is written as its bound (or a value beyond it), not left out",
)
