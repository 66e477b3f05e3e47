"""Points at which the laws hold the tables to account: random members of the declared sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.constraints import Constraint
from ppl.distributions.record import Alternative, Distribution

from .evaluation import evaluated, groups


class Sizes(dict[str, int]):
    """Sizes by letter; a component's letters have its number behind them."""

    def __missing__(self, letter: str) -> int:
        return self[letter.rstrip("0123456789")]


SIZES = Sizes(n=3, m=2, p=2, k=2, v=2, t=3, e=2)
SMALL = Sizes(n=3, m=2, p=1, k=2, v=2, t=3, e=2)
"""For integration, which costs much for many numbers."""


@dataclass(frozen=True)
class Parametrisation:
    """One way to call a distribution."""

    distribution: Distribution
    parameters: dict[str, Constraint]
    log_density: Callable[..., Any]
    convert: Callable[..., tuple[Any, ...]]
    signature: str
    relations: Any
    place: Callable[..., Any] | None = None
    sizes: Any = field(default_factory=lambda: SIZES)

    @property
    def letters(self) -> list[tuple[str, ...]]:
        return groups(self.signature, len(self.parameters))[0]

    @property
    def event(self) -> tuple[str, ...]:
        return groups(self.distribution.signature, 0)[1]

    @property
    def events(self) -> list[int]:
        return [len(g) for g in self.letters]

    def standard(self, arguments: Any) -> list[Any]:
        """Return the arguments of the first parametrisation."""
        return [
            evaluated(lambda *a, k=k: self.convert(*a)[k], arguments, self.events)
            for k in range(len(self.distribution.parameters))
        ]

    def density(self, x: Any, arguments: Any) -> Any:
        return evaluated(self.log_density, [x, *arguments], [len(self.event), *self.events])


def parametrisations(d: Distribution) -> Iterator[Parametrisation]:
    yield Parametrisation(
        d, dict(d.parameters), d.log_density, lambda *a: a, d.signature, d.relations, d.place
    )
    for other in d.alternatives:
        yield Parametrisation(
            d,
            dict(other.parameters),
            other.log_density or _converted(d, other),
            other.convert,
            d.signature if other.signature is None else other.signature,
            {},
            other.place,
        )


def _converted(d: Distribution, other: Alternative) -> Callable[..., Any]:
    return lambda x, *arguments: d.log_density(x, *other.convert(*arguments))


def free_shape(constraint: Constraint, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the free numbers behind values of a shape."""
    split = len(shape) - constraint.event_ndim
    return (*shape[:split], *constraint.bijection.event_sizes(shape[split:]))


def member(rng: Any, constraint: Constraint, shape: tuple[int, ...], centre: float = 0.3) -> Any:
    """Return random members of a set: one per batch, neither extreme nor special."""
    if constraint.bijection is not None:
        u = rng.normal(centre, 0.6, free_shape(constraint, shape))
        return np.asarray(constraint.bijection.forward(u))
    lower = constraint.range.lower if np.isfinite(constraint.range.lower) else -2.0
    upper = min(constraint.range.upper, lower + 12.0)
    found = np.full(shape, np.nan)
    while not np.all(inside := np.asarray(constraint.contains(found))):
        found = np.where(inside, found, rng.integers(int(lower) + 1, int(upper) + 1, shape))
    return found


def arguments(
    rng: Any, p: Parametrisation, batch: tuple[int, ...] = (), centre: float = 0.3
) -> list[Any]:
    """Return random arguments, each in its set and, given the others, in the narrower one.

    Positive ones are about ``exp(centre)``.
    """
    if p.distribution.example is not None:
        return list(p.distribution.example(rng, batch, p.sizes, centre))
    found = [
        member(rng, constraint, (*batch, *(p.sizes[n] for n in letters)), centre)
        for constraint, letters in zip(p.parameters.values(), p.letters, strict=True)
    ]
    for name, narrower in p.relations.items():
        k = list(p.parameters).index(name)
        found[k] = member(rng, narrower(*found), found[k].shape, centre)
    return found


def support(d: Distribution, standard: Any) -> Constraint:
    return d.support if isinstance(d.support, Constraint) else d.support(*standard)


def draws(rng: Any, p: Parametrisation, given: Any, batch: tuple[int, ...]) -> Any:
    shape = (*batch, *(p.sizes[n] for n in p.event))
    return np.asarray(p.distribution.sample(rng, shape, *p.standard(given)), dtype=float)


def difference(function: Any, point: Any, direction: Any, step: float = 1e-4) -> Any:
    """Return the derivative along a direction by differences of five points."""

    def at(k: float) -> Any:
        return function([x + k * step * v for x, v in zip(point, direction, strict=True)])

    return (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)


def total(value: Any) -> Any:
    return anp.sum(value)


def log_volume(constraint: Constraint, u: Any, x: Any, event: int) -> Any:
    """Return the log-Jacobian over all event axes: a set of numbers is a box of vectors."""
    each = constraint.bijection.log_jacobian(u, x)
    return np.sum(each, axis=tuple(range(-(event - constraint.event_ndim), 0)))


def inside(constraint: Constraint, x: Any, event: int) -> Any:
    """Return whether the set holds each event."""
    each = np.asarray(constraint.contains(x))
    return np.all(each, axis=tuple(range(-(event - constraint.event_ndim), 0)))
