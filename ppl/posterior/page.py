"""The report page of a fit: which plots, which checks, how to reproduce it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.posterior.facts import Named
from ppl.posterior.loo import loo
from ppl.posterior.save import digest
from ppl.report import plots
from ppl.report.diagram import diagram
from ppl.report.diagram_svg import svg
from ppl.report.html import Page, page
from ppl.report.scatter import dependences, scatter
from ppl.report.table import label
from ppl.text import PplError

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

DENSITIES = 12
"""Single numbers that get a density each."""
LINES = 30
"""Numbers of an array that get an interval each."""
COLUMNS, PAIRS = 40, 6
"""Numbers among which dependences are sought, and how many pairs are shown."""


def report_page(fit: Fit) -> str:
    """Return the report of a fit as one HTML page."""
    joint = fit.joint
    return page(
        Page(
            fit.report(),
            fit.source.text,
            svg(diagram(joint.bound.graph, joint.bound)),
            _posterior(fit),
            _checks(fit),
            _reproduce(fit),
            _cross_validation(fit),
            _pairs(fit),
        )
    )


def _posterior(fit: Fit) -> list[str]:
    """Return densities of single numbers, then intervals of arrays."""
    single = [n for n in fit.facts.quantities if fit.values.weighted[n.name].ndim == 1]
    many = [n for n in fit.facts.quantities if fit.values.weighted[n.name].ndim > 1]
    return [_density(fit, n) for n in single[:DENSITIES]] + [_intervals(fit, n) for n in many]


def _density(fit: Fit, named: Named) -> str:
    quantity = fit[named.name]
    ends = float(quantity.quantile(0.05)), float(quantity.quantile(0.95))
    return plots.density(named.name, quantity.values, quantity.weights, ends)


def _intervals(fit: Fit, named: Named) -> str:
    quantity = fit[named.name]
    places = list(np.ndindex(quantity.shape))[:LINES]
    more = "" if len(places) == np.prod(quantity.shape) else f", the first {LINES}"
    chosen = [quantity.quantile(p) for p in (0.05, 0.5, 0.95)]
    numbers = [np.array([q[p] for p in places]) for q in chosen]
    labels = [label(named.name, named.axes, p) for p in places]
    return plots.intervals(f"{named.name}: median and central 90 %{more}", labels, *numbers)


def _pairs(fit: Fit) -> list[str]:
    """Return plots of the numbers that depend on each other most; what is computed is left out."""
    columns = []
    for named in fit.facts.quantities:
        if named.word == "latent":
            quantity = fit[named.name]
            draws = np.asarray(quantity.draws(), float)
            places = list(np.ndindex(quantity.shape))[:LINES]
            columns += [
                (label(named.name, named.axes, p), draws[(slice(None), *p)]) for p in places
            ]
    columns = columns[:COLUMNS]
    return [scatter(columns[j], columns[i]) for j, i in dependences(columns, PAIRS)]


def _checks(fit: Fit) -> list[str]:
    """Return a predictive check of everything observed; none where it cannot be drawn."""
    try:
        replicates = fit.simulate()
    except PplError:
        return []
    found = []
    for name, array in replicates.items():
        observed = _observed(fit, name)
        if observed is not None and observed.shape == array.shape[1:] and observed.size > 1:
            found.append(plots.predictive(name, observed.ravel(), array.reshape(len(array), -1)))
    return found


def _observed(fit: Fit, name: str) -> npt.NDArray[Any] | None:
    variable = fit.selection.variables.get(name)
    return None if variable is None else np.asarray(variable.values, dtype=float)


def _cross_validation(fit: Fit) -> str:
    try:
        return f"Leave-one-out: {loo(fit)}"
    except PplError:
        return ""


def _reproduce(fit: Fit) -> list[str]:
    settings = fit.settings
    data = "; ".join(
        f"{name} ({variable.origin}, SHA-256 {digest(variable)[:12]})"
        for name, variable in fit.selection.variables.items()
    )
    sizes = "".join(f" --set {name}={size}" for name, size in fit.sizes.items())
    return [
        f"ppl {fit.version}; the same seed gives the same numbers.",
        f"Data: {data or 'none'}.",
        f"ppl infer {fit.source.name} DATA --seed {settings.seed} --method {settings.method} "
        f"--guide {settings.guide} --draws {settings.draws}{sizes}",
    ]
