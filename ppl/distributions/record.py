"""What a distribution is: one record, which joins the table by being built.

Checker, compiler, documentation and the laws of the tests all read the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ppl.constraints import Array, Constraint

DISTRIBUTIONS: dict[str, Distribution] = {}

Generator = Any
"""A `numpy.random.Generator`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another parametrisation, chosen by keywords.

    Attributes
    ----------
    parameters
        All of its parameters in call order: those shared with the first parametrisation may be
        given by position, the others need their keyword.
    convert
        From these to the first parametrisation's, as a NumPy expression (traced).
    log_density
        A better expression than the converted one, where there is one (``logit=``, ``log=``).
    signature
        If it differs from the distribution's.
    place
        As the distribution's, with these parameters.
    """

    parameters: Mapping[str, Constraint]
    convert: Callable[..., tuple[Array, ...]]
    log_density: Callable[..., Array] | None = None
    signature: str | None = None
    place: Callable[..., Array] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution over numbers, vectors or matrices.

    Attributes
    ----------
    name, summary
        As in the reference.
    parameters
        Name → the set its values must lie in, in call order.
    relations
        Parameter → a function of all parameters, in call order, that returns the narrower set it
        must lie in: ``{"b": lambda a, b: greater_than(a)}``.
    support
        The set of its values, or a function of the parameters that returns it.
    log_density
        ``log_density(x, *parameters)`` as a NumPy expression of atoms; it is traced, and works on
        arrays too. At the edge of the support it takes its limit (0·log 0 = 0). Outside the
        support it may be anything: membership is checked elsewhere.
    sample
        ``sample(rng, size, *parameters)``: size is the whole shape of the result.
    signature
        Gufunc form, parameters → value: ``(n),(n,n)->(n)``; empty if all are numbers.
    alternatives
        Other parametrisations.
    defaults
        Values of trailing parameters that may be left out.
    discrete
        Whether values are integers (then `log_density` is a log mass).
    location_scale
        Names of its location and scale (``("mu", "sigma")``), if x = location + scale · z with the
        law of z free of both; location None where there is only a scale.
    place
        For vectors: ``place(z, *parameters)`` is a draw where z are independent standard normals.
    states
        For discrete laws of few values: ``states(*parameters)`` is the number of values, counted
        from 0, from parameters that are data; None where it has no bound. For a Categorical it is
        the size of p.
    mean, variance, cdf, entropy
        Closed forms, where they exist; NumPy expressions of atoms.
    log_cdf, log_ccdf
        Logarithms of the distribution function and of its complement, where they keep digits in
        the tail that the logarithm of `cdf`, or of 1 - `cdf`, loses.
    normalised
        False for improper laws (`Flat`).
    reads_itself
        Whether its arguments may read the variable that it is the distribution of (`Density`).
    kernel
        Name of a covariance that calls give by a kernel and the positions of the values: they write
        ``(mu, exp_quad(1, 2), x)`` for ``(mu, exp_quad(x, 1, 2))``.
    missing
        Empty, or what to do about a missing value that must not just be left out.
    fault
        ``fault(shape, *arguments)``: what is wrong with arguments that are data (None where they
        are not), to follow the first one's name; None if nothing. `shape` is that of a value.
    example
        For the laws of the tests, where members of the sets do not fit together:
        ``example(rng, batch, sizes, spread)`` returns arguments.
    reference
        The SciPy law with these parameters, for the laws of the tests; imported only when called.
    exceptions
        Law of the tests → why it does not hold here.
    """

    name: str
    summary: str
    parameters: Mapping[str, Constraint]
    support: Constraint | Callable[..., Constraint]
    log_density: Callable[..., Array]
    sample: Callable[..., Array]
    relations: Mapping[str, Callable[..., Constraint]] = field(default_factory=dict)
    signature: str = ""
    alternatives: tuple[Alternative, ...] = ()
    defaults: Mapping[str, float] = field(default_factory=dict)
    discrete: bool = False
    location_scale: tuple[str | None, str] | None = None
    place: Callable[..., Array] | None = None
    states: Callable[..., Any] | None = None
    mean: Callable[..., Array] | None = None
    variance: Callable[..., Array] | None = None
    cdf: Callable[..., Array] | None = None
    log_cdf: Callable[..., Array] | None = None
    log_ccdf: Callable[..., Array] | None = None
    entropy: Callable[..., Array] | None = None
    normalised: bool = True
    reads_itself: bool = False
    kernel: str = ""
    missing: str = ""
    fault: Callable[..., str | None] | None = None
    example: Callable[..., Any] | None = None
    reference: Callable[..., Any] | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name in DISTRIBUTIONS:
            raise ValueError(f"two distributions are called {self.name!r}")
        DISTRIBUTIONS[self.name] = self
