"""Which positions of discrete latents are coupled: the graph that an elimination works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ppl.compile.tables import Factor, Places

Edges = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Variables:
    """All positions of all names, numbered one after the other.

    Attributes
    ----------
    states
        Numbers of states by name.
    start
        The number of each name's first position.
    count
        Of positions.
    log_states
        Logarithm of the number of states of each position.
    name_of
        Which name (its number) each position belongs to.
    """

    states: Mapping[str, int]
    start: Mapping[str, int]
    count: int
    log_states: NDArray[np.float64]
    name_of: NDArray[np.intp]

    @classmethod
    def of(cls, states: Mapping[str, int], positions: Mapping[str, int]) -> Variables:
        """Number the positions of some names."""
        start, count = {}, 0
        for name in states:
            start[name] = count
            count += positions[name]
        sizes = [positions[n] for n in states]
        logs = np.repeat(np.log([float(k) for k in states.values()]), sizes)
        return cls(states, start, count, logs, np.repeat(np.arange(len(states)), sizes))

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(self.states)

    def numbers(self, factor: Factor) -> Places:
        """Return the numbers of the positions that a factor speaks of, (rows, axes)."""
        return factor.places + np.array([self.start[n] for n in factor.names], dtype=np.intp)

    def flat(self, numbers: Places) -> Places:
        """Return positions within their names."""
        starts = np.array([self.start[n] for n in self.states], dtype=np.intp)
        return numbers - starts[self.name_of[numbers]]


@dataclass(frozen=True, slots=True)
class Coupling:
    """The graph of the positions that are left.

    Attributes
    ----------
    variables
        All positions.
    alive
        Which are left, (positions,).
    edges
        Pairs of coupled positions, (edges, 2), the smaller number first.
    """

    variables: Variables
    alive: NDArray[np.bool_]
    edges: Edges

    @classmethod
    def of(cls, factors: Iterable[Factor], variables: Variables) -> Coupling:
        """Find what is coupled by some factors."""
        alive = np.zeros(variables.count, dtype=bool)
        codes: list[Places] = []
        for factor in factors:
            numbers = variables.numbers(factor) if factor.names else factor.places
            alive[numbers.ravel()] = True
            for j, k in combinations(range(len(factor.names)), 2):
                low = np.minimum(numbers[:, j], numbers[:, k])
                high = np.maximum(numbers[:, j], numbers[:, k])
                codes.append(low * variables.count + high)
        if not codes:
            return cls(variables, alive, np.empty((0, 2), dtype=np.intp))
        unique = np.unique(np.concatenate(codes))
        edges = np.stack(np.divmod(unique, variables.count), axis=1)
        return cls(variables, alive, edges)

    def log_sizes(self) -> NDArray[np.float64]:
        """Return, for each position, the log of the entries of the table that sums it out."""
        logs = self.variables.log_states
        low, high = self.edges.T
        count = self.variables.count
        around = np.bincount(low, logs[high], count) + np.bincount(high, logs[low], count)
        return logs + around

    def degrees(self) -> NDArray[np.intp]:
        """Return with how many others each position is coupled."""
        return np.bincount(self.edges.ravel(), minlength=self.variables.count)


def merged(factor: Factor, variables: Variables) -> tuple[Places, Places] | None:
    """Find rows that speak of the same positions: where each goes, and the places that are left.

    None where all rows differ.
    """
    if len(factor.places) <= 1:
        return None
    codes = _codes(variables.numbers(factor), variables.count)
    if np.all(codes[1:] > codes[:-1]):
        return None
    unique, first, into = np.unique(codes, return_index=True, return_inverse=True)
    if len(unique) == len(codes):
        return None
    return into.reshape(-1).astype(np.intp), factor.places[first]


def _codes(columns: Places, base: int) -> Places:
    """Return a number for each row, the same for the same rows, rising with the first column."""
    code = columns[:, 0].copy()
    top = base
    for k in range(1, columns.shape[1]):
        if top >= np.iinfo(np.intp).max // max(base, 1):
            code = np.unique(code, return_inverse=True)[1].reshape(-1)
            top = len(code)
        code = code * base + columns[:, k]
        top *= base
    return code


def same_rows(columns: Sequence[Places]) -> tuple[Places, Places]:
    """Return the distinct rows of a table of small numbers, and which each row is."""
    table = np.stack(columns, axis=1)
    unique, which = np.unique(table, axis=0, return_inverse=True)
    return unique, which.reshape(-1)
