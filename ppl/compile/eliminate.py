"""Discrete latents summed out exactly: variable elimination, planned when data are bound.

One algorithm for mixtures, networks, trees and chains. Two positions are *coupled* if a factor
speaks of both. Again and again, the cheapest of these steps is taken:

- positions of one name, no two of them coupled, are summed out side by side (a *batch*), which
  leaves a table on what each is coupled with;
- groups of positions that lie in *levels*, each coupled with its neighbours only, are summed out as
  chains, in time linear in their length: hidden Markov models of any order, coupled chains, grids.

The cost of a step counts positions, not names, and what every line of source costs by itself.

Koller & Friedman (2009), "Probabilistic Graphical Models", chapter 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ppl.compile.batches import Batch, batch_of, sum_out
from ppl.compile.coupling import Coupling, Variables, merged
from ppl.compile.levels import Levels, chain_of, levels_of
from ppl.compile.tables import Diagonal, Factor, Merge, Operation, Plan, TooLarge

LARGEST, LARGEST_TABLE = 2**26, 2**20
"""For each draw, a step's tables have at most so many entries in all, and each so many."""


def plan(
    factors: Iterable[Factor], states: Mapping[str, int], positions: Mapping[str, int]
) -> Plan:
    """Plan the elimination of all names.

    Parameters
    ----------
    factors
        All factors that speak of a discrete name.
    states, positions
        Numbers of states and of positions of each name.

    Raises
    ------
    TooLarge
        If some step needs a table that is too large.
    """
    variables = Variables.of(states, positions)
    operations: list[Operation] = []
    left: list[Factor] = []
    for factor in factors:
        parts = _without_repeats(factor, variables, operations)
        left.extend([_merged(part, variables, operations) for part in parts])
    serial = 0
    coupling = Coupling.of(left, variables)
    while coupling.alive.any():
        for step in _next(coupling):
            serial += 1
            key = f"without {step.names[0]}.{serial}"
            made: Sequence[tuple[Operation, Factor]]
            if isinstance(step, Batch):
                made, left = sum_out(step, left, variables, key)
            else:
                made, left = chain_of(step, left, variables, key)
            for operation, factor in made:
                operations.append(operation)
                left.append(_merged(factor, variables, operations))
        coupling = Coupling.of(left, variables)
    return Plan(tuple(operations), tuple(factor for factor in left if not factor.names))


def _next(coupling: Coupling) -> Sequence[Batch | Levels]:
    """Return the next steps: all of what is coupled with nothing, else the cheapest.

    Raises
    ------
    TooLarge
        If even the cheapest one is too large.
    """
    steps: list[Batch | Levels] = [
        batch
        for name in coupling.variables.names
        if (batch := batch_of(coupling, name)) is not None
    ]
    free = [s for s in steps if s.table < coupling.variables.states[s.names[0]] + 0.5]
    if free:
        return free
    steps.extend(levels_of(coupling))
    best = min(steps, key=lambda step: step.price)
    if best.entries > LARGEST or best.table > LARGEST_TABLE:
        raise TooLarge(best.names, best.entries)
    return [best]


def _without_repeats(
    factor: Factor, variables: Variables, operations: list[Operation]
) -> list[Factor]:
    """Split off the rows in which two axes are one and the same position."""
    count = len(factor.names)
    same = np.tile(np.arange(count), (len(factor.places), 1))
    for k in range(count):
        for first in range(k):
            if factor.names[first] == factor.names[k]:
                equal = factor.places[:, first] == factor.places[:, k]
                same[:, k] = np.where(equal, np.minimum(same[:, k], same[:, first]), same[:, k])
    patterns = np.unique(same, axis=0) if (same != np.arange(count)).any() else same[:0]
    if not len(patterns):
        return [factor]
    parts = []
    for pattern in patterns:
        rows = np.flatnonzero((same == pattern).all(axis=1))
        kept = [int(k) for k in dict.fromkeys(pattern)]
        places = factor.places[rows][:, kept]
        if len(kept) == count:
            taken = None if factor.repeated else rows
            parts.append(replace(factor, places=places, rows=taken))
            continue
        names = tuple(factor.names[k] for k in kept)
        axes = tuple(kept.index(int(k)) for k in pattern)
        sizes = tuple(variables.states[n] for n in factor.names)
        key = f"{factor.key}.{''.join(map(str, axes))}"
        operations.append(Diagonal(key, factor.key, None if factor.repeated else rows, axes, sizes))
        parts.append(Factor(key, names, places, factor.repeated))
    return parts


def _merged(factor: Factor, variables: Variables, operations: list[Operation]) -> Factor:
    """Add rows that speak of the same positions."""
    found = merged(factor, variables) if factor.names else None
    if found is None:
        return factor
    into, places = found
    counts = np.bincount(into, minlength=len(places)).astype(float) if factor.repeated else None
    key = f"{factor.key}.merged"
    operations.append(
        Merge(key, factor.key, factor.rows, into, len(places), len(factor.names), counts)
    )
    return Factor(key, factor.names, places, repeated=False)
