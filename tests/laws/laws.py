"""The laws of a distribution. Each takes a record and fails by an assertion.

None knows a name: what does not hold for a record stands there, with the reason.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import autograd
import numpy as np
from scipy.special import kolmogorov

from ppl.distributions.record import Distribution

from .cases import (
    SMALL,
    Parametrisation,
    arguments,
    difference,
    draws,
    inside,
    member,
    parametrisations,
    support,
    total,
)
from .evaluation import evaluated
from .integration import weighted

Law = Callable[[Distribution], None]


def generator(d: Distribution, salt: int = 0) -> Any:
    return np.random.default_rng([zlib.crc32(d.name.encode()), salt])


def close(a: Any, b: Any, tolerance: float, what: str) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)


def first(d: Distribution) -> Parametrisation:
    return replace(next(parametrisations(d)), sizes=SMALL)


def density_is_scipys(d: Distribution) -> None:
    """The log density is that of SciPy, and the other parametrisations agree with the first."""
    if not d.normalised:
        return
    for salt, p in enumerate(parametrisations(d)):
        rng = generator(d, salt)
        for _ in range(3):
            given = arguments(rng, p)
            x = draws(rng, p, given, (6,))
            found = np.broadcast_to(p.density(x, given), (6,))
            standard = p.standard(given)
            close(found, np.broadcast_to(first(d).density(x, standard), (6,)), 1e-9, "parameters")
            if d.reference:
                law = d.reference(*standard)
                log_density = getattr(law, "logpmf" if d.discrete else "logpdf", None)
                close(found, [log_density(one) for one in x], 1e-8, "log density")


def batches_are_independent(d: Distribution) -> None:
    """A batch of arguments and values gives what each gives alone."""
    if not d.normalised:
        return
    for salt, p in enumerate(parametrisations(d)):
        rng = generator(d, salt)
        given = arguments(rng, p, (4,))
        x = draws(rng, p, given, (4,))
        together = np.broadcast_to(p.density(x, given), (4,))
        alone = [p.density(x[k], [g[k] for g in given]) for k in range(4)]
        close(together, alone, 1e-10, "batch")


def total_mass_is_one(d: Distribution) -> None:
    """Densities integrate, masses sum, to one."""
    if not d.normalised:
        return
    rng = generator(d)
    checked = 0
    for centre in (0.3, 0.3, 1.8, 2.4):
        points = weighted(first(d), arguments(rng, first(d), centre=centre))
        mass, settled = points.expectation(np.ones(len(points.x)))
        if settled:
            close(mass, 1.0, max(2e-4, 3.0 * points.error), "total mass")
            checked += 1
    assert checked, "no case could be integrated"


def moments_are_expectations(d: Distribution) -> None:
    """Mean, variance and entropy are what integration of the density gives."""
    if not d.normalised:
        return
    p, rng = first(d), generator(d)
    checked: set[str] = set()
    wanted = {n for n in ("mean", "variance", "entropy") if getattr(d, n) is not None}
    for centre in (0.3, 0.3, 1.8, 2.4, 3.2):
        if centre > 3.0 and checked == wanted:
            break
        given = arguments(rng, p, centre=centre)
        points = weighted(p, given)
        mean, has_mean = points.expectation(points.x)
        with np.errstate(over="ignore"):
            away = np.square(points.x - mean)
        second, has_variance = points.expectation(away)
        entropy, has_entropy = points.expectation(-points.log_density)
        for name, closed, value, exists in (
            ("mean", d.mean, mean, has_mean),
            ("variance", d.variance, second, has_variance),
            ("entropy", d.entropy, entropy, has_entropy),
        ):
            if closed is not None and exists:
                close(
                    evaluated(closed, given, p.events), value, max(1e-3, 5.0 * points.error), name
                )
                checked.add(name)
    assert checked == wanted, f"not checked: {wanted - checked}"


def gradients_are_slopes(d: Distribution) -> None:
    """The log density's gradient in the value and each argument is that of differences."""
    if not d.normalised:
        return
    for salt, p in enumerate(parametrisations(d)):
        rng = generator(d, salt)
        given = arguments(rng, p)
        x = draws(rng, p, given, (3,))
        sets = [
            p.relations[name](*given) if name in p.relations else constraint
            for k, (name, constraint) in enumerate(p.parameters.items())
        ]
        moving = [k for k, c in enumerate(sets) if c.bijection is not None]
        value_set = support(d, p.standard(given))
        free = [np.asarray(sets[k].bijection.inverse(given[k])) for k in moving]
        if value_set.bijection is not None:
            free.append(np.asarray(value_set.bijection.inverse(x)))

        def value(
            free: Any,
            p: Any = p,
            given: Any = given,
            x: Any = x,
            moving: Any = moving,
            sets: Any = sets,
            value_set: Any = value_set,
        ) -> Any:
            now = list(given)
            for k, u in zip(moving, free, strict=False):
                now[k] = sets[k].bijection.forward(u)
            if value_set.bijection is not None:
                x = value_set.bijection.forward(free[-1])
            return total(p.density(x, now))

        if not free:
            continue
        gradient = autograd.grad(lambda *u, value=value: value(u), tuple(range(len(free))))(*free)
        for k in range(len(free)):
            direction = [np.zeros_like(u) for u in free]
            direction[k] = rng.normal(size=free[k].shape)
            slope = difference(value, free, direction)
            close(np.sum(gradient[k] * direction[k]), slope, 2e-6, f"gradient {k}")


