"""Distributions built from others: a wrapper makes one record out of those of its components.

What comes out is a distribution like any other, whose parameters are the wrapper's own followed by
those of each component; so the graph and the compiler need not know that it was built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ppl.constraints import Array, Constraint, greater_than, interval, real
from ppl.distributions.component import Component, Part
from ppl.distributions.record import DISTRIBUTIONS, Distribution

WRAPPERS: dict[str, Wrapper] = {}


@dataclass(frozen=True, slots=True)
class Law:
    """Which distribution: its name, its parametrisation, and the laws that it is built from."""

    name: str
    alternative: int | None = None
    components: tuple[Law, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """A way to build a distribution from others.

    Functions take the wrapper's own arguments, in the order of `parameters`, then its components:
    `Component` objects, which know their own arguments.

    Attributes
    ----------
    name, summary
        As in the reference.
    parameters
        Its own parameters: name → the set its values must lie in.
    order
        How it is called: names of parameters and of components (``("d", "a", "b")``).
    several
        Whether the last component stands for two or more.
    letters
        Event axes of its own parameters, those that are not numbers.
    result
        Event axes of its values, if it makes vectors of numbers; else they are its components'.
    defaults
        Values of its own parameters that may be left out.
    bounds
        Names of its own parameters that are lower and upper bounds.
    needs_cdf
        Whether its density needs the distribution functions of its components.
    log_density, support, cdf, mean, variance, states
        As for `Distribution`. What a component lacks, the result lacks too.
    sample
        ``sample(rng, size, *own, *components)``.
    normalised, missing
        As for `Distribution`.
    """

    name: str
    summary: str
    parameters: Mapping[str, Constraint]
    order: tuple[str, ...]
    several: bool = False
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    result: tuple[str, ...] = ()
    defaults: Mapping[str, float] = field(default_factory=dict)
    bounds: tuple[str, str] | None = None
    needs_cdf: bool = False
    log_density: Callable[..., Array]
    support: Callable[..., Constraint]
    sample: Callable[..., Array]
    cdf: Callable[..., Array] | None = None
    log_cdf: Callable[..., Array] | None = None
    log_ccdf: Callable[..., Array] | None = None
    mean: Callable[..., Array] | None = None
    variance: Callable[..., Array] | None = None
    states: Callable[..., Any] | None = None
    normalised: bool = True
    missing: str = ""

    def __post_init__(self) -> None:
        if self.name in WRAPPERS or self.name in DISTRIBUTIONS:
            raise ValueError(f"two distributions are called {self.name!r}")
        WRAPPERS[self.name] = self

    @property
    def signature_text(self) -> str:
        """How it is called: ``Mixture(w, d1, d2, ...)``."""
        names = list(self.order)
        if self.several:
            names[-1:] = [f"{names[-1]}1", f"{names[-1]}2", "..."]
        return f"{self.name}({', '.join(names)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built(Distribution):
    """A distribution that a wrapper made; it stands in no table."""

    def __post_init__(self) -> None:
        """Join no table."""


@cache
def record_of(law: Law) -> Distribution:
    """Return the record of a law: from the table, or built."""
    if law.name in DISTRIBUTIONS:
        return DISTRIBUTIONS[law.name]
    if law.name not in WRAPPERS:
        from ppl.distributions.known import PARTLY_KNOWN

        return PARTLY_KNOWN[law.name]
    parts = [Part(record_of(c), c.alternative) for c in law.components]
    return compose(WRAPPERS[law.name], parts)


def distributions() -> list[str]:
    """Return the names of all distributions, built ones included, in order."""
    return sorted((*DISTRIBUTIONS, *WRAPPERS))


def compose(wrapper: Wrapper, parts: Sequence[Part]) -> Distribution:
    """Build the record of a wrapper around components.

    With no components, the record stands for the wrapper's own arguments alone.
    """

    def given(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """Return a function of all arguments: each component gets its own."""
        return None if function is None else lambda *a: function(*_split(wrapper, parts, a))

    def of_value(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        return None if function is None else lambda x, *a: function(x, *_split(wrapper, parts, a))

    def where_all(function: Any, name: str) -> Any:
        return function if all(getattr(p.record, name) is not None for p in parts) else None

    log_density = of_value(wrapper.log_density)
    support = given(wrapper.support) if parts else _own_support(wrapper)
    assert log_density is not None
    assert support is not None
    return Built(
        name=wrapper.name,
        summary=wrapper.summary,
        parameters=_parameters(wrapper, parts),
        relations=_relations(wrapper, parts),
        support=support,
        log_density=log_density,
        sample=lambda rng, size, *a: wrapper.sample(rng, size, *_split(wrapper, parts, a)),
        signature=_signature(wrapper, parts),
        discrete=any(p.record.discrete for p in parts),
        states=given(wrapper.states) if any(p.record.discrete for p in parts) else None,
        mean=given(where_all(wrapper.mean, "mean")),
        variance=given(where_all(where_all(wrapper.variance, "variance"), "mean")),
        cdf=of_value(where_all(wrapper.cdf, "cdf")),
        log_cdf=of_value(where_all(wrapper.log_cdf, "cdf")),
        log_ccdf=of_value(where_all(wrapper.log_ccdf, "cdf")),
        normalised=wrapper.normalised and all(p.record.normalised for p in parts),
        missing=next((m for m in (wrapper.missing, *(p.record.missing for p in parts)) if m), ""),
    )


def _own_support(wrapper: Wrapper) -> Constraint | Callable[..., Constraint]:
    """Return what is known of the values when the components are not."""
    if wrapper.bounds is None:
        return real
    places = [list(wrapper.parameters).index(name) for name in wrapper.bounds]
    return lambda *own: interval(own[places[0]], own[places[1]], "both")


def _split(wrapper: Wrapper, parts: Sequence[Part], arguments: Sequence[Any]) -> list[Any]:
    """Return the wrapper's own arguments, then each component with its arguments."""
    start = len(wrapper.parameters)
    found: list[Any] = list(arguments[:start])
    for part in parts:
        stop = start + len(part.parameters)
        found.append(Component(part, tuple(arguments[start:stop])))
        start = stop
    return found


