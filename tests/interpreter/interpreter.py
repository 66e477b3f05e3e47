"""What a model means, by brute force: the log joint from the syntax tree, number by number.

A second opinion on the compiler. It shares the parser with it and nothing else: every loop is run,
every position of every array is looked up, every state of a discrete latent is tried, every density
is SciPy's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from scipy.special import logsumexp

from ppl.syntax import tree
from tests.interpreter import densities
from tests.interpreter.expressions import Expressions
from tests.interpreter.functions import OPERATORS
from tests.interpreter.outline import Site, name_of
from tests.interpreter.space import Scope
from tests.interpreter.tables import (
    Cell,
    Misfit,
    Table,
    cells_of,
    each,
    meet,
    rows,
    scalar,
    spread,
    tabulate,
)


class Interpreter(Expressions):
    """A model with data; its `log_joint` is what the text says."""

    def arguments(self, call: tree.Call, scope: Scope) -> dict[str, Table]:
        """Return a distribution's arguments by name; a keyword takes the place of another."""
        name = call.function.id
        keywords = {k.name.id: self.read(k.value, scope) for k in call.keywords}
        order = [p for p in densities.ORDER[name] if p not in keywords]
        given = {p: self.read(a, scope) for p, a in zip(order, call.arguments, strict=False)}
        return {**given, **keywords}

    def densities(
        self, call: tree.Call, value: Table, scope: Scope, *, exact: bool = False
    ) -> Table:
        """Return the log densities of a distribution at values.

        With `exact` the arguments must not have axes that the value lacks.
        """
        name = call.function.id
        event = densities.EVENT.get(name, 0)
        depths = densities.VECTORS.get(name, {})
        arguments = self.arguments(call, scope)
        split = len(value.axes) - event
        if split < 0:
            raise Misfit(f"{name} needs a vector or a matrix")
        for k, table in arguments.items():
            if depths.get(k) == 1 and not table.axes and event:
                number = table.number
                arguments[k] = tabulate(value.axes[split:], lambda _, number=number: number)
        batches = [value.axes[:split]]
        for k, table in arguments.items():
            batches.append(table.axes[: len(table.axes) - depths.get(k, 0)])
        axes, places = meet(batches)
        if exact and len(axes) > split:
            raise Misfit("a likelihood is never broadcast silently")
        parts = [rows(value, event)]
        parts += [rows(t, depths.get(k, 0)) for k, t in arguments.items()]

        def entry(cell: Cell) -> float:
            x, *rest = (
                part[tuple(cell[p] for p in place)]
                for part, place in zip(parts, places, strict=True)
            )
            plain = {k: a if a.ndim else float(a) for k, a in zip(arguments, rest, strict=True)}
            return densities.log_density(name, x if x.ndim else float(x), plain)

        result = tabulate(axes, entry)
        if not exact:
            return result
        order = places[0]
        return tabulate(
            value.axes[:split],
            lambda cell: result.cells[tuple(cell[order.index(k)] for k in range(len(order)))],
        )

    def _bounds(self, site: tree.Sample, scope: Scope) -> list[tuple[str, Table]] | None:
        """Return the comparisons that a suffix stands for; None for a named set."""
        found: list[tuple[str, Table]] = []
        for one in site.constraints:
            match one:
                case tree.Bound(operator=operator, value=value):
                    found.append((operator, self.read(value, scope)))
                case tree.Interval(lower=lower, upper=upper, closed=closed):
                    found.append((">=" if closed else ">", self.read(lower, scope)))
                    found.append(("<=" if closed else "<", self.read(upper, scope)))
                case tree.Named(name=tree.Name(id="Positive")):
                    found.append((">", scalar(0.0)))
                case _:
                    return None
        return found

    def _log_norms(self, site: tree.Sample, place: Table, scope: Scope) -> Table | None:
        """Return the logs of the probabilities that truncation divides by."""
        bounds = self._bounds(site, scope)
        name = site.distribution.function.id
        if not bounds or name == "Flat":
            return None
        arguments = self.arguments(site.distribution, scope)
        operators = [o for o, _ in bounds]
        tables = [place, *(t for _, t in bounds), *arguments.values()]

        def entry(x: float, *numbers: float) -> float:
            inside = list(zip(operators, numbers, strict=False))
            given = dict(zip(arguments, numbers[len(operators) :], strict=True))
            if not all(OPERATORS[o](x, b) for o, b in inside):
                return math.inf
            return densities.log_probability(name, given, inside)

        return spread(each(entry, *tables), place.axes)

    def log_joint(self, values: Mapping[str, Any]) -> float:
        """Return the sum of the log densities of all observations and latents, and of the factors.

        Parameters
        ----------
        values
            Latents and learned parameters in the user's own space.
        """
        latents = [n for n in self.latents() if self.is_discrete(n)]
        shapes = {n: np.shape(values[n]) for n in latents}
        states = {n: self._states(n, values) for n in latents}
        cells = [(n, cell) for n in latents for cell in self._existing(n, shapes[n])]
        totals = []
        for assignment in product(*(range(states[n]) for n, _ in cells)):
            tried = {n: np.zeros(shapes[n]) for n in latents}
            for (name, cell), state in zip(cells, assignment, strict=True):
                tried[name][cell] = state
            totals.append(self._total({**values, **tried}))
        self.set_values(values)
        return totals[0] if len(totals) == 1 else float(logsumexp(totals))

    def _existing(self, name: str, shape: Cell) -> list[Cell]:
        """Return the positions of a discrete latent that exist and have a distribution."""
        cells = list(product(*map(range, shape)))
        if name not in self.targets:
            return cells
        sampled = self._sampled(name)
        return [c for c in cells if c in sampled]

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Take values for the names that neither the data nor ``=`` define."""
        self.values = values
        self.evaluated = {}

    def _total(self, values: Mapping[str, Any]) -> float:
        self.set_values(values)
        relevant = self.relevant()
        return math.fsum(t for site in self.sites for t in self._terms(site, relevant))

    def _states(self, name: str, values: Mapping[str, Any]) -> int:
        """Return how many states a discrete latent has, counted from 0."""
        self.set_values(values)
        sites = [s for s in self.sites if s.statement in self.samples(name)]
        return max(
            self._states_of(site.statement.distribution, scope)  # type: ignore[union-attr]
            for site in sites
            for scope in self._scopes(site)
        )

    def _states_of(self, call: tree.Call, scope: Scope) -> int:
        arguments = self.arguments(call, scope)
        match call.function.id:
            case "Bernoulli":
                return 2
            case "Categorical":
                (table,) = arguments.values()
                return table.axes[-1].size
            case "Binomial":
                return 1 + int(max(arguments["n"].cells.values()))
            case "DiscreteUniform":
                return 1 + int(max(arguments["b"].cells.values()))
            case other:
                raise Misfit(f"{other} has no last state")

    def _terms(self, site: Site, relevant: set[str]) -> Iterator[float]:
        statement = site.statement
        if isinstance(statement, tree.Define):
            return
        for scope in self._scopes(site):
            if isinstance(statement, tree.Factor):
                yield from self.read(statement.value, scope).cells.values()
                continue
            if isinstance(statement, tree.Require):
                met = all(self.read(statement.condition, scope).cells.values())
                yield 0.0 if met else -math.inf
                continue
            for target in statement.targets:
                name = name_of(target)
                observed = name is None or name in self.data or self._is_data_alone(name, site)
                if observed or name in relevant:
                    yield from self._sample_terms(site, target, scope)

    def _sample_terms(self, site: Site, target: tree.Expression, scope: Scope) -> Iterator[float]:
        statement = site.statement
        assert isinstance(statement, tree.Sample)
        name = name_of(target)
        local = name is not None and (site.blocks and (site.blocks[-1], name) in self.local)
        if name is None or local:
            value = self.read(target, scope)
        else:
            place = self._place(site, target, scope)
            value = tabulate(place.axes, lambda cell: self.cell(name, place.cell(cell)))
        terms = self.densities(statement.distribution, value, scope, exact=True)
        norms = self._log_norms(statement, value, scope)
        if norms is not None:
            terms = each(lambda a, b: a - b, terms, norms)
        if statement.weight is not None:
            weights = spread(self.read(statement.weight, scope), terms.axes)
            terms = each(lambda a, b: a * b, terms, weights)
        missing = {c for c, x in value.cells.items() if math.isnan(x)}
        for cell, term in terms.cells.items():
            if cell not in missing:
                yield term

    def coordinates(self, name: str, shape: tuple[int, ...]) -> list[Cell]:
        """Return positions of a latent that together say all of it: a density is over these."""
        kinds = self._kinds(name)
        cells = list(product(*map(range, shape)))
        if kinds & {"Dirichlet", "Simplex", "ZeroSum", "ICAR", "UnitVector"}:
            cells = [c for c in cells if c[-1] < shape[-1] - 1]
        if kinds & {"LKJCholesky", "CorrCholesky", "LKJ", "Correlation"}:
            cells = [c for c in cells if c[-1] < c[-2]]
        if kinds & {"CovCholesky", "Covariance"}:
            cells = [c for c in cells if c[-1] <= c[-2]]
        if name in self.targets:
            defined = self._cover(name)
            sampled = self._sampled(name)
            return [c for c in cells if c not in defined and c in sampled]
        (site,) = [self.local[block] for block, own in self.keys.items() if own == name]
        turns = set()
        for scope in self._scopes(site):
            firsts = [self._domain(loop.domain, scope)[1] for loop in site.loops]
            turns.add(
                tuple(n - first for n, first in zip(scope.plates.values(), firsts, strict=True))
            )
        return [c for c in cells if c[: len(site.loops)] in turns]

    def _sampled(self, name: str) -> set[Cell]:
        """Return the positions that statements with ``~`` cover: others do not exist."""
        places = [
            self._place(site, target, scope)
            for site, target in self.targets[name]
            if isinstance(site.statement, tree.Sample)
            for scope in self._scopes(site)
        ]
        return {p.cell(inner) for p in places for inner in cells_of(p.axes)}

    def log_surface(self, name: str, value: Any) -> float:
        """Return the log of the surface over which a density is, by the area of its coordinates.

        A plane through 0 on which numbers sum to 0 rises by the root of their count; a sphere by
        its last coordinate.
        """
        kinds = self._kinds(name)
        if kinds & {"ZeroSum", "ICAR"}:
            return 0.5 * math.log(np.shape(value)[-1]) * np.size(value) / np.shape(value)[-1]
        if kinds & {"UnitVector"}:
            return -float(np.sum(np.log(np.abs(np.asarray(value)[..., -1]))))
        return 0.0

    def _kinds(self, name: str) -> set[str]:
        samples = self.samples(name)
        kinds = {s.distribution.function.id for s in samples}
        return kinds | {
            c.name.id for s in samples for c in s.constraints if isinstance(c, tree.Named)
        }