def edges_have_limits(d: Distribution) -> None:
    """At the closed ends of arguments, the density and its gradients are not NaN."""
    for salt, p in enumerate(parametrisations(d)):
        rng = generator(d, salt)
        for k, constraint in enumerate(p.parameters.values()):
            ends = _closed_ends(constraint)
            for end in ends:
                given = arguments(rng, p)
                given[k] = np.full_like(given[k], end)
                x = draws(rng, p, given, (5,))
                with np.errstate(all="ignore"):
                    assert np.all(np.isfinite(p.density(x, given))), "density at an end"
                    gradient = autograd.grad(
                        lambda a, p=p, given=given, k=k, x=x: total(
                            p.density(x, [*given[:k], a, *given[k + 1 :]])
                        )
                    )(given[k])
                assert not np.any(np.isnan(gradient)), "gradient at an end"


def _closed_ends(constraint: Any) -> list[float]:
    if constraint.event_ndim or constraint.range.integer:
        return []
    r = constraint.range
    ends = [] if r.lower_open else [r.lower]
    ends += [] if r.upper_open else [r.upper]
    return [e for e in ends if np.isfinite(e)]


def samples_follow_the_density(d: Distribution) -> None:
    """Draws lie in the support and have the distribution that integration gives."""
    if not d.normalised:
        return
    p, rng = first(d), generator(d, 7)
    for centre in (0.3, 1.8 if p.event else 0.3):
        given = arguments(rng, p, centre=centre)
        x = draws(rng, p, given, (4000,))
        assert np.all(inside(support(d, p.standard(given)), x, len(p.event))), "support"
        points = weighted(p, given)
        if p.event:
            _compare_expectations(points, p, given, x)
        elif d.discrete:
            _compare_counts(points, x)
        else:
            _compare_distributions(points, x)


def _compare_expectations(points: Any, p: Parametrisation, given: Any, x: Any) -> None:
    with np.errstate(all="ignore"):
        log_density = p.density(x, given)
    low, centre, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    width = np.maximum(high - low, 1e-6)
    for name, at_points, at_draws in (
        ("place", np.tanh((points.x - centre) / width), np.tanh((x - centre) / width)),
        ("x", points.x, x),
        ("square", np.square(points.x), np.square(x)),
        ("log density", points.log_density, log_density),
    ):
        expected, exists = points.expectation(at_points)
        if exists:
            noise = at_draws.std(0) / np.sqrt(len(x)) + 1e-9
            error = np.hypot(noise, points.error * np.abs(expected))
            scores = np.abs(at_draws.mean(0) - expected) / error
            assert np.max(scores) < 5.5, f"expectation of {name} is off by {np.max(scores):.1f} se"


def _compare_counts(points: Any, x: Any) -> None:
    expected = points.mass * len(x)
    common = expected > 8
    counts = np.array([np.sum(x == v) for v in points.x[common]])
    rest = len(x) - counts.sum(), max(len(x) - expected[common].sum(), 1.0)
    statistic = np.sum(np.square(counts - expected[common]) / expected[common])
    statistic += (rest[0] - rest[1]) ** 2 / rest[1]
    freedom = common.sum()
    assert statistic < freedom + 6.0 * np.sqrt(2.0 * freedom) + 8.0, f"chi square {statistic:.1f}"


def _compare_distributions(points: Any, x: Any) -> None:
    order = np.argsort(points.x, kind="stable")
    mass = points.mass[order]
    running = np.cumsum(mass) - 0.5 * mass
    at_draws = np.interp(np.sort(x), points.x[order], running)
    steps = np.arange(len(x) + 1) / len(x)
    distance = max(np.max(steps[1:] - at_draws), np.max(at_draws - steps[:-1]))
    p_value = kolmogorov(distance * np.sqrt(len(x)))
    assert p_value > 1e-5, f"Kolmogorov-Smirnov p = {p_value:.1g}"


