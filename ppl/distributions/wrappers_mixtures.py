"""Mixtures: of several distributions, and of a distribution with a point at 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from ppl.constraints import Array, Constraint, bounded, interior, probability, simplex
from ppl.distributions.component import Component
from ppl.distributions.truncation import sample_between, sample_where
from ppl.distributions.wrappers import Wrapper
from ppl.primitives.special import log_to_edge
from ppl.primitives.vectors import at


def _sum(terms: Sequence[Array]) -> Array:
    return reduce(np.add, terms)


def _log_sum(terms: Sequence[Array]) -> Array:
    return reduce(np.logaddexp, terms)


# ------------------------------------------------------------------------------------- mixtures


def _same_support(components: Sequence[Component]) -> bool:
    """Return whether the components have one support, which no argument decides."""
    first = components[0].record.support
    return isinstance(first, Constraint) and all(c.record.support is first for c in components)


def _mixture_support(w: Array, *components: Component) -> Constraint:
    """Return the union of the supports; for proofs and bijections, the numbers between its ends."""
    if _same_support(components):
        return components[0].support
    sets = [c.support for c in components]
    low = reduce(np.minimum, [s.ends[0] for s in sets])
    high = reduce(np.maximum, [s.ends[1] for s in sets])
    whole = interior(bounded(low, high, (False, False)))
    bijection = whole.bijection
    if any(s.bijection is None for s in sets):
        bijection = None
    return Constraint(
        name=" or ".join(dict.fromkeys(s.name for s in sets)),
        phrase=" or ".join(dict.fromkeys(s.phrase for s in sets)),
        range=replace(whole.range, integer=all(s.range.integer for s in sets))
        if bijection is not None
        else replace(
            whole.range,
            lower_open=False,
            upper_open=False,
            integer=all(s.range.integer for s in sets),
        ),
        contains=lambda x: reduce(np.logical_or, [s.contains(x) for s in sets]),
        bijection=bijection,
        ends=(low, high),
    )


def _mixture_log_density(x: Array, w: Array, *components: Component) -> Array:
    same = _same_support(components)
    return _log_sum(
        [
            log_to_edge(at(w, k)) + (c.log_density(x) if same else c.log_density_anywhere(x))
            for k, c in enumerate(components)
        ]
    )


def _mixture_sample(rng: Any, size: tuple[int, ...], w: Array, *components: Component) -> Array:
    rank = components[0].part.event_ndim
    edges = np.cumsum(w, axis=-1)
    uniform = rng.random(size[: len(size) - rank])[..., None] * edges[..., -1:]
    which = np.minimum(np.sum(uniform >= edges, axis=-1), len(components) - 1)
    which = which.reshape((*which.shape, *(1,) * rank))
    found = np.empty(size)
    for k, c in enumerate(components):
        found = np.where(which == k, c.sample(rng, size), found)
    return found


def _mixture_variance(w: Array, *components: Component) -> Array:
    mean = _mixture_mean(w, *components)
    second = [c.variance() + np.square(c.mean()) for c in components]
    return _sum([at(w, k) * s for k, s in enumerate(second)]) - np.square(mean)


def _mixture_mean(w: Array, *components: Component) -> Array:
    return _sum([at(w, k) * c.mean() for k, c in enumerate(components)])


def _most_states(*components: Component) -> Any:
    counts = [c.states() for c in components]
    return None if any(count is None for count in counts) else max(counts)


Mixture = Wrapper(
    name="Mixture",
    summary="Each value is from one of the distributions, chosen with the probabilities `w`.",
    parameters={"w": simplex},
    order=("w", "d"),
    several=True,
    letters={"w": ("k",)},
    support=_mixture_support,
    log_density=_mixture_log_density,
    sample=_mixture_sample,
    mean=_mixture_mean,
    variance=_mixture_variance,
    cdf=lambda x, w, *d: _sum([at(w, k) * c.cdf(x) for k, c in enumerate(d)]),
    log_cdf=lambda x, w, *d: _log_sum(
        [log_to_edge(at(w, k)) + c.log_cdf(x) for k, c in enumerate(d)]
    ),
    log_ccdf=lambda x, w, *d: _log_sum(
        [log_to_edge(at(w, k)) + c.log_ccdf(x) for k, c in enumerate(d)]
    ),
    states=lambda w, *d: _most_states(*d),
)

# -------------------------------------------------------------------------------- points at zero


def _has_zero(d: Component) -> bool:
    """Return whether 0 is in the support, whatever the arguments."""
    support = d.record.support
    return isinstance(support, Constraint) and bool(support.contains(0.0))


def _with_zero(p: Array, d: Component) -> Constraint:
    """Return a support with 0, which has a probability of its own."""
    support = d.support
    if d.discrete and _has_zero(d):
        return support
    low, high = np.minimum(support.ends[0], 0.0), np.maximum(support.ends[1], 0.0)
    held = support.range
    return Constraint(
        name=f"0 or {support.name}",
        phrase=support.phrase if d.discrete else f"0 or {support.phrase}",
        range=replace(
            held,
            lower=min(held.lower, 0.0),
            upper=max(held.upper, 0.0),
            lower_open=held.lower_open and held.lower < 0.0,
            upper_open=held.upper_open and held.upper > 0.0,
        ),
        contains=lambda x: support.contains(x) | (x == 0.0),
        bijection=None,
        ends=(low, high),
    )


def _log_not(p: Array) -> Array:
    """Return log(1 - p)."""
    return log_to_edge(1.0 - p)


def _log_zero(d: Component) -> Array:
    """Return the log probability that a component has for 0; none if it is continuous."""
    return d.log_density_anywhere(0.0) if d.discrete else -math.inf


def _inflated_log_density(x: Array, p: Array, d: Component) -> Array:
    if d.discrete:
        plain = d.log_density(x) if _has_zero(d) else d.log_density_anywhere(x)
        ordinary = _log_not(p) + plain
        return np.where(x == 0.0, np.logaddexp(log_to_edge(p), ordinary), ordinary)
    return np.where(x == 0.0, log_to_edge(p), _log_not(p) + _off_zero(x, d))


def _off_zero(x: Array, d: Component) -> Array:
    """Return the log density; for a continuous component something finite at 0."""
    return d.log_density(x if d.discrete else np.where(x == 0.0, d.somewhere(), x))


def _inflated_sample(rng: Any, size: tuple[int, ...], p: Array, d: Component) -> Array:
    return np.where(rng.random(size) < p, 0.0, d.sample(rng, size))


ZeroInflated = Wrapper(
    name="ZeroInflated",
    summary="0 with the extra probability `p`, otherwise from `d`, which may give 0 as well.",
    parameters={"p": probability},
    order=("p", "d"),
    support=_with_zero,
    log_density=_inflated_log_density,
    sample=_inflated_sample,
    mean=lambda p, d: (1.0 - p) * d.mean(),
    variance=lambda p, d: (1.0 - p) * (d.variance() + p * np.square(d.mean())),
    cdf=lambda x, p, d: p * (x >= 0.0) + (1.0 - p) * d.cdf(x),
    states=lambda p, d: d.states(),
)


def _log_rest(p: Array, d: Component) -> Array:
    """Return the log of what the probabilities of other values than 0 are multiplied by."""
    if not d.discrete:
        return _log_not(p)
    return _log_not(p) - log_to_edge(-np.expm1(_log_zero(d)))


def _hurdle_log_density(x: Array, p: Array, d: Component) -> Array:
    return np.where(x == 0.0, log_to_edge(p), _log_rest(p, d) + _off_zero(x, d))


def _hurdle_sample(rng: Any, size: tuple[int, ...], p: Array, d: Component) -> Array:
    zero = rng.random(size) < p
    if not d.discrete:
        return np.where(zero, 0.0, d.sample(rng, size))
    whole, left = sample_where(rng, size, d, lambda x, places: x != 0.0)
    if left.any():
        whole = np.where(left, sample_between(rng, size, d, 1.0, math.inf), whole)
    return np.where(zero, 0.0, whole)


def _hurdle_cdf(x: Array, p: Array, d: Component) -> Array:
    zero = np.exp(_log_zero(d)) if d.discrete else 0.0
    others = d.cdf(x) - zero * (x >= 0.0)
    return p * (x >= 0.0) + (1.0 - p) * others / (1.0 - zero)


def _hurdle_mean(p: Array, d: Component) -> Array:
    return np.exp(_log_rest(p, d)) * d.mean()


Hurdle = Wrapper(
    name="Hurdle",
    summary="0 with probability `p`, otherwise from `d` without 0.",
    parameters={"p": probability},
    order=("p", "d"),
    support=_with_zero,
    log_density=_hurdle_log_density,
    sample=_hurdle_sample,
    mean=_hurdle_mean,
    variance=lambda p, d: (
        np.exp(_log_rest(p, d)) * (d.variance() + np.square(d.mean()))
        - np.square(_hurdle_mean(p, d))
    ),
    cdf=_hurdle_cdf,
    states=lambda p, d: d.states(),
)
