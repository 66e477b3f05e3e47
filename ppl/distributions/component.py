"""A component of a distribution that is built from others: a record with arguments.

Its functions are defined everywhere: outside of the support the density is 0, and the
distribution function 0 or 1. None of them has a NaN gradient there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.constraints import Array, Constraint
from ppl.distributions.record import Distribution
from ppl.primitives.special import log1m_exp, log_to_edge

LOG_HALF = math.log(0.5)


@dataclass(frozen=True, slots=True)
class Part:
    """A record in one of its parametrisations."""

    record: Distribution
    alternative: int | None = None

    @property
    def parameters(self) -> Mapping[str, Constraint]:
        """The parametrisation's parameters."""
        if self.alternative is None:
            return self.record.parameters
        return self.record.alternatives[self.alternative].parameters

    @property
    def relations(self) -> Mapping[str, Callable[..., Constraint]]:
        """Narrower sets of the first parametrisation's parameters."""
        return self.record.relations if self.alternative is None else {}

    @property
    def letters(self) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
        """The event axes of each parameter, and of the value."""
        text = self.record.signature
        if self.alternative is not None:
            other = self.record.alternatives[self.alternative].signature
            text = text if other is None else other
        if not text:
            return [()] * len(self.parameters), ()
        left, _, right = text.replace(" ", "").partition("->")
        groups = left.replace("),(", ")|(").split("|")
        return [_letters(g) for g in groups], _letters(right)

    @property
    def event_ndim(self) -> int:
        """The number of axes of one value."""
        return len(self.letters[1])


def _letters(group: str) -> tuple[str, ...]:
    return tuple(x for x in group.strip("()").split(",") if x)


@dataclass(frozen=True, slots=True)
class Component:
    """A distribution with its arguments: arrays, or what stands for them while tracing."""

    part: Part
    arguments: tuple[Array, ...]

    @property
    def record(self) -> Distribution:
        """The record."""
        return self.part.record

    @property
    def discrete(self) -> bool:
        """Whether its values are integers."""
        return self.record.discrete

    @property
    def standard(self) -> tuple[Array, ...]:
        """The arguments of the record's first parametrisation."""
        if self.part.alternative is None:
            return self.arguments
        return self.record.alternatives[self.part.alternative].convert(*self.arguments)

    @property
    def support(self) -> Constraint:
        """The set of its values."""
        support = self.record.support
        return support if isinstance(support, Constraint) else support(*self.standard)

    def mean(self) -> Array:
        """Return its mean; the record has one."""
        assert self.record.mean is not None
        return self.record.mean(*self.standard)

    def variance(self) -> Array:
        """Return its variance; the record has one."""
        assert self.record.variance is not None
        return self.record.variance(*self.standard)

    def states(self) -> Any:
        """Return the number of its values, counted from 0, None where it is not known."""
        return None if self.record.states is None else self.record.states(*self.standard)

    def sample(self, rng: Any, size: tuple[int, ...]) -> Array:
        """Draw an array of that shape, event axes included."""
        return self.record.sample(rng, size, *self.standard)

    # ---------------------------------------------------------------------------- densities

    def log_density(self, x: Array) -> Array:
        """Return the log density at values inside the support."""
        if self.part.alternative is not None:
            other = self.record.alternatives[self.part.alternative]
            if other.log_density is not None:
                return other.log_density(x, *self.arguments)
        return self.record.log_density(x, *self.standard)

    def log_density_anywhere(self, x: Array) -> Array:
        """Return the log density, -inf outside the support."""
        support = self.support
        inside = support.contains(x)
        if self.part.event_ndim:
            return np.where(inside, self.log_density(x), -math.inf)
        return np.where(inside, self.log_density(np.where(inside, x, self.somewhere())), -math.inf)

    def somewhere(self) -> Array:
        """Return a number inside the support."""
        support = self.support
        if support.bijection is not None:
            return support.bijection.forward(0.0)
        low, high = support.ends
        return high if _is_infinite(low) and not _is_infinite(high) else _finite(low)

    # --------------------------------------------------------------- distribution functions

    def log_cdf(self, x: Array) -> Array:
        """Return log P(X <= x)."""
        inside, above, safe = self._place(x)
        known = self.record.log_cdf
        value = log_to_edge(self._cdf(safe)) if known is None else known(safe, *self.standard)
        return np.where(inside, value, np.where(above, 0.0, -math.inf))

    def log_ccdf(self, x: Array) -> Array:
        """Return log P(X > x)."""
        inside, above, safe = self._place(x)
        known = self.record.log_ccdf
        if known is not None:
            value = known(safe, *self.standard)
        else:
            value = log_to_edge(1.0 - self._cdf(safe))
        return np.where(inside, value, np.where(above, -math.inf, 0.0))

    def cdf(self, x: Array) -> Array:
        """Return P(X <= x)."""
        inside, above, safe = self._place(x)
        return np.where(inside, self._cdf(safe), np.where(above, 1.0, 0.0))

    def ccdf(self, x: Array) -> Array:
        """Return P(X > x)."""
        if self.record.log_ccdf is not None:
            return np.exp(self.log_ccdf(x))
        return 1.0 - self.cdf(x)

    def log_below(self, x: Array) -> Array:
        """Return log P(X < x)."""
        return self.log_cdf(self._before(x))

    def log_at_least(self, x: Array) -> Array:
        """Return log P(X >= x)."""
        return self.log_ccdf(self._before(x))

    def log_probability(self, lower: Array, upper: Array) -> Array:
        """Return log P(lower <= X <= upper), by the tail in which both bounds lie."""
        start = self._before(lower)
        left, right = self.log_cdf(start), self.log_ccdf(upper)
        in_right_tail = left > LOG_HALF
        more: Array = np.where(in_right_tail, self.log_ccdf(start), self.log_cdf(upper))
        less: Array = np.where(in_right_tail, right, left)
        gap = less - np.where(more > -math.inf, more, 0.0)
        proper = gap < 0.0
        between = more + log1m_exp(np.where(proper, gap, -1.0))
        return np.where(
            lower == -math.inf,
            self.log_cdf(upper),
            np.where(
                upper == math.inf,
                self.log_ccdf(start),
                np.where(proper, between, -math.inf),
            ),
        )

    def _before(self, x: Array) -> Array:
        """Return the greatest value that is less than x, as far as probabilities can tell."""
        return np.ceil(x) - 1.0 if self.discrete else x

    def _cdf(self, x: Array) -> Array:
        assert self.record.cdf is not None
        return self.record.cdf(x, *self.standard)

    def _place(self, x: Array) -> tuple[Array, Array, Array]:
        """Return whether x is inside the support, whether above, and x or a number inside."""
        low, high = self.support.ends
        below = x < low if self.discrete else x <= low
        above = x >= high
        outside = np.logical_or(below, above)
        inside = np.logical_and(np.isfinite(x), np.logical_not(outside))
        return inside, above, np.where(inside, x, self.somewhere())


def _is_infinite(end: Array) -> bool:
    return isinstance(end, float) and math.isinf(end)


def _finite(end: Array) -> Array:
    return 0.0 if _is_infinite(end) else end