def _parameters(wrapper: Wrapper, parts: Sequence[Part]) -> dict[str, Constraint]:
    found = dict(wrapper.parameters)
    for k, part in enumerate(parts, 1):
        found |= {f"d{k}.{name}": needs for name, needs in part.parameters.items()}
    return found


def _relations(wrapper: Wrapper, parts: Sequence[Part]) -> dict[str, Callable[..., Constraint]]:
    found: dict[str, Callable[..., Constraint]] = {}
    if wrapper.bounds is not None:
        names = list(wrapper.parameters)
        lower, upper = wrapper.bounds
        found[upper] = lambda *arguments: greater_than(arguments[names.index(lower)])
    start = len(wrapper.parameters)
    for k, part in enumerate(parts, 1):
        stop = start + len(part.parameters)
        for name, narrower in part.relations.items():
            found[f"d{k}.{name}"] = _of_slice(narrower, start, stop)
        start = stop
    return found


def _of_slice(function: Callable[..., Any], start: int, stop: int) -> Callable[..., Any]:
    return lambda *arguments: function(*arguments[start:stop])


def _signature(wrapper: Wrapper, parts: Sequence[Part]) -> str:
    """Return the signature: components share their values' axes, and no others."""
    groups = [wrapper.letters.get(name, ()) for name in wrapper.parameters]
    result = wrapper.result
    for k, part in enumerate(parts, 1):
        letters, own = part.letters
        names = {letter: f"v{place}" for place, letter in enumerate(own)}
        groups.extend(tuple(names.get(x, f"{x}{k}") for x in group) for group in letters)
        result = result or tuple(names.values())
    if not any(groups) and not result:
        return ""
    return ",".join(f"({','.join(g)})" for g in groups) + f"->({','.join(result)})"
