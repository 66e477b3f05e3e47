"""What the text says before anything is computed: statements, loops, names, roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.syntax import tree
from ppl.syntax.parse import parse
from ppl.text import Source
from tests.interpreter import densities

SETS = {"Simplex", "Ordered", "PositiveOrdered", "CorrCholesky", "CovCholesky", "Positive", "Real"}
SETS |= {"Integer", "Count", "ZeroSum", "UnitVector", "Correlation", "Covariance"}


@dataclass(frozen=True)
class Site:
    """A statement, the loops around it, and the numbers of the blocks that it stands in."""

    number: int
    statement: tree.Sample | tree.Define | tree.Factor | tree.Require
    loops: tuple[tree.Loop, ...]
    blocks: tuple[int, ...]


def name_of(target: tree.Expression) -> str | None:
    """Return the name that a target defines; None for an expression of data."""
    match target:
        case tree.Name(id=name) | tree.Index(base=tree.Name(id=name)):
            return name
        case _:
            return None


def names_in(part: Any) -> Iterator[str]:
    """Yield every name in a piece of the tree, functions' names too."""
    if isinstance(part, tree.Name):
        yield part.id
    elif isinstance(part, tree.Call) and part.function.id == "observed":
        return
    elif isinstance(part, tuple):
        for one in part:
            yield from names_in(one)
    elif hasattr(part, "__dataclass_fields__"):
        for attribute in part.__dataclass_fields__:
            if attribute != "span":
                yield from names_in(getattr(part, attribute))