def cdf_is_the_integral(d: Distribution) -> None:
    """The distribution function's slope is the density, its steps are the masses."""
    if d.cdf is None:
        return
    p, rng = first(d), generator(d, 3)
    for _ in range(3):
        given = arguments(rng, p)
        x = draws(rng, p, given, (8,))

        def cdf(at: Any, given: Any = given) -> Any:
            return evaluated(d.cdf, [at, *given], [0, *p.events])

        density = np.exp(np.broadcast_to(p.density(x, given), (8,)))
        if d.discrete:
            close(cdf(x) - cdf(x - 1.0), density, 1e-9, "steps of the cdf")
            close(cdf(x + 0.3), cdf(x), 1e-12, "cdf between integers")
        else:
            r = support(d, p.standard(given)).range
            room = np.minimum(np.minimum(x - r.lower, r.upper - x), np.minimum(1.0, np.abs(x)))
            step = 1e-3 * room
            slope = [
                difference(lambda at: cdf(at[0]), [v], [h], 1.0) / h
                for v, h in zip(x, 0.1 * step, strict=True)
            ]
            close(slope, density, 2e-5 * (1 + np.max(density)), "slope of the cdf")
        points = weighted(p, given)
        below = np.array([np.sum(points.mass[points.x <= v + 1e-9]) for v in x])
        close(cdf(x), below, 6e-3, "cdf")


def tails_keep_their_digits(d: Distribution) -> None:
    """The logarithms of the cdf and of its complement fit it, and SciPy's far from the centre."""
    p, rng = first(d), generator(d, 5)
    for function, name in ((d.log_cdf, "logcdf"), (d.log_ccdf, "logsf")):
        if function is None or d.cdf is None:
            continue
        for _ in range(3):
            given = arguments(rng, p)
            x = draws(rng, p, given, (20,))
            with np.errstate(all="ignore"):
                below = evaluated(d.cdf, [x, *given], [0, *p.events])
                found = np.exp(evaluated(function, [x, *given], [0, *p.events]))
            sound = (below > 1e-6) & (below < 1 - 1e-6)
            expected = below if name == "logcdf" else 1.0 - below
            close(found[sound], expected[sound], 1e-9, name)
            if d.reference:
                law = d.reference(*p.standard(given))
                with np.errstate(all="ignore"):
                    far = law.isf(1e-30) if name == "logsf" else law.ppf(1e-30)
                    tail = getattr(law, name)(far)
                if np.isfinite(far) and np.isfinite(tail) and tail < -30.0:
                    found = evaluated(function, [far, *given], [0, *p.events])
                    close(found, tail, 1e-6, f"far {name}")


def support_holds_its_points(d: Distribution) -> None:
    """The support contains draws of a batch, and is a set of the right kind."""
    p, rng = first(d), generator(d)
    constraint = support(d, p.standard(arguments(rng, p)))
    assert constraint.event_ndim in (0, len(p.event))
    assert d.discrete == (constraint.bijection is None)


def location_and_scale_move(d: Distribution) -> None:
    """x = location + scale z has the density of z, divided by the scale."""
    if d.location_scale is None:
        return
    p, rng = first(d), generator(d)
    given = arguments(rng, p)
    x = draws(rng, p, given, (5,))
    names = list(p.parameters)
    location, scale = d.location_scale
    standard = list(given)
    standard[names.index(scale)] = np.asarray(1.0)
    shift = 0.0
    if location is not None:
        shift = given[names.index(location)]
        standard[names.index(location)] = np.asarray(0.0)
    sigma = given[names.index(scale)]
    z = (x - shift) / sigma
    close(p.density(x, given), p.density(z, standard) - np.log(sigma), 1e-9, "location and scale")


def states_cover_the_support(d: Distribution) -> None:
    """Values outside the support but among the states have no mass."""
    if d.states is None:
        return
    p, rng = first(d), generator(d)
    given = [np.abs(g) for g in arguments(rng, p)]
    for name, narrower in p.relations.items():
        k = list(p.parameters).index(name)
        given[k] = member(rng, narrower(*given), given[k].shape)
    count = d.states(*given)
    if count is None:
        return
    with np.errstate(all="ignore"):
        mass = np.exp(np.broadcast_to(p.density(np.arange(float(count)), given), (count,)))
    close(mass.sum(), 1.0, 1e-9, "mass of the states")


def normals_become_draws(d: Distribution) -> None:
    """Where normals are placed, their density is that of the draw times the change of volume."""
    for salt, p in enumerate(parametrisations(d)):
        if p.place is None:
            continue
        rng = generator(d, salt)
        given = arguments(rng, p)
        z = rng.standard_normal(p.sizes["n"])

        def placed(z: Any, p: Any = p, given: Any = given) -> Any:
            return np.asarray(p.place(z, *given))

        slopes = [difference(lambda at: placed(at[0]), [z], [e]) for e in np.eye(len(z))]
        _, log_volume = np.linalg.slogdet(np.stack(slopes))
        normal = -0.5 * np.sum(z**2) - 0.5 * len(z) * np.log(2 * np.pi)
        close(p.density(placed(z)[None], given) + log_volume, normal, 1e-6, "place")


LAWS: tuple[Law, ...] = (
    density_is_scipys,
    samples_follow_the_density,
    batches_are_independent,
    total_mass_is_one,
    moments_are_expectations,
    gradients_are_slopes,
    edges_have_limits,
    cdf_is_the_integral,
    tails_keep_their_digits,
    support_holds_its_points,
    location_and_scale_move,
    normals_become_draws,
    states_cover_the_support,
)