class Outline:
    """The statements of a model, with the names that data are given for.

    Parameters
    ----------
    text
        The model.
    data
        Arrays by name, as the user has them.
    """

    def __init__(self, text: str, data: Mapping[str, Any]) -> None:
        self.data = {k: np.asarray(v, dtype=float) for k, v in data.items()}
        self.sites: list[Site] = []
        self.declared: dict[str, tree.Datum | tree.Parameter] = {}
        self.functions: dict[str, tree.Function] = {}
        self.dimensions: dict[str, tree.Expression | None] = {}
        self.local: dict[tuple[int, str], Site] = {}
        self.keys: dict[tuple[int, str], str] = {}
        self.targets: dict[str, list[tuple[Site, tree.Expression]]] = {}
        self.left_out: set[str] = set()
        self._collect(parse(Source("<model>", text)).statements, (), ())
        self._collect_targets()
        self._find_dimensions()

    def _collect(
        self,
        statements: tuple[tree.Statement, ...],
        loops: tuple[tree.Loop, ...],
        blocks: tuple[int, ...],
    ) -> None:
        for statement in statements:
            match statement:
                case tree.Dimensions(items=items):
                    for one in items:
                        self.dimensions[one.name.id] = one.size
                case tree.Data(items=declared) | tree.Parameters(items=declared):
                    for item in declared:
                        self.declared[item.name.id] = item
                case tree.For(loops=inner, body=body):
                    block = statement.span.start
                    self._collect(body, (*loops, *inner), (*blocks, block))
                case tree.Function(name=name):
                    self.functions[name.id] = statement
                case tree.Sample() | tree.Define() | tree.Factor() | tree.Require():
                    site = Site(len(self.sites), statement, loops, blocks)
                    self.sites.append(site)

    def _collect_targets(self) -> None:
        """Sort the names that statements define; some belong to one loop.

        A loop's own name bears a number where another name before it is the same.
        """
        for site in self.sites:
            for target in getattr(site.statement, "targets", ()):
                name = name_of(target)
                if name is None:
                    continue
                if isinstance(target, tree.Name) and site.blocks and name not in self.declared:
                    block = site.blocks[-1], name
                    taken = {*self.targets, *self.declared, *self.keys.values()}
                    numbered = (f"{name}@{k}" for k in range(2, 100))
                    self.keys[block] = next(k for k in (name, *numbered) if k not in taken)
                    self.local[block] = site
                else:
                    self.targets.setdefault(name, []).append((site, target))

    def _find_dimensions(self) -> None:
        """Add the dimensions that are declared by their first use."""
        found: set[str] = set()
        for item in self.declared.values():
            found |= set(names_in(item.axes))
        for site in self.sites:
            indices = {loop.index.id for loop in site.loops}
            found |= {d.domain.id for d in site.loops if isinstance(d.domain, tree.Name)}
            for target in getattr(site.statement, "targets", ()):
                if isinstance(target, tree.Index) and name_of(target) is not None:
                    for position in target.positions:
                        if isinstance(position, tree.Name) and position.id not in indices:
                            found.add(position.id)
        for item in self.declared.values():
            for one in item.constraints:
                if isinstance(one, tree.Named) and one.name.id not in SETS:
                    found.add(one.name.id)
        for name in sorted(found):
            self.dimensions.setdefault(name, None)

    # ------------------------------------------------------------------------------------- roles

    def _sites_of(self, name: str) -> list[Site]:
        found = [s for s, _ in self.targets.get(name, ())]
        found.extend(s for (_, local), s in self.local.items() if local == name)
        return found

    def mentioned(self) -> set[str]:
        """Return all names that stand somewhere on a right side or in brackets on the left."""
        found: set[str] = set()
        for site in self.sites:
            found |= self._reads(site)
        for function in self.functions.values():
            found |= set(names_in((function.definitions, function.result)))
        return found

    def _reads(self, site: Site) -> set[str]:
        statement = site.statement
        match statement:
            case tree.Sample(distribution=call, constraints=limits, weight=weight):
                found = set(names_in((call, limits, weight)))
            case tree.Define(value=value) | tree.Factor(value=value):
                found = set(names_in(value))
            case tree.Require(condition=condition):
                found = set(names_in(condition))
        for target in getattr(statement, "targets", ()):
            if isinstance(target, tree.Index) and name_of(target) is not None:
                found |= set(names_in(target.positions))
            elif name_of(target) is None:
                found |= set(names_in(target))
        inlined = front = found & self.functions.keys()
        while front:
            bodies = [(self.functions[n].definitions, self.functions[n].result) for n in front]
            found |= set(names_in(tuple(bodies)))
            front = (found & self.functions.keys()) - inlined
            inlined = inlined | front
        return found

    def is_observed(self, name: str) -> bool:
        """Return whether data are bound to a name with ``~``."""
        if name not in self.data:
            return False
        return isinstance(self.declared.get(name), tree.Datum) or name not in self.mentioned()

    def is_random(self, name: str) -> bool:
        """Return whether a name has a ``~``."""
        return any(isinstance(s.statement, tree.Sample) for s in self._sites_of(name))

    def relevant(self) -> set[str]:
        """Return the names with an observed descendant or a factor."""
        names = {*self.targets, *(n for _, n in self.local)}
        reached: set[str] = set()
        front: set[str] = set()
        for site in self.sites:
            seen = [name_of(t) for t in getattr(site.statement, "targets", ())]
            observed = any(
                n is None or n in self.data or self._is_data_alone(n, site) for n in seen
            )
            if isinstance(site.statement, tree.Factor | tree.Require) or (
                observed and isinstance(site.statement, tree.Sample)
            ):
                front |= self._reads(site)
        while front:
            reached |= front
            further: set[str] = set()
            for name in front & names:
                if name not in self.data:
                    for site in self._sites_of(name):
                        further |= self._reads(site)
            front = further - reached
        return reached - self.left_out

    def _is_data_alone(self, name: str, site: Site) -> bool:
        """Return whether ``=`` defines a name that a ``~`` observes."""
        return isinstance(site.statement, tree.Sample) and any(
            isinstance(s.statement, tree.Define) for s in self._sites_of(name)
        )

    def latents(self) -> list[str]:
        """Return the unobserved random names that the data speak of."""
        relevant = self.relevant()
        found = [n for n in self.targets if n in relevant and n not in self.data]
        own = [(b, n) for b, n in self.local if n in relevant]
        found = [n for n in found if self.is_random(n)]
        return found + [
            self.keys[key] for key in own if isinstance(self.local[key].statement, tree.Sample)
        ]

    def samples(self, key: str) -> list[tree.Sample]:
        """Return the ``~`` statements of a latent."""
        sites = [s for s, _ in self.targets.get(key, ())]
        sites += [self.local[block] for block, own in self.keys.items() if own == key]
        return [s.statement for s in sites if isinstance(s.statement, tree.Sample)]

    def is_discrete(self, key: str) -> bool:
        """Return whether a latent has states that are summed over."""
        kinds = {s.distribution.function.id for s in self.samples(key)}
        return kinds <= densities.DISCRETE
